//! What holds for every stream, not only for those that somebody thought of.

use proptest::prelude::*;

use super::scripts::{Script, scripts};
use super::{INCONCLUSIVE, Short, short};
use crate::event::{Event, Ledger, What};
use crate::report::Outcome;
use crate::testing::{Answer, Stream, process};
use crate::untrusted::Untrusted;

/// The verdict on an attempt, and what it is about.
type Whole = (Short, Option<Untrusted>);

/// The verdicts on each of the processes.
fn verdicts(answer: &Answer, pid: u32) -> Vec<Whole> {
    let own = |attempt: &&crate::report::Attempt| attempt.process.pid == pid;
    answer.attempts().into_iter().filter(own).map(|one| (short(one), one.subject.clone())).collect()
}

fn begin() -> Stream {
    let mut stream = Stream::watch();
    stream.process(1, 0);
    stream.process(2, 0);
    stream
}

fn alone(pid: u32, script: &Script) -> Stream {
    let mut stream = begin();
    for act in &script.acts {
        act(&mut stream, process(pid));
    }
    stream
}

/// The same, or the same without the reason.
pub(super) fn agrees(seen: Short, alone: Short) -> bool {
    seen == alone || (seen.0 == alone.0 && seen.1 == alone.1 && seen.2.is_none())
}

/// The same. Where two processes are in the module at once, or where its entry was not seen, a line of its
/// log that bears no name is nobody's: then the reason may be left out.
fn is_own(mixed: &Whole, alone: &Whole) -> bool {
    let by_log = alone.0.2.is_some_and(|cause| cause.name().starts_with("mod."));
    let unexplained = mixed.0.2.is_none() && mixed.1.is_none();
    let same_subject = mixed.1 == alone.1 || (by_log && unexplained);
    same_subject && if by_log { agrees(mixed.0, alone.0) } else { mixed.0 == alone.0 }
}

/// Both scripts at once, each in its own order, `turns` saying whose turn it is.
fn interleaved(scripts: [(u32, &Script); 2], turns: &[bool]) -> Stream {
    let mut stream = begin();
    let mut left = scripts.map(|(pid, script)| (pid, script.acts.iter()));
    let rest = [true, false].into_iter().flat_map(|turn| std::iter::repeat_n(turn, 40));
    for turn in turns.iter().copied().chain(rest) {
        let (pid, acts) = &mut left[usize::from(turn)];
        if let Some(act) = acts.next() {
            act(&mut stream, process(*pid));
        }
    }
    stream
}

/// Both at once on two processors: what each does takes the same time, `first` saying whose is told first then.
fn at_once(scripts: [(u32, &Script); 2], first: &[bool]) -> Stream {
    let mut stream = begin();
    let mut all = Vec::new();
    for (turn, (pid, script)) in [false, true].into_iter().zip(scripts) {
        let mut own = begin();
        for (act, first) in script.acts.iter().zip(first.iter().cycle()) {
            let (told, at) = (own.events.len(), own.now);
            act(&mut own, process(pid));
            all.push(((at, turn != *first), own.events.split_off(told)));
        }
        stream.now = stream.now.max(own.now);
    }
    // The kernel's report of a death is one: each holds up the next.
    all.sort_by_key(|(moment, _)| *moment);
    stream.events.extend(all.into_iter().flat_map(|(_, events)| events));
    stream
}

/// A script, and what is told of it alone.
type Told = (Script, Vec<Whole>);

fn told(name: &'static str) -> Vec<Told> {
    let with_verdicts = |script: Script| {
        let verdicts = verdicts(&alone(1, &script).end(), 1);
        (script, verdicts)
    };
    scripts(name).into_iter().map(with_verdicts).collect()
}

/// How two scripts are made one stream.
type Together = fn([(u32, &Script); 2], &[bool]) -> Stream;

