//! kniwatch's probes on this machine, as the tests use them.

use std::os::fd::AsRawFd as _;
use std::time::{Duration, Instant};

use aya::maps::{MapData, RingBuf};
use kni_user::event::{Call, Coverage, Event, Step, Task, What};
use kni_user::probe::{Config, Probes};
use kni_user::record;

/// Long enough for a loaded machine: only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// Probes, and what they have recorded.
pub(crate) struct Watch {
    pub(crate) probes: Probes,
    pub(crate) coverage: Vec<Coverage>,
    ring: RingBuf<MapData>,
    seen: Vec<Event>,
}

impl Watch {
    /// Attached, not armed.
    pub(crate) fn attached(config: &Config) -> Self {
        let mut probes =
            Probes::load(config).unwrap_or_else(|error| panic!("these tests need root: {error:#}"));
        let coverage = probes.attach_all();
        let ring = probes.take_ring().unwrap();
        Self { probes, coverage, ring, seen: Vec::new() }
    }

    /// Attached and armed.
    pub(crate) fn armed(config: &Config) -> Self {
        let mut watch = Self::attached(config);
        watch.probes.arm().unwrap();
        watch
    }

    /// All that was recorded until now.
    pub(crate) fn events(&mut self) -> &[Event] {
        while let Some(bytes) = self.ring.next() {
            self.seen.push(record::decode(&bytes).unwrap());
        }
        &self.seen
    }

    /// Waits until `wanted` finds what it looks for in the events.
    pub(crate) fn wait_for<T>(&mut self, what: &str, wanted: impl Fn(&[Event]) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = wanted(self.events()) {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no {what} among {:#?}", self.seen);
            self.wait_for_more(left);
        }
    }

    fn wait_for_more(&self, at_most: Duration) {
        let mut poll = libc::pollfd { fd: self.ring.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // Not every record wakes its reader.
        let at_most = at_most.min(Duration::from_millis(100));
        let milliseconds = i32::try_from(at_most.as_millis()).unwrap();
        // SAFETY: one descriptor, which lives as long as the ring.
        unsafe { libc::poll(&raw mut poll, 1, milliseconds) };
    }
}

/// The steps of a process.
pub(crate) fn steps(events: &[Event], pid: u32) -> impl Iterator<Item = &Step> {
    events.iter().filter_map(move |event| match &event.what {
        What::Step(step) if step.task.pid == pid => Some(step),
        _ => None,
    })
}

/// The calls of a process.
pub(crate) fn calls(events: &[Event], pid: u32) -> impl Iterator<Item = &Call> {
    events.iter().filter_map(move |event| match &event.what {
        What::Call(call) if call.task.pid == pid => Some(call),
        _ => None,
    })
}

/// Whose event it is.
pub(crate) fn task(event: &Event) -> Option<&Task> {
    match &event.what {
        What::Step(step) => Some(&step.task),
        What::Call(call) => Some(&call.task),
        _ => None,
    }
}
