//! Where not all can be had that kniwatch asks for: the right verdict by another way, or an honest inconclusive.

use super::NOTHING_SAID;
use super::system::{CREATED, LO, LO_REFUSED};
use crate::guest::Kernel;
use crate::scenario::{Attempt, Attempts, Became, Expect, Index, Module, Run, Said, Scenario};

const ENODEV: i64 = 19;
const EINVAL: i64 = 22;

/// The program was told ENODEV, and nothing was seen of who said so.
const UNSEEN: Attempt = Attempt {
    claimed: Some("lo"),
    errno_user: Some(ENODEV),
    issued: Some(true),
    also: &[("/coverage/missing/*/reason", Said::Having("echo 1 > /sys/kernel/debug/kprobes/enabled"))],
    ..Attempt::inconclusive()
};

const REFUSED_UNSEEN: Expect = Expect {
    status: 20,
    attempts: Attempts::Exactly(&[UNSEEN]),
    // It says that it stopped beyond the library.
    must_not_say: &[":\"created\"", "STOPPED IN", "STOPPED AT", "\"lib.", "\"mod.", "\"net.", "\"sys."],
    ..NOTHING_SAID
};

/// Nothing is missing that either of them needs.
const AS_EVER: &[Run] = &[CREATED, LO_REFUSED];

const CREATED_BESIDE: Run = Run {
    options: &["--expect", "kni0", "--within", "60s"],
    // It has its answer before the interface goes.
    expect: Expect { interfaces: &[], ..CREATED.expect },
    ..CREATED
};

/// The same by somebody who is asked beside the program.
const AS_EVER_BESIDE: &[Run] = &[CREATED_BESIDE, REFUSED_BESIDE];

const REFUSED_BESIDE: Run = Run {
    // Nobody tells it that the program has ended: it waits for another try.
    options: &["--expect", "lo", "--within", "5s"],
    ..LO_REFUSED
};

/// Neither the library nor the system call is seen, and so not the name that the program asks for, but the kernel's.
const BESIDE_WITHOUT_CLAIM: &[Run] = &[
    Run {
        expect: Expect {
            attempts: Attempts::Exactly(&[Attempt { claimed: None, ..Attempt::created("kni0") }]),
            ..CREATED_BESIDE.expect
        },
        ..CREATED_BESIDE
    },
    REFUSED_BESIDE_UNCLAIMED,
];

/// Where probes of libraries don't take `CAP_SYS_ADMIN`, the library tells the name.
const BESIDE_WITHOUT_CALLS: &[Run] = &[CREATED_BESIDE, REFUSED_BESIDE_UNCLAIMED];

const REFUSED_BESIDE_UNCLAIMED: Run = Run { expect: REFUSED_UNCLAIMED, ..REFUSED_BESIDE };

const REFUSED_UNCLAIMED: Expect =
    Expect { attempts: Attempts::Exactly(&[Attempt { claimed: None, ..LO }]), ..LO_REFUSED.expect };

/// Whoever runs it is told why, and nothing of the program.
const fn cannot_observe(says: &'static [&'static str]) -> Run {
    Run { expect: Expect { status: 3, says, must_not_say: &["STOPPED"], ..NOTHING_SAID }, ..LO_REFUSED }
}

/// A request larger than the module's struct, whose size `$source` tells.
macro_rules! skewed {
    ($source:literal) => {
        &[Run {
            options: &["--within", "60s", "--wait"],
            program: "kni-create",
            arguments: &["--size", "152", "vEth0_0"],
            expect: Expect {
                status: 13,
                attempts: Attempts::Exactly(&[Attempt {
                    also: &[
                        ("/skew/library", Said::Text("B")),
                        ("/skew/module", Said::Text("D")),
                        ("/skew/module_bytes", Said::Number(136)),
                        ("/skew/evidence/*", Said::Having($source)),
                    ],
                    ..Attempt::in_kernel("module", "vEth0_0", "mod.size-skew", EINVAL)
                }]),
                must_not_say: &[":\"created\"", "INCONCLUSIVE", "\"lib.", "\"sys.", "\"net."],
                ..NOTHING_SAID
            },
        }]
    };
}

