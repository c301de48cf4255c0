//! The processes around an attempt: forks, threads, containers, libraries that come late.

use super::NOTHING_SAID;
use super::builds::REFUSED;
use super::library::{EXPECT_VETH0_0, KNI_APP, kni_app};
use crate::guest::Kernel;
use crate::scenario::{Attempt, Attempts, Became, Expect, Field, Index, Run, Said, Scenario};

const fn created(name: &'static str, also: &'static [Field]) -> Attempt {
    Attempt { ifindex: Index::Some, also, ..Attempt::created(name) }
}

const ONE: Expect = Expect {
    attempts: Attempts::Exactly(&[created("vEth0_0", &[])]),
    interfaces: &[Became::released("vEth0_0")],
    must_not_say: REFUSED,
    ..NOTHING_SAID
};

const FORKED: &[Run] = &KNI_APP.runs(EXPECT_VETH0_0, kni_app!("fork", "vEth0_0"), ONE, ONE);

/// Which thread is the first to get the library's lock is chance: the names are the interfaces' own.
const TWO: Expect = Expect {
    attempts: Attempts::InAnyOrder(&[created("vEth0_0", &[]), created("vEth0_1", &[])]),
    interfaces: &[Became::released("vEth0_0"), Became::released("vEth0_1")],
    must_not_say: REFUSED,
    ..NOTHING_SAID
};

const THREADS: &[Run] = &KNI_APP.runs(
    &["--expect", "vEth0_0", "--expect", "vEth0_1", "--within", "60s", "--wait"],
    kni_app!("threads", "vEth0_0", "vEth0_1"),
    TWO,
    TWO,
);

const CONTAINED: &[Run] = &[Run {
    options: EXPECT_VETH0_0,
    program: "contained",
    arguments: &["kni-app", "--in-memory", "--no-pci", "-l", "0", "-m", "32", "--", "none", "vEth0_0"],
    expect: Expect {
        attempts: Attempts::Exactly(&[created(
            "vEth0_0",
            &[
                ("/process/ns_pid", Said::Number(1)),
                ("/process/mntns", Said::Something),
                // In its own mount namespace.
                ("/library/object", Said::Ending("/opt/librte_kni.so.23")),
            ],
        )]),
        ..ONE
    },
}];

const PLUGINS: &[Run] = &[Run {
    options: &["--expect", "kni0", "--within", "60s", "--wait"],
    program: "testpmd-plugins",
    arguments: &["quit"],
    expect: Expect {
        attempts: Attempts::Exactly(&[created(
            "kni0",
            &[("/library/object", Said::Text("/opt/kni-plugins/librte_kni.so.23"))],
        )]),
        interfaces: &[Became::released("kni0")],
        ..ONE
    },
}];

const fn with_module(name: &'static str, shows: &'static str, runs: &'static [Run]) -> Scenario {
    Scenario { name, shows, runs, ..Scenario::USUAL }
}

/// It names a library by the version of DPDK 22.11's.
const fn of_22_11(name: &'static str, shows: &'static str, runs: &'static [Run]) -> Scenario {
    Scenario { kernels: &Kernel::WITH_DPDK_22_11, ..with_module(name, shows, runs) }
}

/// In the order in which they are told of.
pub(super) const SCENARIOS: &[Scenario] = &[
    with_module("forked", "a child asks, forked after the device was opened", FORKED),
    with_module("threads", "two threads ask at once", THREADS),
    of_22_11("contained", "in PID, mount and network namespaces of its own", CONTAINED),
    of_22_11("plugins", "testpmd loads librte_kni from where nobody looks", PLUGINS),
];
