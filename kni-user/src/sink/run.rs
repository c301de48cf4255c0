//! A run as a whole, for the sinks that draw all of it at once.

use std::num::NonZeroUsize;

use crate::event::{Nanos, Start};
use crate::report::{Attempt, Hooks, Report, Summary, Told};

/// What there is to know of a run beside its attempts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct About {
    /// How it began, and when on the stream's clock.
    pub start: Option<(Nanos, Start)>,
    /// What was observed.
    pub hooks: Option<Hooks>,
    /// How it ended; none: it goes on, or the recording was cut.
    pub summary: Option<Summary>,
}

/// A run as it was told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Run {
    /// What stands around the attempts.
    pub about: About,
    /// The attempts, each by its last word, in the order in which they were first told.
    pub attempts: Vec<Attempt>,
    /// All else: interfaces, losses, what came and went.
    pub others: Vec<Report>,
}

impl Run {
    /// Takes the next report.
    pub fn take(&mut self, report: &Report) {
        match &report.what {
            Told::Start(start) => self.about.start = Some((report.at, start.clone())),
            Told::Armed(hooks) => self.about.hooks = Some(hooks.clone()),
            Told::Summary(summary) => self.about.summary = Some(summary.clone()),
            Told::Attempt(attempt) => self.attempt(attempt),
            // The summary repeats it.
            Told::Answer(_) => {}
            Told::Coverage(_)
            | Told::Released(_)
            | Told::Changed(_)
            | Told::Lost(_)
            | Told::Diagnostic(_) => {
                self.others.push(report.clone());
            }
        }
    }

    /// The same run with its `number`th attempt alone, counted from 1; none if it has fewer.
    #[must_use]
    pub fn only(mut self, number: NonZeroUsize) -> Option<Self> {
        let attempt = self.attempts.into_iter().nth(number.get() - 1)?;
        self.attempts = vec![attempt];
        Some(self)
    }

    /// One that was in progress is told again when it has ended.
    fn attempt(&mut self, attempt: &Attempt) {
        let same = |known: &&mut Attempt| {
            !known.is_final
                && (known.process.pid, known.process.tid, known.started)
                    == (attempt.process.pid, attempt.process.tid, attempt.started)
        };
        match self.attempts.iter_mut().rev().find(same) {
            Some(known) => known.clone_from(attempt),
            None => self.attempts.push(attempt.clone()),
        }
    }
}
