//! Bars as they should be, of attempts made by hand, at random, and recorded.

use kni_ebpf::hook::Hook;
use proptest::prelude::*;

use super::{Ending, Reach, Span, Waterfall, lane_of};
use crate::cause::Cause;
use crate::report::{Attempt, Boundary, Outcome, Returned, Step};
use crate::sink::samples::{entered, returned, silent_refusal};
use crate::testing::{Answer, events, recordings};

fn took(step: Step, took_ns: u64) -> Step {
    Step { took_ns: Some(took_ns), ..step }
}

fn ended(outcome: Outcome, boundary: Option<Boundary>, steps: Vec<Step>) -> Attempt {
    Attempt { outcome, boundary, cause: None, issued: None, steps, ..silent_refusal() }
}

/// Lane, hook, start, end, depth, of every span.
fn drawn(waterfall: &Waterfall) -> Vec<(Boundary, Hook, u64, u64, usize)> {
    let lanes = waterfall.lanes.iter();
    let spans = lanes.flat_map(|lane| lane.spans.iter().map(|span| (lane.boundary, span)));
    spans.map(|(lane, span)| (lane, span.hook, span.start_ns, span.end_ns, span.depth)).collect()
}

fn reached(waterfall: &Waterfall) -> [Reach; 4] {
    waterfall.lanes.each_ref().map(|lane| lane.reach)
}

#[test]
fn calls_nest_in_their_lanes_and_what_was_seen_at_its_return_alone_begins_where_it_was_entered() {
    let steps = vec![
        entered(Hook::LibraryAlloc, 0),
        entered(Hook::LibraryLog, 1_000),
        took(returned(Hook::MemzoneReserve, 1_100, 0x100), 900),
        entered(Hook::Ioctl, 2_000),
        entered(Hook::Dispatcher, 2_100),
        entered(Hook::Handler, 2_200),
        took(returned(Hook::AllocNetdev, 2_400, 0x200), 100),
        returned(Hook::RegisterNetdev, 2_500, 0),
        returned(Hook::Handler, 2_600, 0),
        returned(Hook::Dispatcher, 2_700, 0),
        returned(Hook::Ioctl, 2_800, 0),
        returned(Hook::LibraryAlloc, 2_900, 0x300),
    ];
    let waterfall = Waterfall::of(&Attempt { duration_ns: 2_900, ..ended(Outcome::Created, None, steps) });
    let (library, syscall) = (Boundary::Library, Boundary::Syscall);
    let (module, network) = (Boundary::Module, Boundary::Network);
    assert_eq!(
        drawn(&waterfall),
        [
            (library, Hook::LibraryAlloc, 0, 2_900, 0),
            (library, Hook::MemzoneReserve, 200, 1_100, 1),
            (library, Hook::LibraryLog, 1_000, 1_000, 2),
            (syscall, Hook::Ioctl, 2_000, 2_800, 0),
            (module, Hook::Dispatcher, 2_100, 2_700, 0),
            (module, Hook::Handler, 2_200, 2_600, 1),
            (network, Hook::AllocNetdev, 2_300, 2_400, 0),
            (network, Hook::RegisterNetdev, 2_500, 2_500, 0),
        ]
    );
    assert_eq!((reached(&waterfall), waterfall.failed()), ([Reach::Reached; 4], None));
}

#[test]
fn what_does_not_return_stays_open_only_where_the_thread_is_or_died_inside() {
    let steps = || vec![entered(Hook::Ioctl, 0), entered(Hook::Dispatcher, 10), entered(Hook::Handler, 20)];
    for (outcome, ending) in [
        (Outcome::InProgress, Ending::Inside),
        (Outcome::Died, Ending::Inside),
        (Outcome::Inconclusive, Ending::Unseen),
    ] {
        let attempt = ended(outcome, Some(Boundary::Module).filter(|_| ending == Ending::Inside), steps());
        let waterfall = Waterfall::of(&attempt);
        let spans: Vec<&Span> = waterfall.lanes.iter().flat_map(|lane| &lane.spans).collect();
        assert!(spans.iter().all(|span| span.ending == ending && span.end_ns == attempt.duration_ns));
        let failed = waterfall.failed().map(|span| span.hook);
        assert_eq!(failed, (outcome == Outcome::Died).then_some(Hook::Handler), "{outcome:?}");
    }
}

