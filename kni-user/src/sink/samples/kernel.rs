//! Of the kernel's side: what hangs, dies, is taken amiss, comes into being elsewhere; what becomes of interfaces.

use kni_ebpf::hook::Hook;

use super::{created, device_busy, entered, stopped};
use crate::cause::Cause;
use crate::event::Holder;
use crate::inventory::{Age, Alive};
use crate::report::{
    Attempt, Boundary, Change, Changed, Diagnostic, Errnos, Field, Interface, Outcome, Released, ReleasedHow,
    Skew, Waiting, WaitsFor,
};
use crate::untrusted::Untrusted;

pub(crate) fn ip() -> Holder {
    Holder { pid: 412, comm: "ip".into() }
}

fn texts(texts: &[&str]) -> Vec<Untrusted> {
    texts.iter().map(|text| (*text).into()).collect()
}

pub(crate) fn waiting(what: WaitsFor, holder: Option<Holder>) -> Waiting {
    let stack = ["__mutex_lock", "register_netdev", "kni_ioctl_create", "kni_ioctl", "__x64_sys_ioctl"];
    Waiting { what, holder, since_ns: 1_000_000_000, stack: texts(&stack) }
}

/// Another creation is held up by whoever sets an interface up that nobody answers for.
pub(crate) fn in_progress() -> Attempt {
    Attempt {
        interface: Interface { actual: None, ifindex: None, ..created().interface },
        outcome: Outcome::InProgress,
        boundary: Some(Boundary::Module),
        cause: Some(Cause::ProcBlocked),
        is_final: false,
        waiting: Some(waiting(WaitsFor::Rtnl, Some(ip()))),
        steps: vec![entered(Hook::Ioctl, 0), entered(Hook::Dispatcher, 2_000), entered(Hook::Handler, 3_000)],
        log: Vec::new(),
        duration_ns: 1_000_000_000,
        ..created()
    }
}

/// And its last word.
pub(crate) fn created_late() -> Attempt {
    Attempt { waiting: in_progress().waiting, duration_ns: 2_980_000_000, ..created() }
}

/// Still waiting when it was over.
pub(crate) fn blocked() -> Attempt {
    Attempt { is_final: true, duration_ns: 9_100_000_000, ..in_progress() }
}

/// The kernel failed inside the handler.
pub(crate) fn died_inside() -> Attempt {
    Attempt {
        outcome: Outcome::Died,
        cause: Some(Cause::ProcCrash),
        subject: Some("kni_ioctl_create".into()),
        is_final: true,
        waiting: None,
        log: texts(&[
            "rte_kni: Creating kni...",
            "BUG: unable to handle page fault for address: ffffffffab8e1d18",
            "Oops: 0000 [#1] PREEMPT SMP NOPTI",
            "CPU: 0 PID: 4533 Comm: testpmd Tainted: G           OE      6.1.0-56-amd64",
            "RIP: 0010:kni_ioctl_create+0x9f/0xb30 [rte_kni]",
        ]),
        duration_ns: 900_000,
        ..in_progress()
    }
}

/// Whoever died had the device open.
pub(crate) fn device_stuck() -> Attempt {
    let holder = Holder { pid: 4533, comm: "testpmd".into() };
    Attempt { cause: Some(Cause::SysDeviceStuck), holder: Some(holder), ..device_busy() }
}

pub(crate) fn died_in_release() -> Diagnostic {
    Diagnostic::DiedInModule {
        thread: Holder { pid: 4533, comm: "testpmd".into() },
        function: "kni_release".into(),
        at: Some("__get_user_pages".into()),
        device_stuck: true,
        interfaces: texts(&["kni0"]),
        log: texts(&[
            "BUG: kernel NULL pointer dereference, address: 0000000000000000",
            "RIP: 0010:__get_user_pages+0x4f/0x6b0",
        ]),
    }
}

