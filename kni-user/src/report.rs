//! What the correlation tells: verdicts and the little beside them that a reader needs.
//!
//! Sinks turn these into text or JSON Lines; nothing here is formatted or escaped. The JSON
//! forms are documented in `docs/json.md`.

use kni_ebpf::hook::Hook;
use serde::Serialize;

use crate::cause::Cause;
use crate::event::{Holder, Ledger, Nanos, Start};
use crate::untrusted::Untrusted;

/// One thing to tell, and the moment on the stream's clock at which it is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// `CLOCK_MONOTONIC`.
    pub at: Nanos,
    /// What.
    pub what: Told,
}

/// What there is to tell.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// Observing has begun.
    Start(Start),
    /// All hooks that can be had are live. Told once, with their number.
    Armed(Hooks),
    /// A hook's coverage changed after arming (the module came or went).
    Coverage(CoverageChange),
    /// An attempt has its verdict.
    Attempt(Box<Attempt>),
    /// An interface that was created is gone.
    Released(Released),
    /// Records were lost since the last such report.
    Lost(Lost),
    /// Something that the reader should know and that is no attempt's verdict.
    Diagnostic(Diagnostic),
    /// `check` has its answer, which the summary repeats: until then more may happen.
    Answer(CheckResult),
    /// The end: totals.
    Summary(Summary),
}

/// How many hooks observe.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Hooks {
    /// Hooks with at least one live attachment.
    pub live: Vec<&'static str>,
    /// Hooks that wait for their module or library.
    pub waiting: Vec<&'static str>,
    /// Hooks that are attached as soon as a process uses KNI.
    pub idle: Vec<&'static str>,
    /// Hooks that can't be had here, and why.
    pub missing: Vec<(&'static str, String)>,
}

/// The module's hooks came or went.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CoverageChange {
    /// The hooks that are live now.
    pub came: Vec<&'static str>,
    /// The hooks that observe no longer.
    pub went: Vec<&'static str>,
    /// For hooks that came after the module did: how long the module was there unobserved, nanoseconds.
    pub blind_ns: Option<u64>,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The interface is there, under the name asked for.
    Created,
    /// In another network namespace, or under another name.
    CreatedElsewhere,
    /// There, but with a layout or addresses that can't be meant.
    CreatedDoomed,
    /// Refused, at a boundary.
    Stopped,
    /// The thread died inside.
    Died,
    /// Still inside.
    InProgress,
    /// The program never got there.
    NotAttempted,
    /// What was seen doesn't decide it.
    Inconclusive,
}

/// Where an attempt stopped.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Boundary {
    /// In `librte_kni`, before any system call for it.
    Library,
    /// At the system call: no device, wrong device, bad descriptor.
    Syscall,
    /// In `rte_kni.ko`.
    Module,
    /// In the kernel's network core.
    Network,
}

/// One try of one thread to get one interface, with its verdict.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Attempt {
    /// Whose.
    pub process: Process,
    /// Which interface.
    pub interface: Interface,
    /// How it ended.
    pub outcome: Outcome,
    /// Where it stopped; for `inconclusive` none.
    pub boundary: Option<Boundary>,
    /// Why; none where the boundary is known and the reason isn't, or for `created`.
    pub cause: Option<Cause>,
    /// The errnos, positive.
    pub errno: Errnos,
    /// What the cause is about: the memzone's name, the descriptor's target.
    pub subject: Option<Untrusted>,
    /// Who holds the device, for `sys.device-busy`.
    pub holder: Option<Holder>,
    /// Whether a CREATE request was issued, as far as coverage lets one say.
    pub issued: Option<bool>,
    /// What `rte_kni_alloc` was called with.
    pub arguments: Option<Arguments>,
    /// Which check of the library refused, where the order of its release's checks is known.
    pub check: Option<Check>,
    /// What went wrong before the attempt, and so made it impossible: the first cause.
    pub origin: Option<Origin>,
    /// Which library it went through, as far as that is known.
    pub library: Option<Library>,
    /// How the process ended, where its end was the attempt's.
    pub end: Option<ProcessEnd>,
    /// What was observed, in order; of what was never attempted, how far the process came.
    pub steps: Vec<Step>,
    /// The module's lines in the kernel's log that belong to it.
    pub log: Vec<Untrusted>,
    /// What could be seen.
    pub coverage: AttemptCoverage,
    /// Whether the same happened before: a restart loop.
    pub repeat: Option<Repeat>,
    /// Wall-clock time of its first step, nanoseconds since 1970 (UTC).
    pub started: i64,
    /// From its first step to its last.
    pub duration_ns: u64,
}

