//! What becomes of interfaces: released, refused to be, changed by others.

use kni_ebpf::hook::Hook;

use super::CREATED;
use super::short;
use crate::event::{Holder, Link, LinkState, Moved, What};
use crate::report::{Change, Changed, Released, ReleasedHow, Told};
use crate::testing::{Answer, CREATE, Kernel, RELEASE, SOME, Stream, Who, process};

pub(super) const APP: Who = process(100);
/// The network namespace of every process of these streams, and another.
const HERE: u64 = 4_026_531_840;
const THERE: u64 = 4_026_532_000;
/// As the streams register every interface.
pub(super) const INDEX: u32 = 7;

pub(super) const DOWN: LinkState = LinkState { up: false, carrier: false };
pub(super) const UP: LinkState = LinkState { up: true, carrier: true };
const NO_CARRIER: LinkState = LinkState { up: true, carrier: false };

pub(super) fn link(name: &str, state: impl Into<Option<LinkState>>) -> Link {
    let (name, state) = (name.into(), state.into());
    Link { netns: HERE, ifindex: INDEX, name, mtu: Some(1500), state, moved: None, owner: None }
}

pub(super) fn tells(stream: &mut Stream, link: Link) {
    stream.push(What::Link(link));
}

/// An interface of APP's that rtnetlink tells of.
pub(super) fn created(name: &str) -> Stream {
    let mut stream = Stream::watch();
    stream.process(APP.pid, 1);
    stream.request(APP, name, Kernel::Creates);
    tells(&mut stream, link(name, DOWN));
    stream
}

fn changed(answer: &Answer) -> Vec<&Changed> {
    let mut changed = Vec::new();
    for report in &answer.reports {
        if let Told::Changed(told) = &report.what {
            changed.push(told);
        }
    }
    changed
}

pub(super) fn changes(stream: Stream) -> Vec<Change> {
    changed(&stream.end()).into_iter().map(|changed| changed.what.clone()).collect()
}

fn released(stream: &Stream) -> Vec<Released> {
    stream.clone().end().released().into_iter().cloned().collect()
}

pub(super) fn how(stream: &Stream) -> Vec<ReleasedHow> {
    released(stream).iter().map(|released| released.how).collect()
}

pub(super) fn closes(stream: &mut Stream, who: Who) {
    stream.enter(who, Hook::DeviceRelease, [1, SOME, HERE], "");
}

pub(super) fn closed(stream: &mut Stream, who: Who) {
    stream.leave(who, Hook::DeviceRelease, 0, [1, SOME, HERE]);
}

/// Time passes, `seconds` of it.
pub(super) fn later(stream: &mut Stream, seconds: u64) {
    stream.now += seconds * 1_000_000_000;
    stream.push(What::Tick);
}

#[test]
fn what_others_do_to_an_interface_is_told() {
    let cases: [(&str, &[LinkState], &[Change]); 6] = [
        ("up with a carrier", &[UP], &[Change::Up { carrier: true }]),
        ("up without one", &[NO_CARRIER], &[Change::Up { carrier: false }]),
        ("up and down", &[UP, DOWN], &[Change::Up { carrier: true }, Change::Down]),
        (
            "the carrier comes and goes",
            &[NO_CARRIER, UP, NO_CARRIER],
            &[Change::Up { carrier: false }, Change::Carrier { on: true }, Change::Carrier { on: false }],
        ),
        ("the carrier of one that is down", &[LinkState { up: false, carrier: true }, DOWN], &[]),
        ("the same again", &[DOWN, DOWN], &[]),
    ];
    for (what, states, expected) in cases {
        let mut stream = created("vEth0");
        for state in states {
            tells(&mut stream, link("vEth0", *state));
        }
        assert_eq!(changes(stream), expected, "{what}");
    }
}

#[test]
fn a_change_says_of_what_and_whose() {
    let mut stream = created("vEth0");
    tells(&mut stream, link("kni0", DOWN));
    tells(&mut stream, link("kni0", UP));
    let answer = stream.end();
    let [renamed, up] = changed(&answer)[..] else { panic!("{answer:?}") };
    let owner = Some(Holder { pid: 100, comm: "app".into() });
    assert_eq!(renamed.what, Change::Renamed { to: "kni0".into() });
    let shown = |change: &Changed| (change.name.clone(), change.ifindex, change.netns, change.owner.clone());
    assert_eq!(shown(renamed), ("vEth0".into(), Some(7), Some(HERE), owner.clone()));
    assert_eq!(shown(up), ("kni0".into(), Some(7), Some(HERE), owner));
}

