//! What the library says of itself: the format strings that it passes to `rte_log`.
//!
//! Sources: `lib/librte_kni/rte_kni.c` (later `lib/kni`), `lib/librte_eal/common/eal_common_memzone.c`,
//! `malloc_heap.c` and `eal_common_memalloc.c` of DPDK 16.04 to 23.07.

/// A reason that the library gave.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Said {
    /// `rte_kni_alloc`: initialise first.
    NotInitialised,
    /// `rte_kni_alloc`: an interface of that name is there.
    AlreadyExists,
    /// `rte_kni_alloc`, up to 18.08: no slot is left.
    NoSlot,
    /// `rte_kni_alloc`: no memory for its own bookkeeping.
    NoMemory,
    /// `rte_kni_init`: the wrong IOVA mode.
    IovaMode,
    /// `rte_kni_init`: the device could not be opened.
    CannotOpen,
    /// `rte_kni_init`, up to 18.08: it has been called before.
    DoubleInit,
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
    ("KNI %s is in use", Said::AlreadyExists),
    ("Cannot allocate more KNI interfaces", Said::NoSlot),
    ("Failed to allocate tailq entry", Said::NoMemory),
    ("KNI memory allocation failed", Said::NoMemory),
    ("KNI requires IOVA as PA", Said::IovaMode),
    ("Can not open /dev/", Said::CannotOpen),
    ("Double call to rte_kni_init", Said::DoubleInit),
    ("PANIC in %s", Said::Panic),
    ("memzone <%s> already exists", Said::ZoneExists),
    ("No more room in config", Said::ZonesExhausted),
    ("Number of requested memzone segments exceeds", Said::ZonesExhausted),
    ("Cannot find free memzone", Said::ZonesExhausted),
    ("couldn't find suitable memseg_list", Said::HeapExhausted),
    ("Cannot reserve memory", Said::HeapExhausted),
    ("couldn't allocate memory", Said::HeapExhausted),
    ("Not enough memory", Said::HeapExhausted),
];

impl Said {
    /// What a format string tells, if it is one that matters.
    #[must_use]
    pub(super) fn of(format: &[u8]) -> Option<Self> {
        PHRASES.iter().find(|(phrase, _)| contains(format, phrase.as_bytes())).map(|(_, said)| *said)
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
            ("KNI: KNI %s is in use\n", Some(Said::AlreadyExists)),
            ("KNI: Can not open /dev/%s\n", Some(Said::CannotOpen)),
            ("KNI: pci: %02x:%02x:%02x \t %02x:%02x\n", None),
            ("KNI: KNI is deprecated\n", None),
            ("", None),
        ] {
            assert_eq!(Said::of(format.as_bytes()), said, "{format}");
        }
    }
}
