//! More at once than the kernel or kniwatch can follow: what is told then is so, or less.

use super::NOTHING_SAID;
use super::builds::REFUSED;
use super::kernel::{raw, row};
use crate::guest::Kernel;
use crate::scenario::{Attempt, Attempts, Became, Expect, Run, Said, Scenario};

const NAME: &str = "vEth0_0";
const ENODEV: i64 = 19;
const EINVAL: i64 = 22;
const ETIME: i64 = 62;

/// News are lost, and everything is looked at anew.
const FLOODED: &[Run] = &[raw(
    &["--then", "flood vEth0_0 other", "vEth0_0"],
    Expect {
        attempts: Attempts::Exactly(&[Attempt::got(NAME)]),
        interfaces: &[
            Became::event("renamed", NAME, &[("/to", Said::Text("other"))]),
            Became::closed("other"),
        ],
        must_not_say: REFUSED,
        ..NOTHING_SAID
    },
)];

/// Sixteen wait for the lock that `ip` has, in functions whose returns the kernel follows for ten threads at once, or
/// for one (`register_kretprobe`, kernel/kprobes.c of Linux 5.10 to 6.12: with a kernel that can be preempted ten or
/// twice the number of processors, else that number).
macro_rules! crowd {
    ($name:literal) => {
        &[
            "--crowd",
            "--then",
            "until-in-request ip link set vEth0_0 up",
            "vEth0_0",
            $name,
            $name,
            $name,
            $name,
            $name,
            $name,
            $name,
            $name,
            $name,
            $name,
            $name,
            $name,
            $name,
            $name,
            $name,
            $name,
        ]
    };
}

const NAMELESS: &str = "a/b";

const WAITING: Attempt = Attempt {
    boundary: Some("network"),
    cause: Some("proc.blocked"),
    consumed: Some(NAMELESS),
    ..Attempt::got(NAMELESS).meanwhile(&[("/final", Said::Is(false)), ("/waiting/what", Said::Text("rtnl"))])
};

/// What the module printed tells what the return would have.
const INVALID: Attempt = Attempt {
    consumed: Some(NAMELESS),
    errno_kernel: Some(EINVAL),
    ..Attempt::in_kernel("network", NAMELESS, "net.name-invalid", ENODEV)
};

const UNANSWERED: Became = Became::event("set-up-request", NAME, &[("/errno", Said::Number(ETIME))]);

/// Without it, of whose return was missed no more is known than what its program was told.
const UNKNOWN: Attempt = Attempt {
    claimed: Some(NAMELESS),
    consumed: Some(NAMELESS),
    errno_user: Some(ENODEV),
    issued: Some(true),
    ..Attempt::inconclusive()
};

const MISSED: Expect = Expect {
    // Six threads, three functions each.
    missed: 18,
    interfaces: &[UNANSWERED, Became::event("released", NAME, &[("/how", Said::Text("unseen"))])],
    must_not_say: &["IN THE LIBRARY", "IN THE MODULE", "\"lib.", "\"mod.", "\"sys."],
    ..NOTHING_SAID
};

const UNCERTAIN: Attempt = Attempt { complete: false, ..INVALID };

const CROWDED: &[Run] = &[raw(
    crowd!("a/b"),
    Expect {
        attempts: Attempts::Crowd(&[
            (1, &[Attempt::got(NAME)]),
            (16, &[WAITING]),
            (16, &[INVALID, UNCERTAIN]),
        ]),
        ..MISSED
    },
)];

const CROWDED_UNLOGGED: &[Run] = &[raw(
    crowd!("a/b"),
    Expect {
        attempts: Attempts::Crowd(&[
            (1, &[Attempt::got(NAME)]),
            (16, &[WAITING]),
            (16, &[INVALID, UNCERTAIN, UNKNOWN]),
        ]),
        ..MISSED
    },
)];

/// Since Linux 6.7 the kernel says what it will miss as soon as that is entered: from then on nobody is told to be in
/// progress who may have ended unseen.
const FORETOLD: &[Run] = &[raw(
    crowd!("a/b"),
    Expect {
        attempts: Attempts::Crowd(&[(1, &[Attempt::got(NAME)]), (16, &[INVALID, UNCERTAIN])]),
        ..MISSED
    },
)];

const FORETOLD_UNLOGGED: &[Run] = &[raw(
    crowd!("a/b"),
    Expect {
        attempts: Attempts::Crowd(&[(1, &[Attempt::got(NAME)]), (16, &[INVALID, UNCERTAIN, UNKNOWN])]),
        ..MISSED
    },
)];

const UNTIL_6_7: &[Kernel] = &[Kernel::Linux510, Kernel::Linux61];
const SINCE_6_7: &[Kernel] = &[Kernel::Linux612];

/// In the order in which they are told of.
pub(super) const SCENARIOS: &[Scenario] = &[
    row("flooded", "more news of an interface than a socket holds", FLOODED),
    Scenario {
        kernels: UNTIL_6_7,
        ..row("crowded", "more threads in the module than the kernel follows", CROWDED)
    },
    Scenario {
        kernels: SINCE_6_7,
        ..row("crowded-foretold", "the same, and the kernel says so at once", FORETOLD)
    },
    Scenario {
        kernels: SINCE_6_7,
        situation: Some("log_hidden"),
        ..row("crowded-foretold-unlogged", "and without the kernel's log", FORETOLD_UNLOGGED)
    },
    Scenario {
        kernels: UNTIL_6_7,
        situation: Some("log_hidden"),
        ..row("crowded-unlogged", "the same, and the kernel's log can't be read", CROWDED_UNLOGGED)
    },
];
