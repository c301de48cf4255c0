//! Threads that die inside the kernel, and what they leave.

use kni_ebpf::hook::Hook;

use super::{CREATED, Short, short, stopped};
use crate::cause::Cause;
use crate::event::{KernelLog, What};
use crate::report::{Boundary, Diagnostic, Outcome, Report, Told};
use crate::testing::{Answer, CREATE, Kernel, SOME, Stream, Who, process};

const APP: Who = process(100);
const NEXT: Who = process(200);
const CMD: [u64; 3] = [SOME, CREATE as u64, SOME];
const NETNS: u64 = 4_026_531_840;
const DIED: Short = (Outcome::Died, Some(Boundary::Module), Some(Cause::ProcCrash));

/// T29 on Linux 6.1.0-56 with DPDK 22.11: `cpu_online` is asked for CPU 4294967295, and reads beyond its mask.
const IN_CREATE: [&str; 14] = [
    "BUG: unable to handle page fault for address: ffffffffa2c3bfd8",
    "#PF: supervisor read access in kernel mode",
    "Oops: 0000 [#1] PREEMPT SMP NOPTI",
    "CPU: 0 PID: 100 Comm: raw Tainted: G           OE      6.1.0-56-amd64 #1  Debian 6.1.192-2",
    "RIP: 0010:kni_ioctl_create+0x39f/0x740 [rte_kni]",
    "RSP: 0018:ffffc900005b3c20 EFLAGS: 00000202",
    "Call Trace:",
    " <TASK>",
    " kni_ioctl+0x75/0xc0 [rte_kni]",
    " __x64_sys_ioctl+0x8d/0xd0",
    " do_syscall_64+0x5d/0xb0",
    " ? do_fault+0x1a4/0x410",
    "RIP: 0033:0x43c59b",
    "---[ end trace 0000000000000000 ]---",
];

/// T45 there: the queues are looked up in the memory of a process that has none any more.
const IN_RELEASE: [&str; 15] = [
    "BUG: kernel NULL pointer dereference, address: 0000000000000008",
    "Oops: 0000 [#1] PREEMPT SMP NOPTI",
    "CPU: 0 PID: 100 Comm: dpdk-testpmd Tainted: G           OE      6.1.0-56-amd64 #1  Debian 6.1.192-2",
    "RIP: 0010:mtree_load+0x98/0x2f0",
    "Call Trace:",
    " <TASK>",
    " __get_user_pages+0x82/0x660",
    " __get_user_pages_remote+0xc6/0x340",
    " iova_to_phys.isra.0+0x3a/0x110 [rte_kni]",
    " kni_fifo_trans_pa2va+0x306/0x390 [rte_kni]",
    " kni_release+0xde/0x1b0 [rte_kni]",
    " __fput+0x90/0x250",
    " task_work_run+0x56/0x90",
    " do_exit+0x381/0xb10",
    "---[ end trace 0000000000000000 ]---",
];

fn prints(stream: &mut Stream, report: &[&str]) {
    for text in report {
        let logged_ns = stream.now;
        stream.push(What::KernelLog(KernelLog { sequence: 1, logged_ns, level: 1, text: (*text).into() }));
    }
}

fn ticks(stream: &mut Stream, number: usize) {
    for _ in 0..number {
        stream.push(What::Tick);
    }
}

/// Into the handler.
fn asked(stream: &mut Stream) {
    stream.call(APP, 5, CREATE, "vEth0");
    stream.enter(APP, Hook::Dispatcher, CMD, "");
    stream.enter(APP, Hook::Handler, CMD, "");
}

/// It had an interface, is killed, and begins to give the device back.
fn killed_with_an_interface(stream: &mut Stream) {
    stream.process(APP.pid, 1);
    stream.open(APP, 5);
    stream.request(APP, "vEth0", Kernel::Creates);
    stream.ends(APP, 9);
    stream.enter(APP, Hook::DeviceRelease, [1, SOME, NETNS], "");
}

fn opens(stream: &mut Stream, netns: u64) {
    stream.process(NEXT.pid, 1);
    stream.pass(NEXT, Hook::DeviceOpen, -16, [1, SOME, netns], "");
    stream.open(NEXT, -16);
}

