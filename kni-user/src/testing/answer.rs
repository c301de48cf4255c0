//! What an engine told of a stream.

use crate::engine::Engine;
use crate::event::Event;
use crate::report::{Attempt, Released, Report, Summary, Told};

/// What an engine told of a stream.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) reports: Vec<Report>,
    pub(crate) done: bool,
    pub(crate) exit_status: Option<u8>,
}

impl Answer {
    pub(crate) fn of(events: &[Event]) -> Self {
        let mut engine = Engine::new();
        let mut reports = Vec::new();
        for event in events {
            engine.feed(event, &mut reports);
        }
        Self { reports, done: engine.done(), exit_status: engine.exit_status() }
    }

    pub(crate) fn attempts(&self) -> Vec<&Attempt> {
        let attempt = |report| match report {
            &Report { what: Told::Attempt(ref attempt), .. } => Some(&**attempt),
            _ => None,
        };
        self.reports.iter().filter_map(attempt).collect()
    }

    /// The only attempt.
    pub(crate) fn attempt(&self) -> &Attempt {
        let attempts = self.attempts();
        assert_eq!(attempts.len(), 1, "{attempts:#?}");
        attempts[0]
    }

    pub(crate) fn released(&self) -> Vec<&Released> {
        let released = |report| match report {
            &Report { what: Told::Released(ref released), .. } => Some(released),
            _ => None,
        };
        self.reports.iter().filter_map(released).collect()
    }

    pub(crate) fn summary(&self) -> &Summary {
        match self.reports.last().map(|report| &report.what) {
            Some(Told::Summary(summary)) => summary,
            other => panic!("no summary at the end but {other:?}"),
        }
    }
}
