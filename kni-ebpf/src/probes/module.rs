//! `rte_kni.ko`: its dispatchers, its handler, its device, what it asks of user space, its coming and going.

use aya_ebpf::EbpfContext as _;
use aya_ebpf::macros::{kprobe, kretprobe, tracepoint};
use aya_ebpf::programs::{ProbeContext, RetProbeContext, TracePointContext};
use kni_ebpf::hook::Hook;
use kni_ebpf::kni::{MODULE_NAME, NR_CREATE, SET_UP_REQUEST_MAX, is_attempt, request_nr};

use super::function::{argument, entered, entered_and_kept, int, returned};
use crate::emit::{observe, observe_on};
use crate::flight;
use crate::memory::{Text, is_text, kernel_word};
use crate::net::{self, Device};

/// How an entry of the handler's that was seen on the dispatcher's own function is told from one of a function within.
/// Which of two probes there runs first is the kernel's choice: the dispatcher's return may come before the handler's.
const BESIDE_DISPATCHER: u64 = 1;

/// The entry of a function on the way to the handler. `args[1]` is the request.
#[inline(always)]
fn enter_request(hook: Hook, mark: u64, wanted: bool, args: [u64; 3]) -> u32 {
    observe_on(
        hook,
        mark,
        || wanted,
        |moment| {
            flight::remember_user(moment);
            let attempt = flight::begin(moment, is_attempt(args[1] as u32));
            entered_and_kept(moment, attempt, args, Text::NONE)
        },
    )
}

#[inline(always)]
fn leave_request(hook: Hook, ctx: &RetProbeContext) -> u32 {
    observe(
        hook,
        || true,
        |moment| {
            let attempt = flight::end(moment);
            returned(moment, attempt, int(ctx))
        },
    )
}

#[inline(always)]
fn request(ctx: &ProbeContext) -> [u64; 3] {
    [argument(ctx, 0), argument(ctx, 1) as u32 as u64, argument(ctx, 2)]
}

// match-proto: kernel/linux/kni/kni_misc.c, DPDK 16.04..21.11 `int kni_ioctl(struct inode *inode, uint32_t
// ioctl_num, unsigned long ioctl_param)`, cast, and really called with a `struct file *`; 20.11..23.07, since
// stable releases differ, `long kni_ioctl(struct file *file, unsigned int ioctl_num, unsigned long ioctl_param)`
#[kprobe]
pub(crate) fn dispatcher_enter(ctx: ProbeContext) -> u32 {
    enter_request(Hook::Dispatcher, 0, true, request(&ctx))
}

#[kretprobe]
pub(crate) fn dispatcher_exit(ctx: RetProbeContext) -> u32 {
    leave_request(Hook::Dispatcher, &ctx)
}

// match-proto: kernel/linux/kni/kni_misc.c, DPDK 16.04..21.11 `int kni_compat_ioctl(struct inode *inode, uint32_t
// ioctl_num, unsigned long ioctl_param)`; 20.11..23.07 `long kni_compat_ioctl(struct file *file, unsigned int
// ioctl_num, unsigned long ioctl_param)`: as of `kni_ioctl`
#[kprobe]
pub(crate) fn compat_dispatcher_enter(ctx: ProbeContext) -> u32 {
    enter_request(Hook::CompatDispatcher, 0, true, request(&ctx))
}

#[kretprobe]
pub(crate) fn compat_dispatcher_exit(ctx: RetProbeContext) -> u32 {
    leave_request(Hook::CompatDispatcher, &ctx)
}

// match-proto: kernel/linux/kni/kni_misc.c, DPDK 16.11..23.07 `int kni_ioctl_create(struct net *net, uint32_t
// ioctl_num, unsigned long ioctl_param)`; 16.04..16.07 `int kni_ioctl_create(struct net *net, unsigned int
// ioctl_num, unsigned long ioctl_param)`
#[kprobe]
pub(crate) fn handler_enter(ctx: ProbeContext) -> u32 {
    let [_net, cmd, pointer] = request(&ctx);
    enter_request(Hook::Handler, 0, true, [net::namespace(), cmd, pointer])
}

#[kretprobe]
pub(crate) fn handler_exit(ctx: RetProbeContext) -> u32 {
    leave_request(Hook::Handler, &ctx)
}

/// On `kni_ioctl`, where no handler can be probed: it calls the handler for this number and returns
/// what that returned.
// match-proto: kernel/linux/kni/kni_misc.c, DPDK 16.04..21.11 `int kni_ioctl(struct inode *inode, uint32_t ioctl_num,
// unsigned long ioctl_param)`; 20.11..23.07 `long kni_ioctl(struct file *file, unsigned int ioctl_num, unsigned long
// ioctl_param)`
#[kprobe]
pub(crate) fn handler_by_request_enter(ctx: ProbeContext) -> u32 {
    let [_file, cmd, pointer] = request(&ctx);
    let wanted = request_nr(cmd as u32) == NR_CREATE;
    enter_request(Hook::Handler, BESIDE_DISPATCHER, wanted, [net::namespace(), cmd, pointer])
}

