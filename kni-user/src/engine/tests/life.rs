//! Before and after an attempt: releases, what came and went, the totals.

use kni_ebpf::hook::Hook;

use super::short;
use crate::event::{End, HookState, Ledger, What};
use crate::report::{Boundary, CoverageChange, Lost, Outcome, ReleasedHow, Report, Tally, Told};
use crate::testing::{Kernel, SOME, STEP_NS, Stream, Who, process};

const APP: Who = process(100);

fn told(reports: &[Report], pick: impl Fn(&Told) -> bool) -> Vec<&Told> {
    reports.iter().map(|report| &report.what).filter(|told| pick(told)).collect()
}

fn refused(stream: &mut Stream, pid: u32, name: &str) {
    stream.alloc(process(pid), name);
    stream.lookup(process(pid), "MP_pool", 0);
    stream.alloc_returns(process(pid), 0);
}

#[test]
fn an_interface_is_released_once_by_request_or_by_the_last_close() {
    let mut stream = Stream::watch();
    stream.process(APP.pid, 1);
    for name in ["vEth0", "vEth1", "vEth2"] {
        stream.request(APP, name, Kernel::Creates);
    }
    stream.release(APP, "vEth1", -22);
    stream.release(APP, "vEth9", 0);
    stream.release(APP, "vEth0", 0);
    stream.release(APP, "vEth0", 0);
    stream.exit(APP);
    stream.enter(APP, Hook::DeviceRelease, [1, SOME, 0], "");
    stream.leave(APP, Hook::DeviceRelease, 0, [1, SOME, 0]);
    let told = stream.end();
    let all: Vec<_> = told.released().iter().map(|gone| (gone.name.clone(), gone.how)).collect();
    let by = |name: &str, how| (name.into(), how);
    assert_eq!(
        all,
        [by("vEth0", ReleasedHow::Request), by("vEth1", ReleasedHow::Death), by("vEth2", ReleasedHow::Death)]
    );
    let first = told.released()[0];
    assert_eq!((first.pid, first.ifindex), (100, Some(7)));
    assert!(first.lived_ns > Some(0));
    assert_eq!(told.summary().attempts.created, 3);
}

#[test]
fn a_forked_child_that_keeps_the_device_open_keeps_the_interface() {
    let mut stream = Stream::watch();
    stream.request(APP, "vEth0", Kernel::Creates);
    stream.exit(APP);
    assert!(stream.clone().end().released().is_empty());
    stream.enter(process(101), Hook::DeviceRelease, [1, SOME, 0], "");
    let dying = stream.clone();
    assert!(dying.end().released().is_empty(), "entered, and never left");
    stream.leave(process(101), Hook::DeviceRelease, 0, [1, SOME, 0]);
    assert_eq!(stream.end().released()[0].pid, 100);
}

#[test]
fn the_close_of_another_opening_releases_nothing() {
    let mut stream = Stream::watch();
    stream.request(APP, "vEth0", Kernel::Creates);
    stream.enter(process(200), Hook::DeviceRelease, [1, SOME + 8, 0], "");
    stream.leave(process(200), Hook::DeviceRelease, 0, [1, SOME + 8, 0]);
    assert!(stream.end().released().is_empty());
}

#[test]
fn without_the_device_s_hooks_the_owner_s_end_releases() {
    let mut stream = Stream::without(&[Hook::DeviceRelease]);
    stream.request(APP, "vEth0", Kernel::Creates);
    stream.exit(Who { pid: 100, tid: 105 });
    stream.exit(process(200));
    assert!(stream.clone().end().released().is_empty());
    stream.exit(APP);
    assert_eq!(stream.end().released()[0].how, ReleasedHow::Death);
}

#[test]
fn a_release_in_another_namespace_touches_nothing_here() {
    let mut stream = Stream::watch();
    stream.process(APP.pid, 1);
    stream.request(APP, "vEth0", Kernel::Creates);
    stream.release(process(200), "vEth0", 0);
    assert!(stream.end().released().is_empty());
}

#[test]
fn an_index_that_is_told_afterwards_is_taken() {
    let mut stream = Stream::watch();
    stream.alloc(APP, "vEth0");
    stream.call(APP, 5, crate::testing::CREATE, "vEth0");
    stream.pass(APP, Hook::RegisterNetdev, 0, [SOME, 0, 0], "vEth0");
    stream.interface(100, "vEth1", 8);
    stream.interface(101, "vEth0", 8);
    stream.interface(100, "vEth0", 9);
    stream.answer(APP, 5, crate::testing::CREATE, 0);
    stream.alloc_returns(APP, 1);
    assert_eq!(stream.end().attempt().interface.ifindex, Some(9));
}

