//! What the machine says of itself at the start of a stream.

use std::fs;

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
        memory_end: None,
        netns: None,
        question,
    }
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
    use super::{numbers, online_cpus};

    #[test]
    fn cpus_are_listed_in_ranges() {
        assert_eq!(numbers("0-2,5,7-8\n"), [0, 1, 2, 5, 7, 8]);
        assert_eq!(numbers("0\n"), [0]);
        assert_eq!(numbers(""), [0_usize; 0]);
        assert!(!online_cpus().is_empty());
    }
}
