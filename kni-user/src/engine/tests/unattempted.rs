//! Processes that never came to an attempt.

use kni_ebpf::hook::Hook;

use super::check::{checked, command};
use super::{INCONCLUSIVE, Short, short, stopped};
use crate::cause::Cause;
use crate::event::{HookState, What};
use crate::report::{Attempt, Boundary, Outcome, Unseen};
use crate::testing::{CREATE, Kernel, Stream, Who, process};

const APP: Who = process(100);
const SYSTEM: &str = "/usr/lib/librte_kni.so.23";
const EXIT_1: u64 = 0x100;
const SIGKILL: u64 = 9;

const fn not_attempted(cause: Cause) -> Short {
    (Outcome::NotAttempted, None, Some(cause))
}

/// A process that was watched from its start, and what it does before it ends.
fn lived(inside: impl Fn(&mut Stream), code: u64) -> Stream {
    let mut stream = Stream::watch();
    stream.process(APP.pid, 1);
    inside(&mut stream);
    stream.ends(APP, code);
    stream
}

fn steps(attempt: &Attempt) -> Vec<(&'static str, Option<i64>)> {
    attempt.steps.iter().map(|step| (step.place, step.value)).collect()
}

#[test]
fn a_process_that_initialised_the_library_and_ended_is_told_with_how_far_it_came() {
    for (code, cause) in [
        (0, Cause::ProcExited),
        (EXIT_1, Cause::ProcExited),
        (SIGKILL, Cause::ProcKilled),
        (11, Cause::ProcCrash),
    ] {
        let told = lived(|s| s.init(APP, 5, 0), code).end();
        let attempt = told.attempt();
        assert_eq!(short(attempt), not_attempted(cause));
        assert_eq!((attempt.issued, attempt.coverage.complete), (Some(false), true));
        assert!(attempt.end.is_some() && attempt.origin.is_none());
        let came = [("rte_kni_init", None), ("open", Some(5)), ("rte_kni_init", Some(0))];
        assert_eq!(steps(attempt), came);
        assert_eq!((attempt.process.pid, attempt.interface.name()), (100, None));
        assert_eq!(told.summary().attempts.not_attempted, 1);
    }
}

#[test]
fn a_pool_that_could_not_be_made_is_why_unless_the_process_went_on_or_was_killed() {
    let fails = |s: &mut Stream| {
        s.fails(APP, Hook::RingCreate, "RG_MP_mbuf_pool", 12);
        s.fails(APP, Hook::MempoolCreate, "mbuf_pool", 12);
        s.fails(APP, Hook::PoolCreate, "mbuf_pool", 12);
    };
    let last = |s: &mut Stream| {
        s.init(APP, 5, 0);
        fails(s);
    };
    let first = |s: &mut Stream| {
        fails(s);
        s.init(APP, 5, 0);
    };
    let no_pool = not_attempted(Cause::LibNoPool);
    for (what, inside, code, expected) in [
        ("it gave up", &last as &dyn Fn(&mut Stream), 0, no_pool),
        ("it gave up and said so", &last, EXIT_1, no_pool),
        ("it failed later", &first, EXIT_1, no_pool),
        ("it crashed", &first, 11, no_pool),
        ("it may have made another", &first, 0, not_attempted(Cause::ProcExited)),
        ("it was killed", &last, SIGKILL, not_attempted(Cause::ProcKilled)),
    ] {
        let told = lived(inside, code).end();
        let attempt = told.attempt();
        assert_eq!(short(attempt), expected, "{what}");
        let origin = attempt.origin.as_ref().unwrap();
        let made = (origin.step.place, origin.step.text.clone(), origin.step.rte_errno);
        assert_eq!(made, ("rte_pktmbuf_pool_create", Some("mbuf_pool".into()), Some(12)), "{what}");
        assert!(origin.before_ns > 0);
        assert_eq!(attempt.steps.len(), 6, "{what}");
    }
}

#[test]
fn a_ring_that_could_not_be_made_is_no_pool() {
    let told = lived(
        |s| {
            s.init(APP, 5, 0);
            s.fails(APP, Hook::RingCreate, "worker", 17);
        },
        EXIT_1,
    )
    .end();
    assert_eq!(short(told.attempt()), not_attempted(Cause::ProcExited));
    assert_eq!(told.attempt().origin, None);
}