#[test]
fn what_rtnetlink_tells_before_the_request_returns_is_of_that_interface() {
    let mut stream = Stream::watch();
    stream.process(APP.pid, 1);
    tells(&mut stream, link("vEth0", DOWN));
    stream.request(APP, "vEth0", Kernel::Creates);
    tells(&mut stream, link("vEth0", UP));
    let answer = stream.clone().end();
    assert_eq!(short(answer.attempt()), CREATED);
    assert_eq!(changed(&answer)[0].owner, Some(Holder { pid: 100, comm: "app".into() }));
    stream.release(APP, "vEth0", 0);
    assert!(released(&stream).is_empty(), "it is still there");
}

#[test]
fn an_interface_that_moves_is_followed_where_it_goes() {
    let mut stream = created("vEth0");
    let moved = Some(Moved { netns: Some(THERE), ifindex: Some(3) });
    // There, it may be told of first.
    let there = |state: Option<LinkState>| Link { netns: THERE, ifindex: 3, ..link("vEth0", state) };
    tells(&mut stream, there(Some(DOWN)));
    tells(&mut stream, Link { moved, ..link("vEth0", None) });
    tells(&mut stream, there(Some(UP)));
    assert_eq!(
        changes(stream.clone()),
        [Change::Moved { to_netns: Some(THERE) }, Change::Up { carrier: true }]
    );
    closes(&mut stream, APP);
    tells(&mut stream, there(None));
    closed(&mut stream, APP);
    assert_eq!(how(&stream), [ReleasedHow::Close], "the module removes it wherever it is");
}

#[test]
fn an_interface_that_went_where_nobody_looks_is_released_with_the_device() {
    let mut stream = created("vEth0");
    tells(&mut stream, Link { moved: Some(Moved::default()), ..link("vEth0", None) });
    closes(&mut stream, APP);
    assert!(how(&stream).is_empty());
    closed(&mut stream, APP);
    assert_eq!(how(&stream), [ReleasedHow::Close]);
    assert_eq!(changes(stream), [Change::Moved { to_netns: None }]);
}

#[test]
fn a_release_is_told_with_how_and_how_long_it_took() {
    type Do = fn(&mut Stream);
    let by_request: Do = |stream| {
        stream.call(APP, 5, RELEASE, "vEth0");
        stream.now += 3_270_000_000;
        tells(stream, link("vEth0", None));
        stream.answer(APP, 5, RELEASE, 0);
    };
    let by_close: Do = |stream| {
        closes(stream, APP);
        stream.now += 3_270_000_000;
        tells(stream, link("vEth0", None));
        closed(stream, APP);
    };
    let by_death: Do = |stream| {
        stream.ends(APP, 9);
        closes(stream, APP);
        stream.now += 3_270_000_000;
        tells(stream, link("vEth0", None));
        closed(stream, APP);
    };
    let cases = [
        ("request", by_request, ReleasedHow::Request),
        ("close", by_close, ReleasedHow::Close),
        ("death", by_death, ReleasedHow::Death),
    ];
    for (what, act, expected) in cases {
        let mut stream = created("vEth0");
        act(&mut stream);
        let all = released(&stream);
        assert_eq!(all.len(), 1, "{what}");
        assert_eq!(all[0].how, expected);
        assert_eq!(all[0].took_ns.map(|took| took / 10_000_000), Some(327), "{what}");
        assert!(all[0].lived_ns > all[0].took_ns);
    }
}

