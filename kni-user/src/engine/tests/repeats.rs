//! Restart loops.

use kni_ebpf::hook::Hook;

use super::short;
use crate::cause::Cause;
use crate::event::{Holder, Nanos};
use crate::report::{Loop, Outcome, Repeat};
use crate::testing::{Kernel, SOME, STEP_NS, Stream, process};

const SECOND: Nanos = 1_000_000_000;

fn refused(stream: &mut Stream, pid: u32, name: &str) {
    stream.alloc(process(pid), name);
    stream.lookup(process(pid), "MP_pool", 0);
    stream.alloc_returns(process(pid), 0);
}

fn supervisor() -> Holder {
    Holder { pid: 12, comm: "supervisord".into() }
}

#[test]
fn a_restart_loop_is_counted_over_processes_and_names_who_restarts() {
    let mut stream = Stream::watch();
    for pid in [101, 102, 103] {
        stream.process(pid, 12);
        refused(&mut stream, pid, "vEth0");
        refused(&mut stream, pid, "vEth0");
        stream.exit(process(pid));
    }
    let told = stream.end();
    let repeats: Vec<_> = told.attempts().iter().map(|attempt| attempt.repeat.as_ref()).collect();
    let [None, None, Some(second), Some(its), Some(third), Some(_)] = repeats[..] else {
        panic!("{repeats:#?}")
    };
    assert_eq!((second.count, second.previous_pid, second.quiet), (2, 101, false));
    assert_eq!(its, &Repeat { quiet: true, ..second.clone() }, "the same process again");
    assert_eq!((third.count, third.previous_pid), (3, 102));
    assert_eq!(third.parent, Some(supervisor()));
    // From just before its description to its end.
    assert_eq!(third.lived_ns, Some(8 * STEP_NS));
}

#[test]
fn another_name_another_cause_or_a_success_is_no_repeat() {
    let mut stream = Stream::watch();
    for pid in [101, 102] {
        stream.process(pid, 12);
    }
    refused(&mut stream, 101, "vEth0");
    refused(&mut stream, 102, "vEth1");
    stream.alloc(process(102), "vEth0");
    stream.says(process(102), "KNI: KNI already exists\n");
    stream.alloc_returns(process(102), 0);
    for pid in [101, 102] {
        stream.request(process(pid), &format!("ok{pid}"), Kernel::Creates);
    }
    let told = stream.end();
    assert!(told.attempts().iter().all(|attempt| attempt.repeat.is_none()));
}

/// A program that is refused and restarted: so long each round lives, and so long after it the next starts.
fn restarted(rounds: &[(Nanos, Nanos)]) -> Stream {
    let mut stream = Stream::watch();
    for (pid, (lives, pause)) in (100..).zip(rounds) {
        stream.process(pid, 12);
        refused(&mut stream, pid, "vEth0");
        stream.now += lives;
        stream.ends(process(pid), 0x100);
        // The kernel closes its files after that.
        stream.enter(process(pid), Hook::DeviceRelease, [1, SOME, 0], "");
        stream.leave(process(pid), Hook::DeviceRelease, 0, [1, SOME, 0]);
        stream.now += pause;
    }
    stream
}

#[test]
fn a_loop_is_shown_twice_and_then_no_more_often_than_every_ten_seconds() {
    let told = restarted(&[(SECOND, 2 * SECOND); 12]).end();
    let attempts = told.attempts();
    let shown: Vec<usize> = (1..)
        .zip(&attempts)
        .filter(|(_, attempt)| !attempt.repeat.as_ref().is_some_and(|repeat| repeat.quiet))
        .map(|(number, _)| number)
        .collect();
    assert_eq!(shown, [1, 2, 6, 10]);
    let last = attempts[11].repeat.clone().unwrap();
    assert_eq!((last.count, last.over_ns / SECOND, last.parent), (12, 33, Some(supervisor())));
}

#[test]
fn the_summary_has_each_loop_with_the_lives_of_its_rounds() {
    let mut stream = restarted(&[(4 * SECOND, SECOND), (2 * SECOND, SECOND), (9 * SECOND, SECOND)]);
    stream.request(process(200), "ok", Kernel::Creates);
    refused(&mut stream, 200, "once");
    let told = stream.end();
    let [one] = &told.summary().loops[..] else { panic!("{:#?}", told.summary().loops) };
    let seconds = |ns: Option<Nanos>| ns.unwrap() / SECOND;
    assert_eq!((one.count, one.over_ns / SECOND), (3, 8));
    assert_eq!((seconds(one.shortest_ns), seconds(one.longest_ns)), (2, 9));
    let Loop { program, interface, outcome, cause, parent, .. } = one;
    assert_eq!((program, interface.as_ref()), (&"app".into(), Some(&"vEth0".into())));
    assert_eq!((*outcome, *cause), (Outcome::Stopped, Some(Cause::LibMemzoneMissing)));
    assert_eq!(parent, &Some(supervisor()));
    let last = told.attempts()[2].repeat.clone().unwrap();
    let lived = (seconds(last.lived_ns), seconds(last.shortest_ns), seconds(last.longest_ns));
    assert_eq!(lived, (2, 2, 4), "the last round still lives when it is told");
}

#[test]
fn a_loop_of_programs_that_never_come_to_an_attempt_is_one_too() {
    let mut stream = Stream::watch();
    for pid in [101, 102] {
        stream.process(pid, 12);
        stream.init(process(pid), 5, 0);
        stream.ends(process(pid), 11);
    }
    let told = stream.end();
    assert_eq!(short(told.attempts()[1]), (Outcome::NotAttempted, None, Some(Cause::ProcCrash)));
    assert_eq!(told.attempts()[1].repeat.as_ref().map(|repeat| repeat.count), Some(2));
    assert_eq!(told.summary().loops[0].outcome, Outcome::NotAttempted);
}

#[test]
fn two_loops_at_once_do_not_mix_and_the_one_with_more_rounds_comes_first() {
    let mut stream = Stream::watch();
    for pid in 101..107 {
        stream.process(pid, 12);
        refused(&mut stream, pid, if pid % 3 == 0 { "rare" } else { "often" });
        stream.ends(process(pid), 0);
    }
    let told = stream.end();
    let loops: Vec<_> = told.summary().loops.iter().map(|one| (one.interface.clone(), one.count)).collect();
    assert_eq!(loops, [(Some("often".into()), 4), (Some("rare".into()), 2)]);
}
