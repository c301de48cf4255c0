//! A process ended: inside an attempt, or before it made any.

use kni_ebpf::hook::Hook;

use super::Verdict;
use crate::cause::Cause;
use crate::report::{Outcome, ProcessEnd, Unseen};

/// A process that was on its way to an attempt and made none.
#[derive(Debug)]
pub struct Unattempted {
    /// How it ended; `None`: it lives, or that is not known.
    pub end: Option<ProcessEnd>,
    /// A pool could not be made.
    pub no_pool: bool,
    /// That was the last that it did.
    pub no_pool_last: bool,
    /// Why an attempt may have gone unseen.
    pub unseen: Vec<Unseen>,
}

/// What the end of a process is called.
pub(super) const fn cause_of(end: ProcessEnd) -> Cause {
    match end.signal {
        None => Cause::ProcExited,
        Some(
            libc::SIGSEGV
            | libc::SIGABRT
            | libc::SIGBUS
            | libc::SIGFPE
            | libc::SIGILL
            | libc::SIGTRAP
            | libc::SIGSYS,
        ) => Cause::ProcCrash,
        Some(_) => Cause::ProcKilled,
    }
}

/// The verdict on a process that made no attempt.
#[must_use]
pub fn not_attempted(case: Unattempted) -> Verdict {
    let asked = case.unseen.iter().all(|unseen| match unseen {
        Unseen::Hook { hook, .. } => *hook != Hook::Ioctl.name(),
        Unseen::Records { .. } | Unseen::Entry { .. } => false,
    });
    let issued = asked.then_some(false);
    if !case.unseen.is_empty() {
        return Verdict { issued, ..Verdict::inconclusive(case.unseen) };
    }
    let ended = case.end.map(cause_of);
    // A pool that could not be made may have been made in another way since, which is not told.
    let failed = case.end.is_some_and(|end| end.status != Some(0));
    let gave_up = case.no_pool && ended != Some(Cause::ProcKilled) && (case.no_pool_last || failed);
    let reason = if gave_up { Some(Cause::LibNoPool) } else { ended };
    Verdict { outcome: Outcome::NotAttempted, cause: reason, issued, ..Verdict::inconclusive(Vec::new()) }
}
