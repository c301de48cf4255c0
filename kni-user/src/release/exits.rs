//! The checks that `rte_kni_init` and `rte_kni_alloc` make, in their order.
//!
//! A check that refuses leaves a trace or none; what comes later in the order left its own, had it been
//! reached. So the order names a check even where the library itself says nothing.

use super::Releases;
use crate::cause::Cause;
use crate::correlate::Said;

/// The order of a function's checks in some releases.
#[derive(Debug, Eq, PartialEq)]
pub struct Order {
    /// The function.
    pub function: &'static str,
    /// The releases.
    pub releases: Releases,
    /// The same in words.
    pub label: &'static str,
    /// How many checks there are.
    pub of: u8,
    /// The checks.
    pub exits: &'static [Exit],
}

/// A check that may refuse.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Exit {
    /// The how-manieth of the order it is, from 1.
    pub number: u8,
    /// What is checked, in words.
    pub what: &'static str,
    /// What shows that it refused.
    pub leaves: Leaves,
    /// Why it refuses; `None`: what it leaves must tell.
    pub cause: Option<Cause>,
    /// How often it is made.
    pub times: u8,
    /// The releases of the order that make it.
    pub releases: Releases,
}

/// What a check leaves behind that refuses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Leaves {
    /// Nothing: it looks at the arguments alone.
    Nothing,
    /// A line of its own in the library's log.
    Line(Said),
    /// A lookup that found nothing.
    Lookup,
    /// A lookup that found its zone, and nothing after.
    Found,
    /// A reservation that failed.
    Reserve,
    /// The device's refusal to be opened.
    Open,
}

const fn exit(number: u8, what: &'static str, leaves: Leaves, cause: Option<Cause>) -> Exit {
    Exit { number, what, leaves, cause, times: 1, releases: Releases::ALL }
}

const ARGUMENTS: Exit =
    exit(1, "whether there are a pool, a configuration and a name in it", Leaves::Nothing, None);
const INITIALISED: Exit = exit(
    2,
    "whether rte_kni_init succeeded",
    Leaves::Line(Said::NotInitialised),
    Some(Cause::LibNotInitialised),
);
const SLOT: Exit = exit(3, "whether a slot is free", Leaves::Line(Said::NoSlot), Some(Cause::LibNoSlot));
const IN_USE: Exit =
    exit(4, "whether that slot is free indeed", Leaves::Line(Said::InUse), Some(Cause::LibAlreadyExists));

/// `rte_kni_alloc` before it asks the module, `lib/librte_kni/rte_kni.c` (`lib/kni/rte_kni.c` since 21.05).
pub const ALLOC: &[Order] = &[
    // 16.04, 16.07. With Xen's dom0 the zone is named "%s_MP_elt" (16.04).
    Order {
        function: "rte_kni_alloc",
        releases: Releases::span(1604, 1607),
        label: "16.04 to 16.07",
        of: 5,
        exits: &[
            ARGUMENTS,
            INITIALISED,
            SLOT,
            IN_USE,
            exit(
                5,
                "whether the pool has its memzone MP_<pool>",
                Leaves::Lookup,
                Some(Cause::LibMemzoneMissing),
            ),
            // The second half of the same check (d1d914ebbc). A pool on 2 MB pages has many pieces.
            Exit {
                releases: Releases::span(1607, 1607),
                ..exit(
                    5,
                    "whether the pool's memory is one piece",
                    Leaves::Found,
                    Some(Cause::LibPoolScattered),
                )
            },
        ],
    },
    // The pool's memory is no longer looked at (e22856313f, 8451269e6d).
    Order {
        function: "rte_kni_alloc",
        releases: Releases::span(1611, 1808),
        label: "16.11 to 18.08",
        of: 4,
        exits: &[ARGUMENTS, INITIALISED, SLOT, IN_USE],
    },
    // Slots went, and with them the number that rte_kni_init was given. The tailq's lock is taken after
    // the second check: by rte_mcfg_tailq_write_lock since 19.08, inline before.
    Order {
        function: "rte_kni_alloc",
        releases: Releases::since(1811),
        label: "18.11 to 23.07",
        of: 6,
        exits: &[
            ARGUMENTS,
            INITIALISED,
            exit(
                3,
                "whether the name is free in this process",
                Leaves::Line(Said::AlreadyExists),
                Some(Cause::LibAlreadyExists),
            ),
            exit(
                4,
                "memory for the entry in the list of interfaces",
                Leaves::Line(Said::NoTailqEntry),
                Some(Cause::LibNoMemory),
            ),
            exit(
                5,
                "memory for the interface's own state",
                Leaves::Line(Said::NoContext),
                Some(Cause::LibNoMemory),
            ),
            Exit { times: 7, ..exit(6, "reserving the memzones of its queues", Leaves::Reserve, None) },
        ],
    },
];

