//! The account of what was not observed although a probe fired.

use crate::event::{Ledger, Nanos};

/// Records and runs that never reached the stream, whatever became of them.
#[must_use]
pub fn losses(ledger: &Ledger) -> u64 {
    let Ledger { lost, missed, displaced, undecoded, .. } = *ledger;
    lost.saturating_add(missed).saturating_add(displaced).saturating_add(undecoded)
}

/// Whether all that the probes saw has arrived.
///
/// Returns without an entry count against nothing: a system call that seccomp refuses is one.
#[must_use]
pub fn is_complete(ledger: &Ledger) -> bool {
    losses(ledger) == 0 && ledger.emitted == ledger.received
}

/// The account as it grows.
#[derive(Debug, Default)]
pub struct Account {
    latest: Ledger,
    last: Option<Loss>,
}

/// What was lost since the account before.
#[derive(Clone, Copy, Debug)]
struct Loss {
    at: Nanos,
    count: u64,
}

impl Account {
    /// Takes new totals, read at `at`; how much was lost since the last ones.
    pub fn update(&mut self, at: Nanos, ledger: &Ledger) -> u64 {
        let count = losses(ledger).saturating_sub(losses(&self.latest));
        self.latest = ledger.clone();
        if count > 0 {
            self.last = Some(Loss { at, count });
        }
        count
    }

    /// The latest totals.
    #[must_use]
    pub fn latest(&self) -> &Ledger {
        &self.latest
    }

    /// How much was lost in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        losses(&self.latest)
    }

    /// How much of the latest loss may concern something that began at `began`: a loss is noticed
    /// after it happened, so whatever began before it was noticed may miss a record.
    #[must_use]
    pub fn lost_since(&self, began: Nanos) -> u64 {
        self.last.filter(|loss| loss.at >= began).map_or(0, |loss| loss.count)
    }
}

#[cfg(test)]
mod tests {
    use super::{Account, is_complete};
    use crate::event::Ledger;

    #[test]
    fn a_loss_concerns_what_began_before_it_was_noticed() {
        let mut account = Account::default();
        assert_eq!(account.update(10, &Ledger { lost: 1, missed: 1, ..Ledger::default() }), 2);
        assert_eq!(account.update(20, &Ledger { lost: 1, missed: 1, displaced: 1, ..Ledger::default() }), 1);
        assert_eq!((account.lost_since(20), account.lost_since(21), account.total()), (1, 0, 3));
    }

    #[test]
    fn any_gap_makes_it_incomplete_and_an_unpaired_return_does_not() {
        let whole = Ledger { emitted: 7, received: 7, unpaired: 2, filtered: 9, ..Ledger::default() };
        assert!(is_complete(&whole));
        for gap in [
            Ledger { lost: 1, ..whole.clone() },
            Ledger { missed: 1, ..whole.clone() },
            Ledger { displaced: 1, ..whole.clone() },
            Ledger { undecoded: 1, ..whole.clone() },
            Ledger { received: 6, ..whole.clone() },
        ] {
            assert!(!is_complete(&gap), "{gap:?}");
        }
    }
}
