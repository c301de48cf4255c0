//! `generate`: what a package puts beside the program.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};

use crate::cli::files::{GeneratedFile, generated};

/// Writes the files below `dir`.
pub(super) fn run(dir: &Path) -> Result<ExitCode> {
    ensure!(dir.is_dir(), "{} is no directory: make it first", dir.display());
    for GeneratedFile { path, contents } in generated() {
        let file = dir.join(path);
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        }
        fs::write(&file, contents).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}