/// Whose attempt it is.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Process {
    /// Process id in the initial PID namespace.
    pub pid: u32,
    /// Thread id in the initial PID namespace.
    pub tid: u32,
    /// Process id in its own PID namespace, where that is another.
    pub ns_pid: Option<u32>,
    /// Name.
    pub comm: Untrusted,
    /// Executable.
    pub exe: Option<Untrusted>,
    /// Started, nanoseconds after boot.
    pub start_ns: Option<u64>,
    /// Inode number of its mount namespace.
    pub mntns: Option<u64>,
}

/// The interface of an attempt.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Interface {
    /// The name as the program claimed it (library argument or the request's struct).
    pub claimed: Option<Untrusted>,
    /// The name as the kernel consumed it (`alloc_netdev_mqs`).
    pub consumed: Option<Untrusted>,
    /// The name it was registered under.
    pub actual: Option<Untrusted>,
    /// Its index.
    pub ifindex: Option<u32>,
    /// Inode number of the network namespace of the process.
    pub netns: Option<u64>,
}

impl Interface {
    /// The name to call it by: the one nearest to the kernel's own.
    #[must_use]
    pub fn name(&self) -> Option<&Untrusted> {
        self.actual.as_ref().or(self.consumed.as_ref()).or(self.claimed.as_ref())
    }
}

/// What `rte_kni_alloc` was called with.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Arguments {
    /// The interface's name in the configuration; null: there was no configuration.
    pub name: Argument,
    /// The mbuf pool's name; null: there was no pool.
    pub pool: Argument,
    /// Whether the program works with physical or virtual addresses, if it was seen asking.
    pub iova_mode: Option<IovaMode>,
}

/// A string behind a pointer that a function was called with.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Argument {
    /// The pointer was NULL.
    Null,
    /// It was read.
    Text {
        /// The string.
        text: Untrusted,
    },
    /// The memory could not be read.
    Unreadable {
        /// The (positive) errno.
        errno: i32,
    },
}

/// `enum rte_iova_mode` (`lib/eal/include/rte_eal.h`).
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum IovaMode {
    /// Not decided yet (`RTE_IOVA_DC`).
    Undecided,
    /// Physical addresses (`RTE_IOVA_PA`).
    Physical,
    /// Virtual addresses (`RTE_IOVA_VA`).
    Virtual,
}

/// One of the checks that a function of the library makes, in their order.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Check {
    /// The function: `rte_kni_alloc` or `rte_kni_init`.
    pub function: &'static str,
    /// The releases that check in this order.
    pub releases: &'static str,
    /// What is checked, in words.
    pub what: &'static str,
    /// The how-manieth check it is, from 1.
    pub number: u8,
    /// How many there are.
    pub of: u8,
    /// Of a check that is made several times: the how-manieth time, and of how many.
    pub time: Option<(u8, u8)>,
}

/// A step before the attempt that made it impossible.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Origin {
    /// What was called and returned.
    #[serde(flatten)]
    pub step: Step,
    /// So long before the attempt's first step; of what was never attempted: before the process's end.
    pub before_ns: u64,
}

/// A library, and what is known of its release.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Library {
    /// The shared library, or the executable that has it inside; none: not known.
    pub object: Option<Untrusted>,
    /// Whether it is inside an executable.
    pub is_static: Option<bool>,
    /// The releases that it may be of, such as `19.11 to 23.07`.
    pub releases: Option<String>,
    /// The layout of `struct rte_kni_device_info`: A, B, C or D (docs/vocabulary.md).
    pub layout: Option<char>,
    /// What shows that, a phrase each.
    pub evidence: Vec<String>,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct ProcessEnd {
    /// Its exit status, if it was not killed.
    pub status: Option<i32>,
    /// The signal that killed it.
    pub signal: Option<i32>,
    /// Whether its memory was dumped.
    pub core_dumped: bool,
}

/// What was refused with what, positive errnos.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Errnos {
    /// What the system call told the program.
    pub user: Option<i32>,
    /// What the kernel's own function had said beneath it.
    pub kernel: Option<i32>,
}

/// One observed step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// The hook's name.
    pub hook: &'static str,
    /// The function or tracepoint.
    pub place: &'static str,
    /// Its string argument, if it has one that could be read.
    pub text: Option<Untrusted>,
    /// A second one: the mbuf pool's name at `rte_kni_alloc`, the function that panicked at `__rte_panic`.
    pub detail: Option<Untrusted>,
    /// After the attempt's first step.
    pub after_ns: u64,
    /// What it returned; none: it was entered.
    pub value: Option<i64>,
    /// DPDK's own errno after it, where it returned NULL and that could be read.
    pub rte_errno: Option<i32>,
}

/// What could be seen of an attempt.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct AttemptCoverage {
    /// Every hook that the verdict rests on was live throughout, and the ledger complete.
    pub complete: bool,
    /// What was not seen, and why that matters.
    pub missing: Vec<Unseen>,
}

