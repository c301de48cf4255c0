//! What went on inside the library: the steps that may be why it refused, and what it said.

use super::library_log::Said;
use super::observed::as_int;
use crate::event::{Read, Step};
use crate::report::IovaMode;
use crate::untrusted::Untrusted;

/// What went on inside the library.
#[derive(Clone, Debug, Default)]
pub struct Library {
    /// The last step that can refuse.
    pub last: Option<LibraryStep>,
    /// It gave up.
    pub panic: Option<Panic>,
    /// Memzones were asked for.
    pub memzones: bool,
    /// The lock of the list of interfaces was taken.
    pub locked: bool,
    /// What it was told of the program's addresses, the last time.
    pub iova_mode: Option<IovaMode>,
    /// All that it said.
    pub said: Vec<Said>,
    /// Something that it said could not be read.
    pub is_garbled: bool,
}

/// A call of `rte_panic`.
#[derive(Clone, Debug, Default)]
pub struct Panic {
    /// What it was given to say: a format.
    pub format: Option<Untrusted>,
    /// The function that gave up.
    pub function: Option<Untrusted>,
}

/// A step of the library that may be why it refused.
#[derive(Clone, Debug)]
pub enum LibraryStep {
    /// A memzone was looked up.
    Lookup {
        /// Its name.
        name: Option<Untrusted>,
        /// Whether it was there.
        found: bool,
    },
    /// A memzone was to be reserved.
    Reserve {
        /// Its name.
        name: Option<Untrusted>,
        /// Whether it was.
        done: bool,
        /// What the memory manager said meanwhile.
        said: Option<Said>,
        /// `rte_errno` after it.
        rte_errno: Option<i32>,
    },
    /// The library gave a reason.
    Said(Said),
}

impl Library {
    pub(super) fn look_up(&mut self, name: Option<Untrusted>, found: bool) {
        self.memzones = true;
        self.last = Some(LibraryStep::Lookup { name, found });
    }

    pub(super) fn reserve(&mut self, name: Option<Untrusted>, done: bool, rte_errno: Option<i32>) {
        self.memzones = true;
        let said = match self.last.take() {
            Some(LibraryStep::Said(said)) => Some(said),
            _ => None,
        };
        self.last = Some(LibraryStep::Reserve { name, done, said, rte_errno });
    }

    pub(super) fn hear(&mut self, format: &Read) {
        self.is_garbled |= matches!(format, Read::Failed(_));
        match format.text().and_then(|format| Said::of(format.as_bytes())) {
            Some(Said::Panic) => self.panic = Some(self.panic.take().unwrap_or_default()),
            Some(said) => self.say(said),
            None => {}
        }
    }

    pub(super) fn give_up(&mut self, step: &Step) {
        let (format, function) = (step.text.text().cloned(), step.detail.text().cloned());
        // Up to 16.07 it gives a reason in this way that later releases log.
        if let Some(said) = format.as_ref().and_then(|format| Said::of(format.as_bytes())) {
            self.say(said);
        }
        self.panic = Some(Panic { format, function });
    }

    fn say(&mut self, said: Said) {
        if !self.said.contains(&said) {
            self.said.push(said);
        }
        // It says so of each step that failed before, and not which it was.
        let is_summary = said == Said::NoInitMemory && self.has_failed();
        if !said.is_only_said() && !is_summary {
            self.last = Some(LibraryStep::Said(said));
        }
    }

    /// Whether its last step was a reservation that failed.
    fn has_failed(&self) -> bool {
        matches!(self.last, Some(LibraryStep::Reserve { done: false, .. }))
    }

    /// Whether it was heard to say that.
    #[must_use]
    pub fn has_said(&self, said: Said) -> bool {
        self.said.contains(&said)
    }
}

/// `enum rte_iova_mode` (`lib/librte_eal/common/include/rte_bus.h`, later `rte_eal.h`; since 17.11).
pub(super) fn iova_mode(value: i64) -> Option<IovaMode> {
    match as_int(value) {
        0 => Some(IovaMode::Undecided),
        1 => Some(IovaMode::Physical),
        2 => Some(IovaMode::Virtual),
        _ => None,
    }
}
