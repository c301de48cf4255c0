//! Events in, text and recording out: the same for a live run and for a replay.

use std::io;

use anyhow::{Context as _, Result};

use super::select::Selection;
use crate::cli::Select;
use crate::engine::Engine;
use crate::event::Event;
use crate::report::{Report, Told};
use crate::sink::Sink;
use crate::sink::recording::Recorder;

/// The engine between its source and its sinks.
pub(super) struct Pipeline {
    selection: Selection,
    engine: Engine,
    sink: Box<dyn Sink>,
    recorder: Option<Recorder<Box<dyn io::Write>>>,
    reports: Vec<Report>,
    attempts: u64,
}

impl Pipeline {
    pub(super) fn new(
        select: Select,
        sink: Box<dyn Sink>,
        recorder: Option<Recorder<Box<dyn io::Write>>>,
    ) -> Self {
        Self {
            selection: Selection::new(select),
            engine: Engine::new(),
            sink,
            recorder,
            reports: Vec::new(),
            attempts: 0,
        }
    }

    /// Records the event if it was selected, correlates it, tells what comes of it.
    pub(super) fn feed(&mut self, event: &Event) -> Result<()> {
        if !self.selection.admits(event) {
            return Ok(());
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.record(event).context("cannot write the recording")?;
        }
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
    pub(super) fn exit_status(&self) -> u8 {
        self.engine.exit_status().unwrap_or(0)
    }
}
