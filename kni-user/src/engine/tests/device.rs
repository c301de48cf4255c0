use kni_ebpf::hook::Hook;

use super::{INCONCLUSIVE, short, stopped};
use crate::cause::Cause;
use crate::event::{Holder, HookState, What};
use crate::report::{Boundary::Library, Boundary::Syscall, Outcome, Unseen};
use crate::testing::{Stream, Who, process};

const APP: Who = process(100);
const NOT_INITIALISED: &str = "KNI: KNI subsystem has not been initialized. Invoke rte_kni_init() first\n";

#[test]
fn a_failed_opening_inside_init_is_one_attempt_told_at_its_return() {
    for (errno, cause) in [
        (2, Some(Cause::SysDeviceMissing)),
        (6, Some(Cause::SysDeviceMissing)),
        (19, Some(Cause::SysDeviceMissing)),
        (16, Some(Cause::SysDeviceBusy)),
        (13, Some(Cause::SysDeviceDenied)),
        (1, Some(Cause::SysDeviceDenied)),
        (24, None),
    ] {
        // The value of init says nothing: up to 18.08 it returns none.
        for value in [-1, 0, 77] {
            let mut stream = Stream::watch();
            stream.init(APP, -errno, value);
            let told = stream.end();
            let attempt = told.attempt();
            assert_eq!(short(attempt), stopped(Syscall, cause), "{errno}");
            assert_eq!(i64::from(attempt.errno.user.unwrap()), errno);
            assert_eq!(attempt.interface.name(), None);
            assert_eq!(attempt.issued, Some(false));
        }
    }
}

#[test]
fn init_that_opens_the_device_is_no_attempt() {
    for value in [0, -1, 5] {
        let mut stream = Stream::watch();
        stream.init(APP, 5, value);
        assert!(stream.end().attempts().is_empty(), "{value}");
    }
}

#[test]
fn init_up_to_18_08_is_not_judged_by_what_it_returns() {
    let mut stream = Stream::watch();
    stream.enter(APP, Hook::LibraryInit, [4, 0, 0], "");
    stream.says(APP, "KNI: Double call to rte_kni_init()");
    stream.leave(APP, Hook::LibraryInit, -1, [4, 0, 0]);
    stream.enter(APP, Hook::LibraryInit, [4, 0, 0], "");
    stream.lookup(APP, "KNI_INFO_0", 0);
    stream.reserve(APP, "KNI_INFO_0", 0x1000);
    stream.leave(APP, Hook::LibraryInit, -1, [4, 0, 0]);
    assert!(stream.end().attempts().is_empty());
}

#[test]
fn init_that_fails_without_an_opening_failed_in_the_library() {
    for (format, cause) in
        [("KNI: KNI requires IOVA as PA\n", Some(Cause::LibIovaMode)), ("EAL: something", None)]
    {
        let mut stream = Stream::watch();
        stream.enter(APP, Hook::LibraryInit, [4, 0, 0], "");
        stream.says(APP, format);
        stream.leave(APP, Hook::LibraryInit, -1, [4, 0, 0]);
        stream.alloc(APP, "vEth0");
        stream.says(APP, NOT_INITIALISED);
        stream.alloc_returns(APP, 0);
        let told = stream.end();
        let all: Vec<_> = told.attempts().into_iter().map(short).collect();
        assert_eq!(all, [stopped(Library, cause), stopped(Library, cause)], "{format}");
    }
}

#[test]
fn init_that_fails_unseen_is_inconclusive() {
    let mut stream = Stream::without(&[Hook::Open]);
    stream.enter(APP, Hook::LibraryInit, [4, 0, 0], "");
    stream.leave(APP, Hook::LibraryInit, -1, [4, 0, 0]);
    assert_eq!(short(stream.end().attempt()), INCONCLUSIVE);
}

#[test]
fn init_that_panics_after_a_failed_opening_stopped_there() {
    let mut stream = Stream::watch();
    stream.enter(APP, Hook::LibraryInit, [4, 0, 0], "");
    stream.open(APP, -2);
    stream.says(APP, "PANIC in %s():\n");
    stream.exit(APP);
    assert_eq!(short(stream.end().attempt()), stopped(Syscall, Cause::SysDeviceMissing));
}

#[test]
fn init_that_panics_for_want_of_memory_died() {
    let mut stream = Stream::watch();
    stream.enter(APP, Hook::LibraryInit, [4, 0, 0], "");
    stream.open(APP, 5);
    stream.lookup(APP, "KNI_INFO_0", 0);
    stream.reserve(APP, "KNI_INFO_0", 0);
    stream.says(APP, "PANIC in %s():\n");
    stream.exit(APP);
    let told = stream.end();
    assert_eq!(short(told.attempt()), (Outcome::Died, Some(Library), Some(Cause::LibPanic)));
}

