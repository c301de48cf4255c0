//! What the steps of an attempt say, in sentences.

use kni_ebpf::hook::Hook;

use super::{library, words};
use crate::correlate::Said;
use crate::report::{Attempt, Failure, Returned, Step};
use crate::sink::escape;
use crate::untrusted::Untrusted;
use crate::waterfall::{Ending, Span};

/// Columns that a step's string argument gets at most, with its quotes.
const TEXT: usize = 50;
/// Columns that a line of the library's log gets at most, with its quotes.
const LOG: usize = 100;

/// The failures among the steps, from the first cause outwards, a sentence each. What only
/// hands an errno on is named beside the place that it came from.
pub(super) fn failures(attempt: &Attempt) -> Vec<String> {
    let failed: Vec<(&Step, Failure)> = attempt
        .steps
        .iter()
        .filter_map(|step| step.failure(attempt.subject.as_ref()).map(|failure| (step, failure)))
        .collect();
    let groups: Vec<_> = failed.chunk_by(|(_, one), (_, next)| handed_on(*one, *next)).collect();
    let changed = |index: usize| index > 0 && groups.iter().take(index).any(|group| is_errno(group));
    groups.iter().enumerate().filter_map(|(index, group)| sentence(group, changed(index), attempt)).collect()
}

/// The errnos that the sentences of [`failures`] name.
pub(super) fn told_errnos(attempt: &Attempt) -> Vec<i32> {
    let errno = |step: &Step| match step.failure(attempt.subject.as_ref()) {
        Some(Failure::Errno(errno)) => Some(errno),
        _ => None,
    };
    let origin = attempt.origin.as_ref().map(|origin| &origin.step);
    attempt.steps.iter().chain(origin).filter_map(errno).collect()
}

fn handed_on(one: Failure, next: Failure) -> bool {
    matches!((one, next), (Failure::Errno(one), Failure::Errno(next)) if one == next)
}

fn is_errno(group: &[(&Step, Failure)]) -> bool {
    group.iter().any(|(_, failure)| matches!(failure, Failure::Errno(_)))
}

fn sentence(group: &[(&Step, Failure)], instead: bool, attempt: &Attempt) -> Option<String> {
    let (first, failure) = group.first()?;
    let place = call(first);
    let also = group.last().filter(|_| group.len() > 1).map_or_else(String::new, |(last, _)| outermost(last));
    Some(match failure {
        Failure::Errno(errno) => {
            let instead = if instead { " instead" } else { "" };
            format!("{place} returned {}{instead}{also}", words::errno(*errno))
        }
        Failure::Null if first.hook == Hook::LibraryAlloc.name() => {
            format!("{place} returned NULL{}", after_entry(first, attempt))
        }
        Failure::Null => {
            let refusing = refusing(attempt).filter(|refusing| std::ptr::eq(*refusing, *first));
            let position = refusing.and(attempt.check.as_ref()).map_or_else(String::new, library::position);
            format!("{}{position}", nothing(first, ""))
        }
        Failure::Negative(value) => format!("{place} returned {value}"),
    })
}

/// A function came to nothing; `had` where that was before.
pub(super) fn nothing(step: &Step, had: &str) -> String {
    let place = call(step);
    if step.hook == Hook::MemzoneLookup.name() {
        return format!("{place} {had}found nothing");
    }
    // rte_kni_alloc leaves there what it found.
    let errno = step.rte_errno.filter(|errno| *errno != 0 && step.hook != Hook::LibraryAlloc.name());
    let errno = errno.map_or_else(String::new, |errno| format!(" ({})", words::errno_name(errno)));
    format!("{place} {had}returned NULL{errno}")
}

/// The memzone function whose failure refused the attempt.
pub(super) fn refusing(attempt: &Attempt) -> Option<&Step> {
    let is_memzone = |step: &&Step| {
        [Hook::MemzoneLookup, Hook::MemzoneReserve].iter().any(|hook| hook.name() == step.hook)
    };
    let failed = |step: &&Step| step.failure(attempt.subject.as_ref()).is_some();
    attempt.steps.iter().rev().filter(is_memzone).find(failed)
}

/// Whether the attempt tried to open `/dev/kni` in vain.
pub(super) fn could_not_open(attempt: &Attempt) -> bool {
    let opens = |step: &&Step| step.hook == Hook::Open.name();
    attempt.steps.iter().filter(opens).any(|step| step.failure(None).is_some())
}

/// What the program itself called; what lies between it and the origin of an errno says nothing new.
fn outermost(step: &Step) -> String {
    match Hook::from_name(step.hook) {
        Some(Hook::Ioctl | Hook::Open) => format!(", and so did {}", call(step)),
        _ => String::new(),
    }
}

fn after_entry(returned: &Step, attempt: &Attempt) -> String {
    let entered = attempt.steps.iter().find(|step| step.hook == returned.hook && step.value.is_none());
    entered.map_or_else(String::new, |entered| {
        let inside = returned.after_ns.saturating_sub(entered.after_ns);
        format!(" {} after it was entered", words::duration(inside))
    })
}

