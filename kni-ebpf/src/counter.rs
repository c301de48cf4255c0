//! What became of each run of an eBPF program: the ledger's kernel half.
//!
//! `emitted + filtered + kept + lost` is the number of runs, for each hook; `unpaired`, `displaced` and
//! `abandoned` are counted beside them.

use crate::hook::Hook;

/// What became of one run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u32)]
pub enum Outcome {
    /// A record was submitted.
    Emitted = 0,
    /// Nothing to say: another request, another thread, not armed yet.
    Filtered = 1,
    /// An entry whose arguments were kept for the record of its return.
    Kept = 2,
    /// The ring buffer refused the record.
    Lost = 3,
    /// A return whose entry was never seen (also counted as filtered or emitted).
    Unpaired = 4,
    /// An in-flight table was full: the entry, and so its return, is not paired (also counted as above).
    Displaced = 5,
    /// An entry whose return never came, although its thread has left the function around it or entered the same
    /// anew: the kernel did not run the program of that return (also counted as above, when it was entered).
    Abandoned = 6,
}

impl Outcome {
    /// Every outcome, in the order of its number.
    pub const ALL: [Self; 7] = [
        Self::Emitted,
        Self::Filtered,
        Self::Kept,
        Self::Lost,
        Self::Unpaired,
        Self::Displaced,
        Self::Abandoned,
    ];
    /// How many outcomes there are.
    pub const COUNT: u32 = 7;
}

/// Entries of the per-CPU counter array.
pub const SLOTS: u32 = Hook::SLOTS * Outcome::COUNT;

/// Where the counter of `outcome` at `hook` stands in the array.
#[inline]
#[must_use]
pub const fn slot(hook: Hook, outcome: Outcome) -> u32 {
    hook as u32 * Outcome::COUNT + outcome as u32
}

#[cfg(test)]
mod tests {
    use super::{Outcome, SLOTS, slot};
    use crate::hook::Hook;

    #[test]
    fn no_two_counters_share_a_slot() {
        let mut seen = [false; SLOTS as usize];
        for hook in Hook::ALL {
            for outcome in Outcome::ALL {
                let slot = slot(hook, outcome) as usize;
                assert!(!seen[slot], "{hook:?} {outcome:?}");
                seen[slot] = true;
            }
        }
    }
}
