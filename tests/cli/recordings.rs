//! Recordings: those of earlier versions of the form, and those that are not whole.

use std::fs;
use std::path::PathBuf;

use expect_test::expect_file;
use kni_user::sink::recording::VERSION;

use super::{assert_status, kniwatch, recording, root, text};

fn kept(name: &str) -> PathBuf {
    root().join("tests/data/recordings").join(name)
}

/// One for each version that there has been: `UPDATE_EXPECT=1` writes anew what they print.
#[test]
fn a_recording_of_every_version_of_the_form_is_still_read() {
    for version in 1..=VERSION {
        let file = kept(&format!("v{version}.rec"));
        let first = fs::read_to_string(&file).unwrap();
        assert!(first.starts_with(&format!("{{\"kniwatch-recording\":{version},")), "{first}");
        let lines = kniwatch(&["-v", "replay", &file.display().to_string()]).output().unwrap();
        assert_status(&lines, 0);
        expect_file![file.with_extension("txt")].assert_eq(&text(&lines.stderr));
        let json = kniwatch(&["--format", "json", "replay", &file.display().to_string()]).output().unwrap();
        expect_file![file.with_extension("jsonl")].assert_eq(&text(&json.stdout));
    }
}

/// What `watch` recorded goes to stdout, as it did.
#[test]
fn a_watched_run_is_told_on_stdout() {
    let file = kept("watched.rec").display().to_string();
    let output = kniwatch(&["replay", &file]).output().unwrap();
    assert_status(&output, 0);
    assert_eq!(text(&output.stderr), "");
    assert!(text(&output.stdout).contains("complete."), "{}", text(&output.stdout));
}

#[test]
fn wherever_it_is_cut_it_tells_what_it_holds_and_where_it_breaks_off() {
    let whole = fs::read(recording("name-taken")).unwrap();
    let told = kniwatch(&["replay", &recording("name-taken")]).output().unwrap();
    let told = text(&told.stderr).into_owned();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("cut.rec");
    let newlines: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] == b'\n').collect();
    let (first, last) = (newlines[0], newlines[newlines.len() - 2]);
    // In the header, behind it, in the middle, before the last line, in it: the unit tests cut at every byte.
    for (cut, said) in [
        (0, "no recording of kniwatch"),
        (5, "no recording of kniwatch"),
        (first + 1, "breaks off after line 1"),
        (first + 9, "breaks off in line 2"),
        (newlines[newlines.len() / 2] + 1, "breaks off after line"),
        (last + 1, "breaks off after line"),
        (last + 12, "breaks off in line"),
    ] {
        fs::write(&file, &whole[..cut]).unwrap();
        let output = kniwatch(&["replay", &file.display().to_string()]).output().unwrap();
        assert_status(&output, 1);
        let said_all = text(&output.stderr);
        let (report, complaint) = said_all.split_once("kniwatch: ").unwrap();
        assert!(complaint.contains(said) && complaint.contains("cut.rec"), "{cut}: {complaint}");
        assert!(told.starts_with(report), "{cut}: {report}");
        assert_eq!(report.contains("FAIL"), cut > last, "{cut}: {report}");
    }
}

#[test]
fn what_a_later_version_wrote_is_refused_by_its_maker() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("later.rec");
    fs::write(&file, "{\"kniwatch-recording\":99,\"by\":\"7.0.0\"}\n").unwrap();
    let output = kniwatch(&["replay", &file.display().to_string()]).output().unwrap();
    assert_status(&output, 1);
    let complaint = text(&output.stderr);
    assert!(complaint.contains("7.0.0") && complaint.contains("newer"), "{complaint}");
}
