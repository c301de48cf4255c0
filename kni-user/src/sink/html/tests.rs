//! Pages of recorded and of hostile attempts.

use super::page;
use crate::report::Attempt;
use crate::sink::run::{About, Run};
use crate::sink::samples::{entered, silent_refusal, with_text};
use crate::testing::{Answer, events, recordings};
use kni_ebpf::hook::Hook;

fn written(about: &About, attempts: &[Attempt]) -> String {
    let mut out = Vec::new();
    page(&mut out, about, attempts).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn every_recorded_run_is_a_page_that_loads_and_runs_nothing() {
    for recording in recordings() {
        let mut run = Run::default();
        for report in &Answer::of(&events(&recording)).reports {
            run.take(report);
        }
        let page = written(&run.about, &run.attempts);
        assert_eq!(page.matches("<article").count(), run.attempts.len(), "{}", recording.display());
        for never in ["<script", "src=", "url(", "http://", "https://", "@import", "<link"] {
            assert!(!page.contains(never), "{}: {never}", recording.display());
        }
        assert!(page.contains("default-src 'none'"));
    }
}

#[test]
fn an_attempt_in_progress_is_drawn_once_with_its_last_word() {
    let early = Attempt { is_final: false, ..silent_refusal() };
    let other = Attempt { started: early.started + 1, ..silent_refusal() };
    let mut run = Run::default();
    for attempt in [&early, &other, &silent_refusal()] {
        let what = crate::report::Told::Attempt(Box::new(attempt.clone()));
        run.take(&crate::report::Report { at: 0, what });
    }
    assert_eq!(run.attempts, [silent_refusal(), other]);
}

#[test]
fn what_others_chose_is_text_and_nothing_else() {
    let hostile = "</code><script>alert(1)</script>\u{202e}\u{1b}[2J\"'&";
    let mut attempt = silent_refusal();
    attempt.process.comm = hostile.into();
    attempt.interface.claimed = Some(hostile.into());
    attempt.subject = Some(hostile.into());
    attempt.log = vec![hostile.into()];
    attempt.steps.push(with_text(entered(Hook::LibraryLog, 1), hostile));
    let page = written(&About::default(), &[attempt]);
    assert!(page.contains("&lt;script&gt;alert(1)"), "{page}");
    for never in ["<script", "\u{202e}", "\u{1b}"] {
        assert!(!page.contains(never), "{never:?}: {page}");
    }
}
