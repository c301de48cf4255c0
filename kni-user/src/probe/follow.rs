//! Hooks that die unnoticed: the module's, when another is loaded in its place, and all of the kernel's, when kprobes
//! are switched off.

use std::time::{Duration, Instant};

use kni_ebpf::hook::Hook;

use super::plan::{Planned, Usable, plan};
use super::pulse::{Pulse, SILENT};
use super::spec::{self, Owner};
use super::{Probes, Row, address, graveyard};
use crate::event::{Coverage, HookState, Nanos};
use crate::host::{clock, module_functions, modules};

/// Who unloads a module to load it again does so within this time.
const COMES_BACK: Duration = Duration::from_secs(1);

/// Hooks that came or went.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change {
    /// When those that went may have observed for the last time, in nanoseconds of the monotonic clock.
    pub since: Nanos,
    /// They observe no longer.
    pub went: Vec<Coverage>,
    /// They observe, each since the nanosecond beside it.
    pub came: Vec<(Nanos, Coverage)>,
    /// Another module is there than before.
    pub is_new: bool,
}

impl Probes {
    /// The module came or went: attaches its hooks, those first without which no boundary can be told. What was
    /// attached to a predecessor is dead.
    pub fn follow_module(&mut self) -> Change {
        let loading = modules::loading();
        let mut change = Change { since: clock::monotonic_ns(), ..Change::default() };
        if self.loading == loading {
            return change;
        }
        if self.loading.is_some() {
            change.went = self.module_went();
        }
        if loading.is_some() {
            change.came = self.module_came();
            change.is_new = true;
        }
        change
    }

    /// Sees whether what is told live still is. Whether the module is the one that it was is asked only with
    /// `module`: where the kernel tells of modules, that comes with the records, and in their order.
    pub fn recheck(&mut self, module: bool) -> Change {
        let since = std::mem::replace(&mut self.well, clock::monotonic_ns());
        let mut change = if module { self.follow_module() } else { Change::default() };
        let before = self.host.kprobes.clone();
        self.feel_pulse();
        match (&before, &self.host.kprobes) {
            (Usable::Yes, Usable::No(_)) => change.went.extend(self.kprobes_stopped()),
            (Usable::No(_), Usable::Yes) => change.came.extend(self.kprobes_began()),
            _ => {}
        }
        Change { since, ..change }
    }

    /// Whether the kernel tells when the module comes and goes.
    #[must_use]
    pub fn is_told_of_modules(&self) -> bool {
        let live = |hook| self.rows.iter().any(|row| row.hook == hook && row.state == HookState::Live);
        live(Hook::ModuleLoad) && live(Hook::ModuleFree)
    }

    /// Lets go of what is dead, unless a module has just gone: its successor is attached to sooner while nothing
    /// else is done.
    pub fn tidy(&mut self) {
        if self.loading.is_some() || self.went.is_none_or(|went| went.elapsed() > COMES_BACK) {
            self.dead.bury();
        }
    }

    pub(super) fn note_module(&mut self) {
        let before = std::mem::replace(&mut self.loading, modules::loading());
        self.host.module_loaded = self.loading.is_some();
        self.host.module_functions = None;
        if address::saves_time() && self.loading != before {
            self.host.module_addresses = module_functions::addresses();
        }
    }

    /// Nothing is attached to the kernel's functions where that would never be hit.
    pub(super) fn feel_pulse(&mut self) {
        if let Some(beats) = self.pulse.as_mut().map(Pulse::beats) {
            self.host.kprobes = if beats { Usable::Yes } else { Usable::No(SILENT.to_owned()) };
        }
    }

    fn module_came(&mut self) -> Vec<(Nanos, Coverage)> {
        self.note_module();
        let mut planned = self.plan_module();
        planned.sort_by_key(|planned| !spec::of(planned.hook).is_some_and(|spec| spec.required));
        let peace = self.dead.peace();
        let peace = graveyard::keep(&peace);
        let coverage = self.carry_out_timed(&planned);
        drop(peace);
        coverage
    }

    fn module_went(&mut self) -> Vec<Coverage> {
        self.drop_links(is_module_hook);
        self.went = Some(Instant::now());
        self.note_module();
        let live = self.rows.iter().filter(|row| is_module_hook(row.hook) && row.state == HookState::Live);
        let gone = live.map(|row| Row { state: HookState::Gone, ..row.clone() }.coverage()).collect();
        for planned in self.plan_module() {
            self.note(Row::of_plan(&planned));
        }
        gone
    }

    /// What was attached would fire again later, but not what is attached meanwhile: all of it is attached anew then.
    fn kprobes_stopped(&mut self) -> Vec<Coverage> {
        self.drop_links(is_kernel_hook);
        let observing = |row: &&Row| matches!(row.state, HookState::Live | HookState::Waiting);
        let rows: Vec<_> =
            self.rows.iter().filter(|row| is_kernel_hook(row.hook)).filter(observing).cloned().collect();
        let silent = |row| Row { state: HookState::Missing { reason: SILENT.to_owned() }, ..row };
        rows.into_iter().map(|row| self.note(silent(row))).collect()
    }

    fn kprobes_began(&mut self) -> Vec<(Nanos, Coverage)> {
        self.note_module();
        let specs = [Owner::Module, Owner::Kernel].into_iter().flat_map(spec::owned_by);
        let planned = plan(specs, &self.host, &self.config);
        self.carry_out_timed(&planned)
    }

    fn plan_module(&self) -> Vec<Planned> {
        plan(spec::owned_by(Owner::Module), &self.host, &self.config)
    }

    fn drop_links(&mut self, of: fn(Hook) -> bool) {
        let dead = self.links.extract_if(.., |held| of(held.hook));
        self.dead.take(dead.map(|held| held.link));
    }
}

pub(super) fn is_module_hook(hook: Hook) -> bool {
    spec::of(hook).is_some_and(|spec| spec.owner() == Some(Owner::Module))
}

fn is_kernel_hook(hook: Hook) -> bool {
    let owner = spec::of(hook).and_then(spec::Spec::owner);
    matches!(owner, Some(Owner::Module | Owner::Kernel))
}
