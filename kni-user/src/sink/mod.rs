//! Where reports and events go. Only these write to stdout.

use std::io;

use crate::report::Report;

pub mod capture;
pub mod escape;
pub mod html;
pub mod jsonl;
pub mod junit;
pub mod perfetto;
pub mod recording;
pub mod run;
#[cfg(test)]
pub(crate) mod samples;
pub mod stderr;
pub mod text;

/// Takes reports, in the order in which they are told.
pub trait Sink {
    /// Takes one; it has reached the reader when this returns.
    ///
    /// # Errors
    /// Those of the writer behind it; [`stderr::is_broken_pipe`] tells the one that is none.
    fn tell(&mut self, report: &Report) -> io::Result<()>;
}

/// Several, each told everything in turn. One whose reader has gone is told nothing more.
pub struct Several(Vec<Box<dyn Sink>>);

impl Several {
    /// These.
    #[must_use]
    pub fn new(sinks: Vec<Box<dyn Sink>>) -> Self {
        Self(sinks)
    }
}

impl Sink for Several {
    fn tell(&mut self, report: &Report) -> io::Result<()> {
        let mut told = Ok(());
        self.0.retain_mut(|sink| match sink.tell(report) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => false,
            one => {
                told = std::mem::replace(&mut told, Ok(())).and(one);
                true
            }
        });
        told
    }
}