fn noted(told: &Answer) -> Vec<&Diagnostic> {
    let diagnostic = |report| match report {
        &Report { what: Told::Diagnostic(ref diagnostic), .. } => Some(diagnostic),
        _ => None,
    };
    told.reports.iter().filter_map(diagnostic).collect()
}

#[test]
fn a_thread_that_dies_in_the_module_has_the_kernels_report_beside_it() {
    // The report may be read before the records of what led to it.
    for early in [true, false] {
        let mut stream = Stream::watch();
        if early {
            prints(&mut stream, &IN_CREATE);
            ticks(&mut stream, 1);
        }
        let before = stream.now;
        asked(&mut stream);
        if early {
            // Of the same batch: facts bear later times than the records behind them.
            for event in &mut stream.events {
                if matches!(event.what, What::KernelLog(_)) {
                    event.at = before + 10_000_000;
                }
            }
        } else {
            prints(&mut stream, &IN_CREATE);
        }
        stream.ends(APP, 9);
        ticks(&mut stream, 3);
        let told = stream.end();
        let attempt = told.attempt();
        assert_eq!(short(attempt), DIED, "{early}");
        assert_eq!(attempt.subject, Some("kni_ioctl_create".into()));
        let lines: Vec<_> = attempt.log.iter().map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
        assert_eq!(lines, [IN_CREATE[0], IN_CREATE[3], IN_CREATE[4], IN_CREATE[8].trim_start()]);
        assert_eq!(noted(&told), [&Diagnostic::CommandEnded { status: None, signal: None }; 0]);
    }
}

#[test]
fn the_report_alone_shows_that_it_died_whatever_was_lost() {
    for lost in [0, 1] {
        let mut stream = Stream::watch();
        asked(&mut stream);
        if lost > 0 {
            stream.lost(lost);
        }
        prints(&mut stream, &IN_CREATE);
        let mut ticking = stream.clone();
        ticks(&mut ticking, 2);
        assert_eq!(short(ticking.end().attempts()[0]), DIED);
        assert_eq!(short(stream.end().attempt()), DIED, "{lost}");
    }
}

#[test]
fn the_report_of_another_thread_or_of_a_warning_is_not_its() {
    let other = IN_CREATE.map(|line| line.replace("PID: 100", "PID: 101"));
    let warning = IN_CREATE.map(|line| line.replace("Oops: 0000 [#1]", "WARNING:"));
    let elsewhere = IN_CREATE.map(|line| line.replace("[rte_kni]", "[ext4]"));
    for report in [other, warning, elsewhere] {
        let mut stream = Stream::watch();
        asked(&mut stream);
        prints(&mut stream, &report.each_ref().map(String::as_str));
        let told = stream.end();
        assert_eq!(short(told.attempt()), (Outcome::InProgress, Some(Boundary::Module), None));
        assert!(told.attempt().log.is_empty());
    }
}

#[test]
fn a_process_that_dies_giving_the_device_back_leaves_its_interfaces_and_the_device() {
    let mut stream = Stream::watch();
    killed_with_an_interface(&mut stream);
    prints(&mut stream, &IN_RELEASE);
    ticks(&mut stream, 2);
    opens(&mut stream, NETNS);
    let told = stream.end();
    let [Diagnostic::DiedInModule { thread, function, at, device_stuck, interfaces, log }] = noted(&told)[..]
    else {
        panic!("{:#?}", told.reports)
    };
    assert_eq!((thread.pid, &thread.comm), (100, &"dpdk-testpmd".into()));
    assert_eq!((function, at), (&"kni_release".into(), &Some("mtree_load".into())));
    assert_eq!((*device_stuck, &interfaces[..], log.len()), (true, &["vEth0".into()][..], 6));
    let [created, refused] = told.attempts()[..] else { panic!("{:#?}", told.attempts()) };
    assert_eq!(short(created), CREATED);
    assert_eq!(short(refused), stopped(Boundary::Syscall, Cause::SysDeviceStuck));
    assert_eq!(refused.holder.as_ref().map(|holder| holder.pid), Some(100));
    let origin = refused.origin.as_ref().unwrap();
    assert_eq!((origin.step.place, origin.step.value), ("kni_release", None));
    assert!(origin.before_ns > 0);
    assert!(told.released().is_empty(), "it stays");
}

