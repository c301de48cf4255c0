//! Entries and returns to spans that nest.

use std::cmp::Reverse;

use kni_ebpf::hook::Hook;

use super::{Ending, Span};
use crate::report::{Attempt, Outcome, Step};

/// Every step of `attempt` in a span, in the order in which they begin; none goes beyond `length`.
pub(super) fn spans(attempt: &Attempt, length: u64) -> Vec<Span> {
    let mut open: Vec<(Hook, &Step)> = Vec::new();
    let mut spans = Vec::new();
    for step in &attempt.steps {
        let Some(hook) = Hook::from_name(step.hook) else { continue };
        let at = step.after_ns;
        match step.returned() {
            None if step.is_left() => open.push((hook, step)),
            None => spans.push(Span::of(step, hook, at, at, Ending::Moment)),
            Some(value) => {
                let ending = Ending::Returned(value);
                let Some(entry) = open.iter().rposition(|(other, _)| *other == hook) else {
                    let start = at.saturating_sub(step.took_ns.unwrap_or(0));
                    spans.push(Span::of(step, hook, start, at, ending));
                    continue;
                };
                let mut left = open.split_off(entry).into_iter();
                spans.extend(left.next().map(|(_, entered)| returned(entered, step, hook, ending)));
                spans
                    .extend(left.map(|(hook, step)| Span::of(step, hook, step.after_ns, at, Ending::Unseen)));
            }
        }
    }
    let inside = matches!(attempt.outcome, Outcome::Died | Outcome::InProgress);
    let ending = if inside { Ending::Inside } else { Ending::Unseen };
    spans.extend(open.into_iter().map(|(hook, step)| Span::of(step, hook, step.after_ns, length, ending)));
    nest(&mut spans);
    spans
}

/// What was said at the entry stands; what only the return tells is added.
fn returned(entered: &Step, step: &Step, hook: Hook, ending: Ending) -> Span {
    let span = Span::of(entered, hook, entered.after_ns, step.after_ns, ending);
    Span {
        text: span.text.or_else(|| step.text.clone()),
        detail: span.detail.or_else(|| step.detail.clone()),
        rte_errno: step.rte_errno,
        ..span
    }
}

/// Puts `spans` into the order in which they begin, outer ones first, and says how deep each lies. One that would
/// end after what it lies in, which no thread's calls do, ends with it.
pub(super) fn nest(spans: &mut [Span]) {
    spans.sort_by_key(|span| (span.start_ns, Reverse(span.end_ns)));
    // Start and end of what the next may lie in.
    let mut around: Vec<(u64, u64)> = Vec::new();
    for span in spans {
        let (start, end) = (span.start_ns, span.end_ns);
        let is_over =
            |(began, ended): (u64, u64)| ended < start || (ended == start && (end > start || began == ended));
        while around.last().is_some_and(|outer| is_over(*outer)) {
            around.pop();
        }
        span.end_ns = around.last().map_or(end, |(_, ended)| end.min(*ended));
        span.depth = around.len();
        around.push((start, span.end_ns));
    }
}
