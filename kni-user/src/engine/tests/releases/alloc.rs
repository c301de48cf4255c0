use kni_ebpf::hook::Hook;

use super::super::{short, stopped};
use super::{APP, FOUND, RELEASES, Release, begin, place, unsee};
use crate::cause::Cause;
use crate::event::Read;
use crate::report::{Attempt, Boundary::Library};
use crate::testing::{SOME, Stream};

/// Where `rte_kni_alloc` refuses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum At {
    NoPool,
    NoConf,
    EmptyName,
    /// The name is empty, and could not be read.
    UnreadableName,
    NotInitialised,
    NoSlot,
    InUse,
    PoolZone,
    Pieces,
    Taken,
    Tailq,
    Context,
    /// The how-manieth zone, and `rte_errno`.
    Zone(usize, i32),
}

const ZONES: [&str; 7] = [
    "kni_tx_vEth0",
    "kni_rx_vEth0",
    "kni_alloc_vEth0",
    "kni_free_vEth0",
    "kni_req_vEth0",
    "kni_resp_vEth0",
    "kni_sync_vEth0",
];
const NOT_INITIALISED: &str = "KNI: KNI subsystem has not been initialized. Invoke rte_kni_init() first\n";
const PCI: &str = "KNI: pci: %02x:%02x:%02x \t %02x:%02x\n";

/// `rte_kni_alloc` of a release, up to where it refuses.
fn play(stream: &mut Stream, release: u16, at: At) {
    let (pool, conf, name) = match at {
        At::NoPool => (0, SOME, "vEth0"),
        At::NoConf => (SOME, 0, ""),
        At::EmptyName | At::UnreadableName => (SOME, SOME, ""),
        _ => (SOME, SOME, "vEth0"),
    };
    stream.enter(APP, Hook::LibraryAlloc, [pool, conf, 0], name);
    if at == At::UnreadableName {
        stream.amend(|step| step.text = Read::Failed(-14));
    }
    match at {
        At::NoPool | At::NoConf | At::EmptyName | At::UnreadableName => {}
        At::NotInitialised => stream.says(APP, NOT_INITIALISED),
        _ if release <= 1808 => up_to_1808(stream, release, at),
        _ => since_1811(stream, release, at),
    }
    stream.leave(APP, Hook::LibraryAlloc, 0, [pool, conf, 0]);
}

fn up_to_1808(stream: &mut Stream, release: u16, at: At) {
    match at {
        At::NoSlot => stream.says(APP, "KNI: Cannot allocate more KNI interfaces; increase the number of"),
        At::InUse => stream.says(APP, "KNI: KNI %s is in use\n"),
        At::PoolZone if release <= 1607 => {
            stream.says(APP, PCI);
            stream.lookup(APP, "MP_mbuf_pool", 0);
        }
        At::Pieces if release == 1607 => {
            stream.says(APP, PCI);
            stream.lookup(APP, "MP_mbuf_pool", FOUND);
        }
        other => panic!("{release} has no {other:?}"),
    }
}

fn since_1811(stream: &mut Stream, release: u16, at: At) {
    if release >= 1908 {
        stream.note(APP, Hook::TailqLock, [0; 3], "");
    }
    match at {
        At::Taken => stream.says(APP, "KNI: KNI already exists\n"),
        At::Tailq => stream.says(APP, "KNI: Failed to allocate tailq entry\n"),
        At::Context => stream.says(APP, "KNI: KNI memory allocation failed\n"),
        At::Zone(number, rte_errno) => {
            if release <= 1905 {
                stream.says(APP, PCI);
            }
            for zone in &ZONES[..number - 1] {
                stream.reserve(APP, zone, FOUND);
            }
            match rte_errno {
                libc::EEXIST => stream.says(APP, "EAL: %s(): memzone <%s> already exists\n"),
                libc::ENOSPC => stream.says(APP, "EAL: %s(): Number of requested memzone segments exceeds"),
                _ => {}
            }
            stream.reserve(APP, ZONES[number - 1], 0);
            stream.amend(|step| step.rte_errno = Some(rte_errno));
        }
        other => panic!("{release} has no {other:?}"),
    }
}

