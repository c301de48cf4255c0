//! System calls: KNI-shaped `ioctl`, and the opening of the device.

use aya_ebpf::EbpfContext as _;
use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use aya_ebpf::helpers::generated::{bpf_get_current_task_btf, bpf_probe_read_kernel, bpf_task_pt_regs};
use aya_ebpf::macros::tracepoint;
use aya_ebpf::programs::TracePointContext;
use kni_ebpf::counter::Outcome;
use kni_ebpf::hook::Hook;
use kni_ebpf::kni::{DEVICE_PATH, is_attempt, is_request, request_size};
use kni_ebpf::record::{Call, FLAG_UNPAIRED, PHASE_ENTER, PHASE_RETURN};

use super::function::{kept, returned};
use crate::emit::{Moment, count, observe, submit};
use crate::flight;
use crate::maps::SYSCALL_ARGUMENT_OFFSETS;
use crate::memory::{Text, is_text, read_info};

/// A word of a system call's tracepoint record. `struct syscall_trace_enter` and `_exit`
/// (kernel/trace/trace.h, 2.6.33 to 6.18): the common fields, the number, then arguments or result from 16 on.
#[inline(always)]
fn word<const OFFSET: usize>(ctx: &TracePointContext) -> u64 {
    // SAFETY: within the record that the kernel hands to programs of this tracepoint.
    unsafe { ctx.as_ptr().add(OFFSET).cast::<u64>().read_volatile() }
}

/// `syscalls:sys_enter_ioctl`.
#[tracepoint]
pub(crate) fn ioctl_enter(ctx: TracePointContext) -> u32 {
    let cmd = word::<24>(&ctx) as u32;
    observe(
        Hook::Ioctl,
        || is_request(cmd),
        |moment| {
            let (fd, pointer) = (word::<16>(&ctx) as i32, word::<32>(&ctx));
            flight::remember_user(moment);
            let attempt = flight::begin(moment, is_attempt(cmd));
            flight::keep(moment, [fd as u32 as u64, u64::from(cmd), pointer], 0);
            submit::<Call>(moment, |call| {
                call.header.phase = PHASE_ENTER;
                call.header.attempt = attempt;
                call.fd = fd;
                call.cmd = cmd;
                call.pointer = pointer;
                call.info_len = read_info(&mut call.info, pointer, request_size(cmd));
            })
        },
    )
}

/// `syscalls:sys_exit_ioctl`.
#[tracepoint]
pub(crate) fn ioctl_exit(ctx: TracePointContext) -> u32 {
    ioctl_left(&ctx, syscall_arguments)
}

/// `syscalls:sys_exit_ioctl` where `bpf_task_pt_regs` can't be had (before 5.15, or without the kernel's BTF).
#[tracepoint]
pub(crate) fn ioctl_exit_without_registers(ctx: TracePointContext) -> u32 {
    ioctl_left(&ctx, || None)
}

/// Only a thread in flight matters. A return without an entry, inside the library, is a call that
/// seccomp refused: the tracepoint of its entry lies behind seccomp, that of its exit does not.
#[inline(always)]
fn ioctl_left(ctx: &TracePointContext, arguments: impl FnOnce() -> Option<[u64; 3]>) -> u32 {
    observe(
        Hook::Ioctl,
        || flight::here().is_some(),
        |moment| {
            let frame = flight::take(moment);
            let (entered, args) = match frame {
                Some(frame) => (frame.entered, frame.args),
                None => match refused(moment, arguments) {
                    Some(args) => (0, args),
                    None => return Outcome::Filtered,
                },
            };
            let attempt = flight::end(moment);
            submit::<Call>(moment, |call| {
                call.header.phase = PHASE_RETURN;
                call.header.flags = if entered == 0 { FLAG_UNPAIRED } else { 0 };
                call.header.entered = entered;
                call.header.attempt = attempt;
                call.value = word::<16>(ctx) as i64;
                call.fd = args[0] as i32;
                call.cmd = args[1] as u32;
                call.pointer = args[2];
            })
        },
    )
}

/// The arguments of a request whose entry was not seen; all zero where they can't be had; `None` for a
/// request that is not KNI's.
#[inline(always)]
fn refused(moment: &Moment, arguments: impl FnOnce() -> Option<[u64; 3]>) -> Option<[u64; 3]> {
    if !flight::current(moment.tid)?.in_library() {
        return None;
    }
    let args = match arguments() {
        Some(args) if is_request(args[1] as u32) => args,
        Some(_) => return None,
        None => [0; 3],
    };
    count(moment.hook, Outcome::Unpaired);
    Some(args)
}

/// The first three arguments of the system call that the task is in, from its saved registers.
#[inline(always)]
fn syscall_arguments() -> Option<[u64; 3]> {
    let offsets = SYSCALL_ARGUMENT_OFFSETS.load();
    let mut args = [0u64; 3];
    // SAFETY: the task is the current one; the helper checks the address it reads from.
    unsafe {
        let registers = bpf_task_pt_regs(bpf_get_current_task_btf()) as *const u8;
        for n in 0..3 {
            let from = registers.add(offsets[n] as usize);
            if bpf_probe_read_kernel(args[n..].as_mut_ptr().cast(), 8, from.cast()) < 0 {
                return None;
            }
        }
    }
    Some(args)
}

/// `syscalls:sys_enter_openat`.
#[tracepoint]
pub(crate) fn openat_enter(ctx: TracePointContext) -> u32 {
    open_entered(word::<24>(&ctx))
}

/// `syscalls:sys_enter_open`.
#[tracepoint]
pub(crate) fn open_enter(ctx: TracePointContext) -> u32 {
    open_entered(word::<16>(&ctx))
}

/// `syscalls:sys_exit_openat` and `syscalls:sys_exit_open`.
#[tracepoint]
pub(crate) fn open_exit(ctx: TracePointContext) -> u32 {
    let tid = bpf_get_current_pid_tgid() as u32;
    observe(
        Hook::Open,
        || flight::has_frame(tid, Hook::Open),
        |moment| open_left(moment, word::<16>(&ctx) as i64),
    )
}

/// A path that is not in memory yet can't be read at the entry, but then at the return: the kernel has
/// read it in between.
#[inline(always)]
fn open_entered(path: u64) -> u32 {
    observe(Hook::Open, || is_device(path).unwrap_or(true), |moment| kept(moment, [0; 3], Text::user(path)))
}

#[inline(always)]
fn open_left(moment: &Moment, value: i64) -> Outcome {
    let Some(path) = flight::frame_text(moment) else { return Outcome::Filtered };
    if !is_device(path).unwrap_or(false) {
        flight::take(moment);
        return Outcome::Filtered;
    }
    flight::remember_user(moment);
    let attempt = flight::attempt_of(moment);
    returned(moment, attempt, value)
}

/// Whether the path is `/dev/kni`.
#[inline(always)]
fn is_device(path: u64) -> Result<bool, i32> {
    is_text(Text::user(path), DEVICE_PATH)
}