#[test]
fn nothing_is_told_of_who_attempted_was_refused_or_had_other_business() {
    type Inside = fn(&mut Stream);
    let cases: &[(&str, Inside, usize)] = &[
        ("nothing of KNI", |s| s.fails(APP, Hook::PoolCreate, "mbuf_pool", 12), 0),
        ("init refused", |s| s.init(APP, -2, -1), 1),
        ("open refused", |s| s.open(APP, -16), 1),
        (
            "attempted by the library",
            |s| {
                s.init(APP, 5, 0);
                s.alloc(APP, "vEth0");
                s.alloc_returns(APP, 0);
            },
            1,
        ),
        (
            "attempted by itself",
            |s| {
                s.open(APP, 5);
                s.request(APP, "vEth0", Kernel::Creates);
            },
            1,
        ),
        (
            "died inside",
            |s| {
                s.init(APP, 5, 0);
                s.alloc(APP, "vEth0");
            },
            1,
        ),
        (
            "released",
            |s| {
                s.open(APP, 5);
                s.release(APP, "vEth0", -22);
            },
            0,
        ),
        (
            "asked another device",
            |s| {
                s.open(APP, 5);
                s.call(APP, 7, CREATE, "");
                s.answer(APP, 7, CREATE, 0);
            },
            0,
        ),
    ];
    for (what, inside, attempts) in cases {
        let told = lived(inside, EXIT_1).end();
        assert_eq!(told.attempts().len(), *attempts, "{what}");
        assert!(told.attempts().iter().all(|one| one.outcome != Outcome::NotAttempted), "{what}");
    }
}

#[test]
fn a_refusal_that_was_overcome_is_not_why() {
    let told = lived(
        |s| {
            s.init(APP, -2, -1);
            s.init(APP, 5, 0);
        },
        SIGKILL,
    )
    .end();
    let all: Vec<_> = told.attempts().into_iter().map(short).collect();
    assert_eq!(all, [stopped(Boundary::Syscall, Cause::SysDeviceMissing), not_attempted(Cause::ProcKilled)]);
}

#[test]
fn where_an_attempt_may_have_gone_unseen_it_is_inconclusive() {
    let missing = |stream: Stream| {
        let told = stream.end();
        assert_eq!(short(told.attempt()), INCONCLUSIVE);
        (told.attempt().issued, told.attempt().coverage.missing.clone())
    };
    let reason =
        |hook, text: &str| Unseen::Hook { hook, reason: Some(text.to_owned()), armed_after_ns: None };
    let left_out = |hook: Hook| reason(hook.name(), "left out");

    for (hook, issued) in [(Hook::Ioctl, None), (Hook::LibraryAlloc, Some(false))] {
        let mut stream = Stream::without(&[hook]);
        stream.process(APP.pid, 1);
        stream.init(APP, 5, 0);
        stream.ends(APP, 0);
        assert_eq!(missing(stream), (issued, vec![left_out(hook)]));
    }

    let mut lossy = lived(|s| s.init(APP, 5, 0), 0);
    let end = lossy.events.pop().unwrap();
    lossy.lost(1);
    lossy.events.push(end);
    assert_eq!(missing(lossy), (None, vec![Unseen::Records { lost: 1 }]));

    let mut early = Stream::watch();
    let now = std::mem::replace(&mut early.now, 5);
    early.process(APP.pid, 1);
    early.now = now;
    early.init(APP, 5, 0);
    early.ends(APP, 0);
    let before = reason("library-alloc", "the process was started before it was watched");
    assert_eq!(missing(early), (Some(false), vec![before]));
}

#[test]
fn a_program_without_a_known_library_may_have_a_stripped_one_inside() {
    let stripped = HookState::Missing { reason: "the file is stripped".to_owned() };
    for mapped in [false, true] {
        let mut stream = Stream::before_any_library();
        stream.object(SYSTEM, &HookState::Live);
        stream.object("/opt/static", &stripped);
        stream.process(APP.pid, 1);
        if mapped {
            stream.maps(APP.pid, "/opt/static");
        }
        stream.open(APP, 5);
        stream.ends(APP, EXIT_1);
        let told = stream.end();
        assert_eq!(short(told.attempt()), INCONCLUSIVE);
        assert_eq!(told.attempt().issued, Some(false), "the system call was watched");
        let why = if mapped {
            "the file is stripped"
        } else {
            "no library is known that the process runs: it may have one inside, stripped"
        };
        let reason = Some(why.to_owned());
        let unseen = Unseen::Hook { hook: "library-alloc", reason, armed_after_ns: None };
        assert_eq!(told.attempt().coverage.missing, [unseen]);
    }
    let mut seen = Stream::before_any_library();
    seen.object(SYSTEM, &HookState::Live);
    seen.process(APP.pid, 1);
    seen.maps(APP.pid, SYSTEM);
    seen.open(APP, 5);
    seen.ends(APP, EXIT_1);
    assert_eq!(short(seen.end().attempt()), not_attempted(Cause::ProcExited));
}

