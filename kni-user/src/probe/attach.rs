//! Attaching what was planned, and saying why something can't be.

use std::error::Error as _;
use std::io;
use std::path::Path;
use std::thread::JoinHandle;

use aya::Ebpf;
use aya::programs::KProbe;
use aya::programs::kprobe::KProbeLink;
use aya::programs::trace_point::TracePointLink;
use aya::programs::uprobe::{UProbeLink, UProbeScope};
use aya::programs::{Program, ProgramError};
use perf_event::Counter;
use thiserror::Error;

use super::address;
use super::plan::{Attachment, Part, Place};
use crate::host::tracefs;

/// An attachment. It lasts until it is dropped, and dropping it waits for the kernel: tens of milliseconds.
#[derive(Debug)]
#[expect(dead_code, reason = "a link is held, not looked at")]
pub(super) enum Link {
    Kernel(KProbeLink),
    Address(Counter),
    User(UProbeLink),
    Tracepoint(TracePointLink),
}

/// Why something can't be attached.
#[derive(Debug, Error)]
pub(super) enum AttachError {
    #[error("this kernel has no tracepoint {0}")]
    NoTracepoint(String),
    #[error(
        "tracefs can't be read as far as {0}: it takes root or CAP_DAC_READ_SEARCH, or let a group in: mount -o \
         remount,mode=750,gid=GROUP /sys/kernel/tracing"
    )]
    Unreadable(String),
    #[error("the tracepoint {tracepoint} has no {field} at byte {offset} on this kernel")]
    OtherFormat { tracepoint: String, field: &'static str, offset: u32 },
    #[error("there is no function {0} that can be probed")]
    NoFunction(String),
    #[error("the kernel refuses to probe {0}: it takes CAP_PERFMON (or root), and no lockdown")]
    Denied(String),
    #[error(
        "the kernel refuses to probe programs and libraries: since Linux 6.16, and in its stable releases since 2025, \
         it takes CAP_SYS_ADMIN (or root)"
    )]
    DeniedUser,
    #[error("the kernel's verifier refuses the program {program}: {error}")]
    Refused { program: String, error: String },
    #[error("cannot attach to {place}: {error}")]
    Failed { place: String, error: String },
}

/// Attaches all parts of `attachment`, or none.
///
/// What was attached before a part failed comes back with the error, because letting go of it takes long.
pub(super) fn attach(
    object: &mut Ebpf,
    attachment: &Attachment,
    tracefs: Option<&Path>,
) -> Result<Vec<Link>, (AttachError, Vec<Link>)> {
    let mut links = Vec::with_capacity(attachment.parts.len());
    for part in &attachment.parts {
        match attach_part(object, part, tracefs) {
            Ok(link) => links.extend(link),
            Err(error) => return Err((error, links)),
        }
    }
    Ok(links)
}

/// Does all for `attachment` but attach it, so that it can be attached in no time.
pub(super) fn prepare(
    object: &mut Ebpf,
    attachment: &Attachment,
    tracefs: Option<&Path>,
) -> Result<Vec<Link>, (AttachError, Vec<Link>)> {
    let ready = attachment.parts.iter().try_for_each(|part| make_ready(object, part, tracefs).map(drop));
    ready.map(|()| Vec::new()).map_err(|error| (error, Vec::new()))
}

/// `None` for an optional part that isn't there.
fn attach_part(object: &mut Ebpf, part: &Part, tracefs: Option<&Path>) -> Result<Option<Link>, AttachError> {
    let Some(name) = make_ready(object, part, tracefs)? else { return Ok(None) };
    let program = object.program_mut(name).ok_or_else(|| no_program(name))?;
    attach_program(program, &part.place).map(Some).map_err(|error| classify(&part.place, &error))
}

/// Checks the place and loads the program: its name, or `None` for an optional part that isn't there.
fn make_ready(
    object: &mut Ebpf,
    part: &Part,
    tracefs: Option<&Path>,
) -> Result<Option<&'static str>, AttachError> {
    if let Place::Tracepoint { category, name, fields, optional } = &part.place {
        match check_format(tracefs, category, name, fields) {
            Err(AttachError::NoTracepoint(_)) if *optional => return Ok(None),
            checked => checked?,
        }
    }
    load_first(object, &part.programs).map(Some)
}

fn attach_program(program: &mut Program, place: &Place) -> Result<Link, ProgramError> {
    match (program, place) {
        (Program::TracePoint(program), Place::Tracepoint { category, name, .. }) => {
            let id = program.attach(category, name)?;
            program.take_link(id).map(Link::Tracepoint)
        }
        (Program::KProbe(program), Place::Kernel { symbol, address }) => {
            if let Some(link) = address.and_then(|address| at_address(program, symbol, address)) {
                return Ok(link);
            }
            let id = program.attach(symbol, 0)?;
            program.take_link(id).map(Link::Kernel)
        }
        (Program::UProbe(program), Place::File { path, offset }) => {
            let id = program.attach(*offset, path, UProbeScope::AllProcesses)?;
            program.take_link(id).map(Link::User)
        }
        _ => Err(ProgramError::UnexpectedProgramType),
    }
}

