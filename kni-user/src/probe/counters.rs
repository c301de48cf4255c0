//! The kernel half of the ledger.

use std::collections::BTreeMap;
use std::fs;
use std::os::fd::{AsFd as _, AsRawFd as _};

use anyhow::{Context as _, Result};
use aya::Ebpf;
use aya::maps::PerCpuArray;
use aya::programs::Program;
use kni_ebpf::counter::{Outcome, slot};
use kni_ebpf::hook::Hook;

/// What became of the programs' runs: totals over all hooks and CPUs.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Counters {
    /// Records submitted.
    pub emitted: u64,
    /// Runs that had nothing to say.
    pub filtered: u64,
    /// Entries that were kept for their returns.
    pub kept: u64,
    /// Records that the ring buffer refused.
    pub lost: u64,
    /// Runs that the kernel left out because a program was running on that CPU already, as far as it tells.
    pub missed: u64,
    /// Entries that found a table full.
    pub displaced: u64,
    /// Returns whose entry was not seen.
    pub unpaired: u64,
    by_hook: BTreeMap<Hook, [u64; Outcome::COUNT as usize]>,
}

impl Counters {
    /// How often `outcome` came about at `hook`.
    #[must_use]
    pub fn at(&self, hook: Hook, outcome: Outcome) -> u64 {
        let counts = self.by_hook.get(&hook);
        counts.and_then(|counts| counts.get(outcome as usize)).copied().unwrap_or_default()
    }

    /// How often the programs of `hook` have run.
    #[must_use]
    pub fn runs(&self, hook: Hook) -> u64 {
        [Outcome::Emitted, Outcome::Filtered, Outcome::Kept, Outcome::Lost]
            .into_iter()
            .map(|outcome| self.at(hook, outcome))
            .sum()
    }

    fn total(&self, outcome: Outcome) -> u64 {
        Hook::ALL.into_iter().map(|hook| self.at(hook, outcome)).sum()
    }
}

pub(super) fn read(object: &Ebpf) -> Result<Counters> {
    let map = object.map("COUNTERS").context("the object has no map COUNTERS")?;
    let map = PerCpuArray::<_, u64>::try_from(map)?;
    let mut counters = Counters::default();
    for hook in Hook::ALL {
        let mut counts = [0; Outcome::COUNT as usize];
        for (outcome, count) in Outcome::ALL.into_iter().zip(&mut counts) {
            let per_cpu = map.get(&slot(hook, outcome), 0).context("cannot read the counters")?;
            *count = per_cpu.iter().sum();
        }
        counters.by_hook.insert(hook, counts);
    }
    Ok(Counters {
        emitted: counters.total(Outcome::Emitted),
        filtered: counters.total(Outcome::Filtered),
        kept: counters.total(Outcome::Kept),
        lost: counters.total(Outcome::Lost),
        missed: object.programs().map(|(_, program)| recursion_misses(program)).sum(),
        displaced: counters.total(Outcome::Displaced),
        unpaired: counters.total(Outcome::Unpaired),
        ..counters
    })
}

/// Runs of a program that the kernel left out, as its descriptor tells (since 5.12).
fn recursion_misses(program: &Program) -> u64 {
    let Ok(fd) = program.fd() else { return 0 };
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_fd().as_raw_fd()));
    parse_recursion_misses(&info.unwrap_or_default()).unwrap_or_default()
}

fn parse_recursion_misses(info: &str) -> Option<u64> {
    info.lines().find_map(|line| line.strip_prefix("recursion_misses:"))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::parse_recursion_misses;

    #[test]
    fn misses_are_found_among_the_descriptors_facts() {
        assert_eq!(parse_recursion_misses("pos:\t0\nrecursion_misses:\t17\nverified_insns:\t3\n"), Some(17));
        assert_eq!(parse_recursion_misses("pos:\t0\n"), None);
    }
}
