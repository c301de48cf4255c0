//! Whether kprobes fire. An administrator may switch all of them off; they stay attached then, new ones can be
//! attached, and nothing tells that none is hit.

use std::fs;
use std::io;
use std::time::{Duration, Instant};

use perf_event::events::KProbe;
use perf_event::{Builder, Counter};

/// Why nothing is attached where they don't.
pub(super) const SILENT: &str = "kprobes are switched off and never fire: echo 1 > /sys/kernel/debug/kprobes/enabled, \
                                 sysctl kernel.ftrace_enabled=1";

/// What the kernel runs when [`FILE`] is read, and hardly ever else: `timerslack_ns_show` (fs/proc/base.c, in 4.6 to
/// 6.18). It is called by its address, and so never inlined.
const FUNCTION: &str = "timerslack_ns_show";
const FILE: &str = "/proc/self/timerslack_ns";

/// What switches all of them off (`kprobes_all_disarmed`, kernel/kprobes.c); root alone can read it.
const SWITCH: &str = "/sys/kernel/debug/kprobes/enabled";

/// Probes that don't fire are tried out anew so often: attaching takes the kernel's time.
const RETRY: Duration = Duration::from_secs(1);

/// A kprobe of our own that is hit on purpose.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    counter: Option<Hits>,
    failed: Option<Instant>,
}

impl Pulse {
    /// Whether kprobes fire now. Takes microseconds as long as they do.
    pub(super) fn beats(&mut self) -> bool {
        if self.failed.is_some_and(|failed| failed.elapsed() < RETRY) {
            return false;
        }
        let beats = self.counter.as_mut().is_some_and(Hits::grow) || self.begin_anew();
        self.failed = (!beats).then(Instant::now);
        beats
    }

    /// A probe that was attached while they were switched off stays silent, and one thread's hits are not another's.
    fn begin_anew(&mut self) -> bool {
        match Hits::begin() {
            Ok(hits) => self.counter.insert(hits).grow(),
            Err(error) => {
                log::debug!("whether kprobes fire can't be tried out: {error}");
                !is_off(&fs::read(SWITCH).unwrap_or_default())
            }
        }
    }
}

/// How often this thread has hit the probe.
#[derive(Debug)]
struct Hits {
    counter: Counter,
    seen: u64,
}

impl Hits {
    fn begin() -> io::Result<Self> {
        let probe = KProbe::probe(FUNCTION, 0)?;
        let mut counter = Builder::new(probe).observe_self().include_kernel().build()?;
        counter.enable()?;
        Ok(Self { counter, seen: 0 })
    }

    /// Hits it once more: whether that was counted.
    fn grow(&mut self) -> bool {
        let before = self.seen;
        self.seen = match fs::read(FILE) {
            Ok(_) => self.counter.read().unwrap_or_default(),
            Err(_) => before,
        };
        self.seen > before
    }
}

fn is_off(switch: &[u8]) -> bool {
    switch.trim_ascii() == b"0"
}

#[cfg(test)]
mod tests {
    use super::{Pulse, is_off};

    #[test]
    fn only_a_zero_is_off() {
        assert!(is_off(b"0\n"));
        assert!(!is_off(b"1\n") && !is_off(b""), "or it could not be read");
    }

    #[test]
    fn where_it_cannot_be_tried_out_kprobes_are_not_taken_for_dead() {
        // Without kprobes or the privilege for one; where there are both, they beat.
        assert!(Pulse::default().beats());
    }
}
