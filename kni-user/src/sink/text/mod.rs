//! Lines for people: 80 columns, one attempt a paragraph; the answer first, the evidence under
//! it, the next step last.
//!
//! Everything that a line depends on is in the reports, so a replay prints the same.

use std::io::{self, Write};

use self::attempt::Detail;
use self::clock::Clock;
use self::page::Page;
use super::Sink;
use crate::cause::Cause;
use crate::doctor::Finding;
use crate::event::{Question, Start};
use crate::inventory::Alive;
use crate::preflight::Source;
use crate::probe::Row;
use crate::report::{Attempt, Hooks, Report, Summary, Told};

mod attempt;
pub(super) mod check;
pub(crate) mod clock;
mod coverage;
mod doctor;
mod explain;
mod frame;
mod interfaces;
mod library;
mod ls;
mod milestones;
mod page;
mod paragraphs;
mod probes;
mod repeats;
mod skew;
mod steps;
#[cfg(test)]
mod tests;
pub(crate) mod told;
mod waiting;
pub(crate) mod words;

pub(crate) use paragraphs::{AttemptWords, around, attempt_words, label, result, told};
pub use told::summary;

/// How much is said, and how.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TextOptions {
    /// Colour as a second signal.
    pub color: bool,
    /// One line an attempt; of `check` the last line alone.
    pub quiet: bool,
    /// Every step, and what belongs to no verdict.
    pub verbose: bool,
}

/// Writes reports as lines.
#[derive(Debug)]
pub struct Text<W> {
    out: W,
    options: TextOptions,
    clock: Clock,
    /// Whether `check` is asked: little is said before its answer.
    check: bool,
    /// Whether `check`'s answer was printed.
    answered: bool,
    /// Whether a blank line was the last.
    gap: bool,
}

impl<W: Write> Text<W> {
    /// Writes to `out`, a whole report at a time.
    pub fn new(out: W, options: TextOptions) -> Self {
        Self { out, options, clock: Clock::default(), check: false, answered: false, gap: false }
    }

    fn page(&self) -> Page {
        Page::new(self.options.color)
    }

    fn print(&mut self, page: Page) -> io::Result<()> {
        let text = page.into_text();
        if text.is_empty() {
            return Ok(());
        }
        self.gap = text.ends_with("\n\n");
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    /// Whether what is no answer is left out.
    fn terse(&self) -> bool {
        self.options.quiet || (self.check && !self.options.verbose)
    }

    fn start(&mut self, page: &mut Page, start: &Start, report: &Report) {
        self.clock = Clock::new(start, report.at);
        self.check = matches!(start.question, Question::Check { .. });
        if !self.terse() {
            frame::header(page, start, &self.clock);
        }
    }

    fn armed(&self, page: &mut Page, hooks: &Hooks) {
        if !self.terse() {
            frame::armed(page, hooks, self.options.verbose);
            page.blank();
        }
    }

    fn attempt(&self, page: &mut Page, attempt: &Attempt) {
        let is_known = attempt.repeat.as_ref().is_some_and(|repeat| repeat.quiet);
        if (is_known && !self.options.verbose) || (self.options.quiet && !attempt.is_final) {
            return;
        }
        let detail = match (self.options.quiet, self.options.verbose) {
            (true, _) => Detail::Headline,
            (false, false) => Detail::Evidence,
            (false, true) => Detail::Steps,
        };
        // In `check` the answer at the end has the evidence.
        if !self.check || self.options.verbose {
            attempt::paragraph(page, attempt, &self.clock.time_of(attempt.started), detail);
        }
    }

    fn summary(&self, page: &mut Page, summary: &Summary) {
        let Summary { attempts: _, ledger: _, complete, loops: _, check } = summary;
        let TextOptions { color: _, quiet, verbose } = self.options;
        if let Some(check) = check {
            if !self.answered {
                check::answer(page, check, &self.clock, quiet);
            }
            // What was missed is told even where nothing else is: it may have been the attempt.
            if !quiet && (verbose || !complete) {
                frame::summary(page, summary);
            }
        } else {
            if !quiet && !self.gap {
                page.blank();
            }
            frame::summary(page, summary);
        }
    }
}

impl<W: Write> Sink for Text<W> {
    fn tell(&mut self, report: &Report) -> io::Result<()> {
        let mut page = self.page();
        let time = self.clock.time_at(report.at);
        let quiet = self.options.quiet;
        match &report.what {
            Told::Start(start) => self.start(&mut page, start, report),
            Told::Armed(hooks) => self.armed(&mut page, hooks),
            Told::Attempt(attempt) => self.attempt(&mut page, attempt),
            Told::Coverage(change) if !self.terse() => {
                frame::coverage(&mut page, change, &time, self.options.verbose);
            }
            Told::Released(released) if !(self.check && quiet) => {
                interfaces::released(&mut page, released, &time);
            }
            Told::Changed(changed) if !quiet => interfaces::changed(&mut page, changed, &time),
            Told::Lost(lost) if !quiet => frame::lost(&mut page, lost, &time),
            Told::Diagnostic(diagnostic) if !quiet => frame::diagnostic(&mut page, diagnostic, &time),
            Told::Coverage(_)
            | Told::Released(_)
            | Told::Changed(_)
            | Told::Lost(_)
            | Told::Diagnostic(_) => {}
            Told::Answer(answer) => {
                self.answered = true;
                check::answer(&mut page, answer, &self.clock, quiet);
            }
            Told::Summary(summary) => self.summary(&mut page, summary),
        }
        self.print(page)
    }
}

/// Explains `cause`, or lists all with their meaning.
///
/// # Errors
/// Those of `out`.
pub fn explain(mut out: impl Write, cause: Option<Cause>) -> io::Result<()> {
    let mut page = Page::new(false);
    match cause {
        Some(cause) => explain::one(&mut page, cause),
        None => explain::all(&mut page),
    }
    out.write_all(page.into_text().as_bytes())?;
    out.flush()
}

/// Tells of each hook whether it observes here, and what is lost without it.
///
/// # Errors
/// Those of `out`.
pub fn probes(mut out: impl Write, rows: &[Row], sources: &[Source]) -> io::Result<()> {
    let mut page = Page::new(false);
    probes::rows(&mut page, rows, sources);
    out.write_all(page.into_text().as_bytes())?;
    out.flush()
}

/// Tells which interfaces are alive, and what could not be looked at.
///
/// # Errors
/// Those of `out`.
pub fn alive(mut out: impl Write, alive: &[Alive], unseen: &[String]) -> io::Result<()> {
    let mut page = Page::new(false);
    ls::rows(&mut page, alive, unseen);
    out.write_all(page.into_text().as_bytes())?;
    out.flush()
}

/// Tells what was found wrong, and what to do about it.
///
/// # Errors
/// Those of `out`.
pub fn doctor(mut out: impl Write, findings: &[Finding], options: TextOptions) -> io::Result<()> {
    let mut page = Page::new(options.color);
    doctor::rows(&mut page, findings, options);
    out.write_all(page.into_text().as_bytes())?;
    out.flush()
}
