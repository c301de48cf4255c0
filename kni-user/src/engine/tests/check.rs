use kni_ebpf::hook::Hook;

use crate::cause::Cause;
use crate::event::{HookState, Question, What};
use crate::expectation::Expectation;
use crate::report::{Boundary, Checked, Outcome};
use crate::testing::{Answer, Kernel, Stream, Who, process};
use crate::untrusted::Untrusted;

const SECOND: u64 = 1_000_000_000;
const APP: Who = process(100);

fn question(expect: &[&str], runs_command: bool) -> Question {
    let expect = expect.iter().map(|name| (*name).into()).collect();
    Question::Check { expect, expect_outcome: Expectation::CREATED, within_ns: SECOND, runs_command }
}

fn check(expect: &[&str]) -> Stream {
    Stream::new(question(expect, false), &[])
}

fn time_is_up(stream: &mut Stream) {
    stream.now += SECOND;
    stream.push(What::Tick);
}

fn refused(stream: &mut Stream, who: Who, name: &str) {
    stream.alloc(who, name);
    stream.lookup(who, "MP_pool", 0);
    stream.alloc_returns(who, 0);
}

pub(super) fn checked(answer: &Answer) -> &[Checked] {
    &answer.summary().check.as_ref().unwrap().interfaces
}

fn outcomes(answer: &Answer) -> Vec<(Option<&[u8]>, Outcome)> {
    checked(answer).iter().map(|one| (one.name.as_ref().map(Untrusted::as_bytes), one.outcome)).collect()
}

#[test]
fn it_is_done_as_soon_as_all_expected_are_created() {
    let mut stream = check(&["vEth0", "vEth1"]);
    stream.request(APP, "vEth0", Kernel::Creates);
    assert!(!Answer::of(&stream.events).done);
    stream.request(APP, "vEth1", Kernel::Creates);
    assert!(Answer::of(&stream.events).done);
    assert_eq!(Answer::of(&stream.events).exit_status, None, "not before the end");
    let answer = stream.end();
    assert_eq!(answer.exit_status, Some(0));
    assert_eq!(
        outcomes(&answer),
        [(Some(&b"vEth0"[..]), Outcome::Created), (Some(&b"vEth1"[..]), Outcome::Created)]
    );
}

#[test]
fn a_program_may_be_refused_and_try_again_until_time_is_up() {
    let mut stream = check(&["vEth0"]);
    refused(&mut stream, APP, "vEth0");
    stream.now += SECOND / 2;
    stream.push(What::Tick);
    assert!(!Answer::of(&stream.events).done);
    let mut late = stream.clone();
    stream.request(APP, "vEth0", Kernel::Creates);
    assert_eq!(stream.end().exit_status, Some(0));
    time_is_up(&mut late);
    assert!(Answer::of(&late.events).done);
    // What comes after the answer changes nothing.
    late.request(APP, "vEth0", Kernel::Creates);
    let answer = late.end();
    assert_eq!(answer.exit_status, Some(11));
    let [one] = checked(&answer) else { panic!("one") };
    assert_eq!((one.boundary, one.cause), (Some(Boundary::Library), Some(Cause::LibMemzoneMissing)));
    assert!(one.attempt.is_some());
}

#[test]
fn the_lowest_boundary_decides_among_several() {
    let mut stream = check(&["vEth0", "lo", "vEth1"]);
    stream.request(APP, "lo", Kernel::CannotRegister(17));
    stream.request(APP, "vEth0", Kernel::Creates);
    stream.request(APP, "vEth1", Kernel::Refuses(14));
    time_is_up(&mut stream);
    let answer = stream.end();
    assert_eq!(answer.exit_status, Some(13));
    let all: Vec<_> = outcomes(&answer).into_iter().map(|(_, outcome)| outcome).collect();
    assert_eq!(all, [Outcome::Created, Outcome::Stopped, Outcome::Stopped]);
}

