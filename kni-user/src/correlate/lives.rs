//! What single steps mean for the process, and for the interfaces that it has.

use kni_ebpf::hook::Hook;

use super::ending::Ending;
use super::interfaces::Closed;
use super::observed::{Observed, Open, as_int, errno};
use super::{Correlator, Finding, MAX_RELEASING, Watch, request};
use crate::event::{Call, Holder, Nanos, Phase, Step, Task};
use crate::verdict::End;

impl Correlator {
    /// Takes how the device was opened, if this is the end of that.
    pub(super) fn remember_opening(&mut self, at: Nanos, step: &Step, holder: Option<&Holder>) {
        let Phase::Return { value, .. } = step.phase else { return };
        if !matches!(step.hook, Hook::Open | Hook::DeviceOpen) {
            return;
        }
        let descriptor = (step.hook == Hook::Open && value >= 0).then(|| as_int(value));
        let open = Open { errno: errno(value), holder: holder.cloned() };
        self.processes.lives(step.task.pid, at).history.opened(at, open, descriptor);
    }

    /// Takes what a step says of how far the process has come.
    pub(super) fn remember_milestone(&mut self, at: Nanos, step: &Step, watch: Watch) {
        let pid = step.task.pid;
        match step.hook {
            Hook::LibraryAlloc
            | Hook::LibraryRelease
            | Hook::Dispatcher
            | Hook::CompatDispatcher
            | Hook::Handler => {
                self.processes.lives(pid, at);
                self.processes.went_on(pid);
            }
            Hook::LibraryInit
            | Hook::LibraryClose
            | Hook::PoolCreate
            | Hook::MempoolCreate
            | Hook::RingCreate
            | Hook::Open
            | Hook::DeviceOpen => {
                let opens = watch.coverage.is_live(Hook::Open);
                let known = self.processes.lives(pid, at);
                known.history.past.step(at, step);
                if step.hook == Hook::LibraryInit && step.phase == Phase::Enter {
                    known.history.init_entered = Some(at);
                }
                known.milestones.take(at, step, opens);
            }
            // Of these, one may be seen of a process that has ended: it closes the device after that.
            _ => {}
        }
    }

    /// What a step means for the process, and for the interfaces that it has.
    pub(super) fn process_step(&mut self, at: Nanos, step: &Step, watch: Watch) -> Vec<Finding> {
        let Task { pid, .. } = step.task;
        match (step.hook, step.phase) {
            (Hook::Exit, _) => self.exited(at, step, watch),
            (Hook::Exec, _) => {
                let left = self.finish_all(End::Unknown, at, watch, |seen| seen.task.pid == pid);
                self.processes.exec(pid, at);
                left
            }
            (Hook::Fork, _) => {
                if let Some(child) = step.args.first().and_then(|child| u32::try_from(*child).ok()) {
                    self.processes.forked(child, at, &step.task);
                }
                Vec::new()
            }
            (Hook::DeviceRelease, Phase::Return { .. }) => {
                self.processes.closed(pid);
                let file = step.args.get(1).copied().unwrap_or_default();
                let gone = self.interfaces.closed(at, Closed { pid, file });
                gone.into_iter().map(Finding::Released).collect()
            }
            _ => Vec::new(),
        }
    }

    /// A task has ended: whatever it was in, it died inside. With the last thread of a process, all others
    /// of it have ended, whether that was seen or not.
    fn exited(&mut self, at: Nanos, step: &Step, watch: Watch) -> Vec<Finding> {
        let Task { pid, tid, .. } = step.task;
        let ending = Ending::of(step);
        let dies = |seen: &Observed| seen.task.tid == tid || (ending.certain && seen.task.pid == pid);
        for seen in self.in_flight.values_mut().filter(|seen| dies(seen)) {
            seen.death = ending.process;
        }
        let mut findings = self.finish_all(End::Died, at, watch, dies);
        if ending.whole {
            self.processes.ended(pid, at, ending.process);
            if !watch.coverage.is_live(Hook::DeviceRelease) {
                findings.extend(self.interfaces.orphaned(at, pid).into_iter().map(Finding::Released));
            }
            findings.extend(self.gave_up(at, pid, watch));
        }
        findings
    }

    /// A RELEASE request: the interface is gone when it is granted.
    pub(super) fn release(&mut self, at: Nanos, call: &Call) -> Vec<Finding> {
        let Task { pid, tid, .. } = call.task;
        match call.phase {
            Phase::Enter => {
                if let Some(name) = request::claimed_name(call.cmd, &call.info)
                    && (self.releasing.len() < MAX_RELEASING || self.releasing.contains_key(&tid))
                {
                    self.releasing.insert(tid, (at, name));
                }
                Vec::new()
            }
            Phase::Return { value, entered } => {
                let pending = self.releasing.remove(&tid);
                let Some((_, name)) = pending.filter(|(at, _)| value == 0 && entered == Some(*at)) else {
                    return Vec::new();
                };
                let gone = self.interfaces.released(at, &name, self.processes.netns(pid), pid);
                gone.into_iter().map(Finding::Released).collect()
            }
        }
    }
}
