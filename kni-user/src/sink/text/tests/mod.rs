//! What is printed, word for word.

#![expect(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]

use expect_test::Expect;

use super::{Text, TextOptions};
use crate::event::Question;
use crate::report::{Attempt, Checked, Told};
use crate::sink::{Sink as _, escape, samples};

mod attempts;
mod interfaces;
mod kernel;
mod layout;
mod library;
mod repeats;
mod runs;
mod story;
mod unattempted;

const QUIET: TextOptions = TextOptions { color: false, quiet: true, verbose: false };
const VERBOSE: TextOptions = TextOptions { color: false, quiet: false, verbose: true };

/// What is printed for `told`.
fn printed(options: TextOptions, told: impl IntoIterator<Item = Told>) -> String {
    let mut out = Vec::new();
    let mut text = Text::new(&mut out, options);
    for what in told {
        text.tell(&samples::report(what)).unwrap();
    }
    let out = String::from_utf8(out).unwrap();
    for line in out.lines() {
        assert!(escape::width(line) <= 80, "{line:?}");
        assert!(!line.ends_with(' '), "{line:?}");
    }
    out
}

/// The lines of `attempt` in a run of `watch`, without the header.
fn paragraph(options: TextOptions, attempt: Attempt) -> String {
    let start = || Told::Start(samples::start(Question::Watch));
    let header = printed(options, [start()]);
    let all = printed(options, [start(), Told::Attempt(Box::new(attempt))]);
    all.strip_prefix(&header).unwrap().to_owned()
}

fn check(attempt: Attempt, expected: &Expect) {
    expected.assert_eq(&paragraph(TextOptions::default(), attempt));
}

/// The lines of a `check` with that answer.
fn answer(options: TextOptions, interfaces: Vec<Checked>, status: u8) -> String {
    let start = Told::Start(samples::start(samples::check_of(&["kni0"])));
    printed(options, [start, Told::Summary(samples::answered(interfaces, status))])
}
