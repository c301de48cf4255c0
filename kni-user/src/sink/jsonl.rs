//! JSON Lines: one object a line, `{"type": ..., "data": {...}}`, as `docs/json.md` documents it.

use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use super::Sink;
use crate::cause::Cause;
use crate::doctor::Finding;
use crate::event::{self, Coverage, Nanos};
use crate::explanation::Explanation;
use crate::inventory::Alive;
use crate::preflight::Source;
use crate::probe::Row;
use crate::report::{
    Attempt, Changed, CoverageChange, Diagnostic, Hooks, Lost, Released, Report, Summary, Told,
};
use crate::untrusted::Untrusted;

mod schema;
#[cfg(test)]
mod tests;

pub use schema::schema;

/// Version of the form: raised when something a reader relies on changes its meaning or goes.
/// New types, fields and causes come without.
pub const SCHEMA: u32 = 1;

/// Writes reports as JSON Lines.
#[derive(Debug)]
pub struct JsonLines<W> {
    out: W,
    /// Wall-clock time of the stream's clock at 0, nanoseconds since 1970; from its start.
    epoch: i64,
}

impl<W: Write> JsonLines<W> {
    /// Writes to `out`, a whole line at a time.
    pub fn new(out: W) -> Self {
        Self { out, epoch: 0 }
    }

    fn line(&mut self, line: &Line<'_>) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        self.out.write_all(&bytes)?;
        self.out.flush()
    }
}

impl<W: Write> Sink for JsonLines<W> {
    fn tell(&mut self, report: &Report) -> io::Result<()> {
        let Report { at, what } = report;
        if let Told::Start(start) = what {
            self.epoch = start.unix_ns.saturating_sub_unsigned(*at);
        }
        match Line::of(what, time(self.epoch, *at)) {
            Some(line) => self.line(&line),
            None => Ok(()),
        }
    }
}

/// Writes what is known of `causes`, one line each.
///
/// # Errors
/// Those of `out`.
pub fn explain(out: impl Write, causes: &[Cause]) -> io::Result<()> {
    let mut lines = JsonLines::new(out);
    causes.iter().try_for_each(|cause| lines.line(&Line::of_cause(*cause)))
}

/// Writes what became of each source and each hook, one line each.
///
/// # Errors
/// Those of `out`.
pub fn probes(out: impl Write, rows: &[Row], sources: &[Source]) -> io::Result<()> {
    let mut lines = JsonLines::new(out);
    sources.iter().try_for_each(|source| lines.line(&Line::of_source(source)))?;
    rows.iter().try_for_each(|row| lines.line(&Line::of_probe(row)))
}

/// Writes what was found of the machine, one line each.
///
/// # Errors
/// Those of `out`.
pub fn doctor(out: impl Write, findings: &[Finding]) -> io::Result<()> {
    let mut lines = JsonLines::new(out);
    findings.iter().try_for_each(|finding| lines.line(&Line::Finding(finding)))
}

/// Writes which interfaces are alive, one line each, and what could not be looked at.
///
/// # Errors
/// Those of `out`.
pub fn alive(out: impl Write, alive: &[Alive], unseen: &[String]) -> io::Result<()> {
    let mut lines = JsonLines::new(out);
    alive.iter().try_for_each(|alive| lines.line(&Line::Alive(alive)))?;
    unseen.iter().try_for_each(|what| lines.line(&Line::Unseen(Unseen { what })))
}

fn time(epoch: i64, at: Nanos) -> i64 {
    epoch.saturating_add_unsigned(at)
}

