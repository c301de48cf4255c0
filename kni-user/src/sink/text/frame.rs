//! What stands around the attempts: the header, changes, losses, the totals.

use kni_ebpf::hook::Hook;

use super::attempt::{self, columns};
use super::clock::Clock;
use super::page::{Page, Tone};
use super::repeats;
use super::words::{self, count, duration};
use crate::cause::Cause;
use crate::event::{Ledger, Module, Start};
use crate::probe::spec::{self, Spec};
use crate::report::{CoverageChange, Diagnostic, Hooks, Lost, Summary, Tally};
use crate::sink::escape;

/// Columns that a machine's or a release's name gets at most.
const WORD: usize = 30;

/// Who watches where, and what.
pub(super) fn header(page: &mut Page, start: &Start, clock: &Clock) {
    page.line(&format!("{}, {}", place(start), clock.date_of(start.unix_ns)));
    page.line(&module(start.module.as_ref()));
}

/// Which kniwatch runs where.
pub(super) fn place(start: &Start) -> String {
    let Start { version, host, kernel, .. } = start;
    format!(
        "kniwatch {} on {}, Linux {}",
        escape::word(&version.as_str().into(), WORD),
        escape::word(host, WORD),
        escape::word(kernel, WORD),
    )
}

/// The module as it is loaded.
pub(super) fn module(module: Option<&Module>) -> String {
    module.map_or_else(|| "rte_kni is not loaded".to_owned(), loaded)
}

fn loaded(module: &Module) -> String {
    let Module { version, parameters, info: _ } = module;
    let version =
        version.as_ref().map_or_else(String::new, |version| format!(" {}", escape::word(version, WORD)));
    let parameters: Vec<String> = parameters
        .iter()
        .map(|(name, value)| format!("{}={}", escape::word(name, WORD), escape::word(value, WORD)))
        .collect();
    let parameters =
        if parameters.is_empty() { String::new() } else { format!(": {}", parameters.join(", ")) };
    format!("rte_kni{version} is loaded{parameters}")
}

/// How much is observed.
pub(super) fn armed(page: &mut Page, hooks: &Hooks, verbose: bool) {
    let Hooks { live, waiting, idle, missing } = hooks;
    let waiting_for = if waiting.is_empty() { "" } else { " for the module or a library" };
    let idle_until = if idle.is_empty() {
        String::new()
    } else {
        format!(" {} idle until a program uses KNI,", idle.len())
    };
    page.line(&format!(
        "watching: {} live,{idle_until} {} waiting{waiting_for}, {} missing",
        count(as_u64(live.len()), "hook"),
        waiting.len(),
        missing.len()
    ));
    if verbose {
        for (state, hooks) in [("live", live), ("idle", idle), ("waiting", waiting)] {
            if !hooks.is_empty() {
                page.evidence(&format!("{state}: {}", hooks.join(", ")));
            }
        }
    }
    without(page, hooks);
}

/// What cannot be observed, by reason.
fn without(page: &mut Page, hooks: &Hooks) {
    let mut reasons: Vec<&str> = Vec::new();
    for (_, reason) in &hooks.missing {
        if !reasons.contains(&reason.as_str()) {
            reasons.push(reason);
        }
    }
    for reason in reasons {
        let names: Vec<&str> =
            hooks.missing.iter().filter(|(_, other)| other == reason).map(|(hook, _)| *hook).collect();
        let reason = escape::line(&reason.into(), usize::MAX);
        page.evidence(&format!("missing: {} ({reason})", names.join(", ")));
    }
}

/// Hooks came or went. Those that do so with the programs that use KNI are no news unless all is told.
pub(super) fn coverage(page: &mut Page, change: &CoverageChange, time: &str, verbose: bool) {
    let CoverageChange { came, went, blind_ns } = change;
    let news = |hooks: &[&'static str]| {
        let news: Vec<&str> =
            hooks.iter().copied().filter(|hook| verbose || !is_armed_on_demand(hook)).collect();
        news.join(", ")
    };
    let (came, went) = (news(came), news(went));
    if !went.is_empty() {
        page.line(&format!("{time}  no longer observed: {went}"));
    }
    if !came.is_empty() {
        let blind = blind_ns.map_or_else(String::new, |blind| {
            format!("; the module had been there unobserved for {}", duration(blind))
        });
        page.line(&format!("{time}  now observed: {came}{blind}"));
    }
}

