use kni_ebpf::hook::Hook;
use proptest::prelude::*;

use super::{QUIET, VERBOSE, answer, paragraph};
use crate::cause::Cause;
use crate::event::Holder;
use crate::report::{Argument, Attempt};
use crate::sink::text::check::STATUSES;
use crate::sink::text::{Text, TextOptions, explain};
use crate::sink::{Sink as _, escape, samples};
use crate::untrusted::Untrusted;

#[test]
fn colour_changes_no_character() {
    let colored = TextOptions { color: true, ..TextOptions::default() };
    let lines = |options| -> Vec<String> {
        let mut out = Vec::new();
        let mut text = Text::new(&mut out, options);
        for report in samples::everything() {
            text.tell(&report).unwrap();
        }
        String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
    };
    let stripped: Vec<String> = lines(colored).iter().map(|line| strip(line)).collect();
    assert_eq!(stripped, lines(TextOptions::default()));
    assert!(lines(colored).iter().any(|line| line.contains("\u{1b}[1;31mFAIL\u{1b}[0m")));
}

fn strip(line: &str) -> String {
    let codes = ["\u{1b}[1;31m", "\u{1b}[1;32m", "\u{1b}[1;33m", "\u{1b}[0m"];
    codes.iter().fold(line.to_owned(), |line, code| line.replace(code, ""))
}

#[test]
fn explanations_fit_and_name_every_cause() {
    let explained = |cause| {
        let mut out = Vec::new();
        explain(&mut out, cause).unwrap();
        String::from_utf8(out).unwrap()
    };
    let list = explained(None);
    for cause in Cause::ALL {
        assert!(list.contains(&format!("{}  ", cause.name())), "{}", cause.name());
        let one = explained(Some(*cause));
        assert!(one.starts_with(cause.name()) && one.contains("\ndo        "), "{one}");
        assert!(list.lines().chain(one.lines()).all(|line| escape::width(line) <= 80), "{one}");
    }
}

/// Names as an attacker would choose them.
fn hostile() -> impl Strategy<Value = Untrusted> {
    let byte = any::<u8>().prop_map(|byte| vec![byte]);
    let character = any::<char>().prop_map(|c| c.to_string().into_bytes());
    let plain = "[ -~]{0,8}".prop_map(String::into_bytes);
    prop::collection::vec(prop_oneof![byte, character, plain], 0..140)
        .prop_map(|parts| Untrusted::from(parts.concat().as_slice()))
}

fn hostile_attempt() -> impl Strategy<Value = Attempt> {
    let base = [
        samples::created(),
        samples::silent_refusal_1604(),
        samples::restarted(),
        samples::looping(),
        samples::device_busy(),
        samples::name_taken(),
        samples::inconclusive(samples::unseen()),
    ];
    let base = prop::sample::select([base.to_vec(), samples::library::all()].concat());
    let names = prop::collection::vec(hostile(), 7);
    (base, names, any::<(u32, u64, u64, i64)>(), any::<Option<i32>>()).prop_map(
        |(mut attempt, mut names, (pid, nanos, value, started), errno)| {
            let mut name = || names.pop().unwrap_or_default();
            attempt.process.comm = name();
            attempt.interface.claimed = Some(name());
            attempt.interface.consumed = Some(name());
            attempt.subject = Some(name());
            let (text, detail, path) = (name(), name(), name());
            if let Some(library) = &mut attempt.library {
                library.object = Some(path);
                library.releases = Some(String::from_utf8_lossy(detail.as_bytes()).into_owned());
            }
            let before = attempt.origin.as_mut().map(|origin| &mut origin.step);
            for step in attempt.steps.iter_mut().chain(before) {
                step.text = Some(text.clone());
                step.detail = Some(detail.clone());
                step.after_ns = nanos;
                step.value = step.value.map(|_| value.cast_signed());
            }
            attempt.log = vec![text.clone(); 7];
            if let Some(arguments) = &mut attempt.arguments {
                arguments.pool = Argument::Text { text: text.clone() };
            }
            attempt.holder = Some(Holder { pid, comm: text });
            attempt.process.pid = pid;
            attempt.errno.user = errno;
            attempt.duration_ns = nanos;
            attempt.started = started;
            attempt
        },
    )
}

proptest! {
    #[test]
    fn no_name_breaks_the_layout(attempt in hostile_attempt(), status: u8) {
        for options in [TextOptions::default(), VERBOSE, QUIET] {
            let out = paragraph(options, attempt.clone()) + &answer(options, vec![samples::checked(attempt.clone())], status);
            prop_assert!(out.lines().all(|line| escape::width(line) <= 80), "{out}");
            prop_assert!(out.chars().all(|c| c == '\n' || !c.is_control()), "{out}");
        }
        // One attempt is one headline: no name can pass for another.
        let headlines = paragraph(QUIET, attempt).lines().filter(|line| !line.starts_with(' ')).count();
        prop_assert_eq!(headlines, 1);
    }
}

#[test]
fn the_documents_name_every_hook_and_each_of_its_states() {
    let probes = include_str!("../../../../../docs/probes.md");
    for hook in Hook::ALL {
        assert!(probes.contains(&format!("`{}`", hook.name())), "docs/probes.md: {hook:?}");
    }
    let vocabulary = include_str!("../../../../../docs/vocabulary.md");
    for row in samples::rows() {
        let (state, _) = row.state.describe();
        assert!(vocabulary.contains(&format!("\n| {state} |")), "docs/vocabulary.md: {state}");
    }
}

#[test]
fn the_documents_name_every_cause_and_status() {
    let causes = include_str!("../../../../../docs/causes.md");
    let headings: Vec<&str> = causes.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let names: Vec<&str> = Cause::ALL.iter().map(|cause| cause.name()).collect();
    assert_eq!(headings, names, "docs/causes.md has each cause once, in this order");
    let statuses = include_str!("../../../../../docs/exit-status.md");
    for (status, meaning) in STATUSES {
        let row = statuses.lines().find(|line| line.starts_with(&format!("| {status} |")));
        let word = meaning.split([' ', ',']).next().unwrap_or_default();
        assert!(row.is_some_and(|row| row.contains(word)), "docs/exit-status.md: {status} {meaning}");
    }
}