#[test]
fn a_library_that_was_found_too_late_leaves_the_first_run_open_and_not_the_next() {
    let mut stream = Stream::before_any_library();
    for pid in [101, 102] {
        stream.process(pid, 12);
        if pid == 101 {
            stream.object(SYSTEM, &HookState::Live);
        }
        stream.maps(pid, SYSTEM);
        stream.init(process(pid), 5, 0);
        stream.ends(process(pid), 0);
    }
    let told = stream.end();
    let all: Vec<_> = told.attempts().into_iter().map(short).collect();
    assert_eq!(all, [INCONCLUSIVE, not_attempted(Cause::ProcExited)]);
    let missing = &told.attempts()[0].coverage.missing;
    assert!(matches!(missing[..], [Unseen::Hook { armed_after_ns: Some(_), .. }]), "{missing:#?}");
}

#[test]
fn a_child_that_only_inherited_is_told_of_if_it_carries_on_alone() {
    let fork = |s: &mut Stream| {
        s.init(APP, 5, 0);
        s.note(APP, Hook::Fork, [101, 0, 0], "app");
    };
    // A worker that ends while its parent goes on.
    let worker = lived(
        |s| {
            fork(s);
            s.ends(process(101), 0);
        },
        SIGKILL,
    );
    let told = worker.end();
    assert_eq!((told.attempt().process.pid, short(told.attempt())), (100, not_attempted(Cause::ProcKilled)));
    // A daemon whose parent ends first.
    let mut daemon = lived(fork, 0);
    assert!(daemon.clone().end().attempts().is_empty(), "it lives");
    let mut attempts = daemon.clone();
    attempts.request(process(101), "vEth0", Kernel::Creates);
    attempts.ends(process(101), 0);
    assert_eq!(short(attempts.end().attempt()), super::CREATED);
    daemon.ends(process(101), 11);
    let told = daemon.end();
    assert_eq!((told.attempt().process.pid, short(told.attempt())), (101, not_attempted(Cause::ProcCrash)));
    // A child that runs another program carries nothing on.
    let told = lived(
        |s| {
            fork(s);
            s.note(process(101), Hook::Exec, [0; 3], "/bin/ip");
        },
        0,
    )
    .end();
    assert_eq!(told.attempt().process.pid, 100);
}

#[test]
fn check_answers_with_how_far_the_command_came_where_nothing_better_is_known() {
    let answer = |inside: &dyn Fn(&mut Stream)| {
        let mut stream = command(&["vEth0"]);
        inside(&mut stream);
        stream.push(What::CommandEnded { pid: 50, status: Some(1), signal: None });
        let answer = stream.end();
        let [one] = checked(&answer) else { panic!("one") };
        (answer.exit_status.unwrap(), one.cause, one.attempt.is_some())
    };
    let app = process(50);
    let ended = |s: &mut Stream| {
        s.init(app, 5, 0);
        s.ends(app, SIGKILL);
    };
    assert_eq!(answer(&ended), (10, Some(Cause::ProcKilled), true));
    let lives = |s: &mut Stream| s.init(app, 5, 0);
    assert_eq!(answer(&lives), (10, None, true));
    let other = process(51);
    let refused = |s: &mut Stream| {
        s.note(app, Hook::Fork, [51, 0, 0], "sh");
        s.note(other, Hook::Exec, [0; 3], "/usr/bin/app");
        s.init(other, -2, -1);
    };
    let both = |s: &mut Stream| {
        refused(s);
        ended(s);
    };
    assert_eq!(answer(&both), (12, Some(Cause::SysDeviceMissing), true), "the refusal is the better answer");
    let blind = |s: &mut Stream| {
        s.open(app, 5);
    };
    // A program of which no library is known may have been refused unseen: that nobody tried is not known.
    assert_eq!(answer(&blind), (20, None, true));
}
