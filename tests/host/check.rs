//! The program itself on this host: whose output goes where, whose signals, and what is left of a recording.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::LazyLock;

use kniwatch_tests::schema::Schema;
use tempfile::TempDir;

/// The program, which `cargo xtask test host` builds first.
fn kniwatch() -> PathBuf {
    let program =
        std::env::var_os("KNIWATCH_PROGRAM").expect("KNIWATCH_PROGRAM: run `cargo xtask test host`");
    program.into()
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(kniwatch());
    command.args(arguments).env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

fn replayed(format: &str, file: &Path) -> Output {
    command(&["--format", format, "replay"]).arg(file).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// JSON Lines, each of which must hold to the schema that is printed.
fn json_lines(bytes: &[u8]) -> String {
    static SCHEMA: LazyLock<Schema> =
        LazyLock::new(|| Schema::new(&command(&["schema"]).output().unwrap().stdout).unwrap());
    let lines = text(bytes);
    assert_eq!(SCHEMA.complaints(&lines), [""; 0]);
    lines
}

/// A directory, and a path in it.
fn file(name: &str) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    (dir, path)
}

#[test]
fn a_command_s_output_is_its_own_and_a_replay_prints_what_the_report_was() {
    let bytes = b"a\n\xff\x00\x1b[31m no newline";
    let script = r"printf 'a\n\377\000\033[31m no newline'; exit 3";
    let (_dir, recording) = file("run.rec");
    let record = recording.display().to_string();
    let check = ["check", "--expect", "vEth0_0", "--record", &record, "--", "sh", "-c", script];

    let lines = command(&check).output().unwrap();
    assert_eq!(lines.stdout, bytes);
    let report = text(&lines.stderr);
    assert!(report.contains("the command ended with exit status 3"), "{report}");
    assert!(report.contains("FAIL 0 of 1 created; exit status 20"), "{report}");
    let again = replayed("text", &recording);
    assert_eq!((text(&again.stderr), text(&again.stdout)), (report, String::new()));
    assert_eq!((lines.status.code(), again.status.code()), (Some(20), Some(20)));

    let json = command(&[&["--format", "json"], &check[..]].concat()).output().unwrap();
    let again = replayed("json", &recording);
    assert_eq!(json_lines(&json.stdout), text(&again.stdout));
    // Each of the two wrote there; the report begins behind what the program printed.
    let at = json.stderr.windows(bytes.len()).position(|window| window == bytes);
    assert_eq!(at, Some(0), "{}", text(&json.stderr));
    assert_eq!(text(&json.stderr[bytes.len()..]), text(&again.stderr));
}

/// A running check, whose command has said that it is ready. What the tests were started with ignored, as INT and QUIT
/// are of what runs in the background, would stay so.
fn ready(script: &str) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut check = Command::new("env");
    check.arg("--default-signal").arg(kniwatch()).env_remove("RUST_LOG").stdin(Stdio::null());
    check.args(["check", "--within", "1m", "--wait", "--", "sh", "-c", script]);
    let mut child = check.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n", "{}", text(&child.wait_with_output().unwrap().stderr));
    (child, stdout)
}

fn send(pid: u32, signal: &str) {
    assert!(Command::new("kill").args(["-s", signal, &pid.to_string()]).status().unwrap().success());
}

/// Ends after the first signal; a second one, soon after, would be told too.
const TELLS: &str = "for s in INT TERM HUP QUIT USR1 USR2; do trap \"echo got $s; n=1\" $s; done; echo ready; \
                     while [ -z \"$n\" ]; do sleep 0.05; done; sleep 0.3; exit 7";

#[test]
fn signals_are_the_command_s_once_each_and_its_exit_status_is_told() {
    for signal in ["INT", "TERM", "HUP", "QUIT", "USR1", "USR2"] {
        let (mut child, mut stdout) = ready(TELLS);
        send(child.id(), signal);
        let (mut said, mut report) = (String::new(), String::new());
        stdout.read_to_string(&mut said).unwrap();
        child.stderr.take().unwrap().read_to_string(&mut report).unwrap();
        assert_eq!(said, format!("got {signal}\n"));
        assert!(report.contains("the command ended with exit status 7"), "{signal}: {report}");
        assert_eq!(child.wait().unwrap().code(), Some(20), "{signal}: {report}");
    }
}

#[test]
fn what_a_command_sends_to_its_whole_group_does_not_come_back_to_it() {
    let script = "trap 'echo got TERM' TERM; kill -TERM 0; sleep 0.3; exit 7";
    let mut check = command(&["check", "--within", "1m", "--wait", "--", "sh", "-c", script]);
    // A group of their own: the test stays out of it.
    let output = check.process_group(0).output().unwrap();
    assert_eq!(text(&output.stdout), "got TERM\n");
    let report = text(&output.stderr);
    assert!(report.contains("the command ended with exit status 7"), "{report}");
}

