//! What went before in a process, as far as it may be why a later attempt comes to nothing.

use std::collections::VecDeque;

use kni_ebpf::hook::Hook;

use super::observed::Observed;
use crate::event::{Nanos, Phase, Step};
use crate::report::{self, IovaMode, Origin};
use crate::untrusted::Untrusted;
use crate::verdict::End;

/// Creations that failed which are remembered of one process.
const MAX_FAILED: usize = 16;
/// Interfaces that a process got which are remembered.
const MAX_HELD: usize = 64;

/// What a process went through before. Its size is bounded.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// Pools and rings that could not be made, as their functions returned.
    failed: VecDeque<Passed>,
    /// Interfaces that the library holds.
    held: VecDeque<Held>,
    /// How the device was opened last.
    pub opened: Option<Passed>,
    /// The last return of `rte_kni_init`.
    pub initialised: Option<Passed>,
    /// `rte_kni_init` has opened the device, and `rte_kni_close` not closed it since.
    pub is_ready: bool,
    /// `rte_kni_close`, if it ended that.
    pub closed: Option<Passed>,
    /// What it works with, as it was last seen asking.
    pub iova_mode: Option<IovaMode>,
}

/// A step that was passed.
#[derive(Clone, Debug)]
pub struct Passed {
    at: Nanos,
    entered: Option<Nanos>,
    tid: u32,
    hook: Hook,
    step: report::Step,
}

/// An interface of the library's, by the handle that it gave for it.
#[derive(Clone, Debug)]
struct Held {
    handle: i64,
    name: Untrusted,
    made: Passed,
    /// The last time that the library could not release it.
    kept: Option<Passed>,
}

impl Past {
    /// Takes a step of the process.
    pub(super) fn step(&mut self, at: Nanos, step: &Step) {
        let Phase::Return { value, .. } = step.phase else {
            if step.hook == Hook::LibraryClose && std::mem::take(&mut self.is_ready) {
                self.closed = Some(Passed::new(at, step));
            }
            return;
        };
        match step.hook {
            Hook::PoolCreate | Hook::MempoolCreate | Hook::RingCreate if value == 0 => {
                if self.failed.len() >= MAX_FAILED {
                    self.failed.pop_front();
                }
                self.failed.push_back(Passed::new(at, step));
            }
            Hook::Open | Hook::DeviceOpen => self.opened = Some(Passed::new(at, step)),
            _ => {}
        }
    }

    /// Takes what a thread did in the library until `at`.
    pub(super) fn ended(&mut self, seen: &Observed, end: End, at: Nanos) {
        self.iova_mode = seen.library.iova_mode.or(self.iova_mode);
        let (End::Returned(value), Some(hook)) = (end, seen.outermost) else { return };
        let Some(passed) = Passed::last_of(seen, hook, at) else { return };
        match hook {
            Hook::LibraryInit => {
                let opened = seen.open.as_ref().is_some_and(|open| open.errno.is_none());
                self.is_ready |= opened;
                self.closed = self.closed.take().filter(|_| !opened);
                self.initialised = Some(passed);
            }
            Hook::LibraryAlloc if value != 0 => self.hold(value, seen.interface.claimed.as_ref(), passed),
            Hook::LibraryRelease => self.release(seen.argument, value, passed),
            _ => {}
        }
    }

    fn hold(&mut self, handle: i64, name: Option<&Untrusted>, made: Passed) {
        let Some(name) = name.cloned() else { return };
        self.held.retain(|held| held.handle != handle && held.name != name);
        if self.held.len() >= MAX_HELD {
            self.held.pop_front();
        }
        self.held.push_back(Held { handle, name, made, kept: None });
    }

    fn release(&mut self, handle: Option<u64>, value: i64, passed: Passed) {
        let Some(handle) = handle.map(u64::cast_signed) else { return };
        if super::observed::as_int(value) == 0 {
            self.held.retain(|held| held.handle != handle);
        } else if let Some(held) = self.held.iter_mut().find(|held| held.handle == handle) {
            held.kept = Some(passed);
        }
    }

    /// Why there is no pool: the first step that failed within the last that should have made one.
    #[must_use]
    pub fn failed_pool(&self) -> Option<&Passed> {
        let outermost = |failed: &&Passed| !self.failed.iter().any(|other| other.contains(failed));
        let makes_pool = |failed: &&Passed| failed.hook != Hook::RingCreate;
        let last = self.failed.iter().rev().filter(outermost).find(makes_pool)?;
        let inside = self.failed.iter().filter(|failed| last.contains(failed));
        inside.min_by_key(|failed| failed.at).or(Some(last))
    }