/// A program that initialises the library, where that matters, and is refused an interface.
fn refused(library: Release, at: At, without: &[Hook]) -> Attempt {
    let mut stream = begin(library, without);
    if at != At::NotInitialised {
        stream.init(APP, 5, 0);
    }
    play(&mut stream, library.0, at);
    unsee(&mut stream, without);
    stream.end().attempt().clone()
}

/// Releases, the exit, why, whether that is known without the log too, and the check's place in the order.
type Row = (fn(u16) -> bool, At, Option<Cause>, bool, (u8, u8));

const OLD: fn(u16) -> bool = |release| release <= 1607;
const SLOTS: fn(u16) -> bool = |release| (1611..=1808).contains(&release);
const TAILQ: fn(u16) -> bool = |release| release >= 1811;
const NO_MEMORY: Option<Cause> = Some(Cause::LibNoMemory);
const EXISTS: Option<Cause> = Some(Cause::LibMemzoneExists);

const ROWS: &[Row] = &[
    // 16.04, 16.07
    (OLD, At::NoPool, Some(Cause::LibNoPool), true, (1, 5)),
    (OLD, At::NoConf, Some(Cause::LibBadArgument), true, (1, 5)),
    (OLD, At::EmptyName, Some(Cause::LibBadArgument), true, (1, 5)),
    (OLD, At::UnreadableName, Some(Cause::LibBadArgument), false, (1, 5)),
    (OLD, At::NotInitialised, Some(Cause::LibNotInitialised), false, (2, 5)),
    (OLD, At::NoSlot, Some(Cause::LibNoSlot), false, (3, 5)),
    (OLD, At::InUse, Some(Cause::LibAlreadyExists), false, (4, 5)),
    (OLD, At::PoolZone, Some(Cause::LibMemzoneMissing), true, (5, 5)),
    (|release| release == 1607, At::Pieces, Some(Cause::LibPoolScattered), true, (5, 5)),
    // 16.11 to 18.08
    (SLOTS, At::NoPool, Some(Cause::LibNoPool), true, (1, 4)),
    (SLOTS, At::NoConf, Some(Cause::LibBadArgument), true, (1, 4)),
    (SLOTS, At::EmptyName, Some(Cause::LibBadArgument), true, (1, 4)),
    (SLOTS, At::UnreadableName, Some(Cause::LibBadArgument), false, (1, 4)),
    (SLOTS, At::NotInitialised, Some(Cause::LibNotInitialised), false, (2, 4)),
    (SLOTS, At::NoSlot, Some(Cause::LibNoSlot), false, (3, 4)),
    (SLOTS, At::InUse, Some(Cause::LibAlreadyExists), false, (4, 4)),
    // 18.11 to 23.07
    (TAILQ, At::NoPool, Some(Cause::LibNoPool), true, (1, 6)),
    (TAILQ, At::NoConf, Some(Cause::LibBadArgument), true, (1, 6)),
    (TAILQ, At::EmptyName, Some(Cause::LibBadArgument), true, (1, 6)),
    (TAILQ, At::UnreadableName, Some(Cause::LibBadArgument), false, (1, 6)),
    (
        |release| (1811..1908).contains(&release),
        At::NotInitialised,
        Some(Cause::LibNotInitialised),
        false,
        (2, 6),
    ),
    // The lock that is taken after it is seen.
    (|release| release >= 1908, At::NotInitialised, Some(Cause::LibNotInitialised), true, (2, 6)),
    (TAILQ, At::Taken, Some(Cause::LibAlreadyExists), false, (3, 6)),
    (TAILQ, At::Tailq, NO_MEMORY, false, (4, 6)),
    (TAILQ, At::Context, NO_MEMORY, false, (5, 6)),
    (TAILQ, At::Zone(1, libc::EEXIST), EXISTS, true, (6, 6)),
    (TAILQ, At::Zone(5, libc::EEXIST), EXISTS, true, (6, 6)),
    (TAILQ, At::Zone(7, libc::ENOMEM), NO_MEMORY, true, (6, 6)),
    (TAILQ, At::Zone(2, libc::ENOSPC), Some(Cause::LibMemzoneExhausted), true, (6, 6)),
    (TAILQ, At::Zone(3, libc::EINVAL), None, true, (6, 6)),
];

