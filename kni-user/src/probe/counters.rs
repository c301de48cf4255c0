//! The kernel half of the ledger.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd, RawFd};

use anyhow::{Context as _, Result};
use aya::Ebpf;
use aya::maps::PerCpuArray;
use aya_obj::generated::{bpf_attr, bpf_cmd, bpf_prog_info};
use kni_ebpf::counter::{Outcome, SLOTS, slot};
use kni_ebpf::hook::Hook;

use super::missed::{self, KernelLinks};
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
    /// Runs that the kernel left out, as far as it tells, and returns that did not come although they must have been.
    /// What both show is counted by both.
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
    // All of them at once: this is read with every batch of records.
    let map = PerCpuArray::<_, [u64; SLOTS as usize]>::try_from(map)?;
    let per_cpu = map.get(&0, 0).context("cannot read the counters")?;
    let mut counters = Counters::default();
    for hook in Hook::ALL {
        let count = |outcome| {
            let slot = slot(hook, outcome) as usize;
            per_cpu.iter().filter_map(|counts| counts.get(slot)).sum()
        };
        counters.by_hook.insert(hook, Outcome::ALL.map(count));
    }
    Ok(Counters {
        emitted: counters.total(Outcome::Emitted),
        filtered: counters.total(Outcome::Filtered),
        kept: counters.total(Outcome::Kept),
        lost: counters.total(Outcome::Lost),
        missed: descriptors.misses().context("cannot read the programs' descriptors")?
            + counters.total(Outcome::Abandoned),
        displaced: counters.total(Outcome::Displaced),
        unpaired: counters.total(Outcome::Unpaired),
        ..counters
    })
}

/// What the kernel tells of each loaded program, and of each link to a kernel function, by way of its descriptor.
#[derive(Debug, Default)]
pub(super) struct Descriptors {
    programs: Vec<(Hook, OwnedFd)>,
    links: KernelLinks,
    tells_misses: bool,
}

impl Descriptors {
    /// Takes those of the programs that are loaded, and of the links that there are now.
    pub(super) fn refresh(&mut self, object: &Ebpf) -> io::Result<()> {
        self.tells_misses = missed::is_told();
        if self.tells_misses {
            self.links.refresh();
        }
        let mut files = Vec::new();
        for spec in spec::SPECS {
            let programs = spec.programs();
            for program in programs.iter().filter_map(|name| object.program(name)?.fd().ok()) {
                files.push((spec.hook, program.as_fd().try_clone_to_owned()?));
            }
        }
        self.programs = files;
        Ok(())
    }

    /// How often the programs of `hook` have run. The kernel counts that while its statistics of eBPF programs are
    /// enabled.
    pub(super) fn runs(&self, hook: Hook) -> io::Result<u64> {
        let files = self.programs.iter().filter(|(of, _)| *of == hook);
        files.map(|(_, program)| Ok(program_info(program)?.run_cnt)).sum()
    }

    /// Runs that the kernel left out: since the CPU was in a program already, or had no room for another return.
    /// 0 where it does not tell.
    fn misses(&self) -> io::Result<u64> {
        if !self.tells_misses {
            return Ok(0);
        }
        let programs = self.programs.iter().map(|(_, program)| Ok(program_info(program)?.recursion_misses));
        Ok(programs.sum::<io::Result<u64>>()? + self.links.misses())
    }
}

/// What the kernel tells of a loaded program. `/proc/self/fdinfo` has the same, written out for people: that takes
/// several times as long, and it is asked for with every batch of records.
fn program_info(program: &OwnedFd) -> io::Result<bpf_prog_info> {
    // SAFETY: a struct of numbers: nothing is asked for but numbers.
    unsafe { info(program.as_raw_fd()) }
}

/// What the kernel tells of the object of `descriptor`: as much of it as `T` has room for. Of an object of another
/// kind it tells something else; one that isn't eBPF's is an error.
///
/// # Safety
/// `T` must be a struct of numbers.
pub(super) unsafe fn info<T>(descriptor: RawFd) -> io::Result<T> {
    // SAFETY: all zero is a valid value of a struct of numbers.
    let mut info: T = unsafe { std::mem::zeroed() };
    // SAFETY: as above, of a union of them.
    let mut request: bpf_attr = unsafe { std::mem::zeroed() };
    request.info.bpf_fd = u32::try_from(descriptor).unwrap_or(u32::MAX);
    request.info.info_len = u32::try_from(size_of_val(&info)).unwrap_or(0);
    request.info.info = (&raw mut info) as u64;
    let command = bpf_cmd::BPF_OBJ_GET_INFO_BY_FD;
    // SAFETY: both structs are as large as it is told, and outlive the call.
    let status = unsafe { libc::syscall(libc::SYS_bpf, command, &raw mut request, size_of_val(&request)) };
    if status < 0 { Err(io::Error::last_os_error()) } else { Ok(info) }
}
