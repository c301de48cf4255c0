//! From the ring buffer, the kernel log and `/proc` to one stream of events.

mod facts;
mod links;
mod pace;
mod programs;
mod records;
mod users;
mod waiting;

use std::io;
use std::os::fd::AsRawFd;
use std::time::Duration;

use anyhow::{Context as _, Result};
use kni_ebpf::hook::Hook;
use kni_ebpf::kni;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::Instant;

use self::facts::Facts;
use self::links::Links;
use self::pace::Pace;
use self::programs::Programs;
use self::records::{BATCH_MAX, Records};
use self::users::Users;
use self::waiting::Waiting;
use crate::event::{Coverage, End, Event, HookState, Ledger, Nanos, Phase, Question, Step, What};
use crate::host;
use crate::host::kmsg::Kmsg;
use crate::preflight::{self, Source};
use crate::probe::{self, CannotObserve, Change, Counters, Probes};

/// How often the account is read where nothing comes that may conclude anything: it takes a system call a program.
/// Who has a deadline concludes from silence, on a tick.
const ACCOUNT: Duration = Duration::from_secs(1);

/// What to observe.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Which hooks, which libraries.
    pub probe: probe::Config,
    /// Forward the eBPF side's own warnings to the log.
    pub verbose: bool,
}

/// The running machine as a source of events.
pub struct Stream {
    probes: Probes,
    records: Records,
    kernel_log: Option<AsyncFd<Kmsg>>,
    pace: Pace,
    facts: Facts,
    programs: Programs,
    users: Users,
    waiting: Waiting,
    links: Links,
    /// Whether something is concluded when time is up.
    has_deadline: bool,
    /// Whether this kernel can load modules at all.
    takes_modules: bool,
    /// When the account was last read because time has passed.
    accounted: Instant,
}

/// What there was to wait for.
enum Woken {
    /// A record or a line of the kernel's log.
    Told,
    /// A process has mapped code.
    Mapped,
    /// Time has passed.
    Tick,
}

impl Stream {
    /// Attaches and arms the probes; `events` gets everything up to [`What::Armed`].
    ///
    /// Fails if nothing at all can be observed here.
    pub fn open(config: &Config, question: Question, events: &mut Vec<Event>) -> Result<Self> {
        let has_deadline = matches!(question, Question::Check { .. });
        events.push(now(What::Start(host::system::start(question))));
        let mut probes = Probes::load(&config.probe)?;
        if config.verbose {
            probes.forward_log()?;
        }
        let mut programs = Programs::new();
        let coverage = probes.attach_all();
        if coverage.iter().all(|coverage| coverage.state != HookState::Live) {
            let reasons = coverage.iter().filter_map(|coverage| coverage.state.describe().1);
            return Err(CannotObserve::nothing_attached(reasons).into());
        }
        programs.catch_up(&mut probes, events);
        events.extend(coverage.into_iter().map(|coverage| now(What::Coverage(coverage))));
        let records = Records::new(probes.take_ring()?)?;
        let mut kernel_log = Kmsg::open()
            .inspect_err(|error| {
                let Source { state, lost_without, .. } = preflight::kernel_log(Some(error));
                log::warn!("{lost_without}: {}", state.describe().1.unwrap_or_default());
            })
            .ok();
        // Who died in the module before may have left the device busy.
        let reports = kernel_log.as_mut().map(Kmsg::reports).unwrap_or_default();
        events.extend(reports.into_iter().map(|line| now(What::KernelLog(line))));
        let kernel_log = kernel_log.and_then(|log| wait_on(log).ok());
        probes.arm()?;
        let opened = Instant::now();
        let mut stream = Self {
            probes,
            records,
            kernel_log,
            pace: Pace::new(opened),
            facts: Facts::default(),
            programs,
            users: Users::default(),
            waiting: Waiting::default(),
            links: Links::new(),
            has_deadline,
            takes_modules: host::modules::can_be_loaded(),
            accounted: opened,
        };
        // The module may have come between the first look at it and arming.
        stream.recheck(true, events);
        for holder in host::procfs::device_holders() {
            stream.users.add(holder.pid);
            stream.probes.remember(holder.pid)?;
        }
        // Interfaces that are there already may have nobody who uses them.
        if host::modules::is_loaded() {
            stream.links.watch_own();
        }
        let calls = stream.follow_users(events.iter());
        events.extend(calls);
        events.push(now(What::Armed));
        Ok(stream)
    }

    /// The probes, to follow a command's processes.
    pub fn probes(&mut self) -> &mut Probes {
        &mut self.probes
    }