#[derive(JsonSchema, Serialize)]
#[serde(tag = "type", content = "data", rename_all = "kebab-case")]
enum Line<'a> {
    Start(Start<'a>),
    Attempt(&'a Attempt),
    Interface(Interface<'a>),
    Lost(Timed<&'a Lost>),
    Diagnostic(Timed<Note<'a>>),
    Summary(Timed<&'a Summary>),
    Cause(Explained),
    Probe(Probe<'a>),
    Alive(&'a Alive),
    Unseen(Unseen<'a>),
    Source(Readable<'a>),
    Finding(&'a Finding),
}

/// What could not be looked at.
#[derive(JsonSchema, Serialize)]
struct Unseen<'a> {
    what: &'a str,
}

/// With the wall-clock time at which it was told, nanoseconds since 1970.
#[derive(JsonSchema, Serialize)]
struct Timed<T> {
    time: i64,
    #[serde(flatten)]
    what: T,
}

#[derive(JsonSchema, Serialize)]
struct Start<'a> {
    schema: u32,
    #[serde(flatten)]
    start: &'a event::Start,
}

#[derive(JsonSchema, Serialize)]
struct Interface<'a> {
    time: i64,
    #[serde(flatten)]
    what: Became<'a>,
}

#[derive(JsonSchema, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Became<'a> {
    Released(&'a Released),
    /// It says itself which.
    #[serde(untagged)]
    Changed(&'a Changed),
}

#[derive(JsonSchema, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Note<'a> {
    Armed {
        live: &'a [&'static str],
        waiting: &'a [&'static str],
        idle: &'a [&'static str],
        missing: Vec<Missing<'a>>,
    },
    Coverage(&'a CoverageChange),
    #[serde(untagged)]
    Other(&'a Diagnostic),
}

#[derive(JsonSchema, Serialize)]
struct Missing<'a> {
    hook: &'static str,
    reason: &'a str,
}

#[derive(JsonSchema, Serialize)]
struct Explained {
    cause: Cause,
    meaning: &'static str,
    advice: &'static str,
    #[serde(flatten)]
    explanation: Explanation,
}

#[derive(JsonSchema, Serialize)]
struct Probe<'a> {
    hook: &'static str,
    state: &'static str,
    reason: Option<&'a str>,
    via: Untrusted,
    object: Option<Untrusted>,
    sites: Vec<Sites>,
    required: bool,
    lost_without: &'static str,
}

/// A source.
#[derive(JsonSchema, Serialize)]
struct Readable<'a> {
    source: &'static str,
    state: &'static str,
    reason: Option<&'a str>,
    via: &'static str,
    lost_without: &'static str,
}

/// Places of a class.
#[derive(JsonSchema, Serialize)]
struct Sites {
    class: &'static str,
    count: usize,
}

impl<'a> Line<'a> {
    /// None for what another line tells too.
    fn of(told: &'a Told, time: i64) -> Option<Self> {
        let note = |what| Self::Diagnostic(Timed { time, what });
        Some(match told {
            Told::Start(start) => Self::Start(Start { schema: SCHEMA, start }),
            Told::Armed(hooks) => note(Note::armed(hooks)),
            Told::Coverage(change) => note(Note::Coverage(change)),
            Told::Attempt(attempt) => Self::Attempt(attempt),
            Told::Released(released) => Self::Interface(Interface { time, what: Became::Released(released) }),
            Told::Changed(changed) => Self::Interface(Interface { time, what: Became::Changed(changed) }),
            Told::Lost(lost) => Self::Lost(Timed { time, what: lost }),
            Told::Diagnostic(diagnostic) => note(Note::Other(diagnostic)),
            Told::Answer(_) => return None,
            Told::Summary(summary) => Self::Summary(Timed { time, what: summary }),
        })
    }

    fn of_cause(cause: Cause) -> Self {
        let explanation = Explanation::of(cause);
        Self::Cause(Explained { cause, meaning: cause.meaning(), advice: cause.advice(), explanation })
    }

    fn of_source(source: &'a Source) -> Self {
        let (state, reason) = source.state.describe();
        let Source { name, place, lost_without, .. } = *source;
        Self::Source(Readable { source: name, state, reason, via: place, lost_without })
    }

    fn of_probe(row: &'a Row) -> Self {
        let Coverage { hook, via, object, state: _ } = row.coverage();
        let (state, reason) = row.state.describe();
        let Row { required, lost_without, .. } = *row;
        let sites = row.sites.iter().map(|(class, count)| Sites { class: class.name(), count: *count });
        let sites = sites.collect();
        Self::Probe(Probe { hook: hook.name(), state, reason, via, object, sites, required, lost_without })
    }
}

impl<'a> Note<'a> {
    fn armed(hooks: &'a Hooks) -> Self {
        let Hooks { live, waiting, idle, missing } = hooks;
        let missing = missing.iter().map(|(hook, reason)| Missing { hook, reason }).collect();
        Self::Armed { live, waiting, idle, missing }
    }
}