#[test]
fn each_outcome_has_its_exit_status() {
    type Inside = fn(&mut Stream);
    let cases: &[(&str, Inside, u8)] = &[
        ("created", |s| s.request(APP, "vEth0", Kernel::Creates), 0),
        ("not attempted", |_| {}, 10),
        ("another name", |s| s.request(APP, "vEth1", Kernel::Creates), 10),
        ("library", |s| refused(s, APP, "vEth0"), 11),
        ("syscall", |s| s.init(APP, -2, -1), 12),
        ("module", |s| s.request(APP, "vEth0", Kernel::Refuses(14)), 13),
        ("network", |s| s.request(APP, "vEth0", Kernel::CannotRegister(17)), 14),
        ("in progress", |s| s.alloc(APP, "vEth0"), 16),
        (
            "died",
            |s| {
                s.alloc(APP, "vEth0");
                s.exit(APP);
            },
            16,
        ),
        (
            "inconclusive",
            |s| {
                s.alloc(APP, "vEth0");
                s.alloc_returns(APP, 1);
            },
            20,
        ),
    ];
    for (what, inside, status) in cases {
        let mut stream = check(&["vEth0"]);
        inside(&mut stream);
        time_is_up(&mut stream);
        assert_eq!(stream.end().exit_status, Some(*status), "{what}");
    }
}

#[test]
fn an_interface_that_is_gone_again_is_not_there() {
    let mut stream = check(&["vEth0", "vEth1"]);
    stream.process(APP.pid, 1);
    stream.request(APP, "vEth0", Kernel::Creates);
    stream.release(APP, "vEth0", 0);
    stream.request(APP, "vEth1", Kernel::Creates);
    assert!(!Answer::of(&stream.events).done);
    let mut again = stream.clone();
    time_is_up(&mut stream);
    let answer = stream.end();
    assert_eq!(answer.exit_status, Some(15));
    assert_eq!(checked(&answer).iter().map(|one| one.gone_again).collect::<Vec<_>>(), [true, false]);
    again.request(APP, "vEth0", Kernel::Creates);
    assert_eq!(again.end().exit_status, Some(0));
}

#[test]
fn another_s_failure_does_not_take_away_what_is_there() {
    let mut stream = check(&["vEth0", "vEth1"]);
    stream.request(APP, "vEth0", Kernel::Creates);
    stream.request(process(200), "vEth0", Kernel::Refuses(22));
    stream.request(APP, "vEth1", Kernel::Creates);
    assert_eq!(stream.end().exit_status, Some(0));
}

#[test]
fn silence_is_not_attempted_only_where_an_attempt_would_have_been_seen() {
    for hook in [Hook::LibraryInit, Hook::LibraryAlloc, Hook::Open, Hook::Ioctl] {
        let mut stream = Stream::new(question(&["vEth0"], false), &[hook]);
        time_is_up(&mut stream);
        assert_eq!(stream.end().exit_status, Some(20), "{hook:?}");
    }
    let mut stream = check(&["vEth0"]);
    stream.lost(1);
    time_is_up(&mut stream);
    assert_eq!(stream.end().exit_status, Some(20));
}

#[test]
fn with_nothing_expected_the_first_created_answers_or_the_last_attempted() {
    let mut stream = check(&[]);
    refused(&mut stream, APP, "vEth0");
    refused(&mut stream, APP, "vEth1");
    let mut created = stream.clone();
    time_is_up(&mut stream);
    let answer = stream.end();
    assert_eq!(outcomes(&answer), [(Some(&b"vEth1"[..]), Outcome::Stopped)]);
    created.request(APP, "vEth2", Kernel::Creates);
    assert!(Answer::of(&created.events).done);
    assert_eq!(outcomes(&created.end()), [(Some(&b"vEth2"[..]), Outcome::Created)]);
    let mut nothing = check(&[]);
    time_is_up(&mut nothing);
    assert_eq!(outcomes(&nothing.end()), [(None, Outcome::NotAttempted)]);
}

/// `check -- CMD`, with the command's first process 50 started.
pub(super) fn command(expect: &[&str]) -> Stream {
    let mut stream = Stream::new(question(expect, true), &[]);
    stream.push(What::CommandStarted { pid: 50 });
    stream
}

