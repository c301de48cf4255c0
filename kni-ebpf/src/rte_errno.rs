//! DPDK's `rte_errno` of the running thread: see `kni_ebpf::tls`.

use aya_ebpf::bindings::BPF_NOEXIST;
use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use aya_ebpf::helpers::generated::bpf_probe_read_user;
use kni_ebpf::hook::Hook;
use kni_ebpf::record::UNKNOWN_ERRNO;
use kni_ebpf::tls::{Eal, WAY_ELSEWHERE, WAY_EXECUTABLE, WAY_MODULE, WAY_PAIR, WAY_UNKNOWN, site_key};

use crate::emit::armed;
use crate::flight;
use crate::maps::{EALS, SITES};
use crate::task;

/// The highest errno there is: the kernel's `MAX_ERRNO`. DPDK's own start at 1000 (lib/eal/include/rte_errno.h).
const MAX_ERRNO: u32 = 4095;
/// More modules than any process has.
const MAX_MODULES: u64 = 1 << 16;
/// Bytes of a `dtv_t` (glibc, sysdeps/generic/dl-dtv.h).
const DTV_ENTRY: u64 = 16;

/// A function of librte_eal was entered, at `at`: remembers where the process has that library.
///
/// Whoever has two of them, or one that moves, has none that can be trusted.
#[inline(always)]
pub(crate) fn note(hook: Hook, at: u64) {
    // SAFETY: user space adds sites and changes none but to make it unknown.
    let Some(site) = (unsafe { SITES.get(site_key(hook, at)) }) else { return };
    if site.way == WAY_ELSEWHERE || !armed() {
        return;
    }
    let (seen, pid) = (site.seen_at(at), (bpf_get_current_pid_tgid() >> 32) as u32);
    match EALS.get_ptr_mut(pid) {
        // SAFETY: a valid value of the map. Threads that meet here write the same.
        Some(known) => unsafe {
            if *known != seen {
                (*known).way = WAY_UNKNOWN;
            }
        },
        None if flight::is_kept(pid) => {
            let _ = EALS.insert(pid, seen, u64::from(BPF_NOEXIST));
        }
        None => {}
    }
}

/// The process is gone, or runs another program.
#[inline(always)]
pub(crate) fn forget(pid: u32) {
    let _ = EALS.remove(pid);
}

/// What it is now, or `UNKNOWN_ERRNO`.
#[inline(always)]
pub(crate) fn read(pid: u32) -> i32 {
    // SAFETY: copied at once; only `way` ever changes, and only to `WAY_UNKNOWN`.
    let Some(eal) = (unsafe { EALS.get(pid) }) else { return UNKNOWN_ERRNO };
    let number = address(eal).and_then(|address| {
        let mut number = 0u32;
        // SAFETY: four bytes into a u32; the helper checks the source.
        let status = unsafe { bpf_probe_read_user((&raw mut number).cast(), 4, address as *const _) };
        (status == 0 && number <= MAX_ERRNO).then_some(number)
    });
    number.map_or(UNKNOWN_ERRNO, |number| number as i32)
}

#[inline(always)]
fn address(eal: &Eal) -> Option<u64> {
    let slot = eal.base.wrapping_add(eal.slot);
    match eal.way {
        WAY_EXECUTABLE => Some(thread_pointer()?.wrapping_add(eal.offset)),
        WAY_MODULE => Some(block(word(slot)?)?.wrapping_add(eal.offset)),
        WAY_PAIR => Some(block(word(slot)?)?.wrapping_add(word(slot + 8)?)),
        _ => None,
    }
}

/// The thread's block of a module, by glibc's dynamic thread vector: in each entry the block's address first, before
/// the first entry how many there are. The same in 2.4 to 2.41 (sysdeps/x86_64/nptl/tls.h).
#[inline(always)]
fn block(module: u64) -> Option<u64> {
    let thread = thread_pointer()?;
    // `tcbhead_t`: itself, the vector, itself again.
    let vector = word(thread + 8)?;
    let entries = word(vector.wrapping_sub(DTV_ENTRY))?;
    if word(thread + 16)? != thread || module == 0 || module > entries || entries > MAX_MODULES {
        return None;
    }
    let block = word(vector + module * DTV_ENTRY)?;
    // All ones: not allocated before the thread uses it.
    (block != 0 && block != u64::MAX).then_some(block)
}

/// The thread pointer, if what is there is a thread's: its own address comes first (x86-64 ABI).
#[inline(always)]
fn thread_pointer() -> Option<u64> {
    let thread = task::thread_pointer()?;
    (word(thread)? == thread).then_some(thread)
}

/// A word of the process's memory.
#[inline(always)]
fn word(address: u64) -> Option<u64> {
    let mut word = 0u64;
    // SAFETY: eight bytes into a u64; the helper checks the source.
    let status = unsafe { bpf_probe_read_user((&raw mut word).cast(), 8, address as *const _) };
    (status == 0).then_some(word)
}
