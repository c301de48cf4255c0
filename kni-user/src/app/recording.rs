//! The recording beside a live run: one that can't be written any further does not end the run.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::event::Event;
use crate::sink::recording::Recorder;

/// A recording in the making.
pub(super) struct Recording {
    path: PathBuf,
    /// Or why there is no more of it.
    recorder: Result<Recorder<File>, io::Error>,
}

impl Recording {
    /// A new one; a file that is there is replaced.
    pub(super) fn create(path: &Path) -> Result<Self> {
        let file =
            File::create(path).with_context(|| format!("cannot create the recording {}", path.display()))?;
        let recorder = Recorder::new(file).with_context(|| format!("cannot write to {}", path.display()))?;
        Ok(Self { path: path.to_owned(), recorder: Ok(recorder) })
    }

    /// Takes events; they are in the file when this returns.
    ///
    /// When that fails, it is said at once, and the recording ends there: with a gap in it, it would tell of another run.
    pub(super) fn take(&mut self, events: &[Event]) {
        if let Ok(recorder) = &mut self.recorder
            && let Err(error) = recorder.record(events)
        {
            log::error!(
                "cannot write the recording {}: {error}; it ends here, and what happens is told on",
                self.path.display()
            );
            self.recorder = Err(error);
        }
    }

    /// Says whether all of it is there.
    pub(super) fn finish(self) -> Result<()> {
        let Self { path, recorder } = self;
        recorder.map(drop).with_context(|| format!("the recording {} is not whole", path.display()))
    }
}
