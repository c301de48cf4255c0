//! The interfaces that were seen coming into being and not going yet.

use crate::event::{Interface, Nanos, Task};
use crate::report::{Released, ReleasedHow};
use crate::untrusted::Untrusted;

/// Interfaces that are remembered; the oldest go first.
const MAX_INTERFACES: usize = 1024;

/// A living interface.
#[derive(Clone, Debug)]
pub(super) struct Living {
    /// The name by which the module knows it, and by which it is released.
    pub(super) name: Untrusted,
    /// The name that it was registered under, if that is known.
    pub(super) actual: Option<Untrusted>,
    pub(super) netns: Option<u64>,
    pub(super) ifindex: Option<u32>,
    pub(super) owner: Task,
    /// The opened `/dev/kni` that it came from.
    pub(super) file: Option<u64>,
    pub(super) since: Nanos,
    /// Size of the struct that the module accepted for it.
    pub(super) request_size: Option<u32>,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Interfaces {
    living: Vec<Living>,
}

/// Who closed the device.
#[derive(Clone, Copy, Debug)]
pub(super) struct Closed {
    pub(super) pid: u32,
    pub(super) file: u64,
}

impl Interfaces {
    pub(super) fn insert(&mut self, living: Living) {
        self.living.retain(|known| !known.is(&living.name, living.netns, living.owner.pid));
        if self.living.len() >= MAX_INTERFACES {
            self.living.remove(0);
        }
        self.living.push(living);
    }

    /// The one of that name in that network namespace (or of that process, where the namespace is not known).
    pub(super) fn get(&self, name: &Untrusted, netns: Option<u64>, pid: u32) -> Option<&Living> {
        self.living.iter().find(|known| known.is(name, netns, pid))
    }

    /// Takes what the system shows of an interface.
    pub(super) fn describe(&mut self, seen: &Interface) {
        let known = self.living.iter_mut().find(|known| {
            known.owner.pid == seen.pid && known.actual.as_ref().unwrap_or(&known.name) == &seen.name
        });
        if let Some(known) = known {
            known.ifindex = known.ifindex.or(Some(seen.ifindex));
        }
    }

    /// A RELEASE request for `name` was granted.
    pub(super) fn released(
        &mut self,
        at: Nanos,
        name: &Untrusted,
        netns: Option<u64>,
        pid: u32,
    ) -> Vec<Released> {
        self.remove(at, ReleasedHow::Request, |known| known.is(name, netns, pid))
    }

    /// The device was closed for the last time: the module has removed all that came from it.
    pub(super) fn closed(&mut self, at: Nanos, closed: Closed) -> Vec<Released> {
        self.remove(at, ReleasedHow::Close, |known| match known.file {
            Some(file) => file == closed.file,
            None => known.owner.pid == closed.pid,
        })
    }

    /// The owner has ended, and nothing tells when its device is closed.
    pub(super) fn orphaned(&mut self, at: Nanos, pid: u32) -> Vec<Released> {
        self.remove(at, ReleasedHow::Close, |known| known.owner.pid == pid)
    }

    fn remove(&mut self, at: Nanos, how: ReleasedHow, goes: impl Fn(&Living) -> bool) -> Vec<Released> {
        let gone = self.living.extract_if(.., |known| goes(known));
        gone.map(|gone| gone.released(at, how)).collect()
    }
}

impl Living {
    fn is(&self, name: &Untrusted, netns: Option<u64>, pid: u32) -> bool {
        let here = if netns.is_some() { self.netns == netns } else { self.owner.pid == pid };
        self.name == *name && here
    }

    fn released(self, at: Nanos, how: ReleasedHow) -> Released {
        Released {
            name: self.actual.unwrap_or(self.name),
            ifindex: self.ifindex,
            pid: self.owner.pid,
            comm: self.owner.comm,
            how,
            lived_ns: Some(at.saturating_sub(self.since)),
            took_ns: None,
        }
    }
}
