use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::CommandFactory as _;
use clap::error::ErrorKind;
use expect_test::expect_file;
use kni_ebpf::hook::Hook;
use proptest::prelude::*;

use super::{Check, Cli, Color, Command, Format, Invocation, Observe, Until, Watch, parse_from};
use crate::cause::Cause;
use crate::expectation::Expectation;
use crate::sink::escape;

fn parse(arguments: &[&str]) -> Result<Invocation, clap::Error> {
    parse_from(std::iter::once("kniwatch").chain(arguments.iter().copied()))
}

fn refused(arguments: &[&str]) -> String {
    let error = parse(arguments).expect_err("it is refused");
    assert_eq!(error.exit_code(), 2, "{arguments:?}");
    error.to_string()
}

fn check(arguments: &[&str]) -> Check {
    match parse(arguments).map(|invocation| invocation.command) {
        Ok(Command::Check(check)) => check,
        other => panic!("{arguments:?}: {other:?}"),
    }
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn help_reads_as_it_should_in_80_columns() {
    for (command, expected) in [
        ("", expect_file!["help/kniwatch.txt"]),
        ("watch", expect_file!["help/watch.txt"]),
        ("check", expect_file!["help/check.txt"]),
        ("record", expect_file!["help/record.txt"]),
        ("replay", expect_file!["help/replay.txt"]),
        ("export", expect_file!["help/export.txt"]),
        ("probes", expect_file!["help/probes.txt"]),
        ("ls", expect_file!["help/ls.txt"]),
        ("schema", expect_file!["help/schema.txt"]),
        ("doctor", expect_file!["help/doctor.txt"]),
        ("explain", expect_file!["help/explain.txt"]),
        ("generate", expect_file!["help/generate.txt"]),
    ] {
        let arguments: Vec<&str> = [command, "--help"].into_iter().filter(|word| !word.is_empty()).collect();
        let help = parse(&arguments).expect_err("help is told as an error");
        assert_eq!((help.kind(), help.exit_code()), (ErrorKind::DisplayHelp, 0));
        let help = help.to_string();
        for line in help.lines() {
            assert!(escape::width(line) <= 80, "{line:?}");
        }
        assert!(help.contains("Examples:"), "{command}");
        expected.assert_eq(&help);
    }
}

#[test]
fn every_command_shows_examples_of_itself() {
    for command in Cli::command().get_subcommands() {
        let help = parse(&[command.get_name(), "--help"]).expect_err("help is told as an error").to_string();
        let name = format!("kniwatch {}", command.get_name());
        assert!(help.contains("Examples:") && help.contains(&name), "{help}");
    }
}

#[test]
fn every_example_in_the_help_is_a_valid_command_line() {
    let mut examples = 0;
    let mut root = Cli::command();
    root.build();
    for command in std::iter::once(&root).chain(root.get_subcommands()) {
        let help = command.get_after_help().expect("every command has examples").to_string();
        for line in help.lines() {
            let Some(line) = line.trim().strip_prefix("sudo ").or(line.strip_prefix("  ")) else { continue };
            if !line.starts_with("kniwatch") {
                continue;
            }
            // What follows on two blanks explains; a redirection is the shell's.
            let words = line.split("   ").next().unwrap().split_whitespace();
            let words: Vec<&str> = words.take_while(|word| !word.starts_with('>')).collect();
            assert!(parse_from(&words).is_ok(), "{words:?}: {:?}", parse_from(&words));
            examples += 1;
        }
    }
    assert!(examples >= 14, "{examples}");
}

#[test]
fn no_command_watches() {
    let Invocation { output, command } = parse(&[]).unwrap();
    assert_eq!(command, Command::Watch(Watch::default()));
    assert_eq!(
        (output.format, output.color, output.quiet, output.verbose),
        (Format::Text, Color::Auto, false, false)
    );
    let until =
        Until { duration: Some(Duration::from_millis(500)), stop_after: std::num::NonZeroU64::new(3) };
    let watch = Watch { until, ..Watch::default() };
    for arguments in
        [&["--for", "500ms", "--stop-after", "3"][..], &["watch", "--for", "500ms", "--stop-after", "3"]]
    {
        assert_eq!(parse(arguments).unwrap().command, Command::Watch(watch.clone()));
    }
}

#[test]
fn output_options_stand_anywhere_and_others_after_their_command() {
    for arguments in [&["--format", "json", "-v", "probes"][..], &["probes", "--format", "json", "-v"]] {
        let output = parse(arguments).unwrap().output;
        assert_eq!((output.format, output.verbose), (Format::Json, true));
    }
    assert!(refused(&["--pid", "17", "check"]).contains("after the command"));
    assert!(refused(&["explain", "--for", "1s"]).contains("--for"));
    assert!(refused(&["-q", "-v"]).contains("cannot be used with"));
}

#[test]
fn check_takes_interfaces_a_deadline_and_a_command() {
    let plain = check(&["check"]);
    assert_eq!((plain.expect.len(), plain.within, plain.wait), (0, Duration::from_secs(10), false));
    let full = check(&[
        "check", "--expect", "vEth0_0", "--expect", "vEth0_1", "--within", "2m", "--wait", "--", "./app",
        "-l", "1-2", "--", "-p", "3", "--expect",
    ]);
    assert_eq!(full.expect, ["vEth0_0".into(), "vEth0_1".into()]);
    assert_eq!(full.within, Duration::from_secs(120));
    assert!(full.wait);
    assert_eq!(full.run, ["./app", "-l", "1-2", "--", "-p", "3", "--expect"].map(OsString::from));
    assert!(refused(&["check", "--wait"]).contains("CMD"));
    assert!(refused(&["check", "./app"]).contains("--"));
}

#[test]
fn an_outcome_is_expected_by_its_name_or_its_cause() {
    assert_eq!(check(&["check"]).expect_outcome, Expectation::CREATED);
    for name in Expectation::names() {
        assert_eq!(check(&["check", "--expect-outcome", name]).expect_outcome.name(), name);
    }
    let help = parse(&["check", "--help"]).expect_err("help is told as an error").to_string();
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for name in Expectation::names().filter(|name| !name.contains('.')) {
        assert!(help.contains(&format!(" {name}, ")), "{name}");
    }
    assert!(refused(&["check", "--expect-outcome", "stopped:libary"]).contains("stopped:library"));
}

#[test]
fn an_interface_name_is_any_that_some_kni_could_have() {
    let longest = "x".repeat(31);
    assert_eq!(check(&["check", "--expect", &longest]).expect, [longest.as_str().into()]);
    assert!(refused(&["check", "--expect", ""]).contains("empty name"));
    let longer = refused(&["check", "--expect", &"x".repeat(32)]);
    assert!(longer.contains("32 bytes") && longer.contains("31"), "{longer}");
    let bytes = OsStr::from_bytes(b"kni\xff");
    let parsed =
        parse_from([OsStr::new("kniwatch"), OsStr::new("check"), OsStr::new("--expect"), bytes]).unwrap();
    assert!(
        matches!(parsed.command, Command::Check(Check { expect, .. }) if expect == [b"kni\xff".as_slice().into()])
    );
}

#[test]
fn durations_have_a_unit() {
    for (text, expected) in
        [("500ms", 500), ("10s", 10_000), ("2m", 120_000), ("1m 30s", 90_000), ("1h", 3_600_000)]
    {
        assert_eq!(check(&["check", "--within", text]).within, Duration::from_millis(expected), "{text}");
    }
    for text in ["10", "", "-1s", "1.s", "s", "99999999999999999999s"] {
        assert!(refused(&["check", &format!("--within={text}")]).contains("--within"), "{text}");
    }
}

#[test]
fn hooks_and_causes_go_by_their_names() {
    for hook in Hook::ALL {
        let Command::Watch(Watch { observe: Observe { probing, .. }, .. }) =
            parse(&["--without", hook.name(), "--without", "exit"]).unwrap().command
        else {
            panic!("{hook:?}");
        };
        assert_eq!(probing.without, [hook, Hook::Exit]);
    }
    for cause in Cause::ALL {
        assert_eq!(
            parse(&["explain", cause.name()]).unwrap().command,
            Command::Explain { cause: Some(*cause) }
        );
    }
    assert_eq!(parse(&["explain"]).unwrap().command, Command::Explain { cause: None });
    assert!(refused(&["explain", "lib.memzone-misssing"]).contains("lib.memzone-missing"));
    assert!(refused(&["--without", "handlr"]).contains("handler"));
}

#[test]
fn numbers_that_mean_nothing_are_refused() {
    for arguments in
        [["--pid", "0"], ["--stop-after", "0"], ["--ring-bytes", "5000"], ["--ring-bytes", "2048"]]
    {
        assert!(refused(&arguments).contains(arguments[0]), "{arguments:?}");
    }
    let Command::Watch(watch) = parse(&["--ring-bytes", "4096"]).unwrap().command else { panic!() };
    assert_eq!(watch.observe.ring_bytes, Some(4096));
}

#[test]
fn recordings_are_named_where_they_are_written_and_read() {
    let file = || PathBuf::from("a.rec");
    assert!(
        matches!(parse(&["record", "a.rec"]).unwrap().command, Command::Record { file: f, .. } if f == file())
    );
    assert!(matches!(parse(&["replay", "--pid", "3", "a.rec"]).unwrap().command,
        Command::Replay { file: f, select, junit: None } if f == file() && select.pid == [3]));
    assert_eq!(check(&["check", "--record", "a.rec"]).record, Some(file()));
    assert!(refused(&["record"]).contains("<FILE>"));
    assert!(refused(&["replay"]).contains("<FILE>"));
    assert!(refused(&["record", "--record", "b", "a.rec"]).contains("--record"));
}

#[test]
fn colour_is_for_terminals_unless_it_is_asked_for_or_unwanted() {
    let set = Some(OsStr::new("1"));
    for (color, terminal, no_color, expected) in [
        (Color::Auto, true, None, true),
        (Color::Auto, false, None, false),
        (Color::Auto, true, set, false),
        (Color::Auto, true, Some(OsStr::new("")), true),
        (Color::Always, false, set, true),
        (Color::Never, true, None, false),
    ] {
        assert_eq!(color.wanted(terminal, no_color), expected, "{color:?} {terminal} {no_color:?}");
    }
}

proptest! {
    #[test]
    fn no_command_line_makes_the_parser_panic(words in prop::collection::vec(word(), 0..6)) {
        drop(parse_from(std::iter::once(OsString::from("kniwatch")).chain(words)));
    }
}

fn word() -> impl Strategy<Value = OsString> {
    let known = prop::sample::select(vec![
        "check",
        "watch",
        "record",
        "--expect",
        "--within",
        "--for",
        "--",
        "-q",
        "--without",
        "--pid",
        "--color",
    ]);
    let bytes = prop::collection::vec(1_u8.., 0..12).prop_map(|bytes| OsStr::from_bytes(&bytes).to_owned());
    prop_oneof![known.prop_map(OsString::from), "[0-9]{0,22}(ms|s|h)?".prop_map(OsString::from), bytes]
}