    /// Waits for something to happen, if only for time to pass, and appends it to `events`.
    ///
    /// Cancel-safe: nothing is taken before the last await.
    pub async fn batch(&mut self, events: &mut Vec<Event>) -> Result<()> {
        let woken = tokio::select! {
            ready = self.records.readable() => {
                ready?;
                Woken::Told
            }
            ready = self.programs.readable() => {
                ready.context("cannot wait for mapped files")?;
                Woken::Mapped
            }
            () = readable(self.kernel_log.as_ref()) => Woken::Told,
            () = self.links.readable() => Woken::Told,
            () = self.pace.step() => Woken::Tick,
        };
        let before = events.len();
        let was_told = matches!(woken, Woken::Told);
        match woken {
            Woken::Told => self.drain(events)?,
            Woken::Mapped => self.follow_programs(events),
            Woken::Tick => {
                self.pass_time(now(What::Tick), events)?;
                self.pace.stepped(Instant::now());
            }
        }
        let is_news = |event: &Event| !matches!(event.what, What::Tick);
        if was_told || self.must_look() || events.iter().skip(before).any(is_news) {
            self.pace.news(Instant::now());
        }
        Ok(())
    }

    /// Whether something may happen, or come to an end, of which nobody would tell.
    fn must_look(&self) -> bool {
        let misses_modules = self.takes_modules && !self.probes.is_told_of_modules();
        self.has_deadline || misses_modules || !self.waiting.is_empty()
    }

    fn pass_time(&mut self, tick: Event, events: &mut Vec<Event>) -> Result<()> {
        self.drain(events)?;
        self.recheck(true, events);
        if self.has_deadline || self.accounted.elapsed() >= ACCOUNT {
            self.accounted = Instant::now();
            self.tell_losses(events)?;
        }
        self.probes.tidy();
        // What was drained has been followed where it was.
        let calls = self.follow_users(std::iter::once(&tick));
        events.push(tick);
        self.look_at_waiting(events)?;
        events.extend(calls);
        Ok(())
    }

    /// Attaches to what processes have mapped since, and observes system calls if somebody uses KNI by it.
    fn follow_programs(&mut self, events: &mut Vec<Event>) {
        let told = events.len();
        self.programs.follow(&mut self.probes, events);
        let calls = self.follow_users(events.iter().skip(told));
        events.extend(calls);
    }

    /// Takes all that is there.
    ///
    /// Order: what processes run since (attaching to it waits for nothing but the module), what was lost, then the
    /// kernel's log and what rtnetlink tells (whatever was logged or told before a record was submitted is there by
    /// now), then the records, each behind the facts that belong to it.
    pub fn drain(&mut self, events: &mut Vec<Event>) -> Result<()> {
        let told = events.len();
        let records = self.records.take();
        // Before all else: looking at what a program has mapped takes its time.
        let (module_hooks, module_came) = self.follow_module(&records);
        self.programs.follow(&mut self.probes, events);
        let mut calls = self.follow_users(events.iter().skip(told));
        calls.extend(self.follow_users(records.iter()));
        self.links.follow(self.users.pids());
        if records.iter().any(may_conclude) {
            self.recheck(!self.probes.is_told_of_modules(), events);
            self.tell_losses(events)?;
        }
        if let Some(log) = &mut self.kernel_log {
            events.extend(log.get_mut().lines().into_iter().map(|line| now(What::KernelLog(line))));
        }
        let (gone, links) = self.links.take();
        events.extend(gone);
        for record in records {
            self.waiting.take(&record);
            self.facts.before(&record, events);
            self.programs.before(&record, &mut self.probes, events);
            events.push(record.clone());
            events.extend(facts::after(&record));
            self.links.after(&record, events);
            self.programs.after(&record, &mut self.probes, events);
        }
        events.extend(links);
        events.extend(module_hooks);
        events.extend(calls);
        if module_came {
            events.extend(module());
        }
        Ok(())
    }

    /// Looks at the threads that are long inside an attempt.
    ///
    /// What a thread passed before it was looked at is in the ring buffer by then: it is taken before the look is told.
    fn look_at_waiting(&mut self, events: &mut Vec<Event>) -> Result<()> {
        let due = self.waiting.due(host::clock::monotonic_ns());
        if due.is_empty() {
            return Ok(());
        }
        let looks = waiting::look(due);
        let received = self.records.received();
        self.drain(events)?;
        if self.records.received() - received < BATCH_MAX as u64 {
            self.tell_losses(events)?;
            events.extend(self.waiting.news(looks));
        }
        Ok(())
    }

