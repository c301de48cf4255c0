//! Who uses KNI, and how far each has come.

use super::Correlator;
use super::process::Known;
use crate::event::Nanos;
use crate::report;
use crate::untrusted::Untrusted;

/// A process that uses KNI.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// Its id in the initial PID namespace.
    pub pid: u32,
    /// The name of a thread of its that came somewhere, if one did.
    pub comm: Option<Untrusted>,
    /// Its executable.
    pub exe: Option<Untrusted>,
    /// Since when one of its threads has been inside an attempt.
    pub inside: Option<Nanos>,
    /// What it did last that leads to an attempt; none: it has DPDK's code and has called none of it that is observed.
    pub last: Option<report::Step>,
    /// Whether it has ended.
    pub ended: bool,
}

impl Correlator {
    /// Processes that use KNI, by their ids; those that have ended as long as they are remembered.
    pub fn users(&self) -> impl Iterator<Item = User> + '_ {
        self.processes.all().filter_map(|(pid, known)| self.user(pid, known))
    }

    fn user(&self, pid: u32, known: &Known) -> Option<User> {
        let flying = self.in_flight.values().find(|seen| seen.task.pid == pid);
        let last = known.milestones.steps().pop();
        if flying.is_none() && last.is_none() && known.mapped.is_empty() {
            return None;
        }
        let own = Some(&known.milestones.comm).filter(|comm| !comm.is_empty());
        Some(User {
            pid,
            comm: flying.map(|seen| &seen.task.comm).or(own).cloned(),
            exe: known.exe().cloned(),
            inside: flying.map(|seen| seen.began),
            last,
            ended: known.ended.is_some(),
        })
    }
}
