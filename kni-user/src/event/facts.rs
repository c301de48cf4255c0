//! What the machine says beside the records: processes, the files they run, interfaces, blocked threads, the kernel's
//! log.

use kni_ebpf::hook::Hook;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::untrusted::Untrusted;

/// A process as `/proc/PID` shows it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Process {
    /// Process id in the initial PID namespace.
    pub pid: u32,
    /// Process ids from the initial to its own PID namespace (`NSpid`).
    pub ns_pids: Vec<u32>,
    /// When it was started: nanoseconds after boot.
    pub start_ns: u64,
    /// `/proc/PID/exe`, if it could be read.
    pub exe: Option<Untrusted>,
    /// Its parent.
    pub parent: u32,
    /// The parent's name, if it could be read.
    pub parent_comm: Option<Untrusted>,
    /// Inode number of its network namespace, if it could be read.
    pub netns: Option<u64>,
    /// Inode number of its mount namespace, if it could be read.
    #[serde(default)]
    pub mntns: Option<u64>,
}

/// A library or executable that has functions of DPDK, as its file shows it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Object {
    /// Where it is, as kniwatch reaches it: the name by which [`Coverage`] and [`Mapped`] call it.
    pub path: Untrusted,
    /// `DT_SONAME`, of a shared library.
    pub soname: Option<Untrusted>,
    /// Which of the functions that hooks want, or that tell releases apart, it defines; sorted.
    pub symbols: Vec<String>,
    /// Versions of its dynamic symbols, such as `DPDK_23`; sorted.
    pub versions: Vec<String>,
    /// The file that its names came from, where it is stripped itself and its debug file is installed.
    pub debug_file: Option<Untrusted>,
}

impl Object {
    /// Whether it defines `rte_kni_alloc`: it is librte_kni, or has it inside.
    #[must_use]
    pub fn has_library(&self) -> bool {
        self.symbols.iter().any(|symbol| symbol == Hook::LibraryAlloc.place())
    }
}

/// A process runs code of an object.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Mapped {
    /// The process.
    pub pid: u32,
    /// The object's path, as in [`Object::path`].
    pub object: Untrusted,
}

/// A process that has `/dev/kni` open.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// Its name.
    pub comm: Untrusted,
}

/// A network interface.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Interface {
    /// The process in whose network namespace it was looked for.
    pub pid: u32,
    /// Its name.
    pub name: Untrusted,
    /// Its index.
    pub ifindex: u32,
    /// Its MTU, if it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
}

/// A network interface of KNI's, in one of the network namespaces that are observed: where it is from, it was there
/// already, or something about it changed.
///
/// When a record tells that the module has removed an interface, it has been told before that it is gone; when it is
/// told to be up or down, the record of who asked for that has been, where there is one.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Link {
    /// Inode number of the network namespace.
    pub netns: u64,
    /// Its index there.
    pub ifindex: u32,
    /// Its name now.
    pub name: Untrusted,
    /// Its MTU.
    pub mtu: Option<u32>,
    /// How it is; none: it is gone from this namespace.
    pub state: Option<LinkState>,
    /// Of one that is gone from this namespace: where it is instead; none: nowhere, it exists no longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved: Option<Moved>,
    /// Of one that was there when it was looked: the process that has `/dev/kni` open in its namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Holder>,
}

/// Where an interface went.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Moved {
    /// Inode number of the network namespace, if it could be found.
    pub netns: Option<u64>,
    /// Its index there.
    pub ifindex: Option<u32>,
}

/// How an interface is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct LinkState {
    /// It is set up (`IFF_UP`).
    pub up: bool,
    /// It has a carrier (`IFLA_CARRIER`).
    pub carrier: bool,
}

/// A thread that has been inside an attempt for long.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Blocked {
    /// Process id in the initial PID namespace.
    pub pid: u32,
    /// Thread id in the initial PID namespace.
    pub tid: u32,
    /// The state letter of `/proc/PID/task/TID/stat`; `X`: there is no such thread any more.
    pub state: char,
    /// The functions of its kernel stack, innermost first, as `/proc/PID/task/TID/stack` names them, without offsets
    /// and modules; where that may not be read, the one that it sleeps in (`wchan`). Empty: it runs, and shows none.
    /// `None`: nothing could be read.
    pub stack: Option<Vec<Untrusted>>,
    /// Other threads whose kernel stacks show that they are in the network core, at most a few: who of them holds
    /// what this one waits for is for the reader to conclude.
    pub others: Vec<Stack>,
}

/// A thread's kernel stack.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Stack {
    /// Process id in the initial PID namespace.
    pub pid: u32,
    /// Thread id in the initial PID namespace.
    pub tid: u32,
    /// Its name.
    pub comm: Untrusted,
    /// The functions, innermost first, as in [`Blocked::stack`].
    pub functions: Vec<Untrusted>,
}

/// One line of `/dev/kmsg`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct KernelLog {
    /// The kernel's sequence number of the line.
    pub sequence: u64,
    /// The kernel's own time of the line, nanoseconds after boot (its log clock, which may be
    /// milliseconds away from `CLOCK_MONOTONIC`).
    pub logged_ns: u64,
    /// 0 (emergency) to 7 (debug).
    pub level: u8,
    /// The text.
    pub text: Untrusted,
}
