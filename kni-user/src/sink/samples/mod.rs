//! Reports made by hand, for the tests of the sinks: the scenarios of real life, as the
//! correlation tells them.

use std::path::PathBuf;

use kni_ebpf::hook::Hook;

use crate::cause::Cause;
use crate::doctor::{self, Finding, Unknown};
use crate::event::{DeviceInfo, Holder, HookState, Ledger, Module, Question, Start};
use crate::expectation::Expectation;
use crate::host::site::Class;
use crate::preflight::{self, Source};
use crate::probe::Row;
use crate::report::{
    Attempt, AttemptCoverage, Boundary, CheckResult, Checked, CoverageChange, Diagnostic, Errnos, Hooks,
    Interface, Loop, Lost, Outcome, Process, Released, ReleasedHow, Repeat, Report, Step, Summary, Tally,
    Told, Unseen,
};
use crate::testing::machine;

pub(crate) mod kernel;
pub(crate) mod library;

/// 2026-08-22 12:02:11.204 UTC.
const EPOCH: i64 = 1_787_400_131_204_000_000;
/// The stream's clock at that moment.
pub(crate) const AT: u64 = 5_000_000_000;

pub(crate) fn report(what: Told) -> Report {
    Report { at: AT, what }
}

pub(crate) fn start(question: Question) -> Start {
    Start {
        version: "0.1.0".to_owned(),
        host: "lab7".into(),
        kernel: "6.1.0-56-amd64".into(),
        memory_end: Some(0x1_4000_0000),
        netns: Some(4_026_531_840),
        unix_ns: EPOCH,
        boot_ns: AT,
        utc_offset_s: 7200,
        cpus_online: "0-1".into(),
        module: Some(Module {
            version: Some("22.11".into()),
            parameters: vec![("carrier".into(), "off".into()), ("kthread_mode".into(), "single".into())],
            info: Some(DeviceInfo {
                size: 136,
                name_bytes: Some(16),
                source: "its type information (BTF)".to_owned(),
            }),
        }),
        question,
    }
}

pub(crate) fn check_of(names: &[&str]) -> Question {
    let expect = names.iter().map(|name| (*name).into()).collect();
    Question::Check {
        expect,
        expect_outcome: Expectation::CREATED,
        within_ns: 10_000_000_000,
        runs_command: true,
    }
}

pub(crate) fn hooks() -> Hooks {
    let reason = || "this kernel has no kprobes".to_owned();
    Hooks {
        live: vec!["ioctl", "library-alloc"],
        waiting: vec!["memzone-lookup"],
        idle: vec!["open"],
        missing: vec![("dispatcher", reason()), ("handler", reason()), ("exit", "left out".to_owned())],
    }
}

pub(crate) fn entered(hook: Hook, after_ns: u64) -> Step {
    let (hook, place) = (hook.name(), hook.place());
    Step { hook, place, text: None, detail: None, after_ns, value: None, took_ns: None, rte_errno: None }
}

pub(crate) fn returned(hook: Hook, after_ns: u64, value: i64) -> Step {
    Step { value: Some(value), ..entered(hook, after_ns) }
}

pub(crate) fn with_text(mut step: Step, text: &str) -> Step {
    step.text = Some(text.into());
    step
}

/// A creation by `testpmd` that nothing is wrong with.
pub(crate) fn created() -> Attempt {
    Attempt {
        process: Process {
            pid: 4533,
            tid: 4534,
            ns_pid: None,
            comm: "testpmd".into(),
            exe: Some("/usr/bin/dpdk-testpmd".into()),
            start_ns: Some(3_000_000_000),
            mntns: None,
        },
        interface: Interface {
            claimed: Some("kni0".into()),
            consumed: Some("kni0".into()),
            actual: Some("kni0".into()),
            ifindex: Some(9),
            netns: Some(4_026_531_840),
            opened_in: None,
        },
        outcome: Outcome::Created,
        boundary: None,
        cause: None,
        errno: Errnos::default(),
        subject: None,
        holder: None,
        issued: Some(true),
        arguments: None,
        check: None,
        origin: None,
        library: None,
        end: None,
        is_final: true,
        waiting: None,
        skew: None,
        steps: vec![
            with_text(entered(Hook::LibraryAlloc, 0), "kni0"),
            entered(Hook::Ioctl, 31_000),
            with_text(returned(Hook::AllocNetdev, 400_000, -0x7000_0000_0000), "kni0"),
            with_text(returned(Hook::RegisterNetdev, 900_000, 0), "kni0"),
            returned(Hook::Ioctl, 1_700_000, 0),
            returned(Hook::LibraryAlloc, 1_800_000, 0x7f00_1000),
        ],
        log: vec!["rte_kni: Creating kni...".into()],
        coverage: AttemptCoverage { complete: true, missing: Vec::new() },
        repeat: None,
        started: EPOCH,
        duration_ns: 1_800_000,
    }
}

