use kni_ebpf::hook::Hook;

use super::{INCONCLUSIVE, short, stopped};
use crate::cause::Cause;
use crate::report::{Boundary::Library, Outcome, Unseen};
use crate::testing::{SOME, Stream, Who, process};

const APP: Who = process(100);
const FOUND: i64 = 0x1000;

/// `rte_kni_alloc` of a process that has initialised the library, and does `inside` in it.
fn refused(without: &[Hook], inside: impl Fn(&mut Stream)) -> crate::testing::Answer {
    let mut stream = Stream::without(without);
    stream.process(APP.pid, 1);
    stream.init(APP, 5, 0);
    stream.alloc(APP, "vEth0");
    inside(&mut stream);
    stream.alloc_returns(APP, 0);
    stream.end()
}

#[test]
fn whatever_the_library_did_last_is_what_refused() {
    type Inside = fn(&mut Stream);
    let cases: &[(&str, Inside, Option<Cause>, Option<&str>)] = &[
        (
            "16.04: the pool's memzone is not there",
            |s| s.lookup(APP, "MP_mbuf_pool", 0),
            Some(Cause::LibMemzoneMissing),
            Some("MP_mbuf_pool"),
        ),
        (
            "16.07: it is there, but in pieces",
            |s| s.lookup(APP, "MP_mbuf_pool", FOUND),
            Some(Cause::LibPoolScattered),
            Some("MP_mbuf_pool"),
        ),
        (
            "22.11: a zone of that name is there",
            |s| {
                s.says(APP, "EAL: %s(): memzone <%s> already exists\n");
                s.reserve(APP, "kni_tx_vEth0", 0);
            },
            Some(Cause::LibMemzoneExists),
            Some("kni_tx_vEth0"),
        ),
        (
            "the fifth zone",
            |s| {
                s.reserve(APP, "kni_tx_vEth0", FOUND);
                s.says(APP, "EAL: %s(): No more room in config\n");
                s.reserve(APP, "kni_rx_vEth0", 0);
            },
            Some(Cause::LibMemzoneExhausted),
            Some("kni_rx_vEth0"),
        ),
        (
            "memory",
            |s| {
                s.says(APP, "EAL: %s(): couldn't find suitable memseg_list\n");
                s.reserve(APP, "kni_tx_vEth0", 0);
            },
            Some(Cause::LibNoMemory),
            Some("kni_tx_vEth0"),
        ),
        ("a silent reservation", |s| s.reserve(APP, "kni_tx_vEth0", 0), None, Some("kni_tx_vEth0")),
        (
            "looked up before it is reserved, as 16.04's init does",
            |s| {
                s.lookup(APP, "kni_tx_0", 0);
                s.reserve(APP, "kni_tx_0", FOUND);
            },
            None,
            None,
        ),
        ("a name in use", |s| s.says(APP, "KNI: KNI already exists\n"), Some(Cause::LibAlreadyExists), None),
        ("a slot in use", |s| s.says(APP, "KNI: KNI %s is in use\n"), Some(Cause::LibAlreadyExists), None),
        (
            "no slot",
            |s| s.says(APP, "KNI: Cannot allocate more KNI interfaces; increase"),
            Some(Cause::LibNoSlot),
            None,
        ),
        ("zmalloc", |s| s.says(APP, "KNI: KNI memory allocation failed\n"), Some(Cause::LibNoMemory), None),
        (
            "closed before",
            |s| s.says(APP, "KNI: KNI subsystem has not been initialized."),
            Some(Cause::LibNotInitialised),
            None,
        ),
        ("nothing at all", |_| {}, None, None),
    ];
    for (what, inside, cause, subject) in cases {
        let told = refused(&[], inside);
        let attempt = told.attempt();
        assert_eq!(short(attempt), stopped(Library, *cause), "{what}");
        assert_eq!(attempt.subject, subject.map(Into::into), "{what}");
        assert_eq!(attempt.issued, Some(false), "{what}");
        assert!(attempt.coverage.complete, "{what}");
        assert_eq!(attempt.interface.claimed, Some("vEth0".into()), "{what}");
        assert_eq!(told.summary().attempts.stopped_library, 1, "{what}");
    }
}

#[test]
fn a_null_argument_is_the_cause_however_silent_the_library_is() {
    for (args, name, cause) in [
        ([0, SOME, 0], "vEth0", Cause::LibNoPool),
        ([SOME, 0, 0], "", Cause::LibBadArgument),
        ([SOME, SOME, 0], "", Cause::LibBadArgument),
    ] {
        let mut stream = Stream::watch();
        stream.enter(APP, Hook::LibraryAlloc, args, name);
        stream.alloc_returns(APP, 0);
        assert_eq!(short(stream.end().attempt()), stopped(Library, cause));
    }
}

