//! Processes that were on their way to an attempt and made none.

use kni_ebpf::hook::Hook;

use super::judge::{add, unseen};
use super::milestones::Milestones;
use super::observed::Observed;
use super::{Correlator, Finding, Watch};
use crate::event::{Nanos, Task};
use crate::report::{Attempt, ProcessEnd, Unseen};
use crate::verdict::{Unattempted, library_in, not_attempted};

impl Correlator {
    /// A process has ended, and what it was on its way to will not come: unless a child of it carries on.
    pub(super) fn gave_up(&mut self, at: Nanos, pid: u32, watch: Watch) -> Option<Finding> {
        if self.processes.hand_on(pid) {
            return None;
        }
        let end = self.processes.get(pid).and_then(|known| known.end);
        let mut attempt = self.unattempted(pid, end, at, watch)?;
        let parent = self.processes.parent(pid);
        attempt.repeat = self.repeats.count(&attempt, at, parent, |pid| self.processes.lived(pid));
        Some(Finding::NotAttempted(Box::new(attempt)))
    }

    /// How far those have come that live and have made no attempt.
    pub(super) fn under_way(&self, at: Nanos, watch: Watch) -> impl Iterator<Item = Attempt> {
        self.processes.living().filter_map(move |pid| self.unattempted(pid, None, at, watch))
    }

    fn unattempted(&self, pid: u32, end: Option<ProcessEnd>, at: Nanos, watch: Watch) -> Option<Attempt> {
        let known = self.processes.get(pid)?;
        let milestones = &known.milestones;
        let began = milestones.began().filter(|_| milestones.is_under_way())?;
        let failed = known.history.past.failed_pool();
        let verdict = not_attempted(Unattempted {
            end,
            no_pool: failed.is_some(),
            no_pool_last: milestones.end_without_pool(),
            unseen: self.unseen_of(pid, milestones, at, watch),
        });
        let origin = failed.map(|failed| failed.before(at));
        let task = Task { pid, tid: pid, comm: milestones.comm.clone() };
        let library = library_in(&self.objects.of(&self.processes.within(pid, watch.coverage)));
        let seen = Observed { steps: milestones.steps(), ..Observed::new(&task, began, 0) };
        Some(Attempt { origin, library, end, ..self.attempt(&seen, verdict, Vec::new(), at) })
    }

    /// Why an attempt of a process may have gone unseen.
    fn unseen_of(&self, pid: u32, milestones: &Milestones, at: Nanos, watch: Watch) -> Vec<Unseen> {
        let library = |reason: &str| Unseen::Hook {
            hook: Hook::LibraryAlloc.name(),
            reason: Some(reason.to_owned()),
            armed_after_ns: None,
        };
        let within = self.processes.within(pid, watch.coverage);
        let mut all = match self.processes.started(pid) {
            None => vec![library("it is not known when the process was started")],
            Some(started) if watch.armed.is_none_or(|armed| armed > started) => {
                vec![library("the process was started before it was watched")]
            }
            // Of a program that has a stripped library inside, nothing else shows that it has.
            Some(_) if within.is_empty() && !milestones.initialised => {
                vec![library("no library is known that the process runs: it may have one inside, stripped")]
            }
            Some(started) => unseen(&[Hook::LibraryAlloc], started, at, watch, &within),
        };
        let opened = milestones.set_out.unwrap_or(at);
        add(&mut all, unseen(&[Hook::Ioctl], opened, at, watch, &[]));
        all
    }
}
