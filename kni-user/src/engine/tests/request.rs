use kni_ebpf::hook::Hook;

use super::{CREATED, INCONCLUSIVE, short, stopped};
use crate::cause::Cause;
use crate::report::Boundary::{Library, Module, Network, Syscall};
use crate::report::Outcome;
use crate::testing::{Answer, CREATE, Kernel, SOME, Stream, Who, process};

const APP: Who = process(100);
const KERNEL: [Hook; 7] = [
    Hook::Dispatcher,
    Hook::CompatDispatcher,
    Hook::Handler,
    Hook::DeviceOpen,
    Hook::DeviceRelease,
    Hook::AllocNetdev,
    Hook::RegisterNetdev,
];

/// A raw CREATE that is answered with `value` and seen nowhere else.
fn raw(without: &[Hook], value: i64) -> Answer {
    let mut stream = Stream::without(without);
    stream.call(APP, 5, CREATE, "vEth0");
    stream.answer(APP, 5, CREATE, value);
    stream.end()
}

#[test]
fn the_errno_and_the_silence_of_the_module_tell_where_a_request_went() {
    for (errno, cause) in [
        (9, Some(Cause::SysBadFd)),
        (25, Some(Cause::SysWrongDevice)),
        (22, Some(Cause::SysWrongDevice)),
        (14, Some(Cause::SysWrongDevice)),
        (13, None),
        (1, None),
    ] {
        let told = raw(&[], -errno);
        let attempt = told.attempt();
        assert_eq!(short(attempt), stopped(Syscall, cause), "{errno}");
        assert_eq!((attempt.issued, attempt.errno.kernel), (Some(true), None));
        assert_eq!(i64::from(attempt.errno.user.unwrap()), errno);
        assert_eq!(attempt.subject, Some("fd 5".into()));
        assert_eq!(attempt.interface.claimed, Some("vEth0".into()));
    }
}

#[test]
fn without_the_module_s_hooks_only_errnos_that_no_module_gives_are_conclusive() {
    for (value, verdict) in [
        (-9, stopped(Syscall, Cause::SysBadFd)),
        (-25, stopped(Syscall, Cause::SysWrongDevice)),
        (-22, INCONCLUSIVE),
        (-19, INCONCLUSIVE),
        (0, INCONCLUSIVE),
    ] {
        let told = raw(&KERNEL, value);
        assert_eq!(short(told.attempt()), verdict, "{value}");
        assert_eq!(told.attempt().coverage.complete, verdict != INCONCLUSIVE, "{value}");
    }
}

#[test]
fn another_device_s_request_of_the_same_shape_is_no_attempt() {
    assert!(raw(&[], 0).attempts().is_empty());
    assert!(raw(&[], 3).attempts().is_empty());
}

#[test]
fn requests_that_create_nothing_are_no_attempts() {
    let mut stream = Stream::watch();
    for cmd in [0xc004_0001, 0xc088_0003] {
        for value in [0, -22] {
            stream.call(APP, 5, cmd, "vEth0");
            stream.answer(APP, 5, cmd, value);
        }
    }
    stream.enter(APP, Hook::LibraryRelease, [SOME, 0, 0], "");
    stream.call(APP, 5, 0xc088_0003, "vEth0");
    stream.answer(APP, 5, 0xc088_0003, -22);
    stream.leave(APP, Hook::LibraryRelease, -1, [0; 3]);
    assert!(stream.end().attempts().is_empty());
}

#[test]
fn an_interface_that_was_registered_is_created() {
    for library in [true, false] {
        let mut stream = Stream::watch();
        stream.process(APP.pid, 1);
        if library {
            stream.alloc(APP, "vEth0");
        }
        stream.request(APP, "vEth0", Kernel::Creates);
        if library {
            stream.alloc_returns(APP, 0x1000);
        }
        let told = stream.end();
        let attempt = told.attempt();
        assert_eq!(short(attempt), CREATED);
        let interface = &attempt.interface;
        for name in [&interface.claimed, &interface.consumed, &interface.actual] {
            assert_eq!(name, &Some("vEth0".into()));
        }
        assert_eq!((interface.ifindex, interface.netns), (Some(7), Some(4_026_531_840)));
        assert_eq!((attempt.issued, attempt.coverage.complete), (Some(true), true));
        assert_eq!(attempt.log, ["rte_kni: Creating kni...".into()]);
    }
}

