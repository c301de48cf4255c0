//! `replay`: a recording as the source.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};

use super::pipeline::Pipeline;
use crate::cli::Select;
use crate::sink::Sink;
use crate::sink::recording::Reader;

/// Prints what the live run printed, and exits as it did.
pub(super) fn run(path: &Path, select: Select, sink: Box<dyn Sink>) -> Result<ExitCode> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let events =
        Reader::new(BufReader::new(file)).with_context(|| format!("cannot replay {}", path.display()))?;
    let mut pipeline = Pipeline::new(select, sink, None);
    for event in events {
        pipeline.feed(&event.with_context(|| format!("{} is damaged", path.display()))?)?;
    }
    Ok(ExitCode::from(pipeline.exit_status()))
}
