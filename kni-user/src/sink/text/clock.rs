//! The time of day where and when the stream was recorded.

use chrono::{DateTime, FixedOffset, Offset as _, Utc};

use crate::event::{Nanos, Start};

/// From the stream's times to the recording machine's time of day.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// Wall-clock time at the stream's 0, nanoseconds since 1970.
    epoch: i64,
    zone: FixedOffset,
}

impl Default for Clock {
    fn default() -> Self {
        Self { epoch: 0, zone: Utc.fix() }
    }
}

impl Clock {
    /// Set by what the stream says at its beginning, which happened at `at`. A distance from UTC
    /// that no time zone has counts as none.
    pub(crate) fn new(start: &Start, at: Nanos) -> Self {
        Self {
            epoch: start.unix_ns.saturating_sub_unsigned(at),
            zone: FixedOffset::east_opt(start.utc_offset_s).unwrap_or_else(|| Utc.fix()),
        }
    }

    /// The time of day, to the millisecond, of a moment on the stream's clock.
    pub(crate) fn time_at(&self, at: Nanos) -> String {
        self.time_of(self.epoch.saturating_add_unsigned(at))
    }

    /// The same for nanoseconds since 1970.
    pub(crate) fn time_of(&self, unix_ns: i64) -> String {
        self.local(unix_ns).format("%H:%M:%S%.3f").to_string()
    }

    /// The date, and the distance from UTC that all times have.
    pub(crate) fn date_of(&self, unix_ns: i64) -> String {
        self.local(unix_ns).format("%Y-%m-%d (UTC%:z)").to_string()
    }

    fn local(&self, unix_ns: i64) -> DateTime<FixedOffset> {
        DateTime::from_timestamp_nanos(unix_ns).with_timezone(&self.zone)
    }
}
