//! Interfaces that are not where, or not what, they are looked for; and requests that no module knows.

use kni_ebpf::hook::Hook;

use super::{CREATED, INCONCLUSIVE, Short, short, stopped, without_each};
use crate::cause::Cause;
use crate::event::HookState;
use crate::report::Boundary::Syscall;
use crate::report::{Outcome, ReleasedHow};
use crate::testing::{CREATE, Kernel, SOME, Stream, Who, process};

const APP: Who = process(100);
const HOME: u64 = 4_026_531_840;
const OTHER: u64 = 4_026_532_255;
const ELSEWHERE: Short = (Outcome::CreatedElsewhere, None, None);

fn open(stream: &mut Stream, who: Who, file: u64, netns: u64) {
    stream.pass(who, Hook::DeviceOpen, 0, [1, file, netns], "");
}

fn create(stream: &mut Stream, who: Who, (file, netns): (u64, u64), [claimed, consumed, actual]: [&str; 3]) {
    stream.call(who, 5, CREATE, claimed);
    stream.enter(who, Hook::Dispatcher, [file, u64::from(CREATE), SOME], "");
    stream.enter(who, Hook::Handler, [netns, u64::from(CREATE), SOME], "");
    stream.pass(who, Hook::AllocNetdev, 1, [0; 3], consumed);
    stream.pass(who, Hook::RegisterNetdev, 0, [1, 3, 0], actual);
    stream.leave(who, Hook::Handler, 0, [netns, u64::from(CREATE), SOME]);
    stream.leave(who, Hook::Dispatcher, 0, [file, u64::from(CREATE), SOME]);
    stream.answer(who, 5, CREATE, 0);
}

#[test]
fn an_interface_in_another_namespace_than_the_device_was_opened_in_is_elsewhere() {
    let kernel_address = 0xffff_8880_0123_4000;
    for (opened, made, told) in [
        (HOME, HOME, CREATED),
        (HOME, OTHER, ELSEWHERE),
        // Not known.
        (0, OTHER, CREATED),
        (HOME, 0, CREATED),
        (HOME, kernel_address, CREATED),
    ] {
        let mut stream = Stream::watch();
        stream.process(APP.pid, 1);
        open(&mut stream, APP, 0x77, opened);
        create(&mut stream, APP, (0x77, made), ["vEth0"; 3]);
        let answer = stream.end();
        let attempt = answer.attempt();
        assert_eq!(short(attempt), told, "{opened} {made}");
        assert_eq!(attempt.interface.opened_in, (told == ELSEWHERE).then_some(HOME), "{opened} {made}");
        let netns = if [HOME, OTHER].contains(&made) { made } else { HOME };
        assert_eq!(attempt.interface.netns, Some(netns), "{opened} {made}");
    }
}

/// Where `/proc` was read before the program left the namespace that it opened the device in.
#[test]
fn an_interface_elsewhere_is_released_by_request_and_not_by_the_close() {
    for (asked, released) in [(true, &[ReleasedHow::Request][..]), (false, &[])] {
        let mut stream = Stream::watch();
        stream.process(APP.pid, 1);
        open(&mut stream, APP, 0x77, HOME);
        create(&mut stream, APP, (0x77, OTHER), ["vEth0"; 3]);
        if asked {
            stream.release(APP, "vEth0", 0);
        }
        // Where it is closed, which is not where it was opened.
        stream.enter(APP, Hook::DeviceRelease, [1, 0x77, OTHER], "");
        stream.leave(APP, Hook::DeviceRelease, 0, [1, 0x77, OTHER]);
        let how: Vec<ReleasedHow> = stream.end().released().iter().map(|gone| gone.how).collect();
        assert_eq!(how, released);
    }
}

#[test]
fn the_opening_counts_that_the_request_s_file_came_from() {
    let parent = process(90);
    let mut stream = Stream::watch();
    stream.process(parent.pid, 1);
    stream.process(APP.pid, parent.pid);
    // Its parent's opening, whose file it has; and another's.
    open(&mut stream, parent, 0x77, OTHER);
    open(&mut stream, process(80), 0x88, HOME);
    create(&mut stream, APP, (0x77, HOME), ["vEth0"; 3]);
    // The file's address is another file's by now.
    stream.enter(parent, Hook::DeviceRelease, [1, 0x77, 0], "");
    stream.leave(parent, Hook::DeviceRelease, 0, [1, 0x77, 0]);
    create(&mut stream, APP, (0x77, HOME), ["vEth1"; 3]);
    open(&mut stream, parent, 0x77, HOME);
    create(&mut stream, APP, (0x77, HOME), ["vEth2"; 3]);
    let answer = stream.end();
    let told: Vec<Short> = answer.attempts().into_iter().map(short).collect();
    assert_eq!(told, [ELSEWHERE, CREATED, CREATED]);
}

#[test]
fn an_opening_that_another_may_have_followed_unseen_proves_nothing() {
    let is_blind = |stream: &mut Stream| {
        stream.cover(Hook::DeviceOpen, HookState::Gone);
        stream.cover(Hook::DeviceOpen, HookState::Live);
    };
    let module_goes = |stream: &mut Stream| stream.note(process(1), Hook::ModuleFree, [0; 3], "rte_kni");
    let hides: [&dyn Fn(&mut Stream); 3] = [&|stream| stream.lost(1), &is_blind, &module_goes];
    for (hide, told) in hides.into_iter().zip([INCONCLUSIVE, INCONCLUSIVE, CREATED]) {
        let mut stream = Stream::watch();
        stream.process(APP.pid, 1);
        open(&mut stream, APP, 0x77, OTHER);
        hide(&mut stream);
        create(&mut stream, APP, (0x77, HOME), ["vEth0"; 3]);
        let answer = stream.end();
        assert_eq!(short(answer.attempt()), told);
        assert_eq!(answer.attempt().coverage.complete, told == CREATED);
    }
}