/// `None`: the kernel had better look for the function by its name.
fn at_address(program: &KProbe, symbol: &str, address: u64) -> Option<Link> {
    match address::attach(program, address) {
        Ok(counter) => Some(Link::Address(counter)),
        Err(error) => {
            log::debug!("{symbol} can't be probed at {address:#x}: {error}");
            None
        }
    }
}

/// Loads the first of `names` that the kernel accepts, unless one is loaded already.
pub(super) fn load_first(object: &mut Ebpf, names: &[&'static str]) -> Result<&'static str, AttachError> {
    let mut refused = None;
    for name in names {
        match load(object, name) {
            Ok(()) => return Ok(name),
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    Err(refused.unwrap_or_else(|| no_program("?")))
}

fn load(object: &mut Ebpf, name: &str) -> Result<(), AttachError> {
    let program = object.program_mut(name).ok_or_else(|| no_program(name))?;
    let loaded = match program {
        Program::TracePoint(program) => program.load(),
        Program::KProbe(program) => program.load(),
        Program::UProbe(program) => program.load(),
        _ => Err(ProgramError::UnexpectedProgramType),
    };
    match loaded {
        Ok(()) | Err(ProgramError::AlreadyLoaded) => Ok(()),
        Err(ProgramError::LoadError { io_error, verifier_log }) => {
            log::debug!("{name} is refused: {io_error}\n{verifier_log}");
            Err(AttachError::Refused { program: name.to_owned(), error: io_error.to_string() })
        }
        Err(error) => Err(AttachError::Refused { program: name.to_owned(), error: error.to_string() }),
    }
}

/// A mistake of this program's own: the object and `spec` name different things.
fn no_program(name: &str) -> AttachError {
    AttachError::Refused { program: name.to_owned(), error: "the object has no such program".to_owned() }
}

/// Compares what the program reads with what the kernel writes.
fn check_format(
    tracefs: Option<&Path>,
    category: &str,
    name: &str,
    wanted: &[(&'static str, u32)],
) -> Result<(), AttachError> {
    let tracepoint = format!("{category}:{name}");
    let fields = match tracefs.map(|tracefs| tracefs::fields(tracefs, category, name)) {
        Some(Ok(fields)) => fields,
        Some(Err(error)) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Err(AttachError::Unreadable(tracepoint));
        }
        Some(Err(_)) | None => return Err(AttachError::NoTracepoint(tracepoint)),
    };
    for (field, offset) in wanted {
        if !fields.iter().any(|(name, at)| name == field && at == offset) {
            return Err(AttachError::OtherFormat { tracepoint, field, offset: *offset });
        }
    }
    Ok(())
}

fn classify(place: &Place, error: &ProgramError) -> AttachError {
    let shown = match place {
        Place::Tracepoint { category, name, .. } => format!("{category}:{name}"),
        Place::Kernel { symbol, .. } => symbol.clone(),
        Place::File { path, offset } => format!("{}+{offset:#x}", path.display()),
    };
    match (place, io_error(error).and_then(io::Error::raw_os_error)) {
        // CAP_PERFMON is there, or no program would have been loaded (`perf_uprobe_event_init`, kernel/events/core.c:
        // CAP_PERFMON from 5.8 on, CAP_SYS_ADMIN since 6.16 and its backports).
        (Place::File { .. }, Some(libc::EPERM | libc::EACCES)) => AttachError::DeniedUser,
        (_, Some(libc::EPERM | libc::EACCES)) => AttachError::Denied(shown),
        // EINVAL: the function is there and must not be probed; EADDRNOTAVAIL: several of that name (since 6.6).
        (Place::Kernel { .. }, Some(libc::ENOENT | libc::EINVAL | libc::EADDRNOTAVAIL)) => {
            AttachError::NoFunction(shown)
        }
        _ => AttachError::Failed { place: shown, error: chain(error) },
    }
}

/// The system's error at the root of `error`.
fn io_error(error: &ProgramError) -> Option<&io::Error> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(error);
        }
        source = error.source();
    }
    None
}

/// An error and its causes, in one line.
fn chain(error: &ProgramError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

/// Closes links without having anybody wait for it; the thread that does, unless there is nothing to close.
pub(super) fn let_go(links: Vec<Link>) -> Option<JoinHandle<()>> {
    (!links.is_empty()).then(|| std::thread::spawn(move || drop(links)))
}
