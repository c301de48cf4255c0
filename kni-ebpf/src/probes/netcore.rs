//! The kernel's net core and thread creation, for a thread that is creating an interface.

use aya_ebpf::macros::{kprobe, kretprobe};
use aya_ebpf::programs::{ProbeContext, RetProbeContext};
use kni_ebpf::hook::Hook;
use kni_ebpf::record::Step;

use super::function::{argument, int, kept, pointer, returned, returned_with};
use crate::emit::observe;
use crate::flight;
use crate::maps::Attempt;
use crate::memory::{Text, read_text};
use crate::net::Device;

#[inline(always)]
fn creating() -> bool {
    flight::here().is_some_and(Attempt::creates)
}

// match-proto: net/core/dev.c, Linux 3.17..6.18 `struct net_device *alloc_netdev_mqs(int sizeof_priv, const char
// *name, unsigned char name_assign_type, void (*setup)(struct net_device *), unsigned int txqs, unsigned int rxqs)`
#[kprobe]
pub(crate) fn alloc_netdev_enter(ctx: ProbeContext) -> u32 {
    observe(Hook::AllocNetdev, creating, |moment| {
        kept(moment, [argument(&ctx, 0) as u32 as u64, 0, 0], Text::kernel(argument(&ctx, 1)))
    })
}

#[kretprobe]
pub(crate) fn alloc_netdev_exit(ctx: RetProbeContext) -> u32 {
    observe(Hook::AllocNetdev, creating, |moment| returned(moment, flight::attempt_of(moment), pointer(&ctx)))
}

// match-proto: net/core/dev.c, Linux 2.6..6.18 `int register_netdev(struct net_device *dev)`
#[kprobe]
pub(crate) fn register_netdev_enter(ctx: ProbeContext) -> u32 {
    observe(Hook::RegisterNetdev, creating, |moment| kept(moment, [argument(&ctx, 0), 0, 0], Text::NONE))
}

#[kretprobe]
pub(crate) fn register_netdev_exit(ctx: RetProbeContext) -> u32 {
    observe(Hook::RegisterNetdev, creating, |moment| {
        returned_with(moment, flight::attempt_of(moment), int(&ctx), describe_device)
    })
}

/// Adds the index and the name that the device has now.
#[inline(always)]
fn describe_device(step: &mut Step) {
    let device = Device::at(step.args[0]);
    if step.value == 0 {
        step.args[1] = device.ifindex();
    }
    step.text_len = read_text(&mut step.text, device.name());
}

// match-proto: kernel/kthread.c, Linux 3.4..6.18 `struct task_struct *kthread_create_on_node(int (*threadfn)(void
// *data), void *data, int node, const char namefmt[], ...)`
#[kprobe]
pub(crate) fn create_thread_enter(_ctx: ProbeContext) -> u32 {
    observe(Hook::CreateThread, creating, |moment| kept(moment, [0; 3], Text::NONE))
}

#[kretprobe]
pub(crate) fn create_thread_exit(ctx: RetProbeContext) -> u32 {
    observe(Hook::CreateThread, creating, |moment| {
        returned(moment, flight::attempt_of(moment), pointer(&ctx))
    })
}
