//! The processes that use KNI: how far each came, and how often it was restarted.

use std::collections::{BTreeMap, BTreeSet};

use crate::correlate::User;
use crate::report::{Attempt, Outcome};
use crate::sink::text::told::{self, Tone};
use crate::untrusted::Untrusted;

/// Processes that are remembered beside those that the engine knows: so many at least, twice as many at most.
const KEPT: usize = 1024;

/// One process.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) comm: Untrusted,
    /// What it came to, in words, and how that is.
    pub(crate) furthest: String,
    pub(crate) tone: Option<Tone>,
    pub(crate) interface: Option<Untrusted>,
    /// Attempts that have ended.
    pub(crate) attempts: u64,
    /// How often the program was started anew, only to end the same.
    pub(crate) restarts: u64,
    pub(crate) state: State,
}

/// Whether a process lives.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum State {
    Runs,
    Ended,
    /// It is not among those that the engine remembers.
    Unknown,
}

/// What attempts have told of a process.
#[derive(Clone, Debug)]
struct Tried {
    comm: Untrusted,
    verdict: (Tone, &'static str),
    interface: Option<Untrusted>,
    attempts: u64,
    restarts: u64,
    ended: bool,
    order: u64,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Processes {
    tried: BTreeMap<u32, Tried>,
    users: Vec<User>,
    order: u64,
}

impl Processes {
    /// Takes whom the engine knows.
    pub(crate) fn set_users(&mut self, users: Vec<User>) -> bool {
        let news = self.users != users;
        self.users = users;
        news
    }

    pub(crate) fn take(&mut self, attempt: &Attempt) {
        self.order += 1;
        let pid = attempt.process.pid;
        let restarts = attempt.repeat.as_ref().map_or(0, |repeat| repeat.count.saturating_sub(1));
        // What a restarted program did before is in its number.
        if let Some(repeat) = attempt.repeat.as_ref().filter(|repeat| repeat.previous_pid != pid) {
            self.tried.remove(&repeat.previous_pid);
        }
        let known = self.tried.get(&pid).filter(|known| known.comm == attempt.process.comm);
        let tried = Tried {
            comm: attempt.process.comm.clone(),
            verdict: told::verdict(attempt),
            interface: attempt.interface.name().cloned(),
            attempts: known.map_or(0, |known| known.attempts) + u64::from(is_try(attempt)),
            restarts: restarts.max(known.map_or(0, |known| known.restarts)),
            ended: attempt.end.is_some() || attempt.outcome == Outcome::NotAttempted,
            order: self.order,
        };
        self.tried.insert(pid, tried);
        // Seldom and many at once: to look for the oldest takes a look at all.
        if self.tried.len() > 2 * KEPT {
            let mut orders: Vec<u64> = self.tried.values().map(|tried| tried.order).collect();
            orders.sort_unstable();
            let oldest = orders.get(KEPT).copied().unwrap_or_default();
            self.tried.retain(|_, tried| tried.order > oldest);
        }
    }

    /// Those that live first, then by their ids.
    pub(crate) fn rows(&self) -> Vec<Process> {
        let known = self.users.iter().map(|user| self.of_user(user));
        let pids: BTreeSet<u32> = self.users.iter().map(|user| user.pid).collect();
        let is_unknown = |pid: &u32| !pids.contains(pid);
        let told =
            self.tried.iter().filter(|(pid, _)| is_unknown(pid)).map(|(pid, tried)| of_told(*pid, tried));
        let mut rows: Vec<Process> = known.flatten().chain(told).collect();
        rows.sort_by_key(|row| (row.state != State::Runs, row.pid));
        rows
    }

    fn of_user(&self, user: &User) -> Option<Process> {
        let state = if user.ended { State::Ended } else { State::Runs };
        let tried = self.tried.get(&user.pid);
        // Of a loop the last one is shown.
        if tried.is_none() && user.ended {
            return None;
        }
        let row = tried.map_or_else(|| untried(user), |tried| of_told(user.pid, tried));
        let inside = user.inside.is_some();
        let furthest = if inside { "is inside an attempt".to_owned() } else { row.furthest };
        Some(Process { state, furthest, tone: row.tone.filter(|_| !inside), ..row })
    }
}

fn is_try(attempt: &Attempt) -> bool {
    attempt.is_final && attempt.outcome != Outcome::NotAttempted
}

fn of_told(pid: u32, tried: &Tried) -> Process {
    let Tried { comm, verdict: (tone, verdict), interface, attempts, restarts, ended, order: _ } =
        tried.clone();
    let state = if ended { State::Ended } else { State::Unknown };
    Process {
        pid,
        comm,
        furthest: verdict.to_owned(),
        tone: Some(tone),
        interface,
        attempts,
        restarts,
        state,
    }
}

fn untried(user: &User) -> Process {
    let file = |exe: &Untrusted| {
        Untrusted::from(exe.as_bytes().rsplit(|byte| *byte == b'/').next().unwrap_or_default())
    };
    let furthest = match &user.last {
        Some(step) => told::came_to(step).unwrap_or_else(|| step.place.to_owned()),
        None => "has DPDK's code mapped".to_owned(),
    };
    Process {
        pid: user.pid,
        comm: user.comm.clone().or(user.exe.as_ref().map(file)).unwrap_or_default(),
        furthest,
        tone: None,
        interface: None,
        attempts: 0,
        restarts: 0,
        state: State::Runs,
    }
}
