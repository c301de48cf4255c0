//! What the view shows, as a value: fed with reports as a sink is, with keys, and with time.

mod attempts;
mod keys;
mod overview;
mod processes;

use std::collections::VecDeque;

use crate::correlate::User;
use crate::event::{Ledger, Module, Nanos};
use crate::inventory::Alive;
use crate::preflight::Source;
use crate::probe::Row;
use crate::report::{Attempt, Report, Told};
use crate::sink::run::About;
use crate::sink::text::told;

pub use attempts::KEPT;
pub(crate) use attempts::{Attempts, Row as AttemptRow};
pub use keys::{Key, Wish};
pub(crate) use keys::{Mode, Tab};
pub(crate) use overview::{Overview, Readiness};
pub(crate) use processes::{Process, Processes, State as ProcessState};

/// Lines of what happened beside attempts that are kept.
const EVENTS: usize = 1000;
/// Columns that they are broken at.
const EVENT_WIDTH: usize = 80;

/// Everything that is on the screen, or could be.
#[derive(Debug, Default)]
pub struct State {
    pub(crate) overview: Overview,
    pub(crate) attempts: Attempts,
    pub(crate) processes: Processes,
    pub(crate) interfaces: Interfaces,
    pub(crate) probes: Vec<Row>,
    /// What else is observed.
    pub(crate) sources: Vec<Source>,
    /// What happened beside attempts, newest first.
    pub(crate) events: VecDeque<String>,
    pub(crate) screen: Screen,
    about: About,
    changed: bool,
}

/// The interfaces that were alive at the last look.
#[derive(Debug, Default)]
pub(crate) struct Interfaces {
    pub(crate) alive: Vec<Alive>,
    /// What could not be looked at.
    pub(crate) unseen: Vec<String>,
    pub(crate) looked: Nanos,
    /// Whether something has happened to one since.
    pub(crate) stale: bool,
}

/// Where the reader is.
#[derive(Debug, Default)]
pub(crate) struct Screen {
    pub(crate) tab: Tab,
    pub(crate) mode: Mode,
    /// Whether the selected attempt has the whole screen.
    pub(crate) is_open: bool,
    /// Lines that have gone over the upper edge of what is open, or of a tab beside the first.
    pub(crate) top: usize,
    /// Rows that there is room for; drawing tells.
    pub(crate) page: usize,
    /// What was last done at the reader's wish.
    pub(crate) notice: Option<String>,
}

impl State {
    /// A state that knows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self { changed: true, ..Self::default() }
    }

    /// Takes what the correlation tells.
    pub fn take(&mut self, report: &Report) {
        self.changed = true;
        self.overview.pass(report.at);
        match &report.what {
            Told::Start(start) => {
                self.overview.start(report.at, start);
                self.about.start = Some((report.at, start.clone()));
            }
            Told::Armed(hooks) => {
                self.overview.armed(hooks);
                self.about.hooks = Some(hooks.clone());
            }
            Told::Attempt(attempt) => {
                self.processes.take(attempt);
                self.interfaces.stale = true;
                self.attempts.take(attempt);
            }
            Told::Coverage(change) => self.overview.covered(change),
            Told::Released(_) | Told::Changed(_) => self.interfaces.stale = true,
            Told::Summary(summary) => self.about.summary = Some(summary.clone()),
            Told::Lost(_) | Told::Diagnostic(_) | Told::Answer(_) => {}
        }
        let told = told::beside(report, &self.overview.clock, EVENT_WIDTH);
        self.note(told);
    }

    /// Takes lines that something else has to say, the first of them first.
    pub fn note(&mut self, lines: impl IntoIterator<Item = String, IntoIter: DoubleEndedIterator>) {
        for line in lines.into_iter().rev() {
            self.events.push_front(line);
            self.changed = true;
        }
        self.events.truncate(EVENTS);
    }

    /// Time has come to `now`, `CLOCK_MONOTONIC`.
    pub fn pass(&mut self, now: Nanos) {
        self.changed |= self.overview.pass(now);
    }

    /// Takes the account of what was not observed.
    pub fn set_ledger(&mut self, ledger: &Ledger) {
        if self.overview.ledger != *ledger {
            self.overview.ledger = ledger.clone();
            self.changed = true;
        }
    }

    /// Takes how the module is loaded now.
    pub fn set_module(&mut self, module: Option<&Module>) {
        self.overview.set_module(module);
        self.changed = true;
    }

    /// Takes who uses KNI.
    pub fn set_users(&mut self, users: Vec<User>) {
        self.changed |= self.processes.set_users(users);
    }

    /// Takes which interfaces are alive, and what could not be looked at.
    pub fn set_interfaces(&mut self, alive: Vec<Alive>, unseen: Vec<String>) {
        let (looked, stale) = (self.overview.now(), false);
        self.interfaces = Interfaces { alive, unseen, looked, stale };
        self.changed = true;
    }

    /// Takes how each hook is attached.
    pub fn set_probes(&mut self, rows: &[Row]) {
        if self.probes != rows {
            self.probes = rows.to_vec();
            self.changed = true;
        }
    }

    /// Takes what else is observed, which stays as it is.
    pub fn set_sources(&mut self, sources: Vec<Source>) {
        self.sources = sources;
    }

    /// Tells the reader what came of a wish.
    pub fn set_notice(&mut self, notice: String) {
        self.screen.notice = Some(notice);
        self.changed = true;
    }

    /// The terminal has another size, or shows something else.
    pub fn touch(&mut self) {
        self.changed = true;
    }

    /// Whether something has changed since the last time this was asked.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// Which facts are shown that the reports don't have.
    #[must_use]
    pub fn wants(&self) -> Wants {
        Wants {
            module: self.overview.module_changed,
            users: self.screen.tab == Tab::Processes,
            interfaces: self.screen.tab == Tab::Interfaces,
            stale: self.interfaces.stale,
            probes: self.screen.tab == Tab::Probes,
        }
    }

    /// Whole seconds since the stream began.
    #[must_use]
    pub fn elapsed_s(&self) -> u64 {
        self.overview.elapsed_s()
    }

    /// The selected attempt.
    #[must_use]
    pub fn selected(&self) -> Option<&Attempt> {
        self.attempts.selected().map(|(_, row)| &*row.attempt)
    }

    /// What there is to know of the run beside its attempts; once the stream has ended, the totals too.
    #[must_use]
    pub fn about(&self) -> &About {
        &self.about
    }
}

/// Facts that are wanted because they are on the screen, or may have changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Wants {
    /// How the module is loaded.
    pub module: bool,
    /// Who uses KNI.
    pub users: bool,
    /// The interfaces that are alive.
    pub interfaces: bool,
    /// Something has become of an interface since they were looked at.
    pub stale: bool,
    /// How each hook is attached.
    pub probes: bool,
}
