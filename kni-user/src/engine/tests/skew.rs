//! Library and module of different releases: every pair of layouts.

use kni_ebpf::hook::Hook;

use super::{CREATED, Short, short, stopped, without_each};
use crate::cause::Cause;
use crate::report::Boundary::Module;
use crate::report::{Attempt, Outcome};
use crate::testing::structs::{LAYOUTS, Struct, shown};
use crate::testing::{SOME, Stream, Who, process};

const APP: Who = process(100);
const DOOMED_BY_LAYOUT: Short = (Outcome::CreatedDoomed, None, Some(Cause::ModLayoutSkew));
const DOOMED_BY_ADDRESS: Short = (Outcome::CreatedDoomed, None, Some(Cause::ModBadAddress));

fn cmd_of(info: &[u8]) -> u32 {
    0xc000_0002 | u32::try_from(info.len()).unwrap() << 16
}

/// A request that is granted; the interface has that MTU.
fn grant(stream: &mut Stream, info: &[u8], mtu: Option<u32>) {
    let cmd = u64::from(cmd_of(info));
    stream.call_with(APP, (5, cmd_of(info)), info);
    stream.enter(APP, Hook::Dispatcher, [SOME, cmd, SOME], "");
    stream.enter(APP, Hook::Handler, [0, cmd, SOME], "");
    stream.log("rte_kni: Creating kni...");
    stream.pass(APP, Hook::AllocNetdev, 0x1000, [0; 3], "vEth0");
    stream.pass(APP, Hook::RegisterNetdev, 0, [SOME, 7, 0], "vEth0");
    stream.interface_with(APP.pid, "vEth0", 7, mtu);
    leave(stream, info, 0);
}

/// A request that the module's own checks refuse.
fn refuse(stream: &mut Stream, info: &[u8], line: Option<&str>) {
    let cmd = u64::from(cmd_of(info));
    stream.call_with(APP, (5, cmd_of(info)), info);
    stream.enter(APP, Hook::Dispatcher, [SOME, cmd, SOME], "");
    stream.enter(APP, Hook::Handler, [0, cmd, SOME], "");
    stream.log("rte_kni: Creating kni...");
    if let Some(line) = line {
        stream.log(line);
    }
    leave(stream, info, -22);
}

fn leave(stream: &mut Stream, info: &[u8], value: i64) {
    let cmd = u64::from(cmd_of(info));
    stream.leave(APP, Hook::Handler, value, [0, cmd, SOME]);
    stream.leave(APP, Hook::Dispatcher, value, [SOME, cmd, SOME]);
    stream.answer(APP, 5, cmd_of(info), value);
}

fn field(attempt: &Attempt, name: &str) -> Option<u64> {
    let fields = &attempt.skew.as_ref()?.fields;
    fields.iter().find(|field| field.name == name).map(|field| field.value)
}

fn granted(module: Option<char>, info: &[u8], mtu: Option<u32>) -> Attempt {
    let mut stream = Stream::watch();
    stream.process(APP.pid, 1);
    stream.module(module.map(shown));
    grant(&mut stream, info, mtu);
    stream.end().attempt().clone()
}

#[test]
fn every_pair_of_layouts_comes_to_what_the_module_makes_of_it() {
    let device = Some((0x8086, 0x10d3));
    for library in LAYOUTS {
        for module in LAYOUTS {
            let info = Struct { device, ..Struct::of("vEth0") }.in_layout(library);
            let what = format!("{library} on {module}");
            let (module_bytes, _) = shown(module);
            let mut stream = Stream::watch();
            stream.process(APP.pid, 1);
            stream.module(Some(shown(module)));
            let fits = info.len() <= usize::try_from(module_bytes).unwrap();
            let told = match (fits, library == module) {
                (false, _) => {
                    refuse(&mut stream, &info, None);
                    stopped(Module, Cause::ModSizeSkew)
                }
                (true, same) => {
                    grant(&mut stream, &info, None);
                    if same { CREATED } else { DOOMED_BY_LAYOUT }
                }
            };
            let answer = stream.end();
            let attempt = answer.attempt();
            assert_eq!(short(attempt), told, "{what}");
            let Some(skew) = &attempt.skew else {
                assert_eq!(library, module, "{what}");
                continue;
            };
            assert_eq!((skew.library, skew.module), (Some(library), Some(module)), "{what}");
            assert_eq!(usize::try_from(skew.library_bytes).unwrap(), info.len(), "{what}");
            assert_eq!(skew.module_bytes, Some(module_bytes), "{what}");
            assert!(!skew.evidence.is_empty(), "{what}");
            assert_eq!(skew.fields.is_empty(), !fits || (library, module) == ('A', 'B'), "{what}: {skew:?}");
        }
    }
}

