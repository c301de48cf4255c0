//! From what was seen of an attempt to how it ended, where it stopped, and why.
//!
//! Two rules hold everywhere. What was seen is evidence. That something was *not* seen is evidence
//! only if its hook was live from the attempt's first step to its last and no record was lost.

mod device;
mod ending;
mod known;
mod library;
mod module;
mod request;
mod rules;
mod skew;
pub mod waiting;

use kni_ebpf::hook::Hook;

use crate::cause::Cause;
use crate::correlate::{Crash, History, Machine, Observed, Passage};
use crate::coverage::Table;
use crate::event::{Holder, Nanos, Object};
use crate::report::{Arguments, Boundary, Check, Errnos, Library, Origin, Outcome, Skew, Unseen, WaitsFor};
use crate::untrusted::Untrusted;

pub use ending::{Unattempted, not_attempted};
pub use known::library_in;

/// How an attempt ended, where it stopped, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// How it ended.
    pub outcome: Outcome,
    /// Where it stopped.
    pub boundary: Option<Boundary>,
    /// Why.
    pub cause: Option<Cause>,
    /// What was refused with what.
    pub errno: Errnos,
    /// What the cause is about.
    pub subject: Option<Untrusted>,
    /// Who holds the device.
    pub holder: Option<Holder>,
    /// Whether a CREATE request was issued.
    pub issued: Option<bool>,
    /// What the library was called with.
    pub arguments: Option<Arguments>,
    /// Which check of the library refused.
    pub check: Option<Check>,
    /// What went wrong before.
    pub origin: Option<Origin>,
    /// Which library it was.
    pub library: Option<Library>,
    /// How library and module differ on the struct, or what of it can't be meant.
    pub skew: Option<Skew>,
    /// The network namespace in which the device was opened, where that is another than the request's.
    pub opened_in: Option<u64>,
    /// What was not seen, and would have mattered.
    pub missing: Vec<Unseen>,
}

/// Everything that a verdict is drawn from.
#[derive(Debug)]
pub struct Case<'a> {
    /// What was seen of the attempt.
    pub seen: &'a Observed,
    /// How the thread left it.
    pub end: End,
    /// When.
    pub ended: Nanos,
    /// What its process went through before.
    pub history: &'a History,
    /// Why a later opening of the device than the history has may have gone unseen.
    pub unseen_before: Vec<Unseen>,
    /// The module holds an interface of the name that was claimed, and the request was no larger
    /// than the one that made it.
    pub has_namesake: bool,
    /// The machine, and the module that is loaded.
    pub machine: Machine,
    /// Which hooks were live when.
    pub coverage: &'a Table,
    /// The files in which hooks of the library count for this process: those that have functions of DPDK and
    /// whose code it runs; none: not known, and all count.
    pub within: &'a [Untrusted],
    /// What is known of these files.
    pub objects: &'a [&'a Object],
}

/// How a thread left its attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End {
    /// The outermost function returned this.
    Returned(i64),
    /// The thread died inside.
    Died,
    /// It is still inside.
    InFlight,
    /// Unknown: the thread was seen elsewhere without having been seen to leave.
    Unknown,
}

/// The verdict on `case`; `None` if there was no attempt: the library was initialised, an interface
/// was released, the request was another device's.
#[must_use]
pub fn decide(case: &Case) -> Option<Verdict> {
    let verdict = match case.seen.outermost {
        Some(Hook::LibraryRelease) => None,
        Some(Hook::LibraryInit) => device::initialised(case),
        Some(Hook::Open | Hook::DeviceOpen) => device::opened(case),
        Some(_) if case.seen.asked.unknown.is_some() && !case.seen.is_issued() => request::unknown(case),
        Some(_) => attempted(case),
        None => case.seen.is_issued().then(|| attempted(case)).flatten(),
    };
    verdict.map(|verdict| case.complete(verdict))
}

