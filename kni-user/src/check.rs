//! `check`: did the expected interfaces come into being?

use std::collections::{BTreeMap, BTreeSet};

use kni_ebpf::hook::Hook;

use crate::correlate::{Finding, Watch};
use crate::event::{Mapped, Nanos, Process, Step};
use crate::expectation::Expectation;
use crate::report::{Attempt, Boundary, CheckResult, Checked, Outcome, Released};
use crate::untrusted::Untrusted;

/// Processes of the command that are remembered.
const MAX_TREE: usize = 16_384;
/// Names of interfaces that nobody expected and whose last attempt is remembered.
const MAX_NAMES: usize = 256;

/// Files run by the command's processes that are remembered.
const MAX_OBJECTS: usize = 256;

/// Without these, a program may have tried and been refused unseen.
const ATTEMPT_HOOKS: [Hook; 4] = [Hook::LibraryInit, Hook::LibraryAlloc, Hook::Open, Hook::Ioctl];

/// The question, and what is known of its answer.
#[derive(Debug)]
pub struct Check {
    expect: Vec<Untrusted>,
    outcome: Expectation,
    within: Nanos,
    command: Command,
    /// By name; of attempts without one, by none.
    last: BTreeMap<Option<Untrusted>, Last>,
    order: u64,
    answer: Option<CheckResult>,
}

/// The command whose processes alone count.
#[derive(Debug, Default)]
struct Command {
    wanted: bool,
    started: Option<Nanos>,
    ended: bool,
    tree: BTreeSet<u32>,
    /// What its processes have run of DPDK.
    objects: BTreeSet<Untrusted>,
}

/// The last attempt of a name.
#[derive(Clone, Debug)]
struct Last {
    attempt: Attempt,
    gone_again: bool,
    order: u64,
}

impl Check {
    /// The question: which interfaces, what of them, within how long, and whether only a command's processes count.
    #[must_use]
    pub fn new(expect: Vec<Untrusted>, outcome: Expectation, within: Nanos, runs_command: bool) -> Self {
        let command = Command { wanted: runs_command, ..Command::default() };
        Self { expect, outcome, within, command, last: BTreeMap::new(), order: 0, answer: None }
    }

    /// The answer, once there is one.
    #[must_use]
    pub fn answer(&self) -> Option<&CheckResult> {
        self.answer.as_ref()
    }

    /// The command was started.
    pub fn command_started(&mut self, at: Nanos, pid: u32) {
        self.command.started = Some(at);
        self.command.tree.insert(pid);
    }

    /// The command has ended.
    pub fn command_ended(&mut self) {
        self.command.ended = true;
    }

    /// Takes what `/proc` said: children of the command's processes belong to it.
    pub fn process(&mut self, process: &Process) {
        self.command.adopt(process.parent, process.pid);
    }

    /// A process runs code of a file that has, or may have, functions of DPDK.
    pub fn mapped(&mut self, mapped: &Mapped) {
        let objects = &mut self.command.objects;
        if objects.len() < MAX_OBJECTS && (!self.command.wanted || self.command.tree.contains(&mapped.pid)) {
            objects.insert(mapped.object.clone());
        }
    }

    /// A process was forked. The command's own fork is in the stream behind the news of its start.
    pub fn forked(&mut self, at: Nanos, step: &Step) {
        if let Some(child) = step.args.first().and_then(|child| u32::try_from(*child).ok()) {
            if self.command.started.is_none_or(|started| at > started) {
                self.command.forget(child);
            }
            self.command.adopt(step.task.pid, child);
        }
    }

    /// When time is up, if that is known yet.
    #[must_use]
    pub fn deadline(&self, watch: Watch) -> Option<Nanos> {
        let since = if self.command.wanted { self.command.started } else { watch.armed };
        since.map(|since| since.saturating_add(self.within))
    }

    /// Takes an attempt's verdict.
    pub fn attempt(&mut self, attempt: &Attempt) {
        if self.command.counts(attempt.process.pid) {
            self.note(attempt.clone());
        }
    }

