//! From single records to attempts: each record goes to the attempt of its thread, and an attempt
//! that has ended goes to the verdict with all that its process went through before.

mod asked;
mod claims;
mod crashes;
mod ending;
mod hanging;
mod interfaces;
mod judge;
mod kernel_log;
mod library;
mod library_log;
mod links;
mod lives;
mod loaded;
mod milestones;
mod objects;
mod observed;
mod passages;
mod past;
mod process;
mod repeats;
mod request;
mod setup;
mod stuck;
mod unattempted;
mod users;

use std::collections::BTreeMap;

use kni_ebpf::hook::Hook;
use kni_ebpf::kni::{NR_RELEASE, request_nr};

use crate::coverage::Table;
use crate::event::{
    Call, Holder, Interface, Link, Mapped, Module, Nanos, Object, Phase, Process, Start, Step, Task,
};
use crate::ledger::Account;
use crate::report::{Attempt, Changed, Diagnostic, Loop, Released};
use crate::verdict::End;

use claims::Removing;
use crashes::Crashes;
use interfaces::Interfaces;
use judge::Clock;
use kernel_log::Lines;
use loaded::Loaded;
use objects::Objects;
use observed::errno;
use passages::Busy;
use process::Processes;
use repeats::Repeats;
use stuck::Closings;

pub use asked::Asked;
pub use crashes::{Crash, Function, Line as ReportLine};
pub use kernel_log::ModuleSaid;
pub use library::{Library, LibraryStep, Panic};
pub use library_log::Said;
pub use loaded::{Machine, Opened};
pub use observed::Observed;
pub use passages::{Arguments, ModuleLog, Open, Passage, Request};
pub use past::{Passed, Past};
pub use process::History;
pub use stuck::Stuck;
pub use users::User;

/// Threads inside an attempt that are followed: as many as the probes follow.
const MAX_IN_FLIGHT: usize = 1024;
/// Holders of the device that are remembered until the opening that they refused.
const MAX_HOLDERS: usize = 16;

/// What became known.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// An attempt has its verdict.
    Attempt(Box<Attempt>),
    /// A process made no attempt: how far it came.
    NotAttempted(Box<Attempt>),
    /// An attempt takes long; it will have its verdict later.
    InProgress(Box<Attempt>),
    /// An interface is gone.
    Released(Released),
    /// Something became of an interface that lives.
    Changed(Changed),
    /// Something else that the reader should know.
    Noted(Diagnostic),
}

/// What attempts are judged by beside the records.
#[derive(Clone, Copy, Debug)]
pub struct Watch<'a> {
    /// Which hooks were live when.
    pub coverage: &'a Table,
    /// What was lost.
    pub account: &'a Account,
    /// Since when records flow; `None`: they don't yet.
    pub armed: Option<Nanos>,
}

/// The state machine of all attempts. Its memory is bounded, whatever is fed to it.
#[derive(Debug, Default)]
pub struct Correlator {
    /// By thread.
    in_flight: BTreeMap<u32, Observed>,
    processes: Processes,
    objects: Objects,
    interfaces: Interfaces,
    lines: Lines,
    loaded: Loaded,
    crashes: Crashes,
    closings: Closings,
    repeats: Repeats,
    holders: Vec<Holder>,
    removing: Removing,
    /// Threads that wait for the answer to a set-up request: since when, and whether the interface was up.
    asking: BTreeMap<u32, (Nanos, Option<bool>)>,
    clock: Clock,
    evicted: u64,
}

impl Correlator {
    /// Takes the stream's first event.
    pub fn start(&mut self, at: Nanos, start: &Start) {
        self.clock = Clock::new(at, start.unix_ns);
        self.loaded.start(at, start);
        self.processes.suspended = start.boot_ns.saturating_sub(at);
    }

    /// Takes how the module shows itself that has just been loaded.
    pub fn module(&mut self, at: Nanos, module: &Module) {
        self.loaded.module(at, module);
    }

    /// Takes what `/proc` said of a process.
    pub fn process(&mut self, process: &Process) {
        self.processes.describe(process);
    }

    /// Takes what a library or executable shows of itself.
    pub fn object(&mut self, object: &Object) {
        self.objects.insert(object);
    }

    /// Takes notice that a process runs code of an object, read at `at`.
    pub fn mapped(&mut self, at: Nanos, mapped: &Mapped) {
        self.processes.mapped(at, mapped);
    }

    /// A process was started, not before `at`.
    pub fn born(&mut self, pid: u32, at: Nanos) {
        self.processes.born(pid, at);
    }

    /// Takes a process that has the device open: the record that comes next was refused for it.
    pub fn holder(&mut self, holder: &Holder) {
        if self.holders.len() < MAX_HOLDERS {
            self.holders.push(holder.clone());
        }
    }

