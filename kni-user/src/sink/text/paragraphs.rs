//! The same words for sinks that lay them out themselves: a paragraph a string, escaped and without colour.

use super::attempt::{self, Detail};
use super::clock::Clock;
use super::page::Page;
use super::told::beside;
use super::{coverage, frame, repeats, steps, words};
use crate::report::{Attempt, Report};
use crate::sink::escape;
use crate::sink::run::About;
use crate::waterfall::{Ending, Span};

/// Columns that a span's string argument gets at most, with its quotes.
const TEXT: usize = 100;

/// What is told of one attempt.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct AttemptWords {
    /// `l3fwd-kni[4121]`.
    pub(crate) who: String,
    /// The interface, or `-`.
    pub(crate) interface: String,
    /// Date and time of day of its first step, on the machine that it happened on.
    pub(crate) time: String,
    /// `STOPPED IN THE LIBRARY`.
    pub(crate) headline: String,
    /// Which time it is, of a restarted program.
    pub(crate) again: Option<String>,
    /// What stopped it.
    pub(crate) reason: Option<String>,
    /// What shows that.
    pub(crate) evidence: Vec<String>,
    /// Lines of the kernel's log.
    pub(crate) log: Vec<String>,
    /// What to do next.
    pub(crate) next: Option<String>,
    /// The program, its library and its namespaces; then every step.
    pub(crate) details: Vec<String>,
    /// What was not seen; none: nothing is missing.
    pub(crate) unseen: Vec<String>,
}

/// What is told of `attempt`, which is of the run `about`.
pub(crate) fn attempt_words(attempt: &Attempt, about: &About) -> AttemptWords {
    let clock = clock(about);
    // The log stands by itself, and whole.
    let without_log = Attempt { log: Vec::new(), ..attempt.clone() };
    let date = clock.date_of(attempt.started);
    let date = date.split(' ').next().unwrap_or_default();
    AttemptWords {
        who: attempt::task(attempt.process.pid, &attempt.process.comm),
        interface: attempt::interface(attempt.interface.name()),
        time: format!("{date} {}", clock.time_of(attempt.started)),
        headline: attempt::headline(&Page::narrow(usize::MAX), attempt),
        again: attempt.repeat.as_ref().map(repeats::again),
        reason: attempt::reason(attempt),
        evidence: lines(|page| attempt::evidence(page, &without_log)),
        log: attempt.log.iter().map(|line| escape::line(line, usize::MAX)).collect(),
        next: attempt::next(attempt, Detail::Steps),
        details: lines(|page| attempt::all_steps(page, attempt)),
        unseen: coverage::unseen(&attempt.coverage),
    }
}

/// What stands around the attempts: machine and module, what was observed, the totals.
pub(crate) fn around(about: &About) -> Vec<String> {
    let clock = clock(about);
    let About { start, hooks, summary } = about;
    lines(|page| {
        if let Some((_, start)) = start {
            frame::header(page, start, &clock);
        }
        if let Some(hooks) = hooks {
            frame::armed(page, hooks, false);
        }
        if let Some(summary) = summary {
            frame::summary(page, summary);
        }
    })
}

/// What a report that is no attempt says, without the time of day.
pub(crate) fn told(report: &Report, about: &About) -> Option<String> {
    let said = beside(report, &clock(about), usize::MAX).join("; ");
    // The time of day comes first.
    let (_, said) = said.split_once("  ")?;
    Some(said.to_owned())
}

/// What a span is called: `rte_memzone_lookup("MP_mbuf_pool")`.
pub(crate) fn label(span: &Span) -> String {
    let place = span.hook.place();
    let arguments: Vec<String> =
        span.text.iter().chain(&span.detail).map(|text| escape::quoted(text, TEXT)).collect();
    if arguments.is_empty() { place.to_owned() } else { format!("{place}({})", arguments.join(", ")) }
}

/// What came of it, in words; of a moment nothing.
pub(crate) fn result(span: &Span) -> Option<String> {
    let value = match span.ending {
        Ending::Moment => return None,
        Ending::Returned(value) => steps::returned(value),
        Ending::Unseen => "its return was not seen".to_owned(),
        Ending::Inside => "it has not returned".to_owned(),
    };
    let errno = span.rte_errno.filter(|errno| *errno != 0);
    let errno = errno.map_or_else(String::new, |errno| format!(", rte_errno {}", words::errno_name(errno)));
    Some(format!("{value}{errno}"))
}

fn clock(about: &About) -> Clock {
    about.start.as_ref().map_or_else(Clock::default, |(at, start)| Clock::new(start, *at))
}

fn lines(write: impl FnOnce(&mut Page)) -> Vec<String> {
    let mut page = Page::narrow(usize::MAX);
    write(&mut page);
    page.into_text().lines().map(|line| line.trim_start().to_owned()).collect()
}
