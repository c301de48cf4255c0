//! The full-screen view beside a live run: keys and signals in, pictures out, at most some a second.

use std::cell::RefCell;
use std::fs::OpenOptions;
use std::io::{self, BufWriter, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::rc::Rc;
use std::slice;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use crossterm::event::Event;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep_until};

use super::keys::Keys;
use super::live::Request;
use crate::cli::{Format, Output};
use crate::engine::Engine;
use crate::probe::Row;
use crate::report::{Attempt, Report};
use crate::sink::run::About;
use crate::sink::{Sink, html, stderr, text};
use crate::tui::input;
use crate::tui::state::{State, Wish};
use crate::tui::term::Term;
use crate::tui::view::{Theme, draw};
use crate::{host, inventory, preflight};

/// Pictures are so far apart at least: where only something happened, and where a key waits for its answer.
const GAP: Duration = Duration::from_millis(100);
const KEY_GAP: Duration = Duration::from_millis(20);
/// Interfaces are looked at again after so long at least, if something happened to one, and at most otherwise.
const LOOK: Duration = Duration::from_secs(1);
const LOOK_ANYHOW: Duration = Duration::from_secs(10);

/// So many files of the view's own making a directory can have.
const EXPORTS: usize = 1000;

/// The state, for the pipeline to tell and the view to show.
pub(super) type Shared = Rc<RefCell<State>>;

impl Sink for Shared {
    fn tell(&mut self, report: &Report) -> io::Result<()> {
        self.borrow_mut().take(report);
        Ok(())
    }
}

/// Whether the results are best seen on the whole screen: of a terminal that can be drawn on, with somebody at it.
pub(super) fn is_wanted(output: &Output) -> bool {
    let can_draw = std::env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb");
    output.format == Format::Text && can_draw && io::stdout().is_terminal() && io::stdin().is_terminal()
}

/// The same run, told on the whole screen.
pub(super) fn of(output: &Output, request: Request) -> Request {
    let state: Shared = Rc::new(RefCell::new(State::new()));
    let theme = Theme { color: super::output::is_colored(output, &io::stdout()) };
    Request { sink: Box::new(Rc::clone(&state)), view: Some((state, theme)), ..request }
}

/// The view, open.
pub(super) struct View {
    state: Shared,
    theme: Theme,
    /// Before the terminal is given back, it is read no more.
    keys: Keys,
    term: Term,
    signals: Signals,
    drawn: Instant,
    /// Whether the screen is behind the state, and whether a key waits for that.
    is_behind: bool,
    is_asked: bool,
    /// Whether the module was loaded when that was last looked at.
    is_loaded: bool,
    looked: Option<Instant>,
    second: u64,
}

impl View {
    /// Takes the terminal.
    pub(super) fn open(state: Shared, theme: Theme) -> Result<Self> {
        let signals = Signals::new()?;
        state.borrow_mut().set_sources(preflight::sources());
        let term = Term::open(theme.color)?;
        Ok(Self {
            state,
            theme,
            keys: Keys::read()?,
            term,
            signals,
            drawn: Instant::now(),
            is_behind: true,
            is_asked: true,
            is_loaded: host::modules::is_loaded(),
            looked: None,
            second: u64::MAX,
        })
    }

    /// Waits for a key, a signal or the time of the next picture, and does what is due. Returns whether the reader
    /// leaves.
    ///
    /// Cancel-safe: nothing is taken before the last await.
    pub(super) async fn turn(&mut self) -> Result<bool> {
        let due = self.drawn + if self.is_asked { KEY_GAP } else { GAP };
        let is_behind = self.is_behind;
        let woken = tokio::select! {
            event = self.keys.next() => Woken::Terminal(event),
            woken = self.signals.next() => woken,
            () = sleep_until(due), if is_behind => Woken::Due,
        };
        match woken {
            Woken::Due => return self.draw(),
            Woken::Terminal(Some(Ok(event))) => return self.take(&event),
            // The terminal has gone.
            Woken::Terminal(_) | Woken::HungUp => return Ok(true),
            Woken::Stop => self.term.suspend()?,
            Woken::Continued => self.term.set_up()?,
        }
        self.touch();
        Ok(false)
    }

    fn touch(&mut self) {
        self.is_behind = true;
        self.is_asked = true;
    }

