//! The whole stream of this machine, as a live run has it.

use std::time::{Duration, Instant};

use kni_ebpf::hook::Hook;
use kni_user::event::{Event, HookState, Mapped, Object, Question, What};
use kni_user::probe;
use kni_user::stream::{Config, Stream};
use tokio::runtime::Runtime;

/// Long enough for a loaded machine: only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// An open stream, and what came of it.
pub(crate) struct Live {
    stream: Stream,
    seen: Vec<Event>,
    runtime: Runtime,
}

impl Live {
    pub(crate) fn open(probe: probe::Config) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut seen = Vec::new();
        let config = Config { probe, verbose: false };
        let open = async { Stream::open(&config, Question::Watch, &mut seen) };
        let stream =
            runtime.block_on(open).unwrap_or_else(|error| panic!("these tests need root: {error:#}"));
        Self { stream, seen, runtime }
    }

    /// All that came until now.
    pub(crate) fn events(&self) -> &[Event] {
        &self.seen
    }

    /// Waits until `wanted` finds what it looks for in the events.
    pub(crate) fn wait_for<T>(&mut self, what: &str, wanted: impl Fn(&[Event]) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = wanted(&self.seen) {
                return found;
            }
            assert!(Instant::now() < deadline, "no {what} among {:#?}", self.seen);
            // Time passes in the stream too, so that it never blocks for long.
            self.runtime.block_on(self.stream.batch(&mut self.seen)).unwrap();
        }
    }

    /// Waits until a process has mapped a file whose name ends so; its name in the stream.
    pub(crate) fn wait_for_mapped(&mut self, pid: u32, end: &str) -> Vec<u8> {
        self.wait_for(&format!("mapping of {end}"), |events| {
            mapped(events)
                .find(|mapped| mapped.pid == pid && mapped.object.as_bytes().ends_with(end.as_bytes()))
                .map(|mapped| mapped.object.as_bytes().to_vec())
        })
    }
}

pub(crate) fn objects(events: &[Event]) -> impl Iterator<Item = &Object> {
    events.iter().filter_map(|event| match &event.what {
        What::Object(object) => Some(object),
        _ => None,
    })
}

pub(crate) fn mapped(events: &[Event]) -> impl Iterator<Item = &Mapped> {
    events.iter().filter_map(|event| match &event.what {
        What::Mapped(mapped) => Some(mapped),
        _ => None,
    })
}

/// The states that a hook took in an object, in order.
pub(crate) fn states(events: &[Event], hook: Hook, object: &[u8]) -> Vec<HookState> {
    let coverage = events.iter().filter_map(|event| match &event.what {
        What::Coverage(coverage) if coverage.hook == hook => Some(coverage),
        _ => None,
    });
    coverage
        .filter(|coverage| coverage.object.as_ref().is_some_and(|name| name.as_bytes() == object))
        .map(|coverage| coverage.state.clone())
        .collect()
}
