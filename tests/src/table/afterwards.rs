//! What becomes of interfaces: nobody answers, no carrier, the program is killed, the module takes them wrong.

use super::NOTHING_SAID;
use super::builds::REFUSED;
use super::kernel::{TO_ITS_END, elsewhere, raw, row};
use super::library::kni_app;
use crate::guest::{Guest, Kernel};
use crate::scenario::{
    Attempt, Attempts, Background, Became, Expect, Field, Index, Module, Run, Said, Scenario,
};

const NAME: &str = "vEth0_0";
const EINTR: i64 = 4;
const EBUSY: i64 = 16;
const EINVAL: i64 = 22;
const ETIME: i64 = 62;
const ECANCELED: i64 = 125;

/// Three seconds (`kni_net_process_request`, `kernel/linux/kni/kni_net.c`), and what an emulated processor takes.
const THREE_SECONDS: Said = Said::Between(2_900_000_000, 4_500_000_000);

/// The DPDK program with those arguments.
const fn app(arguments: &'static [&'static str], expect: Expect) -> Run {
    Run { options: TO_ITS_END, program: "kni-app", arguments, expect }
}

const GOT: Attempt = Attempt::got(NAME);

const fn created(interfaces: &'static [Became]) -> Expect {
    Expect { attempts: Attempts::Exactly(&[GOT]), interfaces, must_not_say: REFUSED, ..NOTHING_SAID }
}

const UNANSWERED: Became = Became::event(
    "set-up-request",
    NAME,
    &[
        ("/request", Said::Having("set up")),
        ("/errno", Said::Number(ETIME)),
        ("/took_ns", THREE_SECONDS),
        ("/by/comm", Said::Text("ip")),
    ],
);

const T43: &[Run] =
    &[raw(&["--then", "ip link set vEth0_0 up", "vEth0_0"], created(&[UNANSWERED, Became::closed(NAME)]))];

const fn up(carrier: bool) -> Became {
    const fn having(carrier: bool) -> &'static [Field] {
        if carrier { &[("/carrier", Said::Is(true))] } else { &[("/carrier", Said::Is(false))] }
    }
    Became::event("up", NAME, having(carrier))
}

const DOWN: Became = Became::event("down", NAME, &[]);

/// What `rte_kni_update_link` does.
const T44: &[Run] = &[app(
    kni_app!(
        "--iova-mode=pa";
        "answering,then=ip link set vEth0_0 up; echo 1 >/sys/class/net/vEth0_0/carrier; ip link set vEth0_0 down",
        "vEth0_0"
    ),
    created(&[
        up(false),
        Became::event("carrier", NAME, &[("/on", Said::Is(true))]),
        DOWN,
        Became::released(NAME),
    ]),
)];

const T44_CARRIER: &[Run] = &[app(
    kni_app!("--iova-mode=pa"; "answering,then=ip link set vEth0_0 up; ip link set vEth0_0 down", "vEth0_0"),
    created(&[up(true), DOWN, Became::released(NAME)]),
)];

/// Whoever dies waits for no answer.
const T46: &[Run] = &[app(
    kni_app!("--iova-mode=pa"; "answering,then=ip link set vEth0_0 up,killed", "vEth0_0"),
    created(&[
        up(false),
        Became::event(
            "released",
            NAME,
            &[("/how", Said::Text("death")), ("/took_ns", Said::Between(0, 1_000_000_000))],
        ),
    ]),
)];

/// It is set down with nobody to answer, which takes three seconds.
const T48: &[Run] = &[app(
    kni_app!("--iova-mode=pa"; "answering,then=ip link set vEth0_0 up", "vEth0_0"),
    created(&[
        up(false),
        Became::event("released", NAME, &[("/how", Said::Text("request")), ("/took_ns", THREE_SECONDS)]),
    ]),
)];

const RELEASE_REFUSED: &[Run] = &[raw(
    &["--then", "ip link set vEth0_0 name other", "--release", "other", "vEth0_0"],
    created(&[
        Became::event("renamed", NAME, &[("/to", Said::Text("other"))]),
        Became::event("release-refused", "other", &[("/errno", Said::Number(EINVAL))]),
        Became::closed("other"),
    ]),
)];

/// Layout A's fields as layout D has them: the vendor and the device of the network card are the MTU.
const T39: &[Run] = &[raw(
    &["--layout-a", "--then", "ip link set vEth0_0 up", "vEth0_0"],
    Expect {
        status: 15,
        attempts: Attempts::Exactly(&[Attempt {
            outcome: "created-doomed",
            cause: Some("mod.layout-skew"),
            also: &[
                ("/skew/library", Said::Text("A")),
                ("/skew/library_bytes", Said::Number(136)),
                ("/skew/module", Said::Text("D")),
                ("/skew/module_bytes", Said::Number(136)),
                ("/skew/fields/*/name", Said::Text("mtu")),
                ("/skew/fields/*/value", Said::Number(282_296_454)),
            ],
            ..Attempt::got(NAME)
        }]),
        interfaces: &[UNANSWERED, Became::closed(NAME)],
        must_not_say: &["STOPPED", "INCONCLUSIVE", ":\"created\"", "\"lib.", "\"sys.", "\"net."],
        ..NOTHING_SAID
    },
)];

