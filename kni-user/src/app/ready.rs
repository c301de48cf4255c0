//! `--ready-file`: the file whose appearance says that everything is attached.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::thread::{Builder, JoinHandle};

use anyhow::{Context as _, Result};

/// The file, to be made when the time has come, by whoever asked for it: root that has given up `CAP_DAC_OVERRIDE`
/// can't write to the directories of others. So a thread that starts before keeps what the caller has until then.
pub(super) struct ReadyFile {
    path: PathBuf,
    now: Sender<()>,
    thread: JoinHandle<io::Result<()>>,
}

impl ReadyFile {
    /// With the privileges that the calling thread has now.
    pub(super) fn prepare(path: PathBuf) -> Result<Self> {
        let (now, told) = channel();
        let file = path.clone();
        // Nobody tells it: there is nothing to make.
        let make = move || told.recv().map_or(Ok(()), |()| File::create(file).map(drop));
        let thread = Builder::new().name("kniwatch-ready".to_owned()).spawn(make);
        Ok(Self { path, now, thread: thread.context("cannot start a thread")? })
    }

    /// Makes it.
    pub(super) fn make(self) -> Result<()> {
        let Self { path, now, thread } = self;
        // If the thread isn't there to be told, it can't be joined either.
        now.send(()).ok();
        let made = thread.join().unwrap_or_else(|_panic| Err(io::Error::other("its thread has panicked")));
        made.with_context(|| format!("cannot make the ready file {}", path.display()))
    }
}
