//! Other programs, with errors that say what was run and why it matters.

use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context as _, Result, ensure};

/// Runs `command` to its end, its output on stderr with the rest of the progress.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    run_as_it_is(command.stdout(std::io::stderr()))
}

/// Runs `command` to its end, its output where the caller has put it.
pub(crate) fn run_as_it_is(command: &mut Command) -> Result<()> {
    let status = status(command)?;
    ensure!(status.success(), "{} failed ({status})", describe(command));
    Ok(())
}

/// Runs `command` to its end and returns how it ended.
pub(crate) fn status(command: &mut Command) -> Result<ExitStatus> {
    command.status().with_context(|| format!("cannot start {}", describe(command)))
}

/// What `command` writes to its standard output, if it succeeds.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start {}", describe(command)))?;
    ensure!(output.status.success(), "{} failed ({})", describe(command), output.status);
    String::from_utf8(output.stdout).with_context(|| format!("{} printed no text", describe(command)))
}

/// Whether `command` can be run and succeeds; its output is nobody's business.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn describe(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}
