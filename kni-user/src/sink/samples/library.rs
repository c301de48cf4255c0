//! Of programs and their library: what was refused where, what went before, how they ended.

use kni_ebpf::hook::Hook;

use super::{created, entered, process, returned, silent_refusal, stopped, with_text};
use crate::cause::Cause;
use crate::report::{
    Argument, Arguments, Attempt, AttemptCoverage, Boundary, Check, Errnos, Interface, IovaMode, Library,
    Origin, Outcome, Process, ProcessEnd, Step, Unseen,
};

const ALLOC: &str = "rte_kni_alloc";

/// What the library's functions were called with.
fn arguments(name: &str, pool: &str) -> Arguments {
    let text = |text: &str| Argument::Text { text: text.into() };
    Arguments { name: text(name), pool: text(pool), iova_mode: None }
}

fn check(what: &'static str, number: u8, time: Option<(u8, u8)>) -> Check {
    Check { function: ALLOC, releases: "18.11 to 23.07", what, number, of: 6, time }
}

/// So long before the attempt, with a string, a result and an errno of DPDK's.
pub(crate) fn origin(hook: Hook, before_ns: u64, text: &str, value: Option<i64>) -> Origin {
    let text = (!text.is_empty()).then(|| text.into());
    Origin { step: Step { text, value, ..entered(hook, 0) }, before_ns }
}

fn with_errno(step: Step, errno: i32) -> Step {
    Step { rte_errno: Some(errno), ..step }
}

pub(crate) fn shared_library() -> Library {
    Library {
        object: Some("/usr/lib/x86_64-linux-gnu/librte_kni.so.23".into()),
        is_static: Some(false),
        releases: Some("22.11 to 23.07".to_owned()),
        layout: Some('D'),
        evidence: vec!["soname librte_kni.so.23".to_owned()],
    }
}

pub(crate) fn static_library() -> Library {
    Library {
        object: Some("/opt/app/l3fwd-kni".into()),
        is_static: Some(true),
        releases: Some("16.04 to 16.07".to_owned()),
        layout: Some('A'),
        evidence: vec!["lookup of the pool's memzone".to_owned()],
    }
}

/// 22.11: the fifth of the seven memzones is taken. KNI itself says nothing of it.
pub(crate) fn zone_taken() -> Attempt {
    let reserve = |after, name: &str, value| {
        with_text(returned(Hook::MemzoneReserve, after, value), &format!("kni_{name}_vEth0_0"))
    };
    Attempt {
        steps: vec![
            Step { detail: Some("mbuf_pool".into()), ..with_text(entered(Hook::LibraryAlloc, 0), "vEth0_0") },
            entered(Hook::TailqLock, 2_000),
            reserve(8_000, "tx", 0x1000),
            reserve(14_000, "rx", 0x2000),
            reserve(20_000, "alloc", 0x3000),
            reserve(26_000, "free", 0x4000),
            with_text(entered(Hook::LibraryLog, 29_000), "EAL: %s(): memzone <%s> already exists\n"),
            with_errno(reserve(30_000, "req", 0), 17),
            with_errno(returned(Hook::LibraryAlloc, 41_000, 0), 17),
        ],
        subject: Some("kni_req_vEth0_0".into()),
        arguments: Some(arguments("vEth0_0", "mbuf_pool")),
        check: Some(check("reserving the memzone kni_req_<name>", 6, Some((5, 7)))),
        library: Some(shared_library()),
        ..silent_refusal()
    }
}

/// The 4th check speaks by its position alone: `rte_zmalloc` is not observed, and the library's log was not.
pub(crate) fn out_of_memory() -> Attempt {
    Attempt {
        cause: Some(Cause::LibNoMemory),
        subject: None,
        steps: vec![
            with_text(entered(Hook::LibraryAlloc, 0), "vEth0_0"),
            entered(Hook::TailqLock, 2_000),
            returned(Hook::LibraryAlloc, 41_000, 0),
        ],
        check: Some(check("memory for the entry in the list of interfaces", 4, None)),
        ..zone_taken()
    }
}

/// A call that comes to nothing at the first check, without a word.
fn refused_at_once(cause: Option<Cause>, arguments: Arguments) -> Attempt {
    Attempt {
        cause,
        subject: None,
        steps: vec![entered(Hook::LibraryAlloc, 0), returned(Hook::LibraryAlloc, 1_000, 0)],
        check: Some(check("whether there are a pool, a configuration and a name in it", 1, None)),
        arguments: Some(arguments),
        duration_ns: 1_000,
        ..zone_taken()
    }
}