#[test]
fn a_lost_return_ends_with_what_it_lies_in() {
    let lost = vec![
        entered(Hook::Ioctl, 0),
        entered(Hook::Dispatcher, 10),
        entered(Hook::Handler, 20),
        returned(Hook::Ioctl, 90, -17),
    ];
    let waterfall = Waterfall::of(&ended(Outcome::Stopped, Some(Boundary::Module), lost));
    let module = &waterfall.lanes[2].spans;
    assert!(module.iter().all(|span| (span.end_ns, span.ending) == (90, Ending::Unseen)), "{module:#?}");
    let failed = waterfall.failed().unwrap();
    assert_eq!((failed.hook, failed.ending), (Hook::Ioctl, Ending::Returned(Returned::Errno(17))));
}

/// The step that failed is the first that did at the verdict's boundary, not what only handed its errno on.
#[test]
fn the_first_cause_is_marked_and_not_the_last_symptom() {
    for (scenario, failed) in [
        ("name-taken", Hook::RegisterNetdev),
        ("duplicate-name", Hook::Handler),
        ("device-busy", Hook::Open),
        ("t33", Hook::CreateThread),
        ("silent-refusal", Hook::MemzoneReserve),
        ("silent-refusal-1604", Hook::MemzoneLookup),
        ("bad-fd", Hook::Ioctl),
        ("no-pool", Hook::LibraryAlloc),
    ] {
        let attempt = recorded(scenario);
        assert_eq!(Waterfall::of(&attempt).failed().map(|span| span.hook), Some(failed), "{scenario}");
    }
}

#[test]
fn not_reached_is_said_where_the_verdict_shows_it_and_nowhere_else() {
    use Reach::{NotKnown, NotReached, Reached};
    for (scenario, expected) in [
        ("created", [Reached; 4]),
        ("silent-refusal", [Reached, NotReached, NotReached, NotReached]),
        // The ioctl's hook was left out.
        ("starved", [Reached, NotKnown, NotKnown, NotKnown]),
        // A program without the library.
        ("bad-fd", [NotKnown, Reached, NotReached, NotReached]),
        ("duplicate-name", [NotKnown, Reached, Reached, NotReached]),
        ("name-taken", [NotKnown, Reached, Reached, Reached]),
        ("device-busy", [Reached, Reached, Reached, NotReached]),
        ("module-missing", [Reached, Reached, NotReached, NotReached]),
        // Its library could not be recognised: it opened the device, and issued no request.
        ("t02-stripped", [NotKnown, Reached, NotKnown, NotReached]),
    ] {
        assert_eq!(reached(&Waterfall::of(&recorded(scenario))), expected, "{scenario}");
    }
    // The module opens a thread after it has asked for the device: that it was not seen to says nothing.
    let refused = |cause| Attempt {
        cause: Some(cause),
        issued: Some(true),
        ..ended(Outcome::Stopped, Some(Boundary::Module), vec![entered(Hook::Ioctl, 0)])
    };
    for (cause, network) in [(Cause::ModThread, NotKnown), (Cause::ModSizeSkew, NotReached)] {
        assert_eq!(Waterfall::of(&refused(cause)).lanes[3].reach, network, "{cause:?}");
    }
    // Whose device it is, its own function says: it may have been asked, unseen.
    let busy = Attempt {
        cause: Some(Cause::SysDeviceBusy),
        issued: Some(false),
        ..ended(Outcome::Stopped, Some(Boundary::Syscall), vec![entered(Hook::LibraryInit, 0)])
    };
    assert_eq!(reached(&Waterfall::of(&busy)), [Reached, Reached, NotKnown, NotReached]);
}

