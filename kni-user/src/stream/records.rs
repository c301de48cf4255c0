//! The records that come through the ring buffer, and the account of those that don't.

use anyhow::{Context as _, Result};
use aya::maps::{MapData, RingBuf};
use tokio::io::unix::AsyncFd;

use super::wait_on;
use crate::event::{Event, Ledger};
use crate::probe::Counters;
use crate::record;

/// Records taken at once: in a flood, what was taken is told before more is.
pub(super) const BATCH_MAX: usize = 4096;

pub(super) struct Records {
    ring: AsyncFd<RingBuf<MapData>>,
    received: u64,
    undecoded: u64,
    /// The ledger as it was told last: only growing losses are news.
    told: Ledger,
}

impl Records {
    pub(super) fn new(ring: RingBuf<MapData>) -> Result<Self> {
        let ring = wait_on(ring).context("cannot wait for the ring buffer")?;
        Ok(Self { ring, received: 0, undecoded: 0, told: Ledger::default() })
    }

    /// Waits for one. Cancel-safe.
    pub(super) async fn readable(&self) -> Result<()> {
        self.ring.readable().await.context("cannot wait for the ring buffer")?.clear_ready();
        Ok(())
    }

    /// Takes what is there, up to [`BATCH_MAX`].
    pub(super) fn take(&mut self) -> Vec<Event> {
        let mut records = Vec::new();
        let ring = self.ring.get_mut();
        while records.len() < BATCH_MAX
            && let Some(bytes) = ring.next()
        {
            self.received += 1;
            match record::decode(&bytes) {
                Ok(event) => records.push(event),
                Err(error) => {
                    self.undecoded += 1;
                    log::warn!("a record could not be decoded: {error}");
                }
            }
        }
        records
    }

    /// How many were taken until now.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// What was taken beside what became of the programs' runs.
    pub(super) fn ledger(&self, counters: &Counters) -> Ledger {
        Ledger {
            emitted: counters.emitted,
            filtered: counters.filtered + counters.kept,
            lost: counters.lost,
            missed: counters.missed,
            displaced: counters.displaced,
            unpaired: counters.unpaired,
            received: self.received,
            undecoded: self.undecoded,
        }
    }

    /// The ledger, if more was lost than it told the last time.
    pub(super) fn losses(&mut self, counters: &Counters) -> Option<Ledger> {
        let ledger = self.ledger(counters);
        (losses(&ledger) > losses(&self.told)).then(|| {
            self.told = ledger.clone();
            ledger
        })
    }
}

/// Everything that makes what was seen incomplete.
fn losses(ledger: &Ledger) -> u64 {
    ledger.lost + ledger.missed + ledger.displaced + ledger.undecoded
}