/// The pool was never made, and the program went on.
pub(crate) fn no_pool() -> Attempt {
    let origin = origin(Hook::PoolCreate, 41_000_000, "mbuf_pool", Some(0));
    Attempt {
        origin: Some(Origin { step: with_errno(origin.step, 12), ..origin }),
        ..refused_at_once(
            Some(Cause::LibNoPool),
            Arguments { pool: Argument::Null, ..arguments("vEth0_0", "") },
        )
    }
}

pub(crate) fn no_configuration() -> Attempt {
    let given = Arguments { name: Argument::Null, ..arguments("", "mbuf_pool") };
    Attempt { interface: Interface::default(), ..refused_at_once(Some(Cause::LibBadArgument), given) }
}

pub(crate) fn empty_name() -> Attempt {
    Attempt {
        interface: Interface::default(),
        ..refused_at_once(Some(Cause::LibBadArgument), arguments("", "mbuf_pool"))
    }
}

pub(crate) fn unreadable() -> Attempt {
    let given = Arguments {
        name: Argument::Unreadable { errno: 14 },
        pool: Argument::Unreadable { errno: 14 },
        iova_mode: None,
    };
    Attempt { interface: Interface::default(), check: None, ..refused_at_once(None, given) }
}

/// `rte_kni_init` had failed, the program went on, and the library says that it was not initialised.
pub(crate) fn init_had_failed() -> Attempt {
    let said = "KNI: KNI subsystem has not been initialized. Invoke rte_kni_init() first\n";
    Attempt {
        boundary: Some(Boundary::Syscall),
        cause: Some(Cause::SysDeviceMissing),
        subject: None,
        errno: Errnos { user: Some(2), kernel: None },
        steps: vec![
            with_text(entered(Hook::LibraryAlloc, 0), "vEth0_0"),
            with_text(entered(Hook::LibraryLog, 2_000), said),
            returned(Hook::LibraryAlloc, 41_000, 0),
        ],
        check: Some(check("whether rte_kni_init succeeded", 2, None)),
        origin: Some(origin(Hook::Open, 12_000_000, "/dev/kni", Some(-2))),
        ..zone_taken()
    }
}

pub(crate) fn closed_before() -> Attempt {
    Attempt {
        boundary: Some(Boundary::Library),
        cause: Some(Cause::LibNotInitialised),
        errno: Errnos::default(),
        origin: Some(origin(Hook::LibraryClose, 2_000_000_000, "", None)),
        ..init_had_failed()
    }
}

/// A release that failed has left the name taken.
pub(crate) fn release_had_failed() -> Attempt {
    Attempt {
        cause: Some(Cause::LibAlreadyExists),
        check: Some(check("whether the name is free in this process", 3, None)),
        origin: Some(origin(Hook::LibraryRelease, 5_000_000, "", Some(-1))),
        steps: vec![
            with_text(entered(Hook::LibraryAlloc, 0), "vEth0_0"),
            with_text(entered(Hook::LibraryLog, 2_000), "KNI: KNI already exists\n"),
            returned(Hook::LibraryAlloc, 41_000, 0),
        ],
        ..closed_before()
    }
}

/// 19.08 takes no virtual addresses.
pub(crate) fn virtual_addresses() -> Attempt {
    let said = "KNI: KNI requires IOVA as PA\n";
    Attempt {
        cause: Some(Cause::LibIovaMode),
        subject: None,
        interface: Interface::default(),
        arguments: Some(Arguments { iova_mode: Some(IovaMode::Virtual), ..arguments("", "") }),
        check: Some(Check {
            function: "rte_kni_init",
            releases: "19.08 to 23.07",
            what: "whether addresses are physical",
            number: 1,
            of: 2,
            time: None,
        }),
        steps: vec![
            entered(Hook::LibraryInit, 0),
            returned(Hook::IovaMode, 4_000, 2),
            with_text(entered(Hook::LibraryLog, 6_000), said),
            returned(Hook::LibraryInit, 9_000, -1),
        ],
        ..zone_taken()
    }
}

