//! How far a process has come towards its first attempt.

use kni_ebpf::hook::Hook;

use crate::event::{Nanos, Phase, Step};
use crate::report;
use crate::untrusted::Untrusted;

/// Steps that are kept of one process, of the first and the last ones half each.
const MAX_STEPS: usize = 16;

/// What a process did of its own that leads to an attempt.
#[derive(Clone, Debug, Default)]
pub(super) struct Milestones {
    steps: Vec<(Nanos, report::Step)>,
    /// The name of the thread that came here first.
    pub(super) comm: Untrusted,
    /// `rte_kni_init` was seen: the hooks in its library work.
    pub(super) initialised: bool,
    /// When `rte_kni_init` first returned or the device was first open: there was no request before.
    pub(super) set_out: Option<Nanos>,
    stage: Stage,
}

/// Where it is.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
enum Stage {
    /// It has not set out.
    #[default]
    Nowhere,
    /// `rte_kni_init` has returned, or the device is open.
    UnderWay,
    /// It was refused, and that has been told.
    Refused,
    /// It went on to a request or to the library's own functions: that is told, or is no attempt.
    Beyond,
}

impl Milestones {
    /// Takes a step of the process. `opens`: an opening is told by `open`'s own return, not by the device's.
    pub(super) fn take(&mut self, at: Nanos, step: &Step, opens: bool) {
        let value = match step.phase {
            Phase::Enter => None,
            Phase::Return { value, .. } => Some(value),
        };
        let opening = if opens { Hook::Open } else { Hook::DeviceOpen };
        match (step.hook, value) {
            (Hook::LibraryInit, None) => self.initialised = true,
            (Hook::LibraryInit, Some(_)) => self.set_out(at),
            (hook, Some(value)) if hook == opening => {
                if value >= 0 {
                    self.set_out(at);
                }
            }
            (Hook::PoolCreate | Hook::MempoolCreate | Hook::RingCreate, Some(0))
            | (Hook::LibraryClose, None) => {}
            _ => return,
        }
        if self.steps.is_empty() {
            self.comm = step.task.comm.clone();
        }
        if self.steps.len() >= MAX_STEPS {
            self.steps.remove(MAX_STEPS / 2);
        }
        self.steps.push((at, report::Step::of(at, step)));
    }

    fn set_out(&mut self, at: Nanos) {
        self.set_out.get_or_insert(at);
        if self.stage != Stage::Beyond {
            self.stage = Stage::UnderWay;
        }
    }

    /// It made an attempt, or something that only follows one.
    pub(super) fn go_on(&mut self) {
        self.stage = Stage::Beyond;
    }

    /// A refusal has been told.
    pub(super) fn refused(&mut self) {
        self.stage = self.stage.max(Stage::Refused);
    }

    /// What another process had begun is its own from now on.
    pub(super) fn take_over(&mut self, other: Self) {
        *self = Self { stage: self.stage.max(other.stage), ..other };
    }

    /// Whether it was on its way, and has not arrived.
    pub(super) fn is_under_way(&self) -> bool {
        self.stage == Stage::UnderWay
    }

    /// When it came to the first of them.
    pub(super) fn began(&self) -> Option<Nanos> {
        self.steps.first().map(|(at, _)| *at)
    }

    /// All that are kept, timed from the first.
    pub(super) fn steps(&self) -> Vec<report::Step> {
        let began = self.began().unwrap_or_default();
        let timed = |(at, step): &(Nanos, report::Step)| report::Step {
            after_ns: at.saturating_sub(began),
            ..step.clone()
        };
        self.steps.iter().map(timed).collect()
    }

    /// Whether the last that it did was to fail to make a pool.
    pub(super) fn end_without_pool(&self) -> bool {
        let is_pool = |step: &report::Step| {
            [Hook::PoolCreate, Hook::MempoolCreate].iter().any(|hook| hook.name() == step.hook)
        };
        self.steps.last().is_some_and(|(_, step)| is_pool(step))
    }
}

#[cfg(test)]
mod tests {
    use kni_ebpf::hook::Hook;

    use super::{MAX_STEPS, Milestones};
    use crate::event::{Phase, Read, Step, Task};

    #[test]
    fn memory_stays_bounded_and_the_first_and_last_stay() {
        let mut milestones = Milestones::default();
        for at in 0..100 {
            let step = Step {
                hook: Hook::Open,
                task: Task { pid: 1, tid: 1, comm: "a".into() },
                phase: Phase::Return { value: 3, entered: None },
                attempt: None,
                args: [0; 3],
                text: Read::default(),
                detail: Read::default(),
                rte_errno: None,
            };
            milestones.take(at, &step, true);
        }
        let steps = milestones.steps();
        assert_eq!((steps.len(), steps[0].after_ns, steps[MAX_STEPS - 1].after_ns), (MAX_STEPS, 0, 99));
    }
}
