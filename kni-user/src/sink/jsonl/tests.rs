//! The form as a reader has it: types of its own, which refuse what docs/json.md doesn't name.

#![expect(dead_code, reason = "that it decodes is the test")]

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use super::{JsonLines, explain, probes};
use crate::cause::Cause;
use crate::event::Question;
use crate::report::{Diagnostic, Report, Told};
use crate::sink::{Sink as _, samples};

const DOC: &str = include_str!("../../../../docs/json.md");

#[derive(Debug, Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "kebab-case", deny_unknown_fields)]
enum Line {
    Start(Start),
    Attempt(Box<Attempt>),
    Interface(Gone),
    Lost(Lost),
    Diagnostic(Diagnosed),
    Summary(Summary),
    Cause(Explained),
    Probe(Probe),
}

/// Declares structs that take exactly these fields.
macro_rules! strict {
    ($($name:ident { $($field:ident: $kind:ty),* $(,)? })*) => {
        $(
            #[derive(Debug, Deserialize)]
            #[serde(deny_unknown_fields)]
            struct $name { $($field: $kind),* }
        )*
    };
}

/// Text, or bytes that are no UTF-8.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Text {
    Utf8(String),
    Other(Hex),
}

strict! {
    Hex { hex: String }
    Start {
        schema: u32,
        version: String,
        host: Text,
        kernel: Text,
        unix_ns: i64,
        boot_ns: u64,
        utc_offset_s: i32,
        cpus_online: Text,
        module: Option<Module>,
        question: Asked,
    }
    Module { version: Option<Text>, parameters: Vec<(Text, Text)> }
    Asked {
        command: String,
        expect: Option<Vec<Text>>,
        within_ns: Option<u64>,
        runs_command: Option<bool>,
    }
    Attempt {
        process: Process,
        interface: Interface,
        outcome: String,
        boundary: Option<String>,
        cause: Option<String>,
        errno: Errnos,
        subject: Option<Text>,
        holder: Option<Holder>,
        issued: Option<bool>,
        arguments: Option<Arguments>,
        check: Option<Check>,
        origin: Option<Origin>,
        library: Option<Library>,
        end: Option<End>,
        steps: Vec<Step>,
        log: Vec<Text>,
        coverage: Coverage,
        repeat: Option<Repeat>,
        started: i64,
        duration_ns: u64,
    }
    Process {
        pid: u32,
        tid: u32,
        ns_pid: Option<u32>,
        comm: Text,
        exe: Option<Text>,
        start_ns: Option<u64>,
        mntns: Option<u64>,
    }
    Arguments { name: Argument, pool: Argument, iova_mode: Option<String> }
    Check {
        function: String,
        releases: String,
        what: String,
        number: u8,
        of: u8,
        time: Option<(u8, u8)>,
    }
    Origin {
        hook: String,
        place: String,
        text: Option<Text>,
        detail: Option<Text>,
        after_ns: u64,
        value: Option<i64>,
        rte_errno: Option<i32>,
        before_ns: u64,
    }
    Library {
        object: Option<Text>,
        is_static: Option<bool>,
        releases: Option<String>,
        layout: Option<char>,
        evidence: Vec<String>,
    }
    End { status: Option<i32>, signal: Option<i32>, core_dumped: bool }
    Interface {
        claimed: Option<Text>,
        consumed: Option<Text>,
        actual: Option<Text>,
        ifindex: Option<u32>,
        netns: Option<u64>,
    }
    Errnos { user: Option<i32>, kernel: Option<i32> }
    Holder { pid: u32, comm: Text }
    Step {
        hook: String,
        place: String,
        text: Option<Text>,
        detail: Option<Text>,
        after_ns: u64,
        value: Option<i64>,
        rte_errno: Option<i32>,
    }
    Coverage { complete: bool, missing: Vec<Unseen> }
    Repeat {
        count: u64,
        previous_pid: u32,
        lived_ns: Option<u64>,
        shortest_ns: Option<u64>,
        longest_ns: Option<u64>,
        over_ns: u64,
        parent: Option<Holder>,
    }
    Loop {
        program: Text,
        interface: Option<Text>,
        outcome: String,
        boundary: Option<String>,
        cause: Option<String>,
        count: u64,
        over_ns: u64,
        shortest_ns: Option<u64>,
        longest_ns: Option<u64>,
        parent: Option<Holder>,
    }
    Gone {
        time: i64,
        event: String,
        name: Text,
        ifindex: Option<u32>,
        pid: u32,
        comm: Text,
        how: String,
        lived_ns: Option<u64>,
    }
    Lost { time: i64, count: u64, total: u64 }
    Missing { hook: String, reason: String }
    Summary {
        time: i64,
        attempts: Tally,
        ledger: Ledger,
        complete: bool,
        loops: Vec<Loop>,
        check: Option<Answer>,
    }
    Tally {
        created: u64,
        created_elsewhere: u64,
        created_doomed: u64,
        stopped_library: u64,
        stopped_syscall: u64,
        stopped_module: u64,
        stopped_network: u64,
        died: u64,
        in_progress: u64,
        not_attempted: u64,
        inconclusive: u64,
    }
    Ledger {
        emitted: u64,
        filtered: u64,
        lost: u64,
        missed: u64,
        displaced: u64,
        unpaired: u64,
        received: u64,
        undecoded: u64,
    }
    Answer { interfaces: Vec<Checked>, exit_status: u8 }
    Checked {
        name: Option<Text>,
        outcome: String,
        boundary: Option<String>,
        cause: Option<String>,
        gone_again: bool,
        attempt: Option<Attempt>,
    }
    Probe {
        hook: String,
        state: String,
        reason: Option<String>,
        via: Text,
        object: Option<Text>,
        sites: Vec<Sites>,
        required: bool,
        lost_without: String,
    }
    Sites { class: String, count: u64 }
    Explained { cause: String, meaning: String, advice: String }
}

