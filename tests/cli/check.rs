//! `check`'s answers: every exit status, on which stream what is told, and the report for CI systems.

#![expect(clippy::unwrap_used, reason = "a test fails that way")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use super::{assert_status, kniwatch, recording, root, text};

/// How a status is reached.
enum By {
    /// By replaying this run of `tests/data/linux-6.1`.
    Run(&'static str),
    /// By replaying what such a run would have recorded, had something else happened.
    Changed(&'static str, fn(Vec<String>) -> Vec<String>),
    /// By this command line.
    Arguments(&'static [&'static str]),
    /// By this command line of somebody without privileges.
    Unprivileged(&'static [&'static str]),
}

/// Every status that docs/exit-status.md promises, and by what it is reached here. `tests/src/table` has the scenarios
/// in which the live program reaches those of `check`.
const STATUSES: [(i32, By); 14] = [
    (0, By::Run("created")),
    (0, By::Changed("silent-refusal", |lines| expecting("stopped:library", lines))),
    (1, By::Arguments(&["replay", "/etc/hostname"])),
    (2, By::Arguments(&["check", "--within", "soon"])),
    (3, By::Unprivileged(&["check", "--expect", "vEth0_0"])),
    (10, By::Changed("created", nobody_tries)),
    (11, By::Run("silent-refusal")),
    (12, By::Run("device-busy")),
    (13, By::Run("duplicate-name")),
    (14, By::Run("name-taken")),
    (15, By::Run("created-elsewhere")),
    (16, By::Changed("silent-refusal", never_returns)),
    (17, By::Changed("created", |lines| expecting("stopped", lines))),
    (20, By::Run("starved")),
];

fn expecting(outcome: &str, mut lines: Vec<String>) -> Vec<String> {
    let start = lines.get_mut(1).unwrap();
    *start = start.replace(r#""expect":"#, &format!(r#""expect_outcome":"{outcome}","expect":"#));
    lines
}

/// What was seen of processes is left out.
fn nobody_tries(mut lines: Vec<String>) -> Vec<String> {
    let seen = ["step", "call", "process", "mapped", "object", "interface", "link", "kernel-log"];
    lines.retain(|line| !seen.iter().any(|event| line.contains(&format!(r#""event":"{event}""#))));
    lines
}

/// The run ends inside `rte_kni_alloc`.
fn never_returns(mut lines: Vec<String>) -> Vec<String> {
    let inside = lines
        .iter()
        .position(|line| line.contains(r#""event":"step""#) && line.contains(r#""hook":"library-alloc""#));
    let end = lines.pop().unwrap();
    lines.truncate(inside.unwrap() + 1);
    lines.push(end);
    lines
}

/// A recording that is changed so, as long as the directory lives.
fn changed(run: &str, change: fn(Vec<String>) -> Vec<String>) -> (tempfile::TempDir, String) {
    let lines = fs::read_to_string(recording(run)).unwrap().lines().map(str::to_owned).collect();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("changed.rec");
    fs::write(&file, change(lines).join("\n") + "\n").unwrap();
    let file = file.display().to_string();
    (dir, file)
}

fn reached(by: &By) -> Output {
    match by {
        By::Run(run) => kniwatch(&["replay", &recording(run)]).output(),
        By::Changed(run, change) => {
            let (_dir, file) = changed(run, *change);
            kniwatch(&["replay", &file]).output()
        }
        By::Arguments(arguments) => kniwatch(arguments).output(),
        By::Unprivileged(arguments) => {
            let mut command = Command::new("setpriv");
            command.args(["--inh-caps=-all", "--bounding-set=-all", env!("CARGO_BIN_EXE_kniwatch")]);
            command.args(*arguments).output()
        }
    }
    .unwrap()
}

/// The numbers in the first column of the tables of docs/exit-status.md.
fn documented() -> BTreeSet<i32> {
    let document = fs::read_to_string(root().join("docs/exit-status.md")).unwrap();
    // Those of `doctor` are a matter of the machine, and of its own tests.
    let sections = document.split("\n## ").filter(|section| !section.starts_with("`kniwatch doctor`"));
    let rows = sections.flat_map(str::lines).filter_map(|line| line.strip_prefix("| ")?.split_once(" |"));
    rows.filter_map(|(status, _)| status.parse().ok()).collect()
}

#[test]
fn every_documented_status_is_reached_and_no_other() {
    for (status, by) in &STATUSES {
        assert_status(&reached(by), *status);
    }
    let reached: BTreeSet<i32> = STATUSES.iter().map(|(status, _)| *status).collect();
    assert_eq!(reached, documented(), "those of this table, and those of docs/exit-status.md");
}

#[test]
fn the_report_is_on_stderr_and_json_lines_alone_on_stdout() {
    let file = recording("name-taken");
    let lines = kniwatch(&["replay", &file]).output().unwrap();
    assert_eq!(text(&lines.stdout), "");
    assert!(text(&lines.stderr).contains("FAIL 0 of 1 created; exit status 14"), "{}", text(&lines.stderr));
    let json = kniwatch(&["--format", "json", "replay", &file]).output().unwrap();
    assert_eq!(text(&json.stderr), text(&lines.stderr));
    let parsed: Vec<serde_json::Value> =
        text(&json.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&parsed[0]["type"], &parsed[parsed.len() - 1]["type"]), (&"start".into(), &"summary".into()));
    let quiet = kniwatch(&["-q", "replay", &file]).output().unwrap();
    assert!(text(&quiet.stderr).starts_with("FAIL 0 of 1"), "{}", text(&quiet.stderr));
}

#[test]
fn a_reader_that_goes_away_does_not_change_the_answer() {
    let mut child = kniwatch(&["--format", "json", "replay", &recording("name-taken")]);
    let mut child =
        child.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_status(&output, 14);
    assert!(text(&output.stderr).contains("FAIL"), "{}", text(&output.stderr));
}

fn junit(arguments: &[&str]) -> (Output, String) {
    let dir = tempfile::tempdir().unwrap();
    let xml: PathBuf = dir.path().join("kni.xml");
    let output = kniwatch(arguments).args(["--junit", &xml.display().to_string()]).output().unwrap();
    (output, fs::read_to_string(xml).unwrap_or_default())
}

#[test]
fn the_answer_is_a_document_that_an_xml_reader_takes() {
    for (run, status, failures) in [("name-taken", 14, 1), ("created", 0, 0)] {
        let (output, xml) = junit(&["replay", &recording(run)]);
        assert_status(&output, status);
        let document =
            quick_junit::Report::deserialize_from_str(&xml).unwrap_or_else(|error| panic!("{error}: {xml}"));
        assert_eq!((document.tests, document.failures, document.errors), (1, failures, 0), "{xml}");
    }
    let (output, xml) =
        junit(&["replay", &root().join("tests/data/recordings/watched.rec").display().to_string()]);
    assert_status(&output, 1);
    assert!(
        xml.is_empty() && text(&output.stderr).contains("no check's recording"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn a_negative_test_says_what_it_was_asked_for() {
    let (_dir, file) = changed("silent-refusal", |lines| expecting("lib.memzone-exists", lines));
    let output = kniwatch(&["-q", "replay", &file]).output().unwrap();
    assert_eq!(text(&output.stderr), "OK 1 of 1 as expected (lib.memzone-exists)\n");
    let (_dir, file) = changed("created", |lines| expecting("stopped", lines));
    let output = kniwatch(&["-q", "replay", &file]).output().unwrap();
    assert!(text(&output.stderr).contains("exit status 17"), "{}", text(&output.stderr));
}
