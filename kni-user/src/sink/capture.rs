//! Reports kept as they are, for tests.

use std::io;

use super::Sink;
use crate::report::Report;

/// Keeps every report.
#[derive(Clone, Debug, Default)]
pub struct Capture {
    /// All of them so far.
    pub reports: Vec<Report>,
}

impl Sink for Capture {
    fn tell(&mut self, report: &Report) -> io::Result<()> {
        self.reports.push(report.clone());
        Ok(())
    }
}
