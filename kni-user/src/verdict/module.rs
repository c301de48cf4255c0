//! The module was asked and refused, by itself or because the network core refused it.

use kni_ebpf::hook::Hook;

use super::rules::{is_interface_name, is_online};
use super::skew::{self, Size};
use super::{Case, Verdict};
use crate::cause::Cause;
use crate::correlate::ModuleSaid;
use crate::release::{layout_in, name_bytes, name_ends};
use crate::report::{Boundary, Errnos};
use crate::untrusted::Untrusted;

/// Who refused, when the module answered `errno`.
///
/// `kni_ioctl_create` (`kernel/linux/kni/kni_misc.c`, DPDK 16.04 to 23.07): first its own checks (EINVAL, EFAULT,
/// EIO), then `alloc_netdev` (EBUSY), then `register_netdev` (ENODEV, whatever that said), then the thread (ECANCELED).
pub(super) fn refused(case: &Case, errno: i32) -> Verdict {
    let seen = case.seen;
    match (seen.registered, seen.allocated) {
        (Some(0), _) => after_registration(case, errno),
        (Some(refusal), _) => not_registered(case, refusal.saturating_neg()),
        (None, Some(false)) => Verdict::stopped(Boundary::Network, Cause::NetAlloc),
        (None, Some(true)) => unregistered(case, errno),
        (None, None) => unallocated(case, errno),
    }
}

/// Of a name that is none, and of much else, it says EINVAL (`register_netdevice` in `net/core/dev.c`).
fn not_registered(case: &Case, kernel: i32) -> Verdict {
    let interface = &case.seen.interface;
    let name = interface.consumed.as_ref().or(interface.claimed.as_ref()).map(Untrusted::as_bytes);
    let reason = match kernel {
        libc::EEXIST => Cause::NetNameExists,
        libc::EINVAL if !name.is_some_and(is_interface_name) => Cause::NetNameInvalid,
        _ => Cause::NetRegister,
    };
    let errno = Errnos { user: None, kernel: Some(kernel) };
    Verdict { errno, ..Verdict::stopped(Boundary::Network, reason) }
}

fn after_registration(case: &Case, errno: i32) -> Verdict {
    let stopped = Verdict::stopped(Boundary::Module, (errno == libc::ECANCELED).then_some(Cause::ModThread));
    Verdict { errno: Errnos { user: None, kernel: case.seen.thread_errno }, ..stopped }
}

/// It had its device, and nothing was seen of registering it.
fn unregistered(case: &Case, errno: i32) -> Verdict {
    if !case.would_have_seen(Hook::RegisterNetdev) {
        return by_errno(case, errno);
    }
    // Between the two it checks one thing (19.11 to 23.07, kernels before 4.10).
    let mode = errno == libc::EINVAL;
    Verdict::stopped(Boundary::Module, mode.then_some(Cause::ModAddressMode))
}

/// Nothing was seen of the network core.
fn unallocated(case: &Case, errno: i32) -> Verdict {
    if !case.would_have_seen(Hook::AllocNetdev) {
        return by_errno(case, errno);
    }
    match errno {
        libc::ECANCELED => Verdict::stopped(Boundary::Module, None),
        _ => by_itself(case, errno),
    }
}

/// The network core could not be watched: what the module answered, and what it said, must do.
fn by_errno(case: &Case, errno: i32) -> Verdict {
    match (errno, case.seen.module.said) {
        (libc::ENODEV, Some(ModuleSaid::CannotRegister(kernel))) => not_registered(case, kernel),
        (libc::EBUSY, Some(ModuleSaid::CannotAllocate)) => {
            Verdict::stopped(Boundary::Network, Cause::NetAlloc)
        }
        (libc::EINVAL | libc::EFAULT | libc::EIO | libc::ECANCELED, _) => by_itself(case, errno),
        _ => Verdict::inconclusive(case.unseen(&[Hook::AllocNetdev, Hook::RegisterNetdev])),
    }
}

/// One of the module's own steps refused.
fn by_itself(case: &Case, errno: i32) -> Verdict {
    match errno {
        libc::EFAULT | libc::EIO => Verdict::stopped(Boundary::Module, Cause::ModFault),
        libc::ECANCELED => {
            let errno = Errnos { user: None, kernel: case.seen.thread_errno };
            Verdict { errno, ..Verdict::stopped(Boundary::Module, Cause::ModThread) }
        }
        libc::EINVAL => invalid(case),
        _ => Verdict::stopped(Boundary::Module, None),
    }
}

