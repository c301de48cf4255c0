//! The one stream of typed events that feeds everything: live lines, `check`, recordings, replay.
//!
//! Whatever a verdict or a line of output depends on is an event: what the probes saw, what was
//! read from `/proc` beside it, which hooks were live, what was lost, and time itself. The
//! correlation therefore needs nothing but the stream, and replaying it prints the same again.

mod facts;
mod hook_name;

use kni_ebpf::hook::Hook;
use kni_ebpf::record::{EXIT_WHOLE, EXIT_WHOLE_KNOWN};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::expectation::Expectation;
use crate::untrusted::Untrusted;

pub use facts::{
    Blocked, Holder, Interface, KernelLog, Link, LinkState, Mapped, Moved, Object, Process, Stack,
};

/// `CLOCK_MONOTONIC`, in nanoseconds.
pub type Nanos = u64;

/// One event and when it happened (for facts read by user space: when they were read).
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Event {
    /// When.
    pub at: Nanos,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum What {
    /// First in every stream.
    Start(Start),
    /// An attachment came or went, or cannot be had.
    Coverage(Coverage),
    /// All hooks that can be had are attached; from here on records flow.
    Armed,
    /// A function was entered or left, a tracepoint passed.
    Step(Step),
    /// A KNI-shaped `ioctl` entered or left.
    Call(Call),
    /// What `/proc` said of a process, read when its first record arrived.
    Process(Process),
    /// A library or executable that has functions of DPDK was looked at.
    Object(Object),
    /// A process has mapped such an object.
    Mapped(Mapped),
    /// A process has `/dev/kni` open, as `/proc` showed it when an open was refused.
    Holder(Holder),
    /// A network interface as the system showed it when it had been registered.
    Interface(Interface),
    /// A network interface came, changed or went, as rtnetlink tells.
    Link(Link),
    /// The module as it is loaded now: told when it came while it was observed.
    Module(Module),
    /// A thread has been inside an attempt for long, and what the kernel shows of it.
    Blocked(Blocked),
    /// A line of the kernel's log.
    KernelLog(KernelLog),
    /// The ledger's totals, whenever a loss has grown and once at the end.
    Ledger(Ledger),
    /// `check -- CMD`: the command was started.
    CommandStarted {
        /// Its process id.
        pid: u32,
    },
    /// `check -- CMD`: the command has ended.
    CommandEnded {
        /// Its process id.
        pid: u32,
        /// Its exit status, if it was not killed.
        status: Option<i32>,
        /// The signal that killed it.
        signal: Option<i32>,
    },
    /// Time passes: deadlines are decided by these alone.
    Tick,
    /// Last in every stream.
    End(End),
}

/// What the stream was recorded by, where, and for which question.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Start {
    /// kniwatch's version.
    pub version: String,
    /// The machine's name.
    pub host: Untrusted,
    /// `uname -r`.
    pub kernel: Untrusted,
    /// Wall-clock time at this event, nanoseconds since 1970 (UTC).
    pub unix_ns: i64,
    /// `CLOCK_BOOTTIME` at this event, nanoseconds: it also counts suspended time, and processes'
    /// start times are in it.
    pub boot_ns: Nanos,
    /// The local time zone's distance from UTC, in seconds.
    pub utc_offset_s: i32,
    /// CPUs online, as the kernel lists them (`0-1`).
    pub cpus_online: Untrusted,
    /// The module, if it is loaded.
    pub module: Option<Module>,
    /// Where physical memory ends (one past the highest byte of System RAM), if that could be read.
    #[serde(default)]
    pub memory_end: Option<u64>,
    /// Inode number of kniwatch's own network namespace, if it could be read.
    #[serde(default)]
    pub netns: Option<u64>,
    /// What was asked.
    pub question: Question,
}

/// The loaded `rte_kni`, from `/sys/module/rte_kni`.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Module {
    /// `version`, where the module declares one.
    pub version: Option<Untrusted>,
    /// Parameters that are set, in the order of their names.
    pub parameters: Vec<(Untrusted, Untrusted)>,
    /// Its `struct rte_kni_device_info`, as far as the module itself shows it.
    #[serde(default)]
    pub info: Option<DeviceInfo>,
}

/// How the module lays out `struct rte_kni_device_info`.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct DeviceInfo {
    /// Its size in bytes.
    pub size: u32,
    /// Bytes of the name at its start, where that is known: 16 in layout D, 32 in the others.
    pub name_bytes: Option<u32>,
    /// What shows that, in words: `its type information (BTF)`, `its code`.
    pub source: String,
}

/// What the user asked for.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum Question {
    /// Tell of every attempt until interrupted.
    #[default]
    Watch,
    /// Did these come into being?
    Check {
        /// The interfaces expected; none: whatever is attempted first.
        expect: Vec<Untrusted>,
        /// What has to become of them.
        #[serde(default)]
        expect_outcome: Expectation,
        /// How long after arming to wait, in nanoseconds.
        within_ns: u64,
        /// Whether a command is run, so that only its processes count.
        runs_command: bool,
    },
}

/// The state of one attachment of a hook.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Coverage {
    /// The hook.
    #[serde(with = "hook_name")]
    pub hook: Hook,
    /// The symbol or tracepoint that was chosen or looked for.
    pub via: Untrusted,
    /// The library or executable, for the library's hooks.
    pub object: Option<Untrusted>,
    /// Since this event.
    pub state: HookState,
}

