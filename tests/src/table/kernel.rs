//! What a program's own request meets, from the opening of the device on: rows of the test matrix, by a raw caller.

use super::NOTHING_SAID;
use super::builds::{OPENED_UNSEEN, REFUSED};
use super::library::EXPECT_VETH0_0;
use crate::guest::{Guest, Kernel};
use crate::scenario::{Attempt, Attempts, Became, Expect, Field, Module, Run, Said, Scenario};

const NAME: &str = "vEth0_0";
const EPERM: i64 = 1;
const ENOENT: i64 = 2;
const EACCES: i64 = 13;
const EFAULT: i64 = 14;
const EEXIST: i64 = 17;
const ENODEV: i64 = 19;
const EINVAL: i64 = 22;

/// Everything that the command does is waited for.
pub(super) const TO_ITS_END: &[&str] = &["--within", "60s", "--wait"];

/// The raw caller with those arguments.
pub(super) const fn raw(arguments: &'static [&'static str], expect: Expect) -> Run {
    Run { options: TO_ITS_END, program: "kni-create", arguments, expect }
}

/// A row of the test matrix.
pub(super) const fn row(name: &'static str, shows: &'static str, runs: &'static [Run]) -> Scenario {
    Scenario { name, shows, runs, ..Scenario::USUAL }
}

/// The module was not asked.
const AT_SYSCALL: &[&str] =
    &[":\"created\"", "IN THE LIBRARY", "IN THE MODULE", "IN THE NETWORK", "\"lib.", "\"mod.", "\"net."];

/// The module refused by itself.
const IN_MODULE: &[&str] = &[
    ":\"created\"",
    "IN THE LIBRARY",
    "AT THE SYSTEM CALL",
    "IN THE NETWORK",
    "no ioctl",
    "INCONCLUSIVE",
    "\"lib.",
    "\"sys.",
    "\"net.",
    "\"proc.",
];

/// The network core refused.
const IN_NETWORK: &[&str] =
    &[":\"created\"", "IN THE LIBRARY", "IN THE MODULE", "no ioctl", "\"lib.", "\"sys.", "\"mod."];

/// It printed before it looked at anything.
const CREATING: Field = ("/log/0", Said::Text("rte_kni: Creating kni..."));
const SILENT: Field = ("/log/1", Said::Nothing);

const fn at_syscall(attempts: &'static [Attempt]) -> Expect {
    Expect { status: 12, attempts: Attempts::Exactly(attempts), must_not_say: AT_SYSCALL, ..NOTHING_SAID }
}

const fn in_module(attempts: &'static [Attempt]) -> Expect {
    Expect { status: 13, attempts: Attempts::Exactly(attempts), must_not_say: IN_MODULE, ..NOTHING_SAID }
}

const fn refused(cause: &'static str, errno: i64, also: &'static [Field]) -> Attempt {
    Attempt { also, ..Attempt::in_kernel("module", NAME, cause, errno) }
}

/// A raw caller that can't open the device: whether it would have made a request nobody knows.
const fn unopened(cause: &'static str, errno: i64) -> Attempt {
    Attempt { issued: None, ..Attempt::at_syscall(cause, errno) }
}

const T19: &[Run] = &[Run {
    program: "setpriv",
    arguments: &["--reuid", "65534", "--regid", "65534", "--clear-groups", "kni-create", "vEth0_0"],
    ..raw(&[], at_syscall(&[unopened("sys.device-denied", EACCES)]))
}];

const T21: &[Run] = &[raw(&["vEth0_0"], at_syscall(&[unopened("sys.device-missing", ENOENT)]))];

const FORBIDDEN: Attempt =
    Attempt { claimed: Some(NAME), issued: Some(true), ..Attempt::at_syscall("sys.seccomp", EPERM) };

macro_rules! forbidden {
    ($program:literal) => {
        &[
            $program,
            "--in-memory",
            "--no-pci",
            "-l",
            "0",
            "-m",
            "32",
            "--no-telemetry",
            "--",
            "none",
            "vEth0_0",
        ]
    };
}

/// The tracepoint of a system call's entry lies behind seccomp: of a caller that is not known to be inside the
/// library nothing is seen but that it opened the device.
const T22: &[Run] = &[
    Run {
        options: EXPECT_VETH0_0,
        program: "forbid-create",
        arguments: forbidden!("kni-app"),
        expect: at_syscall(&[FORBIDDEN]),
    },
    Run {
        options: EXPECT_VETH0_0,
        program: "forbid-create",
        arguments: forbidden!("kni-app-stripped"),
        expect: OPENED_UNSEEN,
    },
];

/// Which system call returned, and with which number, is read from the thread's registers by a helper of Linux 5.15
/// (`bpf_task_pt_regs`): before, a return without an entry may be of any.
const T22_UNREAD: &[Run] = &[Run {
    expect: Expect {
        attempts: Attempts::Exactly(&[Attempt {
            claimed: Some(NAME),
            issued: None,
            ..Attempt::inconclusive()
        }]),
        ..OPENED_UNSEEN
    },
    options: EXPECT_VETH0_0,
    program: "forbid-create",
    arguments: forbidden!("kni-app"),
}];