/// EINVAL has five sources; all but a request that is too large are told in the kernel's log.
fn invalid(case: &Case) -> Verdict {
    let stopped = |cause| Verdict::stopped(Boundary::Module, cause);
    match case.seen.module.said {
        Some(ModuleSaid::Duplicated) => stopped(Some(Cause::ModNameDuplicate)),
        Some(ModuleSaid::Unterminated) => stopped(Some(Cause::ModNameUnterminated)),
        Some(ModuleSaid::CoreOffline(_)) => offline(case),
        Some(ModuleSaid::AddressMode) => stopped(Some(Cause::ModAddressMode)),
        Some(ModuleSaid::CannotCopy | ModuleSaid::CannotAllocate | ModuleSaid::CannotRegister(_)) => {
            stopped(None)
        }
        None => unsaid(case),
    }
}

/// It was not heard, or said nothing. In the order of its checks: what the request shows to have been refused by
/// the first of them.
fn unsaid(case: &Case) -> Verdict {
    let silent = case.seen.module.silent;
    match skew::size(case) {
        Size::TooLarge => too_large(case, false),
        // It can be nothing else: it would have said so. Its line about the name does not end, so that the
        // kernel shows it only with its next one (`vprintk_store` in `kernel/printk/printk.c`, Linux 5.10 and later).
        Size::Unknown if silent && name_is_whole(case) == Some(true) => too_large(case, true),
        // Up to 16.11 it does not look, and says so of all else.
        Size::Fits if name_is_whole(case) == Some(false) => {
            let sure = case.seen.module.whole || !(case.has_namesake || names_offline_core(case));
            Verdict::stopped(Boundary::Module, sure.then_some(Cause::ModNameUnterminated))
        }
        // What only some releases refuse; but whatever else they do, they say.
        Size::Fits if silent && ends(case, SHORT_NAME) == Some(false) => {
            Verdict::stopped(Boundary::Module, Cause::ModNameUnterminated)
        }
        // Had it been the CPU or the name, it would have said so.
        Size::Fits if case.seen.module.whole => Verdict::stopped(Boundary::Module, None),
        Size::Fits if names_offline_core(case) => offline(case),
        Size::Fits | Size::Unknown => Verdict::stopped(Boundary::Module, namesake(case)),
    }
}

fn namesake(case: &Case) -> Option<Cause> {
    (case.has_namesake && !case.seen.module.whole).then_some(Cause::ModNameDuplicate)
}

fn too_large(case: &Case, by_exclusion: bool) -> Verdict {
    let skew = skew::of_size(case, by_exclusion);
    Verdict { skew, ..Verdict::stopped(Boundary::Module, Cause::ModSizeSkew) }
}

/// The CPU is not online; or it is none that the program ever named.
fn offline(case: &Case) -> Verdict {
    if case.seen.asked.info.is_none() && case.seen.lost > 0 {
        return Verdict::stopped(Boundary::Module, None);
    }
    let subject = skew::core(case).map(|cpu| format!("cpu {cpu}").as_str().into());
    let skew = skew::of_core(case);
    let reason = if skew.is_some() { Cause::ModLayoutSkew } else { Cause::ModCoreOffline };
    Verdict { subject, skew, ..Verdict::stopped(Boundary::Module, reason) }
}

fn names_offline_core(case: &Case) -> bool {
    let online = case.machine.cpus_online.as_bytes();
    skew::core(case).is_some_and(|cpu| is_online(online, cpu) == Some(false))
}

/// Bytes of the name since 19.11, and before.
const SHORT_NAME: usize = 16;
const LONG_NAME: usize = 32;

/// Whether the name ends within its field, whichever of its possible lengths the module gives that.
fn name_is_whole(case: &Case) -> Option<bool> {
    if let Some(layout) = case.machine.shown.as_ref().and_then(layout_in) {
        return ends(case, name_bytes(layout));
    }
    let [short, long] = [SHORT_NAME, LONG_NAME].map(|bytes| ends(case, bytes));
    short.filter(|_| short == long)
}

fn ends(case: &Case, bytes: usize) -> Option<bool> {
    name_ends(bytes, case.seen.asked.info.as_ref()?.as_bytes())
}
