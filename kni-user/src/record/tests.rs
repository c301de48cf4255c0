use kni_ebpf::hook::Hook;
use kni_ebpf::kni::DEVICE_INFO_MAX;
use kni_ebpf::record::{
    DETAIL_MAX, FLAG_UNPAIRED, KIND_CALL, KIND_STEP, PHASE_ENTER, PHASE_RETURN, TEXT_MAX, UNKNOWN_ERRNO,
};
use proptest::prelude::*;

use super::{DecodeError, decode};
use crate::event::{Call, Event, Phase, Read, Step, Task, What};
use crate::untrusted::Untrusted;

/// The bytes of a record, field after field as `kni_ebpf::record` lays them out.
fn encode(event: &Event) -> Vec<u8> {
    let mut bytes = Vec::new();
    match &event.what {
        What::Step(step) => {
            header(&mut bytes, event.at, KIND_STEP, step.hook, &step.task, step.phase, step.attempt);
            bytes.extend(value(step.phase).to_ne_bytes());
            step.args.iter().for_each(|arg| bytes.extend(arg.to_ne_bytes()));
            let (length, text) = read_bytes(&step.text);
            let (detail_length, detail) = read_bytes(&step.detail);
            bytes.extend(length.to_ne_bytes());
            bytes.extend(step.rte_errno.unwrap_or(UNKNOWN_ERRNO).to_ne_bytes());
            bytes.extend(detail_length.to_ne_bytes());
            bytes.extend(0u32.to_ne_bytes());
            padded(&mut bytes, text, TEXT_MAX);
            padded(&mut bytes, detail, DETAIL_MAX);
        }
        What::Call(call) => {
            header(&mut bytes, event.at, KIND_CALL, Hook::Ioctl, &call.task, call.phase, call.attempt);
            bytes.extend(value(call.phase).to_ne_bytes());
            bytes.extend(0u64.to_ne_bytes());
            bytes.extend(call.fd.to_ne_bytes());
            bytes.extend(call.cmd.to_ne_bytes());
            memory(&mut bytes, &call.info, DEVICE_INFO_MAX);
        }
        other => panic!("{other:?} is no record"),
    }
    bytes
}

fn header(
    bytes: &mut Vec<u8>,
    at: u64,
    kind: u16,
    hook: Hook,
    task: &Task,
    phase: Phase,
    attempt: Option<u64>,
) {
    let (phase, flags, entered) = match phase {
        Phase::Enter => (PHASE_ENTER, 0, 0),
        Phase::Return { entered: Some(entered), .. } => (PHASE_RETURN, 0, entered),
        Phase::Return { entered: None, .. } => (PHASE_RETURN, FLAG_UNPAIRED, 0),
    };
    for field in [kind, hook as u16, phase, flags] {
        bytes.extend(field.to_ne_bytes());
    }
    for field in [at, entered, attempt.unwrap_or(0)] {
        bytes.extend(field.to_ne_bytes());
    }
    bytes.extend(task.pid.to_ne_bytes());
    bytes.extend(task.tid.to_ne_bytes());
    padded(bytes, task.comm.as_bytes(), 16);
}

fn value(phase: Phase) -> i64 {
    match phase {
        Phase::Enter => 0,
        Phase::Return { value, .. } => value,
    }
}

/// The length and the bytes of what was read.
fn read_bytes(read: &Read) -> (i32, &[u8]) {
    match read {
        Read::Bytes(content) => (i32::try_from(content.as_bytes().len()).unwrap(), content.as_bytes()),
        Read::Failed(errno) => (*errno, &[]),
    }
}

fn memory(bytes: &mut Vec<u8>, read: &Read, room: usize) {
    let (length, content) = read_bytes(read);
    bytes.extend(length.to_ne_bytes());
    bytes.extend(0u32.to_ne_bytes());
    padded(bytes, content, room);
}

fn padded(bytes: &mut Vec<u8>, content: &[u8], room: usize) {
    bytes.extend(content);
    bytes.resize(bytes.len() + room - content.len(), 0);
}

fn task() -> impl Strategy<Value = Task> {
    (any::<u32>(), any::<u32>(), string(15)).prop_map(|(pid, tid, comm)| Task { pid, tid, comm })
}

/// Bytes without a NUL.
fn string(most: usize) -> impl Strategy<Value = Untrusted> {
    proptest::collection::vec(1..=u8::MAX, 0..=most).prop_map(|bytes| bytes.as_slice().into())
}

