//! `replay`: a recording as the source.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};

use super::output;
use super::pipeline::Pipeline;
use crate::cli::{Output, Select};
use crate::event::{Event, Question, What};
use crate::sink::junit::ReportFile;
use crate::sink::recording::{Reader, RecordingError};

/// Prints what the live run printed, where that did, and exits as it did.
pub(super) fn run(path: &Path, select: Select, output: &Output, junit: Option<&Path>) -> Result<ExitCode> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let events =
        Reader::new(BufReader::new(file)).with_context(|| format!("cannot replay {}", path.display()))?;
    let mut events = events.peekable();
    let question = match events.peek() {
        Some(Ok(Event { what: What::Start(start), .. })) => start.question.clone(),
        _ => Question::Watch,
    };
    ensure!(
        junit.is_none() || question != Question::Watch,
        "{} is no check's recording: there is no answer to write as JUnit XML",
        path.display()
    );
    let report = junit.map(ReportFile::create).transpose()?;
    let mut pipeline = Pipeline::new(select, output::sink(output, &question, report.as_ref())?, None);
    let damaged = || format!("{} is damaged", path.display());
    let (mut line, mut ended) = (1, false);
    for event in events {
        let event = event.with_context(damaged)?;
        line += 1;
        ended = matches!(event.what, What::End(_));
        pipeline.feed(&mut vec![event])?;
    }
    if !ended {
        return Err(RecordingError::Unended { line }).with_context(damaged);
    }
    Ok(ExitCode::from(pipeline.exit_status()?))
}
