//! What each thread is in: its attempt, and the entries that wait for their returns.

use core::arch::asm;

use aya_ebpf::bindings::BPF_NOEXIST;
use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use aya_log_ebpf::warn;
use kni_ebpf::control;
use kni_ebpf::counter::Outcome;
use kni_ebpf::hook::Hook;

use crate::emit::{Moment, count};
use crate::maps::{Attempt, CONTROL, FRAMES, Frame, FrameKey, IN_FLIGHT, USERS};

/// What an insertion answers where there is such a key.
const EEXIST: i32 = -17;

/// Hooks whose entries are kept for their returns.
const FRAMED: [Hook; 21] = [
    Hook::Ioctl,
    Hook::Open,
    Hook::Dispatcher,
    Hook::CompatDispatcher,
    Hook::Handler,
    Hook::DeviceOpen,
    Hook::DeviceRelease,
    Hook::AllocNetdev,
    Hook::RegisterNetdev,
    Hook::CreateThread,
    Hook::LibraryInit,
    Hook::LibraryAlloc,
    Hook::LibraryRelease,
    Hook::MemzoneLookup,
    Hook::MemzoneReserve,
    Hook::LibraryLog,
    Hook::IovaMode,
    Hook::PoolCreate,
    Hook::MempoolCreate,
    Hook::RingCreate,
    Hook::SetUpRequest,
];

/// How deep in the way from the library to what the handler calls a hook lies.
#[inline(always)]
const fn depth(hook: u32) -> u32 {
    if hook == Hook::LibraryInit as u32
        || hook == Hook::LibraryAlloc as u32
        || hook == Hook::LibraryRelease as u32
    {
        0
    } else if hook == Hook::Ioctl as u32 {
        1
    } else if hook == Hook::Dispatcher as u32 || hook == Hook::CompatDispatcher as u32 {
        2
    } else if hook == Hook::Handler as u32 {
        3
    } else {
        4
    }
}

/// The thread enters a function of an attempt: what it is in from now on.
///
/// What it was in stays if this function lies deeper. Otherwise that one's return was lost (a
/// `longjmp` out of it, a probe missed), and this one is the outermost.
#[inline(always)]
pub(crate) fn begin(moment: &Moment, creates: bool) -> u64 {
    if let Some(outer) = current(moment.tid)
        && depth(outer.hook) < depth(moment.hook as u32)
    {
        return outer.started;
    }
    let started = if creates { moment.at } else { 0 };
    let attempt = Attempt { started, hook: moment.hook as u32, reserved: 0 };
    remove(moment.tid);
    match IN_FLIGHT.insert(moment.tid, attempt, u64::from(BPF_NOEXIST)) {
        Ok(()) => add_in_flight(1),
        Err(_) => displaced(moment.hook),
    }
    started
}

/// The thread left a function: what it was in until now.
#[inline(always)]
pub(crate) fn end(moment: &Moment) -> u64 {
    let Some(attempt) = current(moment.tid) else { return 0 };
    if attempt.hook == moment.hook as u32 {
        remove(moment.tid);
        count_abandoned(moment);
    }
    attempt.started
}

/// The thread left its outermost function. Whatever of the kernel's lies within has returned: there is no other way
/// out, and what waits still waits in vain.
#[inline(always)]
fn count_abandoned(moment: &Moment) {
    // No loop: a counter's place must be a constant for the verifier.
    abandon(moment, Hook::Ioctl);
    abandon(moment, Hook::Dispatcher);
    abandon(moment, Hook::CompatDispatcher);
    abandon(moment, Hook::Handler);
    abandon(moment, Hook::AllocNetdev);
    abandon(moment, Hook::RegisterNetdev);
    abandon(moment, Hook::CreateThread);
}

/// Forgets an entry of `hook`, within the function that was left, and counts it.
#[inline(always)]
fn abandon(moment: &Moment, hook: Hook) {
    if depth(hook as u32) <= depth(moment.hook as u32) {
        return;
    }
    let key = key(moment.tid, hook);
    // SAFETY: as in `current`.
    let is_within = unsafe { FRAMES.get(key) }.is_some_and(|frame| frame.mark == 0);
    if is_within && FRAMES.remove(key).is_ok() {
        count(hook, Outcome::Abandoned);
    }
}

