//! The records of the ring buffer. `repr(C)`, no padding, no `bool`; every bit pattern is valid,
//! so that user space decodes with length checks alone.
//!
//! [`Header`] starts each of them; `kind` says which follows. All times are `CLOCK_MONOTONIC`
//! nanoseconds (`bpf_ktime_get_ns`).

use core::mem::{offset_of, size_of};

use crate::kni::DEVICE_INFO_MAX;

/// [`Header::kind`] of a [`Step`].
pub const KIND_STEP: u16 = 1;
/// [`Header::kind`] of a [`Call`].
pub const KIND_CALL: u16 = 2;

/// [`Header::phase`]: the function was entered, or a tracepoint was passed.
pub const PHASE_ENTER: u16 = 0;
/// [`Header::phase`]: the function returned; `value` is what it returned.
pub const PHASE_RETURN: u16 = 1;

/// [`Header::flags`]: a return without its entry (armed in between, or refused by seccomp).
pub const FLAG_UNPAIRED: u16 = 1;

/// `text_len`/`info_len` when the memory could not be read; any negative value is a negative errno.
pub const UNREADABLE: i32 = -14;

/// [`Step::rte_errno`] where it could not be read.
pub const UNKNOWN_ERRNO: i32 = -1;

/// Bit of an `Exit` step's `args[1]`: `args[0]` is the exit code, as `wait` has it: of the process if it ends,
/// else of the task.
pub const EXIT_CODE_KNOWN: u64 = 1;
/// Bit of an `Exit` step's `args[1]`: it is known whether the whole process ends.
pub const EXIT_WHOLE_KNOWN: u64 = 2;
/// Bit of an `Exit` step's `args[1]`: the process's last thread ends, and the process with it.
pub const EXIT_WHOLE: u64 = 4;

/// Bytes of [`Step::text`].
pub const TEXT_MAX: usize = 128;
/// Bytes of [`Step::detail`].
pub const DETAIL_MAX: usize = 32;
/// Bytes of a task's name.
pub const COMM_MAX: usize = 16;

/// What every record starts with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(C)]
pub struct Header {
    /// [`KIND_STEP`] or [`KIND_CALL`].
    pub kind: u16,
    /// A [`Hook`](crate::hook::Hook)'s number.
    pub hook: u16,
    /// [`PHASE_ENTER`] or [`PHASE_RETURN`].
    pub phase: u16,
    /// [`FLAG_UNPAIRED`] or 0.
    pub flags: u16,
    /// When it happened.
    pub at: u64,
    /// Of a return: when its entry happened; 0 when that is not known.
    pub entered: u64,
    /// When the thread's attempt began (its outermost entry in flight); 0 outside of any.
    pub attempt: u64,
    /// Process id (tgid) in the initial PID namespace.
    pub pid: u32,
    /// Thread id in the initial PID namespace.
    pub tid: u32,
    /// The task's name, NUL-padded.
    pub comm: [u8; COMM_MAX],
}

