//! From the stream of events to what is told: the same for a live run and a replay.

use kni_ebpf::hook::Hook;

use crate::check::Check;
use crate::correlate::{Correlator, Finding, User, Watch};
use crate::coverage::Table;
use crate::event::{Coverage, Event, Ledger, Nanos, Question, Start, Step, What};
use crate::ledger::{Account, is_complete};
use crate::report::{Boundary, CoverageChange, Diagnostic, Lost, Outcome, Report, Summary, Tally, Told};

/// Hooks that come with the module.
const MODULE_HOOKS: [Hook; 5] =
    [Hook::Dispatcher, Hook::CompatDispatcher, Hook::Handler, Hook::DeviceOpen, Hook::DeviceRelease];

/// Turns events into reports.
#[derive(Debug, Default)]
pub struct Engine {
    coverage: Table,
    account: Account,
    armed: Option<Nanos>,
    correlator: Correlator,
    check: Option<Check>,
    tally: Tally,
    /// Changes of coverage that are told together, with the next event of another kind.
    change: Change,
    module_loaded: Option<Nanos>,
    /// Whether `check`'s answer has been told.
    answered: bool,
    ended: bool,
}

/// What hooks came and went since the last event of another kind.
#[derive(Debug, Default)]
struct Change {
    at: Nanos,
    /// When the last of those came without which nothing can be told of the module.
    module_seen: Option<Nanos>,
    came: Vec<Hook>,
    went: Vec<Hook>,
}

impl Engine {
    /// An engine that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next event and appends what there is to tell now.
    pub fn feed(&mut self, event: &Event, reports: &mut Vec<Report>) {
        let at = event.at;
        let mut told = Vec::new();
        if !matches!(event.what, What::Coverage(_)) {
            told.extend(self.take_change());
        }
        if passes_time(&event.what) {
            self.answer_if_late(at);
        }
        self.take(at, &event.what, &mut told);
        self.answer_if_settled(at);
        self.tell_answer(&mut told);
        if matches!(event.what, What::End(_)) && !self.ended {
            self.ended = true;
            self.end(at, &mut told);
        }
        reports.extend(told.into_iter().map(|what| Report { at, what }));
    }

