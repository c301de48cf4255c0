//! Traces read back: what Perfetto demands of one, for every recorded run.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message as _;

use super::proto::{CLOCK_MONOTONIC, Trace, TrackDescriptor, TrackEvent, Type};
use super::trace;
use crate::report::{Attempt, Report, Told};
use crate::sink::run::Run;
use crate::sink::samples::{silent_refusal, start};
use crate::testing::{Answer, events, recordings};

fn written(run: &Run) -> Trace {
    let mut out = Vec::new();
    trace(&mut out, run).unwrap();
    Trace::decode(out.as_slice()).unwrap()
}

fn run_of(reports: &[Report]) -> Run {
    let mut run = Run::default();
    for report in reports {
        run.take(report);
    }
    run
}

/// Tracks have parents, times do not go back, and slices are closed in the order in which they were opened.
fn is_sound(written: &Trace) {
    let mut known: BTreeMap<u64, &TrackDescriptor> = BTreeMap::new();
    let mut open: BTreeMap<u64, u64> = BTreeMap::new();
    let mut last = 0;
    for packet in &written.packet {
        assert!(packet.trusted_packet_sequence_id.is_some());
        if let Some(track) = &packet.track_descriptor {
            assert!(track.parent_uuid.is_none_or(|parent| known.contains_key(&parent)), "{track:?}");
            assert!(known.insert(track.uuid.unwrap(), track).is_none(), "{track:?} twice");
        }
        let Some(event) = &packet.track_event else { continue };
        let track = event.track_uuid.unwrap();
        assert!(known.contains_key(&track), "{event:?}");
        assert_eq!(packet.timestamp_clock_id, Some(CLOCK_MONOTONIC));
        assert!(packet.timestamp.unwrap() >= last, "{packet:?}");
        last = packet.timestamp.unwrap();
        let depth = open.entry(track).or_default();
        match event.r#type() {
            Type::SliceBegin => *depth += 1,
            Type::SliceEnd => *depth = depth.checked_sub(1).expect("it was opened"),
            Type::Instant => {}
            Type::Unspecified => panic!("{event:?}"),
        }
        assert_eq!(event.name.is_some(), event.r#type() != Type::SliceEnd, "{event:?}");
    }
    assert!(open.values().all(|depth| *depth == 0), "{open:?}");
}

fn named<'a>(trace: &'a Trace, name: &'a str) -> impl Iterator<Item = &'a TrackEvent> {
    let events = trace.packet.iter().filter_map(|packet| packet.track_event.as_ref());
    events.filter(move |event| event.name.as_deref() == Some(name))
}

#[test]
fn every_recorded_run_is_a_sound_trace() {
    for recording in recordings() {
        let run = run_of(&Answer::of(&events(&recording)).reports);
        let trace = written(&run);
        is_sound(&trace);
        let processes: BTreeSet<u32> = run.attempts.iter().map(|attempt| attempt.process.pid).collect();
        let told =
            trace.packet.iter().filter_map(|packet| packet.track_descriptor.as_ref()?.process.as_ref());
        let told: BTreeSet<u32> = told.filter_map(|process| u32::try_from(process.pid?).ok()).collect();
        assert_eq!(told, processes, "{}", recording.display());
    }
}

#[test]
fn a_call_lies_on_its_boundarys_track_at_the_machines_time() {
    let name = "linux-6.1/name-taken.rec";
    let recording = recordings().into_iter().find(|recording| recording.ends_with(name)).unwrap();
    let stream = events(&recording);
    let written = written(&run_of(&Answer::of(&stream).reports));
    let register = named(&written, "register_netdev(\"lo\")").next().unwrap();
    let note = |event: &TrackEvent, name: &str| {
        let found = event.debug_annotations.iter().find(|note| note.name.as_deref() == Some(name));
        found.and_then(|note| note.string_value.clone())
    };
    assert_eq!(note(register, "result").unwrap(), "-EEXIST (File exists)");
    assert!(note(register, "failed").is_some());
    let track = |event: &TrackEvent| {
        let tracks = written.packet.iter().filter_map(|packet| packet.track_descriptor.as_ref());
        tracks.into_iter().find(|track| track.uuid == event.track_uuid).unwrap().name.clone()
    };
    assert_eq!(track(register).as_deref(), Some("network"));
    let whole = named(&written, "lo: STOPPED IN THE NETWORK CORE").next().unwrap();
    assert_eq!(note(whole, "cause").as_deref(), Some("net.name-exists"));
    // The stream's own time of the request's entry.
    let entered = stream.iter().find(|event| matches!(event.what, crate::event::What::Call(_))).unwrap();
    let ioctl = written.packet.iter().find(|packet| {
        packet.track_event.as_ref().is_some_and(|event| event.name.as_deref() == Some("ioctl"))
    });
    assert_eq!(ioctl.unwrap().timestamp, Some(entered.at));
}

#[test]
fn attempts_of_two_threads_at_once_have_tracks_of_their_own() {
    let mut other = silent_refusal();
    other.process.tid += 1;
    other.started += 10;
    let again = Attempt { started: other.started + 5, ..other.clone() };
    let mut run = run_of(&[Report { at: 0, what: Told::Start(start(crate::event::Question::Watch)) }]);
    run.attempts = vec![silent_refusal(), other, again];
    let trace = written(&run);
    is_sound(&trace);
    let rows = trace.packet.iter().filter_map(|packet| packet.track_descriptor.as_ref()?.name.as_deref());
    assert_eq!(rows.filter(|name| name.starts_with("library")).count(), 3);
}