#[test]
fn any_one_of_the_kernel_s_hooks_proves_a_creation() {
    for live in [Hook::Dispatcher, Hook::Handler, Hook::RegisterNetdev] {
        let without: Vec<Hook> = KERNEL.into_iter().filter(|hook| *hook != live).collect();
        let mut stream = Stream::without(&without);
        stream.call(APP, 5, CREATE, "vEth0");
        if live == Hook::RegisterNetdev {
            stream.pass(APP, live, 0, [SOME, 7, 0], "vEth0");
        } else {
            stream.enter(APP, live, [SOME, u64::from(CREATE), SOME], "");
            stream.leave(APP, live, 0, [SOME, u64::from(CREATE), SOME]);
        }
        stream.answer(APP, 5, CREATE, 0);
        assert_eq!(short(stream.end().attempt()), CREATED, "{live:?}");
    }
}

#[test]
fn without_the_kernel_s_hooks_a_creation_takes_the_library_s_word_or_the_device_s_descriptor() {
    let mut stream = Stream::without(&KERNEL);
    stream.alloc(APP, "vEth0");
    stream.call(APP, 5, CREATE, "vEth0");
    stream.answer(APP, 5, CREATE, 0);
    stream.alloc_returns(APP, 0x1000);
    stream.open(process(200), 6);
    for fd in [6, 7] {
        stream.call(process(200), fd, CREATE, "vEth1");
        stream.answer(process(200), fd, CREATE, 0);
    }
    let told = stream.end();
    let all: Vec<_> = told.attempts().into_iter().map(short).collect();
    assert_eq!(all, [CREATED, CREATED, INCONCLUSIVE]);
}

#[test]
fn another_name_than_the_one_asked_for_is_created_elsewhere() {
    let mut stream = Stream::watch();
    stream.call(APP, 5, CREATE, "x%d");
    stream.enter(APP, Hook::Handler, [0; 3], "");
    stream.pass(APP, Hook::AllocNetdev, 1, [0; 3], "x%d");
    stream.pass(APP, Hook::RegisterNetdev, 0, [1, 3, 0], "x0");
    stream.leave(APP, Hook::Handler, 0, [0; 3]);
    stream.answer(APP, 5, CREATE, 0);
    assert_eq!(short(stream.end().attempt()), (Outcome::CreatedElsewhere, None, None));
}

#[test]
fn the_kernel_s_own_errno_is_told_beneath_the_one_of_the_program() {
    for (kernel, verdict, user, beneath) in [
        (Kernel::CannotRegister(17), stopped(Network, Cause::NetNameExists), 19, Some(17)),
        // It has other reasons to say so than a name that is none, which this is not.
        (Kernel::CannotRegister(22), stopped(Network, Cause::NetRegister), 19, Some(22)),
        (Kernel::CannotRegister(12), stopped(Network, Cause::NetRegister), 19, Some(12)),
        (Kernel::CannotAllocate, stopped(Network, Cause::NetAlloc), 16, None),
        (Kernel::CannotStartThread, stopped(Module, Cause::ModThread), 125, Some(4)),
        (Kernel::Refuses(14), stopped(Module, Cause::ModFault), 14, None),
        (Kernel::Refuses(5), stopped(Module, Cause::ModFault), 5, None),
        (Kernel::Refuses(22), stopped(Module, None), 22, None),
    ] {
        let mut stream = Stream::watch();
        stream.request(APP, "lo", kernel);
        let told = stream.end();
        let attempt = told.attempt();
        assert_eq!(short(attempt), verdict, "{kernel:?}");
        assert_eq!((attempt.errno.user, attempt.errno.kernel), (Some(user), beneath), "{kernel:?}");
        assert_eq!(attempt.issued, Some(true));
        assert!(attempt.coverage.complete);
    }
}