/// When the thread's attempt began; 0: it is in none.
#[inline(always)]
pub(crate) fn attempt_of(moment: &Moment) -> u64 {
    current(moment.tid).map_or(0, |attempt| attempt.started)
}

/// What the thread is in.
#[inline(always)]
pub(crate) fn current(tid: u32) -> Option<Attempt> {
    // SAFETY: only the thread itself, which is here, changes or removes its entry.
    unsafe { IN_FLIGHT.get(tid) }.copied()
}

/// What the running thread is in, for those who have not asked yet who it is.
#[inline(always)]
pub(crate) fn here() -> Option<Attempt> {
    if any() { current(bpf_get_current_pid_tgid() as u32) } else { None }
}

/// Whether any thread is in flight. Costs less than looking one up, and mostly none is.
#[inline(always)]
fn any() -> bool {
    CONTROL.get(control::IN_FLIGHT).is_some_and(|threads| *threads != 0)
}

#[inline(always)]
fn remove(tid: u32) {
    if IN_FLIGHT.remove(tid).is_ok() {
        add_in_flight(-1);
    }
}

#[inline(always)]
fn add_in_flight(threads: i32) {
    if let Some(word) = CONTROL.get_ptr_mut(control::IN_FLIGHT) {
        // SAFETY: an atomic addition to a word of the map, which is valid and aligned.
        unsafe {
            asm!("lock *(u32 *)({at} + 0) += {threads}", at = in(reg) word, threads = in(reg) i64::from(threads))
        };
    }
}

impl Attempt {
    /// Whether it is inside the library.
    #[inline(always)]
    pub(crate) fn in_library(self) -> bool {
        depth(self.hook) == 0
    }

    /// Whether it may create an interface.
    #[inline(always)]
    pub(crate) fn creates(self) -> bool {
        self.started != 0 && self.hook != Hook::LibraryInit as u32 && self.hook != Hook::LibraryRelease as u32
    }
}

/// Keeps an entry for its return. One that waits already was left without returning (a `longjmp` out of it), or the
/// kernel did not run the program of its return.
#[inline(always)]
pub(crate) fn keep(moment: &Moment, args: [u64; 3], text: u64) {
    let key = key(moment.tid, moment.hook);
    let frame = Frame { entered: moment.at, args, text, mark: moment.mark };
    match FRAMES.insert(key, frame, u64::from(BPF_NOEXIST)) {
        Ok(()) => {}
        Err(EEXIST) => {
            if is_function_of_kernel(moment.hook) {
                count(moment.hook, Outcome::Abandoned);
            }
            let _ = FRAMES.insert(key, frame, 0);
        }
        Err(_) => displaced(moment.hook),
    }
}

/// Whether the hook's entry and return are probed in a function of the kernel or the module.
#[inline(always)]
const fn is_function_of_kernel(hook: Hook) -> bool {
    matches!(
        hook,
        Hook::Dispatcher
            | Hook::CompatDispatcher
            | Hook::Handler
            | Hook::DeviceOpen
            | Hook::DeviceRelease
            | Hook::AllocNetdev
            | Hook::RegisterNetdev
            | Hook::CreateThread
            | Hook::SetUpRequest
    )
}

/// Whether the thread is in a function of this hook already, further up its stack, and this entry is from
/// within: some functions are made of others of the same hook.
#[inline(always)]
pub(crate) fn is_nested(moment: &Moment) -> bool {
    // SAFETY: as in `current`.
    unsafe { FRAMES.get(key(moment.tid, moment.hook)) }.is_some_and(|frame| frame.mark > moment.mark)
}

/// The entry that this return belongs to, once: another's has another mark.
#[inline(always)]
pub(crate) fn take(moment: &Moment) -> Option<Frame> {
    let key = key(moment.tid, moment.hook);
    // SAFETY: as in `current`.
    let frame = unsafe { FRAMES.get(key) }.copied().filter(|frame| frame.mark == moment.mark);
    if frame.is_some() {
        let _ = FRAMES.remove(key);
    }
    frame
}

