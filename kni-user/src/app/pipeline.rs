//! Events in, text and recording out: the same for a live run and for a replay.

use anyhow::{Context as _, Result};

use super::recording::Recording;
use super::select::Selection;
use crate::cli::Select;
use crate::engine::Engine;
use crate::event::Event;
use crate::report::{Report, Told};
use crate::sink::Sink;

/// The engine between its source and its sinks.
pub(super) struct Pipeline {
    selection: Selection,
    engine: Engine,
    sink: Box<dyn Sink>,
    recording: Option<Recording>,
    reports: Vec<Report>,
    attempts: u64,
}

impl Pipeline {
    pub(super) fn new(select: Select, sink: Box<dyn Sink>, recording: Option<Recording>) -> Self {
        Self {
            selection: Selection::new(select),
            engine: Engine::new(),
            sink,
            recording,
            reports: Vec::new(),
            attempts: 0,
        }
    }

    /// Records the events that were selected, then correlates them and tells what comes of it: what was told is
    /// in the recording.
    pub(super) fn feed(&mut self, events: &mut Vec<Event>) -> Result<()> {
        events.retain(|event| self.selection.admits(event));
        if let Some(recording) = &mut self.recording {
            recording.take(events);
        }
        events.drain(..).try_for_each(|event| self.correlate(&event))
    }

    fn correlate(&mut self, event: &Event) -> Result<()> {
        self.engine.feed(event, &mut self.reports);
        for report in self.reports.drain(..) {
            if matches!(&report.what, Told::Attempt(attempt) if attempt.is_final) {
                self.attempts += 1;
            }
            self.sink.tell(&report).context("cannot write the output")?;
        }
        Ok(())
    }

    /// The engine, to be asked.
    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Whether `check` has its answer.
    pub(super) fn done(&self) -> bool {
        self.engine.done()
    }

    /// How many attempts have been told.
    pub(super) fn attempts(&self) -> u64 {
        self.attempts
    }

    /// `check`'s exit status, once the stream has ended.
    ///
    /// # Errors
    /// The recording is not whole.
    pub(super) fn exit_status(self) -> Result<u8> {
        self.recording.map_or(Ok(()), Recording::finish)?;
        Ok(self.engine.exit_status().unwrap_or(0))
    }
}
