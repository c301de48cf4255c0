//! Attempts that take long: what is told meanwhile, and what is not.

use kni_ebpf::hook::Hook;

use super::{CREATED, INCONCLUSIVE, Short, short};
use crate::cause::Cause;
use crate::event::{Blocked, Question, Stack, What};
use crate::expectation::Expectation;
use crate::report::{Boundary, Outcome, WaitsFor};
use crate::testing::{CREATE, Kernel, SOME, STEP_NS, Stream, Who, process};
use crate::untrusted::Untrusted;

const APP: Who = process(100);
const CMD: [u64; 3] = [SOME, CREATE as u64, SOME];
/// From the module's function outwards.
const IOCTL: [&str; 5] =
    ["kni_ioctl_create", "kni_ioctl", "__x64_sys_ioctl", "do_syscall_64", "entry_SYSCALL_64_after_hwframe"];
const SLEEPS: [&str; 4] =
    ["hrtimer_nanosleep", "__x64_sys_nanosleep", "do_syscall_64", "entry_SYSCALL_64_after_hwframe"];
const SECOND: u64 = 1_000_000_000;

const fn in_progress(boundary: Boundary, cause: Option<Cause>) -> Short {
    (Outcome::InProgress, Some(boundary), cause)
}

const BLOCKED: Short = in_progress(Boundary::Module, Some(Cause::ProcBlocked));
/// It waits for the network core's lock.
const AT_LOCK: Short = in_progress(Boundary::Network, Some(Cause::ProcBlocked));

fn functions(inner: &str, outer: &[&str]) -> Vec<Untrusted> {
    inner.split_whitespace().chain(outer.iter().copied()).map(Untrusted::from).collect()
}

/// Into the handler, and a second there.
fn asked(stream: &mut Stream) {
    stream.call(APP, 5, CREATE, "vEth0");
    stream.enter(APP, Hook::Dispatcher, CMD, "");
    stream.enter(APP, Hook::Handler, CMD, "");
    stream.now += SECOND;
}

fn answered(stream: &mut Stream, value: i64) {
    stream.leave(APP, Hook::Handler, value, CMD);
    stream.leave(APP, Hook::Dispatcher, value, CMD);
    stream.answer(APP, 5, CREATE, value);
}

fn blocked(stream: &mut Stream, who: Who, stack: Option<Vec<Untrusted>>, others: Vec<Stack>) {
    stream.push(What::Blocked(Blocked { pid: who.pid, tid: who.tid, state: 'D', stack, others }));
}

fn other(pid: u32, comm: &str, inner: &str) -> Stack {
    let outer = ["netlink_rcv_skb", "__sys_sendmsg", "do_syscall_64", "entry_SYSCALL_64_after_hwframe"];
    Stack { pid, tid: pid, comm: comm.into(), functions: functions(inner, &outer) }
}

#[test]
fn an_attempt_that_takes_long_is_told_meanwhile_and_again_when_it_has_ended() {
    let mut stream = Stream::watch();
    asked(&mut stream);
    stream.log("rte_kni: Creating kni...");
    let ip = other(77, "ip", "kni_net_process_request kni_net_open __dev_open rtnetlink_rcv_msg");
    let waits = other(78, "ifconfig", "dev_ioctl sock_do_ioctl");
    blocked(&mut stream, APP, Some(functions("register_netdev", &IOCTL)), vec![waits, ip]);
    stream.pass(APP, Hook::AllocNetdev, 0x1000, [0; 3], "vEth0");
    stream.pass(APP, Hook::RegisterNetdev, 0, [SOME, 7, 0], "vEth0");
    answered(&mut stream, 0);
    let told = stream.end();
    let [meanwhile, ended] = told.attempts()[..] else { panic!("{:#?}", told.attempts()) };
    assert_eq!((short(meanwhile), meanwhile.is_final), (AT_LOCK, false));
    let waiting = meanwhile.waiting.as_ref().unwrap();
    assert_eq!(waiting.what, WaitsFor::Rtnl);
    assert_eq!(
        waiting.holder.as_ref().map(|holder| (holder.pid, holder.comm.clone())),
        Some((77, "ip".into()))
    );
    assert_eq!((waiting.since_ns, waiting.stack.len()), (SECOND + 4 * STEP_NS, 6));
    assert_eq!((short(ended), ended.is_final), (CREATED, true));
    let line: [Untrusted; 1] = ["rte_kni: Creating kni...".into()];
    assert_eq!(
        (&meanwhile.log[..], &ended.log[..]),
        (&line[..], &line[..]),
        "the module's line is told both times"
    );
    assert_eq!(
        ended.waiting.as_ref().map(|waiting| waiting.what),
        Some(WaitsFor::Rtnl),
        "what it had waited for"
    );
    let tally = told.summary().attempts;
    assert_eq!((tally.created, tally.in_progress), (1, 0), "only the last word counts");
}

#[test]
fn only_what_changes_in_words_is_told_again() {
    let mut stream = Stream::watch();
    asked(&mut stream);
    let first = functions("register_netdev", &IOCTL);
    for stack in [
        first.clone(),
        functions("rtnl_lock_killable register_netdev", &IOCTL),
        functions("__kthread_create_on_node kthread_create_on_node", &IOCTL),
    ] {
        blocked(&mut stream, APP, Some(stack), Vec::new());
    }
    blocked(&mut stream, APP, None, Vec::new());
    let told = stream.end();
    let what = |attempt: &&crate::report::Attempt| attempt.waiting.as_ref().map(|waiting| waiting.what);
    let all: Vec<_> = told.attempts().iter().map(|attempt| (what(attempt), attempt.is_final)).collect();
    assert_eq!(
        all,
        [
            (Some(WaitsFor::Rtnl), false),
            (Some(WaitsFor::Kthreadd), false),
            (Some(WaitsFor::Unknown), false),
            (Some(WaitsFor::Unknown), true),
        ]
    );
    let shorts: Vec<_> = told.attempts().into_iter().map(short).collect();
    assert_eq!(shorts, [AT_LOCK, BLOCKED, BLOCKED, BLOCKED]);
    assert_eq!(told.summary().attempts.in_progress, 1);
}

