//! The processes that use KNI, and what each went through before: the first cause of a refusal may
//! lie there.

use std::collections::{BTreeMap, VecDeque};

use super::milestones::Milestones;
use super::passages::Open;
use super::past::Past;
use crate::cause::Cause;
use crate::coverage::Table;
use crate::event::{self, Holder, Mapped, Nanos, Task};
use crate::report::{self, Boundary};
use crate::untrusted::Untrusted;

/// Processes that are remembered, those that have ended included.
const MAX_PROCESSES: usize = 1024;
/// Descriptors of `/dev/kni` that are remembered of one process.
const MAX_DESCRIPTORS: usize = 16;
/// Objects that are remembered of one process. What is in further ones is taken as not seen.
const MAX_MAPPED: usize = 32;
/// Generations of forks that count as one work.
const MAX_FORKS: usize = 8;

/// What a process went through.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// How its last opening of `/dev/kni` ended; `None`: none was seen.
    pub open: Option<Open>,
    /// When it last opened the device, or was refused to be initialised.
    pub since: Option<Nanos>,
    /// Why the library refused to initialise, if it did so last and without opening the device.
    pub init: Option<(Boundary, Option<Cause>)>,
    /// When `rte_kni_init` was last entered.
    pub init_entered: Option<Nanos>,
    /// Descriptors that were `/dev/kni` when last seen.
    pub descriptors: VecDeque<i32>,
    /// What else went before.
    pub past: Past,
}

impl History {
    /// Takes how an opening ended: a descriptor, or what it was refused with.
    pub(super) fn opened(&mut self, at: Nanos, open: Open, descriptor: Option<i32>) {
        self.open = Some(open);
        self.since = Some(at);
        if let Some(descriptor) = descriptor {
            self.descriptors.retain(|known| *known != descriptor);
            self.descriptors.push_back(descriptor);
            if self.descriptors.len() > MAX_DESCRIPTORS {
                self.descriptors.pop_front();
            }
        }
    }
}

/// Which program a process runs.
#[derive(Clone, Copy, Debug, Default)]
enum Program {
    /// One of its own.
    #[default]
    Own,
    /// That of the process that it is a fork of.
    OfParent {
        parent: u32,
        /// When that one's was started, if that is known.
        started: Option<Nanos>,
    },
}

impl Program {
    const fn parent(self) -> Option<u32> {
        match self {
            Self::Own => None,
            Self::OfParent { parent, .. } => Some(parent),
        }
    }
}

/// Everything known of one process.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) info: Option<event::Process>,
    /// Who forked it, if that was seen: `/proc` may be too late for a process that ends at once.
    parent: Option<Holder>,
    pub(super) history: History,
    /// The objects whose code it runs, and when that was read.
    pub(super) mapped: Vec<(Nanos, Untrusted)>,
    pub(super) milestones: Milestones,
    /// The program that it was told to execute, by its whole path: `/proc` may be too late for that too.
    executed: Option<Untrusted>,
    pub(super) ended: Option<Nanos>,
    /// How, if that is known.
    pub(super) end: Option<report::ProcessEnd>,
    /// The network namespace that it asked the module from last: `/proc` may tell of one that it was in before.
    asked_from: Option<u64>,
    program: Program,
    /// It was not started before: its start, its program's, or the beginning of all watching.
    born: Option<Nanos>,
    /// A device's refusal that has been told of: by which thread, and when.
    pub(super) told: Option<(u32, Nanos)>,
    touched: u64,
}

impl Known {
    /// The program's file.
    pub(super) fn exe(&self) -> Option<&Untrusted> {
        self.info.as_ref().and_then(|info| info.exe.as_ref()).or(self.executed.as_ref())
    }
}

/// All processes that were seen using KNI.
#[derive(Debug, Default)]
pub(super) struct Processes {
    known: BTreeMap<u32, Known>,
    /// How far `CLOCK_BOOTTIME` is ahead of `CLOCK_MONOTONIC`.
    pub(super) suspended: Nanos,
    clock: u64,
}

impl Processes {
    /// What is known of a process; from now on at least that it is.
    pub(super) fn of(&mut self, pid: u32) -> &mut Known {
        self.clock += 1;
        if !self.known.contains_key(&pid) && self.known.len() >= MAX_PROCESSES {
            self.forget_one();
        }
        let known = self.known.entry(pid).or_default();
        known.touched = self.clock;
        known
    }

    /// Those that have ended go first, then those that were idle longest.
    fn forget_one(&mut self) {
        let order = |(pid, known): (&u32, &Known)| (known.ended.is_none(), known.touched, *pid);
        if let Some((_, _, pid)) = self.known.iter().map(order).min() {
            self.known.remove(&pid);
        }
    }