    /// Processes that use KNI, and how far each has come.
    pub fn users(&self) -> impl Iterator<Item = User> + '_ {
        self.correlator.users()
    }

    /// The account, as it was told last.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        self.account.latest()
    }

    /// Whether `check` has its answer: the shell then ends the stream. Never for `watch`.
    #[must_use]
    pub fn done(&self) -> bool {
        self.check.as_ref().is_some_and(|check| check.answer().is_some())
    }

    /// `check`'s exit status, once the stream has ended.
    #[must_use]
    pub fn exit_status(&self) -> Option<u8> {
        let answer = self.check.as_ref()?.answer()?;
        self.ended.then_some(answer.exit_status)
    }

    fn take(&mut self, at: Nanos, what: &What, told: &mut Vec<Told>) {
        match what {
            What::Start(start) => {
                self.start(at, start);
                told.push(Told::Start(start.clone()));
            }
            What::Coverage(coverage) => self.cover(at, coverage),
            What::Armed => {
                self.armed = Some(at);
                self.correlator.armed();
                told.push(Told::Armed(self.coverage.hooks()));
            }
            What::Step(step) => self.step(at, step, told),
            What::Call(call) => {
                let watch = watch(&self.coverage, &self.account, self.armed);
                let findings = self.correlator.call(at, call, watch);
                self.find(findings, told);
            }
            What::Process(process) => {
                self.correlator.process(process);
                self.ask(|check| check.process(process));
            }
            What::Object(object) => self.correlator.object(object),
            What::Mapped(mapped) => {
                self.correlator.mapped(at, mapped);
                self.ask(|check| check.mapped(mapped));
            }
            What::Holder(holder) => self.correlator.holder(holder),
            What::Interface(interface) => self.correlator.interface(interface),
            What::KernelLog(line) => self.correlator.kernel_log(at, line),
            What::Ledger(ledger) => told.extend(self.account(at, ledger)),
            What::CommandStarted { pid } => {
                self.ask(|check| check.command_started(at, *pid));
                if let Some(armed) = self.armed {
                    self.correlator.born(*pid, armed);
                }
            }
            What::CommandEnded { status, signal, .. } => {
                self.ask(Check::command_ended);
                let (status, signal) = (*status, *signal);
                told.push(Told::Diagnostic(Diagnostic::CommandEnded { status, signal }));
            }
            What::Module(module) => self.correlator.module(at, module),
            What::Link(link) => {
                let findings = self.correlator.link(at, link);
                self.find(findings, told);
            }
            What::Blocked(blocked) => {
                let watch = watch(&self.coverage, &self.account, self.armed);
                let finding = self.correlator.blocked(at, blocked, watch);
                self.find(finding, told);
            }
            What::Tick => {
                let watch = watch(&self.coverage, &self.account, self.armed);
                let findings = self.correlator.tick(at, watch);
                self.find(findings, told);
            }
            What::End(_) => {}
        }
    }

    fn start(&mut self, at: Nanos, start: &Start) {
        self.correlator.start(at, start);
        self.check = match &start.question {
            Question::Watch => None,
            Question::Check { expect, expect_outcome, within_ns, runs_command } => {
                Some(Check::new(expect.clone(), *expect_outcome, *within_ns, *runs_command))
            }
        };
    }

    fn ask(&mut self, tell: impl FnOnce(&mut Check)) {
        if let Some(check) = &mut self.check {
            tell(check);
        }
    }

    fn step(&mut self, at: Nanos, step: &Step, told: &mut Vec<Told>) {
        match step.hook {
            Hook::Fork => self.ask(|check| check.forked(at, step)),
            Hook::ModuleLoad => self.module_loaded = Some(at),
            Hook::ModuleFree => self.module_loaded = None,
            _ => {}
        }
        let watch = watch(&self.coverage, &self.account, self.armed);
        let findings = self.correlator.step(at, step, watch);
        self.find(findings, told);
    }

    fn find(&mut self, findings: impl IntoIterator<Item = Finding>, told: &mut Vec<Told>) {
        for finding in findings {
            told.push(match finding {
                Finding::Attempt(attempt) => {
                    count(&mut self.tally, attempt.outcome, attempt.boundary);
                    self.ask(|check| check.attempt(&attempt));
                    Told::Attempt(attempt)
                }
                Finding::NotAttempted(attempt) => {
                    count(&mut self.tally, attempt.outcome, attempt.boundary);
                    self.ask(|check| check.not_attempted(&attempt));
                    Told::Attempt(attempt)
                }
                Finding::Changed(changed) => Told::Changed(changed),
                Finding::InProgress(attempt) => Told::Attempt(attempt),
                Finding::Noted(diagnostic) => Told::Diagnostic(diagnostic),
                Finding::Released(released) => {
                    self.ask(|check| check.released(&released));
                    Told::Released(released)
                }
            });
        }
    }

    fn account(&mut self, at: Nanos, ledger: &Ledger) -> Option<Told> {
        let count = self.account.update(at, ledger);
        self.correlator.lost(count);
        (count > 0).then(|| Told::Lost(Lost { count, total: self.account.total() }))
    }

    fn cover(&mut self, at: Nanos, coverage: &Coverage) {
        let changed = self.coverage.update(at, coverage);
        if changed && self.armed.is_some() {
            self.change.at = at;
            if matches!(coverage.hook, Hook::Dispatcher | Hook::Handler) {
                self.change.module_seen = Some(at);
            }
            self.change.note(coverage.hook, self.coverage.is_live(coverage.hook));
        }
    }

    fn take_change(&mut self) -> Option<Told> {
        let Change { at, module_seen, came, went } = std::mem::take(&mut self.change);
        if came.is_empty() && went.is_empty() {
            return None;
        }
        let with_module = came.iter().any(|hook| MODULE_HOOKS.contains(hook));
        let loaded = self.module_loaded.take_if(|_| with_module);
        Some(Told::Coverage(CoverageChange {
            came: crate::report::names(came),
            went: crate::report::names(went),
            blind_ns: loaded.map(|loaded| module_seen.unwrap_or(at).saturating_sub(loaded)),
        }))
    }

    fn answer_if_late(&mut self, at: Nanos) {
        let watch = watch(&self.coverage, &self.account, self.armed);
        let Some(check) = self.check.as_mut().filter(|check| check.answer().is_none()) else { return };
        if check.deadline(watch).is_some_and(|deadline| at >= deadline) {
            check.decide(at, self.correlator.unfinished(at, watch), watch);
        }
    }

    fn answer_if_settled(&mut self, at: Nanos) {
        let watch = watch(&self.coverage, &self.account, self.armed);
        let Some(check) = self.check.as_mut().filter(|check| check.answer().is_none()) else { return };
        if check.is_settled(self.correlator.busy()) {
            check.decide(at, self.correlator.unfinished(at, watch), watch);
        }
    }

    fn tell_answer(&mut self, told: &mut Vec<Told>) {
        if !self.answered
            && let Some(answer) = self.check.as_ref().and_then(Check::answer)
        {
            self.answered = true;
            told.push(Told::Answer(answer.clone()));
        }
    }

    fn end(&mut self, at: Nanos, told: &mut Vec<Told>) {
        let watch = watch(&self.coverage, &self.account, self.armed);
        let unfinished = self.correlator.unfinished(at, watch);
        if let Some(check) = &mut self.check {
            check.decide(at, unfinished, watch);
        }
        let left = self.correlator.end(at, watch);
        self.find(left, told);
        self.tell_answer(told);
        let ledger = self.account.latest().clone();
        told.push(Told::Summary(Summary {
            attempts: self.tally,
            complete: is_complete(&ledger) && self.correlator.evicted() == 0,
            ledger,
            loops: self.correlator.loops(),
            check: self.check.as_ref().and_then(Check::answer).cloned(),
        }));
    }
}