#[test]
fn every_exit_of_every_release_is_named() {
    for (has, at, cause, _, check) in ROWS {
        for library in RELEASES.into_iter().filter(|(release, _)| has(*release)) {
            let attempt = refused(library, *at, &[]);
            assert_eq!(short(&attempt), stopped(Library, *cause), "{library:?} {at:?}");
            assert_eq!(place(attempt.check.as_ref()), Some(*check), "{library:?} {at:?}");
            assert_eq!(attempt.issued, Some(false));
            assert!(attempt.coverage.complete, "{library:?} {at:?}");
            let zone = if let At::Zone(number, _) = at { Some((*number, 7)) } else { None };
            let time = attempt.check.and_then(|check| check.time);
            assert_eq!(time.map(|(time, of)| (usize::from(time), of)), zone, "{library:?} {at:?}");
        }
    }
}

#[test]
fn without_the_log_an_exit_is_named_where_its_position_alone_tells_and_never_another() {
    for (has, at, cause, known, check) in ROWS {
        for library in RELEASES.into_iter().filter(|(release, _)| has(*release)) {
            let attempt = refused(library, *at, &[Hook::LibraryLog]);
            let expected = cause.filter(|_| *known);
            assert_eq!(short(&attempt), stopped(Library, expected), "{library:?} {at:?}");
            if *known {
                assert_eq!(place(attempt.check.as_ref()), Some(*check), "{library:?} {at:?}");
            } else {
                assert_eq!(attempt.check, None, "{library:?} {at:?}");
                assert!(!attempt.coverage.complete, "{library:?} {at:?}");
            }
        }
    }
}

/// Any one hook of the library's steps may be missing: what is said then is the same or less.
#[test]
fn without_any_one_hook_no_other_cause_is_named() {
    let steps =
        [Hook::LibraryLog, Hook::MemzoneLookup, Hook::MemzoneReserve, Hook::TailqLock, Hook::IovaMode];
    for (has, at, cause, _, _) in ROWS {
        for library in RELEASES.into_iter().filter(|(release, _)| has(*release)) {
            for hook in steps {
                let named = refused(library, *at, &[hook]).cause;
                assert!(named.is_none() || named == *cause, "{library:?} {at:?} without {hook:?}: {named:?}");
            }
        }
    }
}

#[test]
fn an_unknown_release_leaves_the_cause_and_takes_the_place_in_the_order() {
    let mut stream = Stream::watch();
    stream.process(APP.pid, 1);
    play(&mut stream, 2211, At::NotInitialised);
    let told = stream.end();
    assert_eq!(short(told.attempt()), stopped(Library, Cause::LibNotInitialised));
    assert_eq!(told.attempt().check, None, "it is the second of four, five or six");
}

#[test]
fn an_unseen_reservation_is_known_by_what_it_left_in_rte_errno() {
    for (rte_errno, cause) in [
        (Some(libc::EEXIST), EXISTS),
        (Some(libc::ENOMEM), NO_MEMORY),
        // Freeing what was reserved before may leave this too.
        (Some(libc::ENOSPC), None),
        (None, None),
    ] {
        let mut stream = begin((2211, "librte_kni.so.23"), &[Hook::MemzoneReserve]);
        stream.init(APP, 5, 0);
        stream.alloc(APP, "vEth0");
        stream.note(APP, Hook::TailqLock, [0; 3], "");
        stream.alloc_returns(APP, 0);
        stream.amend(|step| step.rte_errno = rte_errno);
        let told = stream.end();
        assert_eq!(short(told.attempt()), stopped(Library, cause), "{rte_errno:?}");
        assert_eq!(place(told.attempt().check.as_ref()), Some((6, 6)));
    }
}

#[test]
fn rte_errno_goes_before_what_another_heap_said() {
    let mut stream = begin((2211, "librte_kni.so.23"), &[]);
    stream.alloc(APP, "vEth0");
    stream.note(APP, Hook::TailqLock, [0; 3], "");
    stream.says(APP, "EAL: %s(): couldn't find suitable memseg_list\n");
    stream.reserve(APP, "kni_tx_vEth0", 0);
    stream.amend(|step| step.rte_errno = Some(libc::ENOSPC));
    stream.alloc_returns(APP, 0);
    assert_eq!(short(stream.end().attempt()), stopped(Library, Cause::LibMemzoneExhausted));
}