const T24: &[Run] = &[raw(
    &["--int80", "vEth0_0"],
    at_syscall(&[Attempt { issued: Some(true), ..Attempt::at_syscall("sys.compat", EINVAL) }]),
)];

macro_rules! skew {
    ($layout:literal, $bytes:literal) => {
        refused(
            "mod.size-skew",
            EINVAL,
            &[
                ("/skew/library", Said::Text($layout)),
                ("/skew/library_bytes", Said::Number($bytes)),
                ("/skew/module", Said::Text("D")),
                ("/skew/module_bytes", Said::Number(136)),
                CREATING,
                SILENT,
            ],
        )
    };
}

const T25: &[Run] = &[
    raw(&["--size", "152", "vEth0_0"], in_module(&[skew!("B", 152)])),
    raw(&["--size", "144", "vEth0_0"], in_module(&[skew!("C", 144)])),
];

const T26: &[Run] = &[raw(
    &["--bad-pointer", "vEth0_0"],
    in_module(&[Attempt { claimed: None, ..refused("mod.fault", EFAULT, &[CREATING, SILENT]) }]),
)];

/// The module's line ends without a newline, and so nobody is shown it before the next one is printed.
const T27: &[Run] = &[raw(
    &["vEth0_0123456789"],
    in_module(&[Attempt {
        claimed: Some("vEth0_0123456789"),
        ..refused("mod.name-unterminated", EINVAL, &[CREATING])
    }]),
)];

/// A processor that there is not is not online either.
const T28: &[Run] = &[raw(
    &["--core", "7", "vEth0_0"],
    in_module(&[Attempt {
        subject: Some("cpu 7"),
        ..refused(
            "mod.core-offline",
            EINVAL,
            &[CREATING, ("/log/1", Said::Text("rte_kni: cpu 7 is not online"))],
        )
    }]),
)];

/// The module's list has the name that was asked for, whatever the interface is called now.
const T30_RENAMED: &[Run] = &[raw(
    &["--then", "ip link set vEth0_0 name other", "vEth0_0", "vEth0_0"],
    Expect {
        attempts: Attempts::Exactly(&[
            Attempt::got(NAME),
            refused(
                "mod.name-duplicate",
                EINVAL,
                &[CREATING, ("/log/1", Said::Text("rte_kni: KNI name vEth0_0 duplicated"))],
            ),
        ]),
        interfaces: &[
            Became::event("renamed", NAME, &[("/to", Said::Text("other"))]),
            Became::closed("other"),
        ],
        must_not_say: &["IN THE LIBRARY", "IN THE NETWORK", "\"lib.", "\"sys.", "\"net.", "\"proc."],
        ..NOTHING_SAID
    },
)];

const fn invalid(name: &'static str, also: &'static [Field]) -> Attempt {
    Attempt {
        consumed: Some(name),
        errno_kernel: Some(EINVAL),
        also,
        ..Attempt::in_kernel("network", name, "net.name-invalid", ENODEV)
    }
}

const fn in_network(attempts: &'static [Attempt]) -> Expect {
    Expect { status: 14, attempts: Attempts::Exactly(attempts), must_not_say: IN_NETWORK, ..NOTHING_SAID }
}

const T32: &[Run] = &[
    raw(
        &["a/b"],
        in_network(&[invalid(
            "a/b",
            &[CREATING, ("/log/1", Said::Text("rte_kni: error -22 registering device \"a/b\""))],
        )]),
    ),
    raw(
        &[""],
        in_network(&[Attempt {
            claimed: None,
            consumed: None,
            ..invalid("", &[CREATING, ("/log/1", Said::Text("rte_kni: error -22 registering device \"\""))])
        }]),
    ),
];

const T50: &[Run] = &[raw(
    &["--test", "vEth0_0"],
    Expect {
        attempts: Attempts::Exactly(&[Attempt::got(NAME)]),
        interfaces: &[Became::closed(NAME)],
        must_not_say: REFUSED,
        ..NOTHING_SAID
    },
)];

const UNKNOWN_REQUEST: &[Run] = &[raw(
    &["--request", "4", "vEth0_0"],
    at_syscall(&[Attempt {
        // Of CREATE none was.
        issued: Some(false),
        subject: Some("0xc0880004"),
        ..Attempt::at_syscall("sys.unknown-request", EINVAL)
    }]),
)];

