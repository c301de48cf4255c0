//! Records of the ring buffer become events: every field is checked, nothing is transmuted.

use kni_ebpf::hook::Hook;
use kni_ebpf::kni::DEVICE_INFO_MAX;
use kni_ebpf::record::{
    COMM_MAX, DETAIL_MAX, FLAG_UNPAIRED, KIND_CALL, KIND_STEP, PHASE_ENTER, PHASE_RETURN, TEXT_MAX,
};

use crate::event::{Call, Event, Nanos, Phase, Read, Step, Task, What};
use crate::untrusted::Untrusted;

/// Why bytes are no record of this version.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DecodeError {
    /// Fewer bytes than a record of that kind has.
    #[error("a record of {length} bytes ends too early")]
    Short {
        /// How many there are.
        length: usize,
    },
    /// More bytes than a record of that kind has.
    #[error("a record of {length} bytes is longer than its kind allows")]
    Long {
        /// How many there are.
        length: usize,
    },
    /// No record is of that kind.
    #[error("no kind of record has the number {0}")]
    Kind(u16),
    /// No hook has that number, or a call names another hook than `ioctl`.
    #[error("no hook has the number {0} in a record of this kind")]
    Hook(u16),
    /// Neither entry nor return.
    #[error("no phase has the number {0}")]
    Phase(u16),
    /// More bytes of text than there is room for.
    #[error("a text of {0} bytes does not fit its record")]
    Text(i32),
}

/// The event that a record of the ring buffer tells of.
///
/// `bytes` is one whole record, in the machine's byte order: a [`kni_ebpf::record::Step`] or a
/// [`kni_ebpf::record::Call`].
pub fn decode(bytes: &[u8]) -> Result<Event, DecodeError> {
    let mut fields = Fields { all: bytes.len(), rest: bytes };
    let header = Header::read(&mut fields)?;
    let what = match header.kind {
        KIND_STEP => What::Step(step(&header, &mut fields)?),
        KIND_CALL => What::Call(call(&header, &mut fields)?),
        kind => return Err(DecodeError::Kind(kind)),
    };
    fields.end()?;
    Ok(Event { at: header.at, what })
}

fn step(header: &Header, fields: &mut Fields) -> Result<Step, DecodeError> {
    let value = fields.i64()?;
    let args = [fields.u64()?, fields.u64()?, fields.u64()?];
    let length = fields.i32()?;
    let rte_errno = fields.i32()?;
    let detail_length = fields.i32()?;
    let _reserved = fields.u32()?;
    let text = read(length, &fields.array::<TEXT_MAX>()?)?;
    let detail = read(detail_length, &fields.array::<DETAIL_MAX>()?)?;
    Ok(Step {
        hook: Hook::from_number(header.hook).ok_or(DecodeError::Hook(header.hook))?,
        task: header.task(),
        phase: header.phase(value)?,
        attempt: header.attempt(),
        args,
        text: text.until_nul(),
        detail: detail.until_nul(),
        rte_errno: (rte_errno >= 0).then_some(rte_errno),
    })
}

fn call(header: &Header, fields: &mut Fields) -> Result<Call, DecodeError> {
    if header.hook != Hook::Ioctl as u16 {
        return Err(DecodeError::Hook(header.hook));
    }
    let value = fields.i64()?;
    let _pointer = fields.u64()?;
    let fd = fields.i32()?;
    let cmd = fields.u32()?;
    let length = fields.i32()?;
    let _reserved = fields.u32()?;
    let info = read(length, &fields.array::<DEVICE_INFO_MAX>()?)?;
    Ok(Call { task: header.task(), phase: header.phase(value)?, attempt: header.attempt(), fd, cmd, info })
}

/// The first `length` of `bytes`, or what reading them failed with.
fn read(length: i32, bytes: &[u8]) -> Result<Read, DecodeError> {
    let Ok(wanted) = usize::try_from(length) else { return Ok(Read::Failed(length)) };
    bytes.get(..wanted).map(|bytes| Read::Bytes(bytes.into())).ok_or(DecodeError::Text(length))
}

impl Read {
    fn until_nul(self) -> Self {
        match self {
            Self::Bytes(bytes) => Self::Bytes(Untrusted::until_nul(bytes.as_bytes())),
            Self::Failed(errno) => Self::Failed(errno),
        }
    }
}

struct Header {
    kind: u16,
    hook: u16,
    phase: u16,
    flags: u16,
    at: Nanos,
    entered: Nanos,
    attempt: Nanos,
    pid: u32,
    tid: u32,
    comm: [u8; COMM_MAX],
}

impl Header {
    fn read(fields: &mut Fields) -> Result<Self, DecodeError> {
        Ok(Self {
            kind: fields.u16()?,
            hook: fields.u16()?,
            phase: fields.u16()?,
            flags: fields.u16()?,
            at: fields.u64()?,
            entered: fields.u64()?,
            attempt: fields.u64()?,
            pid: fields.u32()?,
            tid: fields.u32()?,
            comm: fields.array()?,
        })
    }

    fn task(&self) -> Task {
        Task { pid: self.pid, tid: self.tid, comm: Untrusted::until_nul(&self.comm) }
    }

    fn phase(&self, value: i64) -> Result<Phase, DecodeError> {
        match self.phase {
            PHASE_ENTER => Ok(Phase::Enter),
            PHASE_RETURN => Ok(Phase::Return { value, entered: self.entered() }),
            phase => Err(DecodeError::Phase(phase)),
        }
    }

    fn entered(&self) -> Option<Nanos> {
        (self.flags & FLAG_UNPAIRED == 0 && self.entered != 0).then_some(self.entered)
    }

    fn attempt(&self) -> Option<Nanos> {
        (self.attempt != 0).then_some(self.attempt)
    }
}

/// The fields of a record, one after the other: no struct of it has padding.
struct Fields<'a> {
    all: usize,
    rest: &'a [u8],
}

impl Fields<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (field, rest) =
            self.rest.split_first_chunk::<N>().ok_or(DecodeError::Short { length: self.all })?;
        self.rest = rest;
        Ok(*field)
    }

    fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_ne_bytes)
    }

    fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_ne_bytes)
    }

    fn i32(&mut self) -> Result<i32, DecodeError> {
        self.array().map(i32::from_ne_bytes)
    }

    fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_ne_bytes)
    }

    fn i64(&mut self) -> Result<i64, DecodeError> {
        self.array().map(i64::from_ne_bytes)
    }

    /// The ring buffer rounds a record's place up to eight bytes, and never its length.
    fn end(&self) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DecodeError::Long { length: self.all }) }
    }
}

#[cfg(test)]
mod tests;
