use kni_ebpf::hook::Hook;

use super::super::{INCONCLUSIVE, Short, short, stopped};
use super::{APP, FOUND, RELEASES, Release, begin, place, unsee};
use crate::cause::Cause;
use crate::report::{Attempt, Boundary::Library, Boundary::Syscall, Outcome};
use crate::testing::Stream;

/// Where `rte_kni_init` ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum At {
    CalledBefore,
    NoRoom,
    Mode,
    Open(i32),
    Slots,
    /// The third memzone of the second slot, and `rte_errno`.
    Memzone(i32),
}

const INVALID: &str = "KNI: Invalid number of max_kni_ifaces %d\n";
const UNABLE: &str = "Unable to initialize KNI\n";
const CANNOT_OPEN: &str = "Can not open /dev/%s\n";
const NO_MEMORY: &str =
    "Unable to allocate memory for max_kni_ifaces:%d. Increase the amount of hugepages memory\n";

/// `rte_kni_init` of a release. Up to 18.08 it returns nothing: what is read as its value is anything.
fn play(stream: &mut Stream, release: u16, at: At) {
    let args = [if at == At::NoRoom { 0 } else { 4 }, 0, 0];
    stream.enter(APP, Hook::LibraryInit, args, "");
    if release <= 1808 {
        up_to_1808(stream, at);
        give_up(stream, release, at);
    } else {
        since_1811(stream, release, at);
    }
    if release <= 1607 && at != At::CalledBefore {
        stream.exit(APP);
    } else {
        stream.leave(APP, Hook::LibraryInit, -1, args);
    }
}

fn up_to_1808(stream: &mut Stream, at: At) {
    match at {
        At::CalledBefore => stream.says(APP, "KNI: Double call to rte_kni_init()"),
        At::NoRoom => stream.says(APP, INVALID),
        At::Open(errno) => stream.open(APP, -i64::from(errno)),
        At::Slots => stream.open(APP, 5),
        At::Memzone(rte_errno) => {
            stream.open(APP, 5);
            for zone in ["KNI_INFO_0", "kni_tx_0", "kni_rx_0"] {
                stream.lookup(APP, zone, 0);
                let last = zone == "kni_rx_0";
                stream.reserve(APP, zone, if last { 0 } else { FOUND });
                stream.amend(|step| step.rte_errno = last.then_some(rte_errno));
            }
        }
        At::Mode => panic!("not yet"),
    }
}

/// 16.04 and 16.07 panic with the reason that later ones log.
fn give_up(stream: &mut Stream, release: u16, at: At) {
    let reason = match at {
        At::NoRoom => UNABLE,
        At::Open(_) => CANNOT_OPEN,
        At::Slots | At::Memzone(_) => NO_MEMORY,
        At::CalledBefore | At::Mode => return,
    };
    if release <= 1607 {
        stream.note(APP, Hook::Panic, [0; 3], reason);
        stream.says(APP, "PANIC in %s():\n");
    } else {
        stream.says(APP, &format!("KNI: {reason}"));
    }
}

fn since_1811(stream: &mut Stream, release: u16, at: At) {
    if release == 2211 {
        stream.says(APP, "WARNING: KNI is deprecated and will be removed in DPDK 23.11\n");
    }
    let checks = release == 1908 || release == 2005;
    if checks {
        let mode = if at == At::Mode { 2 } else { 1 };
        stream.pass(APP, Hook::IovaMode, mode, [0; 3], "");
    }
    match at {
        At::Mode if checks => stream.says(APP, "KNI: KNI requires IOVA as PA\n"),
        At::Open(errno) => {
            stream.open(APP, -i64::from(errno));
            stream.says(APP, "KNI: Can not open /dev/%s\n");
        }
        other => panic!("{release} has no {other:?}"),
    }
}

fn initialised(library: Release, at: At, without: &[Hook]) -> Vec<Attempt> {
    let mut stream = begin(library, without);
    play(&mut stream, library.0, at);
    unsee(&mut stream, without);
    stream.end().attempts().into_iter().cloned().collect()
}

/// Releases, the exit, the verdict, the check's place; then what is left of the verdict without the log, and
/// without the log and `__rte_panic`. `None`: no attempt is told.
type Row = (fn(u16) -> bool, At, Option<Short>, Option<(u8, u8)>, [Option<Short>; 2]);

