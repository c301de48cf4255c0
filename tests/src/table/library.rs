//! librte_kni of DPDK 22.11, and every way in which it says no. The names are the rows of the test matrix.

use super::NOTHING_SAID;
use super::builds::{BEYOND_THE_LIBRARY, OPENED_UNSEEN, Program, REFUSED, UNSEEN};
use crate::scenario::{Attempt, Attempts, Became, Expect, Field, Index, Run, Said, Scenario};

pub(super) const KNI_APP: Program = Program {
    shared: "kni-app",
    with_dpdk: "kni-app-static",
    stripped: "kni-app-stripped",
    library: &[("/library/is_static", Said::Is(false)), ("/library/layout", Said::Text("D"))],
    inside: &[
        ("/library/is_static", Said::Is(true)),
        ("/library/object", Said::Text("/mnt/bin/kni-app-static")),
    ],
};

/// kni-app's arguments: the fault and the names, behind EAL's options.
macro_rules! kni_app {
    ($eal:literal; $($argument:literal),+) => {
        &["--in-memory", "--no-pci", "-l", "0", "-m", "32", $eal, "--", $($argument),+]
    };
    ($($argument:literal),+) => { kni_app!("--no-telemetry"; $($argument),+) };
}
pub(super) use kni_app;

pub(super) const EXPECT_VETH0_0: &[&str] = &["--expect", "vEth0_0", "--within", "60s", "--wait"];

const NAME: &str = "vEth0_0";
const ENOMEM: i64 = 12;
const EEXIST: i64 = 17;

/// Opened the device, and was refused by the library.
const fn refused(
    arguments: &'static [&'static str],
    attempts: &'static [Attempt],
    stripped: Expect,
) -> [Run; 3] {
    let expect = Expect {
        status: 11,
        attempts: Attempts::Exactly(attempts),
        must_not_say: BEYOND_THE_LIBRARY,
        ..NOTHING_SAID
    };
    KNI_APP.runs(EXPECT_VETH0_0, arguments, expect, stripped)
}

/// The `nth` of the seven memzones that `rte_kni_alloc` reserves is there already.
const fn reserved(zone: &'static str, nth: &'static [Field]) -> Attempt {
    Attempt { also: nth, ..Attempt::for_memzone(NAME, "lib.memzone-exists", zone) }
}

const fn nth_of_7<const NTH: i64>() -> &'static [Field] {
    const {
        &[
            ("/check/time/0", Said::Number(NTH)),
            ("/check/time/1", Said::Number(7)),
            ("/steps/*/rte_errno", Said::Number(EEXIST)),
        ]
    }
}

/// The first is created, and nothing is said of more.
const fn created(
    arguments: &'static [&'static str],
    attempts: &'static [Attempt],
    must_not_say: &'static [&'static str],
) -> [Run; 3] {
    let expect = Expect {
        attempts: Attempts::Exactly(attempts),
        interfaces: &[RELEASED],
        must_not_say,
        ..NOTHING_SAID
    };
    let stripped = Expect { attempts: Attempts::Exactly(&[CREATED]), must_not_say: REFUSED, ..expect };
    KNI_APP.runs(EXPECT_VETH0_0, arguments, expect, stripped)
}

const RELEASED: Became = Became::released(NAME);
const CREATED: Attempt = Attempt { ifindex: Index::Some, ..Attempt::created(NAME) };

/// A row with two faults.
const fn both(one: &[Run; 3], other: &[Run; 3]) -> [Run; 6] {
    [one[0], one[1], one[2], other[0], other[1], other[2]]
}

const fn row(name: &'static str, shows: &'static str, runs: &'static [Run]) -> Scenario {
    Scenario { name, shows, runs, ..Scenario::USUAL }
}

const T02: &[Run] = &refused(
    kni_app!("reserve-tx", "vEth0_0"),
    &[reserved("kni_tx_vEth0_0", nth_of_7::<1>())],
    OPENED_UNSEEN,
);
const T03_REQ: [Run; 3] = refused(
    kni_app!("reserve-req", "vEth0_0"),
    &[reserved("kni_req_vEth0_0", nth_of_7::<5>())],
    OPENED_UNSEEN,
);
const T03_SYNC: [Run; 3] = refused(
    kni_app!("reserve-sync", "vEth0_0"),
    &[reserved("kni_sync_vEth0_0", nth_of_7::<7>())],
    OPENED_UNSEEN,
);
const T05: &[Run] =
    &refused(kni_app!("no-memory", "vEth0_0"), &[Attempt::in_library(NAME, "lib.no-memory")], OPENED_UNSEEN);
