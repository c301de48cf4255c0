//! The running task, as the kernel's own structures have it. Nothing of it is known where user space could not find
//! out the offsets.

use aya_ebpf::helpers::generated::bpf_get_current_task;
use kni_ebpf::record::{EXIT_CODE_KNOWN, EXIT_WHOLE, EXIT_WHOLE_KNOWN};

use crate::maps::TASK_OFFSETS;
use crate::memory::{kernel_pointer, kernel_word};

/// `SIGNAL_GROUP_EXIT` of include/linux/sched/signal.h, 5.10 to 6.18.
const SIGNAL_GROUP_EXIT: u32 = 4;

/// Where the thread's own data are in user space (x86: the base of `fs`). What the kernel has noted at the last
/// change by a system call, or when the task was switched to, whichever was later.
#[inline(always)]
pub(crate) fn thread_pointer() -> Option<u64> {
    kernel_pointer(current(), TASK_OFFSETS.load().thread_pointer)
}

/// Where its `struct net` is: its network namespace.
#[inline(always)]
pub(crate) fn net() -> Option<u64> {
    let offsets = TASK_OFFSETS.load();
    kernel_pointer(kernel_pointer(current(), offsets.namespaces)?, offsets.net)
}

/// How the running task ends: its exit code, and `EXIT_*` flags. With the last task of a process: the process's.
///
/// `do_exit` (kernel/exit.c, 5.10 to 6.18) sets `exit_code` and takes the task out of `signal->live` before it
/// passes `sched_process_exit`. When threads end at once, more than one may see that none is left.
#[inline(always)]
pub(crate) fn end(is_leader: bool) -> (u64, u64) {
    let offsets = TASK_OFFSETS.load();
    let task = current();
    let Some(code) = kernel_word(task, offsets.exit_code) else { return (0, 0) };
    let Some(signal) = kernel_pointer(task, offsets.signal) else { return (0, 0) };
    let Some(live) = kernel_word(signal, offsets.live) else { return (0, 0) };
    if live != 0 {
        return (u64::from(code), EXIT_CODE_KNOWN | EXIT_WHOLE_KNOWN);
    }
    let whole = EXIT_WHOLE_KNOWN | EXIT_WHOLE;
    // What the parent is told is the code of the process, if it has ended as one, else its first thread's
    // (`wait_task_zombie`).
    let ended_as_one = kernel_word(signal, offsets.signal_flags).map(|flags| flags & SIGNAL_GROUP_EXIT != 0);
    match (ended_as_one, kernel_word(signal, offsets.group_exit_code)) {
        (Some(true), Some(code)) => (u64::from(code), EXIT_CODE_KNOWN | whole),
        (Some(false), _) if is_leader => (u64::from(code), EXIT_CODE_KNOWN | whole),
        _ => (0, whole),
    }
}

#[inline(always)]
fn current() -> u64 {
    // SAFETY: takes nothing, touches nothing.
    unsafe { bpf_get_current_task() }
}
