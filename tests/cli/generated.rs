//! Manual pages and completions: what `kniwatch generate` writes, read by what will read it.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails that way")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Command as Definition;
use kni_user::cli::files::definition;
use tempfile::TempDir;

use super::{assert_status, kniwatch, text};

const BASH: &str = "share/bash-completion/completions/kniwatch";
const ZSH: &str = "share/zsh/vendor-completions/_kniwatch";
const FISH: &str = "share/fish/vendor_completions.d/kniwatch.fish";

fn generated() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let output = kniwatch(&["generate", &dir.path().display().to_string()]).output().unwrap();
    assert_status(&output, 0);
    dir
}

/// What `program` prints; it must succeed and complain of nothing.
fn clean(program: &str, arguments: &[&str], file: &Path) -> String {
    let output = Command::new(program).args(arguments).arg(file).output();
    let output = output.unwrap_or_else(|error| panic!("{program} (cargo xtask setup installs it): {error}"));
    let complaint = text(&output.stderr);
    assert!(output.status.success() && complaint.is_empty(), "{program} {}: {complaint}", file.display());
    text(&output.stdout).into_owned()
}

/// Every command that is shown, by the words after the program's name: the program itself first.
fn commands() -> Vec<(Option<String>, Definition)> {
    let program = definition();
    let shown = program.get_subcommands().filter(|command| !command.is_hide_set());
    let shown: Vec<_> = shown.map(|command| (Some(command.get_name().to_owned()), command.clone())).collect();
    std::iter::once((None, program)).chain(shown).collect()
}

fn options(command: &Definition, hidden: bool) -> Vec<String> {
    let options = command.get_arguments().filter(|argument| argument.is_hide_set() == hidden);
    options.filter_map(|option| option.get_long()).map(|long| format!("--{long}")).collect()
}

#[test]
fn every_command_has_a_manual_page_that_groff_finds_nothing_wrong_with() {
    let dir = generated();
    for (name, command) in commands() {
        let page = name.map_or_else(|| "kniwatch".to_owned(), |name| format!("kniwatch-{name}"));
        let file = dir.path().join("share/man/man1").join(format!("{page}.1"));
        let shown = clean("groff", &["-man", "-ww", "-Tutf8", "-P-cbou"], &file);
        for heading in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLES", "SEE ALSO"] {
            assert!(shown.lines().any(|line| line == heading), "{page}: no {heading} in\n{shown}");
        }
        for option in options(&command, false) {
            assert!(shown.contains(&option), "{page}: {option}");
        }
        assert!(!shown.contains("--ring-bytes") && !shown.contains("generate"), "{page}: {shown}");
    }
    let pages = fs::read_dir(dir.path().join("share/man/man1")).unwrap().count();
    assert_eq!(pages, commands().len());
}

#[test]
fn the_shells_take_their_completions() {
    let dir = generated();
    for (shell, file) in [("bash", BASH), ("zsh", ZSH), ("fish", FISH)] {
        clean(shell, &["-n"], &dir.path().join(file));
    }
}

/// What bash offers for the word `--` behind `kniwatch` and `command`.
fn offered_by_bash(file: &Path, command: Option<&str>) -> String {
    let words: Vec<&str> = std::iter::once("kniwatch").chain(command).collect();
    let script = format!(
        "source '{}'; COMP_WORDS=({} --); COMP_CWORD={}; _kniwatch kniwatch -- {}; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        file.display(),
        words.join(" "),
        words.len(),
        words.last().unwrap(),
    );
    let output = Command::new("bash").args(["--norc", "-c", &script]).output().unwrap();
    assert_eq!(text(&output.stderr), "");
    text(&output.stdout).into_owned()
}

fn offered_by_fish(file: &Path, command: Option<&str>, word: &str) -> String {
    let line = std::iter::once("kniwatch").chain(command).chain([word]).collect::<Vec<_>>().join(" ");
    let script = format!("source '{}'; complete -C '{line}'", file.display());
    let home = tempfile::tempdir().unwrap();
    let output = Command::new("fish").args(["--no-config", "-c", &script]).env("HOME", home.path()).output();
    text(&output.expect("fish (cargo xtask setup installs it)").stdout).into_owned()
}

#[test]
fn every_option_is_completed_and_no_hidden_one() {
    let dir = generated();
    let files: Vec<PathBuf> = [BASH, ZSH, FISH].map(|file| dir.path().join(file)).into();
    let [bash, zsh, fish] = files.as_slice() else { unreachable!() };
    let in_zsh = fs::read_to_string(zsh).unwrap();
    for (name, command) in commands() {
        let by_bash = offered_by_bash(bash, name.as_deref());
        let by_fish = offered_by_fish(fish, name.as_deref(), "--");
        let is_offered = |offers: &str, option: &str| {
            offers.lines().any(|line| line.split(['\t', '=']).next() == Some(option))
        };
        for option in options(&command, false) {
            assert!(is_offered(&by_bash, &option), "bash, {name:?}: {option} is not in {by_bash}");
            assert!(is_offered(&by_fish, &option), "fish, {name:?}: {option} is not in {by_fish}");
            // `--pid=[...]`, `--wait[...]`.
            let in_zsh = in_zsh.contains(&format!("{option}=[")) || in_zsh.contains(&format!("{option}["));
            assert!(in_zsh, "zsh: {option}");
        }
        for option in options(&command, true) {
            assert!(!is_offered(&by_bash, &option) && !is_offered(&by_fish, &option), "{option}");
            assert!(!in_zsh.contains(&option), "{option}");
        }
    }
}

#[test]
fn commands_and_the_names_of_causes_are_completed() {
    let dir = generated();
    let fish = dir.path().join(FISH);
    let offered = offered_by_fish(&fish, None, "");
    for (name, _) in commands() {
        let Some(name) = name else { continue };
        assert!(offered.lines().any(|line| line.split('\t').next() == Some(&name)), "{name}: {offered}");
    }
    for file in [BASH, ZSH, FISH] {
        assert!(!fs::read_to_string(dir.path().join(file)).unwrap().contains("generate"), "{file}");
    }
    let script = format!(
        "source '{}'; COMP_WORDS=(kniwatch explain lib.mem); COMP_CWORD=2; _kniwatch kniwatch lib.mem explain; \
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        dir.path().join(BASH).display()
    );
    let output = Command::new("bash").args(["--norc", "-c", &script]).output().unwrap();
    assert!(text(&output.stdout).contains("lib.memzone-missing"), "{}", text(&output.stdout));
}

#[test]
fn a_directory_that_is_not_there_is_not_made() {
    let output = kniwatch(&["generate", "/nonexistent/usr"]).output().unwrap();
    assert_status(&output, 1);
    assert!(text(&output.stderr).contains("/nonexistent/usr"), "{}", text(&output.stderr));
}
