//! What keys do.

use super::State;

/// A key, whatever the terminal sends for it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "the names are those on the keys")]
pub enum Key {
    Up,
    Down,
    PageUp,
    PageDown,
    Home,
    End,
    Tab,
    BackTab,
    Enter,
    Escape,
    Backspace,
    Char(char),
    /// Control and this letter.
    Control(char),
}

/// What the reader wants that the state can't do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wish {
    /// To leave.
    Quit,
    /// To go back to the shell for a while.
    Suspend,
    /// To have the screen drawn anew.
    Repaint,
    /// To have the selected attempt in a file.
    Export,
}

/// What is looked at.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Tab {
    #[default]
    Attempts,
    Processes,
    Interfaces,
    Probes,
    Events,
}

impl Tab {
    pub(crate) const ALL: [Self; 5] =
        [Self::Attempts, Self::Processes, Self::Interfaces, Self::Probes, Self::Events];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Attempts => "Attempts",
            Self::Processes => "Processes",
            Self::Interfaces => "Interfaces",
            Self::Probes => "Probes",
            Self::Events => "Events",
        }
    }

    fn moved(self, by: usize) -> Self {
        let at = Self::ALL.iter().position(|tab| *tab == self).unwrap_or_default();
        Self::ALL.get((at + by) % Self::ALL.len()).copied().unwrap_or_default()
    }
}

/// What keys mean.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) enum Mode {
    #[default]
    Browse,
    /// A filter is typed; the one before comes back if that is given up.
    Filter {
        before: String,
        typed: String,
    },
    Help,
}

/// Characters that a filter has at most.
const FILTER: usize = 64;

impl State {
    /// Takes a key; what it asks for beyond this.
    pub fn key(&mut self, key: Key) -> Option<Wish> {
        self.changed = true;
        self.screen.notice = None;
        match key {
            Key::Control('c') => return Some(Wish::Quit),
            Key::Control('z') => return Some(Wish::Suspend),
            Key::Control('l') => return Some(Wish::Repaint),
            _ => {}
        }
        match &self.screen.mode {
            Mode::Browse => self.browse(key),
            Mode::Filter { .. } => {
                self.type_filter(key);
                None
            }
            Mode::Help => {
                self.screen.mode = Mode::Browse;
                (key == Key::Char('q')).then_some(Wish::Quit)
            }
        }
    }

    fn browse(&mut self, key: Key) -> Option<Wish> {
        let page = self.screen.page.max(1);
        match key {
            Key::Char('q') => return Some(Wish::Quit),
            Key::Char('e') => return self.export(),
            Key::Char('?') => self.screen.mode = Mode::Help,
            Key::Char('p') => self.attempts.toggle_pause(),
            Key::Char('/') => self.begin_filter(),
            Key::Tab => self.turn(1),
            Key::BackTab => self.turn(Tab::ALL.len() - 1),
            Key::Enter => self.open(),
            Key::Escape => self.close(),
            Key::Up | Key::Char('k') => self.go_up(1),
            Key::Down | Key::Char('j') => self.go_down(1),
            Key::PageUp => self.go_up(page),
            Key::PageDown | Key::Char(' ') => self.go_down(page),
            Key::Home | Key::Char('g') => self.go_to_end(true),
            Key::End | Key::Char('G') => self.go_to_end(false),
            Key::Char(_) | Key::Backspace | Key::Control(_) => {}
        }
        None
    }

    fn export(&mut self) -> Option<Wish> {
        if self.screen.tab == Tab::Attempts && self.selected().is_some() {
            return Some(Wish::Export);
        }
        self.screen.notice = Some("no attempt is selected".to_owned());
        None
    }

    fn turn(&mut self, by: usize) {
        self.screen.tab = self.screen.tab.moved(by);
        self.screen.is_open = false;
        self.screen.top = 0;
        // Whoever turns to the interfaces wants to see them as they are.
        self.interfaces.stale = true;
    }

    fn open(&mut self) {
        if self.screen.tab == Tab::Attempts && self.selected().is_some() {
            self.screen.is_open = !self.screen.is_open;
            self.screen.top = 0;
            if self.screen.is_open {
                self.attempts.hold();
            }
        }
    }

    /// Gives up what was begun last.
    fn close(&mut self) {
        if self.screen.is_open {
            self.screen.is_open = false;
            self.screen.top = 0;
        } else {
            self.attempts.set_filter("");
        }
    }

    /// Whether keys move through lines, and not from attempt to attempt.
    fn scrolls(&self) -> bool {
        self.screen.is_open || self.screen.tab != Tab::Attempts
    }

    fn go_up(&mut self, by: usize) {
        if self.scrolls() {
            self.screen.top = self.screen.top.saturating_sub(by);
        } else {
            self.attempts.go(0_isize.saturating_sub_unsigned(by));
        }
    }

    fn go_down(&mut self, by: usize) {
        if self.scrolls() {
            // Drawing knows how far that can be.
            self.screen.top = self.screen.top.saturating_add(by);
        } else {
            self.attempts.go(0_isize.saturating_add_unsigned(by));
        }
    }

    fn go_to_end(&mut self, first: bool) {
        if self.scrolls() {
            self.screen.top = if first { 0 } else { usize::MAX };
        } else {
            self.attempts.go_to_end(first);
        }
    }

    fn begin_filter(&mut self) {
        self.screen.tab = Tab::Attempts;
        self.screen.is_open = false;
        let before = self.attempts.filter().to_owned();
        self.screen.mode = Mode::Filter { typed: before.clone(), before };
    }

    fn type_filter(&mut self, key: Key) {
        let Mode::Filter { before, typed } = &mut self.screen.mode else { return };
        match key {
            Key::Char(c) if !c.is_control() && typed.chars().count() < FILTER => typed.push(c),
            Key::Backspace => {
                typed.pop();
            }
            Key::Escape => *typed = std::mem::take(before),
            _ => {}
        }
        self.attempts.set_filter(typed);
        if matches!(key, Key::Enter | Key::Escape) {
            self.screen.mode = Mode::Browse;
        }
    }
}
