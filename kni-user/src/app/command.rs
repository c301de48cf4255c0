//! `check -- CMD`: the command, followed from before its first instruction.

use std::ffi::OsString;
use std::future;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::process::Child;
use tokio::time::{Instant, sleep_until};

use super::locked_memory::LockedMemory;
use super::signals::Came;
use crate::event::What;
use crate::probe::Probes;

/// A command that was passed a signal to end is waited for so long.
const GRACE: Duration = Duration::from_secs(5);

/// Where what the command writes to its stdout goes.
#[derive(Clone, Copy, Debug)]
pub(super) enum CommandStdout {
    /// To kniwatch's, on which kniwatch itself says nothing.
    Own,
    /// To stderr: stdout is kniwatch's.
    Stderr,
}

/// The command, from its start to its end.
pub(super) struct Running {
    pid: u32,
    child: Child,
    /// Until when it is waited for, once it was asked to end.
    patience: Option<Instant>,
}

impl Running {
    /// Starts `command`, which may lock `locked_memory`, with all its descendants followed.
    ///
    /// kniwatch follows itself while it forks, and the probes hand that on to the child: so no
    /// descendant can be born unseen.
    pub(super) fn start(
        probes: &mut Probes,
        command: &[OsString],
        stdout: CommandStdout,
        locked_memory: LockedMemory,
    ) -> Result<Self> {
        let (program, arguments) = command.split_first().context("no command was given after --")?;
        let stdout = match stdout {
            CommandStdout::Own => Stdio::inherit(),
            CommandStdout::Stderr => {
                io::stderr().as_fd().try_clone_to_owned().context("cannot share stderr")?.into()
            }
        };
        let mut command = tokio::process::Command::new(program);
        command.args(arguments).stdout(stdout);
        probes.follow(std::process::id())?;
        let started = locked_memory.during(|| command.spawn());
        probes.unfollow(std::process::id())?;
        let child = started
            .context("cannot set the limit of locked memory for the command")?
            .with_context(|| format!("cannot start {}", program.display()))?;
        let pid = child.id().context("the command has no process id")?;
        Ok(Self { pid, child, patience: None })
    }

    /// Its process id.
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }
}

/// Takes a signal: with a command, it is the command's. Whether kniwatch ends by it at once.
pub(super) fn ends(running: &mut Option<Running>, came: Came) -> bool {
    match running {
        Some(running) => {
            came.pass_on(running.pid);
            if came.ends() {
                running.patience.get_or_insert_with(|| Instant::now() + GRACE);
            }
            false
        }
        None => came.ends(),
    }
}

/// Waits for the command's end; none: it was asked to end and does not. Without a command, waits for ever.
///
/// Cancel-safe, as waiting for a child is.
pub(super) async fn ended(running: &mut Option<Running>) -> Result<Option<What>> {
    let Some(Running { pid, child, patience }) = running else { return future::pending().await };
    let given_up = async {
        match *patience {
            Some(moment) => sleep_until(moment).await,
            None => future::pending().await,
        }
    };
    tokio::select! {
        status = child.wait() => {
            let status = status.context("cannot wait for the command")?;
            Ok(Some(What::CommandEnded { pid: *pid, status: status.code(), signal: status.signal() }))
        }
        () = given_up => Ok(None),
    }
}
