//! Which processes run code of DPDK: found as they start, told before their records.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use kni_ebpf::hook::Hook;

use super::now;
use crate::event::{Event, Nanos, Step, What};
use crate::host::files::{Found, Mapping};
use crate::host::mappings::{Sighting, Watcher};
use crate::host::procfs;
use crate::probe::{self, Known, Probes};

/// Processes remembered; beyond, those that have ended are dropped.
const PROCESSES_MAX: usize = 4096;

/// The processes and what they run.
pub(super) struct Programs {
    watcher: Option<Watcher>,
    images: HashMap<u32, Image>,
    paths: Paths,
}

/// Where mapped files were found. A program that starts maps dozens, most of them not for the first time:
/// what was found is taken as it was for a while.
#[derive(Default)]
struct Paths(HashMap<Key, (Instant, Found)>);

/// What a mapping tells of its file: the path, the device, the inode.
type Key = (PathBuf, (u32, u32), u64);

impl Paths {
    const FRESH: Duration = Duration::from_secs(5);
    const MAX: usize = 4096;

    fn file(&mut self, mapping: &Mapping) -> Option<Found> {
        let key = (mapping.path.clone(), mapping.device, mapping.inode);
        if let Some((seen, file)) = self.0.get(&key)
            && seen.elapsed() < Self::FRESH
        {
            return Some(file.clone());
        }
        let file = mapping.file()?;
        if self.0.len() >= Self::MAX {
            self.0.clear();
        }
        // A path through `/proc/PID/root` ends with its process.
        if file.path == mapping.path {
            self.0.insert(key, (Instant::now(), file.clone()));
        }
        Some(file)
    }
}

/// What a process runs, as far as it was told.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Image {
    objects: Vec<Known>,
    /// All that it has mapped is known: it was read, or the kernel has told of it from its start on.
    was_read: bool,
    /// Whether it uses KNI without any library that is known was looked into.
    was_suspected: bool,
    /// When the kernel told of a program's execution.
    executed: Option<Nanos>,
}

impl Image {
    /// What a child runs that this process forked at `at`: what this one does, unless it's known to have executed
    /// another program since. That comes first where the child is quick: the kernel tells of mappings on a way of
    /// their own.
    fn of_child(&self, at: Nanos, own: Option<Self>) -> Self {
        own.filter(|own| own.executed.is_some_and(|executed| executed >= at)).unwrap_or_else(|| Self {
            was_read: false,
            executed: None,
            ..self.clone()
        })
    }
}

impl Programs {
    /// Begins to watch for code that processes map. To be called before it's looked at what runs already, so
    /// that nothing is missed in between.
    pub(super) fn new() -> Self {
        let watcher = Watcher::open().inspect_err(|error| {
            log::warn!(
                "programs and plugins that start later are noticed late, and their first attempts may be \
                 missed: the kernel doesn't tell of mapped files ({error}); it takes CAP_PERFMON (or root)"
            );
        });
        Self { watcher: watcher.ok(), images: HashMap::new(), paths: Paths::default() }
    }

    /// Waits until a process has mapped code.
    pub(super) async fn readable(&self) -> io::Result<()> {
        match &self.watcher {
            Some(watcher) => watcher.readable().await,
            None => std::future::pending().await,
        }
    }

    /// Tells of the objects there are, and who runs them already.
    pub(super) fn catch_up(&mut self, probes: &mut Probes, events: &mut Vec<Event>) {
        events.extend(probes.objects().map(|object| now(What::Object(object))));
        for (pid, known) in probes.running() {
            self.maps(pid, &known, probes, events);
        }
    }

    /// Attaches to what processes have mapped since, at once, and tells of it.
    pub(super) fn follow(&mut self, probes: &mut Probes, events: &mut Vec<Event>) {
        let sightings = self.watcher.as_mut().map(Watcher::sightings).unwrap_or_default();
        for sighting in &sightings {
            match sighting {
                Sighting::Mapped(mapping) => {
                    if mapping.pid != std::process::id()
                        && let Some(file) = self.paths.file(mapping)
                    {
                        self.sees(mapping.pid, |probes, told| probes.see(&file, told), probes, events);
                    }
                }
                Sighting::Executed { pid, at } => {
                    // Its mappings follow, all of them.
                    *self.image(*pid) = Image { was_read: true, executed: Some(*at), ..Image::default() };
                }
                Sighting::Lost => {}
            }
        }
        if sightings.contains(&Sighting::Lost) {
            log::debug!("too many programs were started at once: all are looked at again");
            let own = std::process::id();
            procfs::pids().filter(|pid| *pid != own).for_each(|pid| self.read(pid, probes, events));
        }
    }