#[test]
fn hooks_that_come_together_are_told_together_with_the_time_that_was_blind() {
    let mut stream = Stream::without(&[Hook::Handler, Hook::Dispatcher]);
    stream.note(process(7), Hook::ModuleLoad, [0; 3], "rte_kni");
    let loaded = stream.now;
    stream.cover(Hook::Dispatcher, HookState::Live);
    let live = stream.cover(Hook::Handler, HookState::Live);
    stream.push(What::Tick);
    stream.cover(Hook::Handler, HookState::Gone);
    stream.cover(Hook::Dispatcher, HookState::Gone);
    let answer = stream.end();
    let changes = told(&answer.reports, |told| matches!(told, Told::Coverage(_)));
    let came =
        CoverageChange { came: vec!["dispatcher", "handler"], went: vec![], blind_ns: Some(live - loaded) };
    let went = CoverageChange { came: vec![], went: vec!["handler", "dispatcher"], blind_ns: None };
    assert_eq!(changes, [&Told::Coverage(came), &Told::Coverage(went)]);
}

#[test]
fn arming_is_told_once_with_what_is_live() {
    let answer = Stream::without(&[Hook::Handler]).end();
    let Told::Armed(hooks) = &answer.reports[1].what else { panic!("{:?}", answer.reports) };
    assert_eq!((hooks.live.len(), hooks.missing.len()), (Hook::ALL.len() - 1, 1));
    assert!(matches!(answer.reports[0].what, Told::Start(_)));
    assert_eq!(answer.reports.len(), 3, "start, armed, summary");
}

#[test]
fn loss_is_told_as_it_grows_and_the_totals_at_the_end() {
    let mut stream = Stream::watch();
    refused(&mut stream, 101, "vEth0");
    stream.lost(2);
    stream.lost(2);
    stream.lost(5);
    stream.push(What::Ledger(Ledger { lost: 5, emitted: 9, received: 4, ..Ledger::default() }));
    let answer = stream.end();
    let lost = told(&answer.reports, |told| matches!(told, Told::Lost(_)));
    let lost_now = |count, total| Told::Lost(Lost { count, total });
    assert_eq!(lost, [&lost_now(2, 2), &lost_now(3, 5)]);
    let summary = answer.summary();
    assert_eq!((summary.complete, summary.ledger.emitted, &summary.check), (false, 9, &None));
    assert_eq!(summary.attempts, Tally { stopped_library: 1, ..Tally::default() });
    assert_eq!((answer.done, answer.exit_status), (false, None));
}

#[test]
fn the_end_is_told_once() {
    let mut stream = Stream::watch();
    stream.alloc(APP, "vEth0");
    stream.push(What::End(End::Done));
    let answer = stream.end();
    assert_eq!(short(answer.attempt()), (Outcome::InProgress, Some(Boundary::Library), None));
    assert_eq!(told(&answer.reports, |told| matches!(told, Told::Summary(_))).len(), 1);
    assert_eq!(answer.reports.len(), 4);
}

#[test]
fn the_wall_clock_and_the_process_are_told() {
    let mut stream = Stream::watch();
    stream.process(APP.pid, 1);
    let began = stream.now + STEP_NS;
    refused(&mut stream, 100, "vEth0");
    let first = stream.events[0].at;
    let answer = stream.end();
    let attempt = answer.attempt();
    assert_eq!(attempt.started, 1_700_000_000_000_000_000 + i64::try_from(began - first).unwrap());
    assert_eq!(attempt.duration_ns, 2 * STEP_NS);
    assert_eq!((attempt.process.pid, attempt.process.ns_pid), (100, None));
    assert_eq!(attempt.process.exe, Some("/usr/bin/app".into()));
    let steps: Vec<_> = attempt.steps.iter().map(|step| (step.place, step.after_ns, step.value)).collect();
    assert_eq!(
        steps,
        [
            ("rte_kni_alloc", 0, None),
            ("rte_memzone_lookup", STEP_NS, Some(0)),
            ("rte_kni_alloc", 2 * STEP_NS, Some(0))
        ]
    );
}
