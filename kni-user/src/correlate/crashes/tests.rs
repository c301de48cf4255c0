use super::{Crash, Line, Reports};
use crate::untrusted::Untrusted;

fn crashes(log: &[&str]) -> Vec<Crash> {
    let mut reports = Reports::default();
    log.iter().filter_map(|text| reports.take(&Untrusted::from(*text))).collect()
}

fn names(functions: &[Untrusted]) -> Vec<String> {
    functions.iter().map(|name| String::from_utf8_lossy(name.as_bytes()).into_owned()).collect()
}

#[test]
fn each_kernels_wording_is_understood() {
    for (what, failed, counted, who) in [
        (
            "5.10",
            "BUG: unable to handle page fault for address: ffffffffc0000000",
            "Oops: 0000 [#1] SMP NOPTI",
            "CPU: 3 PID: 77 Comm: my app Tainted: G           OE     5.10.0-33-amd64 #1 Debian 5.10.226-1",
        ),
        (
            "6.1",
            "kernel BUG at net/core/dev.c:10519!",
            "invalid opcode: 0000 [#2] PREEMPT SMP NOPTI",
            "CPU: 0 PID: 77 Comm: my app Not tainted 6.1.0-56-amd64 #1  Debian 6.1.176-1",
        ),
        (
            "6.12",
            "BUG: kernel NULL pointer dereference, address: 0000000000000068",
            "Oops: Oops: 0002 [#1] PREEMPT SMP NOPTI",
            "CPU: 0 UID: 0 PID: 77 Comm: my app Tainted: G           OE      6.12.95+deb12-amd64 #1  Debian",
        ),
        (
            "without a line before",
            "general protection fault, probably for non-canonical address 0xdead00: 0000 [#1] SMP",
            "RAX: 0000000000000000",
            "CPU: 0 PID: 77 Comm: my app Tainted: G    B      O      6.1.0",
        ),
    ] {
        let log = [
            failed,
            counted,
            who,
            "RIP: 0010:strncmp+0x5/0x30",
            "Call Trace:",
            " ? kni_open+0x3d/0x60 [rte_kni]",
            " kni_dev_remove.isra.0+0x9/0x1 [rte_kni]",
            " kni_release+0x75/0xc0 [rte_kni]",
            "RIP: 0033:0x7f0000000000",
            "---[ end trace 3a1b2c3d4e5f6071 ]---",
            "RIP: 0010:another+0x5/0x30",
        ];
        let crashes = crashes(&log);
        let [crash] = &crashes[..] else { panic!("{what}: {crashes:?}") };
        assert_eq!((crash.thread.pid, &crash.thread.comm), (77, &"my app".into()), "{what}");
        assert_eq!(crash.at, Some("strncmp".into()));
        assert_eq!(names(&crash.functions), ["kni_dev_remove.isra.0", "kni_release"]);
        assert!(crash.is_in_release());
        let lines = [failed, who, log[3], log[6].trim_start(), log[7].trim_start()];
        assert_eq!(names(&crash.log), lines, "{what}");
    }
}

#[test]
fn a_report_that_is_cut_short_ends_with_the_next() {
    let one = [
        "BUG: unable to handle page fault",
        "Oops: 0000 [#1] SMP",
        "CPU: 0 PID: 7 Comm: a Tainted: G",
        " kni_ioctl+0x1/0x2 [rte_kni]",
    ];
    let two = [
        "invalid opcode: 0000 [#2] SMP",
        "CPU: 0 PID: 8 Comm: b Tainted: G",
        " kni_open+0x1/0x2 [rte_kni]",
        "---[ end trace 0 ]---",
    ];
    let pids: Vec<_> = crashes(&[&one[..], &two[..]].concat()).iter().map(|crash| crash.thread.pid).collect();
    assert_eq!(pids, [7, 8]);
    let endless: Vec<&str> = one.iter().copied().chain(std::iter::repeat_n("RAX: 0", 1_000)).collect();
    assert_eq!(crashes(&endless).len(), 1);
}

#[test]
fn what_is_no_report_is_none() {
    for log in [
        &[
            "BUG: soft lockup - CPU#0 stuck for 26s!",
            "CPU: 0 PID: 7 Comm: a Tainted: G",
            " kni_x+0x1/0x2 [rte_kni]",
        ][..],
        &["WARNING: CPU: 0 PID: 7 at a.c:1", "CPU: 0 PID: 7 Comm: a Tainted: G", " kni_x+0x1/0x2 [rte_kni]"],
        &["BUG: unable to handle x", "CPU: 0 PID: 7 Comm: a Tainted: G", " kni_x+0x1/0x2 [rte_kni]"],
        &["Oops: 0000 [#1] SMP", "CPU: 0 PID: 7 Comm: a Tainted: G", " ext4_x+0x1/0x2 [ext4]"],
        &["Oops: 0000 [#1] SMP", " kni_x+0x1/0x2 [rte_kni]"],
    ] {
        assert_eq!(crashes(&[log, &["---[ end trace 0 ]---"]].concat()), [], "{log:?}");
    }
}

#[test]
fn lines_are_told_apart() {
    let kind = |text: &str| Line::of(&Untrusted::from(text));
    assert!(matches!(kind("pc : kni_release+0x1/0x2 [rte_kni]"), Line::At(at) if at.of_module));
    assert!(matches!(kind("RIP: 0010:0x0"), Line::Other));
    assert!(matches!(kind("CPU: 0 PID: x Comm: a"), Line::Other));
    assert!(matches!(kind("a [#] b"), Line::Other));
    assert_eq!(Line::of(&Untrusted::from(&b"\xff [#1]"[..])), Line::Other);
}
