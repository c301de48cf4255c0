//! The module was asked and refused, by itself or because the network core refused it.

use kni_ebpf::hook::Hook;

use super::{Case, Verdict};
use crate::cause::Cause;
use crate::correlate::ModuleSaid;
use crate::report::{Boundary, Errnos};

/// Who refused, when the module answered `errno`.
///
/// `kni_ioctl_create` (`kernel/linux/kni/kni_misc.c`, DPDK 16.04 to 23.07): first its own checks (EINVAL, EFAULT,
/// EIO), then `alloc_netdev` (EBUSY), then `register_netdev` (ENODEV, whatever that said), then the thread (ECANCELED).
pub(super) fn refused(case: &Case, errno: i32) -> Verdict {
    let seen = case.seen;
    match (seen.registered, seen.allocated) {
        (Some(0), _) => after_registration(case, errno),
        (Some(refusal), _) => not_registered(refusal.saturating_neg()),
        (None, Some(false)) => Verdict::stopped(Boundary::Network, Cause::NetAlloc),
        (None, Some(true)) => unregistered(case, errno),
        (None, None) => unallocated(case, errno),
    }
}

fn not_registered(kernel: i32) -> Verdict {
    let cause = match kernel {
        libc::EEXIST => Cause::NetNameExists,
        libc::EINVAL => Cause::NetNameInvalid,
        _ => Cause::NetRegister,
    };
    let errno = Errnos { user: None, kernel: Some(kernel) };
    Verdict { errno, ..Verdict::stopped(Boundary::Network, cause) }
}

fn after_registration(case: &Case, errno: i32) -> Verdict {
    let stopped = Verdict::stopped(Boundary::Module, (errno == libc::ECANCELED).then_some(Cause::ModThread));
    Verdict { errno: Errnos { user: None, kernel: case.seen.thread_errno }, ..stopped }
}

/// It had its device, and nothing was seen of registering it.
fn unregistered(case: &Case, errno: i32) -> Verdict {
    if case.would_have_seen(Hook::RegisterNetdev) {
        return Verdict::stopped(Boundary::Module, own_cause(case, errno));
    }
    by_errno(case, errno)
}

/// Nothing was seen of the network core.
fn unallocated(case: &Case, errno: i32) -> Verdict {
    if case.would_have_seen(Hook::AllocNetdev) {
        return Verdict::stopped(Boundary::Module, own_cause(case, errno));
    }
    by_errno(case, errno)
}

/// The network core could not be watched: what the module answered, and what it said, must do.
fn by_errno(case: &Case, errno: i32) -> Verdict {
    match (errno, case.seen.module.said) {
        (libc::EINVAL | libc::EFAULT | libc::EIO | libc::ECANCELED, _) => {
            Verdict::stopped(Boundary::Module, own_cause(case, errno))
        }
        (libc::ENODEV, Some(ModuleSaid::CannotRegister(kernel))) => not_registered(kernel),
        (libc::EBUSY, Some(ModuleSaid::CannotAllocate)) => {
            Verdict::stopped(Boundary::Network, Cause::NetAlloc)
        }
        _ => Verdict::inconclusive(case.unseen(&[Hook::AllocNetdev, Hook::RegisterNetdev])),
    }
}

/// Which of the module's own checks refused.
fn own_cause(case: &Case, errno: i32) -> Option<Cause> {
    match errno {
        libc::EFAULT | libc::EIO => Some(Cause::ModFault),
        libc::ECANCELED if case.seen.allocated.is_some() || !case.would_have_seen(Hook::AllocNetdev) => {
            Some(Cause::ModThread)
        }
        libc::EINVAL => invalid(case),
        _ => None,
    }
}

/// EINVAL has five sources; all but a request that is too large are told in the kernel's log.
fn invalid(case: &Case) -> Option<Cause> {
    match case.seen.module.said {
        Some(ModuleSaid::Duplicated) => Some(Cause::ModNameDuplicate),
        Some(ModuleSaid::Unterminated) => Some(Cause::ModNameUnterminated),
        Some(ModuleSaid::CoreOffline) => Some(Cause::ModCoreOffline),
        Some(ModuleSaid::AddressMode) => Some(Cause::ModAddressMode),
        Some(ModuleSaid::CannotCopy | ModuleSaid::CannotAllocate | ModuleSaid::CannotRegister(_)) => None,
        None => (case.has_namesake && !case.seen.module.whole).then_some(Cause::ModNameDuplicate),
    }
}