/// The last attempt of a recording of Linux 6.1.
fn recorded(scenario: &str) -> Attempt {
    let name = format!("linux-6.1/{scenario}.rec");
    let recording = recordings().into_iter().find(|recording| recording.ends_with(&name)).unwrap();
    (*Answer::of(&events(&recording)).attempts().last().unwrap()).clone()
}

#[test]
fn every_recorded_attempt_is_drawn_whole() {
    for recording in recordings() {
        for attempt in Answer::of(&events(&recording)).attempts() {
            let waterfall = Waterfall::of(attempt);
            is_sound(&waterfall);
            let (outcome, failed) = (attempt.outcome, waterfall.failed().is_some());
            if outcome == Outcome::Stopped {
                assert!(failed, "{}: {waterfall:#?}", recording.display());
            }
            if let (Some(boundary), true) = (attempt.boundary, outcome == Outcome::Stopped) {
                let lane = waterfall.lanes.iter().find(|lane| lane.boundary == boundary).unwrap();
                assert_eq!(lane.reach, Reach::Reached, "{}", recording.display());
            }
            // Whatever returned was drawn once.
            let returns = attempt.steps.iter().filter(|step| step.value.is_some()).count();
            let ended = |span: &&Span| matches!(span.ending, Ending::Returned(_));
            assert_eq!(waterfall.lanes.iter().flat_map(|lane| &lane.spans).filter(ended).count(), returns);
        }
    }
}

/// Spans stand in their lanes, lie within the attempt, and any two of a lane lie in each other or apart.
fn is_sound(waterfall: &Waterfall) {
    for lane in &waterfall.lanes {
        for (index, span) in lane.spans.iter().enumerate() {
            assert_eq!(lane_of(span.hook), lane.boundary);
            assert!(span.start_ns <= span.end_ns && span.end_ns <= waterfall.length_ns, "{span:?}");
            let before = &lane.spans[..index];
            assert!(before.iter().all(|other| other.start_ns <= span.start_ns));
            for other in before {
                let apart = other.end_ns <= span.start_ns;
                assert!(apart || span.end_ns <= other.end_ns, "{other:?} {span:?}");
            }
            assert!(span.depth <= index);
            let outer = before.iter().rev().find(|other| other.depth < span.depth);
            assert!(outer.is_none_or(|outer| span.end_ns <= outer.end_ns), "{outer:?} {span:?}");
        }
        assert!(lane.spans.is_empty() || lane.reach == Reach::Reached);
    }
    assert!(waterfall.lanes.iter().flat_map(|lane| &lane.spans).filter(|span| span.failed).count() <= 1);
}

fn any_step() -> impl Strategy<Value = Step> {
    let hook = prop::sample::select(Hook::ALL.to_vec());
    let value = prop::option::of(prop_oneof![Just(0), Just(-17), any::<i64>()]);
    let time = prop_oneof![0_u64..50, any::<u64>()];
    (hook, time.clone(), value, prop::option::of(time)).prop_map(|(hook, after_ns, value, took_ns)| Step {
        value,
        took_ns,
        ..entered(hook, after_ns)
    })
}

fn any_outcome() -> impl Strategy<Value = (Outcome, Option<Boundary>)> {
    let outcomes = vec![
        Outcome::Created,
        Outcome::Stopped,
        Outcome::Died,
        Outcome::InProgress,
        Outcome::NotAttempted,
        Outcome::Inconclusive,
    ];
    (prop::sample::select(outcomes), prop::option::of(prop::sample::select(super::BOUNDARIES.to_vec())))
}

proptest! {
    #[test]
    fn whatever_the_steps_the_bars_are_sound(
        steps in prop::collection::vec(any_step(), 0..24),
        (outcome, boundary) in any_outcome(),
        (duration_ns, issued) in (prop_oneof![0_u64..60, any::<u64>()], any::<Option<bool>>()),
    ) {
        let attempt = Attempt { issued, duration_ns, ..ended(outcome, boundary, steps) };
        is_sound(&Waterfall::of(&attempt));
    }
}