    /// The name of the interface that the library gave that handle for.
    pub(super) fn held(&self, handle: u64) -> Option<&Untrusted> {
        self.held.iter().find(|held| held.handle.cast_unsigned() == handle).map(|held| &held.name)
    }

    /// Why the library holds an interface of that name: it could not release it, or was not asked to.
    #[must_use]
    pub fn holding(&self, name: &Untrusted) -> Option<&Passed> {
        let held = self.held.iter().find(|held| held.name == *name)?;
        Some(held.kept.as_ref().unwrap_or(&held.made))
    }
}

impl Passed {
    pub(super) fn new(at: Nanos, step: &Step) -> Self {
        let entered = match step.phase {
            Phase::Enter => Some(at),
            Phase::Return { entered, .. } => entered,
        };
        Self { at, entered, tid: step.task.tid, hook: step.hook, step: report::Step::of(at, step) }
    }

    /// The return of the outermost function.
    fn last_of(seen: &Observed, hook: Hook, at: Nanos) -> Option<Self> {
        let step = seen.steps.last().filter(|step| step.hook == hook.name())?;
        let text = step.text.clone().or_else(|| seen.interface.claimed.clone());
        let step = report::Step { text, after_ns: 0, ..step.clone() };
        Some(Self { at, entered: Some(seen.began), tid: seen.task.tid, hook, step })
    }

    /// Whether `inner` was called by it.
    fn contains(&self, inner: &Self) -> bool {
        let began = inner.entered.unwrap_or(inner.at);
        self.tid == inner.tid && inner.at < self.at && self.entered.is_some_and(|entered| entered <= began)
    }

    /// For the report of an attempt that began at `began`.
    #[must_use]
    pub fn before(&self, began: Nanos) -> Origin {
        Origin { step: self.step.clone(), before_ns: began.saturating_sub(self.at) }
    }
}

#[cfg(test)]
mod tests {
    use kni_ebpf::hook::Hook;

    use super::{MAX_FAILED, Past};
    use crate::event::{Phase, Read, Step, Task};

    fn failed(past: &mut Past, (entered, at): (u64, u64), tid: u32, hook: Hook, name: &str) {
        let step = Step {
            hook,
            task: Task { pid: 1, tid, comm: "app".into() },
            phase: Phase::Return { value: 0, entered: Some(entered) },
            attempt: None,
            args: [0; 3],
            text: Read::Bytes(name.into()),
            detail: Read::default(),
            rte_errno: Some(12),
        };
        past.step(at, &step);
    }

    fn origin(past: &Past) -> Option<(&'static str, u64)> {
        past.failed_pool().map(|passed| (passed.step.hook, passed.at))
    }

    #[test]
    fn the_first_failure_inside_the_last_pool_that_failed_is_why_there_is_none() {
        let mut past = Past::default();
        assert_eq!(origin(&past), None);
        failed(&mut past, (10, 11), 1, Hook::RingCreate, "of the program's own");
        assert_eq!(origin(&past), None, "no pool");
        failed(&mut past, (20, 29), 1, Hook::PoolCreate, "another pool");
        failed(&mut past, (32, 33), 1, Hook::RingCreate, "MP_pool");
        failed(&mut past, (31, 34), 1, Hook::MempoolCreate, "pool");
        failed(&mut past, (31, 35), 2, Hook::RingCreate, "of another thread");
        failed(&mut past, (30, 36), 1, Hook::PoolCreate, "pool");
        assert_eq!(origin(&past), Some(("ring-create", 33)));
        failed(&mut past, (40, 41), 1, Hook::RingCreate, "after it");
        assert_eq!(origin(&past), Some(("ring-create", 33)));
        failed(&mut past, (50, 51), 1, Hook::PoolCreate, "the last");
        assert_eq!(origin(&past), Some(("pool-create", 51)));
    }

    #[test]
    fn memory_stays_bounded() {
        let mut past = Past::default();
        for at in 0..1_000 {
            failed(&mut past, (at, at), 1, Hook::PoolCreate, "pool");
        }
        assert_eq!(past.failed.len(), MAX_FAILED);
    }
}
