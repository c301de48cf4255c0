//! What a thread waits for inside the kernel, in words, and who has it: from the functions on kernel stacks.
//!
//! Names are those of Linux 5.10 to 6.18 (`net/core/dev.c`, `net/core/rtnetlink.c`, `kernel/kthread.c`) and of DPDK
//! 16.04 to 23.07 (`kernel/linux/kni/kni_net.c`). The scheduler's own functions and the locks' are not on the stacks
//! that the kernel shows (`stack_trace_consume_entry_nosched`), so that who waits for a lock shows first the
//! function that wants it.

use crate::event::{Holder, Stack};
use crate::report::WaitsFor;
use crate::untrusted::Untrusted;

/// What sleeps for others, should it be shown all the same.
const SLEEPERS: [&str; 9] = [
    "schedule",
    "__schedule",
    "mutex_lock",
    "__mutex_lock",
    "wait_for_completion",
    "__wait_for_common",
    "rwsem_down",
    "down_",
    "wait_woken",
];

/// Functions that take the rtnl lock and do not sleep for anything else of their own.
const WANT_RTNL: [&str; 12] = [
    "register_netdev",
    "unregister_netdev",
    "rtnetlink_rcv_msg",
    "rtnl_dumpit",
    "dev_ioctl",
    "devinet_ioctl",
    "dev_open",
    "linkwatch_event",
    "addrconf_dad_work",
    "addrconf_verify_work",
    "default_device_exit_batch",
    "cleanup_net",
];

/// Functions that are called with the rtnl lock held (they assert it, or are an interface's own, called by those).
const HOLD_RTNL: [&str; 19] = [
    "kni_net_process_request",
    "__dev_open",
    "__dev_close_many",
    "__dev_change_flags",
    "dev_change_flags",
    "netif_change_flags",
    "__dev_set_mtu",
    "dev_set_mtu_ext",
    "netif_set_mtu_ext",
    "dev_set_mac_address",
    "netif_set_mac_address",
    "dev_change_net_namespace",
    "__dev_change_net_namespace",
    "do_setlink",
    "register_netdevice",
    "unregister_netdevice_many",
    "unregister_netdevice_many_notify",
    "rollback_registered_many",
    "__linkwatch_run_queue",
];

/// Runs when the rtnl lock has been let go (`rtnl_unlock`), and waits for an interface's last users.
const AFTER_RTNL: &str = "netdev_run_todo";

/// Where a stack that is shown whole begins: a system call's entry, or a kernel thread's.
const OUTERMOST: [&str; 5] = ["entry_", "do_syscall_64", "do_int80_", "el0", "ret_from_fork"];

/// What a thread inside an attempt waits for. `in_kernel`: by what was recorded of it, it is in the module's ioctl.
#[must_use]
pub fn waits_for(stack: Option<&[Untrusted]>, in_kernel: bool) -> WaitsFor {
    let Some(stack) = stack else { return WaitsFor::Unknown };
    let Some(first) = innermost(stack) else {
        return if in_kernel { WaitsFor::Unknown } else { WaitsFor::Program };
    };
    if !in_kernel {
        return WaitsFor::Program;
    }
    if wants_rtnl(stack) {
        WaitsFor::Rtnl
    } else if first.trim_start_matches('_') == "kthread_create_on_node" {
        WaitsFor::Kthreadd
    } else if first == "kni_net_process_request" {
        WaitsFor::RequestHandler
    } else if first.starts_with("kthread_stop") {
        WaitsFor::ThreadStop
    } else {
        WaitsFor::Kernel
    }
}

/// Whether a stack shows that the thread is not in an ioctl.
#[must_use]
pub fn is_elsewhere(stack: &[Untrusted]) -> bool {
    let whole =
        stack.last().map(name).is_some_and(|last| OUTERMOST.iter().any(|entry| last.starts_with(entry)));
    whole
        && !stack
            .iter()
            .map(name)
            .any(|function| function.ends_with("_ioctl") || function.starts_with("kni_"))
}

/// Whether it waits for the rtnl lock.
#[must_use]
pub fn wants_rtnl(stack: &[Untrusted]) -> bool {
    innermost(stack).is_some_and(|first| {
        // rtnl_lock, rtnl_lock_killable, rtnl_net_lock, rtnl_nets_lock.
        let takes =
            first.strip_prefix("rtnl_").is_some_and(|rest| rest.contains("lock") && !rest.contains("unlock"));
        takes || WANT_RTNL.contains(&first)
    })
}

/// Whether it has the rtnl lock.
#[must_use]
pub fn has_rtnl(stack: &[Untrusted]) -> bool {
    let shows = |function: &str| stack.iter().map(name).any(|shown| shown == function);
    !wants_rtnl(stack) && !shows(AFTER_RTNL) && HOLD_RTNL.into_iter().any(shows)
}

/// Who has what a thread waits for. Only one can have the rtnl lock: if more seem to, nobody is named.
#[must_use]
pub fn holder_for(what: WaitsFor, others: &[Stack]) -> Option<Holder> {
    let others = if what == WaitsFor::Rtnl { others } else { &[] };
    let mut having = others.iter().filter(|other| has_rtnl(&other.functions));
    let only = having.next().filter(|_| having.next().is_none())?;
    Some(Holder { pid: only.pid, comm: only.comm.clone() })
}

/// The innermost function that is not the scheduler's.
fn innermost(stack: &[Untrusted]) -> Option<&str> {
    stack.iter().map(name).find(|function| !SLEEPERS.iter().any(|sleeper| function.starts_with(sleeper)))
}

/// A function's name without what the compiler adds to it: `kni_dev_remove.isra.0`.
fn name(function: &Untrusted) -> &str {
    let name = std::str::from_utf8(function.as_bytes()).unwrap_or_default();
    name.split_once('.').map_or(name, |(name, _)| name)
}

#[cfg(test)]
mod tests;
