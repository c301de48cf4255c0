//! The maps, and the constants that user space sets before it loads the object.

use aya_ebpf::Global;
use aya_ebpf::macros::map;
use aya_ebpf::maps::{Array, HashMap, PerCpuArray, RingBuf};
use kni_ebpf::control::{NetOffsets, TaskOffsets, UNKNOWN_OFFSET, WORDS};
use kni_ebpf::counter::SLOTS;
use kni_ebpf::tls::{Eal, Site};

/// Records on their way to user space.
#[map]
pub(crate) static RINGBUF: RingBuf = RingBuf::with_byte_size(256 * 1024, 0);

/// How often each outcome came about at each hook: see `kni_ebpf::counter`.
#[map]
pub(crate) static COUNTERS: PerCpuArray<[u64; SLOTS as usize]> = PerCpuArray::with_max_entries(1, 0);

/// `kni_ebpf::control` says what each word is.
#[map]
pub(crate) static CONTROL: Array<u32> = Array::with_max_entries(WORDS, 0);

/// Threads inside an attempt, or inside a KNI request that is none.
#[map]
pub(crate) static IN_FLIGHT: HashMap<u32, Attempt> = HashMap::with_max_entries(1024, 0);

/// Entries that wait for their returns.
#[map]
pub(crate) static FRAMES: HashMap<FrameKey, Frame> = HashMap::with_max_entries(4096, 0);

/// Processes known to use KNI, or followed by request: `kni_ebpf::control::USER_*` flags.
#[map]
pub(crate) static USERS: HashMap<u32, u32> = HashMap::with_max_entries(1024, 0);

/// Probed functions of librte_eal, by `kni_ebpf::tls::site_key`.
#[map]
pub(crate) static SITES: HashMap<u32, Site> = HashMap::with_max_entries(1024, 0);

/// Where processes have their librte_eal. Whoever is here is in `USERS` too.
#[map]
pub(crate) static EALS: HashMap<u32, Eal> = HashMap::with_max_entries(1024, 0);

/// Byte offsets in the kernel's structures of network devices and namespaces.
#[unsafe(no_mangle)]
pub(crate) static NET_OFFSETS: Global<NetOffsets> = Global::new(NetOffsets::UNKNOWN);

/// Byte offsets, in the kernel's `struct pt_regs`, of a system call's first three arguments.
#[unsafe(no_mangle)]
pub(crate) static SYSCALL_ARGUMENT_OFFSETS: Global<[u32; 3]> = Global::new([UNKNOWN_OFFSET; 3]);

/// Byte offsets in the kernel's structures around a task.
#[unsafe(no_mangle)]
pub(crate) static TASK_OFFSETS: Global<TaskOffsets> = Global::new(TaskOffsets::UNKNOWN);

/// What a thread is in.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Attempt {
    /// When its outermost function was entered; 0 for a request that creates nothing.
    pub(crate) started: u64,
    /// The outermost function's hook.
    pub(crate) hook: u32,
    /// Always 0.
    pub(crate) reserved: u32,
}

/// Whose entry, and where.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct FrameKey {
    /// The thread.
    pub(crate) tid: u32,
    /// The hook.
    pub(crate) hook: u32,
}

/// What a return needs to know of its entry.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Frame {
    /// When it was.
    pub(crate) entered: u64,
    /// The arguments of the record.
    pub(crate) args: [u64; 3],
    /// Where the string argument is; 0: there is none.
    pub(crate) text: u64,
    /// What the return is told by, as `Moment` has it.
    pub(crate) mark: u64,
}