    /// Takes what the system shows of an interface.
    pub fn interface(&mut self, interface: &Interface) {
        for seen in self.in_flight.values_mut().filter(|seen| seen.task.pid == interface.pid) {
            let own = seen.registered == Some(0) && seen.interface.name() == Some(&interface.name);
            if own {
                seen.interface.ifindex.get_or_insert(interface.ifindex);
                seen.asked.mtu = interface.mtu;
            }
        }
        self.interfaces.describe(interface);
    }

    /// Takes what rtnetlink tells of an interface of KNI's.
    pub fn link(&mut self, at: Nanos, link: &Link) -> Vec<Finding> {
        self.link_seen(at, link)
    }

    /// Time passes.
    pub fn tick(&mut self, at: Nanos, watch: Watch) -> Vec<Finding> {
        let mut findings = self.unexplained(at);
        findings.extend(self.dead_unseen(at, watch));
        findings
    }

    /// Takes notice that `count` more records were lost.
    pub fn lost(&mut self, count: u64) {
        for seen in self.in_flight.values_mut() {
            seen.lost = seen.lost.saturating_add(count);
        }
    }

    /// Attempts that were given up because too many were in flight.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Programs that ended the same in several processes.
    #[must_use]
    pub fn loops(&self) -> Vec<Loop> {
        self.repeats.loops(|pid| self.processes.lived(pid))
    }

    /// Processes that are inside an attempt.
    pub fn busy(&self) -> impl Iterator<Item = u32> {
        self.in_flight.values().map(|seen| seen.task.pid)
    }

    /// Takes a step.
    pub fn step(&mut self, at: Nanos, step: &Step, watch: Watch) -> Vec<Finding> {
        let busy = self.take_busy(step);
        let mut findings = Vec::new();
        let followed = !matches!(step.hook, Hook::Exit | Hook::Exec | Hook::Fork);
        if let Some(began) = step.attempt.filter(|_| followed) {
            findings.extend(self.follow(at, &step.task, began, watch));
            if let Some(seen) = self.current(step.task.tid, began) {
                seen.step(at, step, &busy);
            }
        }
        self.remember_opening(at, step, &busy);
        self.loaded.step(at, step);
        self.remember_milestone(at, step, watch);
        if let Phase::Return { value, .. } = step.phase {
            findings.extend(match step.attempt {
                Some(began) => self.end_by(at, &step.task, began, (step.hook, step.phase), value, watch),
                None => self.returned_outside(at, step, &busy, watch),
            });
        }
        findings.extend(self.process_step(at, step, watch));
        findings
    }

    /// Takes a request.
    pub fn call(&mut self, at: Nanos, call: &Call, watch: Watch) -> Vec<Finding> {
        self.holders.clear();
        // The end of a system call whose number is not known may be that of any.
        if call.cmd != 0 {
            self.processes.lives(call.task.pid, at);
            self.processes.went_on(call.task.pid);
        }
        let mut findings = Vec::new();
        if request_nr(call.cmd) == NR_RELEASE {
            findings.extend(self.release(at, call, watch));
        }
        let Some(began) = call.attempt else { return findings };
        findings.extend(self.follow(at, &call.task, began, watch));
        if let Some(seen) = self.current(call.task.tid, began) {
            seen.call(at, call);
        }
        if let Phase::Return { value, .. } = call.phase {
            findings.extend(self.end_by(at, &call.task, began, (Hook::Ioctl, call.phase), value, watch));
        }
        findings
    }

    /// The stream ends: what is in flight is still in progress.
    pub fn end(&mut self, at: Nanos, watch: Watch) -> Vec<Finding> {
        let mut left = self.interfaces.went_down(|_| true);
        left.extend(self.finish_all(End::InFlight, at, watch, |_| true));
        left.extend(self.left_dead(at, watch));
        left
    }

    /// What would be told if the stream ended at `at`: the attempts in flight, and how far those processes
    /// have come that live and have made none.
    #[must_use]
    pub fn unfinished(&self, at: Nanos, watch: Watch) -> Vec<Finding> {
        let mut left: Vec<&Observed> = self.in_flight.values().collect();
        left.sort_by_key(|seen| seen.began);
        let judged = left.into_iter().filter_map(|seen| {
            let verdict = self.decide(seen, End::InFlight, at, watch)?;
            Some(Finding::Attempt(Box::new(self.attempt(seen, verdict, Vec::new(), at))))
        });
        let under_way = self.under_way(at, watch).map(|attempt| Finding::NotAttempted(Box::new(attempt)));
        judged.chain(under_way).collect()
    }

