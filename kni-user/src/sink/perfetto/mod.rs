//! A native Perfetto trace: a track a process, and below it its attempts and the four boundaries.

mod proto;
#[cfg(test)]
mod tests;
mod tracks;

use std::io::{self, Write};

use prost::Message as _;

use self::proto::{
    CLOCK_BOOTTIME, CLOCK_MONOTONIC, CLOCK_REALTIME, Clock, ClockSnapshot, DebugAnnotation,
    SEQ_INCREMENTAL_STATE_CLEARED, Trace, TracePacket, TrackEvent, Type,
};
use self::tracks::{Row, Tracks};
use super::run::{About, Run};
use super::text;
use super::text::told::plain;
use crate::event::Nanos;
use crate::report::{Attempt, Change, Report, Told};
use crate::waterfall::{Ending, Reach, Span, Waterfall};

/// All packets are of one writer.
const SEQUENCE: u32 = 1;

/// Writes the trace of `run`. Times are those of the machine: `CLOCK_MONOTONIC`, tied to the others at the start.
///
/// # Errors
/// Those of `out`.
pub fn trace(mut out: impl Write, run: &Run) -> io::Result<()> {
    out.write_all(&packets(run).encode_to_vec())
}

fn packets(run: &Run) -> Trace {
    let mut tracks = Tracks::new(&run.about);
    let mut events = Vec::new();
    let mut attempts: Vec<&Attempt> = run.attempts.iter().collect();
    attempts.sort_by_key(|attempt| attempt.started);
    for attempt in attempts {
        let began = began(attempt, &run.about);
        let waterfall = Waterfall::of(attempt);
        let row = tracks.row(attempt, began, began.saturating_add(waterfall.length_ns));
        events.extend(drawn(attempt, &waterfall, began, &row, &run.about));
    }
    for report in &run.others {
        events.extend(instant(report, &tracks, &run.about));
    }
    // Of one track, they are in order already, and stay in it where several are of one moment.
    events.sort_by_key(|packet| packet.timestamp);
    let clocks = run.about.start.as_ref().map(|(at, start)| TracePacket {
        clock_snapshot: Some(ClockSnapshot {
            clocks: vec![
                clock(CLOCK_MONOTONIC, *at),
                clock(CLOCK_BOOTTIME, start.boot_ns),
                clock(CLOCK_REALTIME, u64::try_from(start.unix_ns).unwrap_or(0)),
            ],
        }),
        ..TracePacket::default()
    });
    let mut packet: Vec<TracePacket> =
        clocks.into_iter().chain(tracks.into_packets()).chain(events).collect();
    for packet in &mut packet {
        packet.trusted_packet_sequence_id = Some(SEQUENCE);
    }
    if let Some(first) = packet.first_mut() {
        first.sequence_flags = Some(SEQ_INCREMENTAL_STATE_CLEARED);
    }
    Trace { packet }
}

const fn clock(id: u32, timestamp: u64) -> Clock {
    Clock { clock_id: Some(id), timestamp: Some(timestamp) }
}

/// When an attempt's first step was, on the stream's clock.
fn began(attempt: &Attempt, about: &About) -> Nanos {
    let epoch = about.start.as_ref().map_or(0, |(at, start)| start.unix_ns.saturating_sub_unsigned(*at));
    u64::try_from(attempt.started.saturating_sub(epoch)).unwrap_or(0)
}

/// An attempt with its verdict, and its spans at each boundary.
fn drawn(
    attempt: &Attempt,
    waterfall: &Waterfall,
    began: Nanos,
    row: &Row,
    about: &About,
) -> Vec<TracePacket> {
    let words = text::attempt_words(attempt, about);
    let whole = TrackEvent {
        name: Some(plain(&format!("{}: {}", words.interface, words.headline))),
        debug_annotations: annotations(attempt, waterfall, words),
        ..event(Type::SliceBegin, row.attempts)
    };
    let ended = began.saturating_add(waterfall.length_ns);
    let mut packets = vec![packet(began, whole), packet(ended, event(Type::SliceEnd, row.attempts))];
    for (lane, track) in waterfall.lanes.iter().zip(row.lanes) {
        let mut open: Vec<u64> = Vec::new();
        let close = |end: u64| packet(began.saturating_add(end), event(Type::SliceEnd, track));
        for span in &lane.spans {
            let over = open.split_off(span.depth.min(open.len()));
            packets.extend(over.into_iter().rev().map(close));
            let kind = if span.ending == Ending::Moment { Type::Instant } else { Type::SliceBegin };
            packets.push(packet(began.saturating_add(span.start_ns), slice(span, kind, track)));
            if kind == Type::SliceBegin {
                open.push(span.end_ns);
            }
        }
        packets.extend(open.into_iter().rev().map(close));
    }
    packets
}