/// T39.
#[test]
fn layout_a_on_a_module_of_layout_d_is_doomed_and_the_pci_ids_are_its_mtu() {
    let info = Struct { device: Some((0x8086, 0x10d3)), ..Struct::of("vEth0") }.in_layout('A');
    for (module, mtu, told) in [
        (Some('D'), None, DOOMED_BY_LAYOUT),
        // The module shows nothing of itself, but the interface does.
        (None, Some(282_296_454), DOOMED_BY_LAYOUT),
        (None, Some(1500), CREATED),
        (None, None, CREATED),
        (Some('A'), Some(1500), CREATED),
    ] {
        let attempt = granted(module, &info, mtu);
        assert_eq!(short(&attempt), told, "{module:?} {mtu:?}");
        let doomed = told == DOOMED_BY_LAYOUT;
        assert_eq!(field(&attempt, "mtu"), doomed.then_some(282_296_454), "{module:?} {mtu:?}");
        assert_eq!(attempt.skew.map(|skew| skew.module), doomed.then_some(Some('D')), "{module:?} {mtu:?}");
    }
}

/// T52: what the module takes for a CPU and for whether to bind to it is the MAC address that the library gave.
#[test]
fn layout_d_on_a_module_of_layout_a_depends_on_the_mac_and_is_never_right() {
    let info = |last| Struct { mac: [2, 0, 0, 0, last, 0], ..Struct::of("vEth0") }.in_layout('D');
    for module in [Some('A'), None] {
        let attempt = granted(module, &info(0), None);
        let told = if module.is_some() { DOOMED_BY_LAYOUT } else { CREATED };
        assert_eq!(short(&attempt), told, "{module:?}: even");
        assert_eq!(field(&attempt, "core_id"), module.map(|_| 2), "{module:?}: even");

        let mut stream = Stream::watch();
        stream.process(APP.pid, 1);
        stream.module(module.map(shown));
        refuse(&mut stream, &info(1), Some("rte_kni: cpu 2 is not online"));
        let answer = stream.end();
        let attempt = answer.attempt();
        // The CPU that it names is none that the library named, whatever is known of the module.
        assert_eq!(short(attempt), stopped(Module, Cause::ModLayoutSkew), "{module:?}: odd");
        assert_eq!(attempt.subject, Some("cpu 2".into()));
        assert_eq!((field(attempt, "core_id"), field(attempt, "force_bind")), (Some(2), Some(1)));
        let skew = attempt.skew.as_ref().unwrap();
        assert_eq!((skew.library, skew.module), (Some('D'), module), "{module:?}: odd");
    }
}

#[test]
fn what_a_module_granted_before_shows_what_it_takes() {
    let [small, middle, large] = ['D', 'C', 'B'].map(|layout| Struct::of("vEth0").in_layout(layout));
    for (before, info, told) in [
        // It takes 152 bytes: of 144 it said no for another reason, which is not known.
        (&large, &middle, stopped(Module, None)),
        (&middle, &large, stopped(Module, Cause::ModSizeSkew)),
        (&small, &large, stopped(Module, Cause::ModSizeSkew)),
    ] {
        let mut stream = Stream::watch();
        stream.process(APP.pid, 1);
        grant(&mut stream, before, None);
        refuse(&mut stream, info, None);
        let answer = stream.end();
        assert_eq!(short(answer.attempts()[1]), told, "{} after {}", info.len(), before.len());
    }
    // Only layout B has so many bytes, and it took layout D for its own.
    let mut stream = Stream::watch();
    stream.process(APP.pid, 1);
    grant(&mut stream, &large, None);
    grant(&mut stream, &small, None);
    assert_eq!(short(stream.end().attempts()[1]), DOOMED_BY_LAYOUT);
}

#[test]
fn what_is_known_of_a_module_ends_with_it() {
    let large = Struct::of("vEth0").in_layout('B');
    let refused = |end: &dyn Fn(&mut Stream)| {
        let mut stream = Stream::watch();
        stream.process(APP.pid, 1);
        stream.module(Some(shown('D')));
        end(&mut stream);
        let cmd = u64::from(cmd_of(&large));
        stream.call_with(APP, (5, cmd_of(&large)), &large);
        stream.enter(APP, Hook::Handler, [0, cmd, SOME], "");
        stream.leave(APP, Hook::Handler, -22, [0, cmd, SOME]);
        stream.answer(APP, 5, cmd_of(&large), -22);
        short(stream.end().attempt())
    };
    let known = stopped(Module, Cause::ModSizeSkew);
    let unknown = stopped(Module, None);
    assert_eq!(refused(&|_| {}), known);
    assert_eq!(refused(&|stream| stream.note(process(1), Hook::ModuleFree, [0; 3], "rte_kni")), unknown);
    assert_eq!(refused(&|stream| stream.note(process(1), Hook::ModuleLoad, [0; 3], "rte_kni")), unknown);
    assert_eq!(refused(&|stream| stream.lost(1)), unknown, "it may have gone unseen");
}

