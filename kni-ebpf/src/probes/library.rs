//! `librte_kni`, and what it calls: in a shared library or a static executable.

use aya_ebpf::macros::{uprobe, uretprobe};
use aya_ebpf::programs::{ProbeContext, RetProbeContext};
use kni_ebpf::counter::Outcome;
use kni_ebpf::hook::Hook;

use super::function::{argument, entered, entered_and_kept, int, kept, pointer, returned};
use crate::emit::{Moment, observe};
use crate::flight;
use crate::maps::Attempt;
use crate::memory::Text;

/// The entry of one of the library's own functions: the beginning of an attempt.
#[inline(always)]
fn enter(hook: Hook, args: [u64; 3], text: Text) -> u32 {
    observe(
        hook,
        || true,
        |moment| {
            flight::remember_user(moment);
            let attempt = flight::begin(moment, true);
            entered_and_kept(moment, attempt, args, text)
        },
    )
}

/// Its return: the end of the attempt.
#[inline(always)]
fn leave(hook: Hook, value: i64) -> u32 {
    observe(
        hook,
        || true,
        |moment| {
            let attempt = flight::end(moment);
            returned(moment, attempt, value)
        },
    )
}

/// The entry of a function that the library calls, and others call too.
#[inline(always)]
fn enter_step(hook: Hook, text: Text) -> u32 {
    observe(hook, in_library, |moment| kept(moment, [0; 3], text))
}

/// Its return.
#[inline(always)]
fn leave_step(hook: Hook, value: i64) -> u32 {
    observe(hook, in_library, |moment| {
        let attempt = flight::current(moment.tid).map_or(0, |attempt| attempt.started);
        returned(moment, attempt, value)
    })
}

#[inline(always)]
fn in_library() -> bool {
    flight::here().is_some_and(Attempt::in_library)
}

// match-proto: DPDK 16.04..18.08 `void rte_kni_init(unsigned int max_kni_ifaces)`, 18.11..23.07 `int`
#[uprobe]
pub(crate) fn library_init_enter(ctx: ProbeContext) -> u32 {
    enter(Hook::LibraryInit, [argument(&ctx, 0) as u32 as u64, 0, 0], Text::NONE)
}

#[uretprobe]
pub(crate) fn library_init_exit(ctx: RetProbeContext) -> u32 {
    leave(Hook::LibraryInit, int(&ctx))
}

// match-proto: DPDK 16.04..23.07 `struct rte_kni *rte_kni_alloc(struct rte_mempool *pktmbuf_pool,
// const struct rte_kni_conf *conf, struct rte_kni_ops *ops)`; conf starts with the name
#[uprobe]
pub(crate) fn library_alloc_enter(ctx: ProbeContext) -> u32 {
    let args = [argument(&ctx, 0), argument(&ctx, 1), argument(&ctx, 2)];
    enter(Hook::LibraryAlloc, args, Text::user(args[1]))
}

#[uretprobe]
pub(crate) fn library_alloc_exit(ctx: RetProbeContext) -> u32 {
    leave(Hook::LibraryAlloc, pointer(&ctx))
}

// match-proto: DPDK 16.04..23.07 `int rte_kni_release(struct rte_kni *kni)`
#[uprobe]
pub(crate) fn library_release_enter(ctx: ProbeContext) -> u32 {
    enter(Hook::LibraryRelease, [argument(&ctx, 0), 0, 0], Text::NONE)
}

#[uretprobe]
pub(crate) fn library_release_exit(ctx: RetProbeContext) -> u32 {
    leave(Hook::LibraryRelease, int(&ctx))
}

// match-proto: DPDK 16.04..23.07 `const struct rte_memzone *rte_memzone_lookup(const char *name)`
#[uprobe]
pub(crate) fn memzone_lookup_enter(ctx: ProbeContext) -> u32 {
    enter_step(Hook::MemzoneLookup, Text::user(argument(&ctx, 0)))
}

#[uretprobe]
pub(crate) fn memzone_lookup_exit(ctx: RetProbeContext) -> u32 {
    leave_step(Hook::MemzoneLookup, pointer(&ctx))
}

// match-proto: DPDK 16.04..23.07 `const struct rte_memzone *rte_memzone_reserve(const char *name, size_t len,
// int socket_id, unsigned flags)`; `_aligned` and `_bounded` begin with the same
#[uprobe]
pub(crate) fn memzone_reserve_enter(ctx: ProbeContext) -> u32 {
    enter_step(Hook::MemzoneReserve, Text::user(argument(&ctx, 0)))
}

#[uretprobe]
pub(crate) fn memzone_reserve_exit(ctx: RetProbeContext) -> u32 {
    leave_step(Hook::MemzoneReserve, pointer(&ctx))
}

// match-proto: DPDK 16.04..23.07 `int rte_log(uint32_t level, uint32_t logtype, const char *format, ...)`
#[uprobe]
pub(crate) fn library_log_enter(ctx: ProbeContext) -> u32 {
    observe(Hook::LibraryLog, in_library, |moment| {
        let args = [argument(&ctx, 0) as u32 as u64, argument(&ctx, 1) as u32 as u64, 0];
        let format = Text::user(argument(&ctx, 2));
        if format.is_in_memory() { logged(moment, args, format) } else { kept(moment, args, format) }
    })
}

/// A format that nobody has read yet may not be in memory at the entry. At the return it is, if the line was
/// written.
#[uretprobe]
pub(crate) fn library_log_exit(_ctx: RetProbeContext) -> u32 {
    observe(Hook::LibraryLog, in_library, |moment| match flight::take(moment) {
        Some(frame) => logged(moment, frame.args, Text::user(frame.text)),
        None => Outcome::Filtered,
    })
}

#[inline(always)]
fn logged(moment: &Moment, args: [u64; 3], format: Text) -> Outcome {
    let attempt = flight::current(moment.tid).map_or(0, |attempt| attempt.started);
    entered(moment, attempt, args, format)
}