/// Something that was not seen.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Unseen {
    /// A hook that was not live.
    Hook {
        /// Its name.
        hook: &'static str,
        /// Why: never attachable, left out, gone with the module; or `None`: live only later.
        reason: Option<String>,
        /// Live only so long after the attempt's first step.
        armed_after_ns: Option<u64>,
    },
    /// Records were lost during the attempt.
    Records {
        /// How many.
        lost: u64,
    },
    /// A return was seen and its entry wasn't.
    Entry {
        /// The hook's name.
        hook: &'static str,
    },
}

/// The same attempt again, from a program that is restarted: same interface, same verdict.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Repeat {
    /// The how-manieth time: 2 or more. Each process counts once.
    pub count: u64,
    /// The process id of the time before.
    pub previous_pid: u32,
    /// How long the process before lived, if its start and end were seen; nanoseconds.
    pub lived_ns: Option<u64>,
    /// How long the one lived that lived shortest, of those before.
    pub shortest_ns: Option<u64>,
    /// How long the one lived that lived longest, of those before.
    pub longest_ns: Option<u64>,
    /// Since the first of them.
    pub over_ns: u64,
    /// Who restarts it: the parent, if it is the same.
    pub parent: Option<Holder>,
    /// So soon after one that was shown that a reader needs no line of its own for it: the next that is
    /// shown has its number, and the summary has the loop.
    #[serde(skip)]
    pub quiet: bool,
}

/// A program that ended the same in several processes.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Loop {
    /// The program's name.
    pub program: Untrusted,
    /// The interface.
    pub interface: Option<Untrusted>,
    /// How it ended each time.
    pub outcome: Outcome,
    /// Where.
    pub boundary: Option<Boundary>,
    /// Why.
    pub cause: Option<Cause>,
    /// How often: 2 or more. Each process counts once.
    pub count: u64,
    /// From the first of them to the last.
    pub over_ns: u64,
    /// How long the process lived that lived shortest, as far as starts and ends were seen.
    pub shortest_ns: Option<u64>,
    /// How long the one lived that lived longest.
    pub longest_ns: Option<u64>,
    /// Who restarts it: the parent, if it was the same the last two times.
    pub parent: Option<Holder>,
}

/// A created interface is gone.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Released {
    /// Its name.
    pub name: Untrusted,
    /// Its index.
    pub ifindex: Option<u32>,
    /// The process.
    pub pid: u32,
    /// Its name.
    pub comm: Untrusted,
    /// How.
    pub how: ReleasedHow,
    /// How long the interface lived.
    pub lived_ns: u64,
}

/// How an interface went.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReleasedHow {
    /// By a RELEASE request.
    Request,
    /// By closing `/dev/kni`, or by the end of the process.
    Close,
}

/// Loss.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Lost {
    /// Records since the last such report.
    pub count: u64,
    /// Records in all.
    pub total: u64,
}

/// Something the reader should know.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Diagnostic {
    /// `check -- CMD`: the command ended.
    CommandEnded {
        /// Its exit status.
        status: Option<i32>,
        /// The signal that killed it.
        signal: Option<i32>,
    },
}

/// The end.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Attempts by outcome and, for stopped ones, by boundary.
    pub attempts: Tally,
    /// The account.
    pub ledger: Ledger,
    /// Whether nothing was lost, missed or displaced.
    pub complete: bool,
    /// Restart loops, those with the most rounds first.
    pub loops: Vec<Loop>,
    /// `check`: the answer.
    pub check: Option<CheckResult>,
}

/// Attempts counted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names are the outcomes' and boundaries'")]
pub struct Tally {
    pub created: u64,
    pub created_elsewhere: u64,
    pub created_doomed: u64,
    pub stopped_library: u64,
    pub stopped_syscall: u64,
    pub stopped_module: u64,
    pub stopped_network: u64,
    pub died: u64,
    pub in_progress: u64,
    pub not_attempted: u64,
    pub inconclusive: u64,
}

/// `check`'s answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CheckResult {
    /// One for each expected interface, or for the one attempted.
    pub interfaces: Vec<Checked>,
    /// The exit status (docs/exit-status.md).
    pub exit_status: u8,
}

/// One expected interface.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Checked {
    /// Its name; none: nothing was expected by name and none was attempted by name.
    pub name: Option<Untrusted>,
    /// How its last attempt ended, or not attempted.
    pub outcome: Outcome,
    /// Where.
    pub boundary: Option<Boundary>,
    /// Why.
    pub cause: Option<Cause>,
    /// Created, and released again before the answer was due.
    pub gone_again: bool,
    /// The attempt that decided it.
    pub attempt: Option<Box<Attempt>>,
}

/// The name of `hook`, for the lists above.
#[must_use]
pub fn names(hooks: impl IntoIterator<Item = Hook>) -> Vec<&'static str> {
    hooks.into_iter().map(Hook::name).collect()
}
