//! Observing system calls on demand: as long as it is done, it costs every process of the machine something.

use std::convert::identity;

use clap::ValueEnum;
use kni_ebpf::hook::Hook;

use super::attach::let_go;
use super::plan::plan;
use super::{Probes, Row, spec};
use crate::event::{Coverage, HookState};

/// When the hooks are attached that cost every process of the machine something.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum Arm {
    /// All the time.
    Always,
    /// While a process uses KNI: from [`Probes::arm_calls`] to [`Probes::idle_calls`].
    #[default]
    Auto,
    /// Not at all.
    Never,
}

impl Probes {
    /// A process uses KNI: system calls are observed from here on, if it was asked for so.
    ///
    /// Does nothing while they are. Nor while the attachments of the last time are still being let go of: with two at
    /// one place every call would be recorded twice. So it is to be called again as long as there are users.
    pub fn arm_calls(&mut self) -> Vec<Coverage> {
        if self.config.arm != Arm::Auto || self.host.kni_used || self.is_leaving() {
            return Vec::new();
        }
        self.host.kni_used = true;
        // Nothing but attaching: the programs are loaded, and the user is on its way.
        let planned = plan(spec::on_demand(), &self.host, &self.config);
        let rows: Vec<_> =
            planned.iter().map(|planned| self.attach(planned).unwrap_or_else(identity)).collect();
        rows.into_iter().map(|row| self.note(row)).collect()
    }

    /// No process uses KNI any more: system calls are not observed from here on, and cost nothing soon after.
    pub fn idle_calls(&mut self) -> Vec<Coverage> {
        if self.config.arm != Arm::Auto || !self.host.kni_used {
            return Vec::new();
        }
        self.host.kni_used = false;
        let calls = self.links.extract_if(.., |held| is_call_hook(held.hook));
        self.leaving = let_go(calls.map(|held| held.link).collect());
        let live = self.rows.iter().filter(|row| is_call_hook(row.hook) && row.state == HookState::Live);
        let idle: Vec<_> = live.map(|row| Row { state: HookState::Idle, ..row.clone() }).collect();
        idle.into_iter().map(|row| self.note(row)).collect()
    }

    /// Waits until what [`Probes::idle_calls`] let go of has gone, for who wants to measure that.
    pub fn wait_until_gone(&mut self) {
        if let Some(leaving) = self.leaving.take() {
            // It closes descriptors, and can't panic.
            drop(leaving.join());
        }
    }

    fn is_leaving(&self) -> bool {
        self.leaving.as_ref().is_some_and(|thread| !thread.is_finished())
    }
}

fn is_call_hook(hook: Hook) -> bool {
    spec::of(hook).is_some_and(spec::Spec::taxes_everybody)
}
