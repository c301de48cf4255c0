use std::collections::BTreeMap;
use std::path::PathBuf;

use kni_ebpf::hook::Hook;

use super::{Decision, Host, Object, Place, Planned, Usable, plan};
use crate::event::HookState;
use crate::host::elf::{Elf, Site};
use crate::probe::spec::{self, SPECS};
use crate::probe::{Arm, Config};

fn planned(hook: Hook, host: &Host, config: &Config) -> Vec<Planned> {
    plan(spec::of(hook), host, config)
}

/// The one decision for a hook that is not a library's.
fn decision(hook: Hook, host: &Host) -> Decision {
    let [planned] = planned(hook, host, &Config::default()).try_into().unwrap();
    assert_eq!(planned.object, None);
    planned.decision
}

/// Each way as its symbols and its programs, in order.
fn ways(decision: Decision) -> Vec<(String, Vec<&'static str>)> {
    let Decision::Attach(ways) = decision else { panic!("{decision:?}") };
    ways.into_iter()
        .map(|way| (way.via, way.parts.iter().flat_map(|part| part.programs.clone()).collect()))
        .collect()
}

fn missing(reason: &str) -> HookState {
    HookState::Missing { reason: reason.to_owned() }
}

fn with_module(functions: Option<&[&str]>) -> Host {
    Host {
        module_loaded: true,
        module_functions: functions.map(|names| names.iter().map(|name| (*name).to_owned()).collect()),
        ..Host::default()
    }
}

fn object(path: &str, sites: &[(&str, u64)]) -> Object {
    let site = |(symbol, offset): &(&str, u64)| Site { symbol: (*symbol).to_owned(), offset: *offset };
    let elf = Elf { sites: sites.iter().map(site).collect(), ..Elf::default() };
    Object { name: PathBuf::from(path), path: PathBuf::from(path), elf }
}

#[test]
fn the_handler_is_had_by_its_name_its_variants_or_its_dispatcher_in_this_order() {
    let exact = ("kni_ioctl_create", ["handler_exit", "handler_enter"]);
    let isra = ("kni_ioctl_create.isra.0", ["handler_exit", "handler_enter"]);
    let by_request = ("kni_ioctl", ["handler_by_request_exit", "handler_by_request_enter"]);
    for (functions, expected) in [
        // Not looked at yet: what comes later is for when it is known not to be there.
        (None, vec![exact]),
        (Some(&["kni_ioctl_create", "kni_ioctl_create.cold", "kni_ioctl"][..]), vec![exact, by_request]),
        (Some(&["kni_ioctl_create.isra.0", "kni_ioctl"][..]), vec![isra, by_request]),
        (Some(&["kni_ioctl_create.cold", "kni_ioctl"][..]), vec![by_request]),
    ] {
        let found = ways(decision(Hook::Handler, &with_module(functions)));
        let expected: Vec<_> =
            expected.into_iter().map(|(via, programs)| (via.to_owned(), programs.to_vec())).collect();
        assert_eq!(found, expected, "{functions:?}");
    }
}

#[test]
fn the_address_of_a_function_of_the_module_goes_with_it() {
    let addresses = [("kni_ioctl_create", 0xffff_ffff_c0a5_1010), ("register_netdev", 0xffff_ffff_c0a5_2000)];
    let addresses = addresses.map(|(name, address)| (name.to_owned(), address));
    let host = Host { module_addresses: BTreeMap::from(addresses), ..with_module(None) };
    for (hook, expected) in [
        (Hook::Handler, Some(0xffff_ffff_c0a5_1010)),
        (Hook::Dispatcher, None),
        // The kernel's own, whatever the module calls one of its functions.
        (Hook::RegisterNetdev, None),
    ] {
        let Decision::Attach(ways) = decision(hook, &host) else { panic!("{hook:?}") };
        for part in ways.iter().flat_map(|way| &way.parts) {
            let Place::Kernel { address, .. } = part.place else { panic!("{part:?}") };
            assert_eq!(address, expected, "{hook:?}");
        }
    }
}

