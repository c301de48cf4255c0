//! From the system call on: the device, the module, the network core.

use super::NOTHING_SAID;
use crate::scenario::{Attempt, Attempts, Background, Became, Expect, Index, Module, Run, Scenario};

const ENOENT: i64 = 2;
const EBADF: i64 = 9;
const EBUSY: i64 = 16;
const EEXIST: i64 = 17;
const ENODEV: i64 = 19;
const EINVAL: i64 = 22;
const ENOTTY: i64 = 25;

/// testpmd, which has the device and kni0.
const HOLDER: Background = Background { command: "testpmd-session stay", until_interface: "kni0" };

/// A whole run of a DPDK program: it gets its interface, and gives it back.
pub(super) const CREATED: Run = Run {
    options: &["--expect", "kni0", "--within", "60s", "--wait"],
    program: "testpmd-session",
    arguments: &["note-ifindex", "/run/ifindex"],
    expect: Expect {
        attempts: Attempts::Exactly(&[Attempt::created("kni0")]),
        interfaces: &[Became::released("kni0")],
        must_not_say: &["STOPPED", "INCONCLUSIVE", "\"lib.", "\"sys.", "\"mod.", "\"net."],
        ..NOTHING_SAID
    },
};

/// `lo`, which the network core has already: the module hides its errno.
pub(super) const LO: Attempt = Attempt {
    consumed: Some("lo"),
    errno_kernel: Some(EEXIST),
    ..Attempt::in_kernel("network", "lo", "net.name-exists", ENODEV)
};

/// A run that asks for it.
pub(super) const LO_REFUSED: Run = Run {
    options: &["--expect", "lo", "--within", "60s"],
    program: "kni-create",
    arguments: &["lo"],
    expect: Expect {
        status: 14,
        attempts: Attempts::Exactly(&[LO]),
        must_not_say: &[":\"created\"", "IN THE LIBRARY", "IN THE MODULE", "no ioctl", "\"lib.", "\"mod."],
        ..NOTHING_SAID
    },
};

/// In the order in which they are told of.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "created",
        shows: "testpmd creates kni0 and releases it when it quits",
        smoke: true,
        runs: &[CREATED],
        ..Scenario::USUAL
    },
    Scenario {
        name: "t17",
        shows: "testpmd without rte_kni.ko: no /dev/kni to open",
        smoke: true,
        module: Module::Absent,
        runs: &[Run {
            options: &["--expect", "kni0", "--within", "60s"],
            program: "testpmd-session",
            arguments: &["quit"],
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
        ..Scenario::USUAL
    },
    Scenario {
        name: "t18",
        shows: "a second testpmd: /dev/kni can be opened once",
        smoke: true,
        before: Some(HOLDER),
        runs: &[Run {
            options: &["--expect", "kni1", "--within", "60s"],
            program: "testpmd-session",
            arguments: &["quit"],
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
        ..Scenario::USUAL
    },
    Scenario {
        name: "t23",
        shows: "CREATE on /dev/null, and on a closed descriptor",
        runs: &[
            Run {
                options: &["--expect", "vEth7", "--within", "60s"],
                program: "kni-create",
                arguments: &["--on", "/dev/null", "vEth7"],
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
                program: "kni-create",
                arguments: &["--on-closed", "vEth7"],
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
        ..Scenario::USUAL
    },
    Scenario {
        name: "t30",
        shows: "CREATE of a name that another KNI interface has",
        smoke: true,
        before: Some(HOLDER),
        runs: &[Run {
            options: &["--expect", "kni0", "--within", "60s"],
            program: "kni-create",
            arguments: &["--opened-elsewhere", "kni0"],
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
        ..Scenario::USUAL
    },
    Scenario {
        name: "t31",
        shows: "CREATE of lo: the network core says why, the module not",
        smoke: true,
        runs: &[LO_REFUSED],
        ..Scenario::USUAL
    },
    Scenario {
        name: "module-comes-and-goes",
        shows: "rte_kni.ko comes, goes and comes again meanwhile",
        module: Module::Absent,
        runs: &[Run {
            options: &["--within", "120s", "--wait"],
            program: "load-and-unload",
            arguments: &[],
            expect: Expect {
                attempts: Attempts::Exactly(&[
                    Attempt { ifindex: Index::Some, ..Attempt::created("kni0") },
                    Attempt { ifindex: Index::Some, ..Attempt::created("kni0") },
                ]),
                interfaces: &[Became::released("kni0"), Became::released("kni0")],
                module_comes: 2,
                must_not_say: &["STOPPED", "INCONCLUSIVE", "\"lib.", "\"sys.", "\"mod.", "\"net."],
                ..NOTHING_SAID
            },
        }],
        ..Scenario::USUAL
    },
];
