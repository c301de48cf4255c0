//! `check`'s answer: each interface with its evidence, then all in one line.

use super::attempt::{Detail, evidence, interface, next, reason, task};
use super::clock::Clock;
use super::page::{Page, Tone};
use super::repeats;
use super::words::{self, duration};
use crate::cause::Cause;
use crate::event::{Nanos, Start};
use crate::expectation::Expectation;
use crate::report::{Attempt, CheckResult, Checked, Outcome, Process};

/// The answer; brief: the last line alone.
pub(super) fn answer(page: &mut Page, check: &CheckResult, clock: &Clock, brief: bool) {
    let CheckResult { interfaces, expected, exit_status } = check;
    if !brief {
        for checked in interfaces {
            one(page, checked, clock);
        }
    }
    let met = interfaces.iter().filter(|checked| checked.as_expected).count();
    let of = match *expected {
        Expectation::CREATED => format!("{met} of {} created", interfaces.len()),
        other => format!("{met} of {} as expected ({other})", interfaces.len()),
    };
    if *exit_status == 0 {
        let ok = page.paint(Tone::Good, "OK");
        page.line(&format!("{ok} {of}"));
    } else {
        let fail = page.paint(Tone::Bad, "FAIL");
        let meaning = status_meaning(*exit_status);
        page.line(&format!("{fail} {of}; exit status {exit_status} ({meaning}{})", see(interfaces)));
    }
}

/// One interface: how it ended, and under it what shows it.
fn one(page: &mut Page, checked: &Checked, clock: &Clock) {
    headline(page, checked);
    if let Some(attempt) = checked.attempt.as_deref() {
        under(page, attempt, clock);
    }
}

/// The same without a page: how it ended, in one line, and what shows it, in several.
pub(in crate::sink) fn words(checked: &Checked, start: &Start, at: Nanos) -> (String, String) {
    let (mut head, mut body) = (Page::new(false), Page::new(false));
    headline(&mut head, checked);
    if let Some(attempt) = checked.attempt.as_deref() {
        under(&mut body, attempt, &Clock::new(start, at));
    }
    let head: Vec<String> = head.into_text().lines().map(|line| line.trim().to_owned()).collect();
    (head.join(" "), body.into_text())
}

fn headline(page: &mut Page, checked: &Checked) {
    let Checked { name, outcome, boundary, cause: _, gone_again: _, as_expected: _, attempt } = checked;
    let said = page.paint((*outcome).into(), words::outcome(*outcome, *boundary));
    let attempt = attempt.as_deref();
    let name = name.as_ref().or_else(|| attempt?.interface.name());
    let name = if name.is_some() { interface(name) } else { "no interface".to_owned() };
    page.line(&format!("{name}  {said}{}", how(checked)));
}

/// What follows on the outcome.
fn how(checked: &Checked) -> String {
    let attempt = checked.attempt.as_deref();
    if checked.outcome == Outcome::Created {
        let took = attempt.map(|attempt| format!(" in {}", duration(attempt.duration_ns)));
        let index = attempt.and_then(|attempt| attempt.interface.ifindex);
        let index = index.map(|index| format!(" (ifindex {index})"));
        let gone = if checked.gone_again { ", but gone again" } else { "" };
        return format!("{}{}{gone}", took.unwrap_or_default(), index.unwrap_or_default());
    }
    let why = match (attempt, checked.outcome) {
        (Some(attempt), _) => reason(attempt),
        (None, Outcome::Inconclusive) => {
            Some("no attempt was seen, but one may have gone unseen (kniwatch probes shows why)".to_owned())
        }
        (None, _) => Some("nobody tried".to_owned()),
    };
    why.map_or_else(String::new, |why| format!(": {why}"))
}

fn under(page: &mut Page, attempt: &Attempt, clock: &Clock) {
    if attempt.outcome != Outcome::Created {
        let Process { pid, comm, .. } = &attempt.process;
        let (who, at) = (task(*pid, comm), clock.time_of(attempt.started));
        page.evidence(&match attempt.outcome {
            Outcome::NotAttempted => format!("by {who}, first seen at {at}"),
            _ => format!("tried by {who} at {at}"),
        });
    }
    evidence(page, attempt);
    if let Some(repeat) = &attempt.repeat {
        page.evidence(&repeats::again(repeat));
    }
    // The last line names the causes to look up.
    if attempt.cause.is_none() {
        page.evidence_lines(next(attempt, Detail::Evidence));
    }
}

/// The causes to look up.
fn see(interfaces: &[Checked]) -> String {
    let unexpected = interfaces.iter().filter(|checked| !checked.as_expected);
    let mut names: Vec<&str> = unexpected.filter_map(|checked| checked.cause).map(Cause::name).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() { String::new() } else { format!(", see kniwatch explain {}", names.join(", ")) }
}

/// What a status of `check` says (docs/exit-status.md).
pub(super) const STATUSES: [(u8, &str); 10] = [
    (0, "created"),
    (10, "not attempted"),
    (11, "stopped in library"),
    (12, "stopped at syscall"),
    (13, "stopped in module"),
    (14, "stopped in network"),
    (15, "created elsewhere, doomed, or gone again"),
    (16, "died or still in progress"),
    (17, "created although another outcome was expected"),
    (20, "inconclusive"),
];

fn status_meaning(status: u8) -> &'static str {
    STATUSES.iter().find(|(known, _)| *known == status).map_or("unknown", |(_, meaning)| meaning)
}