/// The module looks at the number alone (`_IOC_NR`, `kni_ioctl` of `kni_misc.c`). No release of the library makes such
/// requests: of system calls they are not told apart from those of other devices, so what the program asked for is
/// known by what the module was asked.
const OTHER_TYPE: &[Run] = &[
    raw(
        &["--type", "107", "vEth0_0"],
        Expect {
            attempts: Attempts::Exactly(&[Attempt { claimed: None, ..Attempt::got(NAME) }]),
            interfaces: &[Became::closed(NAME)],
            must_not_say: REFUSED,
            ..NOTHING_SAID
        },
    ),
    raw(
        &["--type", "107", "lo"],
        in_network(&[Attempt {
            claimed: None,
            consumed: Some("lo"),
            errno_kernel: Some(EEXIST),
            also: &[CREATING],
            ..Attempt::in_kernel("network", "lo", "net.name-exists", ENODEV)
        }]),
    ),
];

pub(super) const fn elsewhere(attempts: &'static [Attempt], interfaces: &'static [Became]) -> Expect {
    Expect {
        status: 15,
        attempts: Attempts::Exactly(attempts),
        interfaces,
        must_not_say: &["STOPPED", "INCONCLUSIVE", ":\"created\"", "\"lib.", "\"sys.", "\"mod.", "\"net."],
        ..NOTHING_SAID
    }
}

const CREATED_ELSEWHERE: &[Run] = &[raw(
    &["--created-elsewhere", "--release", "vEth0_0", "vEth0_0"],
    elsewhere(
        &[Attempt {
            outcome: "created-elsewhere",
            also: &[("/interface/opened_in", Said::Something), ("/interface/netns", Said::Something)],
            ..Attempt::got(NAME)
        }],
        &[Became::released(NAME)],
    ),
)];

const TEMPLATE: &[Run] = &[raw(
    &["x%d"],
    elsewhere(
        &[Attempt {
            outcome: "created-elsewhere",
            also: &[("/interface/actual", Said::Text("x0"))],
            ..Attempt::got("x%d")
        }],
        &[Became::closed("x0")],
    ),
)];

const T29: &[Run] = &[raw(
    &["--core", "0xffffffff", "vEth0_0"],
    Expect {
        status: 16,
        attempts: Attempts::Exactly(&[Attempt {
            outcome: "died",
            boundary: Some("module"),
            cause: Some("proc.crash"),
            claimed: Some(NAME),
            subject: Some("kni_ioctl_create"),
            complete: true,
            issued: Some(true),
            also: &[
                CREATING,
                ("/log/*", Said::Having("kni_ioctl_create+0x")),
                ("/end/signal", Said::Number(9)),
            ],
            ..Attempt::inconclusive()
        }]),
        must_not_say: &[":\"created\"", "STOPPED", "INCONCLUSIVE", "\"lib.", "\"sys.", "\"mod.", "\"net."],
        ..NOTHING_SAID
    },
)];

/// In the order in which they are told of.
pub(super) const SCENARIOS: &[Scenario] = &[
    row("t19", "nobody's user opens /dev/kni", T19),
    Scenario {
        module: Module::Refused("kthread_mode=foo"),
        ..row("t21", "rte_kni.ko refused kthread_mode=foo: no device", T21)
    },
    Scenario {
        module: Module::Refused("enable_bifurcated=off"),
        ..row("t21-bifurcated", "rte_kni.ko refused enable_bifurcated=off: no device", T21)
    },
    Scenario {
        module: Module::Refused("min_scheduling_interval=200 max_scheduling_interval=200"),
        // The parameters came with DPDK 22.03 (`kni_misc.c`): before, the kernel ignores them.
        kernels: &Kernel::WITH_DPDK_22_11,
        ..row("t21-interval", "rte_kni.ko refused an empty interval: no device", T21)
    },
    Scenario {
        kernels: &[Kernel::Linux61, Kernel::Linux612],
        ..row("t22", "seccomp refuses CREATE: the module is not asked", T22)
    },
    Scenario {
        kernels: &[Kernel::Linux510],
        ..row("t22-unread", "the same, where the kernel can't say what was refused", T22_UNREAD)
    },
    row("t24", "CREATE by the system call of 32-bit programs", T24),
    Scenario { smoke: true, ..row("t25", "CREATE of layouts B and C, larger than the module's", T25) },
    row("t26", "CREATE with a pointer to nowhere", T26),
    row("t27", "CREATE of a name of 16 bytes without an end", T27),
    row("t28", "CREATE bound to a processor that is not online", T28),
    Scenario {
        guest: Guest::Oopses,
        ..row("t29", "CREATE bound to core 0xffffffff: dies in the module", T29)
    },
    row("t30-renamed", "CREATE of a name that an interface was renamed from", T30_RENAMED),
    row("t32", "CREATE of a/b, and of no name: the core's own errno", T32),
    row("t50", "TEST, which is always refused, is no failure", T50),
    row("unknown-request", "a request that no release of the module knows", UNKNOWN_REQUEST),
    row("other-type", "CREATE of another type: the module doesn't look at it", OTHER_TYPE),
    Scenario {
        module: Module::With("kthread_mode=multiple"),
        ..row("created-elsewhere", "created in another namespace than the device's", CREATED_ELSEWHERE)
    },
    row("template", "CREATE of x%d: created as x0", TEMPLATE),
];