    /// What belongs before a record: what its process runs.
    pub(super) fn before(&mut self, record: &Event, probes: &mut Probes, events: &mut Vec<Event>) {
        let Some((pid, hook)) = whose(record) else { return };
        if matches!(hook, Hook::Exec | Hook::Exit) {
            return;
        }
        if !self.image(pid).was_read {
            self.read(pid, probes, events);
        }
        let image = self.image(pid);
        let uses_kni = matches!(hook, Hook::Open | Hook::DeviceOpen | Hook::Ioctl);
        if uses_kni && !image.was_suspected && !image.objects.iter().any(|known| known.uses_kni) {
            image.was_suspected = true;
            self.suspect(pid, probes, events);
        }
    }

    /// What follows from a record: a child runs what its parent does, and another program something else.
    pub(super) fn after(&mut self, record: &Event, probes: &mut Probes, events: &mut Vec<Event>) {
        let Some((pid, hook)) = whose(record) else { return };
        match &record.what {
            What::Step(Step { hook: Hook::Fork, args: [child, ..], .. }) => {
                let Ok(child) = u32::try_from(*child) else { return };
                let own = self.images.remove(&child);
                let image = self.image(pid).of_child(record.at, own);
                events.extend(image.objects.iter().map(|known| now(probe::mapped(child, &known.object))));
                self.images.insert(child, image);
            }
            What::Step(_) if hook == Hook::Exec => {
                // What is known may be the old program's only if the kernel doesn't tell of mappings.
                let image = self.images.remove(&pid).filter(|_| self.watcher.is_some()).unwrap_or_default();
                for known in image.objects {
                    self.maps(pid, &known, probes, events);
                }
                self.image(pid).was_read = image.was_read;
                if !image.was_read {
                    self.read(pid, probes, events);
                }
            }
            What::Step(step) if step.ends_process() => {
                self.images.remove(&pid);
            }
            _ => {}
        }
    }

    /// Reads what a process has mapped.
    fn read(&mut self, pid: u32, probes: &mut Probes, events: &mut Vec<Event>) {
        self.image(pid).was_read = true;
        for mapping in procfs::mappings(pid) {
            if let Some(file) = self.paths.file(&mapping) {
                self.sees(pid, |probes, told| probes.see(&file, told), probes, events);
            }
        }
    }

    /// Looks for a library without names in a process that uses KNI, and no library that is known.
    fn suspect(&mut self, pid: u32, probes: &mut Probes, events: &mut Vec<Event>) {
        for file in procfs::mappings(pid).into_iter().filter_map(|mapping| mapping.file()) {
            self.sees(pid, |probes, told| probes.suspect(&file, told), probes, events);
        }
    }

    fn sees(
        &mut self,
        pid: u32,
        look: impl FnOnce(&mut Probes, &mut Vec<What>) -> Option<Known>,
        probes: &mut Probes,
        events: &mut Vec<Event>,
    ) {
        let mut told = Vec::new();
        let known = look(probes, &mut told);
        events.extend(told.into_iter().map(now));
        if let Some(known) = known {
            self.maps(pid, &known, probes, events);
        }
    }

    /// A process maps an object.
    fn maps(&mut self, pid: u32, known: &Known, probes: &mut Probes, events: &mut Vec<Event>) {
        let image = self.image(pid);
        if image.objects.iter().any(|other| other.object == known.object) {
            return;
        }
        image.objects.push(known.clone());
        events.push(now(probe::mapped(pid, &known.object)));
        if known.uses_kni
            && let Err(error) = probes.remember(pid)
        {
            log::warn!("the end of process {pid} may not be noticed: {error:#}");
        }
    }

    fn image(&mut self, pid: u32) -> &mut Image {
        if self.images.len() >= PROCESSES_MAX && !self.images.contains_key(&pid) {
            self.images.retain(|pid, _| procfs::is_alive(*pid));
        }
        self.images.entry(pid).or_default()
    }
}

/// Whose record it is, and of which hook.
fn whose(record: &Event) -> Option<(u32, Hook)> {
    match &record.what {
        What::Step(step) if matches!(step.hook, Hook::ModuleLoad | Hook::ModuleFree) => None,
        What::Step(step) => Some((step.task.pid, step.hook)),
        What::Call(call) => Some((call.task.pid, Hook::Ioctl)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
