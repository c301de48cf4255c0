//! `rte_kni_alloc` returned NULL and issued no request.

use kni_ebpf::hook::Hook;

use super::{Case, Verdict, device, known};
use crate::cause::Cause;
use crate::correlate::{LibraryStep, Passed, Said};
use crate::event::Read;
use crate::release::{ALLOC, Exit, Leaves, Order, Position, Trace, positions};
use crate::report::{Boundary, Origin, Unseen};
use crate::untrusted::Untrusted;

/// Which of its checks said no. Their order is the library's own: whatever it did last is what refused,
/// and where it did nothing, what it would have done and didn't tells how far it came.
pub(super) fn refused(case: &Case) -> Verdict {
    let left = remaining(case, ALLOC, is_bad(case));
    let subject = subject(case);
    let verdict = match Position::only(&left).or_else(|| in_its_words(case)) {
        Some(exit) => by(case, exit),
        None => of_memory(case, rte_errno(case)).map_or_else(|| unexplained(case), stopped),
    };
    let check = Position::check(&left, subject.map(Untrusted::as_bytes));
    Verdict { check, subject: subject.cloned(), ..verdict }
}

/// The check that it said refused, even where that does not fit what else was seen.
fn in_its_words(case: &Case) -> Option<&'static Exit> {
    let Some(LibraryStep::Said(said)) = case.seen.library.last else { return None };
    ALLOC.iter().flat_map(|order| order.exits).find(|exit| exit.leaves == Leaves::Line(said))
}

fn by(case: &Case, exit: &Exit) -> Verdict {
    match (exit.leaves, exit.cause) {
        (Leaves::Nothing, _) => refused_arguments(case),
        (Leaves::Line(Said::NotInitialised), _) => device::not_initialised(case),
        (Leaves::Line(Said::AlreadyExists), _) => {
            let name = case.seen.interface.claimed.as_ref();
            let origin = name.and_then(|name| case.history.past.holding(name));
            Verdict { origin: case.before(origin), ..stopped(Cause::LibAlreadyExists) }
        }
        (Leaves::Reserve, _) => {
            let reason = of_memory(case, rte_errno(case)).or_else(|| on_return(case));
            reason.map_or_else(|| unexplained(case), stopped)
        }
        (_, reason) => reason.map_or_else(|| unexplained(case), stopped),
    }
}

/// The first check is for the arguments, and it says nothing.
fn refused_arguments(case: &Case) -> Verdict {
    if case.seen.arguments.as_ref().is_some_and(|arguments| arguments.pool == 0) {
        let origin = case.history.past.failed_pool();
        return Verdict { origin: case.before(origin), ..stopped(Cause::LibNoPool) };
    }
    stopped(Cause::LibBadArgument)
}

/// Whether the first check refuses its arguments; `None`: what it reads could not be read.
fn is_bad(case: &Case) -> Option<bool> {
    let arguments = case.seen.arguments.as_ref()?;
    match &arguments.name {
        _ if arguments.pool == 0 || arguments.conf == 0 => Some(true),
        Read::Bytes(name) => Some(name.is_empty()),
        Read::Failed(_) => None,
    }
}

/// The checks that fit what was seen and what would have been.
pub(super) fn remaining(case: &Case, orders: &'static [Order], is_bad: Option<bool>) -> Vec<Position> {
    let library = &case.seen.library;
    let is_legible = |hook| hook != Hook::LibraryLog || !library.is_garbled;
    let covered = |hook| case.would_have_seen(hook) && is_legible(hook);
    positions(
        orders,
        &Trace {
            last: library.last.as_ref(),
            releases: known::releases(case),
            is_bad,
            is_unready: is_unready(case),
            is_locked: library.locked,
            names_device: library.has_said(Said::Device),
            iova_mode: library.iova_mode,
            opened: case.seen.open.as_ref().map(|open| open.errno.is_none()),
            covered: &covered,
        },
    )
}