/// Of an attempt in the narrow sense: `rte_kni_alloc` or a CREATE request.
fn attempted(case: &Case) -> Option<Verdict> {
    match (case.seen.answer(), case.end) {
        (Some(answer), _) if answer < 0 => Some(request::refused(case, -answer)),
        (_, End::Died | End::InFlight) => Some(unfinished(case)),
        (Some(_), _) => request::granted(case),
        (None, End::Returned(value)) => Some(unanswered(case, value)),
        (None, End::Unknown) => Some(Verdict::inconclusive(vec![case.return_unseen()])),
    }
}

/// The thread is still inside, or died there.
fn unfinished(case: &Case) -> Verdict {
    if let Some(crash) = &case.seen.crash {
        return crashed(crash);
    }
    if case.seen.lost > 0 {
        return Verdict::inconclusive(vec![case.records()]);
    }
    let died = case.end == End::Died;
    let boundary =
        if !died && waits_in_network_core(case) { Some(Boundary::Network) } else { innermost(case) };
    Verdict {
        outcome: if died { Outcome::Died } else { Outcome::InProgress },
        boundary,
        cause: if died { killer(case) } else { blocked(case, boundary) },
        subject: library::panic_format(case).filter(|_| died),
        ..Verdict::inconclusive(Vec::new())
    }
}

/// The kernel itself has reported that the thread died, in the module or beneath it: whatever else was not seen.
fn crashed(crash: &Crash) -> Verdict {
    let outcome = Outcome::Died;
    let subject = crash.at.clone();
    Verdict { outcome, subject, ..Verdict::stopped(Boundary::Module, Cause::ProcCrash) }
}

/// Whether the module has asked the network core for a device, which waits for its own lock.
fn waits_in_network_core(case: &Case) -> bool {
    let waits = case.seen.waiting.as_ref().is_some_and(|waiting| waiting.what == WaitsFor::Rtnl);
    waits && case.seen.registered.is_none() && is_inside(case.seen.handler)
}

/// Why it is still inside, if it was seen waiting in the kernel for long.
fn blocked(case: &Case, boundary: Option<Boundary>) -> Option<Cause> {
    let waits = case.seen.waiting.as_ref().is_some_and(|waiting| waiting.what != WaitsFor::Program);
    let in_kernel = boundary.is_some_and(|boundary| boundary != Boundary::Library);
    (waits && in_kernel).then_some(Cause::ProcBlocked)
}

/// What a thread died of inside its attempt.
fn killer(case: &Case) -> Option<Cause> {
    let seen = case.seen;
    if seen.library.panic.is_some() {
        return Some(Cause::LibPanic);
    }
    // A signal waits until the kernel's functions have returned. Who dies in one of them has brought the
    // kernel to an oops, which ends the task with SIGKILL (`make_task_dead`, `arch/x86/mm/fault.c`).
    let in_kernel = [seen.handler, seen.dispatcher, seen.compat].into_iter().any(is_inside);
    seen.death.map(|end| if in_kernel { Cause::ProcCrash } else { ending::cause_of(end) })
}

fn is_inside(passage: Option<Passage>) -> bool {
    passage.is_some_and(|passage| passage.returned.is_none())
}

/// How far the thread has got.
fn innermost(case: &Case) -> Option<Boundary> {
    let seen = case.seen;
    if is_inside(seen.handler) || is_inside(seen.dispatcher) {
        return Some(Boundary::Module);
    }
    let calling = seen.call.as_ref().is_some_and(|call| call.returned.is_none());
    let (absent, boundary) = if calling || is_inside(seen.compat) {
        (&[Hook::Dispatcher][..], Boundary::Syscall)
    } else {
        (&[Hook::Ioctl][..], Boundary::Library)
    };
    case.unseen(absent).is_empty().then_some(boundary)
}

