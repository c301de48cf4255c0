use kni_ebpf::hook::Hook;

use super::{AGAIN, Due, LONG, MAX_LOOKS, MAX_THREADS, Seen, Waiting};
use crate::event::{Event, Nanos, What};
use crate::host::stacks::Look;
use crate::testing::{CREATE, SOME, Stream, Who, process};

const APP: Who = process(100);

/// What threads did, as the shell sees it; and when the stream ends.
fn following(stream: &Stream) -> (Waiting, Nanos) {
    let mut waiting = Waiting::default();
    for event in &stream.events {
        waiting.take(event);
    }
    (waiting, stream.now)
}

fn look(stack: &[&str]) -> Look {
    Look { state: 'D', stack: Some(stack.iter().map(|function| (*function).into()).collect()) }
}

fn seen(at: Nanos, due: Due, look: impl Into<Option<Look>>) -> Vec<Seen> {
    vec![Seen { at, due, look: look.into(), others: Vec::new() }]
}

fn shown(events: &[Event]) -> Vec<(u32, char, Option<usize>)> {
    let blocked = |event: &Event| match &event.what {
        What::Blocked(blocked) => (blocked.tid, blocked.state, blocked.stack.as_ref().map(Vec::len)),
        other => panic!("{other:?}"),
    };
    events.iter().map(blocked).collect()
}

#[test]
fn a_thread_is_looked_at_after_a_second_and_then_once_a_second() {
    let mut stream = Stream::watch();
    stream.alloc(APP, "vEth0");
    stream.call(APP, 5, CREATE, "vEth0");
    let (mut waiting, now) = following(&stream);
    assert!(waiting.due(now + LONG - 2_000).is_empty());
    let now = now + LONG;
    let due = waiting.due(now);
    assert_eq!(due.len(), 1);
    assert_eq!(shown(&waiting.news(seen(now, due[0], look(&["a", "b"])))), [(100, 'D', Some(2))]);
    assert!(waiting.due(now + AGAIN - 1).is_empty());
    assert_eq!(waiting.due(now + AGAIN), due);
    assert!(waiting.news(seen(now + AGAIN, due[0], look(&["a", "b"]))).is_empty(), "nothing new");
    assert_eq!(waiting.news(seen(now + 2 * AGAIN, due[0], look(&["b"]))).len(), 1);
}

#[test]
fn whoever_left_or_began_anew_before_the_look_was_told_is_not_told_of() {
    let mut stream = Stream::watch();
    stream.alloc(APP, "vEth0");
    let (mut waiting, now) = following(&stream);
    let due = waiting.due(now + LONG);
    stream.alloc_returns(APP, 1);
    waiting.take(stream.events.last().unwrap());
    assert!(waiting.news(seen(now + LONG, due[0], look(&["a"]))).is_empty());
    stream.alloc(APP, "vEth1");
    waiting.take(stream.events.last().unwrap());
    assert!(waiting.news(seen(now + LONG, due[0], look(&["a"]))).is_empty());
    assert!(waiting.due(now + LONG).is_empty(), "it has only begun");
}

#[test]
fn a_thread_that_is_gone_is_told_once() {
    let mut stream = Stream::watch();
    stream.alloc(APP, "vEth0");
    let (mut waiting, now) = following(&stream);
    let due = waiting.due(now + LONG);
    assert_eq!(shown(&waiting.news(seen(now + LONG, due[0], None))), [(100, 'X', None)]);
    assert!(waiting.due(now + 9 * LONG).is_empty());
}

#[test]
fn ends_and_new_programs_end_all() {
    for hook in [Hook::Exit, Hook::Exec] {
        let mut stream = Stream::watch();
        stream.alloc(APP, "vEth0");
        stream.note(APP, hook, [0; 3], "");
        let (waiting, now) = following(&stream);
        assert!(waiting.due(now + LONG).is_empty(), "{hook:?}");
    }
}

#[test]
fn a_flood_stays_bounded_and_all_get_their_turn() {
    let mut stream = Stream::watch();
    for pid in 1..2 * u32::try_from(MAX_THREADS).unwrap() {
        stream.enter(process(pid), Hook::LibraryAlloc, [SOME, SOME, 0], "a");
    }
    let (mut waiting, now) = following(&stream);
    assert_eq!(waiting.inside.len(), MAX_THREADS);
    let now = now + LONG;
    let mut looked = Vec::new();
    for _ in 0..3 {
        let due = waiting.due(now);
        assert_eq!(due.len(), MAX_LOOKS);
        for due in due {
            looked.push(due.tid);
            waiting.news(seen(now, due, look(&["a"])));
        }
    }
    looked.dedup();
    assert_eq!(looked.len(), 3 * MAX_LOOKS);
}
