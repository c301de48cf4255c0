//! The running task, as the kernel's own structures have it. Nothing of it is known where user space could not find
//! out the offsets.

use aya_ebpf::helpers::generated::{bpf_get_current_task, bpf_probe_read_kernel};
use kni_ebpf::control::UNKNOWN_OFFSET;
use kni_ebpf::record::{EXIT_CODE_KNOWN, EXIT_WHOLE, EXIT_WHOLE_KNOWN};

use crate::maps::TASK_OFFSETS;

/// `SIGNAL_GROUP_EXIT` of include/linux/sched/signal.h, 5.10 to 6.18.
const SIGNAL_GROUP_EXIT: u32 = 4;

/// Where the thread's own data are in user space (x86: the base of `fs`). What the kernel has noted at the last
/// change by a system call, or when the task was switched to, whichever was later.
#[inline(always)]
pub(crate) fn thread_pointer() -> Option<u64> {
    let mut pointer = 0u64;
    // SAFETY: eight bytes into a u64.
    unsafe { read((&raw mut pointer).cast(), 8, current(), TASK_OFFSETS.load().thread_pointer) }?;
    Some(pointer)
}

/// How the running task ends: its exit code, and `EXIT_*` flags.
///
/// `do_exit` (kernel/exit.c, 5.10 to 6.18) sets `exit_code` and takes the task out of `signal->live` before it
/// passes `sched_process_exit`. When threads end at once, more than one may see that none is left.
#[inline(always)]
pub(crate) fn end(is_leader: bool) -> (u64, u64) {
    let offsets = TASK_OFFSETS.load();
    let mut flags = 0;
    let task = current();
    let (Some(code), Some(signal)) = (word(task, offsets.exit_code), pointer(task, offsets.signal)) else {
        return (0, 0);
    };
    let (Some(live), Some(signal_flags)) = (word(signal, offsets.live), word(signal, offsets.signal_flags))
    else {
        return (u64::from(code), 0);
    };
    flags |= EXIT_WHOLE_KNOWN;
    if live == 0 {
        flags |= EXIT_WHOLE;
    }
    // A process that none of its threads has ended as a whole ends as its first thread did.
    if live != 0 || is_leader || signal_flags & SIGNAL_GROUP_EXIT != 0 {
        flags |= EXIT_CODE_KNOWN;
    }
    (u64::from(code), flags)
}

#[inline(always)]
fn current() -> u64 {
    // SAFETY: takes nothing, touches nothing.
    unsafe { bpf_get_current_task() }
}

#[inline(always)]
fn word(structure: u64, offset: u32) -> Option<u32> {
    let mut word = 0u32;
    // SAFETY: four bytes into a u32.
    unsafe { read((&raw mut word).cast(), 4, structure, offset) }?;
    Some(word)
}

#[inline(always)]
fn pointer(structure: u64, offset: u32) -> Option<u64> {
    let mut pointer = 0u64;
    // SAFETY: eight bytes into a u64.
    unsafe { read((&raw mut pointer).cast(), 8, structure, offset) }?;
    Some(pointer)
}

/// Copies `size` bytes of a kernel structure; `None` where that can't be done.
///
/// # Safety
/// `to` must have `size` bytes.
#[inline(always)]
unsafe fn read(to: *mut u8, size: u32, structure: u64, offset: u32) -> Option<()> {
    if offset == UNKNOWN_OFFSET {
        return None;
    }
    // SAFETY: the caller's promise; the helper checks the source.
    let status =
        unsafe { bpf_probe_read_kernel(to.cast(), size, (structure + u64::from(offset)) as *const _) };
    (status == 0).then_some(())
}
