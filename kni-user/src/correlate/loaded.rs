//! The machine and the module that is loaded, as attempts are judged by them.

use kni_ebpf::hook::Hook;
use kni_ebpf::kni::request_size;

use super::judge::unseen;
use super::{Asked, Observed, Watch};
use crate::event::{DeviceInfo, Module, Nanos, Phase, Start, Step};
use crate::untrusted::Untrusted;

/// Openings of the device that are remembered.
const MAX_OPENINGS: usize = 1024;

/// What is known of the machine, of the module, and of the device's openings.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    machine: Machine,
    /// As the module shows itself, and since when.
    shown: Option<(Nanos, DeviceInfo)>,
    /// The largest request that it has granted, and since when it is known to be the one that did.
    granted: Option<(Nanos, u32)>,
    openings: Vec<Opening>,
}

/// What an attempt is judged by beside what was seen of it.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    /// Where physical memory ends, if that is known.
    pub memory_end: Option<u64>,
    /// CPUs that were online at the start, as the kernel lists them; empty: not known.
    pub cpus_online: Untrusted,
    /// How the module shows that it lays out its struct.
    pub shown: Option<DeviceInfo>,
    /// How it showed that before something was lost: it may be another module's.
    pub shown_once: Option<DeviceInfo>,
    /// The size of the largest request that it has granted.
    pub granted: Option<u32>,
    /// Where the device was opened.
    pub opened: Opened,
    /// Records that were lost in all.
    pub lost: u64,
}

/// In which network namespace the device was opened that a request came through.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Opened {
    /// Nothing speaks for another than the request's.
    #[default]
    Unknown,
    /// In that one.
    In(u64),
    /// In another, or not: what would tell has gone unseen.
    Doubtful,
}

#[derive(Clone, Copy, Debug)]
struct Opening {
    at: Nanos,
    file: u64,
    netns: u64,
}

impl Loaded {
    /// Takes the stream's first event.
    pub(super) fn start(&mut self, at: Nanos, start: &Start) {
        let (memory_end, cpus_online) = (start.memory_end, start.cpus_online.clone());
        self.machine = Machine { memory_end, cpus_online, ..Machine::default() };
        if let Some(module) = &start.module {
            self.module(at, module);
        }
    }

    /// Takes how the module that is loaded shows itself.
    pub(super) fn module(&mut self, at: Nanos, module: &Module) {
        self.shown = module.info.clone().map(|info| (at, info));
    }

    /// Takes a step that is about the module or its device.
    pub(super) fn step(&mut self, at: Nanos, step: &Step) {
        let [_, file, netns] = step.args;
        match (step.hook, step.phase) {
            (Hook::ModuleLoad | Hook::ModuleFree, _) => {
                self.shown = None;
                self.granted = None;
                self.openings.clear();
            }
            (Hook::DeviceOpen, Phase::Return { value: 0, .. }) => {
                self.openings.retain(|opening| opening.file != file);
                if self.openings.len() >= MAX_OPENINGS {
                    self.openings.remove(0);
                }
                if let Some(netns) = super::asked::namespace(netns) {
                    self.openings.push(Opening { at, file, netns });
                }
            }
            _ => {}
        }
    }

    /// The device is closed for the last time, by a process that was started at `started`, from the network namespace
    /// `closer` (0: not known). Returns in which it was opened.
    pub(super) fn closed(
        &mut self,
        at: Nanos,
        (file, closer): (u64, u64),
        started: Option<Nanos>,
        watch: Watch,
    ) -> Opened {
        let opening = self.openings.extract_if(.., |opening| opening.file == file).last();
        let is_certain = |Opening { at: since, netns, .. }| {
            [0, netns].contains(&closer) || is_unchanged(Hook::DeviceOpen, since, at, watch)
        };
        match opening {
            Some(opening) if is_certain(opening) => Opened::In(opening.netns),
            None if !may_be_lost(started, watch) => Opened::Unknown,
            _ => Opened::Doubtful,
        }
    }

    /// The module has granted a request.
    pub(super) fn granted(&mut self, at: Nanos, asked: &Asked) {
        let Some(size) = asked.cmd.map(request_size) else { return };
        if self.granted.is_none_or(|(_, granted)| granted < size) {
            self.granted = Some((at, size));
        }
    }

    /// What an attempt is judged by at `at` whose process was started at `started`, if that is known. What may have
    /// changed unseen is left out.
    pub(super) fn at(&self, at: Nanos, seen: &Observed, started: Option<Nanos>, watch: Watch) -> Machine {
        let still = |since| is_unchanged(Hook::ModuleLoad, since, at, watch);
        let granted = self.granted.filter(|(since, _)| still(*since));
        let shown = self.shown.as_ref();
        let (shown, shown_once) = match shown.map(|(since, info)| (still(*since), info.clone())) {
            Some((true, info)) => (Some(info), None),
            Some((false, info)) => (None, Some(info)),
            None => (None, None),
        };
        Machine {
            shown,
            shown_once,
            granted: granted.map(|(_, size)| size),
            opened: self.opened(at, seen, started, watch),
            lost: watch.account.total(),
            ..self.machine.clone()
        }
    }

    /// The file that a request comes through says which opening it is of.
    fn opened(&self, at: Nanos, seen: &Observed, started: Option<Nanos>, watch: Watch) -> Opened {
        let netns = seen.asked.netns;
        if netns.is_none() && seen.lost == 0 {
            return Opened::Unknown;
        }
        let elsewhere = |opening: &Opening| Some(opening.netns) != netns;
        let doubtful = match seen.file {
            Some(file) => match self.openings.iter().find(|opening| opening.file == file) {
                Some(opening) if is_unchanged(Hook::DeviceOpen, opening.at, at, watch) => {
                    return Opened::In(opening.netns);
                }
                Some(opening) => elsewhere(opening),
                None => may_be_lost(started, watch),
            },
            None => seen.lost > 0 && self.openings.iter().any(elsewhere),
        };
        if doubtful { Opened::Doubtful } else { Opened::Unknown }
    }
}

/// Whether a process that was started then may have opened the device since records flow, and that was lost.
fn may_be_lost(started: Option<Nanos>, watch: Watch) -> bool {
    started.is_some_and(|started| {
        watch.armed.is_some_and(|armed| armed <= started) && watch.account.lost_since(started) > 0
    })
}

/// Whether nothing that `hook` tells of has gone unseen since `since`, or since records flow.
fn is_unchanged(hook: Hook, since: Nanos, at: Nanos, watch: Watch) -> bool {
    let since = since.max(watch.armed.unwrap_or(since));
    unseen(&[hook], since, at, watch, &[]).is_empty()
}
