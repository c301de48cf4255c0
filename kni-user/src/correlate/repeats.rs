//! Restart loops: the same program, ended the same again, as another process.

use std::collections::BTreeMap;

use crate::cause::Cause;
use crate::event::{Holder, Nanos};
use crate::report::{Attempt, Boundary, Loop, Outcome, Repeat};
use crate::untrusted::Untrusted;

/// Programs and ends that are remembered.
const MAX_PATTERNS: usize = 512;
/// So long after one of a loop was shown, the next are worth a number and no line.
const QUIET_NS: Nanos = 10_000_000_000;

/// Same program, same interface, same end.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Pattern {
    /// Not its executable: of one that ends at once, `/proc` tells that in some runs and in others not.
    program: Untrusted,
    name: Option<Untrusted>,
    boundary: Option<Boundary>,
    cause: Option<Cause>,
    kind: Kind,
}

/// Outcomes that can repeat.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Kind {
    Stopped,
    Died,
    NotAttempted,
    Inconclusive,
}

/// All of one pattern.
#[derive(Clone, Debug)]
struct Seen {
    count: u64,
    /// The process that did it last.
    pid: u32,
    /// Who started it.
    parent: Option<Holder>,
    first: Nanos,
    last: Nanos,
    /// When one was last shown that was not quiet.
    shown: Nanos,
    lived: Lived,
    /// What was told of it last.
    told: Option<Repeat>,
    touched: u64,
}

/// How long processes lived.
#[derive(Clone, Copy, Debug, Default)]
struct Lived {
    last: Option<Nanos>,
    shortest: Option<Nanos>,
    longest: Option<Nanos>,
}

/// How attempts ended before.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    seen: BTreeMap<Pattern, Seen>,
    clock: u64,
}

impl Repeats {
    /// Counts `attempt`, which ended at `at`. What it repeats, if another process of that program ended the
    /// same before; `lived` tells how long a process lived.
    pub(super) fn count(
        &mut self,
        attempt: &Attempt,
        at: Nanos,
        parent: Option<Holder>,
        lived: impl Fn(u32) -> Option<Nanos>,
    ) -> Option<Repeat> {
        let pattern = Pattern::of(attempt)?;
        self.clock += 1;
        let pid = attempt.process.pid;
        let Some(seen) = self.seen.get_mut(&pattern) else {
            self.insert(pattern, Seen::first(at, pid, parent, self.clock));
            return None;
        };
        seen.touched = self.clock;
        seen.last = seen.last.max(at);
        if seen.pid == pid {
            // The same process tries again: within a loop, that is part of what its line has told.
            return seen.told.clone().map(|told| Repeat { quiet: true, ..told });
        }
        seen.again(at, pid, parent, lived(seen.pid));
        seen.told.clone()
    }

    /// All patterns that were seen more than once, those seen most often first.
    pub(super) fn loops(&self, lived: impl Fn(u32) -> Option<Nanos>) -> Vec<Loop> {
        let repeated = self.seen.iter().filter(|(_, seen)| seen.count > 1);
        let mut loops: Vec<Loop> =
            repeated.map(|(pattern, seen)| seen.summary(pattern, lived(seen.pid))).collect();
        loops.sort_by_key(|one| std::cmp::Reverse(one.count));
        loops
    }

    fn insert(&mut self, pattern: Pattern, seen: Seen) {
        if self.seen.len() >= MAX_PATTERNS {
            let oldest = self.seen.iter().min_by_key(|(_, seen)| seen.touched).map(|(key, _)| key.clone());
            oldest.and_then(|oldest| self.seen.remove(&oldest));
        }
        self.seen.insert(pattern, seen);
    }
}

impl Seen {
    fn first(at: Nanos, pid: u32, parent: Option<Holder>, touched: u64) -> Self {
        let lived = Lived::default();
        Self { count: 1, pid, parent, first: at, last: at, shown: at, lived, told: None, touched }
    }

    /// It happened again in the process `pid`; the one before lived so long.
    fn again(&mut self, at: Nanos, pid: u32, parent: Option<Holder>, lived: Option<Nanos>) {
        self.lived.take(lived);
        self.count = self.count.saturating_add(1);
        let previous_pid = std::mem::replace(&mut self.pid, pid);
        let before = std::mem::replace(&mut self.parent, parent);
        let quiet = at.saturating_sub(self.shown) < QUIET_NS && self.count > 2;
        if !quiet {
            self.shown = at;
        }
        self.told = Some(Repeat {
            count: self.count,
            previous_pid,
            lived_ns: self.lived.last,
            shortest_ns: self.lived.shortest,
            longest_ns: self.lived.longest,
            over_ns: at.saturating_sub(self.first),
            parent: self.parent.clone().filter(|parent| before.as_ref() == Some(parent)),
            quiet,
        });
    }

    fn summary(&self, pattern: &Pattern, lived: Option<Nanos>) -> Loop {
        let mut all = self.lived;
        all.take(lived);
        Loop {
            program: pattern.program.clone(),
            interface: pattern.name.clone(),
            outcome: pattern.kind.outcome(),
            boundary: pattern.boundary,
            cause: pattern.cause,
            count: self.count,
            over_ns: self.last.saturating_sub(self.first),
            shortest_ns: all.shortest,
            longest_ns: all.longest,
            parent: self.told.as_ref().and_then(|told| told.parent.clone()),
        }
    }
}

impl Lived {
    fn take(&mut self, lived: Option<Nanos>) {
        self.last = lived;
        if let Some(lived) = lived {
            self.shortest = Some(self.shortest.map_or(lived, |known| known.min(lived)));
            self.longest = Some(self.longest.map_or(lived, |known| known.max(lived)));
        }
    }
}

impl Kind {
    const fn of(outcome: Outcome) -> Option<Self> {
        match outcome {
            Outcome::Stopped => Some(Self::Stopped),
            Outcome::Died => Some(Self::Died),
            Outcome::NotAttempted => Some(Self::NotAttempted),
            Outcome::Inconclusive => Some(Self::Inconclusive),
            Outcome::Created | Outcome::CreatedElsewhere | Outcome::CreatedDoomed | Outcome::InProgress => {
                None
            }
        }
    }

    const fn outcome(self) -> Outcome {
        match self {
            Self::Stopped => Outcome::Stopped,
            Self::Died => Outcome::Died,
            Self::NotAttempted => Outcome::NotAttempted,
            Self::Inconclusive => Outcome::Inconclusive,
        }
    }
}

impl Pattern {
    /// `None` for what is no failure.
    fn of(attempt: &Attempt) -> Option<Self> {
        Some(Self {
            program: attempt.process.comm.clone(),
            name: attempt.interface.name().cloned(),
            boundary: attempt.boundary,
            cause: attempt.cause,
            kind: Kind::of(attempt.outcome)?,
        })
    }
}