#[test]
fn a_module_without_the_function_has_it_missing() {
    let decision = decision(Hook::CompatDispatcher, &with_module(Some(&["kni_ioctl"])));
    let state = missing("the module has no such function");
    assert_eq!(decision, Decision::Not { via: "kni_compat_ioctl".to_owned(), state });
}

#[test]
fn hooks_wait_for_the_module_and_for_the_library() {
    for hook in [Hook::Handler, Hook::DeviceOpen, Hook::LibraryAlloc, Hook::MemzoneLookup] {
        let Decision::Not { state, .. } = decision(hook, &Host::default()) else { panic!("{hook:?}") };
        assert_eq!(state, HookState::Waiting, "{hook:?}");
    }
    // The net core is there without the module.
    assert_eq!(ways(decision(Hook::RegisterNetdev, &Host::default())).len(), 1);
}

#[test]
fn without_tracefs_functions_are_still_probed() {
    let host = Host { tracefs: Usable::No("no tracefs".to_owned()), ..with_module(None) };
    for hook in [Hook::Ioctl, Hook::Open, Hook::Fork, Hook::Exec, Hook::Exit, Hook::ModuleLoad] {
        let Decision::Not { state, .. } = decision(hook, &host) else { panic!("{hook:?}") };
        assert_eq!(state, missing("no tracefs"), "{hook:?}");
    }
    for hook in [Hook::Handler, Hook::Dispatcher, Hook::AllocNetdev, Hook::RegisterNetdev] {
        assert!(!ways(decision(hook, &host)).is_empty(), "{hook:?}");
    }
}

#[test]
fn what_the_kernel_cannot_do_is_missing_and_not_waited_for() {
    let no = |reason: &str| Usable::No(reason.to_owned());
    let host = Host {
        tracefs: no("no tracefs"),
        kprobes: no("no kprobes"),
        uprobes: no("no uprobes"),
        ..Host::default()
    };
    for (hook, reason) in [
        (Hook::Ioctl, "no tracefs"),
        (Hook::ModuleLoad, "no tracefs"),
        (Hook::Handler, "no kprobes"),
        (Hook::AllocNetdev, "no kprobes"),
        (Hook::LibraryAlloc, "no uprobes"),
    ] {
        let Decision::Not { state, .. } = decision(hook, &host) else { panic!("{hook:?}") };
        assert_eq!(state, missing(reason), "{hook:?}");
    }
}

#[test]
fn what_is_left_out_on_request_is_missing_whatever_else_there_is() {
    for hook in Hook::ALL {
        let config = Config { without: vec![hook], ..Config::default() };
        let [planned] = planned(hook, &with_module(None), &config).try_into().unwrap();
        let Decision::Not { state, .. } = planned.decision else { panic!("{hook:?}") };
        assert_eq!(state, missing("left out by --without"));
    }
}

#[test]
fn each_library_is_attached_to_where_it_has_the_functions() {
    let eal = |offset| ("rte_memzone_reserve", offset);
    let host = Host {
        objects: vec![
            object("/a/librte_eal.so.21", &[eal(0x10), ("rte_memzone_reserve_aligned", 0x20)]),
            object("/b/app", &[("rte_kni_alloc", 0x30), eal(0x40)]),
            object("/c/librte_kni.so", &[("rte_kni_alloc", 0x50)]),
        ],
        ..Host::default()
    };
    let found = planned(Hook::MemzoneReserve, &host, &Config::default());
    let places: Vec<_> = found
        .iter()
        .map(|planned| {
            let Decision::Attach(ways) = &planned.decision else { panic!("{planned:?}") };
            let [way] = ways.as_slice() else { panic!("{ways:?}") };
            let offsets = way.parts.iter().map(|part| match &part.place {
                Place::File { path, offset } => {
                    assert_eq!(Some(path), planned.object.as_ref());
                    *offset
                }
                other => panic!("{other:?}"),
            });
            (way.via.as_str(), offsets.collect::<Vec<_>>())
        })
        .collect();
    // Each place twice: the return and the entry.
    assert_eq!(
        places,
        [
            ("rte_memzone_reserve, rte_memzone_reserve_aligned", vec![0x10, 0x10, 0x20, 0x20]),
            ("rte_memzone_reserve", vec![0x40, 0x40]),
        ]
    );
}

