//! The hooks, one entry each.

use kni_ebpf::hook::Hook;

use super::{Candidate, Owner, Programs, Spec, Tracepoint};

const fn tracepoint(
    category: &'static str,
    name: &'static str,
    programs: &'static [&'static str],
    fields: &'static [(&'static str, u32)],
) -> Tracepoint {
    Tracepoint { category, name, programs, fields, optional: false }
}

const fn optional(tracepoint: Tracepoint) -> Tracepoint {
    Tracepoint { optional: true, ..tracepoint }
}

const fn function(
    owner: Owner,
    symbols: &'static [&'static str],
    enter: &'static str,
    exit: &'static str,
) -> Candidate {
    Candidate::Function { owner, symbols, programs: Programs { enter, exit: Some(exit) } }
}

/// A function of a library of which only the entry is observed.
const fn entry(symbols: &'static [&'static str], enter: &'static str) -> Candidate {
    Candidate::Function { owner: Owner::Library, symbols, programs: Programs { enter, exit: None } }
}

/// The hooks, in the order in which an attempt meets them.
pub const SPECS: &[Spec] = &[
    Spec {
        hook: Hook::RingCreate,
        candidates: &[function(
            Owner::Library,
            &["rte_ring_create"],
            "ring_create_enter",
            "ring_create_exit",
        )],
        required: false,
        lost: "a ring that a pool could not get is not named",
    },
    Spec {
        hook: Hook::MempoolCreate,
        candidates: &[function(
            Owner::Library,
            &["rte_mempool_create", "rte_mempool_create_empty", "rte_mempool_xmem_create"],
            "mempool_create_enter",
            "mempool_create_exit",
        )],
        required: false,
        lost: "a pool that could not be made is not told from one that was never asked for",
    },
    Spec {
        hook: Hook::PoolCreate,
        candidates: &[function(
            Owner::Library,
            &["rte_pktmbuf_pool_create", "rte_pktmbuf_pool_create_by_ops"],
            "pool_create_enter",
            "pool_create_exit",
        )],
        required: false,
        lost: "an mbuf pool that could not be made is not told from one that was never asked for",
    },
    Spec {
        hook: Hook::LibraryInit,
        candidates: &[function(Owner::Library, &["rte_kni_init"], "library_init_enter", "library_init_exit")],
        required: false,
        lost: "a library that never came up can't be told from one that was never used",
    },
    Spec {
        hook: Hook::LibraryAlloc,
        candidates: &[function(
            Owner::Library,
            &["rte_kni_alloc"],
            "library_alloc_enter",
            "library_alloc_exit",
        )],
        required: true,
        lost: "an attempt that stops before its ioctl is not seen at all",
    },
    Spec {
        hook: Hook::LibraryRelease,
        candidates: &[function(
            Owner::Library,
            &["rte_kni_release"],
            "library_release_enter",
            "library_release_exit",
        )],
        required: false,
        lost: "a release that the library refuses is not seen",
    },
    Spec {
        hook: Hook::LibraryClose,
        candidates: &[entry(&["rte_kni_close"], "library_close")],
        required: false,
        lost: "a library that was closed can't be told from one that was never initialised",
    },
    Spec {
        hook: Hook::TailqLock,
        candidates: &[entry(&["rte_mcfg_tailq_write_lock"], "tailq_lock")],
        required: false,
        lost: "how far the library came before it refused is known less exactly",
    },
    Spec {
        hook: Hook::MemzoneLookup,
        candidates: &[function(
            Owner::Library,
            &["rte_memzone_lookup"],
            "memzone_lookup_enter",
            "memzone_lookup_exit",
        )],
        required: false,
        lost: "a memzone that the library looked for in vain is not named",
    },
    Spec {
        hook: Hook::MemzoneReserve,
        candidates: &[function(
            Owner::Library,
            &["rte_memzone_reserve", "rte_memzone_reserve_aligned", "rte_memzone_reserve_bounded"],
            "memzone_reserve_enter",
            "memzone_reserve_exit",
        )],
        required: false,
        lost: "a memzone that the library could not reserve is not named",
    },
    Spec {
        hook: Hook::IovaMode,
        candidates: &[function(Owner::Library, &["rte_eal_iova_mode"], "iova_mode_enter", "iova_mode_exit")],
        required: false,
        lost: "whether the program works with physical or virtual addresses is not known",
    },
    Spec {
        hook: Hook::LibraryLog,
        candidates: &[function(Owner::Library, &["rte_log"], "library_log_enter", "library_log_exit")],
        required: false,
        lost: "the reason that the library itself logged is not told",
    },
    Spec {
        hook: Hook::Panic,
        candidates: &[entry(&["__rte_panic"], "panic")],
        required: false,
        lost: "what the library gave up for is not told",
    },
    Spec {
        hook: Hook::Open,
        candidates: &[Candidate::Tracepoints(&[
            tracepoint("syscalls", "sys_enter_openat", &["openat_enter"], &[("filename", 24)]),
            tracepoint("syscalls", "sys_exit_openat", &["open_exit"], &[("ret", 16)]),
            // Not on aarch64. C libraries before glibc 2.26 open by it.
            optional(tracepoint("syscalls", "sys_enter_open", &["open_enter"], &[("filename", 16)])),
            optional(tracepoint("syscalls", "sys_exit_open", &["open_exit"], &[("ret", 16)])),
        ])],
        required: false,
        lost: "a device that is missing, busy or denied is not seen",
    },
    Spec {
        hook: Hook::Ioctl,
        candidates: &[Candidate::Tracepoints(&[
            tracepoint(
                "syscalls",
                "sys_enter_ioctl",
                &["ioctl_enter"],
                &[("fd", 16), ("cmd", 24), ("arg", 32)],
            ),
            tracepoint(
                "syscalls",
                "sys_exit_ioctl",
                &["ioctl_exit", "ioctl_exit_without_registers"],
                &[("ret", 16)],
            ),
        ])],
        required: true,
        lost: "whether the library issued its ioctl, and what it was told, is not seen",
    },
    Spec {
        hook: Hook::DeviceOpen,
        candidates: &[function(Owner::Module, &["kni_open"], "device_open_enter", "device_open_exit")],
        required: false,
        lost: "who opened the device is not seen",
    },
    Spec {
        hook: Hook::DeviceRelease,
        candidates: &[function(
            Owner::Module,
            &["kni_release"],
            "device_release_enter",
            "device_release_exit",
        )],
        required: false,
        lost: "who closed the device, and so removed its interfaces, is not seen",
    },
    Spec {
        hook: Hook::Dispatcher,
        candidates: &[function(Owner::Module, &["kni_ioctl"], "dispatcher_enter", "dispatcher_exit")],
        required: true,
        lost: "a request to another device can't be told from one that the module refused",
    },
    Spec {
        hook: Hook::CompatDispatcher,
        candidates: &[function(
            Owner::Module,
            &["kni_compat_ioctl"],
            "compat_dispatcher_enter",
            "compat_dispatcher_exit",
        )],
        required: false,
        lost: "requests of 32-bit programs are not seen",
    },
    Spec {
        hook: Hook::Handler,
        candidates: &[
            function(Owner::Module, &["kni_ioctl_create"], "handler_enter", "handler_exit"),
            Candidate::Variants {
                of: "kni_ioctl_create",
                programs: Programs { enter: "handler_enter", exit: Some("handler_exit") },
            },
            function(Owner::Module, &["kni_ioctl"], "handler_by_request_enter", "handler_by_request_exit"),
        ],
        required: true,
        lost: "whether the module was asked to create, and what it answered, is not seen",
    },
    Spec {
        hook: Hook::AllocNetdev,
        candidates: &[function(
            Owner::Kernel,
            &["alloc_netdev_mqs"],
            "alloc_netdev_enter",
            "alloc_netdev_exit",
        )],
        required: false,
        lost: "the name that the module really used is not seen",
    },
    Spec {
        hook: Hook::RegisterNetdev,
        candidates: &[function(
            Owner::Kernel,
            &["register_netdev"],
            "register_netdev_enter",
            "register_netdev_exit",
        )],
        required: true,
        lost: "the network core's own error is hidden behind the module's ENODEV",
    },
    Spec {
        hook: Hook::CreateThread,
        candidates: &[function(
            Owner::Kernel,
            &["kthread_create_on_node"],
            "create_thread_enter",
            "create_thread_exit",
        )],
        required: false,
        lost: "a kernel thread that could not be started is not seen",
    },
    Spec {
        hook: Hook::SetUpRequest,
        candidates: &[
            function(
                Owner::Module,
                &["kni_net_process_request"],
                "set_up_request_enter",
                "set_up_request_exit",
            ),
            Candidate::Variants {
                of: "kni_net_process_request",
                programs: Programs { enter: "set_up_request_enter", exit: Some("set_up_request_exit") },
            },
        ],
        required: false,
        lost: "a program that answers no request to set its interface up is not noticed",
    },
    Spec {
        hook: Hook::Fork,
        candidates: &[Candidate::Tracepoints(&[tracepoint(
            "task",
            "task_newtask",
            &["fork"],
            &[("pid", 8), ("clone_flags", 32)],
        )])],
        required: false,
        lost: "children of the programs that are observed are not followed",
    },
    Spec {
        hook: Hook::Exec,
        candidates: &[Candidate::Tracepoints(&[tracepoint(
            "sched",
            "sched_process_exec",
            &["exec"],
            &[("filename", 8), ("old_pid", 16)],
        )])],
        required: false,
        lost: "what a followed process executes is not seen",
    },
    Spec {
        hook: Hook::Exit,
        candidates: &[Candidate::Tracepoints(&[tracepoint("sched", "sched_process_exit", &["exit"], &[])])],
        required: false,
        lost: "a process that dies within an attempt is not noticed",
    },
    Spec {
        hook: Hook::ModuleLoad,
        candidates: &[Candidate::Tracepoints(&[tracepoint(
            "module",
            "module_load",
            &["module_load"],
            &[("name", 12)],
        )])],
        required: false,
        lost: "a module that is loaded later is not observed",
    },
    Spec {
        hook: Hook::ModuleFree,
        candidates: &[Candidate::Tracepoints(&[tracepoint(
            "module",
            "module_free",
            &["module_free"],
            &[("name", 8)],
        )])],
        required: false,
        lost: "it is not noticed that the module goes, and with it its hooks",
    },
];