/// The set-up of the first is waited for with the lock that the second needs.
const fn rtnl_held(attempts: &'static [Attempt; 3]) -> Run {
    raw(
        &["--then", "until-in-request ip link set vEth0_0 up", "vEth0_0", "vEth0_1"],
        Expect {
            attempts: Attempts::Exactly(attempts),
            interfaces: UNANSWERED_AND_CLOSED,
            must_not_say: &["STOPPED", "INCONCLUSIVE", "\"lib.", "\"sys.", "\"mod.", "\"net."],
            ..NOTHING_SAID
        },
    )
}

const UNANSWERED_AND_CLOSED: &[Became] = &[UNANSWERED, Became::closed(NAME), Became::closed("vEth0_1")];

const fn waiting(also: &'static [Field]) -> Attempt {
    Attempt {
        boundary: Some("network"),
        cause: Some("proc.blocked"),
        claimed: Some("vEth0_1"),
        consumed: Some("vEth0_1"),
        ..Attempt::got("vEth0_1").meanwhile(also)
    }
}

const WAITED: Attempt = Attempt { also: &[WAITING_FOR_RTNL], ..Attempt::got("vEth0_1") };

const RTNL_HELD: &[Run] = &[rtnl_held(&[GOT, waiting(WAITS_FOR_RTNL), WAITED])];

/// Linux 5.10 shows a stack no further than to the first function whose return a probe waits for: who has the lock is
/// not found there.
const RTNL_HELD_UNSEEN: &[Run] =
    &[rtnl_held(&[GOT, waiting(&[("/final", Said::Is(false)), WAITING_FOR_RTNL, NO_HOLDER]), WAITED])];

const NO_HOLDER: Field = ("/waiting/holder", Said::Nothing);
const WAITING_FOR_RTNL: Field = ("/waiting/what", Said::Text("rtnl"));
const WAITS_FOR_RTNL: &[Field] = &[
    ("/final", Said::Is(false)),
    WAITING_FOR_RTNL,
    ("/waiting/holder/comm", Said::Text("ip")),
    ("/waiting/since_ns", Said::Between(1_000_000_000, 2_000_000_000)),
];

const WAITS_FOR_KTHREADD: &[Field] =
    &[("/final", Said::Is(false)), ("/waiting/what", Said::Text("kthreadd"))];

/// It had been registered, and was removed again.
const STARVED: Attempt = Attempt {
    errno_kernel: Some(EINTR),
    ifindex: Index::Some,
    consumed: Some(NAME),
    ..Attempt::in_kernel("module", NAME, "mod.thread", ECANCELED)
};

/// The kernel answers that its thread could not be made; the caller does not live to hear it.
const T33_ATTEMPTS: Attempts = Attempts::Exactly(&[
    Attempt {
        boundary: Some("module"),
        cause: Some("proc.blocked"),
        consumed: Some(NAME),
        ifindex: Index::Some,
        ..STARVED.meanwhile(WAITS_FOR_KTHREADD)
    },
    Attempt { also: &[("/waiting/what", Said::Text("kthreadd"))], ..STARVED },
]);

const STARVED_TO_DEATH: Expect = Expect {
    status: 13,
    attempts: T33_ATTEMPTS,
    must_not_say: &[":\"created\"", "INCONCLUSIVE", "\"lib.", "\"sys.", "\"net."],
    ..NOTHING_SAID
};

/// Whoever starves kthreadd may have to wait for it first, a minute long.
const fn starved(expect: Expect) -> Run {
    Run {
        options: &["--within", "140s", "--wait"],
        program: "starve-kthreadd",
        arguments: &["kni-create", "vEth0_0"],
        expect,
    }
}

const T33: &[Run] = &[starved(STARVED_TO_DEATH)];

/// The device is nobody's, and opened by nobody any more.
const fn stuck(attempts: &'static [Attempt]) -> Expect {
    Expect {
        status: 12,
        attempts: Attempts::Exactly(attempts),
        must_not_say: &[":\"created\"", "IN THE LIBRARY", "IN THE MODULE", "\"lib.", "\"mod.", "\"net."],
        ..NOTHING_SAID
    }
}

/// Refused for the sake of who died with it.
const fn stuck_by(comm: &'static str) -> Attempt {
    Attempt { issued: None, holder: Some(comm), ..Attempt::at_syscall("sys.device-stuck", EBUSY) }
}

/// In single mode what is no thread is kept as one, and stopped when the device is closed.
const T34: &[Run] = &[
    starved(Expect {
        died: &[&[
            ("/function", Said::Text("kni_release")),
            ("/thread/comm", Said::Text("kni-create")),
            ("/device_stuck", Said::Is(true)),
        ]],
        ..STARVED_TO_DEATH
    }),
    raw(&["vEth0_0"], stuck(&[stuck_by("kni-create")])),
];

