//! `librte_kni`, and what it calls: in a shared library or a static executable.

use aya_ebpf::macros::{uprobe, uretprobe};
use aya_ebpf::programs::{ProbeContext, RetProbeContext};
use kni_ebpf::counter::Outcome;
use kni_ebpf::hook::Hook;
use kni_ebpf::record::Step;

use super::function::{argument, entered, entered_with, int, kept, pointer, returned_to, returned_with};
use super::registers;
use crate::emit::{Moment, observe, observe_on};
use crate::maps::Attempt;
use crate::memory::{Text, read_text};
use crate::{flight, rte_errno};

/// The entry of one of the library's own functions: the beginning of an attempt. `fill` has more to say of it.
#[inline(always)]
fn enter(hook: Hook, ctx: &ProbeContext, args: [u64; 3], text: Text, fill: impl FnOnce(&mut Step)) -> u32 {
    observe_on(
        hook,
        registers::stack(ctx.regs),
        || true,
        |moment| {
            flight::remember_user(moment);
            let attempt = flight::begin(moment, true);
            flight::keep(moment, args, text.address());
            entered_with(moment, attempt, args, text, fill)
        },
    )
}

/// Its return: the end of the attempt.
#[inline(always)]
fn leave(hook: Hook, ctx: &RetProbeContext, value: i64, fill: impl FnOnce(&mut Step)) -> u32 {
    observe_on(
        hook,
        registers::callers_stack(ctx.regs),
        || true,
        |moment| {
            let attempt = flight::end(moment);
            returned_with(moment, attempt, value, fill)
        },
    )
}

/// The entry of a function of librte_eal, which the library calls, and others call too.
#[inline(always)]
fn enter_step(hook: Hook, ctx: &ProbeContext, body: impl FnOnce(&Moment) -> Outcome) -> u32 {
    let wanted = || {
        rte_errno::note(hook, registers::instruction(ctx.regs));
        in_library()
    };
    observe_on(hook, registers::stack(ctx.regs), wanted, body)
}

/// Its return.
#[inline(always)]
fn leave_step(hook: Hook, ctx: &RetProbeContext, value: i64, fill: impl FnOnce(&mut Step)) -> u32 {
    observe_on(hook, registers::callers_stack(ctx.regs), in_library, |moment| {
        returned_with(moment, flight::attempt_of(moment), value, fill)
    })
}

/// The entry of a function that makes what an attempt needs. Only its failure is told, and that of the outermost.
#[inline(always)]
fn enter_creation(hook: Hook, ctx: &ProbeContext) -> u32 {
    observe_on(
        hook,
        registers::stack(ctx.regs),
        || true,
        |moment| {
            if flight::is_nested(moment) {
                return Outcome::Filtered;
            }
            flight::remember_kept(moment);
            kept(moment, [0; 3], Text::user(argument(ctx, 0)))
        },
    )
}

/// Its return.
#[inline(always)]
fn leave_creation(hook: Hook, ctx: &RetProbeContext) -> u32 {
    observe_on(
        hook,
        registers::callers_stack(ctx.regs),
        || true,
        |moment| match flight::take(moment) {
            Some(frame) if pointer(ctx) == 0 => {
                returned_to(moment, flight::attempt_of(moment), 0, Some(frame), note_errno)
            }
            _ => Outcome::Filtered,
        },
    )
}

/// Adds the mbuf pool's name, which a `struct rte_mempool` starts with (`char name[]`, DPDK 16.04..23.07).
#[inline(always)]
fn note_pool(step: &mut Step) {
    step.detail_len = read_text(&mut step.detail, Text::user(step.args[0]));
}

/// Adds `rte_errno` to a return of NULL.
#[inline(always)]
fn note_errno(step: &mut Step) {
    if step.value == 0 {
        step.rte_errno = rte_errno::read(step.header.pid);
    }
}

#[inline(always)]
fn in_library() -> bool {
    flight::here().is_some_and(Attempt::in_library)
}

// match-proto: rte_kni.h, DPDK 16.04..18.08 `void rte_kni_init(unsigned int max_kni_ifaces)`, 18.11..23.07 `int
// rte_kni_init(unsigned int max_kni_ifaces)`
#[uprobe]
pub(crate) fn library_init_enter(ctx: ProbeContext) -> u32 {
    enter(Hook::LibraryInit, &ctx, [argument(&ctx, 0) as u32 as u64, 0, 0], Text::NONE, |_| {})
}