#[test]
fn only_the_command_s_processes_count() {
    let mut stream = command(&["vEth0"]);
    stream.request(process(200), "vEth0", Kernel::Creates);
    assert!(!Answer::of(&stream.events).done);
    stream.note(process(50), Hook::Fork, [51, 0, 0], "sh");
    stream.process(52, 51);
    for pid in [50, 51, 52] {
        let mut stream = stream.clone();
        refused(&mut stream, process(pid), "vEth0");
        stream.request(process(pid), "vEth0", Kernel::Creates);
        assert!(Answer::of(&stream.events).done, "{pid}");
    }
    stream.note(process(300), Hook::Fork, [51, 0, 0], "other");
    stream.request(process(51), "vEth0", Kernel::Creates);
    assert!(!Answer::of(&stream.events).done, "the id was reused");
}

#[test]
fn the_command_s_end_answers_once_nothing_is_in_flight() {
    let mut stream = command(&["vEth0"]);
    refused(&mut stream, process(50), "vEth0");
    stream.note(process(50), Hook::Fork, [51, 0, 0], "sh");
    stream.alloc(process(51), "vEth0");
    stream.alloc(process(200), "vEth0");
    stream.push(What::CommandEnded { pid: 50, status: Some(1), signal: None });
    assert!(!Answer::of(&stream.events).done);
    stream.exit(process(51));
    assert!(Answer::of(&stream.events).done);
    assert_eq!(stream.end().exit_status, Some(16));
}

#[test]
fn time_runs_from_the_command_s_start() {
    let mut stream = Stream::new(question(&["vEth0"], true), &[]);
    time_is_up(&mut stream);
    assert!(!Answer::of(&stream.events).done);
    stream.push(What::CommandStarted { pid: 50 });
    time_is_up(&mut stream);
    assert!(Answer::of(&stream.events).done);
}

#[test]
fn facts_read_late_do_not_end_the_time_before_records_that_happened_in_it() {
    let mut stream = check(&["vEth0"]);
    let now = stream.now;
    stream.now += 2 * SECOND;
    stream.log("rte_kni: Creating kni...");
    stream.now = now;
    stream.request(APP, "vEth0", Kernel::Creates);
    assert_eq!(stream.end().exit_status, Some(0));
}

#[test]
fn a_failed_initialisation_stands_for_each_interface_that_was_not_come_to() {
    let mut stream = check(&["vEth0", "vEth1"]);
    stream.init(APP, -13, -1);
    refused(&mut stream, APP, "vEth1");
    time_is_up(&mut stream);
    let answer = stream.end();
    let causes: Vec<_> = checked(&answer).iter().map(|one| one.cause).collect();
    assert_eq!(causes, [Some(Cause::SysDeviceDenied), Some(Cause::LibMemzoneMissing)]);
    assert_eq!(answer.exit_status, Some(11));
}

#[test]
fn an_interrupted_check_answers_with_what_it_has() {
    let mut stream = check(&["vEth0"]);
    stream.alloc(APP, "vEth0");
    assert_eq!(stream.end().exit_status, Some(16));
}

#[test]
fn silence_of_a_program_that_nobody_can_look_into_proves_nothing() {
    for (state, status) in [(HookState::Live, 10), (HookState::Missing { reason: "stripped".to_owned() }, 20)]
    {
        let mut stream = Stream::new(question(&["vEth0"], true), &[]);
        stream.object("/opt/app", &state);
        stream.push(What::CommandStarted { pid: APP.pid });
        stream.maps(APP.pid, "/opt/app");
        stream.push(What::CommandEnded { pid: APP.pid, status: Some(1), signal: None });
        let mut of_others = stream.clone();
        assert_eq!(stream.end().exit_status, Some(status));
        of_others.events.retain(|event| !matches!(event.what, What::Mapped(_)));
        assert_eq!(of_others.end().exit_status, Some(10));
    }
}

/// Asked for that outcome of those interfaces.
fn check_for(outcome: &str, expect: &[&str]) -> Stream {
    let expect = expect.iter().map(|name| (*name).into()).collect();
    let expect_outcome = outcome.parse().unwrap();
    Stream::new(Question::Check { expect, expect_outcome, within_ns: SECOND, runs_command: false }, &[])
}