/// The addresses of the program's memory are looked up when it has none any more, by the last of its threads.
const T45: &[Run] = &[app(
    kni_app!("--iova-mode=va"; "killed", "vEth0_0"),
    Expect {
        died: &[&[
            ("/function", Said::Text("kni_release")),
            ("/at", Said::Something),
            ("/thread/comm", Said::Something),
            ("/device_stuck", Said::Is(true)),
            ("/interfaces/0", Said::Text(NAME)),
        ]],
        ..created(&[])
    },
)];

const DOOMED_ADDRESS: &[Run] = &[raw(
    &["--queues-at", "0x100000000000", "vEth0_0"],
    Expect {
        status: 15,
        attempts: Attempts::Exactly(&[Attempt {
            outcome: "created-doomed",
            cause: Some("mod.bad-address"),
            ..Attempt::got(NAME)
        }]),
        // Who comes first to the queues: the module's thread, or the program when it closes the device.
        died: &[&[("/thread/comm", Said::Something)]],
        must_not_say: &["STOPPED", "INCONCLUSIVE", ":\"created\"", "\"lib.", "\"sys.", "\"net."],
        ..NOTHING_SAID
    },
)];

/// The device is that of the namespace that it has left.
const MOVED: &[Run] = &[raw(
    &["--then", "ip netns add other && ip link set vEth0_0 netns other && living", "vEth0_0"],
    Expect {
        says: &["ls: vEth0_0 down unknown other AGE alive"],
        ..created(&[Became::event("moved", NAME, &[("/to_netns", Said::Something)]), Became::closed(NAME)])
    },
)];

/// It was there before kniwatch was, and another is in a namespace of its own.
const LISTED: &[Run] = &[Run {
    program: "ip",
    arguments: &[
        "netns",
        "exec",
        "other",
        "kni-create",
        "--then",
        "living; nsenter --target 1 --net living",
        "vEth0_0",
    ],
    ..raw(
        &[],
        Expect {
            says: &[
                "ls: vEth0_0 down kni-create[PID] own AGE alive",
                "ls: kni0 down dpdk-testpmd[PID] own AGE alive",
                "ls: vEth0_0 down kni-create[PID] other AGE alive",
            ],
            ..created(&[Became::closed(NAME)])
        },
    )
}];

/// An interface that was created in a namespace without the device outlives the device, moves to the first namespace
/// when its own ends, and lets the module go.
const MODULE_REMOVED: &[Run] = &[Run {
    program: "sh",
    arguments: &[
        "-c",
        "kni-create --created-elsewhere vEth0_0
        until [ -e /sys/class/net/vEth0_0 ]; do :; done
        modprobe -r rte_kni",
    ],
    ..raw(
        &[],
        elsewhere(
            &[Attempt {
                outcome: "created-elsewhere",
                also: &[("/interface/opened_in", Said::Something), ("/interface/netns", Said::Something)],
                ..GOT
            }],
            &[Became::event("module-removed", NAME, &[])],
        ),
    )
}];

/// In the order in which they are told of.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        module: Module::With("kthread_mode=multiple"),
        ..row("t33", "kthreadd starves, and the program is killed waiting", T33)
    },
    Scenario {
        guest: Guest::Oopses,
        // On 5.10 who dies while it dies never ends ("Fixing recursive fault", `do_exit` of kernel/exit.c). kniwatch
        // tells its death, but the scenario waits for the end.
        kernels: &[Kernel::Linux61, Kernel::Linux612],
        ..row("t34", "the same with one thread for all: stuck for ever", T34)
    },
    row("t39", "16.04's layout: created, with a card's ids as the MTU", T39),
    row("t43", "set up without an answer: refused after three seconds", T43),
    row("t44", "carrier=off: up without a carrier, until the program", T44),
    Scenario {
        module: Module::With("carrier=on"),
        ..row("t44-carrier", "carrier=on: up with a carrier", T44_CARRIER)
    },
    Scenario { guest: Guest::Stalls, ..row("t45", "killed with virtual addresses: /dev/kni is stuck", T45) },
    row("t46", "killed with physical addresses: removed", T46),
    row("t48", "released while it is up: three seconds", T48),
    row("moved", "moved to another network namespace, and closed", MOVED),
    Scenario {
        before: Some(Background {
            command: "ip netns add other; testpmd-session stay",
            until_interface: "kni0",
        }),
        ..row("listed", "kniwatch ls: of before, and in another namespace", LISTED)
    },
    row("release-refused", "RELEASE by the name that it was renamed to", RELEASE_REFUSED),
    Scenario {
        kernels: &[Kernel::Linux61, Kernel::Linux612],
        ..row("rtnl-held", "CREATE waits for ip, which waits for an answer", RTNL_HELD)
    },
    Scenario {
        kernels: &[Kernel::Linux510],
        ..row("rtnl-held-unseen", "the same, where who has the lock is not found", RTNL_HELD_UNSEEN)
    },
    Scenario {
        guest: Guest::Oopses,
        module: Module::With("kthread_mode=multiple"),
        ..row("module-removed", "the module is removed from under an interface", MODULE_REMOVED)
    },
    Scenario {
        guest: Guest::Oopses,
        ..row("bad-address", "queues beyond the memory's end: the thread dies", DOOMED_ADDRESS)
    },
];