#[test]
fn what_a_terminal_sends_to_both_is_not_passed_on_again() {
    let program = kniwatch().display().to_string();
    let (_dir, script) = file("command");
    fs::write(&script, TELLS).unwrap();
    let line = format!("env --default-signal {program} check --within 1m --wait -- sh {}", script.display());
    let mut terminal = Command::new("script");
    let terminal = terminal.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    let mut terminal = terminal.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut keys = terminal.stdin.take().unwrap();
    let mut screen = BufReader::new(terminal.stdout.take().unwrap());
    let mut seen = String::new();
    while !seen.contains("ready") {
        assert!(screen.read_line(&mut seen).unwrap() > 0, "{seen}");
    }
    keys.write_all(b"\x03").unwrap();
    screen.read_to_string(&mut seen).unwrap();
    assert_eq!(seen.matches("got INT").count(), 1, "{seen}");
    assert!(seen.contains("the command ended with exit status 7"), "{seen}");
    drop(keys);
    terminal.wait().unwrap();
}

#[test]
fn a_command_that_does_not_end_when_asked_to_is_not_waited_for_without_end() {
    let (mut child, _stdout) = ready("trap '' TERM; echo ready; exec sleep 15");
    send(child.id(), "TERM");
    let mut report = String::new();
    // It ends before its command does, which has stderr open too: the report's last line is waited for, not its end.
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    while !report.contains("exit status") {
        assert!(stderr.read_line(&mut report).unwrap() > 0, "{report}");
    }
    let status: ExitStatus = child.wait().unwrap();
    assert_eq!(status.code(), Some(20), "{report}");
    // The command stays, and ends by itself.
}

#[test]
fn a_killed_run_s_recording_holds_all_that_was_told_and_says_where_it_breaks_off() {
    let (_dir, recording) = file("killed.rec");
    let mut watch = command(&["--format", "json", "record"]);
    let mut child = watch.arg(&recording).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut told = String::new();
    while !told.contains(r#""kind":"armed""#) {
        assert!(stdout.read_line(&mut told).unwrap() > 0, "{told}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    stdout.read_to_string(&mut told).unwrap();
    let again = replayed("json", &recording);
    let whole = json_lines(&again.stdout);
    assert!(whole.starts_with(&told), "{told}\n{whole}");
    assert_eq!(again.status.code(), Some(1));
    let complaint = text(&again.stderr);
    assert!(complaint.contains("breaks off") && complaint.contains("killed.rec"), "{complaint}");
}

#[test]
fn a_full_disk_ends_the_recording_and_not_the_run() {
    let dir = tempfile::tempdir().unwrap();
    let program = kniwatch().display().to_string();
    let at = dir.path().display();
    let script = format!(
        "mount -t tmpfs -o size=4k none {at} && {program} --lines --for 300ms --record {at}/full.rec; \
         echo \"status $?\"; {program} replay {at}/full.rec; echo \"replay $?\""
    );
    let output = Command::new("unshare").args(["--mount", "sh", "-c", &script]).output().unwrap();
    let (said, complaint) = (text(&output.stdout), text(&output.stderr));
    assert!(said.contains("status 1\n") && said.contains("replay 1\n"), "{said}{complaint}");
    assert!(said.contains("no attempt was seen"), "the run went on to its end: {said}");
    let full = complaint.find("No space left on device").unwrap_or_else(|| panic!("{complaint}"));
    assert!(complaint[full..].contains("is not whole"), "told at once, and again at the end: {complaint}");
    // In a line, or by chance behind one.
    assert!(complaint.contains("breaks off"), "{complaint}");
}

#[test]
fn a_recording_that_can_t_even_begin_is_an_error_before_anything_is_observed() {
    let output = command(&["record", "--for", "1s", "/dev/full"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let complaint = text(&output.stderr);
    assert!(complaint.contains("/dev/full") && complaint.contains("No space left"), "{complaint}");
    assert_eq!(text(&output.stdout), "");
}

#[test]
fn who_can_t_be_asked_leaves_a_report_with_the_reason() {
    let (_dir, xml) = file("kni.xml");
    let output = Command::new("setpriv")
        .args(["--inh-caps=-all", "--bounding-set=-all"])
        .arg(kniwatch())
        .args(["check", "--junit"])
        .arg(&xml)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    let report = fs::read_to_string(&xml).unwrap();
    assert!(report.contains("errors=\"1\"") && report.contains("CAP_BPF"), "{report}");
}

#[test]
fn a_report_in_a_directory_of_somebody_else_gets_the_reason_too() {
    let dir = tempfile::tempdir().unwrap();
    let (theirs, small) = (dir.path().join("theirs"), dir.path().join("small"));
    let xml = theirs.join("kni.xml");
    fs::create_dir(&theirs).unwrap();
    fs::create_dir(&small).unwrap();
    fs::write(&xml, "").unwrap();
    for (path, mode) in [(&xml, 0o600), (&theirs, 0o700)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        chown(path, Some(4711), Some(4711)).unwrap();
    }
    // A full disk ends the recording, when the right to write everywhere is given up.
    let (small, program, report) = (small.display(), kniwatch().display().to_string(), xml.display());
    let script = format!(
        "mount -t tmpfs -o size=4k none {small} && exec {program} check --within 300ms --junit {report} \
         --record {small}/full.rec"
    );
    let output = Command::new("unshare").args(["--mount", "sh", "-c", &script]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let written = fs::read_to_string(&xml).unwrap();
    assert!(written.contains("errors=\"1\"") && written.contains("is not whole"), "{written}");
}
