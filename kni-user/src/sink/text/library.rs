//! What is known of the program and its library around an attempt: what it was called with, which check
//! refused, what went wrong before, which release it is, and how the process ended.

use kni_ebpf::hook::Hook;

use super::{milestones, steps, words};
use crate::cause::Cause;
use crate::report::{Argument, Arguments, Attempt, Check, IovaMode, Library, Origin, Outcome, ProcessEnd};
use crate::sink::escape;

/// Columns that a path or a pool's name gets at most, with its quotes.
const TEXT: usize = 50;

/// The step before the attempt that made it come to nothing.
pub(super) fn origin(attempt: &Attempt) -> Option<String> {
    let Origin { step, before_ns } = attempt.origin.as_ref()?;
    // Of what was never attempted, all that went before is told one by one.
    let told = milestones::are_all(attempt)
        && attempt.steps.iter().any(|other| other.hook == step.hook && other.value == step.value);
    let had = milestones::before(step)?;
    let before = match before_ns {
        0 => "just before".to_owned(),
        _ => format!("{} before", words::duration(*before_ns)),
    };
    (!told).then(|| format!("{before}, {had}"))
}

/// What `rte_kni_alloc` was called with, where that matters: it is missing, or could not be read.
pub(super) fn arguments(attempt: &Attempt) -> Vec<String> {
    let Some(Arguments { name, pool, iova_mode }) = &attempt.arguments else { return Vec::new() };
    let mut lines = Vec::new();
    if attempt.steps.iter().any(|step| step.hook == Hook::LibraryAlloc.name()) {
        if matches!(name, Argument::Text { text } if text.is_empty()) {
            lines.push("rte_kni_alloc was called with an empty interface name".to_owned());
        }
        lines.extend(lacking(name, "a configuration", "the configuration"));
        // Of the pool the cause says it.
        let pool = (attempt.cause != Some(Cause::LibNoPool)).then_some(pool);
        lines.extend(pool.and_then(|pool| lacking(pool, "an mbuf pool", "the mbuf pool's name")));
    }
    let about_mode = [Cause::LibIovaMode, Cause::ModAddressMode, Cause::ModBadAddress];
    let mode = iova_mode.filter(|_| attempt.cause.is_some_and(|cause| about_mode.contains(&cause)));
    lines.extend(mode.map(works_with));
    lines
}

fn lacking(argument: &Argument, passed: &str, read: &str) -> Option<String> {
    match argument {
        Argument::Null => Some(format!("rte_kni_alloc was called without {passed} (NULL)")),
        Argument::Text { .. } => None,
        Argument::Unreadable { errno } => {
            Some(format!("{read} could not be read ({})", words::errno_name(*errno)))
        }
    }
}

/// What else it was called with.
pub(super) fn more_arguments(attempt: &Attempt) -> Vec<String> {
    let Some(Arguments { name: _, pool, iova_mode }) = &attempt.arguments else { return Vec::new() };
    let pool = match pool {
        // An empty one was not read: recordings may be older than the hook that reads it.
        Argument::Text { text } if !text.is_empty() => {
            Some(format!("mbuf pool: {}", escape::quoted(text, TEXT)))
        }
        Argument::Text { .. } | Argument::Null | Argument::Unreadable { .. } => None,
    };
    pool.into_iter().chain(iova_mode.map(works_with)).collect()
}

fn works_with(mode: IovaMode) -> String {
    let addresses = match mode {
        IovaMode::Physical => "the program works with physical addresses (IOVA mode PA)",
        IovaMode::Virtual => "the program works with virtual addresses (IOVA mode VA)",
        IovaMode::Undecided => "the program's kind of addresses (IOVA mode) is not decided yet",
    };
    addresses.to_owned()
}

/// Which check refused, where neither a step nor an argument tells it.
pub(super) fn refusing_check(attempt: &Attempt) -> Option<String> {
    let check = attempt.check.as_ref()?;
    let is_argument = attempt.cause == Some(Cause::LibNoPool) || !arguments(attempt).is_empty();
    if is_argument || steps::refusing(attempt).is_some() || steps::could_not_open(attempt) {
        return None;
    }
    let Check { function, releases, what, number, of, time } = *check;
    let time =
        time.map_or_else(String::new, |(time, of)| format!(", made for the {} time of {of}", nth(time)));
    let last = if is_last(check) { ", the last before the ioctl" } else { "" };
    Some(format!("{function} refused at check {number} of {of}{last} (DPDK {releases}): {what}{time}"))
}

/// What a failing memzone function's sentence says of the check that it was.
pub(super) fn position(check: &Check) -> String {
    let time = check.time.map_or_else(String::new, |(time, of)| {
        format!(", the {} of the {of} memzones", if time == of { "last".to_owned() } else { nth(time) })
    });
    let last = if is_last(check) { ", and that is the last check before the ioctl" } else { "" };
    format!("{time}{last}")
}

fn nth(number: u8) -> String {
    words::ordinal(number.into())
}

/// Whether nothing but the request itself would have followed.
fn is_last(check: &Check) -> bool {
    check.function == Hook::LibraryAlloc.place()
        && check.number == check.of
        && check.time.is_none_or(|(time, of)| time == of)
}

/// Which release it is, where that is what the cause is about.
pub(super) fn release(attempt: &Attempt) -> Option<String> {
    let about_releases =
        [Cause::ModSizeSkew, Cause::ModLayoutSkew, Cause::SysUnknownRequest, Cause::LibIovaMode];
    let library = attempt.library.as_ref()?;
    attempt.cause.filter(|cause| about_releases.contains(cause))?;
    let whole = library.object.as_ref()?;
    let name = whole.as_bytes().rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    Some(format!("{}: {}", escape::line(&name.into(), TEXT), known(library)))
}

/// Which library it is, where it is, and what shows that.
pub(super) fn whole(library: &Library) -> String {
    let object =
        library.object.as_ref().map_or_else(|| "not known".to_owned(), |object| escape::quoted(object, TEXT));
    format!("library: {object}, {}", known(library))
}

fn known(library: &Library) -> String {
    let Library { object: _, is_static, releases, layout, evidence } = library;
    let inside =
        is_static.filter(|inside| *inside).map(|_| "an executable with the library inside".to_owned());
    let releases = releases.as_ref().map_or_else(
        || "DPDK release not known".to_owned(),
        |releases| format!("DPDK {}", escape::line(&releases.as_str().into(), TEXT)),
    );
    let layout = layout.map(|layout| format!("layout {}", layout.escape_debug()));
    let parts: Vec<String> = inside.into_iter().chain([releases]).chain(layout).collect();
    let evidence: Vec<String> =
        evidence.iter().map(|shown| escape::line(&shown.as_str().into(), usize::MAX)).collect();
    let evidence = if evidence.is_empty() { String::new() } else { format!(" ({})", evidence.join("; ")) };
    format!("{}{evidence}", parts.join(", "))
}

/// How the process ended.
pub(super) fn end(attempt: &Attempt) -> Option<String> {
    let ProcessEnd { status, signal, core_dumped } = attempt.end?;
    let then = if attempt.outcome == Outcome::Died { "" } else { "then " };
    let dumped = if core_dumped { ", core dumped" } else { "" };
    Some(match signal {
        Some(signal) => format!("the process {then}died of {}{dumped}", words::signal(signal)),
        None => format!("the process {then}{}", words::ending(status, None)),
    })
}
