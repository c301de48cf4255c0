//! Restart loops: the same program, refused the same again, as another process.

use std::collections::BTreeMap;

use crate::cause::Cause;
use crate::event::{Holder, Nanos};
use crate::report::{Attempt, Boundary, Outcome, Repeat};
use crate::untrusted::Untrusted;

/// Programs and refusals that are remembered.
const MAX_PATTERNS: usize = 512;

/// Same program, same interface, same end.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Pattern {
    program: Untrusted,
    name: Option<Untrusted>,
    boundary: Option<Boundary>,
    cause: Option<Cause>,
    died: bool,
}

#[derive(Clone, Debug)]
struct Seen {
    count: u64,
    pid: u32,
    parent: Option<Holder>,
    touched: u64,
}

/// What was refused before.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    seen: BTreeMap<Pattern, Seen>,
    clock: u64,
}

impl Repeats {
    /// Counts `attempt`. What it repeats, if another process of that program ended the same before;
    /// `lived` tells how long a process lived.
    pub(super) fn count(
        &mut self,
        attempt: &Attempt,
        parent: Option<Holder>,
        lived: impl Fn(u32) -> Option<Nanos>,
    ) -> Option<Repeat> {
        if !matches!(attempt.outcome, Outcome::Stopped | Outcome::Died | Outcome::Inconclusive) {
            return None;
        }
        self.clock += 1;
        let pid = attempt.process.pid;
        let pattern = Pattern::of(attempt);
        let Some(seen) = self.seen.get_mut(&pattern) else {
            self.insert(pattern, Seen { count: 1, pid, parent, touched: self.clock });
            return None;
        };
        seen.touched = self.clock;
        if seen.pid == pid {
            return None;
        }
        let before =
            std::mem::replace(seen, Seen { count: seen.count + 1, pid, parent, touched: self.clock });
        Some(Repeat {
            count: seen.count,
            previous_pid: before.pid,
            lived_ns: lived(before.pid),
            parent: seen.parent.clone().filter(|parent| before.parent.as_ref() == Some(parent)),
        })
    }

    fn insert(&mut self, pattern: Pattern, seen: Seen) {
        if self.seen.len() >= MAX_PATTERNS {
            let oldest = self.seen.iter().min_by_key(|(_, seen)| seen.touched).map(|(key, _)| key.clone());
            oldest.and_then(|oldest| self.seen.remove(&oldest));
        }
        self.seen.insert(pattern, seen);
    }
}

impl Pattern {
    fn of(attempt: &Attempt) -> Self {
        Self {
            // Not its executable: of one that ends at once, /proc tells that in some runs and in others not.
            program: attempt.process.comm.clone(),
            name: attempt.interface.name().cloned(),
            boundary: attempt.boundary,
            cause: attempt.cause,
            died: attempt.outcome == Outcome::Died,
        }
    }
}