#[test]
fn what_was_expected_is_a_success_and_anything_else_keeps_its_status() {
    type Inside = fn(&mut Stream);
    let library: Inside = |s| refused(s, APP, "vEth0");
    let module: Inside = |s| s.request(APP, "vEth0", Kernel::Refuses(14));
    let created: Inside = |s| s.request(APP, "vEth0", Kernel::Creates);
    let unclear: Inside = |s| {
        s.alloc(APP, "vEth0");
        s.alloc_returns(APP, 1);
    };
    for (outcome, inside, status) in [
        ("stopped", library, 0),
        ("stopped:library", library, 0),
        ("lib.memzone-missing", library, 0),
        ("lib.memzone-exists", library, 11),
        ("stopped:module", library, 11),
        ("created", library, 11),
        ("stopped:module", module, 0),
        ("stopped:library", module, 13),
        ("not-attempted", |_| {}, 0),
        ("stopped", |_| {}, 10),
        ("not-attempted", library, 11),
        ("in-progress", |s| s.alloc(APP, "vEth0"), 0),
        ("inconclusive", unclear, 0),
        ("stopped", unclear, 20),
        ("lib.memzone-missing", unclear, 20),
        ("created", created, 0),
        ("stopped", created, 17),
        ("inconclusive", created, 17),
        ("created-elsewhere", created, 17),
        ("lib.memzone-missing", created, 17),
    ] {
        let mut stream = check_for(outcome, &["vEth0"]);
        inside(&mut stream);
        time_is_up(&mut stream);
        let answer = stream.end();
        assert_eq!(answer.exit_status, Some(status), "{outcome}");
        assert_eq!(checked(&answer)[0].as_expected, status == 0, "{outcome}");
    }
}

#[test]
fn a_failure_as_expected_is_no_answer_as_long_as_it_may_be_tried_again() {
    let mut stream = check_for("stopped:library", &["vEth0"]);
    refused(&mut stream, APP, "vEth0");
    assert!(!Answer::of(&stream.events).done);
    let mut again = stream.clone();
    time_is_up(&mut stream);
    assert_eq!(stream.end().exit_status, Some(0));
    again.request(APP, "vEth0", Kernel::Creates);
    assert!(Answer::of(&again.events).done, "it is there: nothing else is to come of it");
    assert_eq!(again.end().exit_status, Some(17));
}

#[test]
fn every_interface_must_come_to_what_was_expected() {
    let mut stream = check_for("stopped", &["vEth0", "lo", "vEth1"]);
    refused(&mut stream, APP, "vEth0");
    stream.request(APP, "lo", Kernel::CannotRegister(17));
    let mut created = stream.clone();
    refused(&mut stream, APP, "vEth1");
    time_is_up(&mut stream);
    assert_eq!(stream.end().exit_status, Some(0));
    let mut never = created.clone();
    created.request(APP, "vEth1", Kernel::Creates);
    time_is_up(&mut created);
    let answer = created.end();
    assert_eq!(answer.exit_status, Some(17));
    assert_eq!(checked(&answer).iter().map(|one| one.as_expected).collect::<Vec<_>>(), [true, true, false]);
    time_is_up(&mut never);
    assert_eq!(never.end().exit_status, Some(10));
}

#[test]
fn what_was_created_and_is_gone_again_is_no_failure_that_was_expected() {
    let mut stream = check_for("stopped", &["vEth0"]);
    stream.process(APP.pid, 1);
    stream.request(APP, "vEth0", Kernel::Creates);
    let answered = stream.end();
    assert_eq!(answered.exit_status, Some(17));
    let mut both = check_for("stopped", &["vEth0", "vEth1"]);
    both.process(APP.pid, 1);
    both.request(APP, "vEth0", Kernel::Creates);
    both.release(APP, "vEth0", 0);
    refused(&mut both, APP, "vEth1");
    time_is_up(&mut both);
    assert_eq!(both.end().exit_status, Some(15));
}
