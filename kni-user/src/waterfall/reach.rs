//! Whether an attempt came to a boundary. That it did not is said only where its verdict shows it: that nothing was
//! seen there shows nothing.

use kni_ebpf::hook::Hook;

use super::{BOUNDARIES, Reach, Waterfall};
use crate::cause::Cause;
use crate::report::{Attempt, Boundary, Outcome};

/// Says of each lane whether it was reached.
pub(super) fn decide(attempt: &Attempt, waterfall: &mut Waterfall) {
    let furthest = furthest(attempt, waterfall);
    let enters_init = waterfall
        .lanes
        .iter()
        .flat_map(|lane| &lane.spans)
        .any(|span| matches!(span.hook, Hook::LibraryInit | Hook::Open | Hook::DeviceOpen));
    for lane in &mut waterfall.lanes {
        let seen = !lane.spans.is_empty() || attempt.boundary == Some(lane.boundary);
        // A program may come to the kernel without the library, and never to the module but by a system call, and
        // never to the network core but by the module.
        let passed = lane.boundary != Boundary::Library && furthest >= Some(lane.boundary);
        lane.reach = if seen || passed {
            Reach::Reached
        } else if is_excluded(attempt, lane.boundary, enters_init) {
            Reach::NotReached
        } else {
            Reach::NotKnown
        };
    }
}

/// The last boundary that it is known to have come to.
fn furthest(attempt: &Attempt, waterfall: &Waterfall) -> Option<Boundary> {
    let created =
        matches!(attempt.outcome, Outcome::Created | Outcome::CreatedElsewhere | Outcome::CreatedDoomed);
    let seen = BOUNDARIES.into_iter().zip(&waterfall.lanes).rev();
    let seen = seen.filter(|(_, lane)| !lane.spans.is_empty()).map(|(boundary, _)| boundary).next();
    let issued = (attempt.issued == Some(true)).then_some(Boundary::Syscall);
    seen.max(issued).max(created.then_some(Boundary::Network))
}

/// Whether the verdict says that it did not come to `boundary`; `enters_init`: it is, or has, an initialisation of
/// the library, which opens the device.
fn is_excluded(attempt: &Attempt, boundary: Boundary, enters_init: bool) -> bool {
    // Whether the program's process came into the library is never certain: it may have its own.
    if boundary == Boundary::Library {
        return false;
    }
    let not_issued = attempt.issued == Some(false);
    if not_issued && boundary == Boundary::Network {
        return true;
    }
    match (attempt.outcome, attempt.boundary) {
        (Outcome::Stopped | Outcome::Died | Outcome::InProgress, Some(Boundary::Library)) => {
            not_issued && !enters_init
        }
        (Outcome::NotAttempted, _) => not_issued && !enters_init && attempt.coverage.complete,
        (Outcome::Stopped, Some(Boundary::Syscall)) => {
            boundary == Boundary::Network || attempt.cause.is_some_and(keeps_from_module)
        }
        // The verdict rests on the module's function not having been entered.
        (Outcome::Died | Outcome::InProgress, Some(Boundary::Syscall)) => true,
        (Outcome::Stopped, Some(Boundary::Module)) => attempt.cause.is_some_and(keeps_from_network),
        _ => false,
    }
}

/// Causes at the system call by which no function of the module is called. Others are the module's own answer to
/// opening it, or to a request that it does not know.
const fn keeps_from_module(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::SysDeviceMissing
            | Cause::SysDeviceDenied
            | Cause::SysBadFd
            | Cause::SysWrongDevice
            | Cause::SysSeccomp
    )
}

/// Causes in the module that it finds before it asks for a network device (`kni_ioctl_create`, `kernel/linux/kni/
/// kni_misc.c`, DPDK 16.04 to 23.07); others may come after.
const fn keeps_from_network(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::ModSizeSkew
            | Cause::ModFault
            | Cause::ModNameUnterminated
            | Cause::ModCoreOffline
            | Cause::ModNameDuplicate
    )
}
