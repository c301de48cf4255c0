//! Recordings of real runs: the scenarios on real kernels, replayed without a machine.
//!
//! `tests/data/KERNEL/SCENARIO.rec` is what `kniwatch check --record` wrote in the dev VM; beside it stands the
//! text that it prints. `UPDATE_EXPECT=1 cargo test` writes the texts anew.

use std::path::Path;

use expect_test::expect_file;

use super::lives::{Life, lives, not_so};
use super::properties::agrees;
use super::{CREATED, INCONCLUSIVE, Short, short, stopped};
use crate::cause::Cause;
use crate::event::{Event, Ledger, What};
use crate::report::{Boundary, Outcome};
use crate::sink::Sink as _;
use crate::sink::text::{Text, TextOptions};
use crate::testing::{Answer, events, recordings};

/// What the attempts of each run must come to, and `check`'s exit status.
fn expected(run: &str) -> (Vec<Short>, u8) {
    let one = |verdict, status| (vec![verdict], status);
    let created = || one(CREATED, 0);
    let in_library = |cause| one(stopped(Boundary::Library, cause), 11);
    let at_syscall = |cause| one(stopped(Boundary::Syscall, cause), 12);
    let in_module = |cause| one(stopped(Boundary::Module, cause), 13);
    let in_network = |cause| one(stopped(Boundary::Network, cause), 14);
    let elsewhere = || one((Outcome::CreatedElsewhere, None, None), 15);
    let doomed = |cause| one((Outcome::CreatedDoomed, None, Some(cause)), 15);
    let blocked = |boundary| (Outcome::InProgress, Some(boundary), Some(Cause::ProcBlocked));
    match run {
        "created"
        | "module-comes-and-goes"
        | "forked"
        | "threads"
        | "contained"
        | "plugins"
        | "t36-physical"
        | "t36-virtual"
        | "t42"
        | "t43"
        | "t44"
        | "t44-carrier"
        | "t45"
        | "t46"
        | "t48"
        | "t50"
        | "flooded"
        | "listed"
        | "moved"
        | "other-type"
        | "release-refused" => created(),
        "silent-refusal" | "t02" | "t02-static" | "t03-fifth" | "t03-last" => {
            in_library(Cause::LibMemzoneExists)
        }
        "silent-refusal-1604" => in_library(Cause::LibMemzoneMissing),
        "t05" => in_library(Cause::LibNoMemory),
        "t07-no-configuration" | "t07-empty-name" => in_library(Cause::LibBadArgument),
        "t08" | "t10" => in_library(Cause::LibNotInitialised),
        "t15" => in_library(Cause::LibPoolScattered),
        "t16" => in_library(Cause::LibIovaMode),
        "no-pool" => in_library(Cause::LibNoPool),
        "module-missing" | "t14" | "t21" => at_syscall(Cause::SysDeviceMissing),
        "device-busy" => at_syscall(Cause::SysDeviceBusy),
        "t34-after" | "t45-after" => at_syscall(Cause::SysDeviceStuck),
        "t19" => at_syscall(Cause::SysDeviceDenied),
        "t22" => at_syscall(Cause::SysSeccomp),
        "t24" => at_syscall(Cause::SysCompat),
        "unknown-request" => at_syscall(Cause::SysUnknownRequest),
        "wrong-device" => at_syscall(Cause::SysWrongDevice),
        "bad-fd" => at_syscall(Cause::SysBadFd),
        "t25-144" | "t25-152" => in_module(Cause::ModSizeSkew),
        "t26" => in_module(Cause::ModFault),
        "t27" => in_module(Cause::ModNameUnterminated),
        "t28" => in_module(Cause::ModCoreOffline),
        "duplicate-name" => in_module(Cause::ModNameDuplicate),
        "t29" => one((Outcome::Died, Some(Boundary::Module), Some(Cause::ProcCrash)), 16),
        "t30-renamed" => (vec![CREATED, stopped(Boundary::Module, Cause::ModNameDuplicate)], 0),
        "t33" | "t34" => (vec![blocked(Boundary::Module), stopped(Boundary::Module, Cause::ModThread)], 13),
        "name-taken" => in_network(Cause::NetNameExists),
        "crowded" => {
            let refused = stopped(Boundary::Network, Cause::NetNameInvalid);
            (vec![CREATED, blocked(Boundary::Network), refused], 0)
        }
        "t32-slash" | "t32-empty" => in_network(Cause::NetNameInvalid),
        "created-elsewhere" | "module-removed" | "template" => elsewhere(),
        "t39" => doomed(Cause::ModLayoutSkew),
        "bad-address" => doomed(Cause::ModBadAddress),
        "rtnl-held" | "rtnl-held-unseen" => (vec![CREATED, blocked(Boundary::Network)], 0),
        "starved" | "t02-stripped" | "t22-stripped" | "t22-unread" => one(INCONCLUSIVE, 20),
        other => panic!("what should the recording {other} come to?"),
    }
}