    fn take(&mut self, event: &Event) -> Result<bool> {
        let wish = match event {
            Event::Key(event) => {
                let Some(key) = input::key(event) else { return Ok(false) };
                self.state.borrow_mut().key(key)
            }
            // Drawing looks at the size itself.
            _ => None,
        };
        self.touch();
        match wish {
            None => {}
            Some(Wish::Quit) => return Ok(true),
            Some(Wish::Suspend) => self.term.suspend()?,
            Some(Wish::Repaint) => self.term.clear()?,
            Some(Wish::Export) => self.export(),
        }
        Ok(false)
    }

    fn draw(&mut self) -> Result<bool> {
        let mut state = self.state.borrow_mut();
        state.take_changed();
        let drawn = self.term.draw(|frame| draw(&mut state, self.theme, frame));
        self.drawn = Instant::now();
        (self.is_behind, self.is_asked) = (false, false);
        match drawn {
            // A terminal that has gone is a reader who leaves.
            Err(error) if error.raw_os_error() == Some(libc::EIO) => Ok(true),
            drawn => drawn.map(|()| false).context("cannot draw on the terminal"),
        }
    }

    /// Gives the state what is no report: time, the account, and what is on the screen besides.
    pub(super) fn look(&mut self, engine: &Engine, probes: &[Row]) {
        let mut state = self.state.borrow_mut();
        state.pass(host::clock::monotonic_ns());
        state.set_ledger(engine.ledger());
        state.note(stderr::held());
        let second = state.elapsed_s();
        let is_new = std::mem::replace(&mut self.second, second) != second;
        let wants = state.wants();
        let loaded = if is_new { host::modules::is_loaded() } else { self.is_loaded };
        if loaded != self.is_loaded || wants.module {
            self.is_loaded = loaded;
            state.set_module(host::modules::rte_kni().as_ref());
        }
        let changed = state.take_changed();
        if wants.users && (changed || is_new) {
            state.set_users(engine.users().collect());
        }
        if wants.probes && (changed || is_new) {
            state.set_probes(probes);
        }
        let since = self.looked.map(|looked| looked.elapsed());
        let patience = if wants.stale { LOOK } else { LOOK_ANYHOW };
        if wants.interfaces && since.is_none_or(|since| since >= patience) {
            self.looked = Some(Instant::now());
            let (facts, unseen) = host::inventory::read();
            state.set_interfaces(inventory::alive(&facts), unseen);
        }
        self.is_behind |= changed | state.take_changed();
    }

    /// Gives the terminal back, and leaves the totals on it.
    pub(super) fn close(self) -> Result<()> {
        let Self { state, keys, term, .. } = self;
        drop(keys);
        drop(term);
        match &state.borrow().about().summary {
            Some(summary) => text::summary(io::stdout(), summary).context("cannot write the output"),
            None => Ok(()),
        }
    }

    fn export(&mut self) {
        let mut state = self.state.borrow_mut();
        let notice = match state.selected().map(|attempt| export(state.about(), attempt)) {
            Some(Ok(path)) => format!("written: {}", path.display()),
            Some(Err(error)) => format!("not written: {error:#}"),
            None => return,
        };
        state.set_notice(notice);
    }
}

/// What ended a wait.
enum Woken {
    Terminal(Option<io::Result<Event>>),
    Due,
    HungUp,
    Stop,
    Continued,
}

/// The signals that are about the terminal.
struct Signals {
    hang_up: Signal,
    stop: Signal,
    go_on: Signal,
}

impl Signals {
    fn new() -> Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        let (stop, go_on) = (SignalKind::from_raw(libc::SIGTSTP), SignalKind::from_raw(libc::SIGCONT));
        Ok(Self { hang_up: listen(SignalKind::hangup())?, stop: listen(stop)?, go_on: listen(go_on)? })
    }

    async fn next(&mut self) -> Woken {
        tokio::select! {
            _ = self.hang_up.recv() => Woken::HungUp,
            _ = self.stop.recv() => Woken::Stop,
            _ = self.go_on.recv() => Woken::Continued,
        }
    }
}

/// Writes the attempt as a page to a new file in the working directory.
fn export(about: &About, attempt: &Attempt) -> Result<PathBuf> {
    for number in 1..EXPORTS {
        let path = PathBuf::from(format!("kniwatch-attempt-{number}.html"));
        // Never over something that is there, a link included.
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => {
                let mut out = BufWriter::new(file);
                html::page(&mut out, about, slice::from_ref(attempt))
                    .and_then(|()| out.flush())
                    .with_context(|| format!("cannot write {}", path.display()))?;
                return Ok(path);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error).with_context(|| format!("cannot make {}", path.display())),
        }
    }
    bail!("there are {EXPORTS} of them here already")
}
