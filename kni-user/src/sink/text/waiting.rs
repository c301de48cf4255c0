//! What a thread inside an attempt waits for.

use super::attempt::task;
use super::steps;
use super::words::duration;
use crate::event::Holder;
use crate::report::{Attempt, Outcome, Waiting, WaitsFor};
use crate::sink::escape;
use crate::untrusted::Untrusted;

/// Columns that a function's name gets at most.
const FUNCTION: usize = 50;
/// Functions of a stack that are shown; JSON has all.
const DEPTH: usize = 32;

/// ` for 1 s, waiting for rtnl (network configuration lock), held by ip[412]`: what follows on "in progress".
pub(super) fn so_far(attempt: &Attempt) -> String {
    let doing = match &attempt.waiting {
        Some(waiting) => Some(doing(waiting)),
        None => steps::inside(attempt).map(|place| format!("inside {place}")),
    };
    let doing = doing.map_or_else(String::new, |doing| format!(", {doing}"));
    format!(" for {}{doing}", duration(attempt.duration_ns))
}

/// What it waits for, or of an attempt that is over: what it had waited for.
pub(super) fn told(attempt: &Attempt) -> Option<String> {
    let waiting = attempt.waiting.as_ref()?;
    let doing = doing(waiting);
    Some(match attempt.outcome {
        Outcome::InProgress => format!("{} after it began, it was {doing}", duration(waiting.since_ns)),
        _ if matches!(waiting.what, WaitsFor::Program | WaitsFor::Unknown) => return None,
        _ => format!("{} after it began, it had been {doing}", duration(waiting.since_ns)),
    })
}

/// The kernel stack, innermost function first.
pub(super) fn stack(waiting: &Waiting) -> Option<String> {
    let functions: Vec<String> = waiting.stack.iter().take(DEPTH).map(function).collect();
    let more = if waiting.stack.len() > DEPTH { " <- ..." } else { "" };
    (!functions.is_empty()).then(|| format!("kernel stack: {}{more}", functions.join(" <- ")))
}

fn doing(waiting: &Waiting) -> String {
    let Waiting { what, holder, since_ns: _, stack } = waiting;
    let held = holder
        .as_ref()
        .map_or_else(String::new, |Holder { pid, comm }| format!(", held by {}", task(*pid, comm)));
    let what = match what {
        WaitsFor::Rtnl => "waiting for rtnl (network configuration lock)",
        WaitsFor::Kthreadd => "waiting for kthreadd, which starts kernel threads",
        WaitsFor::RequestHandler => {
            "waiting for the program to answer a set-up request (rte_kni_handle_request)"
        }
        WaitsFor::ThreadStop => "waiting for a kernel thread to stop",
        WaitsFor::Kernel => {
            let place = stack.first().map_or_else(String::new, |place| format!(", in {}", function(place)));
            return format!("waiting in the kernel{place}{held}");
        }
        WaitsFor::Program => "in the program's own code, not in the kernel",
        WaitsFor::Unknown => "waiting for what is not known: its kernel stack could not be read",
    };
    format!("{what}{held}")
}

fn function(name: &Untrusted) -> String {
    escape::word(name, FUNCTION)
}