    /// Makes sure that the thread's attempt is the one that began at `began`. One that it was in
    /// before has ended without having been seen to.
    fn follow(&mut self, at: Nanos, task: &Task, began: Nanos, watch: Watch) -> Option<Finding> {
        let before = self.in_flight.get(&task.tid).map(|seen| seen.began);
        if before.is_some_and(|before| before >= began) {
            return None;
        }
        let ended = before.and_then(|_| self.finish(task.tid, End::Unknown, at, watch));
        self.make_room();
        self.processes.lives(task.pid, began);
        let lost = watch.account.lost_since(began);
        self.in_flight.insert(task.tid, Observed::new(task, began, lost));
        ended
    }

    /// Forgets the attempt that is in flight longest, if there are too many.
    fn make_room(&mut self) {
        if self.in_flight.len() < MAX_IN_FLIGHT {
            return;
        }
        let oldest = self.in_flight.iter().min_by_key(|(_, seen)| seen.began).map(|(tid, _)| *tid);
        if oldest.and_then(|oldest| self.in_flight.remove(&oldest)).is_some() {
            self.evicted = self.evicted.saturating_add(1);
        }
    }

    fn current(&mut self, tid: u32, began: Nanos) -> Option<&mut Observed> {
        self.in_flight.get_mut(&tid).filter(|seen| seen.began == began)
    }

    fn end_by(
        &mut self,
        at: Nanos,
        task: &Task,
        began: Nanos,
        (hook, phase): (Hook, Phase),
        value: i64,
        watch: Watch,
    ) -> Option<Finding> {
        let seen = self.current(task.tid, began)?;
        let ended = seen.is_ended_by(hook, phase);
        ended.then(|| self.finish(task.tid, End::Returned(value), at, watch)).flatten()
    }

    fn finish(&mut self, tid: u32, end: End, at: Nanos, watch: Watch) -> Option<Finding> {
        let seen = self.in_flight.remove(&tid)?;
        self.judge(seen, end, at, watch)
    }

    /// A return outside of any attempt: an opening by the program itself, or the end of an attempt
    /// whose beginning was not seen.
    fn returned_outside(&mut self, at: Nanos, step: &Step, busy: &Busy, watch: Watch) -> Option<Finding> {
        let Phase::Return { value, entered } = step.phase else { return None };
        let opens = matches!(step.hook, Hook::Open | Hook::DeviceOpen | Hook::LibraryAlloc);
        if !opens && asked::refused_unknown(step).is_none() {
            return None;
        }
        let began = entered.unwrap_or(at);
        let known = self.processes.lives(step.task.pid, at);
        match step.hook {
            Hook::DeviceOpen if errno(value).is_some() => known.told = Some((step.task.tid, at)),
            // The device itself was seen to refuse it, and that has been told.
            Hook::Open if known.told.is_some_and(|(tid, told)| tid == step.task.tid && told >= began) => {
                return None;
            }
            Hook::DeviceOpen => return None,
            _ => {}
        }
        let mut seen = Observed::new(&step.task, began, watch.account.lost_since(began));
        seen.outermost = Some(step.hook);
        seen.step(at, step, busy);
        self.judge(seen, End::Returned(value), at, watch)
    }

    /// Why this step was refused, if that was for the device being busy.
    fn take_busy(&mut self, step: &Step) -> Busy {
        let holders = std::mem::take(&mut self.holders);
        let Phase::Return { value, .. } = step.phase else { return Busy::default() };
        let opens = matches!(step.hook, Hook::Open | Hook::DeviceOpen);
        if !opens || errno(value) != Some(libc::EBUSY) {
            return Busy::default();
        }
        let pid = step.task.pid;
        // Of the process's own and another's, another's.
        let other = holders.iter().position(|holder| holder.pid != pid).unwrap_or(0);
        let holder = holders.into_iter().nth(other);
        let netns = match (step.hook, step.args) {
            (Hook::DeviceOpen, [_, _, netns]) if netns != 0 => Some(netns),
            _ => self.processes.netns(pid),
        };
        let stuck = self.closings.in_netns(netns, holder.is_some());
        Busy { holder: holder.filter(|_| stuck.is_none()), stuck }
    }

    /// Ends all attempts in flight that `ended` holds for, the oldest first.
    fn finish_all(
        &mut self,
        end: End,
        at: Nanos,
        watch: Watch,
        ended: impl Fn(&Observed) -> bool,
    ) -> Vec<Finding> {
        let tids: Vec<u32> =
            self.in_flight.values().filter(|seen| ended(seen)).map(|seen| seen.task.tid).collect();
        let mut ended: Vec<Observed> = tids.iter().filter_map(|tid| self.in_flight.remove(tid)).collect();
        ended.sort_by_key(|seen| seen.began);
        ended.into_iter().filter_map(|seen| self.judge(seen, end, at, watch)).collect()
    }
}
