//! The one way out of every program: a run is wanted or not, and ends in one counted outcome.

use core::arch::asm;
use core::mem::size_of;

use aya_ebpf::bindings::{BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP};
use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use aya_ebpf::helpers::generated::{bpf_get_current_comm, bpf_ktime_get_ns};
use kni_ebpf::control;
use kni_ebpf::counter::{Outcome, SLOTS, slot};
use kni_ebpf::hook::Hook;
use kni_ebpf::record::{COMM_MAX, Call, Header, KIND_CALL, KIND_STEP, PHASE_RETURN, Step, UNKNOWN_ERRNO};

use crate::maps::{CONTROL, COUNTERS, RINGBUF};

/// Who runs into which hook, and when.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) hook: Hook,
    pub(crate) at: u64,
    pub(crate) pid: u32,
    pub(crate) tid: u32,
    /// What tells an entry of the hook from another, and whose return a return is: in user space the caller's stack
    /// pointer; mostly 0.
    pub(crate) mark: u64,
}

/// Runs `body` if the run is wanted and user space has armed the hooks, and counts what became of it.
///
/// `wanted` comes first: all that an unrelated event costs is that test and the count.
#[inline(always)]
pub(crate) fn observe(
    hook: Hook,
    wanted: impl FnOnce() -> bool,
    body: impl FnOnce(&Moment) -> Outcome,
) -> u32 {
    observe_on(hook, 0, wanted, body)
}

/// The same for a function whose entry and return are paired by `mark`.
#[inline(always)]
pub(crate) fn observe_on(
    hook: Hook,
    mark: u64,
    wanted: impl FnOnce() -> bool,
    body: impl FnOnce(&Moment) -> Outcome,
) -> u32 {
    let outcome = if wanted() && armed() { body(&Moment::now(hook, mark)) } else { Outcome::Filtered };
    count(hook, outcome);
    0
}

impl Moment {
    #[inline(always)]
    fn now(hook: Hook, mark: u64) -> Self {
        let task = bpf_get_current_pid_tgid();
        // SAFETY: takes nothing, touches nothing.
        let at = unsafe { bpf_ktime_get_ns() };
        Self { hook, at, pid: (task >> 32) as u32, tid: task as u32, mark }
    }
}

/// Whether user space has armed the hooks.
#[inline(always)]
pub(crate) fn armed() -> bool {
    CONTROL.get(control::ARMED).is_some_and(|armed| *armed != 0)
}

/// Adds one to a counter of this CPU.
#[inline(always)]
pub(crate) fn count(hook: Hook, outcome: Outcome) {
    let Some(counters) = COUNTERS.get_ptr_mut(0) else { return };
    let slot = slot(hook, outcome);
    // So that the verifier sees it too.
    if slot >= SLOTS {
        return;
    }
    // SAFETY: within the map's one value, which has that many counters.
    let counter = unsafe { counters.cast::<u64>().add(slot as usize) };
    if may_be_preempted(hook) {
        // SAFETY: an atomic addition to the map's value, which is valid and aligned. core has no
        // read-modify-write atomics for this target.
        unsafe { asm!("lock *(u64 *)({at} + 0) += {one}", at = in(reg) counter, one = in(reg) 1u64) };
    } else {
        // SAFETY: as above; and nothing else runs on this CPU meanwhile that counts here.
        unsafe { *counter = (*counter).wrapping_add(1) };
    }
}

/// Whether another task can run into the same hook on this CPU while the program runs.
///
/// Tracepoints and kprobes run with preemption off. uprobes are merely kept on their CPU (since 5.19:
/// `bpf_prog_run_array_uprobe`, kernel/trace/trace_uprobe.c).
#[inline(always)]
const fn may_be_preempted(hook: Hook) -> bool {
    matches!(
        hook,
        Hook::LibraryInit
            | Hook::LibraryAlloc
            | Hook::LibraryRelease
            | Hook::MemzoneLookup
            | Hook::MemzoneReserve
            | Hook::LibraryLog
            | Hook::LibraryClose
            | Hook::TailqLock
            | Hook::IovaMode
            | Hook::Panic
            | Hook::PoolCreate
            | Hook::MempoolCreate
            | Hook::RingCreate
    )
}

/// Whether user space is woken for it: something may have ended, or has to be attached to or looked up at once.
/// The steps between are read with the next that does, or when time has passed: each time that the reader is
/// woken costs the program that it wakes up beside, where there is no other processor. The module's functions are
/// such steps: behind them the system call returns.
#[inline(always)]
const fn wakes(hook: Hook, phase: u16) -> bool {
    match hook {
        Hook::LibraryInit
        | Hook::LibraryAlloc
        | Hook::LibraryRelease
        | Hook::Ioctl
        | Hook::Open
        | Hook::DeviceOpen
        | Hook::DeviceRelease => phase == PHASE_RETURN,
        Hook::Exec | Hook::Exit | Hook::ModuleLoad | Hook::ModuleFree => true,
        _ => false,
    }
}

/// A record of the ring buffer.
pub(crate) trait Record: 'static {
    const KIND: u16;
    fn header(&mut self) -> &mut Header;
    /// Fields that are not 0 where nothing is known of them.
    fn prepare(&mut self) {}
}

impl Record for Step {
    const KIND: u16 = KIND_STEP;
    #[inline(always)]
    fn header(&mut self) -> &mut Header {
        &mut self.header
    }
    #[inline(always)]
    fn prepare(&mut self) {
        self.rte_errno = UNKNOWN_ERRNO;
    }
}

impl Record for Call {
    const KIND: u16 = KIND_CALL;
    #[inline(always)]
    fn header(&mut self) -> &mut Header {
        &mut self.header
    }
}

/// Submits a record that `fill` completes: all but kind, hook, time and task are zero before.
#[inline(always)]
pub(crate) fn submit<R: Record>(moment: &Moment, fill: impl FnOnce(&mut R)) -> Outcome {
    let Some(mut entry) = RINGBUF.reserve::<R>(0) else { return Outcome::Lost };
    let memory = entry.as_mut_ptr();
    // SAFETY: the reserved memory is `size_of::<R>()` bytes, a multiple of eight, and aligned to eight. Every
    // bit pattern is a valid record.
    let record = unsafe {
        let words = memory.cast::<u64>();
        let mut word = 0;
        while word < size_of::<R>() / size_of::<u64>() {
            // Volatile, lest a call of memset comes of it.
            words.add(word).write_volatile(0);
            word += 1;
        }
        &mut *memory
    };
    let header = record.header();
    header.kind = R::KIND;
    header.hook = moment.hook as u16;
    header.at = moment.at;
    header.pid = moment.pid;
    header.tid = moment.tid;
    // SAFETY: `comm` has COMM_MAX bytes. It can't fail for a buffer of that size.
    unsafe { bpf_get_current_comm(header.comm.as_mut_ptr().cast(), COMM_MAX as u32) };
    record.prepare();
    fill(record);
    // Without either flag the kernel wakes the reader only if it had read all that came before.
    let wakes = wakes(moment.hook, record.header().phase);
    entry.submit(u64::from(if wakes { BPF_RB_FORCE_WAKEUP } else { BPF_RB_NO_WAKEUP }));
    Outcome::Emitted
}