/// Stopped there, for that reason, after these steps.
pub(crate) fn stopped(boundary: Boundary, cause: Option<Cause>, steps: Vec<Step>) -> Attempt {
    let created = created();
    Attempt {
        interface: Interface { actual: None, ifindex: None, ..created.interface.clone() },
        outcome: Outcome::Stopped,
        boundary: Some(boundary),
        cause,
        steps,
        log: Vec::new(),
        ..created
    }
}

pub(crate) fn silent_refusal() -> Attempt {
    let refused = stopped(
        Boundary::Library,
        Some(Cause::LibMemzoneExists),
        vec![
            with_text(entered(Hook::LibraryAlloc, 0), "vEth0_0"),
            with_text(returned(Hook::MemzoneReserve, 30_000, 0), "kni_tx_vEth0_0"),
            returned(Hook::LibraryAlloc, 41_000, 0),
        ],
    );
    Attempt {
        process: process(4121, "kni-refused"),
        interface: Interface { claimed: Some("vEth0_0".into()), ..Interface::default() },
        subject: Some("kni_tx_vEth0_0".into()),
        issued: Some(false),
        ..refused
    }
}

pub(crate) fn silent_refusal_1604() -> Attempt {
    Attempt {
        process: process(4121, "l3fwd-kni"),
        cause: Some(Cause::LibMemzoneMissing),
        subject: Some("MP_mbuf_pool".into()),
        steps: vec![
            with_text(entered(Hook::LibraryAlloc, 0), "vEth0_0"),
            with_text(returned(Hook::MemzoneLookup, 20_000, 0), "KNI_INFO_0"),
            with_text(returned(Hook::MemzoneLookup, 31_000, 0), "MP_mbuf_pool"),
            returned(Hook::LibraryAlloc, 41_000, 0),
        ],
        ..silent_refusal()
    }
}

pub(crate) fn restarted() -> Attempt {
    let repeat = Repeat {
        count: 2,
        previous_pid: 4121,
        lived_ns: Some(1_900_000_000),
        parent: Some(Holder { pid: 812, comm: "supervisord".into() }),
        ..Repeat::default()
    };
    Attempt { process: process(4131, "l3fwd-kni"), repeat: Some(repeat), ..silent_refusal_1604() }
}

/// The 47th time: shown after some that were not.
pub(crate) fn looping() -> Attempt {
    let repeat = restarted().repeat.map(|repeat| Repeat {
        count: 47,
        shortest_ns: Some(1_800_000_000),
        longest_ns: Some(2_100_000_000),
        over_ns: 92_000_000_000,
        ..repeat
    });
    Attempt { repeat, ..restarted() }
}

/// What became of it in all.
pub(crate) fn loop_seen() -> Loop {
    Loop {
        program: "l3fwd-kni".into(),
        interface: Some("vEth0_0".into()),
        outcome: Outcome::Stopped,
        boundary: Some(Boundary::Library),
        cause: Some(Cause::LibMemzoneMissing),
        count: 47,
        over_ns: 92_000_000_000,
        shortest_ns: Some(1_800_000_000),
        longest_ns: Some(2_100_000_000),
        parent: Some(Holder { pid: 812, comm: "supervisord".into() }),
    }
}

pub(crate) fn module_missing() -> Attempt {
    let steps = vec![
        entered(Hook::LibraryInit, 0),
        with_text(returned(Hook::Open, 12_000, -2), "/dev/kni"),
        returned(Hook::LibraryInit, 20_000, -1),
    ];
    Attempt {
        errno: Errnos { user: Some(2), kernel: None },
        interface: Interface::default(),
        issued: Some(false),
        ..stopped(Boundary::Syscall, Some(Cause::SysDeviceMissing), steps)
    }
}