#[test]
fn the_holder_of_a_busy_device_is_named_and_belongs_to_that_opening_alone() {
    let mut stream = Stream::watch();
    stream.enter(APP, Hook::LibraryInit, [4, 0, 0], "");
    stream.holder(100, "app");
    stream.holder(77, "testpmd");
    stream.open(APP, -16);
    stream.leave(APP, Hook::LibraryInit, -1, [4, 0, 0]);
    stream.init(process(200), -16, -1);
    let told = stream.end();
    let [first, second] = told.attempts()[..] else { panic!("two attempts") };
    assert_eq!(first.holder, Some(Holder { pid: 77, comm: "testpmd".into() }));
    assert_eq!((short(second), &second.holder), (stopped(Syscall, Cause::SysDeviceBusy), &None));
}

#[test]
fn a_failed_opening_of_the_programs_own_is_told_once() {
    for with_open in [true, false] {
        let mut stream = Stream::watch();
        let entered = stream.now;
        stream.holder(77, "testpmd");
        stream.pass(APP, Hook::DeviceOpen, -16, [1, 2, 0], "");
        if with_open {
            stream.holder(77, "testpmd");
            stream.push(What::Step(crate::event::Step {
                hook: Hook::Open,
                task: crate::event::Task { pid: 100, tid: 100, comm: "app".into() },
                phase: crate::event::Phase::Return { value: -16, entered: Some(entered) },
                attempt: None,
                args: [0; 3],
                text: crate::event::Read::Bytes("/dev/kni".into()),
                detail: crate::event::Read::default(),
                rte_errno: None,
            }));
        }
        let told = stream.end();
        assert_eq!(short(told.attempt()), stopped(Syscall, Cause::SysDeviceBusy));
        assert_eq!(told.attempt().holder.as_ref().map(|holder| holder.pid), Some(77));
    }
    let mut stream = Stream::watch();
    stream.open(APP, -2);
    stream.open(APP, -2);
    stream.open(APP, 5);
    assert_eq!(stream.end().attempts().len(), 2, "each failure is one");
}

#[test]
fn the_first_cause_is_told_again_when_the_library_says_not_initialised() {
    for without in [&[][..], &[Hook::LibraryLog]] {
        let mut stream = Stream::without(without);
        stream.process(APP.pid, 1);
        stream.enter(APP, Hook::LibraryInit, [4, 0, 0], "");
        stream.holder(77, "testpmd");
        stream.open(APP, -16);
        stream.leave(APP, Hook::LibraryInit, -1, [4, 0, 0]);
        stream.alloc(APP, "vEth0");
        if without.is_empty() {
            stream.says(APP, NOT_INITIALISED);
        }
        stream.alloc_returns(APP, 0);
        let told = stream.end();
        let [_, alloc] = told.attempts()[..] else { panic!("two attempts") };
        assert_eq!(short(alloc), stopped(Syscall, Cause::SysDeviceBusy));
        assert_eq!(alloc.holder.as_ref().map(|holder| holder.pid), Some(77));
        assert_eq!((alloc.issued, alloc.errno.user), (Some(false), Some(16)));
        assert_eq!(alloc.interface.claimed, Some("vEth0".into()));
    }
}

#[test]
fn not_initialised_is_the_cause_only_of_a_process_whose_whole_life_was_seen() {
    let alloc = |stream: &mut Stream, who: Who| {
        stream.alloc(who, "vEth0");
        stream.says(who, NOT_INITIALISED);
        stream.alloc_returns(who, 0);
    };
    // Started before kniwatch: its init may have been refused by the system.
    let mut stream = Stream::watch();
    let now = std::mem::replace(&mut stream.now, 5);
    stream.process(APP.pid, 1);
    stream.now = now;
    alloc(&mut stream, APP);
    // Nothing known of its start at all.
    alloc(&mut stream, process(101));
    // Started since.
    stream.process(102, 1);
    alloc(&mut stream, process(102));
    // Started before the last loss.
    stream.process(103, 1);
    stream.lost(1);
    alloc(&mut stream, process(103));
    let told = stream.end();
    let all: Vec<_> = told.attempts().into_iter().map(short).collect();
    let own = stopped(Library, Cause::LibNotInitialised);
    assert_eq!(all, [INCONCLUSIVE, INCONCLUSIVE, own, INCONCLUSIVE]);
    assert_eq!(told.attempts()[3].coverage.missing, [Unseen::Records { lost: 1 }]);
}

