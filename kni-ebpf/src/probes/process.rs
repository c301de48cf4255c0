//! Processes known to use KNI, or followed: their children, what they become, their end.

use aya_ebpf::EbpfContext as _;
use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use aya_ebpf::macros::tracepoint;
use aya_ebpf::programs::TracePointContext;
use kni_ebpf::counter::Outcome;
use kni_ebpf::hook::Hook;
use kni_ebpf::record::{EXIT_WHOLE, EXIT_WHOLE_KNOWN, PHASE_ENTER, Step};

use super::function::entered;
use super::module::dynamic_string;
use crate::emit::{observe, submit};
use crate::flight;
use crate::memory::Text;
use crate::{rte_errno, task};

/// `CLONE_THREAD` of include/uapi/linux/sched.h.
const CLONE_THREAD: u64 = 0x0001_0000;

/// A field of a tracepoint's record.
#[inline(always)]
fn field<T: Copy, const OFFSET: usize>(ctx: &TracePointContext) -> T {
    // SAFETY: within the record that the kernel hands to programs of this tracepoint: user space has compared
    // the offsets with its format before attaching.
    unsafe { ctx.as_ptr().add(OFFSET).cast::<T>().read_volatile() }
}

#[inline(always)]
fn pid() -> u32 {
    (bpf_get_current_pid_tgid() >> 32) as u32
}

/// `task:task_newtask`, which unlike `sched:sched_process_fork` tells a child from a thread. The
/// parent is current; the child bears its name.
#[tracepoint]
pub(crate) fn fork(ctx: TracePointContext) -> u32 {
    observe(
        Hook::Fork,
        || field::<u64, 32>(&ctx) & CLONE_THREAD == 0 && flight::is_told_of(pid()),
        |moment| {
            let child = field::<u32, 8>(&ctx);
            flight::remember_child(moment, child);
            submit::<Step>(moment, |step| {
                step.header.phase = PHASE_ENTER;
                step.header.attempt = flight::attempt_of(moment);
                step.args[0] = u64::from(child);
                step.text_len = copy_comm(step);
            })
        },
    )
}

/// The task's name as the text; its length.
#[inline(always)]
fn copy_comm(step: &mut Step) -> i32 {
    let mut length = 0;
    let mut ended = false;
    for (to, from) in step.text.iter_mut().zip(step.header.comm) {
        ended |= from == 0;
        if !ended {
            *to = from;
            length += 1;
        }
    }
    length
}

/// `sched:sched_process_exec`. The thread has taken its process's id, and whatever it or a thread of
/// that id was in is gone with the old program.
#[tracepoint]
pub(crate) fn exec(ctx: TracePointContext) -> u32 {
    observe(
        Hook::Exec,
        || flight::user(pid()).is_some(),
        |moment| {
            flight::forget_thread(field::<u32, 16>(&ctx));
            flight::forget_thread(moment.tid);
            rte_errno::forget(moment.pid);
            if flight::is_told_of(moment.pid) {
                entered(moment, 0, [0; 3], dynamic_string::<8>(&ctx))
            } else {
                flight::forget_user(moment.pid);
                Outcome::Filtered
            }
        },
    )
}

/// `sched:sched_process_exit`, of each thread. Told of the last, with which the process ends, and of any that dies
/// inside an attempt. Where the last can't be told from the others, the process's first thread stands for it.
#[tracepoint]
pub(crate) fn exit(_ctx: TracePointContext) -> u32 {
    observe(
        Hook::Exit,
        || flight::user(pid()).is_some() || flight::here().is_some(),
        |moment| {
            let attempt = flight::attempt_of(moment);
            flight::forget_thread(moment.tid);
            flight::tell_of_displaced();
            let is_leader = moment.pid == moment.tid;
            let (code, mut flags) = task::end(is_leader);
            let over = if flags & EXIT_WHOLE_KNOWN != 0 { flags & EXIT_WHOLE != 0 } else { is_leader };
            let told_of = flight::is_told_of(moment.pid);
            if over {
                rte_errno::forget(moment.pid);
                if !flight::forget_user(moment.pid) {
                    // Another thread, which saw the same, has told of it.
                    flags &= !EXIT_WHOLE;
                }
            }
            if (over && told_of) || attempt != 0 {
                entered(moment, attempt, [code, flags, 0], Text::NONE)
            } else {
                Outcome::Filtered
            }
        },
    )
}
