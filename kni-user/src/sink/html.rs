//! One self-contained page: every attempt as a waterfall, with its evidence, to attach to a bug report.
//!
//! It loads nothing and runs nothing, and says so to the browser. What others chose is escaped as for a terminal,
//! and for HTML once more.

#[cfg(test)]
mod tests;

use std::io::{self, Write};

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::run::About;
use super::text::words::duration;
use super::text::{self, AttemptWords, around, attempt_words};
use crate::report::{Attempt, Boundary, Outcome};
use crate::waterfall::{Ending, Lane, Reach, Span, Waterfall};

const STYLE: &str = include_str!("html/style.css");

/// What the browser may do with the page: show it in its own colours, and nothing else.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// Writes the page of `attempts`, which are of the run `about`.
///
/// # Errors
/// Those of `out`.
pub fn page(mut out: impl Write, about: &About, attempts: &[Attempt]) -> io::Result<()> {
    let told: Vec<(&Attempt, AttemptWords)> =
        attempts.iter().map(|attempt| (attempt, attempt_words(attempt, about))).collect();
    let title = match &told[..] {
        [(_, only)] => format!("kniwatch: {} {} {}", only.who, only.interface, only.headline),
        several => format!("kniwatch: {} attempts", several.len()),
    };
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (title) }
                @if told.len() != 1 { (contents(&told)) }
                main {
                    @for (number, (attempt, words)) in told.iter().enumerate() {
                        (article(number, attempt, words))
                    }
                }
                footer {
                    h2 { "The run" }
                    ul { @for line in around(about) { li { (line) } } }
                    @if about.summary.is_none() {
                        p { "The totals are not known: the run goes on, or its recording was cut." }
                    }
                    p.small {
                        "What was claimed not to have happened was observed all the time, and nothing was lost \
                         meanwhile; otherwise an attempt is called inconclusive, or a boundary not known."
                    }
                }
            }
        }
    };
    out.write_all(markup.into_string().as_bytes())
}

fn contents(told: &[(&Attempt, AttemptWords)]) -> Markup {
    html! {
        nav {
            @if told.is_empty() { p { "No attempt was seen." } }
            ol {
                @for (number, (attempt, words)) in told.iter().enumerate() {
                    li {
                        a href=(format!("#attempt-{}", number + 1)) {
                            span.time { (words.time) } " " (words.who) " " (words.interface) " "
                        }
                        strong class=(tone(attempt.outcome)) { (words.headline) }
                        @if let Some(again) = &words.again { " (" (again) ")" }
                    }
                }
            }
        }
    }
}

fn article(number: usize, attempt: &Attempt, words: &AttemptWords) -> Markup {
    html! {
        article id=(format!("attempt-{}", number + 1)) {
            header {
                h2 {
                    strong.verdict.(tone(attempt.outcome)) { (words.headline) }
                    " " span.who { (words.who) " " (words.interface) }
                }
                p.time { (words.time) ", " (duration(attempt.duration_ns)) " from its first step to its last" }
                @if let Some(again) = &words.again { p.time { (again) } }
            }
            @if let Some(reason) = &words.reason { p.reason { (reason) } }
            @if let Some(next) = &words.next { p.next { (next) } }
            @if let Some(cause) = attempt.cause {
                p.advice { (cause.name()) ": " (cause.advice()) }
            }
            (waterfall(&Waterfall::of(attempt)))
            @if !words.evidence.is_empty() {
                h3 { "Evidence" }
                ul { @for line in &words.evidence { li { (line) } } }
            }
            @if !words.log.is_empty() {
                h3 { "The kernel's log" }
                pre { @for line in &words.log { (line) "\n" } }
            }
            h3 { "Coverage" }
            @if attempt.coverage.complete {
                p { "Everything that the verdict rests on was observed all the time, and nothing was lost." }
            } @else {
                p { "Not everything that the verdict could rest on was observed:" }
                ul { @for line in &words.unseen { li { (line) } } }
            }
            details {
                summary { "Program, library and every step" }
                pre { @for line in &words.details { (line) "\n" } }
            }
        }
    }
}

fn waterfall(waterfall: &Waterfall) -> Markup {
    let half = waterfall.length_ns / 2;
    html! {
        section.waterfall aria-label="What happened at each boundary" {
            div.axis aria-hidden="true" {
                span { "0" } span { (duration(half)) } span { (duration(waterfall.length_ns)) }
            }
            @for lane in &waterfall.lanes { (self::lane(lane, waterfall.length_ns)) }
        }
    }
}

fn lane(lane: &Lane, length: u64) -> Markup {
    let reach = match (lane.reach, lane.spans.is_empty()) {
        (Reach::Reached, false) => None,
        (Reach::Reached, true) => Some("reached, but not seen here"),
        (Reach::NotReached, _) => Some("not reached"),
        (Reach::NotKnown, _) => Some("nothing seen; whether it was reached is not known"),
    };
    html! {
        div.lane.(lane_class(lane.boundary)) {
            h4 { (lane_name(lane.boundary)) @if let Some(reach) = reach { span.reach { (reach) } } }
            @for span in &lane.spans { (row(span, length)) }
        }
    }
}

/// One span: what it is, what came of it, and its bar.
fn row(span: &Span, length: u64) -> Markup {
    let share = |nanos: u64| percent(nanos, length);
    let (left, right) = (share(span.start_ns), share(span.end_ns));
    let place = format!("left:{left:.2}%;width:{:.2}%", (right - left).max(0.0));
    let kind = match span.ending {
        Ending::Moment => "moment",
        Ending::Returned(_) => "call",
        Ending::Unseen | Ending::Inside => "open",
    };
    html! {
        div.span.failed[span.failed] {
            div.what style=(format!("padding-left:{}ch", 2 * span.depth.min(6))) {
                code { (text::label(span)) }
                @if let Some(result) = text::result(span) { " " span.result { "→ " (result) } }
                @if span.failed { " " strong.bad { "◄ it failed here" } }
            }
            div.when {
                "+" (duration(span.start_ns))
                @if let Some(took) = span.took_ns() { ", for " (duration(took)) }
            }
            div.track { div.bar.(kind) style=(place) {} }
        }
    }
}

/// Where `nanos` of `length` lies, from 0 to 100.
#[expect(clippy::cast_precision_loss, reason = "a bar is drawn to the hundredth of a percent")]
fn percent(nanos: u64, length: u64) -> f64 {
    if length == 0 { 0.0 } else { nanos.min(length) as f64 / length as f64 * 100.0 }
}

const fn lane_name(boundary: Boundary) -> &'static str {
    match boundary {
        Boundary::Library => "Library",
        Boundary::Syscall => "System call",
        Boundary::Module => "Module",
        Boundary::Network => "Network core",
    }
}

const fn lane_class(boundary: Boundary) -> &'static str {
    match boundary {
        Boundary::Library => "library",
        Boundary::Syscall => "syscall",
        Boundary::Module => "module",
        Boundary::Network => "network",
    }
}

const fn tone(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Created => "good",
        Outcome::CreatedElsewhere | Outcome::InProgress | Outcome::Inconclusive => "doubtful",
        Outcome::CreatedDoomed | Outcome::Stopped | Outcome::Died | Outcome::NotAttempted => "bad",
    }
}
