//! librte_kni of releases that don't build any more: stand-ins for it (`tests/guest/standin.h`).

use super::NOTHING_SAID;
use super::builds::{BEYOND_THE_LIBRARY, OPENED_UNSEEN, Program, UNSEEN};
use super::library::EXPECT_VETH0_0;
use crate::scenario::{Attempt, Attempts, Expect, Module, Run, Said, Scenario};

const NAME: &str = "vEth0_0";

/// The stand-in for a release, and the layout of its struct where its refusal shows that.
macro_rules! standin {
    ($release:literal $(, $layout:literal)?) => {
        Program {
            shared: concat!("standin-kni-", $release),
            with_dpdk: concat!("standin-kni-", $release, "-static"),
            stripped: concat!("standin-kni-", $release, "-stripped"),
            library: &[
                $(("/library/layout", Said::Text($layout)),)?
                ("/library/is_static", Said::Is(false)),
                ("/library/object", Said::Text(concat!("/mnt/bin/lib-", $release, "/librte_kni.so.2"))),
            ],
            inside: &[
                $(("/library/layout", Said::Text($layout)),)?
                ("/library/is_static", Said::Is(true)),
                ("/library/object", Said::Text(concat!("/mnt/bin/standin-kni-", $release, "-static"))),
            ],
        }
    };
}

const OF_1604: Program = standin!("1604", "A");
const OF_1607: Program = standin!("1607", "A");
const OF_1908: Program = standin!("1908");

const IN_LIBRARY: Expect = Expect { status: 11, must_not_say: BEYOND_THE_LIBRARY, ..NOTHING_SAID };

const MEMZONE_MISSING: Attempt = Attempt::for_memzone(NAME, "lib.memzone-missing", "MP_mbuf_pool");

const SILENT_REFUSAL_1604: &[Run] = &[Run {
    options: &["--expect", "vEth0_0", "--within", "6s", "--exe", "/mnt/bin/standin-kni-1604-static"],
    program: "restart-forever",
    arguments: &["standin-kni-1604-static", "vEth0_0"],
    expect: Expect {
        status: 11,
        attempts: Attempts::Repeated(2, &MEMZONE_MISSING),
        must_not_say: &[":\"created\"", "IN THE MODULE", "memzone-exists", "\"sys.", "\"mod.", "\"net."],
        ..NOTHING_SAID
    },
}];

const NO_MEMZONE_1604: &[Run] = &OF_1604.runs(
    EXPECT_VETH0_0,
    &["vEth0_0"],
    Expect { attempts: Attempts::Exactly(&[MEMZONE_MISSING]), ..IN_LIBRARY },
    OPENED_UNSEEN,
);

const NO_DEVICE: Attempt = Attempt::at_syscall("sys.device-missing", 2);

/// The panic is a step on the way.
const PANICKED: Expect = Expect {
    status: 12,
    attempts: Attempts::Exactly(&[Attempt { also: &[("/end/signal", Said::Number(6))], ..NO_DEVICE }]),
    must_not_say: &[":\"created\"", "in the module", "\"lib.", "device-busy", "\"mod.", "\"net."],
    ..NOTHING_SAID
};

/// That there is no device is seen without symbols too; whether the program will go on is not.
const REFUSED_UNSEEN: Expect =
    Expect { attempts: Attempts::Exactly(&[Attempt { issued: None, ..NO_DEVICE }]), ..PANICKED };

const T14: &[Run] = &OF_1604.runs(EXPECT_VETH0_0, &["vEth0_0"], PANICKED, REFUSED_UNSEEN);

/// The lookup found the pool's memzone, and there was one more check.
const T15: &[Run] = &OF_1607.runs(
    EXPECT_VETH0_0,
    &["vEth0_0"],
    Expect {
        attempts: Attempts::Exactly(&[Attempt::for_memzone(NAME, "lib.pool-scattered", "MP_mbuf_pool")]),
        ..IN_LIBRARY
    },
    OPENED_UNSEEN,
);

const IOVA_MODE: Attempt = Attempt::in_library(NAME, "lib.iova-mode");

/// Refused when it initialised, and again, for the same reason, when it asked.
const T16: &[Run] = &OF_1908.runs(
    EXPECT_VETH0_0,
    &["vEth0_0"],
    Expect {
        attempts: Attempts::Exactly(&[
            Attempt { claimed: None, ..IOVA_MODE },
            Attempt { also: &[("/origin/place", Said::Text("rte_kni_init"))], ..IOVA_MODE },
        ]),
        ..IN_LIBRARY
    },
    UNSEEN,
);

/// In the order in which they are told of.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "silent-refusal-1604",
        shows: "16.04 refuses over and over: the pool has no memzone",
        runs: SILENT_REFUSAL_1604,
        ..Scenario::USUAL
    },
    Scenario {
        name: "no-memzone-1604",
        shows: "16.04 refuses without a word: no memzone of the pool",
        runs: NO_MEMZONE_1604,
        ..Scenario::USUAL
    },
    Scenario {
        name: "t14",
        shows: "16.04 panics without /dev/kni",
        module: Module::Absent,
        runs: T14,
        ..Scenario::USUAL
    },
    Scenario {
        name: "t15",
        shows: "16.07 refuses a pool of two pieces without a word",
        runs: T15,
        ..Scenario::USUAL
    },
    Scenario {
        name: "t16",
        shows: "19.08 refuses virtual addresses: nothing is opened",
        runs: T16,
        ..Scenario::USUAL
    },
];