/// In the order in which they are told of.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "create-inlined",
        shows: "kni_ioctl_create is a part of kni_ioctl",
        module: Module::Variant("create-inlined"),
        runs: AS_EVER,
        ..Scenario::USUAL
    },
    Scenario {
        name: "create-renamed",
        shows: "the compiler called it kni_ioctl_create.isra.0",
        module: Module::Variant("create-isra"),
        situation: Some("file_hidden"),
        runs: AS_EVER,
        ..Scenario::USUAL
    },
    Scenario {
        name: "compat-absent",
        shows: "the module has no kni_compat_ioctl",
        module: Module::Variant("without-compat"),
        runs: AS_EVER,
        ..Scenario::USUAL
    },
    Scenario {
        name: "btf-present",
        shows: "the module's type information tells its struct's size",
        module: Module::Variant("with-btf"),
        // Linux 5.10 knows no module BTF.
        kernels: &[Kernel::Linux61, Kernel::Linux612],
        runs: skewed!("its type information (BTF) shows it"),
        ..Scenario::USUAL
    },
    Scenario {
        name: "btf-absent",
        shows: "without type information its code tells that",
        module: Module::Variant("without-btf"),
        runs: skewed!("its code shows it"),
        ..Scenario::USUAL
    },
    Scenario {
        name: "addresses-hidden",
        shows: "kptr_restrict=2: no address of the kernel is shown",
        situation: Some("addresses_hidden"),
        runs: AS_EVER,
        ..Scenario::USUAL
    },
    Scenario {
        name: "perf-forbidden",
        shows: "perf_event_paranoid=3 does not concern root",
        situation: Some("perf_forbidden"),
        runs: AS_EVER,
        ..Scenario::USUAL
    },
    Scenario {
        name: "tracefs-absent",
        shows: "tracefs is not mounted: no tracepoints",
        situation: Some("tracefs_absent"),
        // Functions of the kernel see an attempt begin too, but not the name in the program's own memory.
        runs: &[
            Run {
                expect: Expect { interfaces: &[Became::event("released", "kni0", &[])], ..CREATED.expect },
                ..CREATED
            },
            Run { options: &["--within", "60s", "--wait"], expect: REFUSED_UNCLAIMED, ..LO_REFUSED },
        ],
        ..Scenario::USUAL
    },
    Scenario {
        name: "kprobes-off",
        shows: "kprobes are switched off when kniwatch starts",
        situation: Some("kprobes_off"),
        runs: &[
            Run {
                // What the program was told, and which file it asked, is enough.
                expect: Expect {
                    attempts: Attempts::Exactly(&[Attempt {
                        consumed: None,
                        ifindex: Index::None,
                        ..Attempt::created("kni0")
                    }]),
                    ..CREATED.expect
                },
                ..CREATED
            },
            Run { expect: REFUSED_UNSEEN, ..LO_REFUSED },
        ],
        ..Scenario::USUAL
    },
    Scenario {
        name: "kprobes-switched-off",
        shows: "kprobes are switched off while kniwatch runs",
        runs: &[Run {
            options: &["--within", "60s", "--wait"],
            program: "kni-create",
            arguments: &["--then", "echo 0 >/sys/kernel/debug/kprobes/enabled", "vEth0", "lo"],
            expect: Expect {
                attempts: Attempts::Exactly(&[
                    Attempt { ifindex: Index::Some, ..Attempt::created("vEth0") },
                    UNSEEN,
                ]),
                interfaces: &[Became::event("released", "vEth0", &[("/how", Said::Text("death"))])],
                must_not_say: &["STOPPED"],
                ..NOTHING_SAID
            },
        }],
        situation: Some("kprobes_on_after"),
        ..Scenario::USUAL
    },
    Scenario {
        name: "kprobes-back",
        shows: "kprobes are switched off and on while kniwatch runs",
        runs: &[Run {
            options: &["--within", "60s", "--wait"],
            program: "kni-create",
            arguments: &["--then", "kprobes-back", "vEth0", "lo"],
            expect: Expect {
                attempts: Attempts::Exactly(&[
                    Attempt { ifindex: Index::Some, ..Attempt::created("vEth0") },
                    LO,
                ]),
                interfaces: &[Became::closed("vEth0")],
                must_not_say: &["INCONCLUSIVE", "IN THE LIBRARY", "IN THE MODULE", "\"lib.", "\"mod."],
                ..NOTHING_SAID
            },
        }],
        situation: Some("kprobes_on_after"),
        ..Scenario::USUAL
    },
    Scenario {
        name: "capable",
        shows: "a user with four capabilities, who may read tracefs",
        situation: Some("capable"),
        runs: AS_EVER_BESIDE,
        ..Scenario::USUAL
    },
    Scenario {
        name: "capable-without-tracefs",
        shows: "a user with four capabilities; tracefs is for root",
        situation: Some("capable_without_tracefs"),
        kernels: &[Kernel::Linux61, Kernel::Linux612],
        runs: BESIDE_WITHOUT_CLAIM,
        ..Scenario::USUAL
    },
    Scenario {
        name: "capable-without-calls",
        shows: "the same, where that is enough to probe libraries",
        situation: Some("capable_without_tracefs"),
        kernels: &[Kernel::Linux510],
        runs: BESIDE_WITHOUT_CALLS,
        ..Scenario::USUAL
    },
    Scenario {
        name: "least-capable",
        shows: "a user with CAP_BPF, CAP_PERFMON, CAP_DAC_READ_SEARCH",
        situation: Some("least_capable"),
        runs: AS_EVER_BESIDE,
        ..Scenario::USUAL
    },
    Scenario {
        name: "capable-forbidden",
        shows: "perf_event_paranoid=3, where capabilities are not enough",
        situation: Some("capable_forbidden"),
        runs: &[cannot_observe(&["kernel.perf_event_paranoid is 3", "sysctl kernel.perf_event_paranoid=2"])],
        ..Scenario::USUAL
    },
    Scenario {
        name: "incapable",
        shows: "a user without CAP_BPF: nothing can be observed",
        situation: Some("incapable"),
        runs: &[cannot_observe(&["lacks CAP_BPF and CAP_PERFMON", "sudo kniwatch", "setcap 'cap_bpf"])],
        ..Scenario::USUAL
    },
    Scenario {
        name: "memory-limited",
        shows: "a user who may lock 64 KiB, where maps count as that",
        // From 5.11 on they don't.
        kernels: &[Kernel::Linux510],
        situation: Some("memory_limited"),
        runs: &[cannot_observe(&["this process may lock 64 KiB", "LimitMEMLOCK=infinity"])],
        ..Scenario::USUAL
    },
    Scenario {
        name: "limit-kept",
        shows: "a command may lock no more memory than without kniwatch",
        // kniwatch raises its own limit there.
        kernels: &[Kernel::Linux510],
        runs: &[Run {
            program: "sh",
            // The kernel's default.
            arguments: &["-c", "test \"$(ulimit -l)\" = 64 && exec kni-create lo"],
            ..LO_REFUSED
        }],
        ..Scenario::USUAL
    },
    Scenario {
        name: "reloaded",
        shows: "rte_kni.ko is loaded and unloaded a hundred times",
        module: Module::Absent,
        runs: &[Run {
            options: &["--within", "140s", "--wait"],
            program: "reload",
            arguments: &["100"],
            expect: Expect {
                attempts: Attempts::AroundLoading(
                    100,
                    &Attempt { ifindex: Index::Some, ..Attempt::created("vEth0") },
                ),
                module_comes: 100,
                program_status: Some(0),
                must_not_say: &["STOPPED", "\"lib.", "\"sys.", "\"mod.", "\"net."],
                ..NOTHING_SAID
            },
        }],
        ..Scenario::USUAL
    },
];