fn is_armed_on_demand(hook: &str) -> bool {
    Hook::from_name(hook).and_then(spec::of).is_some_and(Spec::taxes_everybody)
}

/// Records were lost.
pub(super) fn lost(page: &mut Page, lost: &Lost, time: &str) {
    let Lost { count: now, total } = lost;
    let all = if total > now { format!(" ({total} in all)") } else { String::new() };
    let said = page.paint(Tone::Doubtful, &format!("{} LOST", count(*now, "record").to_uppercase()));
    page.line(&format!("{time}  {said}{all}: an attempt of that time may stay inconclusive or unseen"));
}

/// The rest.
pub(super) fn diagnostic(page: &mut Page, diagnostic: &Diagnostic, time: &str) {
    match diagnostic {
        Diagnostic::CommandEnded { status, signal } => {
            page.line(&format!("{time}  the command {}", words::ending(*status, *signal)));
        }
        Diagnostic::DiedInModule { .. } => died(page, diagnostic, time),
    }
}

/// A thread died in the module, in no attempt: its report, and what it leaves behind.
fn died(page: &mut Page, diagnostic: &Diagnostic, time: &str) {
    let Diagnostic::DiedInModule { thread, function, at, device_stuck, interfaces, log } = diagnostic else {
        return;
    };
    let said = page.paint(Tone::Bad, "DIED IN THE MODULE");
    let who = columns(thread.pid, &thread.comm, interfaces.first());
    page.line(&format!("{time}  {who}  {said}, inside {}", escape::word(function, WORD)));
    page.evidence_lines(at.as_ref().map(|at| attempt::kernel_failed(Some(at))));
    attempt::log(page, log);
    page.evidence_lines(interfaces.iter().map(|name| format!("{} stays", attempt::interface(Some(name)))));
    if *device_stuck {
        page.evidence("/dev/kni stays busy until the machine is restarted");
        page.evidence(&format!("next: kniwatch explain {}", Cause::SysDeviceStuck.name()));
    }
}

/// The totals.
pub(super) fn summary(page: &mut Page, summary: &Summary) {
    let Summary { attempts, ledger, complete, loops, check: _ } = summary;
    page.line(&tally(attempts));
    for seen in loops {
        page.line(&repeats::told(seen));
    }
    page.line(&account(ledger, *complete));
}

fn tally(tally: &Tally) -> String {
    let Tally {
        created,
        created_elsewhere,
        created_doomed,
        stopped_library,
        stopped_syscall,
        stopped_module,
        stopped_network,
        died,
        in_progress,
        not_attempted,
        inconclusive,
    } = *tally;
    let parts = [
        (created, "created"),
        (created_elsewhere, "created elsewhere"),
        (created_doomed, "created, but doomed"),
        (stopped_library, "stopped in the library"),
        (stopped_syscall, "stopped at the system call"),
        (stopped_module, "stopped in the module"),
        (stopped_network, "stopped in the network core"),
        (died, "died"),
        (in_progress, "still in progress"),
        (not_attempted, "not attempted"),
        (inconclusive, "inconclusive"),
    ];
    let total = parts.iter().fold(0, |sum: u64, (number, _)| sum.saturating_add(*number));
    if total == 0 {
        return "no attempt was seen".to_owned();
    }
    let parts: Vec<String> = parts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{number} {what}"))
        .collect();
    format!("{}: {}", count(total, "attempt"), parts.join(", "))
}

/// The account; of what should be 0, what never is only when it isn't.
fn account(ledger: &Ledger, complete: bool) -> String {
    let Ledger { emitted: _, filtered: _, lost, missed, displaced, unpaired, received, undecoded } = ledger;
    let mut parts = vec![count(*received, "record"), format!("{lost} lost"), format!("{missed} missed")];
    let rare = [(displaced, "displaced"), (unpaired, "unpaired"), (undecoded, "undecoded")];
    parts.extend(
        rare.iter().filter(|(number, _)| **number > 0).map(|(number, what)| format!("{number} {what}")),
    );
    let verdict = if complete { "complete" } else { "INCOMPLETE, something may have gone unseen" };
    format!("{}: {verdict}.", parts.join(", "))
}

fn as_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
