//! `/dev/kni` could not be opened, or the library not be initialised.

use kni_ebpf::hook::Hook;

use super::{Case, End, Verdict, unfinished};
use crate::cause::Cause;
use crate::correlate::{LibraryStep, Open, Said};
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
pub(super) fn refusal(open: &Open) -> Option<Verdict> {
    let errno = open.errno?;
    let verdict = Verdict::stopped(Boundary::Syscall, cause_of(errno)).told(errno);
    Some(Verdict { holder: open.holder.clone().filter(|_| errno == libc::EBUSY), ..verdict })
}

/// Of a program that opens the device itself.
pub(super) fn opened(case: &Case) -> Option<Verdict> {
    case.seen.open.as_ref().and_then(refusal)
}

/// Of `rte_kni_init`; `None` if it is not known to have failed.
///
/// Up to 18.08 it returns nothing, so its value means nothing; it panics in 16.04 and 16.07. From 18.11
/// on it returns -1 where it fails (`lib/librte_kni/rte_kni.c`). The opening decides.
pub(super) fn initialised(case: &Case) -> Option<Verdict> {
    let seen = case.seen;
    if let Some(open) = &seen.open {
        return refusal(open).or_else(|| unreturned(case));
    }
    match &seen.library.last {
        Some(LibraryStep::Said(Said::IovaMode)) => {
            return Some(Verdict::stopped(Boundary::Library, Cause::LibIovaMode));
        }
        // It says so of every errno, and does not say which.
        Some(LibraryStep::Said(Said::CannotOpen)) => {
            let missing = case.unseen(&[Hook::Open]);
            return Some(Verdict { missing, ..Verdict::stopped(Boundary::Syscall, None) });
        }
        Some(LibraryStep::Said(Said::DoubleInit)) if matches!(case.end, End::Returned(_)) => return None,
        _ => {}
    }
    let End::Returned(value) = case.end else { return unreturned(case) };
    // It asks for memzones up to 18.08 alone.
    if value != -1 || seen.library.memzones {
        return None;
    }
    let missing = case.unseen(&[Hook::Open]);
    let verdict = if missing.is_empty() {
        Verdict::stopped(Boundary::Library, None)
    } else {
        Verdict::inconclusive(missing)
    };
    Some(verdict)
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
    let refused = case.history.open.as_ref().and_then(refusal);
    let unready = case.history.init.map(|(boundary, reason)| Verdict::stopped(boundary, reason));
    refused.or(unready).unwrap_or_else(|| Verdict::stopped(Boundary::Library, Cause::LibNotInitialised))
}
