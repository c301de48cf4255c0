//! From the stream of events to what is told: the same for a live run and a replay.

use crate::event::Event;
use crate::report::Report;

/// Turns events into reports.
#[derive(Debug, Default)]
pub struct Engine {}

impl Engine {
    /// An engine that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next event and appends what there is to tell now.
    pub fn feed(&mut self, _event: &Event, _reports: &mut Vec<Report>) {}

    /// Whether `check` has its answer: the shell then ends the stream. Never for `watch`.
    #[must_use]
    pub fn done(&self) -> bool {
        false
    }

    /// `check`'s exit status, once the stream has ended.
    #[must_use]
    pub fn exit_status(&self) -> Option<u8> {
        None
    }
}