const PANICS: fn(u16) -> bool = |release| release <= 1607;
const LOGS: fn(u16) -> bool = |release| (1611..=1808).contains(&release);
const OPENS: fn(u16) -> bool = |release| (1811..=1905).contains(&release);
const CHECKS: fn(u16) -> bool = |release| release == 1908 || release == 2005;

fn rows() -> Vec<Row> {
    let library = |cause: Cause| Some(stopped(Library, cause));
    let syscall = |cause: Cause| Some(stopped(Syscall, cause));
    let bad = library(Cause::LibBadArgument);
    let memory = library(Cause::LibNoMemory);
    let died = Some((Outcome::Died, Some(Library), None));
    let mut rows: Vec<Row> = vec![
        (PANICS, At::CalledBefore, None, None, [None; 2]),
        (PANICS, At::NoRoom, bad, Some((2, 5)), [bad, died]),
        (PANICS, At::Slots, memory, Some((4, 5)), [memory, died]),
        (PANICS, At::Memzone(libc::ENOMEM), memory, Some((5, 5)), [memory; 2]),
        (LOGS, At::CalledBefore, None, None, [None; 2]),
        (LOGS, At::NoRoom, bad, Some((2, 5)), [None; 2]),
        (LOGS, At::Slots, memory, Some((4, 5)), [None; 2]),
        (LOGS, At::Memzone(libc::ENOMEM), memory, Some((5, 5)), [memory; 2]),
        (LOGS, At::Memzone(libc::ENOSPC), library(Cause::LibMemzoneExhausted), Some((5, 5)), {
            [library(Cause::LibMemzoneExhausted); 2]
        }),
        (CHECKS, At::Mode, library(Cause::LibIovaMode), Some((1, 2)), [library(Cause::LibIovaMode); 2]),
    ];
    for (errno, cause) in [
        (libc::ENOENT, Cause::SysDeviceMissing),
        (libc::EBUSY, Cause::SysDeviceBusy),
        (libc::EACCES, Cause::SysDeviceDenied),
    ] {
        let refused = syscall(cause);
        for (has, check) in [(PANICS, (3, 5)), (LOGS, (3, 5)), (OPENS, (1, 1)), (CHECKS, (2, 2))] {
            rows.push((has, At::Open(errno), refused, Some(check), [refused; 2]));
        }
    }
    rows
}

#[test]
fn every_exit_of_every_release_is_named_and_less_without_its_traces() {
    for (has, at, verdict, check, less) in rows() {
        for library in RELEASES.into_iter().filter(|(release, _)| has(*release)) {
            let silenced: [&[Hook]; 3] = [&[], &[Hook::LibraryLog], &[Hook::LibraryLog, Hook::Panic]];
            for (without, verdict) in silenced.into_iter().zip([verdict, less[0], less[1]]) {
                let all = initialised(library, at, without);
                let told: Vec<Short> = all.iter().map(short).collect();
                let want: Vec<Short> = verdict.into_iter().collect();
                assert_eq!(told, want, "{library:?} {at:?} without {without:?}");
                if without.is_empty() {
                    assert_eq!(
                        all.first().and_then(|one| place(one.check.as_ref())),
                        check,
                        "{library:?} {at:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn an_unheard_second_call_of_an_unknown_release_is_not_taken_for_a_failure() {
    // From 2.2 to 19.08 the library has one name.
    let all = initialised((1611, "librte_kni.so.2"), At::CalledBefore, &[Hook::LibraryLog]);
    assert_eq!(all.iter().map(short).collect::<Vec<_>>(), [INCONCLUSIVE]);
}

/// 19.08 with virtual addresses: nothing is opened, and that alone tells.
#[test]
fn the_wrong_address_mode_is_known_by_any_trace_of_it() {
    let library = (1908, "librte_kni.so.19.08");
    let mode = stopped(Library, Cause::LibIovaMode);
    for without in [&[][..], &[Hook::LibraryLog], &[Hook::IovaMode], &[Hook::LibraryLog, Hook::IovaMode]] {
        let all = initialised(library, At::Mode, without);
        assert_eq!(all.iter().map(short).collect::<Vec<_>>(), [mode], "{without:?}");
    }
    // 22.11 may have been built without the check.
    let mut stream = begin((2211, "librte_kni.so.23"), &[]);
    stream.enter(APP, Hook::LibraryInit, [4, 0, 0], "");
    stream.leave(APP, Hook::LibraryInit, -1, [4, 0, 0]);
    assert_eq!(short(stream.end().attempt()), stopped(Library, None));
}
