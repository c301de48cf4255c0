//! `check`'s answer: each interface with its evidence, then all in one line.

use super::attempt::{again, evidence, interface, reason};
use super::page::{Page, Tone};
use super::words::{self, duration};
use crate::report::{CheckResult, Checked, Outcome};

/// The answer; brief: the last line alone.
pub(super) fn answer(page: &mut Page, check: &CheckResult, brief: bool) {
    let CheckResult { interfaces, exit_status } = check;
    if !brief {
        interfaces.iter().for_each(|checked| expected(page, checked));
    }
    let created = interfaces.iter().filter(|checked| checked.outcome == Outcome::Created).count();
    let of = format!("{created} of {} created", interfaces.len());
    if *exit_status == 0 {
        let ok = page.paint(Tone::Good, "OK");
        page.line(&format!("{ok} {of}"));
    } else {
        let fail = page.paint(Tone::Bad, "FAIL");
        let meaning = status_meaning(*exit_status);
        page.line(&format!("{fail} {of}; exit status {exit_status} ({meaning}{})", see(interfaces)));
    }
}

fn expected(page: &mut Page, checked: &Checked) {
    let Checked { name, outcome, boundary, cause, attempt } = checked;
    let said = page.paint((*outcome).into(), words::outcome(*outcome, *boundary));
    let Some(attempt) = attempt else {
        let why = cause.map_or_else(String::new, |cause| format!(": {}", cause.meaning()));
        page.line(&format!("{}  {said}{why}", interface(name.as_ref())));
        return;
    };
    let name = interface(name.as_ref().or(attempt.interface.name()));
    let how = match (outcome, reason(attempt)) {
        (Outcome::Created, _) => {
            let index =
                attempt.interface.ifindex.map_or_else(String::new, |index| format!(" (ifindex {index})"));
            format!(" in {}{index}", duration(attempt.duration_ns))
        }
        (_, Some(reason)) => format!(": {reason}"),
        (_, None) => String::new(),
    };
    page.line(&format!("{name}  {said}{how}"));
    evidence(page, attempt);
    if let Some(repeat) = &attempt.repeat {
        page.evidence(&again(repeat));
    }
}

/// The causes to look up.
fn see(interfaces: &[Checked]) -> String {
    let mut names: Vec<&str> =
        interfaces.iter().filter_map(|checked| checked.cause).map(|cause| cause.name()).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() { String::new() } else { format!(", see kniwatch explain {}", names.join(", ")) }
}

/// What a status of `check` says (docs/exit-status.md).
fn status_meaning(status: u8) -> &'static str {
    match status {
        0 => "created",
        10 => "not attempted",
        11 => "stopped in library",
        12 => "stopped at syscall",
        13 => "stopped in module",
        14 => "stopped in network",
        15 => "created elsewhere, doomed, or gone again",
        16 => "died or still in progress",
        20 => "inconclusive",
        _ => "unknown",
    }
}