/// One step: a function entered or left, a tracepoint passed.
///
/// | hook | `args` | `text` | `value` (return) |
/// | --- | --- | --- | --- |
/// | `Open` | - | path | fd or -errno |
/// | `Dispatcher`, `CompatDispatcher` | file, cmd, user pointer | - | result |
/// | `Handler` | inode number of the network namespace (0 unknown), cmd, user pointer | - | result |
/// | `DeviceOpen`, `DeviceRelease` | inode, file, inode number of the network namespace (0 unknown) | - | result |
/// | `AllocNetdev` | private size | the consumed name | address, 0 for failure |
/// | `RegisterNetdev` | net device, ifindex (0 unknown) | its name | result |
/// | `CreateThread` | - | - | address or -errno |
/// | `SetUpRequest` | `enum rte_kni_req_id` (0 unknown), ifindex (0 unknown), inode number of the interface's network namespace (0 unknown) | the interface's name (empty: unknown) | result |
/// | `LibraryInit` | max interfaces | - | result (meaningless up to 18.08: void) |
/// | `LibraryAlloc` | pool, conf, ops | interface name from conf | handle, 0 for NULL |
/// | `LibraryRelease` | handle | - | result |
/// | `LibraryClose` | - | - | - |
/// | `TailqLock` (entry) | - | - | - |
/// | `MemzoneLookup`, `MemzoneReserve` | - | memzone name | address, 0 for NULL |
/// | `IovaMode` | - | - | 0 undecided, 1 physical, 2 virtual |
/// | `LibraryLog` (entry) | level, log type, - | format | - |
/// | `Panic` (entry) | - | format | - |
/// | `PoolCreate`, `MempoolCreate`, `RingCreate` | - | its name | 0 for NULL; only those are recorded |
/// | `Fork` (entry) | child | the child's name | - |
/// | `Exec` (entry) | - | path | - |
/// | `Exit` (entry) | exit code, `EXIT_*` bits, - | - | - |
/// | `ModuleLoad`, `ModuleFree` (entry) | - | module name | - |
///
/// `detail` is the mbuf pool's name at `LibraryAlloc`, the function's name at `Panic`, and empty elsewhere.
/// `rte_errno` is DPDK's own, read when `LibraryAlloc`, `MemzoneReserve`, `PoolCreate`, `MempoolCreate` or
/// `RingCreate` returned NULL.
///
/// A request that the dispatchers get is an attempt unless it is TEST or RELEASE. What the system call's own hook
/// leaves out since no library asks so, it sees alone: of a CREATE with an odd type or direction there is no `Call`
/// but `Dispatcher` and `Handler`; of a number that no release has (0, 4 and above) `Dispatcher` alone, or
/// `CompatDispatcher`, whose `args[1]` says so.
///
/// `SetUpRequest` is recorded of whoever configures the interface (`ip link`, the module as it releases), mostly in no
/// attempt. It returns -ETIME if nobody answered; 0 says that there was an answer, not which.
///
/// The hooks with a result are recorded at their entry too, except `Open`, the memzone functions, the
/// net core's and `CreateThread`, which are recorded at their return alone. `LibraryLog`'s entry is recorded
/// late, when it returns, if its format was not in memory before.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(C)]
pub struct Step {
    /// Who, when, where.
    pub header: Header,
    /// What the function returned, sign-extended; 0 at an entry.
    pub value: i64,
    /// The arguments named above; 0 where there is none.
    pub args: [u64; 3],
    /// Bytes of `text` that were read (without a NUL); negative: see [`UNREADABLE`].
    pub text_len: i32,
    /// `rte_errno` as the function left it; [`UNKNOWN_ERRNO`]: not read.
    pub rte_errno: i32,
    /// Bytes of `detail` that were read (without a NUL); negative: see [`UNREADABLE`].
    pub detail_len: i32,
    /// Always 0.
    pub reserved: u32,
    /// The string named above.
    pub text: [u8; TEXT_MAX],
    /// The second string named above.
    pub detail: [u8; DETAIL_MAX],
}

/// A KNI-shaped `ioctl`, at its entry (`info` filled) or its return (`value` filled).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(C)]
pub struct Call {
    /// Who, when; the hook is always `Ioctl`.
    pub header: Header,
    /// What user space was told (0 or -errno); 0 at an entry.
    pub value: i64,
    /// The caller's pointer to its `struct rte_kni_device_info`.
    pub pointer: u64,
    /// The file descriptor.
    pub fd: i32,
    /// The request.
    pub cmd: u32,
    /// Bytes of `info` that were read, at most what the request's size says; negative: see [`UNREADABLE`].
    pub info_len: i32,
    /// Always 0.
    pub reserved: u32,
    /// The struct as the caller *claims* it: user memory that may change before the module copies it.
    pub info: [u8; DEVICE_INFO_MAX],
}

const _: () = {
    assert!(size_of::<Header>() == 56);
    assert!(offset_of!(Header, at) == 8);
    assert!(offset_of!(Header, pid) == 32);
    assert!(offset_of!(Header, comm) == 40);
    assert!(size_of::<Step>() == 56 + 8 + 24 + 16 + TEXT_MAX + DETAIL_MAX);
    assert!(offset_of!(Step, args) == 64);
    assert!(offset_of!(Step, text_len) == 88);
    assert!(offset_of!(Step, text) == 104);
    assert!(offset_of!(Step, detail) == 104 + TEXT_MAX);
    assert!(size_of::<Call>() == 56 + 16 + 16 + DEVICE_INFO_MAX);
    assert!(offset_of!(Call, fd) == 72);
    assert!(offset_of!(Call, info_len) == 80);
    assert!(offset_of!(Call, info) == 88);
};
