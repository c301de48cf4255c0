//! What `kniwatch schema` prints holds for the lines of every recorded run.

use std::fs;

use serde_json::Value;

use super::{kniwatch, root};

#[test]
fn every_line_of_every_recorded_run_holds_to_it() {
    let printed = kniwatch(&["schema"]).output().unwrap();
    let schema: Value = serde_json::from_slice(&printed.stdout).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut lines = 0;
    let data = fs::read_dir(root().join("tests/data")).unwrap();
    let files = data.flat_map(|kernel| fs::read_dir(kernel.unwrap().path()).unwrap());
    let recordings = files.map(|file| file.unwrap().path());
    for recording in recordings.filter(|path| path.extension().is_some_and(|extension| extension == "rec")) {
        let path = recording.display().to_string();
        let replayed = kniwatch(&["--format", "json", "replay", &path]).output().unwrap();
        for line in replayed.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let line: Value = serde_json::from_slice(line).unwrap();
            if let Err(error) = validator.validate(&line) {
                panic!("{path}: at {}: {error}\n{line}", error.instance_path());
            }
            lines += 1;
        }
    }
    assert!(lines > 300, "only {lines} lines");
}
