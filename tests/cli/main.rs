//! The program as its users meet it: what needs no privilege and no BPF.

mod check;
mod export;
mod generated;
mod readme;
mod recordings;
mod schema;

use std::borrow::Cow;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn kniwatch(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kniwatch"));
    command.args(arguments).env_remove("NO_COLOR").env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn recording(scenario: &str) -> String {
    root().join("tests/data/linux-6.1").join(scenario).with_extension("rec").display().to_string()
}

fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

fn assert_status(output: &Output, status: i32) {
    assert_eq!(output.status.code(), Some(status), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_replay_prints_and_exits_as_the_live_run_did() {
    for (scenario, status) in
        [("created", 0), ("silent-refusal", 11), ("device-busy", 12), ("name-taken", 14)]
    {
        let recording = recording(scenario);
        let output = kniwatch(&["-v", "replay", &recording]).output().unwrap();
        assert_status(&output, status);
        let expected = fs::read_to_string(Path::new(&recording).with_extension("txt")).unwrap();
        // What `check` tells people is on stderr.
        assert_eq!((text(&output.stderr), text(&output.stdout)), (expected.into(), "".into()), "{scenario}");
    }
}

#[test]
fn what_is_no_recording_is_refused_by_name() {
    let output = kniwatch(&["replay", "/etc/hostname"]).output().unwrap();
    assert_status(&output, 1);
    assert!(text(&output.stderr).contains("/etc/hostname"), "{}", text(&output.stderr));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut child = kniwatch(&["explain"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut complaint = String::new();
    child.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
    assert_eq!((child.wait().unwrap().code(), complaint.as_str()), (Some(0), ""));
}

#[test]
fn without_privilege_it_says_what_is_missing_and_what_to_do() {
    // Root's capabilities end with its bounding set; others have none.
    let output = Command::new("setpriv")
        .args(["--inh-caps=-all", "--bounding-set=-all", env!("CARGO_BIN_EXE_kniwatch")])
        .output()
        .unwrap_or_else(|error| panic!("setpriv, of util-linux: {error}"));
    let output = if output.status.code() == Some(3) {
        output
    } else {
        // Only root may take from the bounding set.
        kniwatch(&[]).output().unwrap()
    };
    assert_status(&output, 3);
    let complaint = text(&output.stderr);
    for part in ["CAP_BPF", "CAP_PERFMON", "sudo kniwatch", "setcap", "kniwatch replay"] {
        assert!(complaint.contains(part), "no {part} in: {complaint}");
    }
    assert_eq!(text(&output.stdout), "");
}

#[test]
fn errors_of_usage_have_a_status_of_their_own() {
    for arguments in
        [&["check", "--within", "soon"][..], &["--pid", "1", "check"], &["explain", "lib.nonsense"]]
    {
        assert_status(&kniwatch(arguments).output().unwrap(), 2);
    }
}