/// A 19.05 library asks the module of 22.11.
pub(crate) fn size_skew() -> Attempt {
    let skew = Skew {
        library: Some('B'),
        library_bytes: 152,
        module: Some('D'),
        module_bytes: Some(136),
        evidence: vec!["its version 22.11".to_owned(), "its type information (BTF)".to_owned()],
        fields: Vec::new(),
    };
    Attempt {
        skew: Some(skew),
        errno: Errnos { user: Some(22), kernel: None },
        ..stopped(Boundary::Module, Some(Cause::ModSizeSkew), super::duplicate_name().steps)
    }
}

/// A 16.04 library asks the module of 22.11, which takes it.
pub(crate) fn doomed() -> Attempt {
    let skew = Skew {
        library: Some('A'),
        library_bytes: 136,
        module: Some('D'),
        module_bytes: Some(136),
        evidence: vec!["its version 22.11".to_owned()],
        fields: vec![
            Field { name: "tx_phys", value: 0 },
            Field { name: "alloc_phys", value: 0x1_0f3a_2000 },
            Field { name: "mtu", value: 282_296_454 },
        ],
    };
    Attempt {
        outcome: Outcome::CreatedDoomed,
        cause: Some(Cause::ModLayoutSkew),
        skew: Some(skew),
        library: Some(super::library::static_library()),
        ..created()
    }
}

/// The request came from another network namespace than the device.
pub(crate) fn elsewhere() -> Attempt {
    let interface =
        Interface { netns: Some(4_026_532_201), opened_in: Some(4_026_531_840), ..created().interface };
    Attempt { outcome: Outcome::CreatedElsewhere, interface, ..created() }
}

/// Every attempt above.
pub(crate) fn all() -> Vec<Attempt> {
    vec![
        in_progress(),
        created_late(),
        blocked(),
        died_inside(),
        device_stuck(),
        size_skew(),
        doomed(),
        elsewhere(),
    ]
}

pub(crate) fn changed(what: Change) -> Changed {
    let owner = Some(Holder { pid: 4533, comm: "testpmd".into() });
    Changed { name: "kni0".into(), ifindex: Some(9), netns: Some(4_026_531_840), owner, what }
}

/// A set-up request that `errno` came of after so long.
pub(crate) fn asked(errno: Option<i32>, took_ns: u64) -> Change {
    Change::SetUpRequest { request: "set up", errno, took_ns, by: ip() }
}

/// Every change that there is.
pub(crate) fn changes() -> Vec<Changed> {
    let all = [
        Change::Renamed { to: "wan0".into() },
        Change::Moved { to_netns: Some(4_026_532_201) },
        Change::Moved { to_netns: None },
        Change::Up { carrier: true },
        Change::Up { carrier: false },
        Change::Down,
        Change::Carrier { on: true },
        Change::Carrier { on: false },
        asked(Some(libc::ETIME), 3_014_000_000),
        asked(None, 1_200_000_000),
        Change::ReleaseRefused { errno: Some(libc::EINVAL), took_ns: Some(21_000) },
        Change::ReleaseRefused { errno: None, took_ns: None },
        Change::ModuleRemoved,
    ];
    let anybodys = Changed { owner: None, ..changed(Change::Up { carrier: true }) };
    all.into_iter().map(changed).chain([anybodys]).collect()
}

/// Every way that an interface goes.
pub(crate) fn releases() -> Vec<Released> {
    let all = [
        (ReleasedHow::Request, Some(3_270_000_000)),
        (ReleasedHow::Close, Some(57_000_000)),
        (ReleasedHow::Death, None),
        (ReleasedHow::Unseen, None),
    ];
    let released = |(how, took_ns)| Released { how, took_ns, ..super::released() };
    let adopted = Released { lived_ns: None, ..super::released() };
    all.into_iter().map(released).chain([adopted]).collect()
}

/// As `ls` finds it.
pub(crate) fn alive() -> Alive {
    Alive {
        name: "kni0".into(),
        ifindex: 9,
        mtu: Some(1500),
        netns: 4_026_532_201,
        netns_name: Some("blue".into()),
        own_netns: false,
        owner: Some(ip()),
        up: true,
        carrier: false,
        age: Some(Age { ns: 4_900_000_000, at_most: true }),
        thread_alive: Some(true),
    }
}