pub(crate) fn device_busy() -> Attempt {
    let steps = vec![
        entered(Hook::LibraryInit, 0),
        returned(Hook::DeviceOpen, 11_000, -16),
        with_text(returned(Hook::Open, 12_000, -16), "/dev/kni"),
        returned(Hook::LibraryInit, 20_000, -1),
    ];
    Attempt {
        cause: Some(Cause::SysDeviceBusy),
        errno: Errnos { user: Some(16), kernel: None },
        holder: Some(Holder { pid: 4507, comm: "dpdk-testpmd".into() }),
        steps,
        ..module_missing()
    }
}

pub(crate) fn wrong_fd(cause: Cause, errno: i32, subject: Option<&str>) -> Attempt {
    let steps = vec![entered(Hook::Ioctl, 0), returned(Hook::Ioctl, 2_000, i64::from(-errno))];
    Attempt {
        process: process(4601, "raw-create"),
        errno: Errnos { user: Some(errno), kernel: None },
        subject: subject.map(Into::into),
        ..stopped(Boundary::Syscall, Some(cause), steps)
    }
}

pub(crate) fn duplicate_name() -> Attempt {
    let steps = vec![
        entered(Hook::Ioctl, 0),
        entered(Hook::Dispatcher, 2_000),
        entered(Hook::Handler, 3_000),
        returned(Hook::Handler, 13_000, -22),
        returned(Hook::Dispatcher, 14_000, -22),
        returned(Hook::Ioctl, 16_000, -22),
    ];
    Attempt {
        errno: Errnos { user: Some(22), kernel: None },
        log: vec!["rte_kni: Creating kni...".into(), "rte_kni: KNI name kni0 duplicated".into()],
        ..stopped(Boundary::Module, Some(Cause::ModNameDuplicate), steps)
    }
}

pub(crate) fn name_taken() -> Attempt {
    let steps = vec![
        entered(Hook::Ioctl, 0),
        entered(Hook::Dispatcher, 2_000),
        entered(Hook::Handler, 3_000),
        with_text(returned(Hook::RegisterNetdev, 9_000, -17), "lo"),
        returned(Hook::Handler, 13_000, -19),
        returned(Hook::Dispatcher, 14_000, -19),
        returned(Hook::Ioctl, 16_000, -19),
    ];
    Attempt {
        interface: Interface {
            claimed: Some("lo".into()),
            consumed: Some("lo".into()),
            ..Interface::default()
        },
        errno: Errnos { user: Some(19), kernel: Some(17) },
        log: vec!["rte_kni: error -17 registering device \"lo\"".into()],
        ..stopped(Boundary::Network, Some(Cause::NetNameExists), steps)
    }
}

pub(crate) fn inconclusive(missing: Vec<Unseen>) -> Attempt {
    Attempt {
        outcome: Outcome::Inconclusive,
        boundary: None,
        cause: None,
        subject: None,
        issued: None,
        coverage: AttemptCoverage { complete: false, missing },
        steps: vec![
            with_text(entered(Hook::LibraryAlloc, 0), "vEth0_0"),
            returned(Hook::LibraryAlloc, 41_000, 0),
        ],
        ..silent_refusal()
    }
}

/// Everything that can be unseen, once.
pub(crate) fn unseen() -> Vec<Unseen> {
    vec![
        Unseen::Hook {
            hook: "ioctl",
            reason: Some("left out by --without".to_owned()),
            armed_after_ns: None,
        },
        Unseen::Hook { hook: "handler", reason: None, armed_after_ns: Some(3_200_000) },
        Unseen::Records { lost: 3 },
        Unseen::Entry { hook: "library-alloc" },
    ]
}

pub(crate) fn process(pid: u32, comm: &str) -> Process {
    Process { pid, tid: pid, comm: comm.into(), ..created().process }
}

pub(crate) fn released() -> Released {
    Released {
        name: "kni0".into(),
        ifindex: Some(9),
        pid: 4533,
        comm: "testpmd".into(),
        how: ReleasedHow::Request,
        lived_ns: Some(4_900_000_000),
        took_ns: None,
    }
}

pub(crate) fn summary() -> Summary {
    let ledger = Ledger { emitted: 412, received: 412, filtered: 90_000, ..Ledger::default() };
    let attempts = Tally { created: 1, stopped_library: 3, stopped_network: 1, ..Tally::default() };
    Summary { attempts, ledger, complete: true, loops: Vec::new(), check: None }
}

