//! One attempt, as it is told: whose, which interface, how it ended, why, and what shows that.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Boundary, Outcome};
use crate::cause::Cause;
use crate::event::{self, Holder, Nanos};
use crate::untrusted::Untrusted;

/// One try of one thread to get one interface, with its verdict.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
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
    /// Who holds the device, for `sys.device-busy`; for `sys.device-stuck`, who died with it.
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
    /// Whether this is its last word. An attempt that takes long is told as in progress meanwhile, and again
    /// when it has ended.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// What it waits for, or was seen waiting for last.
    pub waiting: Option<Waiting>,
    /// How library and module differ on the request's struct, where they do.
    pub skew: Option<Skew>,
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
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
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
#[derive(Clone, Debug, Default, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Interface {
    /// The name as the program claimed it (library argument or the request's struct).
    pub claimed: Option<Untrusted>,
    /// The name as the kernel consumed it (`alloc_netdev_mqs`).
    pub consumed: Option<Untrusted>,
    /// The name it was registered under.
    pub actual: Option<Untrusted>,
    /// Its index.
    pub ifindex: Option<u32>,
    /// Inode number of the network namespace that the request was made in; as long as it was not: of the process's.
    pub netns: Option<u64>,
    /// Inode number of the network namespace in which the device was opened, where that is another.
    pub opened_in: Option<u64>,
}

impl Interface {
    /// The name to call it by: the one nearest to the kernel's own.
    #[must_use]
    pub fn name(&self) -> Option<&Untrusted> {
        self.actual.as_ref().or(self.consumed.as_ref()).or(self.claimed.as_ref())
    }
}

/// What `rte_kni_alloc` was called with.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Arguments {
    /// The interface's name in the configuration; null: there was no configuration.
    pub name: Argument,
    /// The mbuf pool's name; null: there was no pool.
    pub pool: Argument,
    /// Whether the program works with physical or virtual addresses, if it was seen asking.
    pub iova_mode: Option<IovaMode>,
}

/// A string behind a pointer that a function was called with.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
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
#[derive(Clone, Copy, Debug, Eq, JsonSchema, PartialEq, Serialize)]
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
#[derive(Clone, Copy, Debug, Eq, JsonSchema, PartialEq, Serialize)]
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
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub struct Origin {
    /// What was called and returned.
    #[serde(flatten)]
    pub step: Step,
    /// So long before the attempt's first step; of what was never attempted: before the process's end.
    pub before_ns: u64,
}

/// A library, and what is known of its release.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
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
#[derive(Clone, Copy, Debug, Eq, JsonSchema, PartialEq, Serialize)]
pub struct ProcessEnd {
    /// Its exit status, if it was not killed.
    pub status: Option<i32>,
    /// The signal that killed it.
    pub signal: Option<i32>,
    /// Whether its memory was dumped.
    pub core_dumped: bool,
}

/// What a thread inside an attempt waits for.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Waiting {
    /// What, as far as its stack shows it.
    pub what: WaitsFor,
    /// Who has it, as far as other threads' stacks show it.
    pub holder: Option<Holder>,
    /// For how long it had been inside the attempt when it was looked at; nanoseconds.
    pub since_ns: u64,
    /// Its kernel stack then, innermost function first.
    pub stack: Vec<Untrusted>,
}

/// What a kernel stack shows a thread waiting for.
#[derive(Clone, Copy, Debug, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WaitsFor {
    /// The kernel's lock on network configuration (rtnl).
    Rtnl,
    /// kthreadd, which starts kernel threads.
    Kthreadd,
    /// The program's answer to a set-up request (`rte_kni_handle_request`).
    RequestHandler,
    /// A kernel thread that is to stop.
    ThreadStop,
    /// Something else in the kernel.
    Kernel,
    /// Nothing in the kernel: it runs, or waits, in user space.
    Program,
    /// Its stack could not be read.
    Unknown,
}

/// Library and module differ on `struct rte_kni_device_info`.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Skew {
    /// The library's layout, as its request shows it: A to D.
    pub library: Option<char>,
    /// The size of the request, in bytes.
    pub library_bytes: u32,
    /// The module's layout: A to D.
    pub module: Option<char>,
    /// The size of the module's struct, in bytes.
    pub module_bytes: Option<u32>,
    /// What shows the module's side, a phrase each.
    pub evidence: Vec<String>,
    /// Fields as the module reads them, those that can't be meant.
    pub fields: Vec<Field>,
}

/// A field of a struct.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: u64,
}

/// What was refused with what, positive errnos.
#[derive(Clone, Copy, Debug, Default, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Errnos {
    /// What the system call told the program.
    pub user: Option<i32>,
    /// What the kernel's own function had said beneath it.
    pub kernel: Option<i32>,
}

/// One observed step.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
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
    /// Of a return: how long after its entry, where that was seen.
    pub took_ns: Option<u64>,
    /// DPDK's own errno after it, where it returned NULL and that could be read.
    pub rte_errno: Option<i32>,
}

impl Step {
    /// A step as it was seen, by itself: not timed within any attempt, and with its second string.
    #[must_use]
    pub(crate) fn of(at: Nanos, step: &event::Step) -> Self {
        let (value, took_ns) = step.phase.returned(at);
        Self {
            hook: step.hook.name(),
            place: step.hook.place(),
            text: step.text.text().cloned(),
            detail: step.detail.text().cloned(),
            after_ns: 0,
            value,
            took_ns,
            rte_errno: step.rte_errno,
        }
    }
}

/// What could be seen of an attempt.
#[derive(Clone, Debug, Default, Eq, JsonSchema, PartialEq, Serialize)]
pub struct AttemptCoverage {
    /// Every hook that the verdict rests on was live throughout, and the ledger complete.
    pub complete: bool,
    /// What was not seen, and why that matters.
    pub missing: Vec<Unseen>,
}

/// Something that was not seen.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
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
#[derive(Clone, Debug, Default, Eq, JsonSchema, PartialEq, Serialize)]
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
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
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
