//! What single steps mean for the process, and for the interfaces that it has.

use kni_ebpf::hook::Hook;

use super::asked::namespace;
use super::ending::Ending;
use super::observed::{Observed, as_int, errno};
use super::passages::{Busy, Open};
use super::{Correlator, Finding, Watch};
use crate::event::{Nanos, Phase, Step, Task};
use crate::verdict::End;

impl Correlator {
    /// Takes how the device was opened, if this is the end of that.
    pub(super) fn remember_opening(&mut self, at: Nanos, step: &Step, busy: &Busy) {
        let Phase::Return { value, .. } = step.phase else { return };
        if !matches!(step.hook, Hook::Open | Hook::DeviceOpen) {
            return;
        }
        let descriptor = (step.hook == Hook::Open && value >= 0).then(|| as_int(value));
        let Busy { holder, stuck } = busy.clone();
        let open = Open { errno: errno(value), holder, stuck };
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
        match step.hook {
            Hook::Exit => self.exited(at, step, watch),
            Hook::Exec => {
                let left = self.finish_all(End::Unknown, at, watch, |seen| seen.task.pid == pid);
                self.processes.exec(pid, at, step.text.text());
                left
            }
            Hook::Fork => {
                if let Some(child) = step.args.first().and_then(|child| u32::try_from(*child).ok()) {
                    self.processes.forked(child, at, &step.task);
                }
                Vec::new()
            }
            Hook::DeviceRelease => {
                self.follow_closing(at, step);
                self.device_closed(at, step, watch)
            }
            Hook::Handler => {
                self.processes.asks_from(pid, step.args.first().and_then(|inode| namespace(*inode)));
                Vec::new()
            }
            Hook::LibraryRelease => self.library_release(at, step, watch),
            Hook::SetUpRequest => self.set_up(at, step, watch),
            Hook::ModuleFree => {
                self.closings.clear();
                self.module_gone(at, step, watch)
            }
            _ => Vec::new(),
        }
    }

    /// A task has ended: whatever it was in, it died inside. With the last thread of a process, all others
    /// of it have ended, whether that was seen or not.
    fn exited(&mut self, at: Nanos, step: &Step, watch: Watch) -> Vec<Finding> {
        let Task { pid, tid, .. } = step.task;
        let ending = Ending::of(step);
        self.removing.forget(tid);
        self.asking.remove(&tid);
        let dies = |seen: &Observed| seen.task.tid == tid || (ending.certain && seen.task.pid == pid);
        for seen in self.in_flight.values_mut().filter(|seen| dies(seen)) {
            seen.death = ending.process;
        }
        let mut findings = self.finish_all(End::Died, at, watch, dies);
        if ending.whole {
            self.processes.ended(pid, at, ending.process);
            self.interfaces.owner_ended(pid);
            if !watch.coverage.is_live(Hook::DeviceRelease) {
                findings.extend(self.orphaned(at, pid, watch));
            }
            findings.extend(self.gave_up(at, pid, watch));
        }
        findings
    }
}
