//! `/dev/kni` could not be opened, or the library not be initialised.

use kni_ebpf::hook::Hook;

use super::{Case, End, Verdict, known, library, unfinished};
use crate::cause::Cause;
use crate::correlate::{LibraryStep, Open, Said};
use crate::release::{INIT, Leaves, Position, Releases};
use crate::report::Boundary;

/// What an opening that failed with `errno` was refused for.
const fn cause_of(errno: i32) -> Option<Cause> {
    match errno {
        libc::ENOENT | libc::ENXIO | libc::ENODEV => Some(Cause::SysDeviceMissing),
        libc::EBUSY => Some(Cause::SysDeviceBusy),
        libc::EACCES | libc::EPERM => Some(Cause::SysDeviceDenied),
        _ => None,
    }
}

/// The verdict on an opening; `None` if it succeeded.
pub(super) fn refusal(case: &Case, open: &Open) -> Option<Verdict> {
    let errno = open.errno?;
    if let Some(stuck) = open.stuck.as_ref().filter(|_| errno == libc::EBUSY) {
        let (holder, origin) = (Some(stuck.by.clone()), case.before(stuck.entered.as_ref()));
        let verdict = Verdict::stopped(Boundary::Syscall, Cause::SysDeviceStuck).told(errno);
        return Some(Verdict { holder, origin, ..verdict });
    }
    let verdict = Verdict::stopped(Boundary::Syscall, cause_of(errno)).told(errno);
    Some(Verdict { holder: open.holder.clone().filter(|_| errno == libc::EBUSY), ..verdict })
}

/// Of a program that opens the device itself.
pub(super) fn opened(case: &Case) -> Option<Verdict> {
    case.seen.open.as_ref().and_then(|open| refusal(case, open))
}

/// Of `rte_kni_init`; `None` if it is not known to have failed.
///
/// Up to 18.08 it returns nothing, so its value means nothing; it panics in 16.04 and 16.07. From 18.11
/// on it returns -1 where it fails (`lib/librte_kni/rte_kni.c`). What it did last decides.
pub(super) fn initialised(case: &Case) -> Option<Verdict> {
    let left = library::remaining(case, INIT, case.seen.argument.map(|maximum| maximum == 0));
    let verdict = match &case.seen.open {
        Some(open) => refusal(case, open).or_else(|| without_memory(case)),
        None => unopened(case, &left),
    };
    let check = Position::check(&left, None);
    let verdict = verdict.map(|verdict| Verdict { check, ..verdict });
    verdict.or_else(|| unreturned(case))
}

/// It failed and was not seen to open the device.
fn unopened(case: &Case, left: &[Position]) -> Option<Verdict> {
    match &case.seen.library.last {
        // It says so of every errno, and does not say which.
        Some(LibraryStep::Said(Said::CannotOpen)) => {
            let missing = case.unseen(&[Hook::Open]);
            return Some(Verdict { missing, ..Verdict::stopped(Boundary::Syscall, None) });
        }
        Some(LibraryStep::Said(Said::DoubleInit)) => return None,
        Some(LibraryStep::Said(said @ (Said::IovaMode | Said::InvalidMaximum))) => {
            let mode = *said == Said::IovaMode;
            let reason = if mode { Cause::LibIovaMode } else { Cause::LibBadArgument };
            return Some(Verdict::stopped(Boundary::Library, reason));
        }
        _ => {}
    }
    without_memory(case).or_else(|| by_value(case, left))
}

/// Up to 18.08: its slots, or their memzones, could not be had. If it panics for no reason that is known, the
/// panic is the reason.
fn without_memory(case: &Case) -> Option<Verdict> {
    let seen = &case.seen.library;
    let failed = matches!(&seen.last, Some(LibraryStep::Reserve { done: false, .. }));
    let says = seen.has_said(Said::NoInitMemory);
    let reason = library::of_memory(case, library::rte_errno(case)).or(says.then_some(Cause::LibNoMemory));
    let returned = matches!(case.end, End::Returned(_));
    let subject = match &seen.last {
        Some(LibraryStep::Reserve { name, done: false, .. }) => name.clone(),
        _ => None,
    };
    let verdict = Verdict { subject, ..Verdict::stopped(Boundary::Library, reason) };
    (says || failed && (returned || reason.is_some())).then_some(verdict)
}

/// All that is known is what it returned, and that it did not open the device.
fn by_value(case: &Case, left: &[Position]) -> Option<Verdict> {
    let End::Returned(-1) = case.end else { return None };
    // It asks for memzones up to 18.08 alone.
    if case.seen.library.memzones || known::releases(case).is_within(Releases::until(1808)) {
        return None;
    }
    // A second call, which fails nothing, and whose value up to 18.08 means nothing.
    let again = left.iter().any(|position| position.exit.leaves == Leaves::Line(Said::DoubleInit));
    let missing = case.unseen(if again { &[Hook::Open, Hook::LibraryLog] } else { &[Hook::Open] });
    if !missing.is_empty() {
        return Some(Verdict::inconclusive(missing));
    }
    let reason = Position::only(left).and_then(|exit| exit.cause);
    Some(Verdict::stopped(Boundary::Library, reason))
}

fn unreturned(case: &Case) -> Option<Verdict> {
    match case.end {
        End::Died | End::InFlight => Some(unfinished(case)),
        End::Returned(_) | End::Unknown => None,
    }
}

/// The library says that it was not initialised: why it wasn't is the cause. That the last opening seen
/// was the last there was must be known, and where none was seen, that there was none.
pub(super) fn not_initialised(case: &Case) -> Verdict {
    if !case.unseen_before.is_empty() {
        return Verdict::inconclusive(case.unseen_before.clone());
    }
    let past = &case.history.past;
    let own = Verdict::stopped(Boundary::Library, Cause::LibNotInitialised);
    if past.closed.is_some() {
        return Verdict { origin: case.before(past.closed.as_ref()), ..own };
    }
    if let Some(refused) = case.history.open.as_ref().and_then(|open| refusal(case, open)) {
        return Verdict { origin: case.before(past.opened.as_ref()), ..refused };
    }
    match case.history.init {
        Some((boundary, reason)) => {
            let origin = case.before(past.initialised.as_ref());
            Verdict { origin, ..Verdict::stopped(boundary, reason) }
        }
        None => own,
    }
}
