use super::{has_rtnl, holder_for, is_elsewhere, waits_for, wants_rtnl};
use crate::event::{Holder, Stack};
use crate::report::WaitsFor;
use crate::untrusted::Untrusted;

const IOCTL: &str = "kni_ioctl_create kni_ioctl __x64_sys_ioctl do_syscall_64 entry_SYSCALL_64_after_hwframe";
const SEND: &str = "netlink_rcv_skb netlink_unicast netlink_sendmsg ____sys_sendmsg __sys_sendmsg do_syscall_64 \
    entry_SYSCALL_64_after_hwframe";

fn stack(inner: &str, outer: &str) -> Vec<Untrusted> {
    inner.split_whitespace().chain(outer.split_whitespace()).map(Untrusted::from).collect()
}

fn thread(pid: u32, functions: Vec<Untrusted>) -> Stack {
    Stack { pid, tid: pid, comm: "ip".into(), functions }
}

#[test]
fn each_stack_is_told_in_words() {
    for (inner, outer, what) in [
        ("register_netdev", IOCTL, WaitsFor::Rtnl),
        ("rtnl_lock_killable register_netdev", IOCTL, WaitsFor::Rtnl),
        ("__mutex_lock.constprop.0 rtnl_lock register_netdev", IOCTL, WaitsFor::Rtnl),
        ("rtnl_net_lock_killable register_netdev", IOCTL, WaitsFor::Rtnl),
        ("unregister_netdev kni_dev_remove.isra.0", IOCTL, WaitsFor::Rtnl),
        ("__kthread_create_on_node kthread_create_on_node", IOCTL, WaitsFor::Kthreadd),
        ("wait_for_completion_killable __kthread_create_on_node.constprop.0", IOCTL, WaitsFor::Kthreadd),
        ("kni_net_process_request kni_net_release __dev_close_many", IOCTL, WaitsFor::RequestHandler),
        ("kthread_stop", IOCTL, WaitsFor::ThreadStop),
        ("wait_for_completion kthread_stop_put", IOCTL, WaitsFor::ThreadStop),
        ("msleep unregister_netdevice_many", IOCTL, WaitsFor::Kernel),
        ("", IOCTL, WaitsFor::Kernel),
        // Shown where the whole stack may not be read.
        ("register_netdev", "", WaitsFor::Rtnl),
        ("__kthread_create_on_node", "", WaitsFor::Kthreadd),
        ("", "", WaitsFor::Unknown),
    ] {
        let stack = stack(inner, outer);
        assert_eq!(waits_for(Some(&stack), true), what, "{inner}");
        assert_eq!(waits_for(Some(&stack), false), WaitsFor::Program, "{inner}");
    }
    assert_eq!(waits_for(None, true), WaitsFor::Unknown);
    assert_eq!(waits_for(None, false), WaitsFor::Unknown);
}

#[test]
fn only_a_whole_stack_without_an_ioctl_shows_a_thread_elsewhere() {
    for (inner, outer, elsewhere) in [
        (
            "do_nanosleep hrtimer_nanosleep __x64_sys_nanosleep",
            "do_syscall_64 entry_SYSCALL_64_after_hwframe",
            true,
        ),
        ("futex_wait do_futex __x64_sys_futex", "do_syscall_64", true),
        ("", "ret_from_fork", true),
        ("register_netdev", IOCTL, false),
        ("filemap_fault handle_mm_fault asm_exc_page_fault", IOCTL, false),
        ("compat_ptr_ioctl __ia32_compat_sys_ioctl do_int80_syscall_32", "entry_INT80_compat", false),
        ("futex_wait_queue", "", false),
        ("", "", false),
    ] {
        assert_eq!(is_elsewhere(&stack(inner, outer)), elsewhere, "{inner} {outer}");
    }
}

#[test]
fn the_one_inside_the_network_core_has_the_lock_and_those_before_it_want_it() {
    for (inner, outer, has, wants) in [
        (
            "kni_net_process_request kni_net_open __dev_open __dev_change_flags do_setlink rtnetlink_rcv_msg",
            SEND,
            true,
            false,
        ),
        (
            "kni_net_process_request.constprop.0 kni_net_set_mac dev_set_mac_address do_setlink",
            SEND,
            true,
            false,
        ),
        ("synchronize_net unregister_netdevice_many rtnl_dellink rtnetlink_rcv_msg", SEND, true, false),
        ("rtnetlink_rcv_msg", SEND, false, true),
        ("rtnl_lock rtnetlink_rcv_msg", SEND, false, true),
        ("dev_ioctl sock_do_ioctl", "__x64_sys_ioctl do_syscall_64", false, true),
        ("register_netdev", IOCTL, false, true),
        // rtnl_unlock has let it go.
        ("msleep netdev_run_todo rtnetlink_rcv_msg unregister_netdevice_many", SEND, false, false),
        ("ep_poll do_epoll_wait", "do_syscall_64", false, false),
    ] {
        let stack = stack(inner, outer);
        assert_eq!((has_rtnl(&stack), wants_rtnl(&stack)), (has, wants), "{inner}");
    }
}

#[test]
fn of_several_that_seem_to_have_the_lock_nobody_is_named() {
    let has = |pid| thread(pid, stack("kni_net_process_request __dev_open rtnetlink_rcv_msg", SEND));
    let wants = |pid| thread(pid, stack("rtnetlink_rcv_msg", SEND));
    let named = |others: &[Stack]| holder_for(WaitsFor::Rtnl, others).map(|Holder { pid, .. }| pid);
    assert_eq!(named(&[wants(1), has(2), wants(3)]), Some(2));
    assert_eq!(named(&[has(1), has(2)]), None);
    assert_eq!(named(&[wants(1)]), None);
    assert_eq!(holder_for(WaitsFor::Kthreadd, &[has(2)]), None);
}
