//! The process ends inside an attempt.

use kni_ebpf::hook::Hook;

use super::{Short, short, stopped};
use crate::cause::Cause;
use crate::report::{Boundary, Outcome, ProcessEnd};
use crate::testing::{CREATE, Kernel, SOME, Stream, Who, process};

const APP: Who = process(100);
const THREAD: Who = Who { pid: 100, tid: 105 };
const CMD: [u64; 3] = [SOME, CREATE as u64, SOME];

const fn died(boundary: Boundary, cause: Option<Cause>) -> Short {
    (Outcome::Died, Some(boundary), cause)
}

#[test]
fn the_end_of_a_process_inside_the_library_names_its_cause() {
    let signal = |signal, core_dumped| ProcessEnd { status: None, signal: Some(signal), core_dumped };
    for (code, cause, end) in [
        (9, Cause::ProcKilled, signal(9, false)),
        (15, Cause::ProcKilled, signal(15, false)),
        (1, Cause::ProcKilled, signal(1, false)),
        (0x8b, Cause::ProcCrash, signal(11, true)),
        (6, Cause::ProcCrash, signal(6, false)),
        (0x9f, Cause::ProcCrash, signal(31, true)),
        (0x300, Cause::ProcExited, ProcessEnd { status: Some(3), signal: None, core_dumped: false }),
    ] {
        let mut stream = Stream::watch();
        stream.alloc(APP, "vEth0");
        stream.ends(APP, code);
        let told = stream.end();
        assert_eq!(short(told.attempt()), died(Boundary::Library, Some(cause)), "{code:#x}");
        assert_eq!(told.attempt().end, Some(end), "{code:#x}");
    }
}

#[test]
fn without_the_exit_code_it_died_and_nobody_knows_of_what() {
    let mut stream = Stream::watch();
    stream.alloc(APP, "vEth0");
    stream.exit(APP);
    let told = stream.end();
    assert_eq!(short(told.attempt()), died(Boundary::Library, None));
    assert_eq!(told.attempt().end, None);
}

#[test]
fn a_panic_is_the_cause_of_the_abort_that_follows_it() {
    let mut stream = Stream::watch();
    stream.alloc(APP, "vEth0");
    stream.says(APP, "PANIC in %s():\n");
    stream.ends(APP, 0x86);
    let told = stream.end();
    assert_eq!(short(told.attempt()), died(Boundary::Library, Some(Cause::LibPanic)));
    assert_eq!(told.attempt().end.and_then(|end| end.signal), Some(6));
}

#[test]
fn what_was_refused_before_the_end_stays_the_cause() {
    // 16.04 panics inside rte_kni_init where there is no device.
    let mut stream = Stream::watch();
    stream.process(APP.pid, 1);
    stream.enter(APP, Hook::LibraryInit, [4, 0, 0], "");
    stream.open(APP, -2);
    stream.says(APP, "PANIC in %s():\n");
    stream.ends(APP, 0x86);
    let told = stream.end();
    assert_eq!(short(told.attempt()), stopped(Boundary::Syscall, Cause::SysDeviceMissing));
    assert_eq!(told.attempt().end.map(|end| (end.signal, end.core_dumped)), Some((Some(6), true)));
}

#[test]
fn a_process_that_dies_in_the_module_has_brought_the_kernel_to_an_oops() {
    for code in [9, 11] {
        let mut stream = Stream::watch();
        stream.call(APP, 5, CREATE, "vEth0");
        stream.enter(APP, Hook::Dispatcher, CMD, "");
        stream.enter(APP, Hook::Handler, CMD, "");
        stream.ends(APP, code);
        assert_eq!(short(stream.end().attempt()), died(Boundary::Module, Some(Cause::ProcCrash)));
    }
}

#[test]
fn the_end_of_the_first_thread_alone_is_not_the_end_of_the_process() {
    let mut stream = Stream::watch();
    stream.process(APP.pid, 1);
    stream.init(APP, 5, 0);
    stream.alloc(THREAD, "vEth0");
    stream.thread_ends(APP, 0);
    assert!(stream.clone().end().attempts()[0].outcome == Outcome::InProgress);
    stream.request(THREAD, "vEth0", Kernel::Creates);
    stream.alloc_returns(THREAD, 1);
    stream.ends(THREAD, 0);
    let told = stream.end();
    assert_eq!(short(told.attempt()), super::CREATED);
}

#[test]
fn a_thread_that_ends_alone_died_of_nothing_that_its_process_did() {
    let mut stream = Stream::watch();
    stream.alloc(THREAD, "vEth0");
    stream.thread_ends(THREAD, 0);
    stream.ends(APP, 0x200);
    let told = stream.end();
    assert_eq!(short(told.attempt()), died(Boundary::Library, None));
    assert_eq!(told.attempt().end, None);
}

#[test]
fn with_its_last_thread_all_attempts_of_a_process_end() {
    for known in [true, false] {
        let mut stream = Stream::watch();
        stream.alloc(THREAD, "vEth0");
        stream.alloc(process(200), "vEth1");
        if known {
            stream.ends(APP, 0x200);
        } else {
            stream.exit(APP);
        }
        let told = stream.end();
        let first = told.attempts()[0];
        let expected = if known {
            died(Boundary::Library, Some(Cause::ProcExited))
        } else {
            // Its first thread may have ended alone.
            (Outcome::InProgress, Some(Boundary::Library), None)
        };
        assert_eq!(short(first), expected);
        assert_eq!(told.attempts()[1].outcome, Outcome::InProgress);
    }
}
