//! What is written decodes, and docs/json.md tells all of it.

mod published;
mod schema;

use std::collections::BTreeSet;

use serde_json::Value;

use self::schema::Line;
use super::{JsonLines, alive, doctor, explain, probes};
use crate::cause::Cause;
use crate::event::Question;
use crate::report::{Diagnostic, Report, Told};
use crate::sink::{Sink as _, samples};

const DOC: &str = include_str!("../../../../docs/json.md");

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
    probes(&mut others, &samples::rows(), &samples::sources()).unwrap();
    alive(&mut others, &[samples::kernel::alive()], &["kernel threads can't be seen".to_owned()]).unwrap();
    doctor(&mut others, &samples::findings()).unwrap();
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
    const WORDS: [&str; 13] = [
        "about",
        "level",
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
            // Of a check, and of what could not be looked at, `what` is a phrase.
            let is_phrase =
                |name: &str| name == "what" && (fields.contains_key("number") || fields.len() == 1);
            let is_word = |name: &str| WORDS.contains(&name) && !is_phrase(name);
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
    let expected = [
        "alive",
        "attempt",
        "cause",
        "diagnostic",
        "finding",
        "interface",
        "lost",
        "probe",
        "source",
        "start",
        "summary",
        "unseen",
    ];
    assert_eq!(types.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

#[test]
fn every_example_has_the_fields_of_its_line() {
    let lines: Vec<Value> = everything().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for example in examples() {
        let example: Value = serde_json::from_str(example).unwrap();
        let same = |line: &&Value| {
            ["/type", "/data/kind", "/data/event"]
                .iter()
                .all(|word| line.pointer(word) == example.pointer(word))
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