/// Where a record of it is lost, it is not called created: it may be elsewhere.
#[test]
fn no_lost_record_hides_that_an_interface_is_elsewhere() {
    for (namespaces, names) in [((HOME, OTHER), ["vEth0"; 3]), ((HOME, HOME), ["x%d", "x%d", "x0"])] {
        let mut stream = Stream::watch();
        stream.process(APP.pid, 1);
        let first = stream.events.len();
        open(&mut stream, APP, 0x77, namespaces.0);
        create(&mut stream, APP, (0x77, namespaces.1), names);
        for (record, answer) in without_each(&stream, first) {
            for attempt in answer.attempts() {
                assert_ne!(short(attempt), CREATED, "without {record:?}");
            }
        }
    }
}

#[test]
fn the_name_counts_that_the_kernel_took() {
    for (names, told) in [
        (["vEth0", "vEth0", "vEth0"], CREATED),
        (["x%d", "x%d", "x0"], ELSEWHERE),
        // The program changed it meanwhile.
        (["vEth0", "vEth1", "vEth1"], CREATED),
        (["x0", "x%d", "x0"], ELSEWHERE),
    ] {
        let mut stream = Stream::watch();
        stream.process(APP.pid, 1);
        create(&mut stream, APP, (0x77, HOME), names);
        assert_eq!(short(stream.end().attempt()), told, "{names:?}");
    }
}

/// A name is free in one network namespace and taken in another.
#[test]
fn a_name_lives_in_the_namespace_that_it_was_made_in() {
    let refused = |netns: u64| {
        let mut stream = Stream::watch();
        stream.process(APP.pid, 1);
        create(&mut stream, APP, (0x77, OTHER), ["vEth0"; 3]);
        stream.call(APP, 5, CREATE, "vEth0");
        stream.enter(APP, Hook::Handler, [netns, u64::from(CREATE), SOME], "");
        stream.leave(APP, Hook::Handler, -22, [netns, u64::from(CREATE), SOME]);
        stream.answer(APP, 5, CREATE, -22);
        let answer = stream.end();
        answer.attempts()[1].cause
    };
    assert_eq!(refused(OTHER), Some(Cause::ModNameDuplicate));
    assert_eq!(refused(HOME), None);
}

/// What the dispatcher gets, and what is told of it.
fn dispatched(cmd: u32, value: i64) -> Vec<Short> {
    let mut stream = Stream::watch();
    stream.process(APP.pid, 1);
    stream.enter(APP, Hook::DeviceRelease, [SOME, u64::from(cmd), SOME], "");
    stream.leave(APP, Hook::DeviceRelease, 0, [0; 3]);
    stream.pass(APP, Hook::Dispatcher, value, [SOME, u64::from(cmd), SOME], "");
    stream.end().attempts().into_iter().map(short).collect()
}

#[test]
fn a_request_that_the_module_does_not_know_is_refused_at_the_system_call() {
    let unknown = stopped(Syscall, Cause::SysUnknownRequest);
    assert_eq!(dispatched(0xc088_0004, -22), [unknown]);
    assert_eq!(dispatched(0xc088_7809, -22), [unknown], "of another type");
    for (what, cmd, value) in [
        ("TEST, which is refused by design", 0xc004_0001, -22),
        ("RELEASE", 0xc088_0003, -22),
        ("FIONREAD, which is sent to any file", 0x541b, -22),
        ("nothing that refuses a number", 0xc088_0004, -4),
        ("granted", 0xc088_0004, 0),
    ] {
        assert_eq!(dispatched(cmd, value), [], "{what}");
    }
}

#[test]
fn an_unknown_request_of_the_library_is_why_it_made_no_interface() {
    for (handle, told) in [(0, Some(stopped(Syscall, Cause::SysUnknownRequest))), (0x1000, None)] {
        let mut stream = Stream::watch();
        stream.process(APP.pid, 1);
        stream.alloc(APP, "vEth0");
        stream.pass(APP, Hook::Dispatcher, -22, [SOME, 0xc088_0004, SOME], "");
        stream.alloc_returns(APP, handle);
        let answer = stream.end();
        let attempt = answer.attempt();
        assert!(told.is_none_or(|told| short(attempt) == told), "{:?}", short(attempt));
        assert_eq!(attempt.subject, told.map(|_| "0xc0880004".into()));
        assert_eq!(attempt.interface.claimed, Some("vEth0".into()));
    }
}

/// The dispatcher looks at the number alone: a request of type `x` is CREATE to it, and no ioctl of KNI's shape.
#[test]
fn a_request_of_another_type_is_judged_by_what_the_module_made_of_it() {
    let odd = 0xc088_7802_u32;
    for (kernel, told) in [
        (Kernel::Creates, CREATED),
        (Kernel::CannotRegister(17), { stopped(crate::report::Boundary::Network, Cause::NetNameExists) }),
    ] {
        let mut stream = Stream::watch();
        stream.process(APP.pid, 1);
        stream.enter(APP, Hook::Dispatcher, [SOME, u64::from(odd), SOME], "");
        stream.enter(APP, Hook::Handler, [HOME, u64::from(odd), SOME], "");
        let value = stream.kernel(APP, "vEth0", kernel);
        stream.leave(APP, Hook::Handler, value, [HOME, u64::from(odd), SOME]);
        stream.leave(APP, Hook::Dispatcher, value, [SOME, u64::from(odd), SOME]);
        assert_eq!(short(stream.end().attempt()), told);
    }
}
