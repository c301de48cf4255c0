//! The machine and the module that is loaded, as attempts are judged by them.

use kni_ebpf::hook::Hook;

use super::judge::unseen;
use super::{Asked, Watch};
use crate::event::{DeviceInfo, Module, Nanos, Phase, Start, Step};
use crate::untrusted::Untrusted;

use kni_ebpf::kni::request_size;

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
    /// The size of the largest request that it has granted.
    pub granted: Option<u32>,
    /// The network namespace in which the device was opened.
    pub opened_in: Option<u64>,
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
            (Hook::DeviceRelease, _) => self.openings.retain(|opening| opening.file != file),
            _ => {}
        }
    }

    /// The module has granted a request.
    pub(super) fn granted(&mut self, at: Nanos, asked: &Asked) {
        let Some(size) = asked.cmd.map(request_size) else { return };
        if self.granted.is_none_or(|(_, granted)| granted < size) {
            self.granted = Some((at, size));
        }
    }

    /// What a request at `at` is judged by that was made through `file`. What may have changed unseen is left out.
    pub(super) fn at(&self, at: Nanos, file: Option<u64>, watch: Watch) -> Machine {
        let still = |hook, since: Nanos| {
            let since = since.max(watch.armed.unwrap_or(since));
            unseen(&[hook], since, at, watch, &[]).is_empty()
        };
        let shown = self.shown.as_ref().filter(|(since, _)| still(Hook::ModuleLoad, *since));
        let granted = self.granted.filter(|(since, _)| still(Hook::ModuleLoad, *since));
        let opening = file.and_then(|file| self.openings.iter().find(|opening| opening.file == file));
        Machine {
            shown: shown.map(|(_, info)| info.clone()),
            granted: granted.map(|(_, size)| size),
            opened_in: opening
                .filter(|opening| still(Hook::DeviceOpen, opening.at))
                .map(|opening| opening.netns),
            ..self.machine.clone()
        }
    }
}
