//! Where reports and events go. Only these write to stdout.

use std::io;

use crate::report::Report;

pub mod capture;
pub mod escape;
pub mod html;
pub mod jsonl;
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
