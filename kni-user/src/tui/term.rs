//! The terminal while the view has it: however it ends, the terminal is as it was before.

use std::io::{self, BufWriter, Stdout};
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};
use crossterm::cursor::{Hide, Show};
use crossterm::execute;
use crossterm::style::force_color_output;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, kill, sigaction};
use nix::unistd::Pid;
use ratatui::backend::CrosstermBackend;
use ratatui::{Frame, Terminal};

use crate::sink::stderr;

/// Bytes of a frame that go out at once.
const BUFFER: usize = 1 << 16;

/// Whether the terminal is ours now: whoever restores it first does.
static OURS: AtomicBool = AtomicBool::new(false);
static PANICS: Once = Once::new();

/// The terminal, for as long as this lives. There is one in a process.
pub struct Term {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
}

impl Term {
    /// Takes the terminal: another screen, raw keys, no cursor; the log waits.
    pub fn open(color: bool) -> Result<Self> {
        // Before anything is taken, so that whatever fails from here on gives it back.
        restore_at_panic();
        // The choice is made by who opens it; the library underneath would look at NO_COLOR again.
        force_color_output(color);
        let backend = CrosstermBackend::new(BufWriter::with_capacity(BUFFER, io::stdout()));
        let terminal = Terminal::new(backend).context("cannot ask the terminal for its size")?;
        let mut term = Self { terminal };
        term.set_up()?;
        Ok(term)
    }

    /// Takes the terminal, or takes it again: then everything is drawn anew.
    pub fn set_up(&mut self) -> Result<()> {
        stderr::hold();
        OURS.store(true, Ordering::SeqCst);
        enable_raw_mode().context("cannot set the terminal up")?;
        execute!(io::stdout(), EnterAlternateScreen, Hide).context("cannot set the terminal up")?;
        self.clear()
    }

    /// Draws what differs from the frame before.
    ///
    /// # Errors
    /// Those of the terminal.
    pub fn draw(&mut self, picture: impl FnOnce(&mut Frame)) -> io::Result<()> {
        self.terminal.draw(picture).map(|_| ())
    }

    /// Forgets what is on the screen: the next frame is drawn whole.
    pub fn clear(&mut self) -> Result<()> {
        // `Terminal::clear` would ask where the cursor is; the answer goes to whoever reads the keys.
        self.terminal
            .size()
            .and_then(|size| self.terminal.resize(size.into()))
            .context("cannot clear the screen")
    }

    /// Gives the terminal back and stops, as a program does at ^Z; returns when it goes on, with the terminal taken.
    pub fn suspend(&mut self) -> Result<()> {
        restore();
        stop().context("cannot stop")?;
        self.set_up()
    }
}

impl Drop for Term {
    fn drop(&mut self) {
        restore();
    }
}

/// The whole job stops, as it does where the terminal itself takes the ^Z.
fn stop() -> nix::Result<()> {
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: the default action runs no code of ours, and what was there before is put back as it was.
    let before = unsafe { sigaction(Signal::SIGTSTP, &default) }?;
    let stopped = kill(Pid::from_raw(0), Signal::SIGTSTP);
    // SAFETY: as above.
    unsafe { sigaction(Signal::SIGTSTP, &before) }?;
    stopped
}

/// Gives the terminal back, once.
fn restore() {
    if OURS.swap(false, Ordering::SeqCst) {
        // If the terminal has gone, nobody is left to be told.
        drop(execute!(io::stdout(), Show, LeaveAlternateScreen));
        drop(disable_raw_mode());
        stderr::release();
    }
}

fn restore_at_panic() {
    PANICS.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panicked| {
            restore();
            before(panicked);
        }));
    });
}
