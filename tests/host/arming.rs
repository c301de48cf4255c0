//! Nothing is recorded before the hooks are armed.

use kni_ebpf::counter::Outcome;
use kni_ebpf::hook::Hook;
use kni_user::event::HookState;
use kni_user::probe::Config;

use crate::program::{self, CREATE, Info};
use crate::watch::{Watch, calls};

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
