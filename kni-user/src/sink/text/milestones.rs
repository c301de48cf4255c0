//! What single steps came to: those before an attempt, and those of a process that never attempted.

use kni_ebpf::hook::Hook;

use super::steps::{call, format_string, nothing};
use super::words;
use crate::report::{Attempt, Failure, Outcome, Step};
use crate::sink::escape;

/// Columns that a function's name gets at most.
const FUNCTION: usize = 50;

/// What a step before the attempt came to.
pub(super) fn before(step: &Step) -> Option<String> {
    came_to(step, "had ")
}

/// Whether the steps are those of a process that was not seen to attempt anything.
pub(super) fn are_all(attempt: &Attempt) -> bool {
    let is_way_there = |step: &Step| {
        matches!(
            Hook::from_name(step.hook),
            Some(
                Hook::LibraryInit
                    | Hook::LibraryClose
                    | Hook::Open
                    | Hook::DeviceOpen
                    | Hook::PoolCreate
                    | Hook::MempoolCreate
                    | Hook::RingCreate
            )
        )
    };
    match attempt.outcome {
        Outcome::NotAttempted => true,
        Outcome::Inconclusive => {
            !attempt.steps.is_empty()
                && attempt.interface.name().is_none()
                && attempt.steps.iter().all(is_way_there)
        }
        _ => false,
    }
}

/// How far a process came that never attempted: what it called, and what came of it.
pub(super) fn milestones(attempt: &Attempt) -> impl Iterator<Item = String> + '_ {
    attempt.steps.iter().filter(|step| is_milestone(step)).filter_map(|step| came_to(step, ""))
}

/// The last of them.
pub(super) fn furthest(attempt: &Attempt) -> Option<&'static str> {
    let says = |step: &&Step| is_milestone(step) && step.hook != Hook::LibraryLog.name();
    let step = attempt.steps.iter().rfind(says)?;
    let opens = [Hook::Open, Hook::DeviceOpen].iter().any(|hook| hook.name() == step.hook);
    Some(if opens { "opening /dev/kni" } else { step.place })
}

fn is_milestone(step: &Step) -> bool {
    match Hook::from_name(step.hook) {
        Some(Hook::LibraryClose | Hook::LibraryLog | Hook::Panic) => true,
        Some(Hook::Open | Hook::DeviceOpen | Hook::LibraryInit | Hook::LibraryRelease) => {
            step.value.is_some()
        }
        None => false,
        Some(_) => step.failure(None).is_some(),
    }
}

/// `had` where that was before something.
pub(super) fn came_to(step: &Step, had: &str) -> Option<String> {
    let place = call(step);
    let hook = Hook::from_name(step.hook)?;
    Some(match (hook, step.value, step.failure(step.text.as_ref())) {
        (Hook::LibraryLog, ..) => format!("the library {had}logged {}", format_string(step)?),
        (Hook::Panic, ..) => panic(step, had),
        (_, None, _) => format!("{place} {} called", if had.is_empty() { "was" } else { "had been" }),
        (_, _, Some(Failure::Null)) => nothing(step, had),
        (_, _, Some(Failure::Errno(errno))) => format!("{place} {had}returned {}", words::errno(errno)),
        (_, Some(value), Some(Failure::Negative(_))) => format!("{place} {had}returned {value}"),
        (Hook::LibraryRelease, Some(value), _) if value != 0 => format!("{place} {had}returned {value}"),
        // Up to 18.08 it has no result, and what seems to be one says nothing.
        (Hook::LibraryInit, Some(0), None) => format!("{place} {had}returned 0"),
        (Hook::LibraryInit, Some(_), None) => format!("{place} {had}returned"),
        (_, Some(_), None) => format!("{place} {had}succeeded"),
    })
}

/// The library aborts the program: where, and with which words.
pub(super) fn panicked(attempt: &Attempt) -> Option<String> {
    let step = attempt.steps.iter().rfind(|step| step.hook == Hook::Panic.name())?;
    Some(panic(step, ""))
}

fn panic(step: &Step, had: &str) -> String {
    let function = step
        .detail
        .as_ref()
        .map_or_else(|| "the library".to_owned(), |function| escape::word(function, FUNCTION));
    let words = format_string(step).map_or_else(String::new, |words| format!(": {words}"));
    format!("{function} {had}called rte_panic, which aborts the program{words}")
}
