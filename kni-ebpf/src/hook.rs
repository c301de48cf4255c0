//! The places that are observed, each with a number that is stable within one schema version.

/// A place in the kernel or in a library that kniwatch observes.
///
/// One hook may stand for several symbols (`rte_memzone_reserve`, `_aligned`, `_bounded`) or be
/// reached through several candidates: what it *tells* is the same.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(u16)]
#[expect(missing_docs, reason = "`Hook::place` says it for each of them")]
pub enum Hook {
    Ioctl = 1,
    Open = 2,
    Dispatcher = 3,
    CompatDispatcher = 4,
    Handler = 5,
    DeviceOpen = 6,
    DeviceRelease = 7,
    AllocNetdev = 8,
    RegisterNetdev = 9,
    CreateThread = 10,
    LibraryInit = 11,
    LibraryAlloc = 12,
    LibraryRelease = 13,
    MemzoneLookup = 14,
    MemzoneReserve = 15,
    LibraryLog = 16,
    Fork = 17,
    Exec = 18,
    Exit = 19,
    ModuleLoad = 20,
    ModuleFree = 21,
    LibraryClose = 22,
    TailqLock = 23,
    IovaMode = 24,
    Panic = 25,
    PoolCreate = 26,
    MempoolCreate = 27,
    RingCreate = 28,
    SetUpRequest = 29,
}

impl Hook {
    /// Every hook, in the order in which an attempt meets them.
    pub const ALL: [Self; 29] = [
        Self::RingCreate,
        Self::MempoolCreate,
        Self::PoolCreate,
        Self::LibraryInit,
        Self::LibraryAlloc,
        Self::LibraryRelease,
        Self::LibraryClose,
        Self::TailqLock,
        Self::MemzoneLookup,
        Self::MemzoneReserve,
        Self::IovaMode,
        Self::LibraryLog,
        Self::Panic,
        Self::Open,
        Self::Ioctl,
        Self::DeviceOpen,
        Self::DeviceRelease,
        Self::Dispatcher,
        Self::CompatDispatcher,
        Self::Handler,
        Self::AllocNetdev,
        Self::RegisterNetdev,
        Self::CreateThread,
        Self::SetUpRequest,
        Self::Fork,
        Self::Exec,
        Self::Exit,
        Self::ModuleLoad,
        Self::ModuleFree,
    ];

    /// One more than the highest number: how many slots a table indexed by hook needs.
    pub const SLOTS: u32 = 30;

    /// The hook of that number, or `None` for a number this version does not know.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|hook| *hook as u16 == number)
    }

    /// The hook of that stable name, or `None` where there is none.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hook| hook.name() == name)
    }

    /// The stable name: on the command line, in recordings and in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ioctl => "ioctl",
            Self::Open => "open",
            Self::Dispatcher => "dispatcher",
            Self::CompatDispatcher => "compat-dispatcher",
            Self::Handler => "handler",
            Self::DeviceOpen => "device-open",
            Self::DeviceRelease => "device-release",
            Self::AllocNetdev => "alloc-netdev",
            Self::RegisterNetdev => "register-netdev",
            Self::CreateThread => "create-thread",
            Self::LibraryInit => "library-init",
            Self::LibraryAlloc => "library-alloc",
            Self::LibraryRelease => "library-release",
            Self::MemzoneLookup => "memzone-lookup",
            Self::MemzoneReserve => "memzone-reserve",
            Self::LibraryLog => "library-log",
            Self::Fork => "fork",
            Self::Exec => "exec",
            Self::Exit => "exit",
            Self::ModuleLoad => "module-load",
            Self::ModuleFree => "module-free",
            Self::LibraryClose => "library-close",
            Self::TailqLock => "tailq-lock",
            Self::IovaMode => "iova-mode",
            Self::Panic => "panic",
            Self::PoolCreate => "pool-create",
            Self::MempoolCreate => "mempool-create",
            Self::RingCreate => "ring-create",
            Self::SetUpRequest => "set-up-request",
        }
    }

    /// The function or tracepoint as the reader of a report knows it.
    #[must_use]
    pub const fn place(self) -> &'static str {
        match self {
            Self::Ioctl => "ioctl",
            Self::Open => "open",
            Self::Dispatcher => "kni_ioctl",
            Self::CompatDispatcher => "kni_compat_ioctl",
            Self::Handler => "kni_ioctl_create",
            Self::DeviceOpen => "kni_open",
            Self::DeviceRelease => "kni_release",
            Self::AllocNetdev => "alloc_netdev_mqs",
            Self::RegisterNetdev => "register_netdev",
            Self::CreateThread => "kthread_create_on_node",
            Self::LibraryInit => "rte_kni_init",
            Self::LibraryAlloc => "rte_kni_alloc",
            Self::LibraryRelease => "rte_kni_release",
            Self::MemzoneLookup => "rte_memzone_lookup",
            Self::MemzoneReserve => "rte_memzone_reserve",
            Self::LibraryLog => "rte_log",
            Self::Fork => "fork",
            Self::Exec => "exec",
            Self::Exit => "exit",
            Self::ModuleLoad => "module_load",
            Self::ModuleFree => "module_free",
            Self::LibraryClose => "rte_kni_close",
            Self::TailqLock => "rte_mcfg_tailq_write_lock",
            Self::IovaMode => "rte_eal_iova_mode",
            Self::Panic => "__rte_panic",
            Self::PoolCreate => "rte_pktmbuf_pool_create",
            Self::MempoolCreate => "rte_mempool_create",
            Self::RingCreate => "rte_ring_create",
            Self::SetUpRequest => "kni_net_process_request",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Hook;

    #[test]
    fn every_hook_is_found_by_its_number_and_name_and_fits_the_slots() {
        for hook in Hook::ALL {
            assert_eq!(Hook::from_number(hook as u16), Some(hook));
            assert_eq!(Hook::from_name(hook.name()), Some(hook));
            assert!(u32::from(hook as u16) < Hook::SLOTS);
        }
        assert_eq!(Hook::from_number(0), None);
        assert_eq!(Hook::from_number(u16::MAX), None);
        assert_eq!(Hook::from_name(""), None);
    }
}
