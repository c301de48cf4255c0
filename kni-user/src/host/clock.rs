//! The clocks of events.

use nix::time::{ClockId, clock_gettime};

use crate::event::Nanos;

/// `CLOCK_MONOTONIC`, which the probes stamp their records with.
#[must_use]
pub fn monotonic_ns() -> Nanos {
    read(ClockId::CLOCK_MONOTONIC)
}

/// `CLOCK_BOOTTIME`, in which processes' start times are.
#[must_use]
pub fn boot_ns() -> Nanos {
    read(ClockId::CLOCK_BOOTTIME)
}

/// Nanoseconds since 1970 (UTC).
#[must_use]
pub fn unix_ns() -> i64 {
    i64::try_from(read(ClockId::CLOCK_REALTIME)).unwrap_or(i64::MAX)
}

/// Every kernel that can load the probes has these clocks; 0 stands for one that hasn't.
fn read(clock: ClockId) -> Nanos {
    let Ok(time) = clock_gettime(clock) else { return 0 };
    let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
    let nanos = u64::try_from(time.tv_nsec()).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
}
