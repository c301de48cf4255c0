//! `ls`: the KNI interfaces that are alive.

use std::io;
use std::process::ExitCode;

use anyhow::{Context as _, Result};

use crate::cli::{Format, Output};
use crate::sink::{jsonl, text};
use crate::{host, inventory};

/// Looks, and tells. That there are none is an answer too.
pub(super) fn run(output: &Output) -> Result<ExitCode> {
    let (facts, unseen) = host::inventory::read();
    let alive = inventory::alive(&facts);
    match output.format {
        Format::Json => jsonl::alive(io::stdout(), &alive, &unseen),
        Format::Text => text::alive(io::stdout(), &alive, &unseen),
    }
    .context("cannot write the output")?;
    Ok(ExitCode::SUCCESS)
}