#[test]
fn a_module_that_was_not_heard_to_the_end_is_not_guilty_by_exclusion() {
    let large = Struct::of("vEth0").in_layout('B');
    let endless = Struct::of("vEth0_0123456789vEth0_0123456789").in_layout('B');
    for (what, info, line, cause) in [
        ("nothing is said", &large, None, Some(Cause::ModSizeSkew)),
        ("of another name", &large, Some("rte_kni: KNI name vEth1 duplicated"), None),
        // What it says of the name is shown later.
        ("the name does not end", &endless, None, None),
    ] {
        let mut stream = Stream::watch();
        stream.process(APP.pid, 1);
        refuse(&mut stream, info, line);
        assert_eq!(short(stream.end().attempt()), stopped(Module, cause), "{what}");
    }
}

#[test]
fn addresses_that_can_t_be_meant_doom_an_interface() {
    let high = 0x0011_80ac_bd80;
    let kernel = 0xffff_8880_0000_1000;
    for (what, addresses, is_virtual, memory_end, told) in [
        ("physical", [0x1000; 7], false, Some(0x2000_0000), CREATED),
        ("virtual ones as physical", [high; 7], false, Some(0x2000_0000), DOOMED_BY_ADDRESS),
        ("where memory ends is not known", [high; 7], false, None, CREATED),
        ("virtual", [high; 7], true, Some(0x2000_0000), CREATED),
        ("the kernel's", [kernel; 7], true, Some(0x2000_0000), DOOMED_BY_ADDRESS),
        ("none", [0; 7], false, None, DOOMED_BY_ADDRESS),
        ("no virtual ones", [0; 7], true, None, DOOMED_BY_ADDRESS),
    ] {
        for module in [Some('D'), None] {
            let mut stream = Stream::watch();
            if let Some(end) = memory_end {
                stream.memory_ends(end);
            }
            stream.process(APP.pid, 1);
            stream.module(module.map(shown));
            let info = Struct { addresses, is_virtual, ..Struct::of("vEth0") }.in_layout('D');
            grant(&mut stream, &info, None);
            let answer = stream.end();
            let attempt = answer.attempt();
            if addresses == [0; 7] && is_virtual && module.is_none() {
                // Whether the byte that says so is one is not known; the addresses are none either way.
                assert_eq!(attempt.outcome, Outcome::CreatedDoomed, "{what}");
                continue;
            }
            assert_eq!(short(attempt), told, "{what} {module:?}");
            let doomed = told == DOOMED_BY_ADDRESS;
            assert_eq!(field(attempt, "tx_phys"), doomed.then_some(addresses[0]), "{what} {module:?}");
        }
    }
}

/// Where a record of it is lost, it is not called created.
#[test]
fn no_lost_record_hides_that_an_interface_is_doomed() {
    for (info, module) in [
        (Struct { device: Some((0x8086, 0x10d3)), ..Struct::of("vEth0") }.in_layout('A'), Some('D')),
        (Struct { addresses: [0; 7], ..Struct::of("vEth0") }.in_layout('D'), None),
    ] {
        let mut stream = Stream::watch();
        stream.process(APP.pid, 1);
        stream.module(module.map(shown));
        let first = stream.events.len();
        grant(&mut stream, &info, None);
        for (record, answer) in without_each(&stream, first) {
            for attempt in answer.attempts() {
                assert_ne!(short(attempt), CREATED, "without {record:?}");
            }
        }
    }
}

/// Whatever could not be read of the struct proves nothing.
#[test]
fn a_struct_that_could_not_be_read_dooms_nothing() {
    for info in [&b""[..], b"vEth0\0"] {
        let mut stream = Stream::watch();
        stream.process(APP.pid, 1);
        stream.module(Some(shown('D')));
        let cmd = 0xc088_0002;
        stream.call_with(APP, (5, cmd), info);
        stream.enter(APP, Hook::Handler, [0, u64::from(cmd), SOME], "");
        stream.pass(APP, Hook::RegisterNetdev, 0, [SOME, 7, 0], "vEth0");
        stream.leave(APP, Hook::Handler, 0, [0, u64::from(cmd), SOME]);
        stream.answer(APP, 5, cmd, 0);
        assert_eq!(short(stream.end().attempt()), CREATED);
    }
}