/// Whether a hook observes.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum HookState {
    /// Entry and return are observed from here on.
    Live,
    /// It observes no longer (the module went).
    Gone,
    /// It can't be attached yet; it may come (the module or library isn't there).
    Waiting,
    /// It could be attached, and is not as long as no process uses KNI.
    Idle,
    /// It can't be attached on this machine, or was left out by request.
    Missing {
        /// Why, in words.
        reason: String,
    },
}

impl HookState {
    /// The state's name, and why it is so where that needs a reason.
    #[must_use]
    pub fn describe(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::Live => ("live", None),
            Self::Gone => ("gone", None),
            Self::Waiting => ("waiting", None),
            Self::Idle => ("idle", None),
            Self::Missing { reason } => ("missing", Some(reason)),
        }
    }
}

/// Who did something.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Task {
    /// Process id (tgid) in the initial PID namespace.
    pub pid: u32,
    /// Thread id in the initial PID namespace.
    pub tid: u32,
    /// The task's name at that moment.
    pub comm: Untrusted,
}

/// An entry or a return.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "phase", rename_all = "kebab-case")]
pub enum Phase {
    /// Entered (or a tracepoint passed).
    Enter,
    /// Returned.
    Return {
        /// What it returned, sign-extended.
        value: i64,
        /// When the matching entry was; `None`: the entry was not seen.
        entered: Option<Nanos>,
    },
}

impl Phase {
    /// Of a return at `at`: what was returned and, where the entry was seen, how long after it.
    #[must_use]
    pub fn returned(self, at: Nanos) -> (Option<i64>, Option<Nanos>) {
        match self {
            Self::Enter => (None, None),
            Self::Return { value, entered } => {
                (Some(value), entered.map(|entered| at.saturating_sub(entered)))
            }
        }
    }
}

/// What could be read from another's memory.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Read {
    /// The bytes, without the NUL.
    Bytes(Untrusted),
    /// The memory could not be read: a negative errno.
    Failed(i32),
}

impl Default for Read {
    fn default() -> Self {
        Self::Bytes(Untrusted::default())
    }
}

impl Read {
    /// Whether nothing was to be read, or an empty string was.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        matches!(self, Self::Bytes(bytes) if bytes.is_empty())
    }

    /// The bytes, if they could be read.
    #[must_use]
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes.as_bytes()),
            Self::Failed(_) => None,
        }
    }

    /// The bytes, if they could be read and there are any.
    #[must_use]
    pub fn text(&self) -> Option<&Untrusted> {
        match self {
            Self::Bytes(bytes) if !bytes.is_empty() => Some(bytes),
            Self::Bytes(_) | Self::Failed(_) => None,
        }
    }
}

/// A decoded [`kni_ebpf::record::Step`]; the table there says what `args` and `text` are.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Step {
    /// Where.
    #[serde(with = "hook_name")]
    pub hook: Hook,
    /// Who.
    pub task: Task,
    /// Entered or returned.
    #[serde(flatten)]
    pub phase: Phase,
    /// When the thread's attempt began (its outermost entry in flight); `None`: in none.
    pub attempt: Option<Nanos>,
    /// Arguments.
    pub args: [u64; 3],
    /// The string argument.
    pub text: Read,
    /// The second string argument.
    #[serde(default, skip_serializing_if = "Read::is_nothing")]
    pub detail: Read,
    /// `rte_errno` as the function left it, where it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rte_errno: Option<i32>,
}

impl Step {
    /// Whether an `Exit` step is the end of the whole process: where the kernel tells of that, with its last
    /// thread, and else with its first.
    #[must_use]
    pub fn ends_process(&self) -> bool {
        let [_, told, _] = self.args;
        let is_first = self.task.tid == self.task.pid;
        self.hook == Hook::Exit
            && if told & EXIT_WHOLE_KNOWN == 0 { is_first } else { told & EXIT_WHOLE != 0 }
    }
}

/// A decoded [`kni_ebpf::record::Call`].
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Call {
    /// Who.
    pub task: Task,
    /// Entered or returned.
    #[serde(flatten)]
    pub phase: Phase,
    /// When the thread's attempt began; `None`: in none (a TEST or RELEASE request).
    pub attempt: Option<Nanos>,
    /// The file descriptor.
    pub fd: i32,
    /// The request.
    pub cmd: u32,
    /// The user's struct, as claimed at the entry; empty at a return.
    pub info: Read,
}

/// Totals since arming. Complete: nothing lost, missed, displaced or dropped, and
/// everything that was emitted has been received.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Ledger {
    /// Records submitted by the probes.
    pub emitted: u64,
    /// Runs that had nothing to say (including entries kept for their return).
    pub filtered: u64,
    /// Records that the ring buffer refused.
    pub lost: u64,
    /// Runs that the kernel skipped (recursion, missed return probes), as far as it counts them.
    pub missed: u64,
    /// Entries that found the in-flight table full.
    pub displaced: u64,
    /// Returns whose entry was not seen.
    pub unpaired: u64,
    /// Records received by user space.
    pub received: u64,
    /// Records received but not decoded (unknown kind, wrong length).
    pub undecoded: u64,
}

/// Why the stream ends.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum End {
    /// Ctrl-C or a termination signal.
    Interrupted,
    /// `--for`, `--stop-after`, or `check` has its answer or its deadline.
    Done,
}
