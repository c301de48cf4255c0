//! `check`'s answer as `JUnit` XML, which CI systems show as the results of tests: a test case an expected interface.

use std::fs::File;
use std::io::{self, Seek as _, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use chrono::DateTime;
use quick_junit::{NonSuccessKind, Property, Report as Document, TestCase, TestCaseStatus, TestSuite};

use super::text::{self, words};
use super::{Sink, escape};
use crate::cause::Cause;
use crate::event::{Nanos, Start};
use crate::report::{CheckResult, Checked, Outcome, Report, Summary, Told};
use crate::untrusted::Untrusted;

#[cfg(test)]
mod tests;

/// The name of the report, its one suite, and the class of its cases.
const NAME: &str = "kniwatch check";

/// Writes the answer, when there is one.
#[derive(Debug)]
pub struct JUnit<W> {
    out: W,
    start: Option<(Nanos, Start)>,
}

/// The file that a report goes to; one that is there is replaced.
///
/// Made before anything is observed: what can't be written is said at once, and the rights to the directory may be
/// given up later.
#[derive(Debug)]
pub struct ReportFile {
    path: PathBuf,
    file: File,
}

impl ReportFile {
    /// # Errors
    /// The file can't be made.
    pub fn create(path: &Path) -> Result<Self> {
        let file = File::create(path)
            .with_context(|| format!("cannot create the JUnit report {}", path.display()))?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// The sink that writes to it.
    ///
    /// # Errors
    /// There is no room for another file descriptor.
    pub fn sink(&self) -> Result<JUnit<File>> {
        let file = self.file.try_clone();
        let file = file.with_context(|| format!("cannot share the JUnit report {}", self.path.display()))?;
        Ok(JUnit::new(file))
    }

    /// Says why there is no answer, in place of whatever was written: a reader of the report alone must not take that
    /// for none expected.
    ///
    /// # Errors
    /// Those of the file.
    pub fn fail(self, error: &anyhow::Error) -> Result<()> {
        let mut document = Document::new(NAME);
        document.add_test_suite(failure(error));
        self.replace_by(&document)
            .with_context(|| format!("cannot write the JUnit report {}", self.path.display()))
    }

    fn replace_by(&self, document: &Document) -> Result<()> {
        let mut file = &self.file;
        // What is no regular file, such as a pipe, keeps nothing that could be replaced.
        if file.metadata()?.is_file() {
            file.set_len(0)?;
            file.rewind()?;
        }
        Ok(document.serialize(file)?)
    }
}

impl<W: Write> JUnit<W> {
    /// Writes to `out`, at the end.
    pub const fn new(out: W) -> Self {
        Self { out, start: None }
    }

    fn write(&mut self, at: Nanos, summary: &Summary, answer: &CheckResult) -> io::Result<()> {
        let Some((began, start)) = &self.start else { return Ok(()) };
        let took = Duration::from_nanos(at.saturating_sub(*began));
        let mut suite = suite(start, *began, summary, answer);
        suite.set_time(took);
        let mut document = Document::new(NAME);
        document.set_timestamp(DateTime::from_timestamp_nanos(start.unix_ns)).set_time(took);
        document.add_test_suite(suite);
        document.serialize(&mut self.out).map_err(io::Error::other)?;
        self.out.flush()
    }
}

impl<W: Write> Sink for JUnit<W> {
    fn tell(&mut self, report: &Report) -> io::Result<()> {
        match &report.what {
            Told::Start(start) => self.start = Some((report.at, start.clone())),
            Told::Summary(summary) => {
                if let Some(answer) = &summary.check {
                    return self.write(report.at, summary, answer);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// Why there is no answer, in an answer's place.
fn failure(error: &anyhow::Error) -> TestSuite {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    let said = escape::line(&format!("{error:#}").as_str().into(), usize::MAX);
    status.set_type("no answer").set_message(legal(&said));
    let mut suite = TestSuite::new(NAME);
    suite.add_test_case(TestCase::new("observing", status));
    suite
}

fn suite(start: &Start, began: Nanos, summary: &Summary, answer: &CheckResult) -> TestSuite {
    let CheckResult { interfaces, expected, exit_status } = answer;
    let mut suite = TestSuite::new(NAME);
    let property = |name: &str, value: &str| Property::new(name, legal(value));
    suite.set_timestamp(DateTime::from_timestamp_nanos(start.unix_ns)).add_properties([
        property("kniwatch", &line(&start.version.as_str().into())),
        property("host", &line(&start.host)),
        property("kernel", &line(&start.kernel)),
        property("module", &text::told::module(start.module.as_ref())),
        property("expected", expected.name()),
        property("exit-status", &exit_status.to_string()),
        property("complete", &summary.complete.to_string()),
    ]);
    suite.add_test_cases(interfaces.iter().map(|checked| case(checked, start, began)));
    suite
}

fn case(checked: &Checked, start: &Start, began: Nanos) -> TestCase {
    let name = checked.name.as_ref().map_or_else(|| "any interface".to_owned(), line);
    let (message, evidence) = text::check::words(checked, start, began);
    let mut status = match (checked.as_expected, checked.outcome) {
        (true, _) => TestCaseStatus::success(),
        // Nothing is known to have failed but the look at it.
        (false, Outcome::Inconclusive) => TestCaseStatus::non_success(NonSuccessKind::Error),
        (false, _) => TestCaseStatus::non_success(NonSuccessKind::Failure),
    };
    if !checked.as_expected {
        let why =
            checked.cause.map_or_else(|| words::outcome(checked.outcome, checked.boundary), Cause::name);
        status.set_type(why).set_message(legal(&message)).set_description(legal(&evidence));
    }
    let mut case = TestCase::new(legal(&name), status);
    case.set_classname(NAME);
    if let Some(attempt) = &checked.attempt {
        case.set_time(Duration::from_nanos(attempt.duration_ns));
    }
    if checked.as_expected {
        case.set_system_out(legal(&format!("{message}\n{evidence}")));
    }
    case
}

fn line(text: &Untrusted) -> String {
    escape::line(text, usize::MAX)
}

/// `text` without what no XML can hold, escaped as elsewhere. Control characters are so already.
fn legal(text: &str) -> String {
    text.replace('\u{fffe}', r"\u{fffe}").replace('\u{ffff}', r"\u{ffff}")
}