#[test]
fn a_stripped_object_lacks_all_hooks_and_others_are_waited_for() {
    let stripped = object("/opt/app", &[]);
    let host = Host { objects: vec![stripped.clone()], ..Host::default() };
    for hook in [Hook::LibraryAlloc, Hook::MemzoneReserve] {
        let [missing, waiting] = planned(hook, &host, &Config::default()).try_into().unwrap();
        assert_eq!(missing.object.as_deref(), Some(stripped.path.as_path()));
        let Decision::Not { state: HookState::Missing { reason }, .. } = missing.decision else { panic!() };
        assert!(reason.starts_with("stripped: "), "{reason}");
        assert!(matches!(waiting.decision, Decision::Not { state: HookState::Waiting, .. }));
        assert_eq!(waiting.object, None);
    }
    let named = object("/lib/librte_kni.so", &[("rte_kni_alloc", 0x10)]);
    let host = Host { objects: vec![stripped, named], ..Host::default() };
    let found = planned(Hook::LibraryAlloc, &host, &Config::default());
    assert!(matches!(
        found.as_slice(),
        [Planned { decision: Decision::Not { .. }, .. }, Planned { decision: Decision::Attach(_), .. }]
    ));
}

#[test]
fn a_function_with_two_names_is_probed_once() {
    let twice = object("/a", &[("rte_memzone_reserve", 8), ("rte_memzone_reserve_bounded", 8)]);
    let host = Host { objects: vec![twice], ..Host::default() };
    let [planned] = planned(Hook::MemzoneReserve, &host, &Config::default()).try_into().unwrap();
    assert_eq!(ways(planned.decision).first().map(|(_, programs)| programs.len()), Some(2));
}

#[test]
fn every_hook_is_planned_for() {
    let planned = plan(SPECS, &Host::default(), &Config::default());
    assert_eq!(planned.iter().map(|planned| planned.hook).collect::<Vec<_>>(), Hook::ALL);
}

#[test]
fn system_calls_are_observed_when_it_is_asked_for() {
    let decide = |arm, kni_used, hook| {
        let host = Host { kni_used, ..with_module(None) };
        let [planned] = planned(hook, &host, &Config { arm, ..Config::default() }).try_into().unwrap();
        planned.decision
    };
    for hook in [Hook::Ioctl, Hook::Open] {
        assert!(matches!(decide(Arm::Always, false, hook), Decision::Attach(_)), "{hook:?}");
        assert!(matches!(decide(Arm::Auto, true, hook), Decision::Attach(_)), "{hook:?}");
        assert!(matches!(decide(Arm::Auto, false, hook), Decision::Prepare(_)), "{hook:?}");
        for kni_used in [false, true] {
            let Decision::Not { state, .. } = decide(Arm::Never, kni_used, hook) else { panic!("{hook:?}") };
            assert_eq!(state, missing("left out by --arm never"));
        }
    }
    // What costs nobody anything until it is hit is attached whatever is asked for.
    for hook in Hook::ALL.into_iter().filter(|hook| !matches!(hook, Hook::Ioctl | Hook::Open)) {
        assert_eq!(decide(Arm::Never, false, hook), decide(Arm::Always, false, hook), "{hook:?}");
    }
}

#[test]
fn what_is_left_out_is_not_made_ready_either() {
    let config = Config { without: vec![Hook::Ioctl], arm: Arm::Auto, ..Config::default() };
    let [planned] = planned(Hook::Ioctl, &Host::default(), &config).try_into().unwrap();
    assert!(matches!(planned.decision, Decision::Not { .. }));
}