#[test]
fn no_cause_passes_from_one_process_to_another() {
    let mut stream = Stream::watch();
    stream.process(100, 1);
    stream.process(200, 1);
    stream.init(process(100), -2, -1);
    stream.init(process(200), 5, 0);
    stream.alloc(process(200), "vEth0");
    stream.says(process(200), NOT_INITIALISED);
    stream.alloc_returns(process(200), 0);
    let told = stream.end();
    assert_eq!(short(told.attempts()[1]), stopped(Library, Cause::LibNotInitialised));
}

#[test]
fn a_forked_child_starts_where_its_parent_was_and_an_executed_program_anew() {
    let alloc = |stream: &mut Stream, pid: u32| {
        stream.alloc(process(pid), "vEth0");
        stream.says(process(pid), NOT_INITIALISED);
        stream.alloc_returns(process(pid), 0);
    };
    let mut stream = Stream::watch();
    stream.init(APP, -2, -1);
    for child in [101, 102] {
        stream.note(APP, Hook::Fork, [child, 0, 0], "app");
    }
    stream.note(process(102), Hook::Exec, [0; 3], "/usr/bin/other");
    alloc(&mut stream, 101);
    alloc(&mut stream, 102);
    let told = stream.end();
    let all: Vec<_> = told.attempts().into_iter().skip(1).map(short).collect();
    assert_eq!(all, [stopped(Syscall, Cause::SysDeviceMissing), stopped(Library, Cause::LibNotInitialised)]);
}

#[test]
fn a_command_is_seen_from_its_beginning() {
    let mut stream = Stream::watch();
    stream.push(What::CommandStarted { pid: 100 });
    stream.alloc(APP, "vEth0");
    stream.says(APP, NOT_INITIALISED);
    stream.alloc_returns(APP, 0);
    assert_eq!(short(stream.end().attempt()), stopped(Library, Cause::LibNotInitialised));
}

#[test]
fn not_initialised_is_not_the_cause_where_a_parent_s_initialisation_may_have_gone_unseen() {
    let alloc = |mut stream: Stream, pid: u32| {
        stream.alloc(process(pid), "vEth0");
        stream.says(process(pid), NOT_INITIALISED);
        stream.alloc_returns(process(pid), 0);
        short(stream.end().attempt())
    };
    let own = stopped(Library, Cause::LibNotInitialised);
    let parent = |watched: bool| {
        let mut stream = Stream::watch();
        let now = stream.now;
        stream.now = if watched { now } else { 5 };
        stream.process(APP.pid, 1);
        stream.now = now;
        stream
    };
    for (watched, verdict) in [(true, own), (false, INCONCLUSIVE)] {
        let mut forked = parent(watched);
        forked.note(APP, Hook::Fork, [101, 0, 0], "app");
        assert_eq!(alloc(forked.clone(), 101), verdict, "the fork was seen");
        forked.note(process(101), Hook::Exec, [0; 3], "/usr/bin/other");
        assert_eq!(alloc(forked, 101), own, "another program");
        let mut described = parent(watched);
        described.process(101, APP.pid);
        assert_eq!(alloc(described, 101), verdict, "the fork was not seen");
    }
    // Of the parent nothing is known but that it bears the same name.
    let mut stream = Stream::watch();
    stream.process(101, 1);
    for event in &mut stream.events {
        if let What::Process(info) = &mut event.what {
            info.parent_comm = Some("app".into());
        }
    }
    assert_eq!(alloc(stream, 101), INCONCLUSIVE);
}

#[test]
fn an_initialisation_that_was_never_asked_for_needs_no_watch_over_the_device() {
    for (inits, verdict) in [(false, stopped(Library, Cause::LibNotInitialised)), (true, INCONCLUSIVE)] {
        let mut stream = Stream::watch();
        stream.cover(Hook::Open, HookState::Idle);
        stream.process(APP.pid, 1);
        if inits {
            stream.enter(APP, Hook::LibraryInit, [4, 0, 0], "");
            stream.leave(APP, Hook::LibraryInit, 0, [4, 0, 0]);
        }
        stream.cover(Hook::Open, HookState::Live);
        stream.alloc(APP, "vEth0");
        stream.says(APP, NOT_INITIALISED);
        stream.alloc_returns(APP, 0);
        let told = stream.end();
        assert_eq!(short(told.attempt()), verdict);
        assert_eq!(told.attempt().coverage.complete, !inits);
    }
}