pub(crate) fn checked(attempt: Attempt) -> Checked {
    Checked {
        name: attempt.interface.name().cloned(),
        outcome: attempt.outcome,
        boundary: attempt.boundary,
        cause: attempt.cause,
        gone_again: false,
        as_expected: attempt.outcome == Outcome::Created,
        attempt: Some(Box::new(attempt)),
    }
}

pub(crate) fn answered(interfaces: Vec<Checked>, exit_status: u8) -> Summary {
    let check = Some(CheckResult { interfaces, expected: Expectation::CREATED, exit_status });
    Summary { check, ..summary() }
}

/// A stream in which every kind of report, and every optional field, occurs.
pub(crate) fn everything() -> Vec<Report> {
    let went = CoverageChange { came: Vec::new(), went: vec!["dispatcher", "handler"], blind_ns: None };
    let came =
        CoverageChange { came: vec!["dispatcher", "handler"], went: Vec::new(), blind_ns: Some(1_200_000) };
    let mut told = vec![Told::Start(start(check_of(&["kni0"]))), Told::Armed(hooks())];
    let attempts = [
        created(),
        silent_refusal(),
        Attempt { process: library::contained(), ..restarted() },
        device_busy(),
        name_taken(),
        inconclusive(unseen()),
        looping(),
    ];
    let attempts = attempts.into_iter().chain(library::all()).chain(kernel::all());
    told.extend(attempts.map(|attempt| Told::Attempt(Box::new(attempt))));
    told.extend(kernel::releases().into_iter().map(Told::Released));
    told.extend(kernel::changes().into_iter().map(Told::Changed));
    told.push(Told::Diagnostic(kernel::died_in_release()));
    told.extend([
        Told::Coverage(went),
        Told::Coverage(came),
        Told::Released(released()),
        Told::Lost(Lost { count: 3, total: 4 }),
        Told::Diagnostic(Diagnostic::CommandEnded { status: Some(1), signal: None }),
        Told::Summary(Summary {
            loops: vec![loop_seen()],
            ..answered(vec![checked(created()), checked(duplicate_name())], 13)
        }),
    ]);
    told.into_iter().map(report).collect()
}

/// What `doctor` finds: each level, in what is said of a machine with an older library.
pub(crate) fn findings() -> Vec<Finding> {
    let mut facts = machine::well();
    facts.lockdown = Err(Unknown("that takes root".to_owned()));
    facts.libraries = vec![machine::library("B", "18.02 to 19.05")];
    facts
        .module
        .iter_mut()
        .for_each(|module| module.parameters = vec![("carrier".into(), Some("off".into()))]);
    facts.holders = vec![(Holder { pid: 4121, comm: "evil\u{1b}[2J".into() }, Some(true))];
    doctor::findings(&facts)
}

/// What else is observed than by hooks.
pub(crate) fn sources() -> Vec<Source> {
    vec![preflight::kernel_log(Some(&std::io::Error::from_raw_os_error(libc::EPERM)))]
}

/// What `probes` shows: a hook in each state.
pub(crate) fn rows() -> Vec<Row> {
    let library = || Some(PathBuf::from("/usr/lib/librte_kni.so.23"));
    let missing = HookState::Missing { reason: "this kernel has no kprobes".to_owned() };
    let alloc = Row::new(Hook::LibraryAlloc, "rte_kni_alloc", library(), HookState::Live);
    let reserve = Row::new(
        Hook::MemzoneReserve,
        "rte_memzone_reserve, rte_memzone_reserve_aligned",
        Some(PathBuf::from("/usr/lib/librte_eal.so.23")),
        HookState::Live,
    );
    vec![
        Row { sites: [(Class::Emulated, 1)].into(), ..alloc },
        Row { sites: [(Class::Emulated, 1), (Class::SingleStepped, 2)].into(), ..reserve },
        Row::new(Hook::Dispatcher, "kni_ioctl", None, HookState::Waiting),
        Row::new(Hook::Handler, "kni_ioctl_create", None, HookState::Gone),
        Row::new(Hook::Open, "sys_enter_openat", None, HookState::Idle),
        Row::new(Hook::RegisterNetdev, "register_netdev", None, missing),
    ]
}
