//! The kernel half of the ledger.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::os::fd::{AsFd as _, AsRawFd as _};

use anyhow::{Context as _, Result};
use aya::Ebpf;
use aya::maps::PerCpuArray;
use aya::programs::Program;
use kni_ebpf::counter::{Outcome, slot};
use kni_ebpf::hook::Hook;

use super::spec;

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

pub(super) fn read(object: &Ebpf, descriptors: &Descriptors) -> Result<Counters> {
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
        missed: descriptors.misses().context("cannot read the programs' descriptors")?,
        displaced: counters.total(Outcome::Displaced),
        unpaired: counters.total(Outcome::Unpaired),
        ..counters
    })
}

/// What the kernel tells of each loaded program, by way of its descriptor.
///
/// Opened once: opening a file is among the things that are counted.
#[derive(Debug, Default)]
pub(super) struct Descriptors(Vec<(Hook, File)>);

impl Descriptors {
    /// Those of the programs that are loaded now.
    pub(super) fn open(object: &Ebpf) -> io::Result<Self> {
        let mut files = Vec::new();
        for spec in spec::SPECS {
            let programs = spec.programs();
            for path in programs.iter().filter_map(|name| descriptor(object.program(name)?)) {
                files.push((spec.hook, File::open(path)?));
            }
        }
        Ok(Self(files))
    }

    /// How often the programs of `hook` have run. The kernel counts that while its statistics of eBPF programs are
    /// enabled.
    pub(super) fn runs(&self, hook: Hook) -> io::Result<u64> {
        let files = self.0.iter().filter(|(of, _)| *of == hook);
        files.map(|(_, file)| fact(file, "run_cnt")).sum()
    }

    /// Runs that the kernel left out since the CPU was in that program already (told since 5.12).
    fn misses(&self) -> io::Result<u64> {
        self.0.iter().map(|(_, file)| fact(file, "recursion_misses")).sum()
    }
}

/// Where the kernel tells of a loaded program.
fn descriptor(program: &Program) -> Option<String> {
    let fd = program.fd().ok()?.as_fd().as_raw_fd();
    Some(format!("/proc/self/fdinfo/{fd}"))
}

/// A number that a descriptor tells; 0 if it doesn't.
fn fact(mut file: &File, name: &str) -> io::Result<u64> {
    let mut info = String::new();
    file.rewind()?;
    file.read_to_string(&mut info)?;
    Ok(parse_fact(&info, name).unwrap_or_default())
}

fn parse_fact(info: &str, name: &str) -> Option<u64> {
    let (_, value) = info.lines().filter_map(|line| line.split_once(':')).find(|(key, _)| *key == name)?;
    value.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::parse_fact;

    #[test]
    fn facts_are_found_by_their_whole_names() {
        let info = "pos:\t0\nrun_cnt:\t4\nrecursion_misses:\t17\nverified_insns:\tmany\n";
        assert_eq!(parse_fact(info, "recursion_misses"), Some(17));
        assert_eq!(parse_fact(info, "run_cnt"), Some(4));
        for name in ["cnt", "verified_insns", "absent"] {
            assert_eq!(parse_fact(info, name), None, "{name}");
        }
    }
}
