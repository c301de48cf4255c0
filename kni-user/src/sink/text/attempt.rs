//! One attempt: the headline, the reason, the evidence, the next step.

use super::page::{Page, padded};
use super::{coverage, library, milestones, repeats, skew, steps, waiting, words};
use crate::cause::Cause;
use crate::event::Holder;
use crate::report::{Attempt, Boundary, Interface, Outcome, Process};
use crate::sink::escape;
use crate::untrusted::Untrusted;

/// Columns that the program and the interface get at least, so that lines line up.
const WHO: usize = 15;
const NAME: usize = 7;
/// Columns that untrusted names get at most. A task's name has 15 bytes, an interface's at most 31.
const COMM: usize = 20;
const INTERFACE: usize = 31;
/// Columns that a path or a memzone's name gets at most, with its quotes.
const SUBJECT: usize = 50;
/// Lines of the kernel's log that are shown; JSON has all.
const LOG: usize = 6;

/// What is shown beside the headline.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Detail {
    /// Nothing.
    Headline,
    /// Why, and what shows it.
    Evidence,
    /// Every step too.
    Steps,
}

/// One paragraph.
pub(super) fn paragraph(page: &mut Page, attempt: &Attempt, time: &str, detail: Detail) {
    let said = match &attempt.repeat {
        Some(repeat) => repeats::again(repeat),
        None => headline(page, attempt),
    };
    page.line(&format!(
        "{time}  {}  {said}",
        columns(attempt.process.pid, &attempt.process.comm, attempt.interface.name())
    ));
    if detail == Detail::Headline || (detail == Detail::Evidence && attempt.repeat.is_some()) {
        return;
    }
    if !attempt.is_final {
        let stack = attempt.waiting.as_ref().filter(|_| detail == Detail::Steps).and_then(waiting::stack);
        page.evidence_lines(stack);
        return;
    }
    under(page, attempt, detail);
}

/// What stands under the headline.
pub(super) fn under(page: &mut Page, attempt: &Attempt, detail: Detail) {
    if attempt.outcome != Outcome::Created {
        page.evidence_lines(reason(attempt));
    }
    evidence(page, attempt);
    if detail == Detail::Steps {
        all_steps(page, attempt);
    }
    page.evidence_lines(next(attempt, detail));
}

/// `l3fwd-kni[4121]  vEth0_0`, in columns.
pub(super) fn columns(pid: u32, comm: &Untrusted, name: Option<&Untrusted>) -> String {
    beside(&task(pid, comm), name)
}

/// The same, of whoever it is.
pub(super) fn beside(who: &str, name: Option<&Untrusted>) -> String {
    format!("{}  {}", padded(who, WHO), padded(&interface(name), NAME))
}

/// `l3fwd-kni[4121]`.
pub(super) fn task(pid: u32, comm: &Untrusted) -> String {
    format!("{}[{pid}]", escape::word(comm, COMM))
}

/// The interface's name as a word.
pub(super) fn interface(name: Option<&Untrusted>) -> String {
    name.map_or_else(|| "-".to_owned(), |name| escape::word(name, INTERFACE))
}

pub(super) fn headline(page: &Page, attempt: &Attempt) -> String {
    if !attempt.is_final {
        let painted = page.paint(attempt.outcome.into(), "IN PROGRESS");
        return format!("{painted}{}", waiting::so_far(attempt));
    }
    let phrase = words::outcome(attempt.outcome, attempt.boundary).to_uppercase();
    let painted = page.paint(attempt.outcome.into(), &phrase);
    match attempt.outcome {
        Outcome::Created | Outcome::CreatedElsewhere | Outcome::CreatedDoomed => {
            let index =
                attempt.interface.ifindex.map_or_else(String::new, |index| format!("  ifindex {index}"));
            format!("{painted} in {}{index}", words::duration(attempt.duration_ns))
        }
        Outcome::InProgress => format!("{painted} after {}", words::duration(attempt.duration_ns)),
        Outcome::NotAttempted => match milestones::furthest(attempt) {
            Some(place) => format!("{painted}: it came as far as {place}"),
            None => painted,
        },
        Outcome::Stopped | Outcome::Died | Outcome::Inconclusive => painted,
    }
}

