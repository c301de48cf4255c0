//! What was read of the machine.

use crate::event::{DeviceInfo, Holder};
use crate::report::Library;
use crate::untrusted::Untrusted;

/// Why something could not be read, a phrase.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unknown(pub String);

/// What was read, or why it could not be.
pub type Fact<T> = Result<T, Unknown>;

/// All that is looked at.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Facts {
    /// The capabilities that kniwatch uses, for this process.
    pub privileges: Vec<Privilege>,
    /// Whether they count for the kernel: not those of root in a user namespace.
    pub initial_namespace: bool,
    /// Whether this process has `CAP_SYS_ADMIN`.
    pub is_admin: bool,
    /// KiB of memory that eBPF's maps may take, where they count as locked memory; none: as much as they need.
    pub locked_memory_kib: Option<u64>,
    /// `uname -r`.
    pub kernel: Untrusted,
    /// The mode of `/sys/kernel/security/lockdown`; none: this kernel knows none.
    pub lockdown: Fact<Option<Untrusted>>,
    /// Tracepoints.
    pub tracefs: Tracefs,
    /// Probes of the kernel's functions.
    pub kprobes: Kprobes,
    /// Whether there are probes of programs' functions.
    pub uprobes: bool,
    /// `kernel.perf_event_paranoid`.
    pub perf_paranoid: Fact<i32>,
    /// `kernel.kptr_restrict`.
    pub kptr_restrict: Fact<i32>,
    /// `kernel.unprivileged_bpf_disabled`.
    pub unprivileged_bpf: Fact<i32>,
    /// Whether `/dev/kmsg` may be read.
    pub kernel_log: Fact<()>,
    /// Whether this kernel can load modules.
    pub takes_modules: bool,
    /// The files of `rte_kni` beneath `/lib/modules`.
    pub files: Fact<Vec<ModuleFile>>,
    /// Whether the kernel refuses modules without a signature, by `module.sig_enforce`.
    pub signed_only: Fact<bool>,
    /// The module that is loaded.
    pub module: Option<Loaded>,
    /// `/dev/kni`, and what `/proc/misc` says of it.
    pub device: Device,
    /// Who has it open, and whether they are in this process's network namespace.
    pub holders: Vec<(Holder, Option<bool>)>,
    /// Of how many processes the open files could not be seen.
    pub holders_hidden: usize,
    /// The pools of huge pages.
    pub hugepages: Fact<Vec<Pool>>,
    /// Where `hugetlbfs` is mounted.
    pub hugetlbfs: Fact<Vec<Untrusted>>,
    /// How many groups of devices the IOMMU keeps apart.
    pub iommu_groups: Fact<usize>,
    /// What has `librte_kni`: installed libraries, and files of which processes run code.
    pub libraries: Vec<LibraryFile>,
    /// Installed libraries of DPDK with no `librte_kni` beside them.
    pub without_kni: Vec<Untrusted>,
    /// Of how many processes it could not be seen which code they run.
    pub mappings_hidden: usize,
    /// `console_loglevel`, the first number in `/proc/sys/kernel/printk`.
    pub console_loglevel: Fact<u32>,
    /// Whether the console shows everything whatever that is (`ignore_loglevel`).
    pub ignores_loglevel: bool,
}

impl Facts {
    /// The kernel's version, if its release begins with one.
    #[must_use]
    pub fn version(&self) -> Option<(u32, u32)> {
        let release = std::str::from_utf8(self.kernel.as_bytes()).ok()?;
        let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse().ok());
        Some((numbers.next()??, numbers.next()??))
    }
}

/// A capability.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Privilege {
    /// `CAP_BPF`.
    pub name: &'static str,
    /// Whether this process has it.
    pub held: bool,
    /// What is lost without it; none: everything.
    pub lost: Option<&'static str>,
}

/// Where the kernel describes its tracepoints.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Tracefs {
    /// There.
    At(Untrusted),
    /// Not mounted.
    Unmounted,
    /// Mounted perhaps, and not for this process to read.
    Unreadable,
    /// The kernel has none.
    Absent,
}

/// Probes of the kernel's functions.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Kprobes {
    /// The kernel has none.
    Absent,
    /// It has, and they are switched on, or not (`/sys/kernel/debug/kprobes/enabled`).
    Enabled(Fact<bool>),
}

/// A file of `rte_kni`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ModuleFile {
    /// Where it is.
    pub path: Untrusted,
    /// The kernel in whose directory it is.
    pub directory: Untrusted,
    /// Whether `modprobe` knows it (`modules.dep`).
    pub listed: bool,
    /// Whether it could be looked into; a compressed one is not.
    pub readable: bool,
    /// `vermagic`: the kernel that it was built for, and how that was configured.
    pub vermagic: Option<Untrusted>,
    /// Whether it has a signature.
    pub signed: bool,
    /// How it lays out the request's struct, as far as it shows.
    pub info: Option<DeviceInfo>,
    /// Whether it is the one that is loaded, by its build id; none: that can't be compared.
    pub is_loaded: Option<bool>,
}

/// The module that is loaded.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Loaded {
    /// The version that it declares.
    pub version: Option<Untrusted>,
    /// Its parameters in the order of their names; none: not set.
    pub parameters: Vec<(Untrusted, Option<Untrusted>)>,
    /// How it lays out the request's struct, as far as it shows.
    pub info: Option<DeviceInfo>,
    /// How many use it: openings of `/dev/kni`.
    pub users: Option<u32>,
}

/// `/dev/kni`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Device {
    /// What is there.
    pub node: Fact<Option<Node>>,
    /// The minor number that `/proc/misc` gives; none: it has no such device.
    pub minor: Fact<Option<u32>>,
}

/// A file in `/dev`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Node {
    /// The numbers of a character device; none: it is something else.
    pub numbers: Option<(u32, u32)>,
    /// The permission bits.
    pub mode: u32,
    /// The owner's user and group ids.
    pub owner: (u32, u32),
}

/// A pool of huge pages of one size.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pool {
    /// Bytes of a page, in units of 1024.
    pub page_kib: u64,
    /// Pages there are, and those that are free.
    pub total: u64,
    /// Those that are free.
    pub free: u64,
    /// Per NUMA node: its number, its pages, those that are free.
    pub nodes: Vec<(u32, u64, u64)>,
}

/// A file that has `librte_kni`, by itself or inside.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LibraryFile {
    /// What is known of it.
    pub library: Library,
    /// Who runs it; none: it is installed.
    pub users: Vec<User>,
}

/// A process.
pub type User = Holder;