/// 16.04 without a device: the library aborts the program.
pub(crate) fn panicked() -> Attempt {
    let panic = Step {
        detail: Some("rte_kni_init".into()),
        ..with_text(entered(Hook::Panic, 20_000), "Can not open /dev/kni\n")
    };
    Attempt {
        process: process(4121, "l3fwd-kni"),
        interface: Interface::default(),
        outcome: Outcome::Died,
        errno: Errnos { user: Some(2), kernel: None },
        issued: Some(false),
        end: Some(killed(6, true)),
        library: Some(static_library()),
        ..stopped(
            Boundary::Syscall,
            Some(Cause::SysDeviceMissing),
            vec![
                entered(Hook::LibraryInit, 0),
                with_text(returned(Hook::Open, 12_000, -2), "/dev/kni"),
                panic,
            ],
        )
    }
}

/// A release's layout that the module takes for another's.
pub(crate) fn layout_skew() -> Attempt {
    Attempt {
        outcome: Outcome::CreatedDoomed,
        cause: Some(Cause::ModLayoutSkew),
        library: Some(Library {
            evidence: vec!["ioctl 0xc0880002 with no addresses at byte 16".to_owned()],
            ..static_library()
        }),
        ..created()
    }
}

/// Created, and of no use: the pool has no buffers.
pub(crate) fn empty_pool() -> Attempt {
    let mut attempt = created();
    let logged = with_text(entered(Hook::LibraryLog, 1_750_000), "KNI: Out of memory\n");
    attempt.steps.insert(attempt.steps.len() - 1, logged);
    attempt
}

/// The program came to its end and never called `rte_kni_alloc`: its pool was not made.
pub(crate) fn never_tried() -> Attempt {
    Attempt {
        outcome: Outcome::NotAttempted,
        boundary: None,
        cause: Some(Cause::LibNoPool),
        interface: Interface::default(),
        issued: Some(false),
        origin: Some(Origin {
            step: with_errno(with_text(returned(Hook::PoolCreate, 30_000_000, 0), "mbuf_pool"), 12),
            before_ns: 1_200_000,
        }),
        library: Some(shared_library()),
        end: Some(ProcessEnd { status: Some(1), signal: None, core_dumped: false }),
        process: process(4121, "l3fwd-kni"),
        ..stopped(
            Boundary::Library,
            None,
            vec![
                entered(Hook::LibraryInit, 0),
                with_text(returned(Hook::Open, 12_000, 5), "/dev/kni"),
                returned(Hook::LibraryInit, 20_000, 0),
                with_errno(with_text(returned(Hook::PoolCreate, 30_000_000, 0), "mbuf_pool"), 12),
            ],
        )
    }
}

/// It has opened the device and waits for something.
pub(crate) fn under_way() -> Attempt {
    let mut attempt = Attempt { cause: None, origin: None, end: None, ..never_tried() };
    attempt.steps.truncate(3);
    attempt
}

/// Nothing of the library is seen where the executable is stripped.
pub(crate) fn stripped() -> Attempt {
    let missing = vec![Unseen::Hook {
        hook: "library-alloc",
        reason: Some("its executable is stripped".to_owned()),
        armed_after_ns: None,
    }];
    Attempt {
        outcome: Outcome::Inconclusive,
        boundary: None,
        cause: None,
        issued: None,
        origin: None,
        library: Some(Library { releases: None, layout: None, evidence: Vec::new(), ..static_library() }),
        coverage: AttemptCoverage { complete: false, missing },
        ..never_tried()
    }
}

/// Inside a container.
pub(crate) fn contained() -> Process {
    Process { ns_pid: Some(12), mntns: Some(4_026_532_201), ..process(4121, "l3fwd-kni") }
}

pub(crate) fn killed(signal: i32, core_dumped: bool) -> ProcessEnd {
    ProcessEnd { status: None, signal: Some(signal), core_dumped }
}

/// All of them.
pub(crate) fn all() -> Vec<Attempt> {
    vec![
        zone_taken(),
        out_of_memory(),
        no_pool(),
        no_configuration(),
        empty_name(),
        unreadable(),
        init_had_failed(),
        closed_before(),
        release_had_failed(),
        virtual_addresses(),
        panicked(),
        layout_skew(),
        empty_pool(),
        never_tried(),
        under_way(),
        stripped(),
    ]
}
