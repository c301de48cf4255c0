//! `rte_kni_alloc` returned NULL and issued no request.

use kni_ebpf::hook::Hook;

use super::{Case, Verdict, device};
use crate::cause::Cause;
use crate::correlate::{LibraryStep, Said};
use crate::event::Read;
use crate::report::{Boundary, Unseen};
use crate::untrusted::Untrusted;

/// Which of its checks said no. The order is the library's own: whatever it did last is what refused.
pub(super) fn refused(case: &Case) -> Verdict {
    match &case.seen.library.last {
        Some(LibraryStep::Said(Said::NotInitialised)) => device::not_initialised(case),
        Some(LibraryStep::Said(said)) => stopped(case, cause_of(*said)),
        Some(LibraryStep::Reserve { name, done: false, said }) => {
            about(stopped(case, said.and_then(cause_of)), name.as_ref())
        }
        // A lookup that finds nothing is a refusal only if nobody then reserves what was missing.
        Some(LibraryStep::Lookup { name, found: false }) if case.would_have_seen(Hook::MemzoneReserve) => {
            about(stopped(case, Some(Cause::LibMemzoneMissing)), name.as_ref())
        }
        Some(LibraryStep::Lookup { .. } | LibraryStep::Reserve { .. }) => stopped(case, None),
        None => silently(case),
    }
}

const fn cause_of(said: Said) -> Option<Cause> {
    match said {
        Said::NotInitialised => Some(Cause::LibNotInitialised),
        Said::AlreadyExists => Some(Cause::LibAlreadyExists),
        Said::NoSlot => Some(Cause::LibNoSlot),
        Said::NoMemory | Said::HeapExhausted => Some(Cause::LibNoMemory),
        Said::ZoneExists => Some(Cause::LibMemzoneExists),
        Said::ZonesExhausted => Some(Cause::LibMemzoneExhausted),
        Said::IovaMode => Some(Cause::LibIovaMode),
        Said::CannotOpen | Said::DoubleInit | Said::Panic => None,
    }
}

/// The first check of all releases is for the arguments, and it says nothing.
fn silently(case: &Case) -> Verdict {
    if let Some(arguments) = &case.seen.arguments {
        if arguments.pool == 0 {
            return stopped(case, Some(Cause::LibNoPool));
        }
        let unnamed = matches!(&arguments.name, Read::Bytes(name) if name.is_empty());
        if arguments.conf == 0 || unnamed {
            return stopped(case, Some(Cause::LibBadArgument));
        }
    }
    // Where the library's own words are not heard, what its process went through speaks for it.
    let first = case.history.open.as_ref().and_then(device::refusal);
    match first {
        Some(first) if !case.would_have_seen(Hook::LibraryLog) && case.unseen_before.is_empty() => first,
        _ => stopped(case, None),
    }
}

/// Stopped in the library. Without a reason, the hooks that could have told it are named.
fn stopped(case: &Case, reason: Option<Cause>) -> Verdict {
    let missing: Vec<Unseen> = match reason {
        Some(_) => Vec::new(),
        None => case.unseen(&[Hook::MemzoneLookup, Hook::MemzoneReserve, Hook::LibraryLog]),
    };
    Verdict { missing, ..Verdict::stopped(Boundary::Library, reason) }
}

fn about(verdict: Verdict, name: Option<&Untrusted>) -> Verdict {
    Verdict { subject: name.cloned(), ..verdict }
}
