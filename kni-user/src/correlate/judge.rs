//! An attempt has ended: its verdict, and what it leaves behind.

use kni_ebpf::hook::Hook;
use kni_ebpf::kni::request_size;

use super::interfaces::Living;
use super::kernel_log::{Claimed, Lines, Run};
use super::observed::Observed;
use super::passages::ModuleLog;
use super::{Correlator, Finding, Watch};
use crate::event::{Holder, Nanos, Task};
use crate::report::{Attempt, AttemptCoverage, Interface, Outcome, Unseen};
use crate::untrusted::Untrusted;
use crate::verdict::{Case, End, Verdict, decide};

/// From the stream's clock to the wall's.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    at: Nanos,
    unix_ns: i64,
}

impl Clock {
    pub(super) const fn new(at: Nanos, unix_ns: i64) -> Self {
        Self { at, unix_ns }
    }

    fn unix(self, at: Nanos) -> i64 {
        let after = i128::from(at) - i128::from(self.at);
        i64::try_from(i128::from(self.unix_ns) + after).unwrap_or(i64::MAX)
    }
}

impl Correlator {
    /// Judges what was seen of an attempt that ended at `at`; `None` if there was no attempt.
    pub(super) fn judge(&mut self, mut seen: Observed, end: End, at: Nanos, watch: Watch) -> Option<Finding> {
        let mut log = self.claim_log(&mut seen, at);
        self.claim_crash(&mut seen);
        log.extend(seen.crash.iter().flat_map(|crash| crash.log.iter().cloned()));
        let verdict = self.decide(&seen, end, at, watch);
        self.remember_initialisation(&seen, verdict.as_ref(), at);
        self.processes.of(seen.task.pid).history.past.ended(&seen, end, at);
        let mut attempt = self.attempt(&seen, verdict?, log, at);
        self.processes.of(attempt.process.pid).milestones.refused();
        self.remember_interface(&seen, &attempt, at);
        if is_created(attempt.outcome) {
            self.loaded.granted(at, &seen.asked);
        }
        let parent = self.processes.parent(attempt.process.pid);
        attempt.repeat = self.repeats.count(&attempt, at, parent, |pid| self.processes.lived(pid));
        Some(Finding::Attempt(Box::new(attempt)))
    }

    /// The module's lines that belong to it, which nobody else gets any more.
    fn claim_log(&mut self, seen: &mut Observed, at: Nanos) -> Vec<Untrusted> {
        let mut lines = std::mem::take(&mut self.lines);
        let claimed = self.claim_from(&mut lines, seen, at);
        self.lines = lines;
        let Some(Claimed { lines, said, whole, silent }) = claimed else { return Vec::new() };
        seen.module = ModuleLog { said: said.filter(|_| is_refused(seen)), whole, silent };
        lines
    }

    /// The module's lines that belong to it so far, while it lasts.
    pub(super) fn log_so_far(&self, seen: &Observed, at: Nanos) -> Vec<Untrusted> {
        self.claim_from(&mut self.lines.clone(), seen, at).map(|claimed| claimed.lines).unwrap_or_default()
    }

    fn claim_from(&self, lines: &mut Lines, seen: &Observed, at: Nanos) -> Option<Claimed> {
        let run = |seen: &Observed| {
            let passage = seen.handler?;
            let left = passage.returned.map_or(at, |(left, _)| left);
            Some(Run { entered: passage.entered, left })
        };
        let own = run(seen)?;
        let others = self.in_flight.values().filter(|other| other.task.tid != seen.task.tid);
        let others: Vec<Run> = others.filter_map(run).collect();
        // What refused an interface of the same name is not about one that was granted.
        let nameless = Untrusted::default();
        let mut names = if is_refused(seen) { seen.names() } else { Vec::new() };
        if names.is_empty() && is_refused(seen) && seen.asked.names_nothing() {
            names.push(&nameless);
        }
        Some(lines.claim(own, &names, &others))
    }

    /// The verdict on what was seen so far.
    pub(super) fn decide(&self, seen: &Observed, end: End, at: Nanos, watch: Watch) -> Option<Verdict> {
        let pid = seen.task.pid;
        let none = super::History::default();
        let within = self.processes.within(pid, watch.coverage);
        let objects = self.objects.of(&within);
        let case = Case {
            seen,
            end,
            ended: at,
            history: self.processes.get(pid).map_or(&none, |known| &known.history),
            unseen_before: self.unseen_before(&seen.task, at, watch),
            has_namesake: self.has_namesake(seen, at, watch),
            machine: self.loaded.at(at, seen, self.processes.started(pid), watch),
            coverage: watch.coverage,
            within: &within,
            objects: &objects,
        };
        decide(&case)
    }