const fn opening(number: u8) -> Exit {
    exit(number, "opening /dev/kni", Leaves::Open, None)
}

const MAXIMUM: Exit = exit(
    2,
    "whether it is to make room for any interface",
    Leaves::Line(Said::InvalidMaximum),
    Some(Cause::LibBadArgument),
);
const SLOTS: Exit =
    exit(4, "memory for the slots", Leaves::Line(Said::NoInitMemory), Some(Cause::LibNoMemory));
const MEMZONES: Exit = exit(5, "looking up or reserving the memzones of each slot", Leaves::Reserve, None);

/// `rte_kni_init`, the same file.
pub const INIT: &[Order] = &[
    // Returns nothing up to 18.08. 16.04 and 16.07 panic; 16.11 says the same as errors and returns (135045f6c6).
    Order {
        function: "rte_kni_init",
        releases: Releases::until(1808),
        label: "16.04 to 18.08",
        of: 5,
        exits: &[
            exit(1, "whether it was called before", Leaves::Line(Said::DoubleInit), None),
            MAXIMUM,
            opening(3),
            SLOTS,
            MEMZONES,
        ],
    },
    Order {
        function: "rte_kni_init",
        releases: Releases::span(1811, 1905),
        label: "18.11 to 19.05",
        of: 1,
        exits: &[opening(1)],
    },
    // The mode is checked always in 19.08 (fe8fc6b0b7), and since 19.11 where it was built for kernels before 4.10.
    Order {
        function: "rte_kni_init",
        releases: Releases::since(1908),
        label: "19.08 to 23.07",
        of: 2,
        exits: &[
            exit(1, "whether addresses are physical", Leaves::Line(Said::IovaMode), Some(Cause::LibIovaMode)),
            opening(2),
        ],
    },
];

/// A memzone that `rte_kni_alloc` reserves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Zone {
    /// The how-manieth it is, from 1, and of how many.
    pub time: (u8, u8),
    /// What is checked, in words.
    pub what: &'static str,
}

/// The memzones that `rte_kni_alloc` reserves since 18.11, in this order: how their names begin.
const ZONES: [(&str, &str); 7] = [
    ("kni_tx_", "reserving the memzone kni_tx_<name>"),
    ("kni_rx_", "reserving the memzone kni_rx_<name>"),
    ("kni_alloc_", "reserving the memzone kni_alloc_<name>"),
    ("kni_free_", "reserving the memzone kni_free_<name>"),
    ("kni_req_", "reserving the memzone kni_req_<name>"),
    ("kni_resp_", "reserving the memzone kni_resp_<name>"),
    ("kni_sync_", "reserving the memzone kni_sync_<name>"),
];

/// Which of the memzones of [`ALLOC`] one of that name is; `None`: none of them.
#[must_use]
pub fn zone(name: &[u8]) -> Option<Zone> {
    let mut zones = (1..).zip(ZONES);
    let found = zones.find(|(_, (prefix, _))| name.starts_with(prefix.as_bytes()));
    found.map(|(number, (_, what))| Zone { time: (number, 7), what })
}

/// Whether a memzone of that name is a pool's in 16.04 (with Xen's dom0: the second form) or 16.07
/// (`lib/librte_mempool/rte_mempool.h`).
#[must_use]
pub fn is_of_pool(name: &[u8]) -> bool {
    name.starts_with(b"MP_") || name.ends_with(b"_MP_elt")
}