/// What stopped it, in one sentence; that it isn't known, if it isn't.
pub(super) fn reason(attempt: &Attempt) -> Option<String> {
    let never = match (attempt.outcome, attempt.cause) {
        (Outcome::NotAttempted, Some(Cause::LibNoPool)) => {
            Some("the program could not make its mbuf pool, and went no further")
        }
        (Outcome::NotAttempted, None) => Some("the program has not tried to create an interface"),
        _ => None,
    };
    if let Some(never) = never {
        return Some(never.to_owned());
    }
    if let (Some(Boundary::Module), Some(Cause::ProcCrash)) = (attempt.boundary, attempt.cause) {
        return Some(kernel_failed(attempt.subject.as_ref()));
    }
    if let Some(cause) = attempt.cause {
        let about = attempt.subject.as_ref().map(|subject| format!(": {}", escape::quoted(subject, SUBJECT)));
        return Some(format!("{}{}", cause.meaning(), about.unwrap_or_default()));
    }
    let unknown = match (attempt.outcome, attempt.boundary) {
        (Outcome::Stopped, Some(Boundary::Library)) if attempt.check.is_some() => {
            return library::refusing_check(attempt);
        }
        (Outcome::Stopped, Some(Boundary::Library)) => "which check of the library it was is not known",
        (Outcome::Stopped, Some(Boundary::Syscall)) => "why the system call failed is not known",
        (Outcome::Stopped, Some(Boundary::Module)) => "which check of the module it was is not known",
        (Outcome::Stopped, Some(Boundary::Network)) => "why the network core refused is not known",
        (Outcome::Stopped, None) => "where it stopped is not known",
        _ => return None,
    };
    Some(unknown.to_owned())
}

/// A thread died in the kernel, `at` the function of that name.
pub(super) fn kernel_failed(at: Option<&Untrusted>) -> String {
    at.map_or_else(
        || "the kernel failed, and the thread died there".to_owned(),
        |at| format!("the kernel failed in {}", escape::word(at, SUBJECT)),
    )
}

/// What shows it, a line each.
pub(super) fn evidence(page: &mut Page, attempt: &Attempt) {
    if attempt.outcome != Outcome::Created {
        page.evidence_lines(observed(attempt));
        page.evidence_lines(skew::lines(attempt));
        page.evidence_lines(library::release(attempt));
        log(page, &attempt.log);
        page.evidence_lines(library::end(attempt));
    }
    page.evidence_lines(waiting::told(attempt));
    page.evidence_lines(naming(&attempt.interface));
    page.evidence_lines(namespaces(attempt));
    page.evidence_lines(steps::note(attempt).filter(|_| is_there(attempt.outcome)));
    if is_open(attempt) {
        page.evidence_lines(coverage::unseen(&attempt.coverage));
    }
}

fn observed(attempt: &Attempt) -> Vec<String> {
    let mut lines: Vec<String> = library::origin(attempt).into_iter().collect();
    if milestones::are_all(attempt) {
        lines.extend(milestones::milestones(attempt));
    } else {
        lines.extend(library::arguments(attempt));
        lines.extend(steps::logged(attempt));
        lines.extend(steps::failures(attempt));
        // Where there is no cause, it stands in its place.
        lines.extend(attempt.cause.and_then(|_| library::refusing_check(attempt)));
        lines.extend(milestones::panicked(attempt));
        lines.extend(untold_errnos(attempt));
    }
    lines.extend(inside(attempt));
    lines.extend(request(attempt));
    if let Some(Holder { pid, comm }) = &attempt.holder {
        let who = task(*pid, comm);
        lines.push(match attempt.cause {
            Some(Cause::SysDeviceStuck) => format!("{who} died inside the module with /dev/kni open"),
            _ => format!("/dev/kni is held by {who}"),
        });
    }
    lines
}

fn inside(attempt: &Attempt) -> Option<String> {
    let place = steps::inside(attempt)?;
    match attempt.outcome {
        Outcome::Died => Some(format!("it was inside {place}, which will never return")),
        Outcome::InProgress => Some(format!("it is inside {place}")),
        _ => None,
    }
}

/// Whether the module was asked, where that tells the boundary.
fn request(attempt: &Attempt) -> Option<String> {
    let line = match (attempt.issued, attempt.boundary, attempt.outcome) {
        (Some(false), Some(Boundary::Library), Outcome::Stopped) => {
            "no ioctl was issued: the module was not asked, dmesg has nothing on it"
        }
        (
            Some(false),
            _,
            Outcome::Stopped | Outcome::Died | Outcome::NotAttempted | Outcome::Inconclusive,
        ) => "no create ioctl was issued",
        (Some(true), _, Outcome::Inconclusive) => {
            "the ioctl was issued: it stopped beyond the library, if it stopped"
        }
        (None, _, Outcome::Inconclusive) if milestones::are_all(attempt) => {
            "whether the program then tried to create an interface is not known"
        }
        (None, _, Outcome::Inconclusive) => {
            "whether the ioctl was issued is not known: it may have stopped anywhere"
        }
        _ => return None,
    };
    Some(line.to_owned())
}