    /// Why the library's refusal to be initialised may have gone unseen, or the opening of the device in it:
    /// since the last refusal or opening that was seen, or since the program was started.
    fn unseen_before(&self, task: &Task, at: Nanos, watch: Watch) -> Vec<Unseen> {
        let pid = task.pid;
        let unwatched = |reason: &str| {
            let reason = Some(reason.to_owned());
            vec![Unseen::Hook { hook: Hook::LibraryInit.name(), reason, armed_after_ns: None }]
        };
        let history = self.processes.get(pid).map(|known| &known.history);
        let known = history.and_then(|history| history.since);
        if known.is_none() && self.processes.may_be_fork(pid, &task.comm) {
            return unwatched("it may be a fork of a process that was not watched");
        }
        let Some(since) = known.or_else(|| self.processes.started(pid)) else {
            return unwatched("it is not known when the process was started");
        };
        if watch.armed.is_none_or(|armed| armed > since) {
            return unwatched("the process was started before it was watched");
        }
        let within = self.processes.within(pid, watch.coverage);
        let mut all = unseen(&[Hook::LibraryInit], since, at, watch, &within);
        // A library that was never asked to has opened nothing.
        if let Some(opened) = known.or(history.and_then(|history| history.init_entered)) {
            add(&mut all, unseen(&[Hook::Open], opened, at, watch, &[]));
        }
        all
    }

    /// Whether the module holds an interface of the claimed name, so that it can only refuse.
    fn has_namesake(&self, seen: &Observed, at: Nanos, watch: Watch) -> bool {
        let pid = seen.task.pid;
        let Some(name) = seen.interface.claimed.as_ref() else { return false };
        let netns = seen.asked.netns.or(self.processes.netns(pid));
        let Some(living) = self.interfaces.get(name, netns, pid) else { return false };
        let size = seen.asked.cmd.map(request_size);
        // A larger request than the module has room for would be refused first, and as silently.
        size.is_some()
            && size <= living.request_size
            && unseen(&[Hook::Ioctl, Hook::DeviceRelease], living.since, at, watch, &[]).is_empty()
    }

    fn remember_initialisation(&mut self, seen: &Observed, verdict: Option<&Verdict>, at: Nanos) {
        if seen.outermost != Some(Hook::LibraryInit) {
            return;
        }
        let refused = verdict.filter(|verdict| verdict.outcome == Outcome::Stopped && seen.open.is_none());
        let init = refused.and_then(|verdict| Some((verdict.boundary?, verdict.cause)));
        let history = &mut self.processes.of(seen.task.pid).history;
        history.init = init;
        if init.is_some() {
            history.since = Some(at);
        }
    }

    fn remember_interface(&mut self, seen: &Observed, attempt: &Attempt, at: Nanos) {
        if !is_created(attempt.outcome) {
            self.interfaces.forget_removed(attempt.interface.netns, attempt.interface.ifindex);
            return;
        }
        let Interface { claimed, consumed, actual, ifindex, netns, opened_in: _ } = attempt.interface.clone();
        let Some(name) = consumed.or(claimed).or_else(|| actual.clone()) else { return };
        self.interfaces.insert(Living {
            name,
            actual,
            home: netns,
            netns,
            ifindex,
            owner: Some(Holder { pid: seen.task.pid, comm: seen.task.comm.clone() }),
            file: seen.file,
            since: at,
            whole: true,
            link: None,
            claim: None,
            owner_ended: false,
            down: None,
            asked: None,
            request_size: seen.asked.cmd.map(request_size),
        });
    }

    /// The report of an attempt.
    pub(super) fn attempt(
        &self,
        seen: &Observed,
        verdict: Verdict,
        log: Vec<Untrusted>,
        at: Nanos,
    ) -> Attempt {
        let Verdict { outcome, boundary, cause, errno, subject, holder, issued, missing, .. } = verdict;
        let netns = seen.asked.netns.or(self.processes.netns(seen.task.pid));
        Attempt {
            process: self.processes.report(&seen.task),
            interface: Interface { netns, opened_in: verdict.opened_in, ..seen.interface.clone() },
            outcome,
            boundary,
            cause,
            errno,
            subject,
            holder,
            issued,
            arguments: verdict.arguments,
            check: verdict.check,
            origin: verdict.origin,
            library: verdict.library,
            end: seen.death,
            is_final: true,
            waiting: seen.waiting.clone(),
            skew: verdict.skew,
            steps: seen.steps.clone(),
            log,
            coverage: AttemptCoverage { complete: missing.is_empty(), missing },
            repeat: None,
            started: self.clock.unix(seen.began),
            duration_ns: at.saturating_sub(seen.began),
        }
    }
}

fn is_refused(seen: &Observed) -> bool {
    seen.answer().is_some_and(|answer| answer < 0)
}

const fn is_created(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Created | Outcome::CreatedElsewhere | Outcome::CreatedDoomed)
}

/// Why something may have gone unseen since `since` in a process whose library is `within` these files.
pub(super) fn unseen(
    hooks: &[Hook],
    since: Nanos,
    at: Nanos,
    watch: Watch,
    within: &[Untrusted],
) -> Vec<Unseen> {
    let lost = watch.account.lost_since(since);
    let hooks = hooks.iter().filter_map(|hook| watch.coverage.throughout(*hook, since, at, within).err());
    hooks.chain((lost > 0).then_some(Unseen::Records { lost })).collect()
}

/// Adds what is not among them yet.
pub(super) fn add(all: &mut Vec<Unseen>, more: Vec<Unseen>) {
    for one in more {
        if !all.contains(&one) {
            all.push(one);
        }
    }
}