fn slice(span: &Span, kind: Type, track: u64) -> TrackEvent {
    let result = text::result(span).map(|result| note("result", &result));
    let failed = span.failed.then(|| note("failed", "the attempt failed here"));
    TrackEvent {
        name: Some(plain(&text::label(span))),
        debug_annotations: result.into_iter().chain(failed).collect(),
        ..event(kind, track)
    }
}

fn annotations(attempt: &Attempt, waterfall: &Waterfall, words: text::AttemptWords) -> Vec<DebugAnnotation> {
    let errno = |name: &str, errno: Option<i32>| {
        errno.map(|errno| DebugAnnotation {
            string_value: None,
            int_value: Some(errno.into()),
            ..note(name, "")
        })
    };
    let not = |reach: Reach, name: &str| {
        let lanes = waterfall.lanes.iter().filter(|lane| lane.reach == reach);
        let lanes: Vec<String> = lanes.map(|lane| format!("{:?}", lane.boundary).to_lowercase()).collect();
        (!lanes.is_empty()).then(|| note(name, &lanes.join(", ")))
    };
    let text = |name: &str, lines: Vec<String>| (!lines.is_empty()).then(|| note(name, &lines.join("\n")));
    let cause = attempt.cause.map(|cause| cause.name().to_owned());
    [
        text("cause", cause.into_iter().collect()),
        text("reason", words.reason.into_iter().collect()),
        errno("errno.user", attempt.errno.user),
        errno("errno.kernel", attempt.errno.kernel),
        text("evidence", words.evidence),
        text("kernel log", words.log),
        not(Reach::NotReached, "not reached"),
        not(Reach::NotKnown, "not known to be reached"),
        text("not seen", words.unseen),
        text("next", words.next.into_iter().collect()),
        text("again", words.again.into_iter().collect()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What became of an interface, on its process's track; what concerns all, on the run's.
fn instant(report: &Report, tracks: &Tracks, about: &About) -> Option<TracePacket> {
    let pid = match &report.what {
        Told::Released(released) => Some(released.pid),
        Told::Changed(changed) => changed.owner.as_ref().map(|owner| owner.pid),
        _ => None,
    };
    let name = match &report.what {
        Told::Changed(changed) if matches!(changed.what, Change::SetUpRequest { .. }) => "set-up request",
        Told::Changed(_) => "interface changed",
        Told::Released(_) => "interface released",
        Told::Coverage(_) => "hooks changed",
        Told::Lost(_) => "records lost",
        _ => "diagnostic",
    };
    let said = text::told(report, about)?;
    Some(packet(
        report.at,
        TrackEvent {
            name: Some(name.to_owned()),
            debug_annotations: vec![note("what", &said)],
            ..event(Type::Instant, tracks.of(pid))
        },
    ))
}

fn note(name: &str, value: &str) -> DebugAnnotation {
    DebugAnnotation { name: Some(name.to_owned()), string_value: Some(plain(value)), int_value: None }
}

fn event(kind: Type, track: u64) -> TrackEvent {
    TrackEvent {
        debug_annotations: Vec::new(),
        r#type: Some(kind.into()),
        track_uuid: Some(track),
        categories: vec!["kni".to_owned()],
        name: None,
    }
}

fn packet(at: Nanos, event: TrackEvent) -> TracePacket {
    TracePacket {
        timestamp: Some(at),
        timestamp_clock_id: Some(CLOCK_MONOTONIC),
        track_event: Some(event),
        ..TracePacket::default()
    }
}