/// Where nothing was seen of the library, what its process went through speaks for it.
fn is_unready(case: &Case) -> bool {
    let refused = case.history.open.as_ref().is_some_and(|open| open.errno.is_some());
    let silent = case.seen.library.last.is_none();
    silent && refused && !case.history.past.is_ready && case.unseen_before.is_empty()
}

/// Why the memory manager refused.
///
/// `rte_errno` goes before what was said: each refusing branch of `rte_memzone_reserve` sets it as the last
/// thing it does (`eal_common_memzone.c`, 16.04 to 23.07), while a line may be of a heap that was tried in
/// vain before another one gave the memory. Since 16.11 a build may also leave out lines of level DEBUG.
pub(super) fn of_memory(case: &Case, rte_errno: Option<i32>) -> Option<Cause> {
    match rte_errno {
        Some(libc::EEXIST) => return Some(Cause::LibMemzoneExists),
        Some(libc::ENOSPC) => return Some(Cause::LibMemzoneExhausted),
        Some(libc::ENOMEM) => return Some(Cause::LibNoMemory),
        Some(errno) if errno != 0 => return None,
        _ => {}
    }
    let said = match case.seen.library.last.as_ref()? {
        LibraryStep::Reserve { done: false, said, .. } => (*said)?,
        LibraryStep::Said(said) => *said,
        LibraryStep::Reserve { .. } | LibraryStep::Lookup { .. } => return None,
    };
    match said {
        Said::ZoneExists => Some(Cause::LibMemzoneExists),
        Said::ZonesExhausted => Some(Cause::LibMemzoneExhausted),
        Said::HeapExhausted => Some(Cause::LibNoMemory),
        _ => None,
    }
}

/// `rte_errno` after the reservation that failed.
pub(super) fn rte_errno(case: &Case) -> Option<i32> {
    match case.seen.library.last {
        Some(LibraryStep::Reserve { done: false, rte_errno, .. }) => rte_errno,
        _ => None,
    }
}

/// A reservation that failed unseen has left `rte_errno` as `rte_kni_alloc` returned. What is freed in between
/// may set it too, but never to these.
fn on_return(case: &Case) -> Option<Cause> {
    let last = case.seen.steps.last().filter(|step| step.hook == Hook::LibraryAlloc.name())?;
    let rte_errno = last.rte_errno.filter(|errno| matches!(*errno, libc::EEXIST | libc::ENOMEM));
    of_memory(case, Some(rte_errno?))
}

/// The memzone that it is about.
fn subject<'a>(case: &Case<'a>) -> Option<&'a Untrusted> {
    match case.seen.library.last.as_ref()? {
        LibraryStep::Reserve { name, done: false, .. } => name.as_ref(),
        // A lookup that finds nothing is a refusal only if nobody then reserves what was missing.
        LibraryStep::Lookup { name, .. } if case.would_have_seen(Hook::MemzoneReserve) => name.as_ref(),
        _ => None,
    }
}

fn stopped(cause: Cause) -> Verdict {
    Verdict::stopped(Boundary::Library, cause)
}

/// Stopped in the library, and the hooks are named that could have told why.
fn unexplained(case: &Case) -> Verdict {
    let missing: Vec<Unseen> = case.unseen(&[Hook::MemzoneLookup, Hook::MemzoneReserve, Hook::LibraryLog]);
    Verdict { missing, ..Verdict::stopped(Boundary::Library, None) }
}

/// What `rte_panic` was given to say, if it was called.
pub(super) fn panic_format(case: &Case) -> Option<Untrusted> {
    case.seen.library.panic.as_ref()?.format.clone()
}

impl Case<'_> {
    /// A step that went before the attempt.
    pub(super) fn before(&self, passed: Option<&Passed>) -> Option<Origin> {
        passed.map(|passed| passed.before(self.seen.began))
    }
}