/// It returned, and no request was seen to be answered.
fn unanswered(case: &Case, value: i64) -> Verdict {
    let seen = case.seen;
    if seen.is_issued() {
        return Verdict::inconclusive(vec![case.answer_unseen()]);
    }
    if seen.refused_unknown {
        let entry = Unseen::Entry { hook: Hook::Ioctl.name() };
        return Verdict::inconclusive(case.unseen(&[Hook::Ioctl]).into_iter().chain([entry]).collect());
    }
    let missing = case.unseen(&[Hook::Ioctl]);
    if !missing.is_empty() {
        return Verdict::inconclusive(missing);
    }
    if value == 0 && seen.outermost == Some(Hook::LibraryAlloc) {
        return library::refused(case);
    }
    let reason = Some("the library reports success, and no request was seen".to_owned());
    Verdict::inconclusive(vec![Unseen::Hook { hook: Hook::Ioctl.name(), reason, armed_after_ns: None }])
}

impl Verdict {
    /// What was seen does not decide it.
    fn inconclusive(missing: Vec<Unseen>) -> Self {
        Self {
            outcome: Outcome::Inconclusive,
            boundary: None,
            cause: None,
            errno: Errnos::default(),
            subject: None,
            holder: None,
            issued: None,
            arguments: None,
            check: None,
            origin: None,
            library: None,
            skew: None,
            opened_in: None,
            missing,
        }
    }

    /// It was refused.
    fn stopped(boundary: Boundary, cause: impl Into<Option<Cause>>) -> Self {
        let (boundary, cause) = (Some(boundary), cause.into());
        Self { outcome: Outcome::Stopped, boundary, cause, ..Self::inconclusive(Vec::new()) }
    }

    /// The system call told the program `errno`.
    fn told(mut self, errno: i32) -> Self {
        self.errno.user = Some(errno);
        self
    }
}

impl Case<'_> {
    /// Why it can't be concluded from silence that none of `hooks` was passed; nothing: it can.
    fn unseen(&self, hooks: &[Hook]) -> Vec<Unseen> {
        let seen = self.seen;
        let mut unseen: Vec<Unseen> = hooks
            .iter()
            .filter_map(|hook| self.coverage.throughout(*hook, seen.began, self.ended, self.within).err())
            .collect();
        if seen.lost > 0 {
            unseen.push(self.records());
        }
        if !seen.entry_seen {
            let hook = seen.outermost.unwrap_or(Hook::LibraryAlloc).name();
            unseen.push(Unseen::Entry { hook });
        }
        unseen
    }

    /// Whether it is certain that `hook` was not passed, if no step of it was seen.
    fn would_have_seen(&self, hook: Hook) -> bool {
        self.unseen(&[hook]).is_empty()
    }

    fn records(&self) -> Unseen {
        Unseen::Records { lost: self.seen.lost }
    }

    fn return_unseen(&self) -> Unseen {
        if self.seen.lost > 0 {
            return self.records();
        }
        let hook = self.seen.outermost.unwrap_or(Hook::Ioctl).name();
        Unseen::Hook { hook, reason: Some("it was not seen to return".to_owned()), armed_after_ns: None }
    }

    fn answer_unseen(&self) -> Unseen {
        let unseen = self.unseen(&[Hook::Ioctl]).into_iter().next();
        unseen.unwrap_or_else(|| Unseen::Hook {
            hook: Hook::Ioctl.name(),
            reason: Some("it was not seen to return".to_owned()),
            armed_after_ns: None,
        })
    }

    /// Adds what holds whatever the verdict.
    fn complete(&self, mut verdict: Verdict) -> Verdict {
        verdict.issued = if self.seen.is_issued() {
            Some(true)
        } else {
            (self.would_have_seen(Hook::Ioctl) && !self.seen.refused_unknown).then_some(false)
        };
        verdict.opened_in = request::opened_elsewhere(self);
        verdict.arguments = known::arguments(self);
        verdict.library = known::library(self);
        if self.seen.lost > 0 && !verdict.missing.contains(&self.records()) {
            verdict.missing.push(self.records());
        }
        verdict
    }
}
