use std::io::{self, BufReader, Write};

use proptest::prelude::*;

use super::arbitrary::event;
use super::{LINE_BYTES, Reader, Recorder, RecordingError, VERSION};
use crate::engine::Engine;
use crate::event::{Event, What};
use crate::sink::jsonl::JsonLines;
use crate::sink::text::{Text, TextOptions};
use crate::sink::{Sink, escape};

/// A recording of `events`.
fn recorded(events: &[Event]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut recorder = Recorder::new(&mut bytes).unwrap();
    recorder.record(events).unwrap();
    bytes
}

/// The events of `recording`, and why there are no more.
fn read(recording: &[u8]) -> (Vec<Event>, Option<RecordingError>) {
    let reader = match Reader::new(recording) {
        Ok(reader) => reader,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let mut events = Vec::new();
    let mut errors = Vec::new();
    for item in reader {
        match item {
            Ok(event) => events.push(event),
            Err(error) => errors.push(error),
        }
    }
    assert!(errors.len() <= 1, "{errors:?}");
    (events, errors.pop())
}

/// What is told of `events`, as lines for people and for programs.
fn printed(events: &[Event], verbose: bool) -> (String, String) {
    let (mut lines, mut json) = (Vec::new(), Vec::new());
    let mut sinks: [Box<dyn Sink>; 2] = [
        Box::new(Text::new(&mut lines, TextOptions { verbose, ..TextOptions::default() })),
        Box::new(JsonLines::new(&mut json)),
    ];
    let (mut engine, mut reports) = (Engine::new(), Vec::new());
    for event in events {
        engine.feed(event, &mut reports);
    }
    for report in &reports {
        for sink in &mut sinks {
            sink.tell(report).unwrap();
        }
    }
    drop(sinks);
    let lines = String::from_utf8(lines).unwrap();
    assert!(lines.lines().all(|line| escape::width(line) <= 80), "{lines}");
    (lines, String::from_utf8(json).unwrap())
}

fn newlines(bytes: &[u8]) -> usize {
    bytes.split(|byte| *byte == b'\n').count() - 1
}

fn ticks(number: u64) -> Vec<Event> {
    (0..number).map(|at| Event { at, what: What::Tick }).collect()
}

proptest! {
    #[test]
    fn any_stream_comes_back_as_it_was(events in prop::collection::vec(event(), 0..20)) {
        let recording = recorded(&events);
        prop_assert_eq!(newlines(&recording), events.len() + 1);
        let (read, error) = read(&recording);
        prop_assert!(error.is_none(), "{:?}", error);
        prop_assert_eq!(read, events);
    }

    #[test]
    fn a_recording_cut_anywhere_gives_what_is_whole(
        events in prop::collection::vec(event(), 1..5), at in any::<prop::sample::Index>(),
    ) {
        let recording = recorded(&events);
        let cut = at.index(recording.len());
        let (read, error) = read(&recording[..cut]);
        prop_assert!(events.starts_with(&read));
        let kept = newlines(&recording[..cut]);
        // A last line without its newline may still be whole.
        prop_assert!(read.len() + 1 == kept || read.len() == kept);
        match error {
            None => prop_assert!(read.len() + 1 == kept || recording[cut] == b'\n'),
            Some(RecordingError::Truncated { line }) => prop_assert_eq!(line, read.len() as u64 + 2),
            Some(error) => prop_assert!(kept == 0, "{}", error),
        }
    }

    #[test]
    fn a_replay_prints_what_was_printed_live(events in prop::collection::vec(event(), 0..40)) {
        let replayed = read(&recorded(&events)).0;
        for verbose in [false, true] {
            prop_assert_eq!(printed(&replayed, verbose), printed(&events, verbose));
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic_or_run_on(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let (events, _) = read(&bytes);
        prop_assert!(events.is_empty());
        let (events, error) = read(&[recorded(&ticks(2)), bytes].concat());
        prop_assert!(events.len() >= 2);
        prop_assert!(events.len() == 2 || error.is_none());
    }
}

/// A real one.
#[test]
fn cut_at_any_byte_it_gives_the_events_before_and_where_it_breaks_off() {
    let whole = include_bytes!("../../../../tests/data/linux-6.1/bad-fd.rec");
    let (events, error) = read(whole);
    assert!(error.is_none() && events.len() > 20, "{error:?}");
    for cut in 0..whole.len() {
        let (kept, error) = read(&whole[..cut]);
        let lines = newlines(&whole[..cut]);
        if lines == 0 {
            let header = whole[cut] == b'\n';
            assert!(
                kept.is_empty() && (header || matches!(error, Some(RecordingError::NotARecording))),
                "{cut}"
            );
            continue;
        }
        assert!(events.starts_with(&kept), "{cut}");
        match error {
            Some(RecordingError::Truncated { line }) => {
                assert_eq!((kept.len() + 1, line), (lines, lines as u64 + 1), "{cut}");
            }
            // Between two lines, or before the newline alone.
            None => assert!(whole[cut - 1] == b'\n' || whole[cut] == b'\n', "{cut}"),
            Some(other) => panic!("{cut}: {other}"),
        }
    }
}

#[test]
fn what_is_no_recording_is_refused() {
    let other = [
        "",
        "\n",
        "{}\n",
        "[1]\n",
        "{\"at\":1,\"event\":\"tick\"}\n",
        "\u{7f}ELF",
        "{\"kniwatch-recording\":0,\"by\":\"\"}",
        "{\"kniwatch-recording\":-1,\"by\":\"\"}",
    ];
    for text in other {
        let (events, error) = read(text.as_bytes());
        assert!(events.is_empty() && matches!(error, Some(RecordingError::NotARecording)), "{text:?}");
    }
    let endless = vec![b'x'; 3 * LINE_BYTES];
    assert!(matches!(read(&endless).1, Some(RecordingError::NotARecording)));
}

#[test]
fn a_later_form_is_refused_by_its_number_and_maker() {
    let later = format!("{{\"kniwatch-recording\":{},\"by\":\"9.1.0\",\"more\":[]}}\n", VERSION + 1);
    let error = read(later.as_bytes()).1.unwrap();
    assert!(
        matches!(&error, RecordingError::Newer { version, by } if *version == VERSION + 1 && by == "9.1.0")
    );
    assert!(error.to_string().contains("9.1.0") && error.to_string().contains("newer"), "{error}");
}

#[test]
fn fields_of_a_later_kniwatch_are_skipped() {
    let text = format!(
        "{{\"kniwatch-recording\":{VERSION},\"by\":\"9\",\"x\":1}}\n{{\"at\":0,\"event\":\"tick\",\"x\":1}}\n"
    );
    let (events, error) = read(text.as_bytes());
    assert_eq!(events, ticks(1));
    assert!(error.is_none(), "{error:?}");
}

/// As 0.1 wrote it before it followed interfaces and looked into the module.
#[test]
fn what_an_earlier_kniwatch_did_not_record_is_not_known() {
    let earlier = r#"{"kniwatch-recording":1,"by":"0.1.0"}
{"at":1,"event":"start","version":"0.1.0","host":"h","kernel":"6.1.0","unix_ns":0,"boot_ns":0,"utc_offset_s":0,"cpus_online":"0","module":{"version":"22.11","parameters":[]},"question":{"command":"watch"}}
{"at":2,"event":"process","pid":7,"ns_pids":[7],"start_ns":0,"exe":null,"parent":1,"parent_comm":null,"netns":null}
{"at":3,"event":"interface","pid":7,"name":"vEth0","ifindex":2}
"#;
    let (events, error) = read(earlier.as_bytes());
    assert!(error.is_none(), "{error:?}");
    let [Event { what: What::Start(start), .. }, _, Event { what: What::Interface(interface), .. }] =
        &events[..]
    else {
        panic!("{events:?}");
    };
    assert_eq!((start.memory_end, start.netns, interface.mtu), (None, None, None));
    assert_eq!(start.module.as_ref().unwrap().info, None);
}

#[test]
fn a_line_that_is_no_event_is_named_after_all_before_it() {
    for line in ["garbage", "{\"at\":1}", "{\"at\":1,\"event\":\"unheard-of\"}", "", "\u{0}"] {
        let recording = [
            recorded(&ticks(3)),
            format!("{line}\n").into_bytes(),
            b"{\"at\":9,\"event\":\"tick\"}\n".to_vec(),
        ]
        .concat();
        let (events, error) = read(&recording);
        assert_eq!(events, ticks(3));
        assert!(matches!(error, Some(RecordingError::NotAnEvent { line: 5, .. })), "{line:?}: {error:?}");
    }
    let deep = format!("{}\n", "[".repeat(100_000));
    let (_, error) = read(&[recorded(&[]), deep.into_bytes()].concat());
    assert!(matches!(error, Some(RecordingError::NotAnEvent { line: 2, .. })), "{error:?}");
}

#[test]
fn a_broken_off_line_is_told_after_all_before_it() {
    let recording = [recorded(&ticks(3)), b"{\"at\":3,\"ev".to_vec()].concat();
    let (events, error) = read(&recording);
    assert_eq!(events, ticks(3));
    let error = error.unwrap();
    assert!(matches!(error, RecordingError::Truncated { line: 5 }), "{error:?}");
    assert!(error.to_string().contains("breaks off in line 5"), "{error}");
}

#[test]
fn a_line_without_end_takes_no_memory_without_end() {
    let endless = io::Read::chain(io::Cursor::new(recorded(&ticks(1))), io::repeat(b'x'));
    let mut reader = Reader::new(BufReader::new(endless)).unwrap();
    assert_eq!(reader.next().unwrap().unwrap(), ticks(1)[0]);
    assert!(matches!(reader.next(), Some(Err(RecordingError::TooLong { line: 3 }))));
    assert!(reader.next().is_none());
}

#[test]
fn what_is_recorded_together_is_one_write() {
    struct Counting(usize);
    impl Write for Counting {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += 1;
            assert!(bytes.ends_with(b"\n"));
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut recorder = Recorder::new(Counting(0)).unwrap();
    for _ in 0..2 {
        recorder.record(&ticks(3)).unwrap();
    }
    assert_eq!(recorder.out.0, 3);
}
