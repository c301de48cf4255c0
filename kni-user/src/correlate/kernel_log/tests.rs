use super::{Claimed, Lines, MAX_LINES, ModuleSaid, Run};
use crate::event::KernelLog;
use crate::untrusted::Untrusted;

const MS: u64 = 1_000_000;

/// Lines, each as (read, logged, text), on a log clock that is 40 s behind.
fn lines(of: &[(u64, u64, &str)]) -> Lines {
    let mut lines = Lines::default();
    for (read, logged, text) in of {
        let line = KernelLog { sequence: 0, logged_ns: logged * MS, level: 6, text: (*text).into() };
        lines.push((40_000 + read) * MS, &line);
    }
    lines
}

fn run(entered: u64, left: u64) -> Run {
    Run { entered: (40_000 + entered) * MS, left: (40_000 + left) * MS }
}

fn claim(lines: &mut Lines, run: Run, name: &str) -> Claimed {
    lines.claim(run, &[&Untrusted::from(name)], &[])
}

#[test]
fn each_refusal_of_each_release_is_understood() {
    for (text, said) in [
        ("rte_kni: KNI name vEth0 duplicated", ModuleSaid::Duplicated),
        ("KNI: Error: KNI name vEth0 duplicated", ModuleSaid::Duplicated),
        ("rte_kni: kni.name not zero-terminated", ModuleSaid::Unterminated),
        ("rte_kni: cpu 9 is not online", ModuleSaid::CoreOffline(Some(9))),
        ("rte_kni: error -17 registering device \"vEth0\"", ModuleSaid::CannotRegister(17)),
        ("rte_kni: error allocating device \"vEth0\"", ModuleSaid::CannotAllocate),
        ("rte_kni: KNI module does not support IOVA to VA translation", ModuleSaid::AddressMode),
        ("KNI: Error: copy_from_user in kni_ioctl_create", ModuleSaid::CannotCopy),
    ] {
        let mut lines = lines(&[(2, 1, "rte_kni: Creating kni..."), (2, 1, text)]);
        let claimed = claim(&mut lines, run(1, 2), "vEth0");
        assert_eq!((claimed.said, claimed.lines.len(), claimed.whole), (Some(said), 2, true), "{text}");
    }
}

#[test]
fn lines_of_others_are_left_alone() {
    for text in [
        "rte_kni: KNI name vEth1 duplicated",
        "rte_kni: error -17 registering device \"vEth\"",
        "rte_kni: error - registering device \"vEth0\"",
        "somebody: KNI name vEth0 duplicated",
        "rte_kni: Successfully release kni named vEth0",
    ] {
        let mut lines = lines(&[(2, 1, "rte_kni: Creating kni..."), (2, 1, text)]);
        let claimed = claim(&mut lines, run(1, 2), "vEth0");
        assert_eq!((claimed.said, claimed.lines.len()), (None, 1), "{text}");
    }
}

#[test]
fn a_silent_refusal_does_not_take_the_reason_of_the_next_attempt() {
    let mut lines = lines(&[
        (9, 1, "rte_kni: Creating kni..."),
        (9, 5, "rte_kni: Creating kni..."),
        (9, 5, "rte_kni: KNI name vEth0 duplicated"),
    ]);
    assert_eq!(claim(&mut lines, run(1, 2), "vEth0").said, None);
    assert_eq!(claim(&mut lines, run(5, 6), "vEth0").said, Some(ModuleSaid::Duplicated));
    assert_eq!(claim(&mut lines, run(7, 8), "vEth0").said, None, "a line is claimed once");
}

#[test]
fn a_line_logged_before_the_handler_was_entered_is_not_its() {
    let mut lines = lines(&[
        (1, 1, "usb 1-1: new device"),
        (90, 2, "rte_kni: Creating kni..."),
        (90, 2, "rte_kni: KNI name vEth0 duplicated"),
    ]);
    assert_eq!(claim(&mut lines, run(50, 91), "vEth0").said, None);
}

#[test]
fn of_runs_that_overlap_only_lines_with_the_name_tell() {
    let mut log = lines(&[
        (9, 1, "rte_kni: Creating kni..."),
        (9, 2, "rte_kni: Creating kni..."),
        (9, 3, "rte_kni: cpu 9 is not online"),
        (9, 3, "rte_kni: KNI name vEth1 duplicated"),
    ]);
    let other = run(2, 9);
    let claimed = log.claim(run(1, 4), &[&"vEth0".into()], &[other]);
    assert_eq!((claimed.said, claimed.whole), (None, false));
    let claimed = log.claim(other, &[&"vEth1".into()], &[]);
    assert_eq!(claimed.said, Some(ModuleSaid::Duplicated));
}

#[test]
fn memory_stays_bounded() {
    let mut lines = lines(&[]);
    for n in 0..3 * MAX_LINES as u64 {
        let line = KernelLog { sequence: n, logged_ns: n, level: 6, text: "rte_kni: Creating kni...".into() };
        lines.push(n, &line);
        claim(&mut lines, Run { entered: 2 * n, left: 2 * n }, "a");
    }
    assert!(
        lines.waiting.len() <= MAX_LINES && lines.delays.len() <= MAX_LINES && lines.runs.len() <= MAX_LINES
    );
}
