//! The CREATE request was answered: with an interface, or at the system call's boundary.

use kni_ebpf::hook::Hook;

use super::{Case, End, Verdict, module, skew};
use crate::cause::Cause;
use crate::correlate::Opened;
use crate::report::{Boundary, Interface, Outcome, Unseen};

/// The program was told that it has its interface; `None` if the request was another device's.
pub(super) fn granted(case: &Case) -> Option<Verdict> {
    let seen = case.seen;
    let succeeded = |passage: Option<crate::correlate::Passage>| {
        passage.and_then(|passage| passage.returned).is_some_and(|(_, value)| value == 0)
    };
    if succeeded(seen.handler) || succeeded(seen.dispatcher) || seen.registered == Some(0) {
        return Some(created(case));
    }
    let entered = seen.is_in_kernel();
    if !entered && case.would_have_seen(Hook::Dispatcher) {
        // Some other device has a request of the same shape. The library has only one use for it.
        return (seen.outermost == Some(Hook::LibraryAlloc))
            .then(|| about_descriptor(case, Verdict::stopped(Boundary::Syscall, Cause::SysWrongDevice)));
    }
    if entered || case.would_have_seen(Hook::Handler) || !was_told_by_the_module(case) {
        return Some(Verdict::inconclusive(unseen_in_kernel(case)));
    }
    Some(created(case))
}

/// Whether the file that granted the request was `/dev/kni`, although nothing was seen of the module.
fn was_told_by_the_module(case: &Case) -> bool {
    let seen = case.seen;
    let Some(call) = &seen.call else { return false };
    let by_library = seen.outermost == Some(Hook::LibraryAlloc)
        && matches!(case.end, End::Returned(handle) if handle != 0);
    call.returned == Some(0) && !call.unpaired && (by_library || case.history.descriptors.contains(&call.fd))
}

fn created(case: &Case) -> Verdict {
    let created = Verdict { outcome: Outcome::Created, ..Verdict::inconclusive(Vec::new()) };
    if let Some((cause, skew)) = skew::of_created(case) {
        return Verdict { outcome: Outcome::CreatedDoomed, cause: Some(cause), skew: Some(skew), ..created };
    }
    if is_elsewhere(case) {
        return Verdict { outcome: Outcome::CreatedElsewhere, ..created };
    }
    if is_doubtful(case) { Verdict::inconclusive(unseen_before(case)) } else { created }
}

/// Whether something was lost that may have told more of the interface than that it is there.
fn is_doubtful(case: &Case) -> bool {
    let Interface { claimed, consumed, actual, .. } = &case.seen.interface;
    let lossy = case.seen.lost > 0;
    let taken = consumed.as_ref().or(claimed.as_ref());
    let renamed = actual.is_none() && taken.is_none_or(|name| name.as_bytes().contains(&b'%'));
    let unread = case.seen.asked.info.is_none();
    (lossy && (renamed || unread)) || case.machine.opened == Opened::Doubtful || skew::may_be_doomed(case)
}

fn unseen_before(case: &Case) -> Vec<Unseen> {
    let reason = Some("another opening may have gone unseen".to_owned());
    let hook = Unseen::Hook { hook: Hook::DeviceOpen.name(), reason, armed_after_ns: None };
    let lost = Unseen::Records { lost: case.machine.lost };
    vec![if case.machine.lost > 0 { lost } else { hook }]
}

/// The network namespace in which the device was opened, if it is known to be another than the request's.
pub(super) fn opened_elsewhere(case: &Case) -> Option<u64> {
    let Opened::In(opened_in) = case.machine.opened else { return None };
    case.seen.asked.netns.filter(|netns| *netns != opened_in).map(|_| opened_in)
}

/// Whether the interface is not where, or not what, the program looks for: the kernel gave another name than it
/// took (`x%d`), or the program moved to another network namespace after it had opened the device. Its closing
/// will not remove the interface there (`kni_ioctl` and `kni_release` in `kernel/linux/kni/kni_misc.c`).
fn is_elsewhere(case: &Case) -> bool {
    let Interface { claimed, consumed, actual, .. } = &case.seen.interface;
    let moved = opened_elsewhere(case).is_some();
    // What the program claimed may have changed before the kernel took it.
    let taken = consumed.as_ref().or(claimed.as_ref());
    moved || taken.zip(actual.as_ref()).is_some_and(|(taken, actual)| taken != actual)
}