const T07_CONF: [Run; 3] = refused(
    kni_app!("no-conf", "vEth0_0"),
    &[Attempt {
        claimed: None,
        also: &[("/arguments/name/state", Said::Text("null"))],
        ..Attempt::in_library(NAME, "lib.bad-argument")
    }],
    OPENED_UNSEEN,
);
const T07_NAME: [Run; 3] = refused(
    kni_app!("no-name", "vEth0_0"),
    &[Attempt {
        claimed: None,
        also: &[("/arguments/name/text", Said::Text(""))],
        ..Attempt::in_library(NAME, "lib.bad-argument")
    }],
    OPENED_UNSEEN,
);
const T08: &[Run] =
    &refused(kni_app!("no-init", "vEth0_0"), &[Attempt::in_library(NAME, "lib.not-initialised")], UNSEEN);
const T10: &[Run] = &refused(
    kni_app!("closed", "vEth0_0"),
    &[Attempt {
        also: &[("/origin/place", Said::Text("rte_kni_close"))],
        ..Attempt::in_library(NAME, "lib.not-initialised")
    }],
    OPENED_UNSEEN,
);
const T11: &[Run] = &created(
    kni_app!("none", "vEth0_0", "vEth0_0"),
    &[CREATED, Attempt::in_library(NAME, "lib.already-exists")],
    &["INCONCLUSIVE", "\"lib.memzone", "\"sys.", "\"mod.", "\"net."],
);
const T36_PA: [Run; 3] = created(
    kni_app!("--iova-mode=pa"; "none", "vEth0_0"),
    &[Attempt { also: &[("/arguments/iova_mode", Said::Text("physical"))], ..CREATED }],
    REFUSED,
);
const T36_VA: [Run; 3] = created(
    kni_app!("--iova-mode=va"; "none", "vEth0_0"),
    &[Attempt { also: &[("/arguments/iova_mode", Said::Text("virtual"))], ..CREATED }],
    REFUSED,
);
const T42: &[Run] = &created(kni_app!("empty-pool", "vEth0_0"), &[CREATED], REFUSED);
const NO_POOL: &[Run] = &refused(
    kni_app!("no-pool", "vEth0_0"),
    &[Attempt {
        also: &[
            ("/arguments/pool/state", Said::Text("null")),
            // A pool of so many is refused by the ring that would hold them.
            ("/origin/place", Said::Text("rte_ring_create")),
            ("/origin/rte_errno", Said::Number(ENOMEM)),
        ],
        ..Attempt::in_library(NAME, "lib.no-pool")
    }],
    OPENED_UNSEEN,
);
const NO_POOL_EXIT: &[Run] = &KNI_APP.runs(
    EXPECT_VETH0_0,
    kni_app!("no-pool-exit", "vEth0_0"),
    Expect {
        status: 10,
        attempts: Attempts::Exactly(&[Attempt {
            also: &[
                ("/origin/place", Said::Text("rte_ring_create")),
                ("/origin/rte_errno", Said::Number(ENOMEM)),
                ("/end/status", Said::Number(1)),
            ],
            ..Attempt::not_attempted("lib.no-pool")
        }]),
        must_not_say: BEYOND_THE_LIBRARY,
        ..NOTHING_SAID
    },
    OPENED_UNSEEN,
);
const STARVED: &[Run] = &[Run {
    options: &["--expect", "vEth0_0", "--within", "60s", "--without", "ioctl"],
    program: "kni-app",
    arguments: kni_app!("reserve-tx", "vEth0_0"),
    expect: Expect {
        status: 20,
        attempts: Attempts::Exactly(&[Attempt {
            claimed: Some(NAME),
            issued: None,
            ..Attempt::inconclusive()
        }]),
        must_not_say: &[
            ":\"created\"",
            "stopped in",
            "stopped at",
            "no ioctl was issued",
            "\"lib.",
            "\"sys.",
            "\"mod.",
            "\"net.",
        ],
        ..NOTHING_SAID
    },
}];

/// In the order in which they are told of.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario { smoke: true, ..row("t02", "a silent refusal: the first of seven memzones exists", T02) },
    row("t03", "the fifth, and the last, of seven memzones exists", &both(&T03_REQ, &T03_SYNC)),
    row("t05", "DPDK's heap is used up", T05),
    row("t07", "no configuration, and one with an empty name", &both(&T07_CONF, &T07_NAME)),
    row("t08", "rte_kni_alloc without rte_kni_init", T08),
    row("t10", "rte_kni_alloc after rte_kni_close", T10),
    row("t11", "the same name twice in one process", T11),
    row("t36", "created, with physical, and with virtual addresses", &both(&T36_PA, &T36_VA)),
    row("t42", "created, with an empty mbuf pool", T42),
    row("no-pool", "the mbuf pool was never made, and its NULL passed on", NO_POOL),
    row("no-pool-exit", "the mbuf pool was never made, and the program exits", NO_POOL_EXIT),
    row("starved", "t02 without the ioctl hook: no guess", STARVED),
];