/// A refusal by the module's own checks, with `line` logged.
fn refused(stream: &mut Stream, who: Who, name: &str, line: Option<&str>, errno: i64) {
    stream.call(who, 5, CREATE, name);
    stream.enter(who, Hook::Dispatcher, [SOME, u64::from(CREATE), SOME], "");
    stream.enter(who, Hook::Handler, [0, u64::from(CREATE), SOME], "");
    if let Some(line) = line {
        stream.log("rte_kni: Creating kni...");
        stream.log(line);
    }
    for (hook, first) in [(Hook::Handler, 0), (Hook::Dispatcher, SOME)] {
        stream.leave(who, hook, -errno, [first, u64::from(CREATE), SOME]);
    }
    stream.answer(who, 5, CREATE, -errno);
}

#[test]
fn the_module_s_own_words_tell_which_check_refused() {
    for (line, cause) in [
        ("rte_kni: KNI name vEth0 duplicated", Some(Cause::ModNameDuplicate)),
        ("rte_kni: kni.name not zero-terminated", Some(Cause::ModNameUnterminated)),
        ("rte_kni: cpu 9 is not online", Some(Cause::ModCoreOffline)),
        ("rte_kni: KNI module does not support IOVA to VA translation", Some(Cause::ModAddressMode)),
        ("rte_kni: KNI name vEth1 duplicated", None),
    ] {
        let mut stream = Stream::watch();
        refused(&mut stream, APP, "vEth0", Some(line), 22);
        let told = stream.end();
        assert_eq!(short(told.attempt()), stopped(Module, cause), "{line}");
        assert_eq!(told.attempt().log.len(), if cause.is_some() { 2 } else { 1 }, "{line}");
    }
}

#[test]
fn a_name_that_lives_is_the_cause_where_the_module_was_not_heard() {
    for (name, line, cause) in [
        ("vEth0", None, Some(Cause::ModNameDuplicate)),
        ("vEth1", None, None),
        // It was heard, and did not say so.
        ("vEth0", Some("rte_kni: something else"), None),
    ] {
        let mut stream = Stream::watch();
        stream.process(APP.pid, 1);
        stream.process(200, 1);
        stream.request(APP, "vEth0", Kernel::Creates);
        refused(&mut stream, process(200), name, line, 22);
        let told = stream.end();
        assert_eq!(short(told.attempts()[1]), stopped(Module, cause), "{name} {line:?}");
    }
}

#[test]
fn a_larger_request_than_the_one_that_succeeded_is_not_called_a_duplicate() {
    let mut stream = Stream::watch();
    stream.process(APP.pid, 1);
    stream.request(APP, "vEth0", Kernel::Creates);
    let cmd = 0xc098_0002;
    stream.call(APP, 5, cmd, "vEth0");
    stream.enter(APP, Hook::Handler, [SOME, u64::from(cmd), SOME], "");
    stream.leave(APP, Hook::Handler, -22, [SOME, u64::from(cmd), SOME]);
    stream.answer(APP, 5, cmd, -22);
    assert_eq!(short(stream.end().attempts()[1]), stopped(Module, None));
}

#[test]
fn without_the_net_core_s_hooks_the_module_s_own_line_is_the_evidence() {
    let without = [Hook::AllocNetdev, Hook::RegisterNetdev];
    for (line, errno, verdict) in [
        (Some("rte_kni: error -17 registering device \"lo\""), 19, stopped(Network, Cause::NetNameExists)),
        (Some("rte_kni: error -17 registering device \"lo1\""), 19, INCONCLUSIVE),
        (Some("rte_kni: error allocating device \"lo\""), 16, stopped(Network, Cause::NetAlloc)),
        (None, 19, INCONCLUSIVE),
        (None, 16, INCONCLUSIVE),
        (None, 22, stopped(Module, None)),
        (None, 14, stopped(Module, Cause::ModFault)),
    ] {
        let mut stream = Stream::without(&without);
        refused(&mut stream, APP, "lo", line, errno);
        let told = stream.end();
        assert_eq!(short(told.attempt()), verdict, "{line:?} {errno}");
    }
}

