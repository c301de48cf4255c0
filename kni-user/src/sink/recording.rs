//! Recordings: the stream of events, one JSON object a line, after a line that says what it is.
//!
//! ```text
//! {"kniwatch-recording":1,"by":"0.1.0"}
//! {"at":1200,"event":"start",...}
//! ```
//!
//! The number is the version of the form. A reader of one version takes recordings of that
//! version and older ones; fields that it does not know are skipped.

use std::io::{self, BufRead, Read as _, Write};

use serde::{Deserialize, Serialize};

use crate::event::Event;

#[cfg(test)]
mod arbitrary;
#[cfg(test)]
mod tests;

/// Version of the form that this kniwatch writes, and the newest that it reads.
pub const VERSION: u32 = 1;

/// Longest line that is read, in bytes: a hundred times what an event can need.
const LINE_BYTES: usize = 1 << 20;

/// Room that is kept for what is written at once, in bytes.
const WRITE_BYTES: usize = 1 << 16;

#[derive(Deserialize, Serialize)]
struct Header {
    #[serde(rename = "kniwatch-recording")]
    version: u32,
    /// The version of kniwatch that wrote it.
    by: String,
}

/// Writes events.
#[derive(Debug)]
pub struct Recorder<W> {
    out: W,
    /// What is to be written.
    lines: Vec<u8>,
}

impl<W: Write> Recorder<W> {
    /// Writes the header to `out`.
    ///
    /// Give it the file itself: what is recorded together is one write, so that a death of kniwatch loses none that
    /// was recorded before.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn new(out: W) -> io::Result<Self> {
        let mut recorder = Self { out, lines: Vec::new() };
        recorder.line(&Header { version: VERSION, by: env!("CARGO_PKG_VERSION").to_owned() })?;
        recorder.write()?;
        Ok(recorder)
    }

    /// Writes events. After an error the recording may end within a line, and nothing more may be written to it.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn record<'a>(&mut self, events: impl IntoIterator<Item = &'a Event>) -> io::Result<()> {
        events.into_iter().try_for_each(|event| self.line(event))?;
        self.write()
    }

    fn line(&mut self, line: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.lines, line)?;
        self.lines.push(b'\n');
        Ok(())
    }

    fn write(&mut self) -> io::Result<()> {
        let written = self.out.write_all(&self.lines).and_then(|()| self.out.flush());
        self.lines.clear();
        // A flood's batch is not kept in memory for ever.
        self.lines.shrink_to(WRITE_BYTES);
        written
    }
}

/// Why a recording cannot be read (further).
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// Its first line is something else.
    #[error("this is no recording of kniwatch: its first line is not {{\"kniwatch-recording\": ...}}")]
    NotARecording,
    /// It has a later form.
    #[error(
        "this recording has form {version}, written by kniwatch {by}; this kniwatch ({this}) reads forms up \
         to {VERSION}: replay it with a newer one",
        this = env!("CARGO_PKG_VERSION")
    )]
    Newer {
        /// Its form.
        version: u32,
        /// Who wrote it.
        by: String,
    },
    /// A line is not an event.
    #[error("line {line} of the recording is not an event")]
    NotAnEvent {
        /// Which, counted from 1.
        line: u64,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The last line has no end.
    #[error(
        "the recording breaks off in line {line}: it was cut, or is still being written; all before it has \
         been replayed"
    )]
    Truncated {
        /// Which, counted from 1.
        line: u64,
    },
    /// It ends between two lines, and before its last event.
    #[error(
        "the recording breaks off after line {line}: it was cut, or is still being written; all of it has been \
         replayed"
    )]
    Unended {
        /// Its last line, counted from 1.
        line: u64,
    },
    /// A line is too long for an event.
    #[error("line {line} of the recording is longer than {LINE_BYTES} bytes: that is not an event")]
    TooLong {
        /// Which, counted from 1.
        line: u64,
    },
    /// The file could not be read.
    #[error("the recording cannot be read after line {line}")]
    Io {
        /// The last line that was read.
        line: u64,
        /// Why.
        source: io::Error,
    },
}

/// Reads events. After an error there are no more.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    /// Lines read so far.
    line: u64,
    failed: bool,
}

/// A line as it stands in the file.
enum Line {
    /// With its newline, which is left out here.
    Whole(Vec<u8>),
    /// The file ends before a newline.
    Open(Vec<u8>),
}

impl<R: BufRead> Reader<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// It is no recording, or one of a later form.
    pub fn new(input: R) -> Result<Self, RecordingError> {
        let mut reader = Self { input, line: 0, failed: false };
        let line = match reader.next_line() {
            Ok(Some(Line::Whole(line) | Line::Open(line))) => line,
            Err(error @ RecordingError::Io { .. }) => return Err(error),
            Ok(None) | Err(_) => return Err(RecordingError::NotARecording),
        };
        match serde_json::from_slice(&line) {
            Ok(Header { version: 1..=VERSION, .. }) => Ok(reader),
            Ok(Header { version: version @ 1.., by }) => Err(RecordingError::Newer { version, by }),
            Ok(_) | Err(_) => Err(RecordingError::NotARecording),
        }
    }

    fn next_line(&mut self) -> Result<Option<Line>, RecordingError> {
        let mut bytes = Vec::new();
        let limit = u64::try_from(LINE_BYTES).unwrap_or(u64::MAX).saturating_add(1);
        let read = (&mut self.input).take(limit).read_until(b'\n', &mut bytes);
        read.map_err(|source| RecordingError::Io { line: self.line, source })?;
        if bytes.is_empty() {
            return Ok(None);
        }
        self.line += 1;
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
            Ok(Some(Line::Whole(bytes)))
        } else if bytes.len() > LINE_BYTES {
            Err(RecordingError::TooLong { line: self.line })
        } else {
            Ok(Some(Line::Open(bytes)))
        }
    }

    fn next_event(&mut self) -> Result<Option<Event>, RecordingError> {
        let Some(line) = self.next_line()? else { return Ok(None) };
        let (bytes, whole) = match line {
            Line::Whole(bytes) => (bytes, true),
            Line::Open(bytes) => (bytes, false),
        };
        serde_json::from_slice(&bytes).map(Some).map_err(|source| {
            if whole {
                RecordingError::NotAnEvent { line: self.line, source }
            } else {
                RecordingError::Truncated { line: self.line }
            }
        })
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Event, RecordingError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = self.next_event().transpose();
        self.failed = matches!(next, Some(Err(_)));
        next
    }
}
