//! Why an attempt stopped: stable identifiers, `boundary.reason`, and what each means.
//!
//! The list grows; a name, once given, stays.

use std::borrow::Cow;

use schemars::generate::SchemaGenerator;
use schemars::{JsonSchema, Schema, json_schema};
use serde::{Serialize, Serializer};

/// One row a cause: its variant, its name, what it means, what to do.
macro_rules! causes {
    ($($variant:ident $name:literal $meaning:literal $advice:literal;)*) => {
        /// A cause, by its stable name.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[expect(missing_docs, reason = "`meaning` says it")]
        pub enum Cause { $($variant),* }

        impl Cause {
            /// Every cause, boundary by boundary.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// `boundary.reason`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// What it means, in one sentence without a full stop.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning),* }
            }

            /// What to do next.
            #[must_use]
            pub const fn advice(self) -> &'static str {
                match self { $(Self::$variant => $advice),* }
            }
        }
    };
}

causes! {
    // The library: rte_kni_alloc said no before any request.
    LibMemzoneMissing "lib.memzone-missing"
        "the library looked up a memzone that nobody has made"
        "find out who should make it: for MP_<pool>, which mempool library made the pool? (DPDK 16.04 and 16.07 look for it)";
    LibPoolScattered "lib.pool-scattered"
        "the mbuf pool's memory is in several pieces, and the library takes one piece only (DPDK 16.07)"
        "use larger hugepages (1 GB) or a smaller pool so that it fits into one piece, or use DPDK 16.11 or later";
    LibMemzoneExists "lib.memzone-exists"
        "the library could not reserve a memzone because one of that name exists already"
        "look for an earlier interface of the same name that was not released, or for other code that reserves that name: two libraries, or a primary process that left it behind";
    LibMemzoneExhausted "lib.memzone-exhausted"
        "the library could not reserve a memzone because the table of memzones is full"
        "create fewer interfaces, rings and pools, release those no longer used, or build DPDK with a larger RTE_MAX_MEMZONE";
    LibNoMemory "lib.no-memory"
        "the library ran out of hugepage memory"
        "reserve more hugepages, give the program more memory (-m, --socket-mem), or use smaller pools";
    LibNoPool "lib.no-pool"
        "the program passed no mbuf pool (NULL) to rte_kni_alloc"
        "check what rte_pktmbuf_pool_create or rte_mempool_create returned before: memory, the pool's name, or the NUMA node (socket) asked for";
    LibBadArgument "lib.bad-argument"
        "the program passed the library no configuration, an empty interface name, or 0 as the number of interfaces"
        "fill struct rte_kni_conf, its name first, before calling rte_kni_alloc; up to DPDK 18.08, pass the number of interfaces to rte_kni_init";
    LibNotInitialised "lib.not-initialised"
        "rte_kni_alloc was called while the library had not been initialised, or after it was closed"
        "call rte_kni_init first, check what it returns, and call rte_kni_close only after the last interface";
    LibAlreadyExists "lib.already-exists"
        "the library holds an interface of that name in this process already"
        "release it with rte_kni_release first, or choose another name";
    LibNoSlot "lib.no-slot"
        "all interfaces that rte_kni_init made room for are in use (DPDK up to 18.08)"
        "pass a larger number to rte_kni_init, or release interfaces that are no longer used";
    LibIovaMode "lib.iova-mode"
        "the library refuses to work in IOVA-as-VA mode (DPDK 19.08, and later releases built for kernels before 4.10)"
        "start the program with --iova-mode=pa";
    LibPanic "lib.panic"
        "the library gave up with rte_panic, which aborts the program"
        "read the line of the program's own output that starts with PANIC: it names the function and the reason";
    // The system call: the module was never asked.
    SysDeviceMissing "sys.device-missing"
        "/dev/kni does not exist, or there is no device behind it"
        "load the module (modprobe rte_kni); in a container, pass /dev/kni in and make it anew after each load: its minor number changes";
    SysDeviceBusy "sys.device-busy"
        "/dev/kni is open already, and only one opening a network namespace is allowed"
        "end the process that holds it (a forked child counts too), share that process, or use another network namespace";
    SysDeviceStuck "sys.device-stuck"
        "/dev/kni stays busy although nobody has it open: whoever had it died inside the module and never gave it back"
        "restart the machine; read the kernel's report of that death first: it names the function";
    SysDeviceDenied "sys.device-denied"
        "the program may not open /dev/kni, which belongs to root"
        "run the program as root, or give its user access with a udev rule";
    SysBadFd "sys.bad-fd"
        "the request was sent to a file descriptor that is not open"
        "look for code that closes descriptors it does not own, such as a daemon closing all of them after rte_kni_init";
    SysWrongDevice "sys.wrong-device"
        "the request was sent to a file that is not /dev/kni"
        "look at the descriptor in /proc/PID/fd: it was closed and reused after rte_kni_init, or /dev/kni is a stale node with another device's number";
    SysSeccomp "sys.seccomp"
        "a seccomp filter refused the ioctl before the kernel looked at it"
        "allow the ioctl in the seccomp profile of the container or service";
    SysCompat "sys.compat"
        "the request came through the 32-bit system call, which the module refuses"
        "use a 64-bit build of the program";
    SysUnknownRequest "sys.unknown-request"
        "the module does not know the request's number"
        "use the library and the module of the same DPDK release";
    // The module: asked, and refused.
    ModSizeSkew "mod.size-skew"
        "the request's struct is larger than the module's: library and module are of different DPDK releases"
        "load the rte_kni.ko of the same release as the program's librte_kni";
    ModFault "mod.fault"
        "the module could not read the request's struct from the program's memory"
        "look for a bad or freed pointer in the program's own use of the ioctl: librte_kni passes a valid one";
    ModNameUnterminated "mod.name-unterminated"
        "the interface's name does not end within its field"
        "use a name of at most 15 bytes";
    ModCoreOffline "mod.core-offline"
        "the CPU that the kernel thread should be bound to is not online"
        "set core_id in struct rte_kni_conf to an online CPU, or force_bind to 0";
    ModNameDuplicate "mod.name-duplicate"
        "the module holds an interface of that name in this network namespace already"
        "release the other one (its owner may be another process, and it may have been renamed since), or choose another name";
    ModAddressMode "mod.address-mode"
        "the module cannot work with virtual addresses on this kernel"
        "start the program with --iova-mode=pa, or use a kernel from 4.10 on";
    ModThread "mod.thread"
        "the module could not start its kernel thread"
        "look whether the program was killed meanwhile, or the machine is out of process ids or memory";
    ModLayoutSkew "mod.layout-skew"
        "library and module lay the request's struct out differently, and the module can't tell"
        "load the rte_kni.ko of the same release as the program's librte_kni";
    ModBadAddress "mod.bad-address"
        "the addresses in the request can't be those of the program's queues"
        "use the library and the module of the same DPDK release, in the IOVA mode that both support";
    // The network core: the module asked it for a device, and was refused.
    NetAlloc "net.alloc"
        "the kernel could not allocate a network device"
        "look at free memory, and whether the name is a valid one";
    NetNameExists "net.name-exists"
        "a network interface of that name exists already in this network namespace"
        "remove or rename the other interface (ip link show), or choose another name";
    NetNameInvalid "net.name-invalid"
        "the kernel does not accept that name for a network interface"
        "use 1 to 15 bytes without a slash, a colon or white space; . and .. are no names either";
    NetRegister "net.register"
        "the kernel refused to register the network device"
        "read the kernel's error number in the report, and the kernel's log beside it";
    // The process: it did not get to an answer.
    ProcCrash "proc.crash"
        "the process crashed before it came to an answer"
        "look at its core dump, and at the kernel's log for an oops";
    ProcKilled "proc.killed"
        "the process was killed before it came to an answer"
        "find out who killed it: a supervisor's timeout, the kernel's memory killer, an operator";
    ProcBlocked "proc.blocked"
        "the thread waits inside the kernel"
        "look at /proc/PID/stack: it may wait for the RTNL lock, or for the kernel thread to start";
    ProcExited "proc.exited"
        "the process ended by itself before it came to an answer"
        "look at its own output and exit status";
}

impl JsonSchema for Cause {
    fn schema_name() -> Cow<'static, str> {
        "Cause".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<_> = Self::ALL.iter().map(|cause| cause.name()).collect();
        json_schema!({ "type": "string", "enum": names, "description": "Why (docs/causes.md)." })
    }
}

impl Serialize for Cause {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::Cause;

    #[test]
    fn every_cause_has_its_own_name_and_starts_with_its_boundary() {
        for (at, cause) in Cause::ALL.iter().enumerate() {
            let (boundary, reason) = cause.name().split_once('.').unwrap();
            assert!(["lib", "sys", "mod", "net", "proc"].contains(&boundary), "{cause:?}");
            assert!(!reason.is_empty(), "{cause:?}");
            assert!(Cause::ALL.iter().skip(at + 1).all(|other| other.name() != cause.name()), "{cause:?}");
        }
    }

    #[test]
    fn texts_are_phrases_that_a_sink_can_put_into_a_sentence() {
        for cause in Cause::ALL {
            for text in [cause.meaning(), cause.advice()] {
                assert!(!text.is_empty() && text.trim() == text && !text.ends_with('.'), "{cause:?}: {text}");
            }
        }
    }
}