#[test]
fn the_library_that_could_not_open_it_names_the_first_cause_too() {
    let mut stream = Stream::watch();
    killed_with_an_interface(&mut stream);
    prints(&mut stream, &IN_RELEASE);
    stream.process(NEXT.pid, 1);
    stream.init(NEXT, -16, -1);
    stream.alloc(NEXT, "vEth0");
    stream.says(NEXT, "KNI: KNI subsystem has not been initialized. Invoke rte_kni_init() first\n");
    stream.alloc_returns(NEXT, 0);
    let told = stream.end();
    let refused = &told.attempts()[1..];
    assert_eq!(refused.len(), 2);
    assert!(refused.iter().all(|one| short(one) == stopped(Boundary::Syscall, Cause::SysDeviceStuck)));
}

#[test]
fn a_busy_device_is_only_called_stuck_where_somebody_died_with_it() {
    let stuck = |netns, report: bool, held: bool, left: bool| {
        let mut stream = Stream::watch();
        killed_with_an_interface(&mut stream);
        if report {
            prints(&mut stream, &IN_RELEASE);
        }
        if left {
            stream.leave(APP, Hook::DeviceRelease, 0, [1, SOME, NETNS]);
        }
        if held {
            stream.process(NEXT.pid, 1);
            stream.holder(300, "other");
        }
        opens(&mut stream, netns);
        let told = stream.end();
        let last = told.attempts().pop().unwrap();
        assert_eq!(last.outcome, Outcome::Stopped);
        last.cause == Some(Cause::SysDeviceStuck)
    };
    assert!(stuck(NETNS, true, false, false));
    assert!(stuck(NETNS, true, true, false), "whoever has it open has it open elsewhere");
    assert!(!stuck(NETNS + 1, true, false, false), "another network namespace's");
    assert!(!stuck(NETNS, false, false, false), "it may only take its time");
    assert!(!stuck(NETNS, false, false, true));
}

#[test]
fn a_death_before_anything_was_watched_is_evidence_and_no_news() {
    for held in [false, true] {
        let mut stream = Stream::watch();
        let armed = stream.events.pop().unwrap();
        prints(&mut stream, &IN_RELEASE);
        stream.push(armed.what);
        ticks(&mut stream, 3);
        stream.process(NEXT.pid, 1);
        if held {
            stream.holder(300, "other");
        }
        stream.open(NEXT, -16);
        let told = stream.end();
        let cause = if held { Cause::SysDeviceBusy } else { Cause::SysDeviceStuck };
        assert_eq!(short(told.attempt()), stopped(Boundary::Syscall, cause));
        assert!(noted(&told).is_empty() && told.attempt().origin.is_none());
    }
}

#[test]
fn a_new_module_has_a_new_device() {
    let mut stream = Stream::watch();
    killed_with_an_interface(&mut stream);
    prints(&mut stream, &IN_RELEASE);
    stream.note(process(7), Hook::ModuleFree, [0; 3], "rte_kni");
    opens(&mut stream, NETNS);
    assert_eq!(short(stream.end().attempts()[1]), stopped(Boundary::Syscall, Cause::SysDeviceBusy));
}

#[test]
fn the_modules_own_thread_that_dies_is_told_of_and_leaves_the_device_to_its_process() {
    let report = IN_CREATE.map(|line| {
        let line = line.replace("PID: 100 Comm: raw", "PID: 77 Comm: kni_single");
        line.replace("kni_ioctl_create", "kni_net_rx_normal").replace("kni_ioctl+", "kni_thread_single+")
    });
    let mut stream = Stream::watch();
    stream.request(APP, "vEth0", Kernel::Creates);
    prints(&mut stream, &report.each_ref().map(String::as_str));
    let told = stream.end();
    let [Diagnostic::DiedInModule { thread, function, device_stuck, interfaces, .. }] = noted(&told)[..]
    else {
        panic!("{:#?}", told.reports)
    };
    assert_eq!((thread.pid, function, *device_stuck), (77, &"kni_thread_single".into(), false));
    assert!(interfaces.is_empty());
}

#[test]
fn memory_stays_bounded_whatever_is_logged() {
    let mut stream = Stream::watch();
    for pid in 0..200 {
        let report = IN_RELEASE.map(|line| line.replace("PID: 100", &format!("PID: {pid}")));
        prints(&mut stream, &report.each_ref().map(String::as_str));
    }
    assert!(noted(&stream.end()).len() <= 16);
}
