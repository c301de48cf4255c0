//! More attempts than anybody reads: memory stays bounded, and a key has its answer.

use std::time::{Duration, Instant};

use super::{Key, PLAIN, State, Told, armed, buffer, press, rows, samples, told};
use crate::report::{Attempt, Process};
use crate::tui::state::KEPT;

const FLOOD: u32 = 100_000;

fn flooded() -> State {
    let mut state = armed();
    let one = samples::name_taken();
    for number in 0..FLOOD {
        let process = Process { pid: number, tid: number, ..one.process.clone() };
        let attempt = Attempt { process, started: one.started + i64::from(number), ..one.clone() };
        told(&mut state, Told::Attempt(Box::new(attempt)));
    }
    state
}

#[test]
fn what_waits_while_it_is_paused_is_bounded_too() {
    let mut state = armed();
    press(&mut state, &[Key::Char('p')]);
    for _ in 0..=KEPT {
        told(&mut state, Told::Attempt(Box::new(samples::created())));
    }
    assert_eq!((state.attempts.paused(), state.attempts.dropped()), (Some(KEPT), 1));
}

#[test]
fn a_flood_is_bounded_and_counted_and_a_key_has_its_answer_within_a_tenth_of_a_second() {
    let mut state = flooded();
    assert_eq!(state.attempts.len(), KEPT);
    assert_eq!(state.attempts.dropped(), u64::from(FLOOD) - KEPT as u64);
    assert!(rows(&buffer(&mut state, PLAIN, 80, 24))[3].ends_with("10000 listed, 90000 dropped"));
    // The dearest of all: the filter looks at every row, and the oldest is selected.
    let mut answer = |key| {
        let began = Instant::now();
        press(&mut state, &[key]);
        buffer(&mut state, PLAIN, 200, 60);
        began.elapsed()
    };
    for keys in [
        &[Key::Char('/'), Key::Backspace, Key::Char('k'), Key::Backspace, Key::Char('n'), Key::Enter][..],
        &[Key::End, Key::Up, Key::Down, Key::Up],
        &[Key::Tab, Key::Tab, Key::BackTab],
    ] {
        // The machine may be busy with something else for a while: the shortest of some counts.
        let shortest = keys.iter().map(|key| answer(*key)).min();
        assert!(shortest.unwrap() < Duration::from_millis(100), "{keys:?}: {shortest:?}");
    }
}
