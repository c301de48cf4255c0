//! What the end of a task says of its process.

use kni_ebpf::record::{EXIT_CODE_KNOWN, EXIT_WHOLE, EXIT_WHOLE_KNOWN};

use crate::event::Step;
use crate::report::ProcessEnd;

/// The end of a task.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Ending {
    /// The whole process ends with it.
    pub(super) whole: bool,
    /// That is certain: no thread of it is left.
    pub(super) certain: bool,
    /// How the process ends, if it is known that this is its end and no single thread's.
    pub(super) process: Option<ProcessEnd>,
}

impl Ending {
    /// What an `Exit` step says.
    pub(super) fn of(step: &Step) -> Self {
        let [code, bits, _] = step.args;
        let certain = bits & EXIT_WHOLE_KNOWN != 0 && bits & EXIT_WHOLE != 0;
        let whole = step.ends_process();
        let end = (bits & EXIT_CODE_KNOWN != 0).then(|| decode(code));
        // A fatal signal takes all threads. A thread that ends alone ends with 0 (`pthread_exit`).
        let of_process = |end: &ProcessEnd| whole || end.signal.is_some() || end.status != Some(0);
        Self { whole, certain, process: end.filter(of_process) }
    }
}

/// `task_struct.exit_code` as `wait(2)` reports it (`kernel/exit.c`): the signal, a bit for the dump, the status.
fn decode(code: u64) -> ProcessEnd {
    let part = |bits: u64| i32::try_from(bits).unwrap_or_default();
    let signal = Some(part(code & 0x7f)).filter(|signal| *signal != 0);
    let status = signal.is_none().then(|| part(code >> 8 & 0xff));
    ProcessEnd { status, signal, core_dumped: signal.is_some() && code & 0x80 != 0 }
}

#[cfg(test)]
mod tests {
    use kni_ebpf::hook::Hook;
    use kni_ebpf::record::{EXIT_CODE_KNOWN, EXIT_WHOLE, EXIT_WHOLE_KNOWN};

    use super::{Ending, decode};
    use crate::event::{Phase, Read, Step, Task};
    use crate::report::ProcessEnd;

    #[test]
    fn an_exit_code_is_a_status_or_a_signal() {
        let end = |status, signal, core_dumped| ProcessEnd { status, signal, core_dumped };
        for (code, expected) in [
            (0, end(Some(0), None, false)),
            (0x100, end(Some(1), None, false)),
            (0xff00, end(Some(255), None, false)),
            (9, end(None, Some(9), false)),
            (0x86, end(None, Some(6), true)),
            (0xffff_ffff_ffff_ff00, end(Some(255), None, false)),
        ] {
            assert_eq!(decode(code), expected, "{code:#x}");
        }
    }

    #[test]
    fn a_process_ends_with_its_last_thread_or_where_that_is_not_known_with_its_first() {
        let known = EXIT_CODE_KNOWN | EXIT_WHOLE_KNOWN;
        for (tid, code, bits, whole, end) in [
            (7, 0, 0, true, false),
            (8, 0, 0, false, false),
            (7, 0x100, EXIT_CODE_KNOWN, true, true),
            (7, 0, known, false, false),
            (8, 0, known | EXIT_WHOLE, true, true),
            // Dying of a signal is nothing that a thread does alone; nor is exit(1) of another thread.
            (8, 11, known, false, true),
            (8, 0x100, known, false, true),
            (8, 11, EXIT_WHOLE_KNOWN, false, false),
        ] {
            let ending = Ending::of(&Step {
                hook: Hook::Exit,
                task: Task { pid: 7, tid, comm: "a".into() },
                phase: Phase::Enter,
                attempt: None,
                args: [code, bits, 0],
                text: Read::default(),
                detail: Read::default(),
                rte_errno: None,
            });
            assert_eq!((ending.whole, ending.process.is_some()), (whole, end), "{tid} {code} {bits}");
            assert_eq!(ending.certain, bits & EXIT_WHOLE != 0);
        }
    }
}