    pub(super) fn get(&self, pid: u32) -> Option<&Known> {
        self.known.get(&pid)
    }

    /// Takes what `/proc` said.
    pub(super) fn describe(&mut self, info: &event::Process) {
        let before = self.get(info.pid).map(|known| (known.info.as_ref(), known.ended.is_some()));
        let parent = match before {
            // Of one that has ended, `/proc` knows less than before.
            Some((Some(known), true)) if known.start_ns == info.start_ns => return,
            Some((Some(known), _)) if known.start_ns == info.start_ns => None,
            Some((None, false)) => None,
            Some(_) => {
                self.known.remove(&info.pid);
                self.likeness(info)
            }
            None => self.likeness(info),
        };
        let known = self.of(info.pid);
        known.info = Some(info.clone());
        if let Some(parent) = parent {
            known.program = parent.program;
            known.history = parent.history;
            known.mapped = parent.mapped;
        }
    }

    /// A forked child starts with its parent's descriptors, its library and that one's state; one that
    /// runs another program does not.
    fn likeness(&self, info: &event::Process) -> Option<Known> {
        let parent = self.get(info.parent)?;
        let same = parent.info.as_ref().is_some_and(|parent| parent.exe.is_some() && parent.exe == info.exe);
        same.then(|| self.fork_of(info.parent))
    }

    /// What a process has from the one that it is a fork of.
    fn fork_of(&self, parent: u32) -> Known {
        let program = Program::OfParent { parent, started: self.started(parent) };
        let known = self.get(parent);
        let shared = |known: &Known| (known.history.clone(), known.mapped.clone(), known.executed.clone());
        let (history, mapped, executed) = known.map(shared).unwrap_or_default();
        Known { history, mapped, executed, program, ..Known::default() }
    }

    /// The process runs code of an object, as was read at `at`.
    pub(super) fn mapped(&mut self, at: Nanos, mapped: &Mapped) {
        let known = &mut self.lives(mapped.pid, at).mapped;
        known.retain(|(_, object)| *object != mapped.object);
        if known.len() < MAX_MAPPED {
            known.push((at, mapped.object.clone()));
        }
    }

    /// The files in which hooks of the library count for a process: those whose code it runs. Where these are
    /// not known, its executable, if hooks were looked for there; nothing: they count wherever they are.
    pub(super) fn within(&self, pid: u32, coverage: &Table) -> Vec<Untrusted> {
        let Some(known) = self.get(pid) else { return Vec::new() };
        if known.mapped.is_empty() {
            let exe = self.exe(pid).filter(|exe| coverage.has_object(exe));
            return exe.cloned().into_iter().collect();
        }
        known.mapped.iter().map(|(_, object)| object.clone()).collect()
    }

    /// A process shows a sign of life at `at`: if one of that id had ended before, it is another.
    pub(super) fn lives(&mut self, pid: u32, at: Nanos) -> &mut Known {
        if self.get(pid).is_some_and(|known| known.ended.is_some_and(|ended| ended < at)) {
            self.known.remove(&pid);
        }
        self.of(pid)
    }

    /// A process was started, not before `at`.
    pub(super) fn born(&mut self, pid: u32, at: Nanos) {
        self.of(pid).born = Some(at);
    }

    /// A process was forked: it starts as its parent was.
    pub(super) fn forked(&mut self, child: u32, at: Nanos, parent: &Task) {
        let mut fork = self.fork_of(parent.pid);
        // What was read of the child since is its own: facts may come before the record of its fork.
        let mut own = self.known.remove(&child).map(|known| known.mapped).unwrap_or_default();
        own.retain(|(read, _)| *read > at);
        fork.mapped.retain(|(_, object)| own.iter().all(|(_, known)| known != object));
        fork.mapped.extend(own);
        fork.mapped.truncate(MAX_MAPPED);
        fork.born = Some(at);
        fork.parent = Some(Holder { pid: parent.pid, comm: parent.comm.clone() });
        let touched = self.of(child).touched;
        self.known.insert(child, Known { touched, ..fork });
    }

    /// Who started the process: as its fork showed, else as `/proc` says.
    pub(super) fn parent(&self, pid: u32) -> Option<Holder> {
        let known = self.get(pid)?;
        let from_proc = || {
            let info = known.info.as_ref()?;
            Some(Holder { pid: info.parent, comm: info.parent_comm.clone()? })
        };
        known.parent.clone().or_else(from_proc)
    }

    /// The process runs another program from now on.
    pub(super) fn exec(&mut self, pid: u32, at: Nanos, path: Option<&Untrusted>) {
        if let Some(known) = self.known.get_mut(&pid) {
            known.history = History::default();
            known.milestones = Milestones::default();
            known.program = Program::Own;
            known.executed = path.filter(|path| path.as_bytes().starts_with(b"/")).cloned();
            known.mapped.retain(|(read, _)| *read > at);
            known.born = Some(at);
            known.info = known.info.take().map(|info| event::Process { exe: None, ..info });
        }
    }