fn phase() -> impl Strategy<Value = Phase> {
    let entered = proptest::option::of(1..=u64::MAX);
    prop_oneof![
        Just(Phase::Enter),
        (any::<i64>(), entered).prop_map(|(value, entered)| Phase::Return { value, entered }),
    ]
}

fn read(bytes: impl Strategy<Value = Untrusted>) -> impl Strategy<Value = Read> {
    prop_oneof![bytes.prop_map(Read::Bytes), (i32::MIN..0).prop_map(Read::Failed)]
}

fn attempt() -> impl Strategy<Value = Option<u64>> {
    proptest::option::of(1..=u64::MAX)
}

fn step() -> impl Strategy<Value = What> {
    let hook = proptest::sample::select(Hook::ALL.as_slice());
    let texts = (read(string(TEXT_MAX)), read(string(DETAIL_MAX)));
    let rte_errno = proptest::option::of(0..=i32::MAX);
    (hook, task(), phase(), attempt(), any::<[u64; 3]>(), texts, rte_errno).prop_map(
        |(hook, task, phase, attempt, args, (text, detail), rte_errno)| {
            What::Step(Step { hook, task, phase, attempt, args, text, detail, rte_errno })
        },
    )
}

fn call() -> impl Strategy<Value = What> {
    let info = proptest::collection::vec(any::<u8>(), 0..=DEVICE_INFO_MAX)
        .prop_map(|bytes| Untrusted::from(bytes.as_slice()));
    (task(), phase(), attempt(), any::<i32>(), any::<u32>(), read(info)).prop_map(
        |(task, phase, attempt, fd, cmd, info)| What::Call(Call { task, phase, attempt, fd, cmd, info }),
    )
}

fn record() -> impl Strategy<Value = Event> {
    (any::<u64>(), prop_oneof![step(), call()]).prop_map(|(at, what)| Event { at, what })
}

proptest! {
    #[test]
    fn what_was_encoded_is_decoded(event in record()) {
        prop_assert_eq!(decode(&encode(&event)), Ok(event));
    }

    #[test]
    fn a_record_cut_short_or_grown_is_refused(event in record(), cut in 1usize..88, grown in 1usize..64) {
        let mut bytes = encode(&event);
        let length = bytes.len() - cut;
        prop_assert_eq!(decode(&bytes[..length]), Err(DecodeError::Short { length }));
        bytes.resize(bytes.len() + grown, 0);
        prop_assert_eq!(decode(&bytes), Err(DecodeError::Long { length: bytes.len() }));
    }

    #[test]
    fn arbitrary_bytes_are_decoded_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        drop(decode(&bytes));
    }

    #[test]
    fn a_record_with_any_byte_changed_is_decoded_or_refused(
        event in record(), place in 0usize..224, byte in any::<u8>(),
    ) {
        let mut bytes = encode(&event);
        bytes[place] = byte;
        drop(decode(&bytes));
    }
}

#[test]
fn each_impossible_field_is_named() {
    let task = Task { pid: 1, tid: 1, comm: "a".into() };
    let text = Read::Bytes("vEth0".into());
    let step = Step {
        hook: Hook::Open,
        task,
        phase: Phase::Enter,
        attempt: None,
        args: [0; 3],
        text,
        detail: Read::default(),
        rte_errno: None,
    };
    let good = encode(&Event { at: 1, what: What::Step(step) });
    for (place, with, error) in [
        (0, 9u16.to_ne_bytes().to_vec(), DecodeError::Kind(9)),
        (2, 0u16.to_ne_bytes().to_vec(), DecodeError::Hook(0)),
        (4, 2u16.to_ne_bytes().to_vec(), DecodeError::Phase(2)),
        (88, 129i32.to_ne_bytes().to_vec(), DecodeError::Text(129)),
    ] {
        let mut bytes = good.clone();
        bytes[place..place + with.len()].copy_from_slice(&with);
        assert_eq!(decode(&bytes), Err(error), "at {place}");
    }
}

#[test]
fn a_call_of_another_hook_than_ioctl_is_refused() {
    let task = Task { pid: 1, tid: 1, comm: "a".into() };
    let call = Call { task, phase: Phase::Enter, attempt: None, fd: 3, cmd: 2, info: Read::Failed(-14) };
    let mut bytes = encode(&Event { at: 1, what: What::Call(call) });
    bytes[2..4].copy_from_slice(&(Hook::Open as u16).to_ne_bytes());
    assert_eq!(decode(&bytes), Err(DecodeError::Hook(Hook::Open as u16)));
}
