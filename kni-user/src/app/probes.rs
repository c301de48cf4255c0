//! `probes`: what is or would be attached here.

use std::io;
use std::process::ExitCode;

use anyhow::{Context as _, Result};

use crate::cli::{Format, Output, Probing};
use crate::preflight::{self, CannotObserve};
use crate::probe::{self, Config, Probes, Row};
use crate::sink::{jsonl, text};

/// Attaches everything to see what can be had, and tells; without the privilege for it, tells the plan.
pub(super) fn run(output: &Output, probing: &Probing) -> Result<ExitCode> {
    let config = config(probing);
    let (rows, denied) = match rows(&config) {
        Ok(rows) => (rows, None),
        Err(error) => (probe::planned_rows(&config), Some(error.downcast::<CannotObserve>()?)),
    };
    let sources = preflight::sources();
    match output.format {
        Format::Json => jsonl::probes(io::stdout(), &rows, &sources),
        Format::Text => text::probes(io::stdout(), &rows, &sources),
    }
    .context("cannot write the output")?;
    match denied {
        Some(error) => Err(error.into()),
        None => Ok(ExitCode::SUCCESS),
    }
}

fn rows(config: &Config) -> Result<Vec<Row>> {
    let mut probes = Probes::load(config)?;
    probes.attach_all();
    Ok(probes.rows().to_vec())
}

/// The probes' part of the command line.
pub(super) fn config(probing: &Probing) -> Config {
    let Probing { exe, arm, without } = probing.clone();
    Config { without, arm, executables: exe, ..Config::default() }
}