    /// The process has ended.
    pub(super) fn ended(&mut self, pid: u32, at: Nanos, end: Option<report::ProcessEnd>) {
        if let Some(known) = self.known.get_mut(&pid) {
            known.ended = Some(at);
            known.end = end;
        }
    }

    /// Whether the process was seen ending.
    pub(super) fn has_ended(&self, pid: u32) -> bool {
        self.get(pid).is_some_and(|known| known.ended.is_some())
    }

    /// The process went on to a request, and so did those whose fork it is: they shared the work.
    pub(super) fn went_on(&mut self, pid: u32) {
        let mut next = Some(pid);
        for _ in 0..MAX_FORKS {
            let Some(known) = next.and_then(|pid| self.known.get_mut(&pid)) else { return };
            known.milestones.go_on();
            next = known.program.parent();
        }
    }

    /// A process has ended. If a child lives that runs the same program, it carries on what that had begun:
    /// a daemon does so. Returns whether one does.
    pub(super) fn hand_on(&mut self, pid: u32) -> bool {
        let Some(left) = self.known.get(&pid).map(|known| known.milestones.clone()) else { return false };
        let child = |known: &&mut Known| known.program.parent() == Some(pid) && known.ended.is_none();
        let Some(child) = self.known.values_mut().find(child) else { return false };
        child.milestones.take_over(left);
        true
    }

    /// All that are remembered, by their ids.
    pub(super) fn all(&self) -> impl Iterator<Item = (u32, &Known)> {
        self.known.iter().map(|(pid, known)| (*pid, known))
    }

    /// Those that live, as far as is known.
    pub(super) fn living(&self) -> impl Iterator<Item = u32> {
        self.known.iter().filter(|(_, known)| known.ended.is_none()).map(|(pid, _)| *pid)
    }

    /// The process has closed the device.
    pub(super) fn closed(&mut self, pid: u32) {
        if let Some(known) = self.known.get_mut(&pid) {
            known.history.descriptors.clear();
        }
    }

    /// When the program that a process runs was started on the stream's clock: not later than that. A fork goes
    /// on with what its parent has begun.
    pub(super) fn started(&self, pid: u32) -> Option<Nanos> {
        let known = self.get(pid)?;
        if let Program::OfParent { started, .. } = known.program {
            return started;
        }
        let info = known.info.as_ref().map(|info| info.start_ns.saturating_sub(self.suspended));
        known.born.max(info)
    }

    /// Whether the process, one of whose threads is called `comm`, may be a fork that nobody saw: neither was it
    /// seen to execute its program, nor does it bear another name than its parent.
    pub(super) fn may_be_fork(&self, pid: u32, comm: &Untrusted) -> bool {
        self.get(pid).is_some_and(|known| {
            let info = known.info.as_ref();
            let alike = info.is_some_and(|info| info.parent_comm.as_ref() == Some(comm));
            known.born.is_none() && known.program.parent().is_none() && alike
        })
    }

    /// How long a process lived, if its start and its end are known.
    pub(super) fn lived(&self, pid: u32) -> Option<Nanos> {
        let known = self.get(pid)?;
        let started = known.info.as_ref()?.start_ns.saturating_sub(self.suspended);
        known.ended?.checked_sub(started)
    }

    pub(super) fn exe(&self, pid: u32) -> Option<&Untrusted> {
        self.get(pid)?.exe()
    }

    /// The network namespace that it is in, as far as is known.
    pub(super) fn netns(&self, pid: u32) -> Option<u64> {
        let known = self.get(pid)?;
        known.asked_from.or_else(|| known.info.as_ref()?.netns)
    }

    /// It asks the module from there.
    pub(super) fn asks_from(&mut self, pid: u32, netns: Option<u64>) {
        if netns.is_some() {
            self.of(pid).asked_from = netns;
        }
    }

    /// For the report.
    pub(super) fn report(&self, task: &Task) -> report::Process {
        let info = self.get(task.pid).and_then(|known| known.info.as_ref());
        let ns_pids = info.map_or(&[][..], |info| info.ns_pids.as_slice());
        report::Process {
            pid: task.pid,
            tid: task.tid,
            ns_pid: ns_pids.get(1..).and_then(|inner| inner.last()).copied(),
            comm: task.comm.clone(),
            exe: self.exe(task.pid).cloned(),
            start_ns: info.map(|info| info.start_ns),
            mntns: info.and_then(|info| info.mntns),
        }
    }
}

#[cfg(test)]
mod tests;
