//! What comes from the terminal, until that has gone or nobody asks any more.
//!
//! By a thread of its own: crossterm's `EventStream` has one as well, and each time it is asked whether there is a key
//! it spins for a lock that this thread holds, yielding the processor seven times.

use std::io;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result};
use crossterm::event::{self, Event};
use nix::sys::signal::{Signal, raise};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Keys that wait to be taken; who types more meanwhile waits.
const WAITING: usize = 64;

/// So often, and so far apart, the reader is asked to end.
const PLEAS: usize = 100;
const PAUSE: Duration = Duration::from_millis(1);

/// Reads the terminal for as long as this lives: what is typed later is for who has the terminal then.
pub(super) struct Keys {
    events: Receiver<io::Result<Event>>,
    reader: JoinHandle<()>,
}

impl Keys {
    /// Begins to read.
    pub(super) fn read() -> Result<Self> {
        let (tell, events) = channel(WAITING);
        let thread = thread::Builder::new().name("kniwatch-keys".to_owned());
        let reader = thread.spawn(move || forward(&tell)).context("cannot start a thread")?;
        Ok(Self { events, reader })
    }

    /// What comes next; none: the terminal has gone. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<io::Result<Event>> {
        self.events.recv().await
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.events.close();
        // Nothing ends the wait for a key but a key or another size of the terminal, which this pretends.
        for _ in 0..PLEAS {
            if self.reader.is_finished() || raise(Signal::SIGWINCH).is_err() {
                return;
            }
            thread::sleep(PAUSE);
        }
        log::debug!("the terminal is still being read");
    }
}

fn forward(tell: &Sender<io::Result<Event>>) {
    while !tell.is_closed() {
        let event = event::read();
        let has_gone = event.is_err();
        if tell.blocking_send(event).is_err() || has_gone {
            return;
        }
    }
}