#[test]
fn what_stays_is_not_told_as_released() {
    // The process was killed in the mode of virtual addresses: kni_release oopses before it comes to the interface.
    let mut oops = created("vEth0");
    oops.ends(APP, 9);
    closes(&mut oops, APP);
    later(&mut oops, 60);
    assert!(how(&oops).is_empty());
    // Nothing tells of the closing, but rtnetlink of the interface.
    let mut unseen = Stream::without(&[Hook::DeviceRelease]);
    unseen.process(APP.pid, 1);
    unseen.request(APP, "vEth0", Kernel::Creates);
    tells(&mut unseen, link("vEth0", DOWN));
    unseen.ends(APP, 9);
    later(&mut unseen, 60);
    assert!(how(&unseen).is_empty());
    tells(&mut unseen, link("vEth0", None));
    assert_eq!(how(&unseen), [ReleasedHow::Death]);
    // Up to 19.05 the module grants the release of a name that it has not, and of one that has gone by another since.
    let mut granted = created("vEth0");
    tells(&mut granted, link("kni0", DOWN));
    granted.release(APP, "kni0", 0);
    granted.release(APP, "other", 0);
    later(&mut granted, 60);
    assert!(how(&granted).is_empty());
}

#[test]
fn an_interface_in_another_namespace_than_the_device_s_stays_when_that_is_closed() {
    let mut stream = Stream::watch();
    stream.process(APP.pid, 1);
    stream.request(APP, "vEth0", Kernel::Creates);
    stream.enter(APP, Hook::DeviceRelease, [1, SOME, THERE], "");
    stream.leave(APP, Hook::DeviceRelease, 0, [1, SOME, THERE]);
    assert!(how(&stream).is_empty());
    stream.note(process(400), Hook::ModuleFree, [0; 3], "dummy");
    assert!(how(&stream).is_empty());
    stream.note(process(400), Hook::ModuleFree, [0; 3], "rte_kni");
    assert!(how(&stream).is_empty());
    assert_eq!(changes(stream), [Change::ModuleRemoved]);
}

#[test]
fn of_an_interface_that_rtnetlink_alone_knows_nothing_is_told_when_the_module_goes() {
    let mut stream = Stream::watch();
    tells(&mut stream, link("vEth0", DOWN));
    stream.note(process(400), Hook::ModuleFree, [0; 3], "rte_kni");
    assert!(changes(stream).is_empty(), "that it has gone may have been missed");
}

#[test]
fn the_device_is_its_opener_s_namespace_s_whichever_it_is_closed_from() {
    for (opened, stays) in [(THERE, true), (HERE, false)] {
        let mut stream = Stream::watch();
        stream.process(APP.pid, 1);
        stream.enter(APP, Hook::DeviceOpen, [1, SOME, opened], "");
        stream.leave(APP, Hook::DeviceOpen, 0, [1, SOME, opened]);
        stream.request(APP, "vEth0", Kernel::Creates);
        stream.enter(APP, Hook::DeviceRelease, [1, SOME, HERE], "");
        stream.leave(APP, Hook::DeviceRelease, 0, [1, SOME, HERE]);
        assert_eq!(how(&stream).is_empty(), stays, "{opened}");
    }
}

#[test]
fn what_goes_without_a_reason_that_was_seen_is_told_after_a_while() {
    let mut stream = created("vEth0");
    tells(&mut stream, link("vEth0", None));
    stream.push(What::Tick);
    assert!(how(&stream).is_empty(), "it may come");
    later(&mut stream, 2);
    assert_eq!(how(&stream), [ReleasedHow::Unseen]);
    // As long as somebody closes the device, it is that.
    let mut stream = created("vEth0");
    closes(&mut stream, APP);
    tells(&mut stream, link("vEth0", None));
    later(&mut stream, 600);
    closed(&mut stream, APP);
    assert_eq!(how(&stream), [ReleasedHow::Close]);
}

#[test]
fn an_interface_that_an_attempt_took_back_is_never_told_of() {
    let mut stream = Stream::watch();
    stream.process(APP.pid, 1);
    tells(&mut stream, link("vEth0", DOWN));
    tells(&mut stream, link("vEth0", None));
    stream.request(APP, "vEth0", Kernel::CannotStartThread);
    later(&mut stream, 60);
    assert!(how(&stream).is_empty() && changes(stream).is_empty());
}