/// The module got a request whose number it does not know; `None` if more became of it than that.
pub(super) fn unknown(case: &Case) -> Option<Verdict> {
    let subject = case.seen.asked.unknown.map(|cmd| format!("{cmd:#010x}").as_str().into());
    let verdict = Verdict::stopped(Boundary::Syscall, Cause::SysUnknownRequest).told(libc::EINVAL);
    let failed = match (case.seen.outermost, case.end) {
        (Some(Hook::LibraryAlloc), End::Returned(handle)) => handle == 0,
        (_, End::Returned(_)) => true,
        (_, End::Died | End::InFlight | End::Unknown) => false,
    };
    if failed { Some(Verdict { subject, ..verdict }) } else { super::attempted(case) }
}

/// The program was told `errno`.
pub(super) fn refused(case: &Case, errno: i32) -> Verdict {
    let seen = case.seen;
    if seen.call.as_ref().is_some_and(|call| call.unpaired) && !seen.is_in_kernel() {
        return seccomp(case).told(errno);
    }
    if seen.handler.is_some() || (seen.dispatcher.is_some() && !case.would_have_seen(Hook::Handler)) {
        return module::refused(case, errno).told(errno);
    }
    if seen.compat.is_some() {
        return Verdict::stopped(Boundary::Syscall, Cause::SysCompat).told(errno);
    }
    if seen.dispatcher.is_some() {
        return Verdict::inconclusive(unseen_in_kernel(case)).told(errno);
    }
    match errno {
        // The kernel itself says so before it looks at any file; no KNI module does.
        libc::EBADF => {
            // Up to 18.08 the library does not notice that it was closed.
            let origin = case.before(case.history.past.closed.as_ref());
            about_descriptor(case, Verdict { origin, ..Verdict::stopped(Boundary::Syscall, Cause::SysBadFd) })
        }
        // KNI knows no request for which it says so.
        libc::ENOTTY => about_descriptor(case, Verdict::stopped(Boundary::Syscall, Cause::SysWrongDevice)),
        _ => not_dispatched(case, errno),
    }
    .told(errno)
}

/// Nothing was seen of the module, and the errno may be anybody's.
fn not_dispatched(case: &Case, errno: i32) -> Verdict {
    let seen = case.seen;
    if seen.allocated == Some(false) || seen.registered.is_some_and(|value| value != 0) {
        return module::refused(case, errno);
    }
    let missing = case.unseen(&[Hook::Dispatcher]);
    if !missing.is_empty() {
        return Verdict::inconclusive(missing);
    }
    // A security module may forbid the request on the right device too.
    let forbidden = matches!(errno, libc::EACCES | libc::EPERM);
    let wrong = (!forbidden).then_some(Cause::SysWrongDevice);
    about_descriptor(case, Verdict::stopped(Boundary::Syscall, wrong))
}

/// A system call that returns without having been entered: the tracepoint of its entry lies behind
/// seccomp, that of its exit does not.
fn seccomp(case: &Case) -> Verdict {
    let missing = case.unseen(&[Hook::Ioctl]);
    if missing.is_empty() {
        return Verdict::stopped(Boundary::Syscall, Cause::SysSeccomp);
    }
    let entry = Unseen::Entry { hook: Hook::Ioctl.name() };
    Verdict::inconclusive(missing.into_iter().chain([entry]).collect())
}

fn about_descriptor(case: &Case, verdict: Verdict) -> Verdict {
    let subject = case.seen.call.as_ref().map(|call| format!("fd {}", call.fd).as_str().into());
    Verdict { subject, ..verdict }
}

/// What of the kernel's side could not be seen; if all could be, what should have been and wasn't.
fn unseen_in_kernel(case: &Case) -> Vec<Unseen> {
    let missing = case.unseen(&[Hook::Dispatcher, Hook::Handler, Hook::RegisterNetdev]);
    if !missing.is_empty() {
        return missing;
    }
    let reason = Some("what was seen of it does not fit the answer".to_owned());
    vec![Unseen::Hook { hook: Hook::Handler.name(), reason, armed_after_ns: None }]
}