fn each_is_its_own(pair: [&Told; 2], together: Together, turns: &[bool]) -> Result<(), String> {
    let [(one, _), (two, _)] = pair;
    let answer = together([(1, one), (2, two)], turns).end();
    for (pid, (_, alone)) in (1..).zip(pair) {
        let mixed = verdicts(&answer, pid);
        let same = mixed.len() == alone.len() && mixed.iter().zip(alone).all(|(a, b)| is_own(a, b));
        if !same {
            let (one, two) = (one.what, two.what);
            return Err(format!("{pid} of {one:?} beside {two:?}: {mixed:?} instead of {alone:?}"));
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn no_interleaving_gives_a_process_the_verdict_of_another(
        one in any::<prop::sample::Index>(), two in any::<prop::sample::Index>(),
        turns in proptest::collection::vec(any::<bool>(), 40),
    ) {
        let told = [told("vEth1"), told("vEth2")];
        let pair = [one.get(&told[0]), two.get(&told[1])];
        prop_assert_eq!(each_is_its_own(pair, interleaved, &turns), Ok(()));
    }

    #[test]
    fn events_of_one_moment_give_the_same_verdicts_in_any_order(
        one in any::<prop::sample::Index>(), two in any::<prop::sample::Index>(),
        first in proptest::collection::vec(any::<bool>(), 40),
    ) {
        let told = [told("vEth1"), told("vEth2")];
        prop_assert_eq!(each_is_its_own([one.get(&told[0]), two.get(&told[1])], at_once, &first), Ok(()));
    }

    #[test]
    fn a_lost_record_of_two_attempts_in_a_row_leaves_their_verdicts_or_makes_them_inconclusive(
        number in any::<prop::sample::Index>(), again in any::<prop::sample::Index>(),
        dropped in any::<prop::sample::Index>(),
    ) {
        let scripts = [scripts("vEth0"), scripts("vEth1")];
        let mut stream = begin();
        for act in number.get(&scripts[0]).acts.iter().chain(&again.get(&scripts[1]).acts) {
            act(&mut stream, process(1));
        }
        let records = records(&stream);
        let dropped = records[dropped.index(records.len())];
        prop_assert_eq!(leaves_its_verdicts(&stream, dropped, records[0]), Ok(()));
    }
}

/// Where the records are.
fn records(stream: &Stream) -> Vec<usize> {
    let is_record = |event: &Event| matches!(event.what, What::Step(_) | What::Call(_));
    (0..stream.events.len()).filter(|index| is_record(&stream.events[*index])).collect()
}

/// Without the record `dropped`, of which the account at `told` knows, each verdict on process 1 is one of
/// those with it, one without its reason, or inconclusive.
fn leaves_its_verdicts(stream: &Stream, dropped: usize, told: usize) -> Result<(), String> {
    let whole = verdicts(&stream.clone().end(), 1);
    let mut left = stream.clone();
    let record = left.events.remove(dropped);
    let ledger = What::Ledger(Ledger { lost: 1, ..Ledger::default() });
    // It is read after the records of its batch.
    let at = if told < dropped { left.now } else { record.at };
    left.events.insert(told, Event { at, what: ledger });
    for verdict in verdicts(&left.end(), 1) {
        let known =
            |whole: &Whole| agrees(verdict.0, whole.0) && (verdict.1.is_none() || verdict.1 == whole.1);
        if verdict.0 != INCONCLUSIVE && !whole.iter().any(known) {
            return Err(format!("{verdict:?} and not one of {whole:?} without {record:?}"));
        }
    }
    Ok(())
}

#[test]
fn every_two_scripts_one_after_the_other_and_step_by_step_stay_apart() {
    let (ones, twos) = (told("vEth1"), told("vEth2"));
    for one in &ones {
        for two in &twos {
            let turns: [&[bool]; 3] = [&[false; 40], &[], &[true, false].repeat(40)];
            for turns in turns {
                each_is_its_own([one, two], interleaved, turns).unwrap_or_else(|error| panic!("{error}"));
            }
            for first in [[false], [true]] {
                each_is_its_own([one, two], at_once, &first).unwrap_or_else(|error| panic!("{error}"));
            }
        }
    }
}

#[test]
fn any_one_record_lost_leaves_the_verdict_of_each_script_or_makes_it_inconclusive() {
    for script in scripts("vEth0") {
        let stream = alone(1, &script);
        let records = records(&stream);
        for dropped in &records {
            // The shell reads the account after the records of a batch, and tells it before them: the loss may
            // be told with the first of these, or with the one that it is next to.
            for told in [records[0], *dropped] {
                leaves_its_verdicts(&stream, *dropped, told)
                    .unwrap_or_else(|error| panic!("{:?}: {error}", script.what));
            }
        }
    }
}

#[test]
fn a_flood_of_attempts_that_never_end_stays_bounded_and_is_not_called_complete() {
    let mut stream = Stream::watch();
    for pid in 10..3_000 {
        stream.alloc(process(pid), "vEth0");
    }
    let told = stream.end();
    assert!(told.attempts().len() <= 1_024);
    assert!(told.attempts().iter().all(|attempt| attempt.outcome == Outcome::InProgress));
    assert!(!told.summary().complete);
}
