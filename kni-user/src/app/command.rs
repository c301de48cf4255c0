//! `check -- CMD`: the command, followed from before its first instruction.

use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};

use anyhow::{Context as _, Result};
use tokio::process::Child;

use crate::event::What;
use crate::probe::Probes;

/// Starts `command` with all its descendants followed.
///
/// kniwatch follows itself while it forks, and the probes hand that on to the child: so no
/// descendant can be born unseen. What the command prints goes to stderr: stdout is kniwatch's.
pub(super) fn start(probes: &mut Probes, command: &[std::ffi::OsString]) -> Result<Child> {
    let (program, arguments) = command.split_first().context("no command was given after --")?;
    let stderr = io::stderr().as_fd().try_clone_to_owned().context("cannot share stderr")?;
    probes.follow(std::process::id())?;
    let child = tokio::process::Command::new(program)
        .args(arguments)
        .stdout(Stdio::from(stderr))
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()));
    probes.unfollow(std::process::id())?;
    child
}

/// The event of the command's end.
pub(super) fn ended(pid: u32, status: ExitStatus) -> What {
    What::CommandEnded { pid, status: status.code(), signal: status.signal() }
}
