//! What the machine says of itself at the start of a stream.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use chrono::{Local, Offset as _};

use super::{clock, modules};
use crate::event::{Question, Start};
use crate::untrusted::Untrusted;

/// The first event of a live stream.
#[must_use]
pub fn start(question: Question) -> Start {
    Start {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        host: first_line("/proc/sys/kernel/hostname"),
        kernel: first_line("/proc/sys/kernel/osrelease"),
        unix_ns: clock::unix_ns(),
        boot_ns: clock::boot_ns(),
        utc_offset_s: Local::now().offset().fix().local_minus_utc(),
        cpus_online: first_line("/sys/devices/system/cpu/online"),
        module: modules::rte_kni(),
        memory_end: memory_end(&fs::read_to_string("/proc/iomem").unwrap_or_default()),
        netns: fs::metadata("/proc/self/ns/net").ok().map(|data| data.ino()),
        question,
    }
}

/// One past the highest byte of memory in `/proc/iomem`; who may not read it is shown zeros.
fn memory_end(map: &str) -> Option<u64> {
    let end = |line: &str| {
        let (range, what) = line.split_once(" : ")?;
        let (_, last) = range.trim_start().split_once('-').filter(|_| what.starts_with("System RAM"))?;
        u64::from_str_radix(last, 16).ok().filter(|last| *last != 0)?.checked_add(1)
    };
    map.lines().filter_map(end).max()
}

/// The numbers of the CPUs that are online.
pub(super) fn online_cpus() -> Vec<usize> {
    let list = fs::read_to_string("/sys/devices/system/cpu/online").unwrap_or_default();
    numbers(&list)
}

/// The numbers in a list such as `0-3,8`.
fn numbers(list: &str) -> Vec<usize> {
    let range = |part: &str| {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        Some(from.parse().ok()?..=to.parse().ok()?)
    };
    list.trim().split(',').filter_map(range).flatten().collect()
}

/// The first line of a small file; empty where it can't be read.
fn first_line(path: &str) -> Untrusted {
    let text = fs::read(path).unwrap_or_default();
    Untrusted::from(text.split(|byte| *byte == b'\n').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::{memory_end, numbers, online_cpus};

    #[test]
    fn cpus_are_listed_in_ranges() {
        assert_eq!(numbers("0-2,5,7-8\n"), [0, 1, 2, 5, 7, 8]);
        assert_eq!(numbers("0\n"), [0]);
        assert_eq!(numbers(""), [0_usize; 0]);
        assert!(!online_cpus().is_empty());
    }

    #[test]
    fn memory_ends_behind_its_last_range() {
        let map = "00000000-00000fff : Reserved\n00001000-0009fbff : System RAM\n\
                   00100000-1ffdffff : System RAM\n  01000000-01e02657 : Kernel code\n\
                   100000000-13fffffff : System RAM (kmem)\nfee00000-fee00fff : Local APIC\n\
                   4000000000-7fffffffff : PCI Bus 0000:00\n";
        assert_eq!(memory_end(map), Some(0x1_4000_0000));
        assert_eq!(memory_end("00000000-00000000 : System RAM\n"), None, "no privilege");
        assert_eq!(memory_end(""), None);
    }
}
