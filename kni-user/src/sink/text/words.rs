//! Numbers, errnos and outcomes in words.
//!
//! A number and its unit stay on one line: [`BOUND`] stands between them.

use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::Signal;

use crate::report::{Boundary, Outcome};

/// A blank at which no line ends, until the page makes it a plain one. Untrusted text cannot hold
/// it: it is escaped there.
pub(crate) const BOUND: char = '\u{a0}';

/// Nanoseconds to two or three digits that matter.
pub(crate) fn duration(nanos: u64) -> String {
    let seconds = Duration::from_nanos(nanos).as_secs();
    match nanos {
        0..1_000 => format!("{nanos}{BOUND}ns"),
        1_000..1_000_000 => short(nanos, 1_000, "us"),
        1_000_000..1_000_000_000 => short(nanos, 1_000_000, "ms"),
        1_000_000_000..60_000_000_000 => short(nanos, 1_000_000_000, "s"),
        _ if seconds < 3600 => format!("{}{BOUND}min{BOUND}{}{BOUND}s", seconds / 60, seconds % 60),
        _ => format!("{}{BOUND}h{BOUND}{}{BOUND}min", seconds / 3600, seconds / 60 % 60),
    }
}

/// One decimal below ten, none above; cut, not rounded, so that 9.99 is never 10.0.
fn short(nanos: u64, unit: u64, name: &str) -> String {
    let whole = nanos / unit;
    match nanos / (unit / 10) % 10 {
        tenth @ 1.. if whole < 10 => format!("{whole}.{tenth}{BOUND}{name}"),
        _ => format!("{whole}{BOUND}{name}"),
    }
}

pub(crate) fn ordinal(number: u64) -> String {
    let ending = match (number % 100, number % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

/// `1 attempt`, `2 attempts`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    format!("{number}{BOUND}{noun}{}", if number == 1 { "" } else { "s" })
}

/// A positive errno by name and meaning: `EEXIST (File exists)`.
pub(crate) fn errno(number: i32) -> String {
    match Errno::from_raw(number) {
        Errno::UnknownErrno => format!("errno {number}"),
        known => format!("{known:?} ({})", meaning(known)),
    }
}

/// A positive errno by name alone; DPDK's own, from 1001, too (`lib/eal/include/rte_errno.h`).
pub(crate) fn errno_name(number: i32) -> String {
    match (number, Errno::from_raw(number)) {
        (1001, _) => "E_RTE_SECONDARY".to_owned(),
        (1002, _) => "E_RTE_NO_CONFIG".to_owned(),
        (_, Errno::UnknownErrno) => format!("errno {number}"),
        (_, known) => format!("{known:?}"),
    }
}

/// As the C library and so every other tool says it; nix keeps two older phrases.
fn meaning(errno: Errno) -> &'static str {
    match errno {
        Errno::EBADF => "Bad file descriptor",
        Errno::ENOTTY => "Inappropriate ioctl for device",
        other => other.desc(),
    }
}

/// How a command ended, after "the command".
pub(crate) fn ending(status: Option<i32>, signal: Option<i32>) -> String {
    match (status, signal) {
        (_, Some(number)) => format!("was killed by {}", self::signal(number)),
        (Some(status), None) => format!("ended with exit status {status}"),
        (None, None) => "ended".to_owned(),
    }
}

/// A signal by name.
pub(crate) fn signal(number: i32) -> String {
    Signal::try_from(number).map_or_else(|_| format!("signal {number}"), |known| known.to_string())
}

/// `stopped in the module`: how an attempt ended, inside a sentence.
pub(crate) fn outcome(outcome: Outcome, boundary: Option<Boundary>) -> &'static str {
    match (outcome, boundary) {
        (Outcome::Created, _) => "created",
        (Outcome::CreatedElsewhere, _) => "created elsewhere",
        (Outcome::CreatedDoomed, _) => "created, but doomed",
        (Outcome::Stopped, Some(Boundary::Library)) => "stopped in the library",
        (Outcome::Stopped, Some(Boundary::Syscall)) => "stopped at the system call",
        (Outcome::Stopped, Some(Boundary::Module)) => "stopped in the module",
        (Outcome::Stopped, Some(Boundary::Network)) => "stopped in the network core",
        (Outcome::Stopped, None) => "stopped",
        (Outcome::Died, Some(Boundary::Library)) => "died in the library",
        (Outcome::Died, Some(Boundary::Syscall)) => "died in the system call",
        (Outcome::Died, Some(Boundary::Module)) => "died in the module",
        (Outcome::Died, Some(Boundary::Network)) => "died in the network core",
        (Outcome::Died, None) => "died inside",
        (Outcome::InProgress, _) => "still in progress",
        (Outcome::NotAttempted, _) => "not attempted",
        (Outcome::Inconclusive, _) => "inconclusive",
    }
}

#[cfg(test)]
mod tests {
    use super::{BOUND, count, duration, ending, errno, errno_name, ordinal};

    #[test]
    fn durations_keep_what_matters() {
        for (nanos, expected) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_000, "1 us"),
            (1_850, "1.8 us"),
            (41_000, "41 us"),
            (1_800_000, "1.8 ms"),
            (9_990_000, "9.9 ms"),
            (999_999_999, "999 ms"),
            (1_900_000_000, "1.9 s"),
            (59_999_999_999, "59 s"),
            (60_000_000_000, "1 min 0 s"),
            (3_599_000_000_000, "59 min 59 s"),
            (11_520_000_000_000, "3 h 12 min"),
            (u64::MAX, "5124095 h 34 min"),
        ] {
            assert_eq!(duration(nanos).replace(BOUND, " "), expected, "{nanos}");
        }
    }

    #[test]
    fn numbers_read_as_words() {
        let ordinals = [1, 2, 3, 4, 11, 12, 13, 21, 102, 111].map(ordinal).join(" ");
        assert_eq!(ordinals, "1st 2nd 3rd 4th 11th 12th 13th 21st 102nd 111th");
        assert_eq!(
            [0, 1, 2].map(|n| count(n, "hook")).join(", ").replace(BOUND, " "),
            "0 hooks, 1 hook, 2 hooks"
        );
    }

    #[test]
    fn errnos_have_names_where_there_are_any() {
        assert_eq!(errno(17), "EEXIST (File exists)");
        assert_eq!(errno(25), "ENOTTY (Inappropriate ioctl for device)");
        assert_eq!(errno(62), "ETIME (Timer expired)");
        assert_eq!(errno(512), "errno 512");
        assert_eq!(
            [12, 1001, 1002, 1003].map(errno_name),
            ["ENOMEM", "E_RTE_SECONDARY", "E_RTE_NO_CONFIG", "errno 1003"]
        );
    }

    #[test]
    fn commands_end_by_status_or_signal() {
        assert_eq!(ending(Some(1), None), "ended with exit status 1");
        assert_eq!(ending(None, Some(6)), "was killed by SIGABRT");
        assert_eq!(ending(None, Some(99)), "was killed by signal 99");
        assert_eq!(ending(None, None), "ended");
    }
}
