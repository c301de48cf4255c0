//! Attempts around the module's loading: those that began unobserved may say so, all others are as expected.

use serde_json::Value;

use super::{Complaints, Observed, at, judge_attempt};
use crate::scenario::Attempt;

/// At least `at_least` attempts that are as `expected`, and besides them only such as began in one of the `blind` spans,
/// are inconclusive, and say what was not seen.
pub(super) fn judge(
    at_least: usize,
    expected: &Attempt,
    blind: &[(i64, i64)],
    got: &[&Value],
    observed: &Observed,
    complaints: &mut Complaints,
) {
    let mut whole = 0;
    for (number, got) in (1..).zip(got) {
        let began = at(got, "/started").as_i64().unwrap_or_default();
        let says_so = at(got, "/coverage/missing").as_array().is_some_and(|missing| !missing.is_empty());
        if at(got, "/outcome") == "inconclusive"
            && says_so
            && blind.iter().any(|(from, to)| (*from..*to).contains(&began))
        {
            continue;
        }
        judge_attempt(number, expected, got, observed, complaints);
        whole += 1;
    }
    if whole < at_least {
        complaints.say(format!("{whole} attempts have a whole verdict instead of {at_least} or more"));
    }
}

/// From when to when the module's handler was not observed, each time.
pub(super) fn blind_spans(diagnostics: &[&Value]) -> Vec<(i64, i64)> {
    let mut spans = Vec::new();
    let mut from = i64::MIN;
    for line in diagnostics.iter().filter(|line| line["kind"] == "coverage") {
        let names =
            |field: &str| line[field].as_array().is_some_and(|hooks| hooks.contains(&"handler".into()));
        let time = line["time"].as_i64().unwrap_or_default();
        if names("went") {
            from = time;
        }
        if names("came") {
            spans.push((from, time));
        }
    }
    spans
}
