//! The scenarios.

use crate::scenario::{Attempt, Attempts, Background, Expect, Index, Module, Run, Scenario};

const ENOENT: i64 = 2;
const EBADF: i64 = 9;
const EBUSY: i64 = 16;
const EEXIST: i64 = 17;
const ENODEV: i64 = 19;
const EINVAL: i64 = 22;
const ENOTTY: i64 = 25;

const NOTHING_SAID: Expect =
    Expect { status: 0, attempts: Attempts::Exactly(&[]), released: &[], module_comes: 0, must_not_say: &[] };

const RESERVED: &[&str] =
    &["kni-reserved", "--in-memory", "--no-pci", "-l", "0", "-m", "32", "--", "vEth0_0"];

/// testpmd, which has the device and kni0.
const HOLDER: Background = Background { command: "testpmd-session stay", until_interface: "kni0" };

/// All of them, in the order in which they are told of.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "created",
        shows: "testpmd creates kni0 and releases it when it quits",
        module: Module::Loaded,
        before: None,
        runs: &[Run {
            options: &["--expect", "kni0", "--within", "60s", "--wait"],
            command: &["testpmd-session", "note-ifindex", "/run/ifindex"],
            expect: Expect {
                attempts: Attempts::Exactly(&[Attempt::created("kni0")]),
                released: &["kni0"],
                must_not_say: &["STOPPED", "INCONCLUSIVE", "\"lib.", "\"sys.", "\"mod.", "\"net."],
                ..NOTHING_SAID
            },
        }],
    },
    Scenario {
        name: "silent-refusal",
        shows: "22.11 refuses without a word: a memzone exists already",
        module: Module::Loaded,
        before: None,
        runs: &[Run {
            options: &["--expect", "vEth0_0", "--within", "60s"],
            command: RESERVED,
            expect: Expect {
                status: 11,
                attempts: Attempts::Exactly(&[Attempt::in_library(
                    "vEth0_0",
                    "lib.memzone-exists",
                    "kni_tx_vEth0_0",
                )]),
                must_not_say: &[
                    ":\"created\"",
                    "IN THE MODULE",
                    "memzone-missing",
                    "\"sys.",
                    "\"mod.",
                    "\"net.",
                ],
                ..NOTHING_SAID
            },
        }],
    },
    Scenario {
        name: "silent-refusal-1604",
        shows: "16.04 refuses over and over: the pool has no memzone",
        module: Module::Loaded,
        before: None,
        runs: &[Run {
            options: &["--expect", "vEth0_0", "--within", "6s", "--exe", "/mnt/bin/standin-kni-1604"],
            command: &["restart-forever", "standin-kni-1604", "vEth0_0"],
            expect: Expect {
                status: 11,
                attempts: Attempts::Repeated(
                    2,
                    Attempt::in_library("vEth0_0", "lib.memzone-missing", "MP_mbuf_pool"),
                ),
                must_not_say: &[
                    ":\"created\"",
                    "IN THE MODULE",
                    "memzone-exists",
                    "\"sys.",
                    "\"mod.",
                    "\"net.",
                ],
                ..NOTHING_SAID
            },
        }],
    },
    Scenario {
        name: "module-missing",
        shows: "testpmd without rte_kni.ko: no /dev/kni to open",
        module: Module::Absent,
        before: None,
        runs: &[Run {
            options: &["--expect", "kni0", "--within", "60s"],
            command: &["testpmd-session", "quit"],
            expect: Expect {
                status: 12,
                attempts: Attempts::Exactly(&[Attempt::at_syscall("sys.device-missing", ENOENT)]),
                must_not_say: &[
                    ":\"created\"",
                    "IN THE LIBRARY",
                    "IN THE MODULE",
                    "\"lib.",
                    "device-busy",
                    "\"mod.",
                ],
                ..NOTHING_SAID
            },
        }],
    },
    Scenario {
        name: "device-busy",
        shows: "a second testpmd: /dev/kni can be opened once",
        module: Module::Loaded,
        before: Some(HOLDER),
        runs: &[Run {
            options: &["--expect", "kni1", "--within", "60s"],
            command: &["testpmd-session", "quit"],
            expect: Expect {
                status: 12,
                attempts: Attempts::Exactly(&[Attempt {
                    holder: Some("dpdk-testpmd"),
                    ..Attempt::at_syscall("sys.device-busy", EBUSY)
                }]),
                must_not_say: &[
                    ":\"created\"",
                    "IN THE LIBRARY",
                    "IN THE MODULE",
                    "\"lib.",
                    "device-missing",
                    "\"mod.",
                ],
                ..NOTHING_SAID
            },
        }],
    },
    Scenario {
        name: "wrong-fd",
        shows: "CREATE on /dev/null, and on a closed descriptor",
        module: Module::Loaded,
        before: None,
        runs: &[
            Run {
                options: &["--expect", "vEth7", "--within", "60s"],
                command: &["kni-create", "--on", "/dev/null", "vEth7"],
                expect: Expect {
                    status: 12,
                    attempts: Attempts::Exactly(&[Attempt {
                        claimed: Some("vEth7"),
                        subject: Some("fd 3"),
                        issued: Some(true),
                        ..Attempt::at_syscall("sys.wrong-device", ENOTTY)
                    }]),
                    must_not_say: &[
                        ":\"created\"",
                        "IN THE LIBRARY",
                        "IN THE MODULE",
                        "bad-fd",
                        "\"lib.",
                        "\"mod.",
                    ],
                    ..NOTHING_SAID
                },
            },
            Run {
                options: &["--expect", "vEth7", "--within", "60s"],
                command: &["kni-create", "--on-closed", "vEth7"],
                expect: Expect {
                    status: 12,
                    attempts: Attempts::Exactly(&[Attempt {
                        claimed: Some("vEth7"),
                        subject: Some("fd 3"),
                        issued: Some(true),
                        ..Attempt::at_syscall("sys.bad-fd", EBADF)
                    }]),
                    must_not_say: &[
                        ":\"created\"",
                        "IN THE LIBRARY",
                        "IN THE MODULE",
                        "wrong-device",
                        "\"lib.",
                        "\"mod.",
                    ],
                    ..NOTHING_SAID
                },
            },
        ],
    },
    Scenario {
        name: "duplicate-name",
        shows: "CREATE of a name that another KNI interface has",
        module: Module::Loaded,
        before: Some(HOLDER),
        runs: &[Run {
            options: &["--expect", "kni0", "--within", "60s"],
            command: &["kni-create", "--opened-elsewhere", "kni0"],
            expect: Expect {
                status: 13,
                attempts: Attempts::Exactly(&[Attempt::in_kernel(
                    "module",
                    "kni0",
                    "mod.name-duplicate",
                    EINVAL,
                )]),
                must_not_say: &[
                    ":\"created\"",
                    "IN THE LIBRARY",
                    "IN THE NETWORK",
                    "no ioctl",
                    "\"lib.",
                    "\"net.",
                ],
                ..NOTHING_SAID
            },
        }],
    },
    Scenario {
        name: "name-taken",
        shows: "CREATE of lo: the network core says why, the module not",
        module: Module::Loaded,
        before: None,
        runs: &[Run {
            options: &["--expect", "lo", "--within", "60s"],
            command: &["kni-create", "lo"],
            expect: Expect {
                status: 14,
                attempts: Attempts::Exactly(&[Attempt {
                    consumed: Some("lo"),
                    errno_kernel: Some(EEXIST),
                    ..Attempt::in_kernel("network", "lo", "net.name-exists", ENODEV)
                }]),
                must_not_say: &[
                    ":\"created\"",
                    "IN THE LIBRARY",
                    "IN THE MODULE",
                    "no ioctl",
                    "\"lib.",
                    "\"mod.",
                ],
                ..NOTHING_SAID
            },
        }],
    },
    Scenario {
        name: "starved",
        shows: "silent-refusal without the ioctl hook: no guess",
        module: Module::Loaded,
        before: None,
        runs: &[Run {
            options: &["--expect", "vEth0_0", "--within", "60s", "--without", "ioctl"],
            command: RESERVED,
            expect: Expect {
                status: 20,
                attempts: Attempts::Exactly(&[Attempt {
                    outcome: "inconclusive",
                    boundary: None,
                    cause: None,
                    subject: None,
                    issued: None,
                    complete: false,
                    ..Attempt::in_library("vEth0_0", "", "")
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
        }],
    },
    Scenario {
        name: "module-comes-and-goes",
        shows: "rte_kni.ko comes, goes and comes again meanwhile",
        module: Module::Absent,
        before: None,
        runs: &[Run {
            options: &["--within", "120s", "--wait"],
            command: &["load-and-unload"],
            expect: Expect {
                attempts: Attempts::Exactly(&[
                    Attempt { ifindex: Index::Some, ..Attempt::created("kni0") },
                    Attempt { ifindex: Index::Some, ..Attempt::created("kni0") },
                ]),
                released: &["kni0", "kni0"],
                module_comes: 2,
                must_not_say: &["STOPPED", "INCONCLUSIVE", "\"lib.", "\"sys.", "\"mod.", "\"net."],
                ..NOTHING_SAID
            },
        }],
    },
];

/// What `cargo xtask run` shows without a scenario's name: a creation, then what this project was born from.
pub const TOUR: [&str; 2] = ["created", "silent-refusal-1604"];

/// The scenario of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Scenario> {
    SCENARIOS.iter().find(|scenario| scenario.name == name)
}

#[cfg(test)]
mod tests {
    use super::{SCENARIOS, TOUR, find};
    use crate::scenario::Attempts;

    #[test]
    fn names_are_unique_and_lines_fit() {
        for (index, scenario) in SCENARIOS.iter().enumerate() {
            assert!(SCENARIOS[..index].iter().all(|other| other.name != scenario.name), "{}", scenario.name);
            assert!(scenario.shows.len() <= 56, "{}: {}", scenario.name, scenario.shows);
        }
        for name in TOUR {
            assert!(find(name).is_some(), "{name}");
        }
    }

    #[test]
    fn every_scenario_expects_an_attempt_and_forbids_something() {
        for scenario in SCENARIOS {
            for run in scenario.runs {
                assert!(!matches!(run.expect.attempts, Attempts::Exactly([])), "{}", scenario.name);
                assert!(!run.expect.must_not_say.is_empty(), "{}", scenario.name);
            }
        }
    }
}
