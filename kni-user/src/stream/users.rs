//! Who uses KNI: what observes every process's system calls is attached only while somebody does.

use std::collections::BTreeSet;

use kni_ebpf::hook::Hook;

use crate::event::{Event, Nanos, Object, Step, Task, What};
use crate::untrusted::Untrusted;

/// So long after the last user has gone the next is waited for: what a supervisor restarts comes back within seconds,
/// and letting go takes half a second in which nothing can be attached again.
const LINGER: Nanos = 30_000_000_000;
/// How often it is looked whether the users still live.
const SWEEP: Nanos = 5_000_000_000;
/// Users that are told apart. If there are more, nobody knows when the last one goes.
const MAX_USERS: usize = 4096;
/// Objects with the library in them that are remembered; as many as a machine will hardly have.
const MAX_OBJECTS: usize = 1024;

/// The processes that use KNI, from the events of the stream in their order.
#[derive(Debug, Default)]
pub(super) struct Users {
    pids: BTreeSet<u32>,
    /// Paths of the objects that have the library in them.
    libraries: BTreeSet<Untrusted>,
    too_many: bool,
    /// When somebody was last known to use KNI.
    used: Option<Nanos>,
    swept: Nanos,
}

impl Users {
    /// Takes an event, and tells whether system calls are to be observed from here on. `is_alive` tells whether a
    /// process is there.
    pub(super) fn take(&mut self, event: &Event, is_alive: impl Fn(u32) -> bool) -> bool {
        // Until now, whatever comes now.
        self.note_use(event.at);
        match &event.what {
            What::Object(object) => self.object(object),
            What::Mapped(mapped) if self.libraries.contains(&mapped.object) => self.add(mapped.pid),
            What::Step(step) => self.step(step),
            What::Call(call) => self.add(call.task.pid),
            What::Tick => self.sweep(event.at, is_alive),
            _ => {}
        }
        self.note_use(event.at);
        self.used.is_some_and(|used| event.at.saturating_sub(used) < LINGER)
    }

    /// A process that is known to use KNI by other means than the stream.
    pub(super) fn add(&mut self, pid: u32) {
        self.pids.insert(pid);
        if self.pids.len() > MAX_USERS {
            self.pids.remove(&pid);
            self.too_many = true;
        }
    }

    /// Those who use KNI now, as far as is known.
    pub(super) fn pids(&self) -> &BTreeSet<u32> {
        &self.pids
    }

    fn object(&mut self, object: &Object) {
        // One without names is told of only if it was seen to use KNI.
        let has_library = object.symbols.is_empty() || object.has_library();
        if has_library && self.libraries.len() < MAX_OBJECTS {
            self.libraries.insert(object.path.clone());
        }
    }

    fn step(&mut self, step: &Step) {
        let Task { pid, .. } = step.task;
        match step.hook {
            // Who has an interface set up need not use KNI otherwise.
            Hook::ModuleLoad | Hook::ModuleFree | Hook::Exec | Hook::SetUpRequest => {}
            Hook::Fork => {
                let child = step.args.first().and_then(|child| u32::try_from(*child).ok());
                if let Some(child) = child.filter(|_| self.pids.contains(&pid)) {
                    self.add(child);
                }
            }
            Hook::Exit => {
                if step.ends_process() {
                    self.pids.remove(&pid);
                }
            }
            _ => self.add(pid),
        }
    }

    /// Forgets users that are gone: of one that maps the library and calls nothing in it no exit is recorded, and a
    /// record can be lost.
    fn sweep(&mut self, at: Nanos, is_alive: impl Fn(u32) -> bool) {
        if at.saturating_sub(self.swept) >= SWEEP {
            self.swept = at;
            self.pids.retain(|pid| is_alive(*pid));
        }
    }

    fn note_use(&mut self, at: Nanos) {
        if !self.pids.is_empty() || self.too_many {
            self.used = self.used.max(Some(at));
        }
    }
}

#[cfg(test)]
mod tests;
