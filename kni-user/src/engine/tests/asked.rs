//! What the program of an interface is asked to set up, and what of that is told.

use kni_ebpf::hook::Hook;

use super::afterwards::{APP, DOWN, INDEX, UP, changes, closed, closes, created, how, later, link, tells};
use crate::report::{Change, ReleasedHow};
use crate::testing::{Stream, Who, process};

const IP: Who = process(300);

/// A set-up request, answered with `value` after `millis`.
fn asks(stream: &mut Stream, request: u64, name: &str, value: i64, millis: u64) {
    asks_by(stream, IP, request, name, value, millis);
}

fn asks_by(stream: &mut Stream, who: Who, request: u64, name: &str, value: i64, millis: u64) {
    let args = [request, u64::from(INDEX), 0];
    stream.enter(who, Hook::SetUpRequest, args, name);
    stream.amend(|step| step.attempt = None);
    stream.now += millis * 1_000_000;
    stream.leave(who, Hook::SetUpRequest, value, args);
    stream.amend(|step| {
        step.attempt = None;
        step.text = crate::event::Read::Bytes(name.into());
    });
}

#[test]
fn a_request_that_nobody_answers_is_told_with_who_asked_for_what() {
    const ETIME: i64 = -62;
    for (what, request, state, value, millis, expected) in [
        ("up", 2, DOWN, ETIME, 3_000, Some(("set up", Some(62)))),
        ("down", 2, UP, ETIME, 3_000, Some(("set down", Some(62)))),
        ("mtu", 1, DOWN, ETIME, 3_000, Some(("change the MTU", Some(62)))),
        ("address", 3, DOWN, ETIME, 3_000, Some(("change the MAC address", Some(62)))),
        ("promiscuous", 4, UP, ETIME, 3_000, Some(("change promiscuous mode", Some(62)))),
        ("all-multicast", 5, UP, ETIME, 3_000, Some(("change all-multicast mode", Some(62)))),
        ("of a release to come", 9, UP, ETIME, 3_000, Some(("change something", Some(62)))),
        ("refused at once", 2, DOWN, -16, 1, Some(("set up", Some(16)))),
        ("granted late", 2, DOWN, 0, 250, Some(("set up", None))),
        ("granted", 2, DOWN, 0, 1, None),
    ] {
        let mut stream = created("vEth0");
        tells(&mut stream, link("vEth0", state));
        let before = changes(stream.clone()).len();
        asks(&mut stream, request, "vEth0", value, millis);
        let told = changes(stream).split_off(before);
        let shown: Vec<_> = told
            .iter()
            .map(|change| match change {
                Change::SetUpRequest { request, errno, took_ns, by } => {
                    assert_eq!((took_ns / 1_000_000, by.pid), (millis, 300), "{what}");
                    (*request, *errno)
                }
                other => panic!("{what}: {other:?}"),
            })
            .collect();
        assert_eq!(shown, expected.into_iter().collect::<Vec<_>>(), "{what}");
    }
}

#[test]
fn an_interface_is_set_down_by_others_or_by_its_release() {
    let states = [UP, DOWN];
    let up = |stream: &mut Stream| tells(stream, link("vEth0", states[0]));
    let down = |stream: &mut Stream| tells(stream, link("vEth0", states[1]));
    let gone = |stream: &mut Stream| tells(stream, link("vEth0", None));
    let carrier = true;

    // As the module does it, with and without time passing in between, and with nobody to answer.
    for millis in [0, 3_000] {
        let mut stream = created("vEth0");
        up(&mut stream);
        closes(&mut stream, APP);
        asks_by(&mut stream, APP, 2, "vEth0", -62, millis);
        down(&mut stream);
        later(&mut stream, millis / 1_000);
        gone(&mut stream);
        closed(&mut stream, APP);
        assert_eq!(changes(stream.clone()), [Change::Up { carrier }], "{millis}");
        assert_eq!(how(&stream), [ReleasedHow::Close]);
    }
    // Told behind what tells that it is gone.
    let mut stream = created("vEth0");
    up(&mut stream);
    down(&mut stream);
    gone(&mut stream);
    closes(&mut stream, APP);
    asks_by(&mut stream, APP, 2, "vEth0", 0, 0);
    closed(&mut stream, APP);
    assert_eq!(changes(stream), [Change::Up { carrier }]);
    // By another, and released at once.
    let mut stream = created("vEth0");
    up(&mut stream);
    asks(&mut stream, 2, "vEth0", 0, 0);
    down(&mut stream);
    gone(&mut stream);
    closes(&mut stream, APP);
    closed(&mut stream, APP);
    assert_eq!(changes(stream), [Change::Up { carrier }, Change::Down]);
    // The same, told in another order.
    let mut stream = created("vEth0");
    up(&mut stream);
    down(&mut stream);
    asks(&mut stream, 2, "vEth0", 0, 0);
    assert_eq!(changes(stream), [Change::Up { carrier }, Change::Down]);
    // Where requests are not seen: when nothing else explains it, or when it is up again.
    let mut stream = created("vEth0");
    up(&mut stream);
    down(&mut stream);
    assert_eq!(changes(stream.clone()), [Change::Up { carrier }, Change::Down], "told at the end");
    later(&mut stream, 2);
    up(&mut stream);
    assert_eq!(changes(stream), [Change::Up { carrier }, Change::Down, Change::Up { carrier }]);
}

#[test]
fn requests_and_links_of_interfaces_that_are_not_known_are_nobody_s_business() {
    let mut stream = created("vEth0");
    asks(&mut stream, 2, "eth7", -62, 3_000);
    assert_eq!(changes(stream), []);
    let mut stream = Stream::watch();
    tells(&mut stream, link("gone", None));
    assert_eq!(changes(stream), []);
}
