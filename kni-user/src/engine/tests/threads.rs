//! Threads, forks, programs that replace each other: whose attempt is whose.

use kni_ebpf::hook::Hook;

use super::{CREATED, INCONCLUSIVE, Short, short, stopped};
use crate::cause::Cause;
use crate::event::What;
use crate::report::{Boundary, Outcome};
use crate::testing::{Answer, CREATE, Kernel, Stream, Who, process};

const APP: Who = process(100);
const MISSING: Short = (Outcome::Stopped, Some(Boundary::Library), Some(Cause::LibMemzoneMissing));

const fn thread(tid: u32) -> Who {
    Who { pid: 100, tid }
}

fn all(told: &Answer) -> Vec<Short> {
    told.attempts().into_iter().map(short).collect()
}

#[test]
fn a_thread_seen_in_a_new_attempt_has_left_the_one_before() {
    let mut stream = Stream::watch();
    stream.alloc(APP, "vEth0");
    let mut next = Stream::watch();
    next.now = stream.now;
    next.alloc(APP, "vEth1");
    next.lookup(APP, "MP_a", 0);
    next.alloc_returns(APP, 0);
    let begun = next.events.iter().position(|event| matches!(event.what, What::Step(_))).unwrap();
    stream.events.extend(next.events.drain(begun..));
    let told = stream.end();
    let all: Vec<_> = told.attempts().into_iter().map(short).collect();
    assert_eq!(all, [INCONCLUSIVE, stopped(Boundary::Library, Cause::LibMemzoneMissing)]);
}

#[test]
fn two_threads_of_one_process_do_not_mix() {
    let [one, two] = [Who { pid: 100, tid: 101 }, Who { pid: 100, tid: 102 }];
    let mut stream = Stream::watch();
    stream.alloc(one, "vEth0");
    stream.alloc(two, "vEth1");
    stream.lookup(one, "MP_a", 0);
    stream.request(two, "vEth1", Kernel::Creates);
    stream.alloc_returns(one, 0);
    stream.alloc_returns(two, 1);
    let told = stream.end();
    let all: Vec<_> = told.attempts().into_iter().map(short).collect();
    assert_eq!(all, [stopped(Boundary::Library, Cause::LibMemzoneMissing), CREATED]);
}

#[test]
fn many_threads_of_many_processes_each_have_their_own() {
    let whos: Vec<Who> = (0..60).map(|n| Who { pid: 100 + n % 6, tid: 1_000 + n }).collect();
    let mut stream = Stream::watch();
    for who in &whos {
        stream.alloc(*who, &format!("v{}", who.tid));
    }
    for who in &whos {
        match who.tid % 3 {
            0 => stream.lookup(*who, "MP_a", 0),
            1 => stream.request(*who, &format!("v{}", who.tid), Kernel::Creates),
            _ => stream.says(*who, "KNI: KNI already exists\n"),
        }
    }
    for who in &whos {
        stream.alloc_returns(*who, i64::from(who.tid % 3 == 1));
    }
    let told = stream.end();
    assert_eq!(told.attempts().len(), whos.len());
    for attempt in told.attempts() {
        let expected = match attempt.process.tid % 3 {
            0 => MISSING,
            1 => CREATED,
            _ => stopped(Boundary::Library, Cause::LibAlreadyExists),
        };
        assert_eq!(short(attempt), expected);
        assert_eq!(attempt.interface.name(), Some(&format!("v{}", attempt.process.tid).as_str().into()));
        assert_eq!(attempt.process.pid, 100 + (attempt.process.tid - 1_000) % 6);
    }
}

#[test]
fn a_thread_id_that_is_reused_starts_anew() {
    for ends in [true, false] {
        let mut stream = Stream::watch();
        stream.alloc(thread(101), "vEth0");
        stream.says(thread(101), "KNI: KNI already exists\n");
        if ends {
            stream.thread_ends(thread(101), 0);
        }
        let mut next = Stream::watch();
        next.now = stream.now;
        let other = Who { pid: 200, tid: 101 };
        next.alloc(other, "vEth1");
        next.lookup(other, "MP_a", 0);
        next.alloc_returns(other, 0);
        let begun = next.events.iter().position(|event| matches!(event.what, What::Step(_))).unwrap();
        stream.events.extend(next.events.drain(begun..));
        let told = stream.end();
        let left = if ends { (Outcome::Died, Some(Boundary::Library), None) } else { INCONCLUSIVE };
        assert_eq!(all(&told), [left, MISSING]);
        assert_eq!(told.attempts()[1].process.pid, 200);
    }
}

#[test]
fn a_child_creates_on_the_descriptor_that_its_parent_opened() {
    let child = process(101);
    let mut stream = Stream::without(&[Hook::Dispatcher, Hook::Handler, Hook::RegisterNetdev]);
    stream.process(APP.pid, 1);
    stream.open(APP, 5);
    stream.note(APP, Hook::Fork, [101, 0, 0], "app");
    stream.call(child, 5, CREATE, "vEth0");
    stream.answer(child, 5, CREATE, 0);
    stream.ends(child, 0);
    stream.ends(APP, 0);
    let told = stream.end();
    // Only that descriptor, known from the parent, shows that the request was KNI's. And the parent has not
    // been idle: its child did the work.
    assert_eq!(all(&told), [CREATED]);
    assert_eq!(told.attempt().process.pid, 101);
}

#[test]
fn a_thread_that_executes_another_program_leaves_all_attempts_of_its_process() {
    let mut stream = Stream::watch();
    for tid in [101, 102] {
        stream.alloc(thread(tid), &format!("v{tid}"));
    }
    stream.alloc(process(200), "other");
    // The kernel gives it its process's id.
    stream.note(APP, Hook::Exec, [0; 3], "/usr/bin/other");
    assert_eq!(all(&Answer::of(&stream.events)), [INCONCLUSIVE, INCONCLUSIVE]);
    stream.lookup(process(200), "MP_a", 0);
    stream.alloc_returns(process(200), 0);
    assert_eq!(all(&stream.end()), [INCONCLUSIVE, INCONCLUSIVE, MISSING]);
}

#[test]
fn the_program_that_is_executed_has_none_of_its_predecessor_s_history() {
    let mut stream = Stream::watch();
    stream.process(APP.pid, 1);
    stream.init(APP, -2, -1);
    stream.note(APP, Hook::Exec, [0; 3], "/usr/bin/other");
    stream.init(APP, 5, 0);
    stream.ends(APP, 0);
    let told = stream.end();
    let first = stopped(Boundary::Syscall, Cause::SysDeviceMissing);
    assert_eq!(all(&told), [first, (Outcome::NotAttempted, None, Some(Cause::ProcExited))]);
}
