//! Probes of kernel functions that the kernel did not serve, as their links tell (since 6.7).
//!
//! The kernel keeps room for so many returns of a function at once: twice as many as there are processors and at
//! least ten, or without `CONFIG_PREEMPTION`, in 5.10, as many as there are processors. An entry beyond that has no
//! return. For a probe by `perf_event_open` that number can't be changed: `perf_kprobe_init` leaves it at 0, the
//! default (`kernel/trace/trace_event_perf.c`, `kernel/kprobes.c`, 5.10 to 6.18). Only a probe written to
//! `kprobe_events` can have another, and that would change the host.
//!
//! Before 6.7 nobody tells of it: what the eBPF side notices by itself (`Outcome::Abandoned`) is all there is.

use std::cell::Cell;
use std::fs;
use std::os::fd::RawFd;
use std::path::Path;

use aya::util::KernelVersion;
use aya_obj::generated::{bpf_link_info, bpf_link_type, bpf_perf_event_type};

use super::counters::info;

/// From here on links tell, and programs: those of kprobes, uprobes and tracepoints by `perf_event_open`, and there are
/// no others here, counted nothing before (`trace_call_bpf`, `kernel/trace/bpf_trace.c`).
const TELLS: KernelVersion = KernelVersion::new(6, 7, 0);

/// Whether this kernel tells which runs of a program it left out.
pub(super) fn is_told() -> bool {
    KernelVersion::current().is_ok_and(|kernel| kernel >= TELLS)
}

/// The links of this process to functions of the kernel and the module.
#[derive(Debug, Default)]
pub(super) struct KernelLinks {
    links: Vec<KernelLink>,
    /// Misses of those that are gone.
    before: u64,
}

/// A link's descriptor belongs to who holds the attachment, and may be closed at any time.
#[derive(Debug)]
struct KernelLink {
    descriptor: RawFd,
    /// The kernel's number of it, which no other link gets.
    id: u32,
    /// At the last look.
    missed: Cell<u64>,
}

impl KernelLinks {
    /// Looks for links that have come since, and forgets those that have gone.
    pub(super) fn refresh(&mut self) {
        let links = own_links();
        let gone = self.links.iter().filter(|old| links.iter().all(|link| link.id != old.id));
        self.before += gone.map(|link| link.missed.get()).sum::<u64>();
        self.links = links;
    }

    /// How often any of the functions was entered or left unseen.
    pub(super) fn misses(&self) -> u64 {
        self.before + self.links.iter().map(KernelLink::misses).sum::<u64>()
    }
}

impl KernelLink {
    /// The link of this descriptor, if it is one to a kernel function, and the kernel tells so.
    fn at(descriptor: RawFd) -> Option<Self> {
        let (id, missed) = read(descriptor)?;
        Some(Self { descriptor, id, missed: Cell::new(missed) })
    }

    fn misses(&self) -> u64 {
        if let Some((id, missed)) = read(self.descriptor)
            && id == self.id
        {
            self.missed.set(missed);
        }
        self.missed.get()
    }
}

/// Those among this process's descriptors.
fn own_links() -> Vec<KernelLink> {
    let Ok(descriptors) = fs::read_dir("/proc/self/fd") else { return Vec::new() };
    let links = descriptors.flatten().filter(|entry| {
        fs::read_link(entry.path()).is_ok_and(|target| target == Path::new("anon_inode:bpf_link"))
    });
    links.filter_map(|entry| KernelLink::at(entry.file_name().to_str()?.parse().ok()?)).collect()
}

/// The number of the link to a kernel function that has this descriptor, and its misses.
fn read(descriptor: RawFd) -> Option<(u32, u64)> {
    const KERNEL: [bpf_perf_event_type; 2] =
        [bpf_perf_event_type::BPF_PERF_EVENT_KPROBE, bpf_perf_event_type::BPF_PERF_EVENT_KRETPROBE];
    // SAFETY: a struct of numbers, which the kernel fills or leaves 0.
    let link: bpf_link_info = unsafe { info(descriptor) }.ok()?;
    if link.type_ != bpf_link_type::BPF_LINK_TYPE_PERF_EVENT as u32 {
        return None;
    }
    // SAFETY: of a link of this type, this is the union's member; and all of them are numbers.
    let event = unsafe { link.__bindgen_anon_1.perf_event };
    let is_of_kernel = KERNEL.iter().any(|kind| event.type_ == *kind as u32);
    // SAFETY: as above, of an event of this type.
    let missed = unsafe { event.__bindgen_anon_1.kprobe.missed };
    is_of_kernel.then_some((link.id, missed))
}
