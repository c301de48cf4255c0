//! What keeps KNI, or kniwatch, from working on this machine: facts to findings. Pure; `host::doctor` reads the facts.
//!
//! A fact that could not be read makes a finding of its own, which says so: nothing is guessed.

mod console;
mod device;
mod facts;
mod libraries;
mod memory;
mod module;
mod observing;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::Serialize;

pub use self::facts::{
    Device, Fact, Facts, Kprobes, LibraryFile, Loaded, ModuleFile, Node, Pool, Privilege, Tracefs, Unknown,
    User,
};
use crate::untrusted::Untrusted;

/// How bad it is, the least first.
#[derive(Clone, Copy, Debug, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// As it should be.
    Ok,
    /// Worth knowing.
    Note,
    /// It could not be found out.
    Unknown,
    /// It works, but not as one may expect.
    Warning,
    /// KNI can't work, or a boundary can't be observed.
    Failure,
}

impl Level {
    /// All of them, the least first.
    pub const ALL: [Self; 5] = [Self::Ok, Self::Note, Self::Unknown, Self::Warning, Self::Failure];
}

/// One thing that was looked at.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Finding {
    /// What it is about: a stable name.
    pub about: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What was found, a phrase. It may have names in it that others chose.
    pub found: Untrusted,
    /// What shows it or follows from it, phrases.
    pub evidence: Vec<Untrusted>,
    /// What to do about it.
    pub remedy: Option<Untrusted>,
}

impl Finding {
    fn new(level: Level, about: &'static str, found: impl AsRef<str>) -> Self {
        Self { about, level, found: found.as_ref().into(), evidence: Vec::new(), remedy: None }
    }

    fn ok(about: &'static str, found: impl AsRef<str>) -> Self {
        Self::new(Level::Ok, about, found)
    }

    fn note(about: &'static str, found: impl AsRef<str>) -> Self {
        Self::new(Level::Note, about, found)
    }

    fn warning(about: &'static str, found: impl AsRef<str>) -> Self {
        Self::new(Level::Warning, about, found)
    }

    fn failure(about: &'static str, found: impl AsRef<str>) -> Self {
        Self::new(Level::Failure, about, found)
    }

    /// What could not be found out, and why.
    fn unknown(about: &'static str, found: impl AsRef<str>, Unknown(why): &Unknown) -> Self {
        Self::new(Level::Unknown, about, format!("not known: {} ({why})", found.as_ref()))
    }

    fn because(mut self, evidence: impl AsRef<str>) -> Self {
        self.evidence.push(evidence.as_ref().into());
        self
    }

    fn remedy(mut self, remedy: impl AsRef<str>) -> Self {
        self.remedy = Some(remedy.as_ref().into());
        self
    }
}

/// What is to be said of a machine: first what kniwatch needs to observe, then what KNI needs to work, in the order
/// in which a program comes to it.
#[must_use]
pub fn findings(facts: &Facts) -> Vec<Finding> {
    [observing::findings(facts), module::findings(facts), device::findings(facts), memory::findings(facts)]
        .into_iter()
        .flatten()
        .chain(libraries::findings(facts))
        .chain(console::findings(facts))
        .collect()
}

/// `doctor`'s exit status, by the worst finding (docs/exit-status.md). What is not known makes none.
#[must_use]
pub fn exit_status(findings: &[Finding]) -> u8 {
    match findings.iter().map(|finding| finding.level).max() {
        Some(Level::Failure) => 31,
        Some(Level::Warning) => 30,
        Some(Level::Unknown | Level::Note | Level::Ok) | None => 0,
    }
}

/// For a phrase. The sinks make it safe to show.
fn text(name: &Untrusted) -> String {
    String::from_utf8_lossy(name.as_bytes()).into_owned()
}

/// So many processes that may not be looked at.
fn hidden(processes: usize) -> Unknown {
    let noun = if processes == 1 { "process" } else { "processes" };
    Unknown(format!("{processes} {noun} may not be looked at: that takes CAP_SYS_PTRACE, or root"))
}
