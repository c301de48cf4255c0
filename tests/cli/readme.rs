//! The README's commands: each is understood, and those that need nothing but files do what they say.

#![expect(clippy::unwrap_used, reason = "a test fails that way")]

use std::fs;
use std::path::Path;

use super::{assert_status, kniwatch, recording, root};

/// The README's command lines that begin with one of `programs`, without `sudo` and what explains them.
fn commands(programs: &[&str]) -> Vec<Vec<String>> {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let indented =
        readme.lines().filter_map(|line| line.strip_prefix("    ")).filter(|line| !line.starts_with(' '));
    let quoted = readme.split('`').skip(1).step_by(2);
    let commands = indented.chain(quoted).map(|line| line.strip_prefix("sudo ").unwrap_or(line));
    let commands = commands.map(|line| line.split("  ").next().unwrap_or(line));
    let words = commands.map(|command| command.split(' ').map(str::to_owned).collect::<Vec<_>>());
    let words = words.filter(|words| words.first().is_some_and(|word| programs.contains(&word.as_str())));
    words.collect()
}

#[test]
fn every_command_of_the_program_is_understood() {
    let commands = commands(&["kniwatch", "target/release/kniwatch"]);
    assert!(commands.len() >= 8, "the README shows too few commands: {commands:?}");
    for command in commands {
        if let Err(error) = kni_user::cli::parse_from(&command) {
            // A word in a sentence, such as `kniwatch --help`, may ask for help.
            assert_eq!(error.exit_code(), 0, "{}: {error}", command.join(" "));
        }
    }
}

#[test]
fn every_command_that_is_shown_to_users_is_one_of_them() {
    let commands = commands(&["kniwatch"]);
    for command in ["check", "ls", "probes", "record", "replay", "export", "doctor", "explain"] {
        let is_it = |words: &Vec<String>| words.get(1).is_some_and(|word| word == command);
        assert!(commands.iter().any(is_it), "the README does not show kniwatch {command}");
    }
}

#[test]
fn what_needs_files_alone_runs() {
    let mut ran = 0;
    for command in commands(&["kniwatch"]) {
        let words: Vec<String> = command[1..]
            .iter()
            .map(|word| if word == "FILE" { recording("created") } else { word.clone() })
            .collect();
        if !words.first().is_some_and(|word| ["replay", "explain"].contains(&word.as_str())) {
            continue;
        }
        let output = kniwatch(&words.iter().map(String::as_str).collect::<Vec<_>>()).output().unwrap();
        assert_status(&output, 0);
        assert!(!(output.stdout.is_empty() && output.stderr.is_empty()), "{words:?}");
        ran += 1;
    }
    assert!(ran >= 2, "{ran}");
}

#[test]
fn every_document_that_is_linked_is_there() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let links = readme.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    let links: Vec<&str> = links.filter(|link| !link.contains("://")).collect();
    assert!(links.len() >= 5, "{links:?}");
    for link in links {
        assert!(root().join(Path::new(link)).exists(), "{link}");
    }
}
