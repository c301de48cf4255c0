//! How the probes find a thread's `rte_errno`, DPDK's thread-local `per_lcore__rte_errno` in `librte_eal`.
//!
//! User space reads in the file how the library's own code finds it, and says so for each function of
//! `librte_eal` that is probed ([`Site`], map `SITES`). The first of them that a process enters tells where its
//! `librte_eal` lies in memory ([`Eal`], map `EALS`).
//!
//! Attach cookies would tell the sites apart too, but only from 5.15 on. A mapping starts at a page's boundary,
//! so the probed instruction's place in its page ([`site_key`]) is the same in the file and in every process.

use crate::hook::Hook;

/// [`Site::way`]: it is not known where the object keeps `rte_errno`.
pub const WAY_UNKNOWN: u64 = 0;
/// [`Site::way`]: the object has none of its own but uses another's, and tells nothing of that.
pub const WAY_ELSEWHERE: u64 = 1;
/// [`Site::way`]: an executable's: at the thread pointer plus `offset` (negative, in two's complement).
pub const WAY_EXECUTABLE: u64 = 2;
/// [`Site::way`]: a library's: `slot` holds the number of the module, and `rte_errno` is at `offset` in that module's block.
pub const WAY_MODULE: u64 = 3;
/// [`Site::way`]: the same, and the word behind `slot` holds the offset.
pub const WAY_PAIR: u64 = 4;

/// A probed function of `librte_eal`, and how `rte_errno` is found by the code around it. As words in this order it is
/// a value of the map `SITES`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(C)]
pub struct Site {
    /// The probed instruction's virtual address in the file.
    pub address: u64,
    /// Virtual address of the slot, 0 where the way needs none.
    pub slot: u64,
    /// What `way` says; 0 where it needs none.
    pub offset: u64,
    /// One of `WAY_*`.
    pub way: u64,
}

/// Where a process has its `librte_eal`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(C)]
pub struct Eal {
    /// What its virtual addresses are relative to.
    pub base: u64,
    /// As [`Site::slot`].
    pub slot: u64,
    /// As [`Site::offset`].
    pub offset: u64,
    /// As [`Site::way`]; [`WAY_UNKNOWN`] also where the process has more than one.
    pub way: u64,
}

impl Site {
    /// The words of the map's value.
    #[must_use]
    pub const fn words(self) -> [u64; 4] {
        [self.address, self.slot, self.offset, self.way]
    }

    /// The `librte_eal` of a process that has this site at `at`.
    #[inline]
    #[must_use]
    pub const fn seen_at(self, at: u64) -> Eal {
        let Self { address, slot, offset, way } = self;
        Eal { base: at.wrapping_sub(address), slot, offset, way }
    }
}

/// Key of the map `SITES`: the hook, and where in its page the probed instruction is.
#[inline]
#[must_use]
pub const fn site_key(hook: Hook, address: u64) -> u32 {
    (hook as u32) << 12 | (address & 0xfff) as u32
}

/// Whether the hook is in `librte_eal`, so that its entry tells where that is.
#[must_use]
pub const fn is_in_eal(hook: Hook) -> bool {
    matches!(
        hook,
        Hook::TailqLock | Hook::MemzoneLookup | Hook::MemzoneReserve | Hook::IovaMode | Hook::LibraryLog
    )
}

#[cfg(test)]
mod tests {
    use super::{Site, WAY_MODULE, site_key};
    use crate::hook::Hook;

    #[test]
    fn a_site_is_known_by_its_place_in_its_page_wherever_it_is_mapped() {
        let site = Site { address: 0x3_1234, slot: 0x5_af08, offset: 0x110, way: WAY_MODULE };
        let at = 0x7f12_3456_7000 + site.address;
        assert_eq!(site_key(Hook::LibraryLog, at), site_key(Hook::LibraryLog, site.address));
        assert_ne!(site_key(Hook::LibraryLog, at), site_key(Hook::IovaMode, at));
        assert_eq!(site.seen_at(at).base, 0x7f12_3456_7000);
    }
}