/// Whether that is one of the verdicts that a run comes to, or less than that but no other.
fn is_no_other(verdict: Short, expected: &[Short]) -> bool {
    verdict == INCONCLUSIVE || expected.iter().any(|expected| agrees(verdict, *expected))
}

fn scenario(recording: &Path) -> &str {
    recording.file_stem().unwrap().to_str().unwrap()
}

#[test]
fn every_recorded_run_comes_to_its_verdict() {
    let recordings = recordings();
    assert!(recordings.len() >= 32, "the recordings are missing: {recordings:?}");
    for recording in recordings {
        let (expected, status) = expected(scenario(&recording));
        let answer = Answer::of(&events(&recording));
        let verdicts: Vec<Short> = answer.attempts().into_iter().map(short).collect();
        let all = expected.iter().all(|expected| verdicts.contains(expected));
        assert!(all, "{}: {verdicts:?}", recording.display());
        let no_other = verdicts.iter().all(|verdict| expected.contains(verdict));
        assert!(no_other, "{}: {verdicts:?}", recording.display());
        assert_eq!(answer.exit_status, Some(status), "{}", recording.display());
        // In a crowd the kernel misses what functions return.
        let is_whole = scenario(&recording) != "crowded";
        assert_eq!(answer.summary().complete, is_whole, "{}", recording.display());
    }
}

#[test]
fn a_replay_prints_the_text_beside_the_recording() {
    for recording in recordings() {
        let mut text = Vec::new();
        let options = TextOptions { verbose: true, ..TextOptions::default() };
        let mut sink = Text::new(&mut text, options);
        for report in &Answer::of(&events(&recording)).reports {
            sink.tell(report).unwrap();
        }
        expect_file![recording.with_extension("txt")].assert_eq(&String::from_utf8(text).unwrap());
    }
}

/// A recorded run, and all that is told of it.
struct Run {
    name: String,
    events: Vec<Event>,
    expected: Vec<Short>,
    lives: Life,
}

fn runs() -> impl Iterator<Item = Run> {
    recordings().into_iter().map(|recording| {
        let events = events(&recording);
        let (expected, _) = expected(scenario(&recording));
        let lives = lives(&Answer::of(&events));
        Run { name: recording.display().to_string(), events, expected, lives }
    })
}

impl Run {
    /// With less than all of it, a verdict is one of those of the whole or inconclusive, and nothing is told of an
    /// interface that is not so.
    fn holds_with(&self, left: &[Event], without: &Event) {
        let answer = Answer::of(left);
        let verdicts: Vec<Short> = answer.attempts().into_iter().map(short).collect();
        let no_other = verdicts.iter().all(|verdict| is_no_other(*verdict, &self.expected));
        assert!(no_other, "{} without {without:?}: {verdicts:?}", self.name);
        let wrong = not_so(lives(&answer), &self.lives);
        assert!(wrong.is_empty(), "{} without {without:?}: {wrong:?}", self.name);
    }
}

/// A lost record is counted before the records of its batch: from then on the ledger says so.
fn without(events: &[Event], lost: usize) -> Vec<Event> {
    let mut left = events.to_vec();
    let at = left.remove(lost).at;
    let armed = left.iter().position(|event| matches!(event.what, What::Armed)).unwrap();
    let ledger = Ledger { emitted: 1, lost: 1, ..Ledger::default() };
    left.insert(lost.max(armed + 1), Event { at, what: What::Ledger(ledger) });
    for event in &mut left {
        if let What::Ledger(ledger) = &mut event.what {
            ledger.lost = 1;
        }
    }
    left
}

/// What the machine says beside the records may be missing: a process that has ended has no `/proc`, and the
/// kernel's log is overwritten.
#[test]
fn any_one_fact_that_could_not_be_read_leaves_the_verdict_or_makes_it_inconclusive() {
    for run in runs() {
        for (at, event) in run.events.iter().enumerate() {
            let is_fact = matches!(
                event.what,
                What::Process(_)
                    | What::KernelLog(_)
                    | What::Holder(_)
                    | What::Interface(_)
                    | What::Link(_)
                    | What::Module(_)
                    | What::Blocked(_)
            );
            if is_fact {
                let mut left = run.events.clone();
                left.remove(at);
                run.holds_with(&left, event);
            }
        }
    }
}

#[test]
fn any_one_record_lost_leaves_the_verdict_or_makes_it_inconclusive() {
    for run in runs() {
        for (at, event) in run.events.iter().enumerate() {
            if matches!(event.what, What::Step(_) | What::Call(_)) {
                run.holds_with(&without(&run.events, at), event);
            }
        }
    }
}
