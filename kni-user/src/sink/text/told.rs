//! What the full-screen view says in the same words as the lines.

use std::io::{self, Write};

use super::attempt::{self, Detail};
use super::clock::Clock;
use super::page::Page;
use super::words::{self, BOUND};
use super::{frame, interfaces, ls, milestones, probes, repeats, steps, waiting};
use crate::event::{Module, Start};
use crate::inventory::Alive;
use crate::preflight::Source;
use crate::probe::Row;
use crate::report::{Attempt, Report, Step, Summary, Told};
use crate::waterfall::Span;

pub(crate) use super::page::Tone;

/// Columns that a line of the totals has at most.
const WIDTH: usize = 80;

/// How an attempt ended, and how that is: `stopped in the library`.
pub(crate) fn verdict(attempt: &Attempt) -> (Tone, &'static str) {
    let said =
        if attempt.is_final { words::outcome(attempt.outcome, attempt.boundary) } else { "in progress" };
    (attempt.outcome.into(), said)
}

/// All that stands under an attempt's headline, every step and the next thing to do included.
pub(crate) fn details(attempt: &Attempt, width: usize) -> Vec<String> {
    let mut page = Page::narrow(width);
    if !attempt.is_final {
        page.evidence(&format!("in progress{}", waiting::so_far(attempt)));
    }
    page.evidence_lines(attempt.repeat.as_ref().map(repeats::again));
    attempt::under(&mut page, attempt, Detail::Steps);
    lines(page)
}

/// What a step came to: `rte_kni_init returned 0`.
pub(crate) fn came_to(step: &Step) -> Option<String> {
    milestones::came_to(step, "").map(|said| plain(&said))
}

/// What a span of the waterfall was, and how it ended: `register_netdev("lo") -> -EEXIST (File exists)`.
pub(crate) fn span(span: &Span) -> String {
    plain(&steps::span(span))
}

/// Every hook and what else is observed, and what became of it.
pub(crate) fn hooks(rows: &[Row], sources: &[Source], width: usize) -> Vec<String> {
    let mut page = Page::narrow(width);
    probes::rows(&mut page, rows, sources);
    lines(page)
}

/// The interfaces that are alive, and what could not be looked at: as `kniwatch ls` tells them.
pub(crate) fn alive(alive: &[Alive], unseen: &[String]) -> Vec<String> {
    let mut page = Page::narrow(WIDTH);
    ls::rows(&mut page, alive, unseen);
    lines(page)
}

/// `rte_kni 22.11 is loaded: carrier=off`.
pub(crate) fn module(module: Option<&Module>) -> String {
    frame::module(module)
}

/// `kniwatch 0.1.0 on lab7, Linux 6.1.0-56-amd64`.
pub(crate) fn place(start: &Start) -> String {
    frame::place(start)
}

/// What is told beside attempts, in lines of that width; nothing for what is none of it.
pub(crate) fn beside(report: &Report, clock: &Clock, width: usize) -> Vec<String> {
    let mut page = Page::narrow(width);
    let time = clock.time_at(report.at);
    match &report.what {
        Told::Coverage(change) => frame::coverage(&mut page, change, &time, true),
        Told::Released(released) => interfaces::released(&mut page, released, &time),
        Told::Changed(changed) => interfaces::changed(&mut page, changed, &time),
        Told::Lost(lost) => frame::lost(&mut page, lost, &time),
        Told::Diagnostic(diagnostic) => frame::diagnostic(&mut page, diagnostic, &time),
        Told::Start(_) | Told::Armed(_) | Told::Attempt(_) | Told::Answer(_) | Told::Summary(_) => {}
    }
    lines(page)
}

/// The totals, for when the view is closed.
///
/// # Errors
/// Those of `out`.
pub fn summary(mut out: impl Write, summary: &Summary) -> io::Result<()> {
    let mut page = Page::narrow(WIDTH);
    frame::summary(&mut page, summary);
    out.write_all(page.into_text().as_bytes())?;
    out.flush()
}

/// `text` with plain blanks.
pub(crate) fn plain(text: &str) -> String {
    text.replace(BOUND, " ")
}

fn lines(page: Page) -> Vec<String> {
    page.into_text().lines().map(str::to_owned).collect()
}