/// Where the string argument of the waiting entry is.
#[inline(always)]
pub(crate) fn frame_text(moment: &Moment) -> Option<u64> {
    // SAFETY: as in `current`.
    unsafe { FRAMES.get(key(moment.tid, moment.hook)) }.map(|frame| frame.text)
}

/// Whether an entry waits for a return from `hook`.
#[inline(always)]
pub(crate) fn has_frame(tid: u32, hook: Hook) -> bool {
    FRAMES.get_ptr(key(tid, hook)).is_some()
}

#[inline(always)]
const fn key(tid: u32, hook: Hook) -> FrameKey {
    FrameKey { tid, hook: hook as u32 }
}

/// Forgets all that a thread was in: it is gone, or runs another program.
#[inline(always)]
pub(crate) fn forget_thread(tid: u32) {
    remove(tid);
    for hook in FRAMED {
        let _ = FRAMES.remove(key(tid, hook));
    }
}

/// The process uses KNI.
#[inline(always)]
pub(crate) fn remember_user(moment: &Moment) {
    if !is_told_of(moment.pid) && !insert_user(moment.pid, control::USER_KNOWN, 0) {
        displaced(moment.hook);
    }
}

/// The process has something that is kept until its end.
#[inline(always)]
pub(crate) fn remember_kept(moment: &Moment) {
    if !is_kept(moment.pid) {
        displaced(moment.hook);
    }
}

/// Sees to it that what is kept of a process is forgotten at its end; whether that is sure.
#[inline(always)]
pub(crate) fn is_kept(pid: u32) -> bool {
    user(pid).is_some() || insert_user(pid, control::USER_KEPT, u64::from(BPF_NOEXIST))
}

/// A process's child is what the process is.
#[inline(always)]
pub(crate) fn remember_child(moment: &Moment, child: u32) {
    if let Some(flags) = user(moment.pid)
        && !insert_user(child, flags, u64::from(BPF_NOEXIST))
    {
        displaced(moment.hook);
    }
}

/// Remembers a process by these flags; whether it is remembered now.
#[inline(always)]
fn insert_user(pid: u32, flags: u32, how: u64) -> bool {
    matches!(USERS.insert(pid, flags, how), Ok(()) | Err(EEXIST))
}

/// Whether the process is known to use KNI, or followed.
#[inline(always)]
pub(crate) fn is_told_of(pid: u32) -> bool {
    user(pid).is_some_and(control::is_told_of)
}

/// The flags of a process, if it is remembered.
#[inline(always)]
pub(crate) fn user(pid: u32) -> Option<u32> {
    // SAFETY: a word, read at once.
    unsafe { USERS.get(pid) }.copied()
}

/// The process is gone; whether it was remembered until now.
#[inline(always)]
pub(crate) fn forget_user(pid: u32) -> bool {
    USERS.remove(pid).is_ok()
}

/// A table was full: counted, and to be told by `tell_of_displaced`.
#[inline(always)]
fn displaced(hook: Hook) {
    count(hook, Outcome::Displaced);
    if let Some(warning) = CONTROL.get_ptr_mut(control::WARNING) {
        // SAFETY: a word of the map. Two CPUs that meet here may have it told twice, and that is all.
        unsafe {
            if *warning == control::WARNING_NONE {
                *warning = control::WARNING_DUE;
            }
        }
    }
}

/// Warns, once, if a table was full.
///
/// From one program alone: a warning is longer than any program, and the verifier follows it wherever it is called.
#[inline(always)]
pub(crate) fn tell_of_displaced() {
    let Some(warning) = CONTROL.get_ptr_mut(control::WARNING) else { return };
    // SAFETY: as above.
    if unsafe { *warning } == control::WARNING_DUE {
        // SAFETY: as above.
        unsafe { *warning = control::WARNING_TOLD };
        warn!((), "a table of what is in flight was full: some returns can't be paired with their entries");
    }
}