#[test]
fn without_the_hook_of_the_call_nothing_is_concluded_from_its_silence() {
    let told = refused(&[Hook::Ioctl], |s| s.lookup(APP, "MP_mbuf_pool", 0));
    let attempt = told.attempt();
    assert_eq!(short(attempt), INCONCLUSIVE);
    assert_eq!(attempt.issued, None);
    let missing = Unseen::Hook { hook: "ioctl", reason: Some("left out".to_owned()), armed_after_ns: None };
    assert_eq!(attempt.coverage.missing, [missing]);
}

#[test]
fn without_a_hook_of_the_library_the_boundary_stands_and_the_cause_is_left_open() {
    for without in [Hook::MemzoneReserve, Hook::LibraryLog] {
        let told = refused(&[without], |s| {
            if without == Hook::MemzoneReserve {
                s.lookup(APP, "kni_tx_vEth0", 0);
            } else {
                s.reserve(APP, "kni_tx_vEth0", 0);
            }
        });
        assert_eq!(short(told.attempt()), stopped(Library, None), "{without:?}");
        assert!(!told.attempt().coverage.complete, "{without:?}");
    }
}

#[test]
fn a_loss_before_during_or_in_the_batch_of_the_attempt_makes_it_inconclusive() {
    for when in 0..3 {
        let mut stream = Stream::watch();
        let before = stream.now;
        stream.now += 10_000;
        let alloc = |stream: &mut Stream| stream.alloc(APP, "vEth0");
        match when {
            // Noticed at a later time than the batch's records bear.
            0 => {
                stream.lost(1);
                stream.now = before;
                alloc(&mut stream);
            }
            1 => {
                alloc(&mut stream);
                stream.lost(1);
            }
            _ => {
                alloc(&mut stream);
                stream.lookup(APP, "MP_a", 0);
                stream.lost(1);
            }
        }
        stream.alloc_returns(APP, 0);
        let told = stream.end();
        assert_eq!(short(told.attempt()), INCONCLUSIVE, "{when}");
        assert_eq!(told.attempt().coverage.missing, [Unseen::Records { lost: 1 }], "{when}");
        assert!(!told.summary().complete);
    }
}

#[test]
fn a_loss_long_ago_does_not_touch_a_new_attempt() {
    let mut stream = Stream::watch();
    stream.lost(1);
    stream.alloc(APP, "vEth0");
    stream.lookup(APP, "MP_a", 0);
    stream.alloc_returns(APP, 0);
    assert_eq!(short(stream.end().attempt()), stopped(Library, Cause::LibMemzoneMissing));
}

#[test]
fn a_hook_that_came_during_the_attempt_proves_nothing() {
    let mut stream = Stream::without(&[Hook::Ioctl]);
    stream.alloc(APP, "vEth0");
    stream.cover(Hook::Ioctl, crate::event::HookState::Live);
    stream.alloc_returns(APP, 0);
    let told = stream.end();
    assert_eq!(short(told.attempt()), INCONCLUSIVE);
    let missing = Unseen::Hook { hook: "ioctl", reason: None, armed_after_ns: Some(1_000) };
    assert_eq!(told.attempt().coverage.missing, [missing]);
}

#[test]
fn success_without_a_request_is_not_called_created() {
    let mut stream = Stream::watch();
    stream.alloc(APP, "vEth0");
    stream.alloc_returns(APP, FOUND);
    assert_eq!(short(stream.end().attempt()), INCONCLUSIVE);
}

#[test]
fn a_return_without_its_entry_is_not_taken_for_a_refusal() {
    let mut stream = Stream::watch();
    let phase = crate::event::Phase::Return { value: 0, entered: None };
    let text = crate::event::Read::Failed(-14);
    let task = crate::event::Task { pid: 100, tid: 100, comm: "app".into() };
    stream.push(crate::event::What::Step(crate::event::Step {
        hook: Hook::LibraryAlloc,
        task,
        phase,
        attempt: None,
        args: [0; 3],
        text,
        detail: crate::event::Read::default(),
        rte_errno: None,
    }));
    let told = stream.end();
    assert_eq!(short(told.attempt()), INCONCLUSIVE);
    assert_eq!(told.attempt().coverage.missing, [Unseen::Entry { hook: "library-alloc" }]);
}

#[test]
fn a_thread_that_ends_inside_the_library_died_there() {
    for (panics, cause) in [(false, None), (true, Some(Cause::LibPanic))] {
        let mut stream = Stream::watch();
        stream.alloc(APP, "vEth0");
        if panics {
            stream.says(APP, "PANIC in %s():\n");
        }
        stream.exit(APP);
        assert_eq!(short(stream.end().attempt()), (Outcome::Died, Some(Library), cause));
    }
}