#[derive(Debug, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case", deny_unknown_fields)]
enum Unseen {
    Hook { hook: String, reason: Option<String>, armed_after_ns: Option<u64> },
    Records { lost: u64 },
    Entry { hook: String },
}

#[derive(Debug, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case", deny_unknown_fields)]
enum Argument {
    Null,
    Text { text: Text },
    Unreadable { errno: i32 },
}

#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
enum Diagnosed {
    Armed {
        time: i64,
        live: Vec<String>,
        waiting: Vec<String>,
        idle: Vec<String>,
        missing: Vec<Missing>,
    },
    Coverage {
        time: i64,
        came: Vec<String>,
        went: Vec<String>,
        blind_ns: Option<u64>,
    },
    CommandEnded {
        time: i64,
        status: Option<i32>,
        signal: Option<i32>,
    },
    DiedInModule {
        time: i64,
        thread: Holder,
        function: Text,
        at: Option<Text>,
        device_stuck: bool,
        interfaces: Vec<Text>,
        log: Vec<Text>,
    },
}

/// What is written for `reports`.
fn written(reports: &[Report]) -> String {
    let mut out = Vec::new();
    let mut lines = JsonLines::new(&mut out);
    for report in reports {
        lines.tell(report).unwrap();
    }
    String::from_utf8(out).unwrap()
}

fn everything() -> String {
    let watch = samples::report(Told::Start(samples::start(Question::Watch)));
    let killed = Diagnostic::CommandEnded { status: None, signal: Some(6) };
    let reports =
        [vec![watch], samples::everything(), vec![samples::report(Told::Diagnostic(killed))]].concat();
    let mut others = Vec::new();
    explain(&mut others, Cause::ALL).unwrap();
    probes(&mut others, &samples::rows()).unwrap();
    written(&reports) + &String::from_utf8(others).unwrap()
}

/// The lines of the document's examples.
fn examples() -> impl Iterator<Item = &'static str> {
    let mut inside = false;
    DOC.lines().filter(move |line| {
        let fence = line.starts_with("```");
        inside = if fence { *line == "```json" } else { inside };
        inside && !fence
    })
}

