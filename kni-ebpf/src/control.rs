//! What user space tells the eBPF object: words of the map `CONTROL`, flags of the map `USERS`, and
//! constants that are set before loading.

/// Word of `CONTROL`: not 0 once all hooks are attached. Until then every run is filtered.
pub const ARMED: u32 = 0;
/// Word of `CONTROL`: whether the object has warned of a full table, one of `WARNING_*`.
pub const WARNING: u32 = 1;
/// Word of `CONTROL`: how many threads are in flight. While it is 0, nothing need be looked up.
pub const IN_FLIGHT: u32 = 2;
/// Entries of `CONTROL`.
pub const WORDS: u32 = 3;

/// No table has been full yet.
pub const WARNING_NONE: u32 = 0;
/// A table was full, and that has not been told yet.
pub const WARNING_DUE: u32 = 1;
/// It has been told.
pub const WARNING_TOLD: u32 = 2;

/// Flag of `USERS`: the process has entered the library, opened the device or issued a request.
pub const USER_KNOWN: u32 = 1;
/// Flag of `USERS`: the process is followed because user space asked for it.
pub const USER_FOLLOWED: u32 = 2;
/// Flag of `USERS`: something of the process is kept, to be forgotten at its end. Alone it makes nobody a user of KNI.
pub const USER_KEPT: u32 = 4;

/// Whether a process of these flags is told of.
#[inline]
#[must_use]
pub const fn is_told_of(flags: u32) -> bool {
    flags & (USER_KNOWN | USER_FOLLOWED) != 0
}

/// An offset in a kernel structure that could not be found out.
pub const UNKNOWN_OFFSET: u32 = u32::MAX;

/// Byte offsets in the kernel's structures around a task, each known or [`UNKNOWN_OFFSET`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(C)]
pub struct TaskOffsets {
    /// Of the user space's thread pointer (`thread.fsbase`) in `struct task_struct`.
    pub thread_pointer: u32,
    /// Of `exit_code` in `struct task_struct`.
    pub exit_code: u32,
    /// Of `signal` in `struct task_struct`.
    pub signal: u32,
    /// Of `live` in `struct signal_struct`.
    pub live: u32,
    /// Of `flags` in `struct signal_struct`.
    pub signal_flags: u32,
    /// Of `group_exit_code` in `struct signal_struct`.
    pub group_exit_code: u32,
    /// Of `nsproxy` in `struct task_struct`.
    pub namespaces: u32,
    /// Of `net_ns` in `struct nsproxy`.
    pub net: u32,
}

impl TaskOffsets {
    /// Where nothing is known.
    pub const UNKNOWN: Self = Self {
        thread_pointer: UNKNOWN_OFFSET,
        exit_code: UNKNOWN_OFFSET,
        signal: UNKNOWN_OFFSET,
        live: UNKNOWN_OFFSET,
        signal_flags: UNKNOWN_OFFSET,
        group_exit_code: UNKNOWN_OFFSET,
        namespaces: UNKNOWN_OFFSET,
        net: UNKNOWN_OFFSET,
    };

    /// The words that the object takes them as.
    #[must_use]
    pub const fn words(self) -> [u32; 8] {
        let Self { thread_pointer, exit_code, signal, live, signal_flags, group_exit_code, namespaces, net } =
            self;
        [thread_pointer, exit_code, signal, live, signal_flags, group_exit_code, namespaces, net]
    }
}

/// Byte offsets in the kernel's structures of network devices and namespaces, each known or [`UNKNOWN_OFFSET`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(C)]
pub struct NetOffsets {
    /// Of `ifindex` in `struct net_device`.
    pub ifindex: u32,
    /// Of `name` in `struct net_device`.
    pub name: u32,
    /// Of `dev_list`, by which its namespace lists it, in `struct net_device`.
    pub listed: u32,
    /// Of the pointer to its namespace (`nd_net`) in `struct net_device`.
    pub net: u32,
    /// Of its driver's own structure, which lies behind it: what `netdev_priv` adds.
    pub private: u32,
    /// Of the inode number (`ns.inum`) in `struct net`.
    pub inode: u32,
}

impl NetOffsets {
    /// Where nothing is known.
    pub const UNKNOWN: Self = Self {
        ifindex: UNKNOWN_OFFSET,
        name: UNKNOWN_OFFSET,
        listed: UNKNOWN_OFFSET,
        net: UNKNOWN_OFFSET,
        private: UNKNOWN_OFFSET,
        inode: UNKNOWN_OFFSET,
    };

    /// The words that the object takes them as.
    #[must_use]
    pub const fn words(self) -> [u32; 6] {
        let Self { ifindex, name, listed, net, private, inode } = self;
        [ifindex, name, listed, net, private, inode]
    }
}