#[test]
fn where_the_handler_can_t_be_probed_the_dispatcher_stands_for_it() {
    for (without, verdict) in [(&[Hook::Handler][..], stopped(Module, None)), (&[], INCONCLUSIVE)] {
        let mut stream = Stream::without(without);
        stream.call(APP, 5, CREATE, "vEth0");
        stream.enter(APP, Hook::Dispatcher, [SOME, u64::from(CREATE), SOME], "");
        stream.leave(APP, Hook::Dispatcher, -22, [SOME, u64::from(CREATE), SOME]);
        stream.answer(APP, 5, CREATE, -22);
        assert_eq!(short(stream.end().attempt()), verdict, "{without:?}");
    }
}

#[test]
fn the_handler_alone_tells_of_a_request_whose_call_is_not_observed() {
    let mut stream = Stream::without(&[Hook::Ioctl]);
    stream.enter(APP, Hook::Handler, [SOME, u64::from(CREATE), SOME], "");
    stream.pass(APP, Hook::AllocNetdev, 1, [0; 3], "lo");
    stream.pass(APP, Hook::RegisterNetdev, -17, [1, 0, 0], "lo");
    stream.leave(APP, Hook::Handler, -19, [SOME, u64::from(CREATE), SOME]);
    let told = stream.end();
    assert_eq!(short(told.attempt()), stopped(Network, Cause::NetNameExists));
    assert_eq!(told.attempt().interface.name(), Some(&"lo".into()));
}

#[test]
fn the_32_bit_system_call_is_refused_at_its_boundary() {
    let mut stream = Stream::watch();
    stream.enter(APP, Hook::CompatDispatcher, [SOME, u64::from(CREATE), SOME], "");
    stream.leave(APP, Hook::CompatDispatcher, -22, [SOME, u64::from(CREATE), SOME]);
    assert_eq!(short(stream.end().attempt()), stopped(Syscall, Cause::SysCompat));
}

#[test]
fn a_call_that_returns_without_being_entered_inside_the_library_was_refused_by_seccomp() {
    for (cmd, value, verdict) in [
        (CREATE, -1, stopped(Syscall, Cause::SysSeccomp)),
        // Which call it was is not known: maybe the request, maybe not.
        (0, -1, INCONCLUSIVE),
        // A terminal's, as stdio makes it on a file.
        (0, -25, stopped(Library, None)),
    ] {
        let mut stream = Stream::watch();
        stream.alloc(APP, "vEth0");
        stream.unpaired(APP, cmd, value);
        stream.alloc_returns(APP, 0);
        assert_eq!(short(stream.end().attempt()), verdict, "{cmd:#x} {value}");
    }
}

#[test]
fn a_thread_that_ends_in_the_kernel_died_there_and_one_that_does_not_is_in_progress() {
    for (exits, outcome) in [(true, Outcome::Died), (false, Outcome::InProgress)] {
        for (hooks, boundary) in [(&[][..], Syscall), (&[Hook::Dispatcher, Hook::Handler][..], Module)] {
            let mut stream = Stream::watch();
            stream.call(APP, 5, CREATE, "vEth0");
            for hook in hooks {
                stream.enter(APP, *hook, [SOME, u64::from(CREATE), SOME], "");
            }
            if exits {
                stream.exit(APP);
            }
            assert_eq!(short(stream.end().attempt()), (outcome, Some(boundary), None));
        }
    }
}

#[test]
fn a_refusal_outlives_a_crash_after_it() {
    let mut stream = Stream::watch();
    stream.alloc(APP, "lo");
    stream.request(APP, "lo", Kernel::CannotRegister(17));
    stream.exit(APP);
    assert_eq!(short(stream.end().attempt()), stopped(Network, Cause::NetNameExists));
}

#[test]
fn a_lost_answer_is_not_guessed() {
    let mut stream = Stream::watch();
    stream.alloc(APP, "vEth0");
    stream.call(APP, 5, CREATE, "vEth0");
    // Its return never came, and the library's does.
    let mut inner = stream.clone();
    inner.answer(APP, 5, CREATE, 0);
    inner.alloc_returns(APP, 0);
    let returned = inner.events.last().cloned().unwrap();
    stream.push(returned.what);
    let told = stream.end();
    assert_eq!(short(told.attempt()), INCONCLUSIVE);
    assert_eq!(told.attempt().issued, Some(true));
}