#[test]
fn every_line_decodes_strictly_and_every_report_is_one() {
    let lines = everything();
    for line in lines.lines() {
        serde_json::from_str::<Line>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
    assert_eq!(written(&samples::everything()).lines().count(), samples::everything().len());
}

#[test]
fn the_document_names_every_field_and_word_that_occurs() {
    let mut names = BTreeSet::new();
    for line in everything().lines() {
        collect(&serde_json::from_str(line).unwrap(), &mut names);
    }
    let unnamed: Vec<&String> = names.iter().filter(|name| !DOC.contains(&format!("`{name}`"))).collect();
    assert!(unnamed.is_empty(), "docs/json.md doesn't mention {unnamed:?}");
}

/// Every field's name, and the values of fields whose values are words of the form.
fn collect(value: &Value, names: &mut BTreeSet<String>) {
    const WORDS: [&str; 11] = [
        "state",
        "type",
        "kind",
        "what",
        "outcome",
        "boundary",
        "command",
        "how",
        "event",
        "iova_mode",
        "layout",
    ];
    match value {
        Value::Object(fields) => {
            // Of a check, `what` is a phrase.
            let is_word =
                |name: &str| WORDS.contains(&name) && !(name == "what" && fields.contains_key("number"));
            for (name, value) in fields {
                names.insert(name.clone());
                if let (true, Value::String(word)) = (is_word(name), value) {
                    names.insert(word.clone());
                }
                collect(value, names);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, names)),
        _ => {}
    }
}

#[test]
fn the_document_has_an_example_of_every_type_and_all_of_them_decode() {
    let mut types = BTreeSet::new();
    for example in examples() {
        serde_json::from_str::<Line>(example).unwrap_or_else(|error| panic!("{error}: {example}"));
        let line: Value = serde_json::from_str(example).unwrap();
        types.insert(line["type"].as_str().unwrap().to_owned());
    }
    let expected = ["attempt", "cause", "diagnostic", "interface", "lost", "probe", "start", "summary"];
    assert_eq!(types.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

#[test]
fn every_example_has_the_fields_of_its_line() {
    let lines: Vec<Value> = everything().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for example in examples() {
        let example: Value = serde_json::from_str(example).unwrap();
        let same = |line: &&Value| {
            ["/type", "/data/kind"].iter().all(|word| line.pointer(word) == example.pointer(word))
        };
        let line = lines.iter().find(same).unwrap_or_else(|| panic!("no such line: {example}"));
        let (mut expected, mut found) = (fields(&line["data"]), fields(&example["data"]));
        if let (Some(line), Some(example)) = (line.pointer("/data/steps/0"), example.pointer("/data/steps/0"))
        {
            expected.extend(fields(line));
            found.extend(fields(example));
        }
        assert_eq!(found, expected, "{example}");
    }
}

fn fields(value: &Value) -> Vec<&String> {
    value.as_object().into_iter().flat_map(serde_json::Map::keys).collect()
}

#[test]
fn times_are_those_of_the_recording_machine() {
    let mut reports = samples::everything();
    for report in &mut reports[1..] {
        report.at += 1_500;
    }
    let start: Value = serde_json::from_str(written(&reports).lines().next().unwrap()).unwrap();
    let epoch = start["data"]["unix_ns"].as_i64().unwrap();
    let lost = written(&reports).lines().find(|line| line.contains("\"lost\",")).unwrap().to_owned();
    let lost: Value = serde_json::from_str(&lost).unwrap();
    assert_eq!(lost["data"]["time"].as_i64().unwrap(), epoch + 1_500);
}

#[test]
fn bytes_that_are_no_text_lose_nothing() {
    let mut attempt = samples::created();
    attempt.process.comm = b"\xff\x00\x1b".as_slice().into();
    let line = written(&[samples::report(Told::Attempt(Box::new(attempt)))]);
    assert!(line.contains(r#""comm":{"hex":"ff001b"}"#), "{line}");
    serde_json::from_str::<Line>(&line).unwrap();
}