    /// Takes how far a process came that made no attempt: it counts where there is no attempt. Of two such,
    /// the one that may have been an attempt.
    pub fn not_attempted(&mut self, attempt: &Attempt) {
        let weaker = |last: &Last| last.attempt.outcome == Outcome::NotAttempted;
        let free = self.last.get(&None).is_none_or(weaker)
            && (!self.expect.is_empty() || self.last.values().all(weaker));
        if free && self.command.counts(attempt.process.pid) {
            self.note(attempt.clone());
        }
    }

    /// An interface is gone.
    pub fn released(&mut self, released: &Released) {
        for last in self.last.values_mut() {
            let Attempt { process, interface, .. } = &last.attempt;
            let own = is_created(last.attempt.outcome)
                && process.pid == released.pid
                && match (interface.ifindex, released.ifindex) {
                    // It may have got another name since.
                    (Some(created), Some(gone)) => created == gone,
                    _ => names(&last.attempt).any(|name| *name == released.name),
                };
            last.gone_again |= own;
        }
    }

    /// Whether all that was asked for is there, or nothing more can come: the command has ended and nothing
    /// of it is in flight (`busy` are the processes inside an attempt).
    ///
    /// That something failed as expected settles nothing by itself: it may be tried again, and come to another end.
    pub fn is_settled(&self, busy: impl Iterator<Item = u32>) -> bool {
        let stays = |last: &Last| self.stays(last);
        let satisfied = if self.expect.is_empty() {
            self.last.values().any(stays)
        } else {
            self.expect.iter().all(|name| self.of(name).is_some_and(stays))
        };
        let over = self.command.ended && !busy.into_iter().any(|pid| self.command.counts(pid));
        satisfied || over
    }

    /// Answers now. `unfinished` is what is in flight or under way.
    pub fn decide(&mut self, at: Nanos, unfinished: Vec<Finding>, watch: Watch) {
        if self.answer.is_some() {
            return;
        }
        for finding in unfinished {
            match finding {
                Finding::Attempt(attempt) => self.attempt(&attempt),
                Finding::NotAttempted(attempt) => self.not_attempted(&attempt),
                Finding::Released(_) | Finding::Changed(_) | Finding::InProgress(_) | Finding::Noted(_) => {}
            }
        }
        let silence =
            if self.nothing_was_missed(at, watch) { Outcome::NotAttempted } else { Outcome::Inconclusive };
        let interfaces: Vec<Checked> = if self.expect.is_empty() {
            vec![self.unnamed(silence)]
        } else {
            self.expect.iter().map(|name| self.named(name, silence)).collect()
        };
        let exit_status = interfaces.iter().map(status).filter(|status| *status != 0).min().unwrap_or(0);
        self.answer = Some(CheckResult { interfaces, expected: self.outcome, exit_status });
    }

    /// Whether it is there, be it as expected or although another outcome was.
    fn stays(&self, last: &Last) -> bool {
        let Attempt { outcome, boundary, cause, .. } = last.attempt;
        let is_it = self.outcome.is_lasting() && self.outcome.is_met(outcome, boundary, cause);
        (is_it || outcome == Outcome::Created) && !last.gone_again
    }

    /// Whether an attempt would have been seen, had there been one.
    fn nothing_was_missed(&self, at: Nanos, watch: Watch) -> bool {
        let Some(armed) = watch.armed else { return false };
        let hidden = |object| ATTEMPT_HOOKS.iter().any(|hook| watch.coverage.is_missing_in(*hook, object));
        watch.account.total() == 0
            && ATTEMPT_HOOKS.iter().all(|hook| watch.coverage.throughout(*hook, armed, at, &[]).is_ok())
            && !self.command.objects.iter().any(hidden)
    }

    fn note(&mut self, attempt: Attempt) {
        let name = self.key(&attempt);
        let lives = |last: &Last| is_created(last.attempt.outcome) && !last.gone_again;
        if !is_created(attempt.outcome) && self.last.get(&name).is_some_and(lives) {
            // It is there, whoever else tries and fails.
            return;
        }
        if self.last.len() >= MAX_NAMES && !self.last.contains_key(&name) {
            self.forget_one();
        }
        self.order += 1;
        self.last.insert(name, Last { attempt, gone_again: false, order: self.order });
    }