#[uretprobe]
pub(crate) fn library_init_exit(ctx: RetProbeContext) -> u32 {
    leave(Hook::LibraryInit, &ctx, int(&ctx), |_| {})
}

// match-proto: rte_kni.h, DPDK 16.04..23.07 `struct rte_kni *rte_kni_alloc(struct rte_mempool *pktmbuf_pool, const
// struct rte_kni_conf *conf, struct rte_kni_ops *ops)`; conf starts with the name
#[uprobe]
pub(crate) fn library_alloc_enter(ctx: ProbeContext) -> u32 {
    let args = [argument(&ctx, 0), argument(&ctx, 1), argument(&ctx, 2)];
    enter(Hook::LibraryAlloc, &ctx, args, Text::user(args[1]), note_pool)
}

#[uretprobe]
pub(crate) fn library_alloc_exit(ctx: RetProbeContext) -> u32 {
    leave(Hook::LibraryAlloc, &ctx, pointer(&ctx), |step| {
        note_pool(step);
        note_errno(step);
    })
}

// match-proto: rte_kni.h, DPDK 16.04..23.07 `int rte_kni_release(struct rte_kni *kni)`
#[uprobe]
pub(crate) fn library_release_enter(ctx: ProbeContext) -> u32 {
    enter(Hook::LibraryRelease, &ctx, [argument(&ctx, 0), 0, 0], Text::NONE, |_| {})
}

#[uretprobe]
pub(crate) fn library_release_exit(ctx: RetProbeContext) -> u32 {
    leave(Hook::LibraryRelease, &ctx, int(&ctx), |_| {})
}

// match-proto: rte_memzone.h, DPDK 16.04..23.07 `const struct rte_memzone *rte_memzone_lookup(const char *name)`
#[uprobe]
pub(crate) fn memzone_lookup_enter(ctx: ProbeContext) -> u32 {
    enter_step(Hook::MemzoneLookup, &ctx, |moment| kept(moment, [0; 3], Text::user(argument(&ctx, 0))))
}

#[uretprobe]
pub(crate) fn memzone_lookup_exit(ctx: RetProbeContext) -> u32 {
    leave_step(Hook::MemzoneLookup, &ctx, pointer(&ctx), |_| {})
}

// match-proto: rte_memzone.h, DPDK 16.04..23.07 `const struct rte_memzone *rte_memzone_reserve(const char *name,
// size_t len, int socket_id, unsigned flags)`; `_aligned` and `_bounded` begin with the same
#[uprobe]
pub(crate) fn memzone_reserve_enter(ctx: ProbeContext) -> u32 {
    enter_step(Hook::MemzoneReserve, &ctx, |moment| kept(moment, [0; 3], Text::user(argument(&ctx, 0))))
}

#[uretprobe]
pub(crate) fn memzone_reserve_exit(ctx: RetProbeContext) -> u32 {
    leave_step(Hook::MemzoneReserve, &ctx, pointer(&ctx), note_errno)
}

// match-proto: rte_log.h, DPDK 16.04..23.07 `int rte_log(uint32_t level, uint32_t logtype, const char *format,
// ...)`
#[uprobe]
pub(crate) fn library_log_enter(ctx: ProbeContext) -> u32 {
    enter_step(Hook::LibraryLog, &ctx, |moment| {
        let args = [argument(&ctx, 0) as u32 as u64, argument(&ctx, 1) as u32 as u64, 0];
        let format = Text::user(argument(&ctx, 2));
        if format.is_in_memory() { logged(moment, args, format) } else { kept(moment, args, format) }
    })
}

/// A format that nobody has read yet may not be in memory at the entry. At the return it is, if the line was
/// written.
#[uretprobe]
pub(crate) fn library_log_exit(ctx: RetProbeContext) -> u32 {
    observe_on(Hook::LibraryLog, registers::callers_stack(ctx.regs), in_library, |moment| match flight::take(
        moment,
    ) {
        Some(frame) => logged(moment, frame.args, Text::user(frame.text)),
        None => Outcome::Filtered,
    })
}

#[inline(always)]
fn logged(moment: &Moment, args: [u64; 3], format: Text) -> Outcome {
    entered(moment, flight::attempt_of(moment), args, format)
}

// match-proto: rte_kni.h, DPDK 16.04..23.07 `void rte_kni_close(void)`
#[uprobe]
pub(crate) fn library_close(_ctx: ProbeContext) -> u32 {
    observe(
        Hook::LibraryClose,
        || true,
        |moment| {
            flight::remember_user(moment);
            entered(moment, flight::attempt_of(moment), [0; 3], Text::NONE)
        },
    )
}

