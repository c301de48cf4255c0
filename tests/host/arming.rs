//! Nothing is recorded before the hooks are armed, and system calls are only observed while KNI is used.

use std::os::fd::AsRawFd as _;

use aya::sys::{Stats, enable_stats};
use kni_ebpf::counter::Outcome;
use kni_ebpf::hook::Hook;
use kni_user::event::{Coverage, HookState};
use kni_user::probe::{Arm, Config};

use crate::attached::{self, Patience};
use crate::program::{self, CREATE, FOREIGN, Info};
use crate::watch::{Watch, calls};

/// The tracepoints of system calls, as the kernel names them.
const CALLS: [&str; 6] = [
    "sys_enter_ioctl",
    "sys_enter_open",
    "sys_enter_openat",
    "sys_exit_ioctl",
    "sys_exit_open",
    "sys_exit_openat",
];

#[test]
fn before_arming_all_is_filtered_and_nothing_kept() {
    let mut watch = Watch::attached(&Config { executables: vec![program::path()], ..Config::default() });
    program::alloc("early");
    let counters = watch.probes.counters().unwrap();
    assert_eq!((counters.emitted, counters.kept, counters.lost), (0, 0, 0));
    assert_eq!(counters.at(Hook::LibraryAlloc, Outcome::Filtered), 2);

    watch.probes.arm().unwrap();
    program::request(CREATE, &mut Info::named("late"));
    let pid = std::process::id();
    watch.wait_for("call", |events| (calls(events, pid).count() == 2).then_some(()));
    assert_eq!(watch.events().len(), 2, "{:#?}", watch.events());
}

#[test]
fn a_hook_that_is_left_out_is_missing_and_does_not_run() {
    let mut watch = Watch::armed(&Config { without: vec![Hook::Ioctl], ..Config::default() });
    program::request(CREATE, &mut Info::named("x"));
    let states: Vec<_> = watch
        .coverage
        .iter()
        .filter(|told| told.hook == Hook::Ioctl)
        .map(|told| told.state.clone())
        .collect();
    assert_eq!(states, [HookState::Missing { reason: "left out by --without".to_owned() }]);
    assert_eq!(watch.probes.counters().unwrap().runs(Hook::Ioctl), 0);
    assert_eq!(calls(watch.events(), std::process::id()).count(), 0);
}

#[test]
fn every_hook_is_told_of_once_for_each_object() {
    let watch = Watch::attached(&Config { executables: vec![program::path()], ..Config::default() });
    let mut told: Vec<_> = watch.coverage.iter().map(|told| (told.hook, told.object.clone())).collect();
    told.sort();
    let count = told.len();
    told.dedup();
    assert_eq!(told.len(), count);
    for hook in Hook::ALL {
        assert!(told.iter().any(|(known, _)| *known == hook), "{hook:?}");
    }
}

/// By what the kernel says is attached, and by its own count of the programs' runs.
#[test]
fn system_calls_are_observed_while_kni_is_used_and_cost_nothing_before_and_after() {
    let stats = enable_stats(Stats::RunTime).unwrap();
    let mut watch = Watch::armed(&Config { arm: Arm::Auto, ..Config::default() });
    assert_eq!(states(&watch.coverage), [(Hook::Open, HookState::Idle), (Hook::Ioctl, HookState::Idle)]);
    for round in 0..2 {
        let what = format!("round {round}");
        assert_attached(&[], &what);
        assert_eq!(runs_at_foreign_calls(&mut watch), 0, "{what}");

        let armed = armed(&mut watch);
        assert_eq!(states(&armed), [(Hook::Open, HookState::Live), (Hook::Ioctl, HookState::Live)]);
        assert_attached(&CALLS, &what);
        assert!(runs_at_foreign_calls(&mut watch) >= 2 * FOREIGN_CALLS, "{what}");
        assert_eq!(watch.probes.arm_calls(), [], "once is enough");

        let idle = watch.probes.idle_calls();
        assert_eq!(states(&idle), [(Hook::Open, HookState::Idle), (Hook::Ioctl, HookState::Idle)]);
        assert_eq!(watch.probes.idle_calls(), []);
        let patience = Patience::default();
        while runs_at_foreign_calls(&mut watch) > 0 {
            patience.check("detaching");
        }
    }
    let rows = watch.probes.rows().iter();
    let rows: Vec<_> = rows.filter(|row| row.hook == Hook::Ioctl).map(|row| row.state.clone()).collect();
    assert_eq!(rows, [HookState::Idle]);
    assert!(stats.as_raw_fd() >= 0);
}

#[test]
fn an_attempt_that_begins_when_calls_are_observed_again_is_seen_once() {
    let config = Config { arm: Arm::Auto, executables: vec![program::path()], ..Config::default() };
    let mut watch = Watch::armed(&config);
    for _ in 0..2 {
        armed(&mut watch);
        watch.probes.idle_calls();
    }
    armed(&mut watch);
    program::alloc("again");
    let pid = std::process::id();
    watch.wait_for("return", |events| (calls(events, pid).count() >= 2).then_some(()));
    assert_eq!(calls(watch.events(), pid).count(), 2);
}

#[test]
fn never_leaves_system_calls_alone_and_says_so() {
    let mut watch = Watch::armed(&Config { arm: Arm::Never, ..Config::default() });
    let missing = HookState::Missing { reason: "left out by --arm never".to_owned() };
    assert_eq!(states(&watch.coverage), [(Hook::Open, missing.clone()), (Hook::Ioctl, missing)]);
    assert_eq!((watch.probes.arm_calls(), watch.probes.idle_calls()), (Vec::new(), Vec::new()));
    assert_attached(&[], "never");
}

#[test]
fn always_observes_them_from_the_start_to_the_end() {
    let mut watch = Watch::armed(&Config { arm: Arm::Always, ..Config::default() });
    assert_attached(&CALLS, "at first");
    assert_eq!((watch.probes.arm_calls(), watch.probes.idle_calls()), (Vec::new(), Vec::new()));
    assert_attached(&CALLS, "always");
}

const FOREIGN_CALLS: u64 = 1000;

/// How often the programs at `ioctl` run while nobody does anything but foreign ones; those of others, who share the
/// machine, among them.
fn runs_at_foreign_calls(watch: &mut Watch) -> u64 {
    let before = watch.probes.kernel_runs(Hook::Ioctl).unwrap();
    for _ in 0..FOREIGN_CALLS {
        program::request(FOREIGN, &mut Info::named("x"));
    }
    watch.probes.kernel_runs(Hook::Ioctl).unwrap() - before
}

/// Calls are observed from here on, as soon as what was attached before is let go of.
fn armed(watch: &mut Watch) -> Vec<Coverage> {
    let patience = Patience::default();
    loop {
        let armed = watch.probes.arm_calls();
        if !armed.is_empty() {
            return armed;
        }
        patience.check("attachment");
    }
}

/// The tracepoints of system calls among those that there are attachments to.
fn assert_attached(expected: &[&str], what: &str) {
    if let Some(names) = attached::tracepoints() {
        let calls: Vec<_> = names.iter().filter(|name| CALLS.contains(&name.as_str())).collect();
        assert_eq!(calls, expected, "{what}");
    }
}

/// What was told of the system calls' hooks.
fn states(coverage: &[Coverage]) -> Vec<(Hook, HookState)> {
    let calls = coverage.iter().filter(|told| matches!(told.hook, Hook::Ioctl | Hook::Open));
    calls.map(|told| (told.hook, told.state.clone())).collect()
}