/// `rte_memzone_lookup("MP_pool")`; the system call goes without parentheses.
pub(super) fn call(step: &Step) -> String {
    match (&step.text, step.hook == Hook::Ioctl.name()) {
        (_, true) => "the ioctl".to_owned(),
        (Some(text), false) if step.hook != Hook::LibraryAlloc.name() => {
            format!("{}({})", step.place, escape::quoted(text, TEXT))
        }
        _ => step.place.to_owned(),
    }
}

/// The innermost place that was entered and not left.
pub(super) fn inside(attempt: &Attempt) -> Option<&'static str> {
    let mut open: Vec<&Step> = Vec::new();
    for step in attempt.steps.iter().filter(|step| step.is_left()) {
        if step.value.is_none() {
            open.push(step);
        } else if let Some(entry) = open.iter().rposition(|entered| entered.hook == step.hook) {
            open.truncate(entry);
        }
    }
    open.last().map(|step| step.place)
}

/// What the library logged last that may be why it refused, as its format string.
pub(super) fn logged(attempt: &Attempt) -> Option<String> {
    let panics = attempt.steps.iter().any(|step| step.hook == Hook::Panic.name());
    let is_reason = |step: &&Step| match logged_as(step) {
        Some(Said::Panic) => !panics,
        Some(said) => !said.is_only_said(),
        None => step.hook == Hook::LibraryLog.name(),
    };
    let reason = attempt.steps.iter().rfind(is_reason)?;
    Some(format!("the library logged {}", format_string(reason)?))
}

/// What is wrong with an interface that is there: its pool was empty, as the library logged.
pub(super) fn note(attempt: &Attempt) -> Option<String> {
    let step = attempt.steps.iter().rfind(|step| logged_as(step) == Some(Said::PoolEmpty))?;
    let format = format_string(step)?;
    Some(format!("note: the library logged {format}: the mbuf pool had no buffers left for it"))
}

fn logged_as(step: &Step) -> Option<Said> {
    let text = step.text.as_ref().filter(|_| step.hook == Hook::LibraryLog.name())?;
    Said::of(text.as_bytes())
}

/// A step's string argument, of which the end of its line says nothing.
pub(super) fn format_string(step: &Step) -> Option<String> {
    let format = Untrusted::from(step.text.as_ref()?.as_bytes().trim_ascii_end());
    Some(escape::quoted(&format, LOG))
}

/// Every step, a line each: when, where, what came back.
pub(super) fn listed(attempt: &Attempt) -> impl Iterator<Item = String> + '_ {
    attempt.steps.iter().map(|step| format!("+{:<8} {}", words::duration(step.after_ns), said(step)))
}

/// A step: where, what came back.
fn said(step: &Step) -> String {
    let Step { hook, place: _, text: _, detail, after_ns: _, value: _, took_ns: _, rte_errno } = step;
    let result =
        step.returned().map_or_else(|| "entered".to_owned(), |value| format!("-> {}", returned(value)));
    let call = call(step);
    let call = if *hook == Hook::Ioctl.name() { Hook::Ioctl.place() } else { &call };
    format!("{call} {result}{}", beside(detail.as_ref(), *rte_errno))
}

/// What a span of the waterfall was, and how it ended.
pub(super) fn span(span: &Span) -> String {
    let Span { hook, text, detail, rte_errno, ending, .. } = span;
    let text = text.as_ref().map(|text| format!("({})", escape::quoted(text, TEXT)));
    let ending = match ending {
        Ending::Moment => String::new(),
        Ending::Returned(value) => format!(" -> {}", returned(*value)),
        Ending::Unseen => " -> not seen".to_owned(),
        Ending::Inside => " has not returned".to_owned(),
    };
    format!("{}{}{ending}{}", hook.place(), text.unwrap_or_default(), beside(detail.as_ref(), *rte_errno))
}

/// What a step has beside its string and its result.
fn beside(detail: Option<&Untrusted>, rte_errno: Option<i32>) -> String {
    let detail = detail.map_or_else(String::new, |text| format!(" ({})", escape::line(text, TEXT)));
    let errno = rte_errno.map_or_else(String::new, |errno| format!(", rte_errno {}", dpdk_errno(errno)));
    format!("{detail}{errno}")
}

fn dpdk_errno(errno: i32) -> String {
    if errno == 0 { "0".to_owned() } else { words::errno_name(errno) }
}

/// What a place returned: a pointer as such, an errno by name.
pub(super) fn returned(returned: Returned) -> String {
    match returned {
        Returned::Null => "NULL".to_owned(),
        Returned::Pointer(value) => format!("{value:#x}"),
        Returned::Errno(errno) => format!("-{}", words::errno(errno)),
        Returned::Number(value) => value.to_string(),
    }
}