#[test]
fn in_the_library_it_is_the_program_that_takes_its_time() {
    for stack in [functions("", &SLEEPS), Vec::new()] {
        let mut stream = Stream::watch();
        stream.alloc(APP, "vEth0");
        stream.now += SECOND;
        blocked(&mut stream, APP, Some(stack), Vec::new());
        let told = stream.end();
        for attempt in told.attempts() {
            assert_eq!(short(attempt), in_progress(Boundary::Library, None));
            assert_eq!(attempt.waiting.as_ref().map(|waiting| waiting.what), Some(WaitsFor::Program));
        }
    }
}

#[test]
fn who_is_seen_elsewhere_or_gone_has_left_without_having_been_seen_to() {
    let gone = |stream: &mut Stream| {
        stream.push(What::Blocked(Blocked {
            pid: 100,
            tid: 100,
            state: 'X',
            stack: None,
            others: Vec::new(),
        }));
    };
    let elsewhere = |stream: &mut Stream| blocked(stream, APP, Some(functions("", &SLEEPS)), Vec::new());
    for left in [&gone as &dyn Fn(&mut Stream), &elsewhere] {
        let mut stream = Stream::watch();
        asked(&mut stream);
        left(&mut stream);
        let told = stream.end();
        assert_eq!((short(told.attempt()), told.attempt().is_final), (INCONCLUSIVE, true));
        assert!(!told.attempt().coverage.complete);
    }
}

#[test]
fn with_records_lost_nothing_is_told_meanwhile() {
    let mut stream = Stream::watch();
    asked(&mut stream);
    stream.lost(1);
    blocked(&mut stream, APP, Some(functions("register_netdev", &IOCTL)), Vec::new());
    assert_eq!(short(stream.end().attempt()), INCONCLUSIVE);
}

#[test]
fn what_asks_for_no_interface_and_what_is_another_threads_is_not_told() {
    let mut stream = Stream::watch();
    stream.enter(APP, Hook::LibraryInit, [4, 0, 0], "");
    stream.now += SECOND;
    blocked(&mut stream, APP, Some(functions("", &SLEEPS)), Vec::new());
    stream.open(APP, 5);
    stream.leave(APP, Hook::LibraryInit, 0, [4, 0, 0]);
    stream.alloc(APP, "vEth0");
    blocked(&mut stream, Who { pid: 101, tid: 100 }, Some(functions("", &SLEEPS)), Vec::new());
    blocked(&mut stream, process(200), Some(functions("", &SLEEPS)), Vec::new());
    assert!(stream.end().attempt().is_final);
}

#[test]
fn an_attempt_in_progress_repeats_nothing() {
    let mut stream = Stream::watch();
    for pid in [100, 101] {
        let who = process(pid);
        stream.alloc(who, "vEth0");
        stream.now += SECOND;
        blocked(&mut stream, who, Some(Vec::new()), Vec::new());
        stream.alloc_returns(who, 0);
        stream.ends(who, 0x100);
    }
    let told = stream.end();
    let counts: Vec<_> =
        told.attempts().iter().map(|attempt| attempt.repeat.as_ref().map(|repeat| repeat.count)).collect();
    assert_eq!(counts, [None, None, None, Some(2)]);
}

#[test]
fn check_waits_for_the_last_word_and_answers_16_if_none_comes_in_time() {
    let question = Question::Check {
        expect: vec!["vEth0".into()],
        expect_outcome: Expectation::CREATED,
        within_ns: 3 * SECOND,
        runs_command: false,
    };
    let mut stream = Stream::new(question, &[]);
    asked(&mut stream);
    blocked(&mut stream, APP, Some(functions("register_netdev", &IOCTL)), Vec::new());
    stream.push(What::Tick);
    let mut late = stream.clone();
    late.now += 3 * SECOND;
    late.push(What::Tick);
    let told = late.end();
    assert_eq!(told.exit_status, Some(16));
    let checked = &told.summary().check.as_ref().unwrap().interfaces[0];
    assert_eq!((checked.outcome, checked.cause), (Outcome::InProgress, Some(Cause::ProcBlocked)));
    stream.pass(APP, Hook::RegisterNetdev, 0, [SOME, 7, 0], "vEth0");
    answered(&mut stream, 0);
    assert_eq!(stream.end().exit_status, Some(0), "it came in time");
}

#[test]
fn whose_thread_was_killed_while_kthreadd_did_not_start_it_was_refused_and_has_not_crashed() {
    for in_library in [true, false] {
        let mut stream = Stream::watch();
        if in_library {
            stream.alloc(APP, "vEth0");
        }
        stream.request(APP, "vEth0", Kernel::CannotStartThread);
        stream.ends(APP, 9);
        let told = stream.end();
        assert_eq!(short(told.attempt()), super::stopped(Boundary::Module, Cause::ModThread), "{in_library}");
        assert_eq!(told.attempt().errno.kernel, Some(4));
    }
}