    /// An expected name that it goes by, else the one nearest to the kernel's own.
    fn key(&self, attempt: &Attempt) -> Option<Untrusted> {
        let expected = names(attempt).find(|name| self.expect.contains(name));
        expected.or_else(|| attempt.interface.name()).cloned()
    }

    fn forget_one(&mut self) {
        let unexpected = |name: &Option<Untrusted>| match name {
            Some(name) => !self.expect.contains(name),
            None => false,
        };
        let oldest = self.last.iter().filter(|(name, _)| unexpected(name)).min_by_key(|(_, last)| last.order);
        if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
            self.last.remove(&oldest);
        }
    }

    fn of(&self, name: &Untrusted) -> Option<&Last> {
        self.last.get(&Some(name.clone()))
    }

    /// What became of an expected interface. What stopped the program before it named any stands for
    /// each that it never came to.
    fn named(&self, name: &Untrusted, silence: Outcome) -> Checked {
        let last = self.of(name).or_else(|| self.last.get(&None));
        self.checked(Some(name.clone()), last, silence)
    }

    /// What became of whatever was attempted: the first that is there, else the last.
    fn unnamed(&self, silence: Outcome) -> Checked {
        let there = self.last.values().find(|last| self.stays(last));
        let last = there.or_else(|| self.last.values().max_by_key(|last| last.order));
        let name = last.and_then(|last| last.attempt.interface.name()).cloned();
        self.checked(name, last, silence)
    }

    fn checked(&self, name: Option<Untrusted>, last: Option<&Last>, silence: Outcome) -> Checked {
        let attempt = last.map(|last| &last.attempt);
        let outcome = attempt.map_or(silence, |attempt| attempt.outcome);
        let boundary = attempt.and_then(|attempt| attempt.boundary);
        let cause = attempt.and_then(|attempt| attempt.cause);
        let gone_again = last.is_some_and(|last| last.gone_again);
        let as_expected = !gone_again && self.outcome.is_met(outcome, boundary, cause);
        let attempt = attempt.cloned().map(Box::new);
        Checked { name, outcome, boundary, cause, gone_again, as_expected, attempt }
    }
}

impl Command {
    fn counts(&self, pid: u32) -> bool {
        !self.wanted || self.tree.contains(&pid)
    }

    fn adopt(&mut self, parent: u32, child: u32) {
        if self.tree.contains(&parent) && self.tree.len() < MAX_TREE {
            self.tree.insert(child);
        }
    }

    /// The id is another process's from now on.
    fn forget(&mut self, pid: u32) {
        self.tree.remove(&pid);
    }
}

fn names(attempt: &Attempt) -> impl Iterator<Item = &Untrusted> {
    let interface = &attempt.interface;
    [&interface.actual, &interface.consumed, &interface.claimed].into_iter().flatten()
}

const fn is_created(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Created | Outcome::CreatedElsewhere | Outcome::CreatedDoomed)
}

/// What it means for the exit status (docs/exit-status.md).
const fn status(checked: &Checked) -> u8 {
    match (checked.outcome, checked.boundary) {
        _ if checked.as_expected => 0,
        (Outcome::Created, _) if !checked.gone_again => 17,
        (Outcome::NotAttempted, _) => 10,
        (Outcome::Stopped, Some(Boundary::Library)) => 11,
        (Outcome::Stopped, Some(Boundary::Syscall)) => 12,
        (Outcome::Stopped, Some(Boundary::Module)) => 13,
        (Outcome::Stopped, Some(Boundary::Network)) => 14,
        (Outcome::Created | Outcome::CreatedElsewhere | Outcome::CreatedDoomed, _) => 15,
        (Outcome::Died | Outcome::InProgress, _) => 16,
        (Outcome::Inconclusive | Outcome::Stopped, _) => 20,
    }
}