/// The errnos that no step told.
fn untold_errnos(attempt: &Attempt) -> impl Iterator<Item = String> {
    let told = steps::told_errnos(attempt);
    let untold = move |errno: Option<i32>| errno.filter(|errno| !told.contains(errno)).map(words::errno);
    let kernel = untold(attempt.errno.kernel).map(|errno| format!("the kernel's own function said {errno}"));
    // Without a request of its own, an earlier call of the program's tells why this one came to nothing.
    let told = if attempt.issued == Some(false) {
        "an earlier call had told the program"
    } else {
        "the program was told"
    };
    let user = untold(attempt.errno.user).map(|errno| format!("{told} {errno}"));
    kernel.into_iter().chain(user)
}

/// Lines of the kernel's log.
pub(super) fn log(page: &mut Page, lines: &[Untrusted]) {
    for line in lines.iter().take(LOG) {
        // A line of the log has at most 1024 bytes; it is wrapped, not cut.
        page.evidence(&format!("kernel: {}", escape::line(line, usize::MAX)));
    }
    if let Some(more @ 1..) = lines.len().checked_sub(LOG) {
        page.evidence(&format!("kernel: {more} lines more (--format json has them)"));
    }
}

/// Where the names that were asked for, taken and given differ.
fn naming(interface: &Interface) -> Vec<String> {
    let Interface { claimed, consumed, actual, ifindex: _, netns: _, opened_in: _ } = interface;
    let differ = |one: &Option<Untrusted>, other: &Option<Untrusted>| {
        let (one, other) = (one.as_ref()?, other.as_ref()?);
        (one != other).then(|| (escape::quoted(one, INTERFACE), escape::quoted(other, INTERFACE)))
    };
    let taken = differ(claimed, consumed)
        .map(|(claimed, consumed)| format!("the program asked for {claimed}; the kernel took {consumed}"));
    let given = differ(consumed, actual)
        .map(|(consumed, actual)| format!("the kernel took {consumed} and registered {actual}"));
    taken.into_iter().chain(given).collect()
}

/// Where the network namespaces of the device and of the request differ.
fn namespaces(attempt: &Attempt) -> Option<String> {
    let Interface { netns, opened_in, .. } = attempt.interface;
    let (asked, opened) = (netns?, opened_in?);
    let apart = format!("the request was made in network namespace {asked}, /dev/kni opened in {opened}");
    let stays =
        if is_there(attempt.outcome) { ": closing the device will not remove the interface" } else { "" };
    (asked != opened).then(|| format!("{apart}{stays}"))
}

pub(super) fn all_steps(page: &mut Page, attempt: &Attempt) {
    let Process { pid: _, tid, ns_pid, comm: _, exe, start_ns: _, mntns } = &attempt.process;
    if let Some(exe) = exe {
        page.evidence(&format!("program: {}", escape::quoted(exe, SUBJECT)));
    }
    page.evidence_lines(attempt.library.as_ref().map(library::whole));
    let inner = ns_pid.map(|pid| format!("process {pid} in its own PID namespace"));
    let namespace = |kind, inode: Option<u64>| inode.map(|inode| format!("{kind} namespace {inode}"));
    let namespaces = [inner, namespace("net", attempt.interface.netns), namespace("mount", *mntns)];
    let thread: Vec<String> =
        [format!("thread {tid}")].into_iter().chain(namespaces.into_iter().flatten()).collect();
    page.evidence(&thread.join(", "));
    page.evidence_lines(library::more_arguments(attempt));
    page.evidence_lines(attempt.waiting.as_ref().and_then(waiting::stack));
    page.evidence_lines(steps::listed(attempt));
}

/// Whether something about it is not known that should be.
fn is_open(attempt: &Attempt) -> bool {
    !is_there(attempt.outcome) && attempt.cause.is_none()
}

/// Whether there is an interface.
const fn is_there(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Created | Outcome::CreatedElsewhere | Outcome::CreatedDoomed)
}

/// What to do next, if there is anything to do.
pub(super) fn next(attempt: &Attempt, detail: Detail) -> Option<String> {
    let step = match (attempt.cause, attempt.outcome) {
        (Some(cause), _) => format!("kniwatch explain {}", cause.name()),
        _ if !is_open(attempt) => return None,
        (None, Outcome::InProgress) => {
            format!("sudo cat /proc/{}/stack shows what it waits for", attempt.process.tid)
        }
        (None, _) => match coverage::remedy(&attempt.coverage) {
            Some(remedy) => remedy.to_owned(),
            None if attempt.boundary == Some(Boundary::Library) && attempt.check.is_none() => {
                "read the program's own log: librte_kni gives most of its reasons there".to_owned()
            }
            None if detail == Detail::Steps => return None,
            None => "kniwatch -v shows every step that was seen".to_owned(),
        },
    };
    Some(format!("next: {step}"))
}