// match-proto: rte_eal_memconfig.h, DPDK 19.08..23.07 `void rte_mcfg_tailq_write_lock(void)`
#[uprobe]
pub(crate) fn tailq_lock(ctx: ProbeContext) -> u32 {
    enter_step(Hook::TailqLock, &ctx, |moment| {
        entered(moment, flight::attempt_of(moment), [0; 3], Text::NONE)
    })
}

// match-proto: rte_eal.h, DPDK 17.11..23.07 `enum rte_iova_mode rte_eal_iova_mode(void)`. What a memzone's
// reservation asks for itself, some three times each, is not told again: its return finds no entry of its own.
#[uprobe]
pub(crate) fn iova_mode_enter(ctx: ProbeContext) -> u32 {
    enter_step(Hook::IovaMode, &ctx, |moment| {
        if flight::has_frame(moment.tid, Hook::MemzoneReserve) {
            Outcome::Filtered
        } else {
            kept(moment, [0; 3], Text::NONE)
        }
    })
}

#[uretprobe]
pub(crate) fn iova_mode_exit(ctx: RetProbeContext) -> u32 {
    observe_on(Hook::IovaMode, registers::callers_stack(ctx.regs), in_library, |moment| {
        match flight::take(moment) {
            Some(frame) => returned_to(moment, flight::attempt_of(moment), int(&ctx), Some(frame), |_| {}),
            None => Outcome::Filtered,
        }
    })
}

// match-proto: rte_debug.h, DPDK 16.04..23.07 `void __rte_panic(const char *funcname, const char *format, ...)`
#[uprobe]
pub(crate) fn panic(ctx: ProbeContext) -> u32 {
    observe(
        Hook::Panic,
        || true,
        |moment| {
            let (function, format) = (Text::user(argument(&ctx, 0)), Text::user(argument(&ctx, 1)));
            entered_with(moment, flight::attempt_of(moment), [0; 3], format, |step| {
                step.detail_len = read_text(&mut step.detail, function);
            })
        },
    )
}

// match-proto: rte_mbuf.h, DPDK 16.04..23.07 `struct rte_mempool *rte_pktmbuf_pool_create(const char *name,
// unsigned n, unsigned cache_size, uint16_t priv_size, uint16_t data_room_size, int socket_id)`;
// `rte_pktmbuf_pool_create_by_ops`, since 18.02, begins with the same
#[uprobe]
pub(crate) fn pool_create_enter(ctx: ProbeContext) -> u32 {
    enter_creation(Hook::PoolCreate, &ctx)
}

#[uretprobe]
pub(crate) fn pool_create_exit(ctx: RetProbeContext) -> u32 {
    leave_creation(Hook::PoolCreate, &ctx)
}

// match-proto: rte_mempool.h, DPDK 16.04..23.07 `struct rte_mempool *rte_mempool_create(const char *name, unsigned
// n, unsigned elt_size, unsigned cache_size, unsigned private_data_size, rte_mempool_ctor_t *mp_init, void
// *mp_init_arg, rte_mempool_obj_cb_t *obj_init, void *obj_init_arg, int socket_id, unsigned flags)`;
// `rte_mempool_create_empty`, since 16.07, and `rte_mempool_xmem_create`, up to 18.08, begin with the same
#[uprobe]
pub(crate) fn mempool_create_enter(ctx: ProbeContext) -> u32 {
    enter_creation(Hook::MempoolCreate, &ctx)
}

#[uretprobe]
pub(crate) fn mempool_create_exit(ctx: RetProbeContext) -> u32 {
    leave_creation(Hook::MempoolCreate, &ctx)
}

// match-proto: rte_ring.h, DPDK 16.04..20.08 `struct rte_ring *rte_ring_create(const char *name, unsigned count,
// int socket_id, unsigned flags)`; the same types otherwise spelled, 19.11..23.07 `struct rte_ring
// *rte_ring_create(const char *name, unsigned int count, int socket_id, unsigned int flags)`
#[uprobe]
pub(crate) fn ring_create_enter(ctx: ProbeContext) -> u32 {
    enter_creation(Hook::RingCreate, &ctx)
}

#[uretprobe]
pub(crate) fn ring_create_exit(ctx: RetProbeContext) -> u32 {
    leave_creation(Hook::RingCreate, &ctx)
}