#[test]
fn an_interface_that_was_there_before_is_told_of_with_its_owner() {
    let mut stream = Stream::watch();
    let owner = Some(Holder { pid: 100, comm: "app".into() });
    tells(&mut stream, Link { owner: owner.clone(), ..link("vEth0", DOWN) });
    tells(&mut stream, link("vEth0", NO_CARRIER));
    let answer = stream.clone().end();
    assert_eq!(changed(&answer)[0].owner, owner);
    stream.ends(APP, 9);
    closes(&mut stream, APP);
    tells(&mut stream, link("vEth0", None));
    closed(&mut stream, APP);
    let all = released(&stream);
    assert_eq!((all[0].how, all[0].lived_ns, all[0].pid), (ReleasedHow::Death, None, 100));
}

#[test]
fn what_removed_an_interface_is_not_told_where_a_request_would_not_have_been_seen() {
    let owner = Some(Holder { pid: 100, comm: "app".into() });
    for was_there in [false, true] {
        let mut stream = Stream::without(&[Hook::Ioctl]);
        stream.process(APP.pid, 1);
        if !was_there {
            stream.request(APP, "vEth0", Kernel::Creates);
        }
        tells(&mut stream, Link { owner: owner.clone(), ..link("vEth0", DOWN) });
        tells(&mut stream, link("vEth0", None));
        closes(&mut stream, APP);
        closed(&mut stream, APP);
        assert_eq!(how(&stream), [ReleasedHow::Unseen], "{was_there}");
    }
}

#[test]
fn a_refused_release_is_told_if_it_is_of_something_that_lives() {
    let mut stream = created("vEth0");
    tells(&mut stream, link("kni0", DOWN));
    // By the name that it has now, which the module doesn't know.
    stream.release(APP, "kni0", -22);
    stream.release(APP, "other", -22);
    let refused = |errno| matches!(errno, Change::ReleaseRefused { errno: Some(22), took_ns: Some(_) });
    let changes = changes(stream.clone());
    assert_eq!(changes.len(), 2, "{changes:?}");
    assert!(refused(changes[1].clone()));
    assert!(how(&stream).is_empty());
}

#[test]
fn the_library_s_own_refusal_is_told_if_it_asked_nobody() {
    let handle = 0x1000;
    let start = |without: &[Hook]| {
        let mut stream = Stream::without(without);
        stream.process(APP.pid, 1);
        stream.init(APP, 5, 0);
        stream.alloc(APP, "vEth0");
        stream.request(APP, "vEth0", Kernel::Creates);
        stream.alloc_returns(APP, handle);
        stream.enter(APP, Hook::LibraryRelease, [handle.cast_unsigned(), 0, 0], "");
        stream
    };
    let returns = |mut stream: Stream| {
        stream.leave(APP, Hook::LibraryRelease, -1, [handle.cast_unsigned(), 0, 0]);
        changes(stream)
    };
    let silent = returns(start(&[]));
    assert!(matches!(silent[..], [Change::ReleaseRefused { errno: None, .. }]), "{silent:?}");
    let mut asked = start(&[]);
    asked.release(APP, "vEth0", -22);
    let asked = returns(asked);
    assert!(matches!(asked[..], [Change::ReleaseRefused { errno: Some(22), .. }]), "{asked:?}");
    assert_eq!(returns(start(&[Hook::Ioctl])), [], "it may have asked");
}

#[test]
fn what_its_failed_request_removed_again_is_not_released_by_its_process() {
    let mut stream = Stream::watch();
    stream.process(APP.pid, 1);
    stream.call(APP, 5, CREATE, "vEth0");
    stream.enter(APP, Hook::Handler, [HERE, u64::from(CREATE), SOME], "");
    stream.pass(APP, Hook::AllocNetdev, 0x1000, [0; 3], "vEth0");
    stream.pass(APP, Hook::RegisterNetdev, 0, [SOME, u64::from(INDEX), 0], "vEth0");
    // Who has the device open is taken for the owner of what is there and is nobody's yet.
    let owner = Some(Holder { pid: 100, comm: "app".into() });
    tells(&mut stream, Link { owner, ..link("vEth0", DOWN) });
    stream.pass(APP, Hook::CreateThread, -4, [0; 3], "");
    tells(&mut stream, link("vEth0", None));
    stream.leave(APP, Hook::Handler, -125, [HERE, u64::from(CREATE), SOME]);
    stream.answer(APP, 5, CREATE, -125);
    closes(&mut stream, APP);
    closed(&mut stream, APP);
    later(&mut stream, 2);
    assert_eq!(released(&stream), []);
}