#[kretprobe]
pub(crate) fn handler_by_request_exit(ctx: RetProbeContext) -> u32 {
    let tid = aya_ebpf::helpers::bpf_get_current_pid_tgid() as u32;
    observe_on(
        Hook::Handler,
        BESIDE_DISPATCHER,
        || flight::has_frame(tid, Hook::Handler),
        |moment| {
            let attempt = flight::end(moment);
            returned(moment, attempt, int(&ctx))
        },
    )
}

#[inline(always)]
fn enter_file(hook: Hook, ctx: &ProbeContext, uses: bool) -> u32 {
    observe(
        hook,
        || true,
        |moment| {
            if uses {
                flight::remember_user(moment);
            }
            entered_and_kept(
                moment,
                flight::attempt_of(moment),
                [argument(ctx, 0), argument(ctx, 1), net::namespace()],
                Text::NONE,
            )
        },
    )
}

#[inline(always)]
fn leave_file(hook: Hook, ctx: &RetProbeContext) -> u32 {
    observe(hook, || true, |moment| returned(moment, flight::attempt_of(moment), int(ctx)))
}

// match-proto: kernel/linux/kni/kni_misc.c, DPDK 16.04..23.07 `int kni_open(struct inode *inode, struct file
// *file)`
#[kprobe]
pub(crate) fn device_open_enter(ctx: ProbeContext) -> u32 {
    enter_file(Hook::DeviceOpen, &ctx, true)
}

#[kretprobe]
pub(crate) fn device_open_exit(ctx: RetProbeContext) -> u32 {
    leave_file(Hook::DeviceOpen, &ctx)
}

// match-proto: kernel/linux/kni/kni_misc.c, DPDK 16.04..23.07 `int kni_release(struct inode *inode, struct file
// *file)`. A dying process comes here after its `sched_process_exit`: it must not be remembered again.
#[kprobe]
pub(crate) fn device_release_enter(ctx: ProbeContext) -> u32 {
    enter_file(Hook::DeviceRelease, &ctx, false)
}

#[kretprobe]
pub(crate) fn device_release_exit(ctx: RetProbeContext) -> u32 {
    leave_file(Hook::DeviceRelease, &ctx)
}

// match-proto: kernel/linux/kni/kni_net.c, DPDK 16.04..20.08 `int kni_net_process_request(struct kni_dev *kni,
// struct rte_kni_request *req)`; later, and in some stable releases before, 19.11..23.07 `int
// kni_net_process_request(struct net_device *dev, struct rte_kni_request *req)`. A `struct rte_kni_request` begins
// with `uint32_t req_id` in all of them
#[kprobe]
pub(crate) fn set_up_request_enter(ctx: ProbeContext) -> u32 {
    observe(
        Hook::SetUpRequest,
        || true,
        |moment| {
            let id = kernel_word(argument(&ctx, 1), 0).filter(|id| *id <= SET_UP_REQUEST_MAX);
            let id = id.map_or(0, u64::from);
            let (args, name) = match Device::behind(argument(&ctx, 0)) {
                Some(device) => ([id, device.ifindex(), device.namespace()], device.name()),
                None => ([id, 0, 0], Text::NONE),
            };
            entered_and_kept(moment, flight::attempt_of(moment), args, name)
        },
    )
}

#[kretprobe]
pub(crate) fn set_up_request_exit(ctx: RetProbeContext) -> u32 {
    observe(Hook::SetUpRequest, || true, |moment| returned(moment, flight::attempt_of(moment), int(&ctx)))
}

/// A string of a tracepoint's record, from the `__data_loc` field at `OFFSET`.
#[inline(always)]
pub(super) fn dynamic_string<const OFFSET: usize>(ctx: &TracePointContext) -> Text {
    // SAFETY: within the record that the kernel hands to programs of this tracepoint.
    let location = unsafe { ctx.as_ptr().add(OFFSET).cast::<u32>().read_volatile() };
    // Its lower half is the string's offset in the record.
    Text::kernel(ctx.as_ptr() as u64 + u64::from(location & 0xffff))
}

#[inline(always)]
fn module_passed(hook: Hook, name: Text) -> u32 {
    observe(hook, || is_text(name, MODULE_NAME).unwrap_or(false), |moment| entered(moment, 0, [0; 3], name))
}

/// `module:module_load`: before the module's own init function runs.
#[tracepoint]
pub(crate) fn module_load(ctx: TracePointContext) -> u32 {
    module_passed(Hook::ModuleLoad, dynamic_string::<12>(&ctx))
}

/// `module:module_free`.
#[tracepoint]
pub(crate) fn module_free(ctx: TracePointContext) -> u32 {
    module_passed(Hook::ModuleFree, dynamic_string::<8>(&ctx))
}