    fn tell_losses(&mut self, events: &mut Vec<Event>) -> Result<()> {
        let counters = self.counters()?;
        events.extend(self.records.losses(&counters).map(|ledger| now(What::Ledger(ledger))));
        Ok(())
    }

    /// Ends the stream: what is still on its way, and the ledger of it all.
    ///
    /// Nothing is recorded from here on, so that what was emitted and what was received can be compared.
    pub fn close(&mut self, end: End, events: &mut Vec<Event>) -> Result<()> {
        self.probes.disarm()?;
        self.drain(events)?;
        let mut ledger = self.ledger()?;
        // A program that was running then may have submitted a record since.
        if ledger.received < ledger.emitted {
            self.drain(events)?;
            ledger = self.ledger()?;
        }
        events.push(now(What::Ledger(ledger)));
        events.push(now(What::End(end)));
        Ok(())
    }

    /// Attaches to a module that came, lets go of one that went: at once, before anything else is done.
    /// What came of that, and whether another module is there.
    fn follow_module(&mut self, records: &[Event]) -> (Vec<Event>, bool) {
        if !records.iter().any(tells_of_module) {
            return (Vec::new(), false);
        }
        let Change { since: _, went, came, is_new } = self.probes.follow_module();
        let went = went.into_iter().map(|coverage| now(What::Coverage(coverage)));
        (went.chain(came.into_iter().map(covered)).collect(), is_new)
    }

    /// Hooks may have stopped to observe without a record of it: as of when they were last known to.
    fn recheck(&mut self, with_module: bool, events: &mut Vec<Event>) {
        let Change { since, went, came, is_new } = self.probes.recheck(with_module);
        events.extend(went.into_iter().map(|coverage| covered((since, coverage))));
        events.extend(came.into_iter().map(covered));
        if is_new {
            events.extend(module());
        }
    }

    /// Observes system calls from the first moment on in which somebody is known to use KNI.
    fn follow_users<'a>(&mut self, news: impl Iterator<Item = &'a Event>) -> Vec<Event> {
        let mut changes = Vec::new();
        for event in news {
            let used = self.users.take(event, host::procfs::is_alive);
            let coverage = if used { self.probes.arm_calls() } else { self.probes.idle_calls() };
            changes.extend(coverage.into_iter().map(|coverage| now(What::Coverage(coverage))));
        }
        changes
    }

    fn ledger(&mut self) -> Result<Ledger> {
        let counters = self.counters()?;
        Ok(self.records.ledger(&counters))
    }

    fn counters(&mut self) -> Result<Counters> {
        self.probes.counters().context("cannot read the probes' counters")
    }
}

/// What is known of the module that is loaded now. Reading that takes its time.
fn module() -> Option<Event> {
    host::modules::rte_kni().map(|module| now(What::Module(module)))
}

fn covered((at, coverage): (Nanos, Coverage)) -> Event {
    Event { at, what: What::Coverage(coverage) }
}

/// Whether something may end with the record, and so be concluded from what was seen and what was not.
fn may_conclude(record: &Event) -> bool {
    match &record.what {
        What::Step(Step { hook: Hook::Exit | Hook::Exec, .. }) => true,
        What::Step(step) => matches!(step.phase, Phase::Return { .. }),
        What::Call(call) => matches!(call.phase, Phase::Return { .. }),
        _ => false,
    }
}

/// `what`, happening now.
#[must_use]
pub fn now(what: What) -> Event {
    Event { at: host::clock::monotonic_ns(), what }
}

/// Makes `source` something that can be waited for.
fn wait_on<T: AsRawFd>(source: T) -> io::Result<AsyncFd<T>> {
    // SAFETY: `T` is the ring buffer or the kernel's log; each owns its one descriptor as long as it lives.
    unsafe { AsyncFd::register_with_interest(source, Interest::READABLE) }.map_err(Into::into)
}

async fn readable(log: Option<&AsyncFd<Kmsg>>) {
    match log.map(AsyncFd::readable) {
        // An error here would come again at once: the ring buffer and the tick go on without it.
        Some(ready) => match ready.await {
            Ok(mut ready) => ready.clear_ready(),
            Err(_) => std::future::pending().await,
        },
        None => std::future::pending().await,
    }
}

/// Whether a record tells of `rte_kni` itself coming or going.
fn tells_of_module(record: &Event) -> bool {
    let What::Step(step) = &record.what else { return false };
    matches!(step.hook, Hook::ModuleLoad | Hook::ModuleFree)
        && step.text.text().is_some_and(|name| name.as_bytes() == kni::MODULE_NAME)
}