const fn watch<'a>(coverage: &'a Table, account: &'a Account, armed: Option<Nanos>) -> Watch<'a> {
    Watch { coverage, account, armed }
}

/// Whether an event's time is that of the stream. What user space read beside a batch of records
/// bears a later time than they, and comes before them.
const fn passes_time(what: &What) -> bool {
    matches!(what, What::Step(_) | What::Call(_) | What::Tick | What::CommandEnded { .. } | What::End(_))
}

impl Change {
    fn note(&mut self, hook: Hook, is_live: bool) {
        let (to, from) =
            if is_live { (&mut self.came, &mut self.went) } else { (&mut self.went, &mut self.came) };
        from.retain(|known| *known != hook);
        if !to.contains(&hook) {
            to.push(hook);
        }
    }
}

fn count(tally: &mut Tally, outcome: Outcome, boundary: Option<Boundary>) {
    let counter = match (outcome, boundary) {
        (Outcome::Created, _) => &mut tally.created,
        (Outcome::CreatedElsewhere, _) => &mut tally.created_elsewhere,
        (Outcome::CreatedDoomed, _) => &mut tally.created_doomed,
        (Outcome::Stopped, Some(Boundary::Library)) => &mut tally.stopped_library,
        (Outcome::Stopped, Some(Boundary::Syscall)) => &mut tally.stopped_syscall,
        (Outcome::Stopped, Some(Boundary::Module)) => &mut tally.stopped_module,
        (Outcome::Stopped, Some(Boundary::Network)) => &mut tally.stopped_network,
        (Outcome::Died, _) => &mut tally.died,
        (Outcome::InProgress, _) => &mut tally.in_progress,
        (Outcome::NotAttempted, _) => &mut tally.not_attempted,
        (Outcome::Inconclusive | Outcome::Stopped, _) => &mut tally.inconclusive,
    };
    *counter = counter.saturating_add(1);
}

#[cfg(test)]
mod tests;
