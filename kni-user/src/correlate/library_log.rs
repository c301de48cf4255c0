//! What the library says of itself: the format strings that it passes to `rte_log`, also of levels that it
//! then prints nowhere, and to `rte_panic`.
//!
//! Sources: `lib/librte_kni/rte_kni.c` (later `lib/kni`), `lib/librte_eal/common/eal_common_memzone.c`,
//! `malloc_heap.c` and `eal_common_memalloc.c` of DPDK 16.04 to 23.07.

/// What a line says that matters.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Said {
    /// `rte_kni_alloc`: initialise first.
    NotInitialised,
    /// `rte_kni_alloc`, since 18.11: an interface of that name is there.
    AlreadyExists,
    /// `rte_kni_alloc`, up to 18.08: the free slot is in use.
    InUse,
    /// `rte_kni_alloc`, up to 18.08: no slot is left.
    NoSlot,
    /// `rte_kni_alloc`, since 18.11: no memory for its list's entry.
    NoTailqEntry,
    /// `rte_kni_alloc`, since 18.11: no memory for the interface's state.
    NoContext,
    /// `rte_kni_alloc`, up to 19.05: which PCI device it is for. It refuses nothing.
    Device,
    /// `rte_kni_alloc`, after it has succeeded: the pool is empty.
    PoolEmpty,
    /// `rte_kni_init`: the wrong IOVA mode.
    IovaMode,
    /// `rte_kni_init`: the device could not be opened.
    CannotOpen,
    /// `rte_kni_init`, up to 18.08: it has been called before.
    DoubleInit,
    /// `rte_kni_init`, up to 18.08: it is to make room for no interface.
    InvalidMaximum,
    /// `rte_kni_init`, up to 18.08: no memory for its slots and their memzones.
    NoInitMemory,
    /// `rte_kni_init`, since 22.11: KNI will go. It refuses nothing.
    Deprecated,
    /// `rte_kni_release`: the module refused.
    CannotRelease,
    /// `rte_panic`.
    Panic,
    /// The memory manager: a memzone of that name is there.
    ZoneExists,
    /// The memory manager: the table of memzones is full.
    ZonesExhausted,
    /// The memory manager: no memory.
    HeapExhausted,
}

const PHRASES: &[(&str, Said)] = &[
    ("KNI subsystem has not been initialized", Said::NotInitialised),
    ("KNI already exists", Said::AlreadyExists),
    ("KNI %s is in use", Said::InUse),
    ("Cannot allocate more KNI interfaces", Said::NoSlot),
    ("Failed to allocate tailq entry", Said::NoTailqEntry),
    ("KNI memory allocation failed", Said::NoContext),
    ("KNI: pci: %02x:%02x:%02x", Said::Device),
    ("KNI: Out of memory", Said::PoolEmpty),
    ("KNI requires IOVA as PA", Said::IovaMode),
    ("Can not open /dev/", Said::CannotOpen),
    ("Double call to rte_kni_init", Said::DoubleInit),
    ("Invalid number of max_kni_ifaces", Said::InvalidMaximum),
    ("Unable to initialize KNI", Said::InvalidMaximum),
    ("Unable to allocate memory for max_kni_ifaces", Said::NoInitMemory),
    ("KNI is deprecated", Said::Deprecated),
    ("Fail to release kni device", Said::CannotRelease),
    ("PANIC in %s", Said::Panic),
    ("memzone <%s> already exists", Said::ZoneExists),
    ("No more room in config", Said::ZonesExhausted),
    ("Number of requested memzone segments exceeds", Said::ZonesExhausted),
    ("Cannot find free memzone", Said::ZonesExhausted),
    ("couldn't find suitable memseg_list", Said::HeapExhausted),
    ("couldn't allocate physically contiguous space", Said::HeapExhausted),
    ("Cannot reserve memory", Said::HeapExhausted),
    ("couldn't allocate memory", Said::HeapExhausted),
    ("Not enough memory", Said::HeapExhausted),
];

impl Said {
    /// What a format string tells, if it is one that matters.
    #[must_use]
    pub fn of(format: &[u8]) -> Option<Self> {
        PHRASES.iter().find(|(phrase, _)| contains(format, phrase.as_bytes())).map(|(_, said)| *said)
    }

    /// Whether it is the memory manager's, about what it was asked for.
    #[must_use]
    pub const fn is_of_memory(self) -> bool {
        matches!(self, Self::ZoneExists | Self::ZonesExhausted | Self::HeapExhausted)
    }

    /// Whether the function that says it goes on as before.
    #[must_use]
    pub const fn is_only_said(self) -> bool {
        matches!(self, Self::Device | Self::PoolEmpty | Self::Deprecated | Self::CannotRelease | Self::Panic)
    }
}

fn contains(text: &[u8], phrase: &[u8]) -> bool {
    text.windows(phrase.len()).any(|window| window == phrase)
}

#[cfg(test)]
mod tests {
    use super::Said;

    #[test]
    fn the_formats_of_each_release_are_understood() {
        for (format, said) in [
            ("EAL: %s(): memzone <%s> already exists\n", Some(Said::ZoneExists)),
            ("EAL: %s(): No more room in config\n", Some(Said::ZonesExhausted)),
            (
                "KNI: KNI subsystem has not been initialized. Invoke rte_kni_init() first\n",
                Some(Said::NotInitialised),
            ),
            ("KNI: KNI %s is in use\n", Some(Said::InUse)),
            ("KNI: Can not open /dev/%s\n", Some(Said::CannotOpen)),
            ("KNI: pci: %02x:%02x:%02x \t %02x:%02x\n", Some(Said::Device)),
            ("WARNING: KNI is deprecated and will be removed in DPDK 23.11\n", Some(Said::Deprecated)),
            ("KNI: Invalid number of max_kni_ifaces %d\n", Some(Said::InvalidMaximum)),
            ("KNI: Unable to initialize KNI\n", Some(Said::InvalidMaximum)),
            (
                "Unable to allocate memory for max_kni_ifaces:%d. Increase the amount of hugepages memory\n",
                Some(Said::NoInitMemory),
            ),
            ("KNI: Failed to allocate tailq entry\n", Some(Said::NoTailqEntry)),
            ("KNI: KNI memory allocation failed\n", Some(Said::NoContext)),
            ("KNI: Out of memory\n", Some(Said::PoolEmpty)),
            ("KNI: Fail to release kni device\n", Some(Said::CannotRelease)),
            ("EAL: Out of memory\n", None),
            ("", None),
        ] {
            assert_eq!(Said::of(format.as_bytes()), said, "{format}");
        }
    }
}
