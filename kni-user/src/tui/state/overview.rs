//! What the header tells: where this is, whether it is armed, what is observed, what was lost.

use std::collections::BTreeSet;

use kni_ebpf::hook::Hook;

use crate::event::{Ledger, Module, Nanos, Start};
use crate::probe::spec::{self, Spec};
use crate::report::{CoverageChange, Hooks};
use crate::sink::text::clock::Clock;
use crate::sink::text::told;

/// The machine, and how it is observed.
#[derive(Debug, Default)]
pub(crate) struct Overview {
    /// `kniwatch 0.1.0 on lab7, Linux 6.1.0-56-amd64`.
    pub(crate) place: String,
    /// `rte_kni 22.11 is loaded: carrier=off`.
    pub(crate) module: String,
    /// Whether the module may have come or gone since that was told.
    pub(crate) module_changed: bool,
    /// From the stream's times to the time of day.
    pub(crate) clock: Clock,
    began: Nanos,
    now: Nanos,
    live: BTreeSet<&'static str>,
    idle: BTreeSet<&'static str>,
    waiting: BTreeSet<&'static str>,
    missing: usize,
    /// Whether the hooks are attached, and records flow.
    attached: bool,
    pub(crate) ledger: Ledger,
}

/// Whether system calls are observed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Readiness {
    /// Hooks are being attached.
    Starting,
    /// All hooks are live: a program uses KNI, or they are always to be.
    Armed,
    /// Those that tax every process are not attached, as no program uses KNI.
    Idle,
    /// System calls are not observed here, whoever uses KNI.
    Blind,
}

impl Overview {
    pub(crate) fn start(&mut self, at: Nanos, start: &Start) {
        self.place = told::place(start);
        self.clock = Clock::new(start, at);
        self.began = at;
        self.now = self.now.max(at);
        self.set_module(start.module.as_ref());
    }

    /// Takes how the module is loaded now.
    pub(crate) fn set_module(&mut self, module: Option<&Module>) {
        self.module = told::module(module);
        self.module_changed = false;
    }

    pub(crate) fn armed(&mut self, hooks: &Hooks) {
        let Hooks { live, waiting, idle, missing } = hooks;
        let set = |hooks: &[&'static str]| hooks.iter().copied().collect();
        (self.live, self.waiting, self.idle) = (set(live), set(waiting), set(idle));
        self.missing = missing.len();
        self.attached = true;
    }

    pub(crate) fn covered(&mut self, change: &CoverageChange) {
        self.module_changed = true;
        for hook in &change.came {
            self.idle.remove(hook);
            self.waiting.remove(hook);
            self.live.insert(hook);
        }
        for hook in &change.went {
            self.live.remove(hook);
            let on_demand = is_on_demand(hook);
            (if on_demand { &mut self.idle } else { &mut self.waiting }).insert(hook);
        }
    }

    /// Time has come to `now`; whether that is another second.
    pub(crate) fn pass(&mut self, now: Nanos) -> bool {
        let before = self.elapsed_s();
        self.now = self.now.max(now);
        self.elapsed_s() != before
    }

    pub(crate) fn now(&self) -> Nanos {
        self.now
    }

    pub(crate) fn elapsed_s(&self) -> u64 {
        self.now.saturating_sub(self.began) / 1_000_000_000
    }

    pub(crate) fn readiness(&self) -> Readiness {
        if !self.attached {
            return Readiness::Starting;
        }
        if !self.idle.is_empty() {
            return Readiness::Idle;
        }
        if self.live.iter().any(|hook| is_on_demand(hook)) { Readiness::Armed } else { Readiness::Blind }
    }

    /// `18 hooks live, 2 idle, 7 waiting, 3 missing`; what there is none of is left out.
    pub(crate) fn coverage(&self) -> String {
        let parts = [(self.idle.len(), "idle"), (self.waiting.len(), "waiting"), (self.missing, "missing")];
        let live = self.live.len();
        let live = format!("{live} hook{} live", if live == 1 { "" } else { "s" });
        let rest =
            parts.iter().filter(|(number, _)| *number > 0).map(|(number, what)| format!("{number} {what}"));
        std::iter::once(live).chain(rest).collect::<Vec<_>>().join(", ")
    }
}

/// Whether the hook is attached only while somebody uses KNI.
fn is_on_demand(hook: &str) -> bool {
    Hook::from_name(hook).and_then(spec::of).is_some_and(Spec::taxes_everybody)
}
