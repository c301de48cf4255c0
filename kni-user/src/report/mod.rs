//! What the correlation tells: verdicts and the little beside them that a reader needs.
//!
//! Sinks turn these into text or JSON Lines; nothing here is formatted or escaped. The JSON
//! forms are documented in `docs/json.md`.

mod attempt;
mod returned;

use kni_ebpf::hook::Hook;
use schemars::JsonSchema;
use serde::Serialize;

use crate::cause::Cause;
use crate::event::{Holder, Ledger, Nanos, Start};
use crate::expectation::Expectation;
use crate::untrusted::Untrusted;

pub use attempt::{
    Argument, Arguments, Attempt, AttemptCoverage, Check, Errnos, Field, Interface, IovaMode, Library, Loop,
    Origin, Process, ProcessEnd, Repeat, Skew, Step, Unseen, Waiting, WaitsFor,
};
pub use returned::{Failure, Returned, errno_of};

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
    /// Something else became of an interface that was created.
    Changed(Changed),
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
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
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
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub struct CoverageChange {
    /// The hooks that are live now.
    pub came: Vec<&'static str>,
    /// The hooks that observe no longer.
    pub went: Vec<&'static str>,
    /// For hooks that came after the module did: how long the module was there while its dispatcher or its handler
    /// was not observed, nanoseconds.
    pub blind_ns: Option<u64>,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, Eq, JsonSchema, PartialEq, Serialize)]
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
#[derive(Clone, Copy, Debug, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
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

/// A created interface is gone.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub struct Released {
    /// Its name.
    pub name: Untrusted,
    /// Its index.
    pub ifindex: Option<u32>,
    /// The process that owned it, or where that is not known, the one that released it.
    pub pid: u32,
    /// Its name.
    pub comm: Untrusted,
    /// How.
    pub how: ReleasedHow,
    /// How long the interface lived; none: its creation was not seen.
    pub lived_ns: Option<u64>,
    /// How long the release took, where it was seen beginning and ending.
    pub took_ns: Option<u64>,
}

/// How an interface went.
#[derive(Clone, Copy, Debug, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReleasedHow {
    /// By a RELEASE request.
    Request,
    /// By closing `/dev/kni`.
    Close,
    /// By the end of the process, which closes what it has open.
    Death,
    /// It is gone, and what released it was not seen.
    Unseen,
}

/// What became of an interface that lives.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub struct Changed {
    /// The name by which it was known before.
    pub name: Untrusted,
    /// Its index.
    pub ifindex: Option<u32>,
    /// Inode number of its network namespace.
    pub netns: Option<u64>,
    /// The process that owns it, if that is known.
    pub owner: Option<Holder>,
    /// What.
    #[serde(flatten)]
    pub what: Change,
}

/// What can become of an interface that lives.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Change {
    /// It has another name.
    Renamed {
        /// The new one.
        to: Untrusted,
    },
    /// It is in another network namespace.
    Moved {
        /// Which, if that is known.
        to_netns: Option<u64>,
    },
    /// It was set up.
    Up {
        /// Whether it has a carrier; without, nothing is sent or received.
        carrier: bool,
    },
    /// It was set down.
    Down,
    /// Its carrier came or went while it was up.
    Carrier {
        /// Whether it is there.
        on: bool,
    },
    /// The program was asked to set something up, and that failed or took long.
    SetUpRequest {
        /// What was asked for: `set up`, `change the MTU`, ...
        request: &'static str,
        /// What came of it: none: it was granted; else the (positive) errno, ETIME where nobody answered.
        errno: Option<i32>,
        /// How long it took, with the kernel's lock on all network configuration held.
        took_ns: u64,
        /// Who asked.
        by: Holder,
    },
    /// The program asked for its release, and it stays.
    ReleaseRefused {
        /// What the RELEASE request was refused with (positive); none: the library refused, and asked nobody.
        errno: Option<i32>,
        /// How long that took.
        took_ns: Option<u64>,
    },
    /// The module was removed, and the interface stayed behind.
    ModuleRemoved,
}

/// Loss.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Lost {
    /// Records since the last such report.
    pub count: u64,
    /// Records in all.
    pub total: u64,
}

/// Something the reader should know.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Diagnostic {
    /// `check -- CMD`: the command ended.
    CommandEnded {
        /// Its exit status.
        status: Option<i32>,
        /// The signal that killed it.
        signal: Option<i32>,
    },
    /// A thread died in a function of the module's, outside of any attempt: the kernel's log has its report of that.
    DiedInModule {
        /// The thread, by its id in the initial PID namespace: a program's, or the module's own kernel thread.
        thread: Holder,
        /// The module's function, the outermost on its stack: `kni_release`.
        function: Untrusted,
        /// The function that it died in, if the report names it.
        at: Option<Untrusted>,
        /// It was giving back `/dev/kni`, which stays busy until the machine is restarted.
        device_stuck: bool,
        /// The interfaces that it leaves behind, as far as they are known.
        interfaces: Vec<Untrusted>,
        /// The lines of the kernel's report that matter.
        log: Vec<Untrusted>,
    },
}

/// The end.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
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
#[derive(Clone, Copy, Debug, Default, Eq, JsonSchema, PartialEq, Serialize)]
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
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub struct CheckResult {
    /// One for each expected interface, or for the one attempted.
    pub interfaces: Vec<Checked>,
    /// What had to become of each.
    pub expected: Expectation,
    /// The exit status (docs/exit-status.md).
    pub exit_status: u8,
}

/// One expected interface.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
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
    /// It is what was expected.
    pub as_expected: bool,
    /// The attempt that decided it.
    pub attempt: Option<Box<Attempt>>,
}

/// The name of `hook`, for the lists above.
#[must_use]
pub fn names(hooks: impl IntoIterator<Item = Hook>) -> Vec<&'static str> {
    hooks.into_iter().map(Hook::name).collect()
}
