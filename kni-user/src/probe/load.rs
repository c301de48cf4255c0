//! Loading the eBPF object with what it has to know of this host.

use anyhow::{Context as _, Result};
use aya::{Ebpf, EbpfLoader, VerifierLogLevel};
use kni_ebpf::control::{NetOffsets, TaskOffsets, UNKNOWN_OFFSET};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::chroot;

use super::Config;
use crate::host::btf;

/// The eBPF object, compiled by the build script.
pub static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/kniwatch-probes"));

/// Where the kernel keeps a system call's first three arguments in `struct pt_regs`.
///
/// x86: `di`, `si`, `dx` (arch/x86/include/asm/ptrace.h). arm64: `orig_x0`, since `x0` holds the result by then, and
/// `x1`, `x2` (arch/arm64/include/asm/ptrace.h). The same in 5.10 to 6.18.
#[cfg(target_arch = "x86_64")]
const SYSCALL_ARGUMENTS: [u32; 3] = [112, 104, 96];
#[cfg(target_arch = "aarch64")]
const SYSCALL_ARGUMENTS: [u32; 3] = [272, 8, 16];
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const SYSCALL_ARGUMENTS: [u32; 3] = [UNKNOWN_OFFSET; 3];

/// Creates the maps and prepares the programs; the kernel gets each program when it is attached.
pub(super) fn object(config: &Config) -> Result<Ebpf> {
    let Offsets { task, net } = Offsets::here();
    let mut loader = loader();
    loader
        .btf(None)
        .verifier_log_level(VerifierLogLevel::DEBUG)
        .override_global("TASK_OFFSETS", &task, true)
        .override_global("NET_OFFSETS", &net, true)
        .override_global("SYSCALL_ARGUMENT_OFFSETS", &SYSCALL_ARGUMENTS, true);
    if let Some(bytes) = config.ring_bytes {
        loader.map_max_entries("RINGBUF", bytes);
    }
    loader.load(OBJECT).context("the kernel takes no eBPF object")
}

/// What a device's size is rounded up to before its driver's own structure (`NETDEV_ALIGN` of
/// include/linux/netdevice.h, 2.6.24 to 6.18). Since 6.10 that is a member of it, `priv`.
const NETDEV_ALIGN: u32 = 32;

/// Where the kernel's structures keep what the programs read.
struct Offsets {
    /// [`TaskOffsets`].
    task: [u32; 8],
    /// [`NetOffsets`].
    net: [u32; 6],
}

impl Offsets {
    /// On this kernel; unknown where it has no type information.
    fn here() -> Self {
        let [thread, fsbase, exit_code, signal, live, flags, group_exit_code, namespaces, net, rest @ ..] =
            btf::offsets([
                ("task_struct", "thread"),
                // x86-64's alone.
                ("thread_struct", "fsbase"),
                ("task_struct", "exit_code"),
                ("task_struct", "signal"),
                ("signal_struct", "live"),
                ("signal_struct", "flags"),
                ("signal_struct", "group_exit_code"),
                ("task_struct", "nsproxy"),
                ("nsproxy", "net_ns"),
                ("net_device", "ifindex"),
                ("net_device", "name"),
                ("net_device", "dev_list"),
                ("net_device", "nd_net"),
                ("net_device", "priv"),
                ("net_device", btf::SIZE),
                ("net", "ns"),
                ("ns_common", "inum"),
            ]);
        let known = |offset: Option<u32>| offset.unwrap_or(UNKNOWN_OFFSET);
        let within = |outer: Option<u32>, inner: Option<u32>| {
            known(outer.zip(inner).and_then(|(outer, inner)| outer.checked_add(inner)))
        };
        let task = TaskOffsets {
            thread_pointer: within(thread, fsbase),
            exit_code: known(exit_code),
            signal: known(signal),
            live: known(live),
            signal_flags: known(flags),
            group_exit_code: known(group_exit_code),
            namespaces: known(namespaces),
            net: known(net),
        };
        let [ifindex, name, listed, net, private, size, namespace, inode] = rest;
        let behind = size.and_then(|size| size.checked_next_multiple_of(NETDEV_ALIGN));
        let net = NetOffsets {
            ifindex: known(ifindex),
            name: known(name),
            listed: known(listed),
            net: known(net),
            private: known(private.or(behind)),
            inode: within(namespace, inode),
        };
        Self { task: task.words(), net: net.words() }
    }
}

/// A loader that knows nothing of the kernel's types, which no program here needs.
///
/// aya 0.14 reads and indexes all of them before it can be told not to: 17 ms and 15 MB. So it is made in a
/// thread for which that file isn't there. Where a root of its own is denied to it (no `CAP_SYS_CHROOT`), the
/// time is paid.
fn loader() -> EbpfLoader<'static> {
    let make = || {
        let away = unshare(CloneFlags::CLONE_FS).and_then(|()| chroot("/sys/kernel/btf"));
        if let Err(error) = away {
            log::debug!("the kernel's types are read in vain: {error}");
        }
        EbpfLoader::new()
    };
    // It can't panic; if it did, all there is to lose is that time.
    std::thread::spawn(make).join().unwrap_or_else(|_panic| EbpfLoader::new())
}

/// Gives the memory that loading took, and that is free again, back to the system.
pub(super) fn trim_heap() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes no pointers, and may be called at any time.
    unsafe {
        libc::malloc_trim(0);
    }
}
