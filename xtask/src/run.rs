//! `cargo xtask vm`: any command in the dev VM.

use std::ffi::OsString;
use std::io::{IsTerminal as _, Write as _, stderr, stdin, stdout};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use clap::Args;
use kniwatch_tests::guest::Kernel;
use kniwatch_tests::script::quote;

use crate::say;
use crate::setup;
use crate::shell::output;
use crate::vm::{Job, Outcome, Vm, console_log};
use crate::workspace::Workspace;

/// `vm`.
#[derive(Args, Debug)]
#[expect(clippy::doc_markdown, reason = "these are help texts")]
pub(crate) struct VmArgs {
    /// The guest's kernel: 5.10, 6.1 or 6.12
    #[arg(long, value_name = "VERSION", default_value_t = Kernel::MAIN)]
    kernel: Kernel,
    /// Show this directory at /mnt/share, readable and writable
    #[arg(long, value_name = "DIR")]
    share: Option<PathBuf>,
    /// Load rte_kni with this parameter (repeatable): 'carrier=on', 'kthread_mode=multiple'
    #[arg(long = "param", value_name = "NAME=VALUE", conflicts_with = "no_module")]
    parameters: Vec<OsString>,
    /// Leave rte_kni unloaded
    #[arg(long)]
    no_module: bool,
    /// Give the command up after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    timeout: u64,
    /// What to run, as root; nothing: a shell on this terminal
    #[arg(last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// Runs the command; its exit status is ours.
pub(crate) fn vm(workspace: &Workspace, args: &VmArgs) -> Result<ExitCode> {
    let terminal = args.command.is_empty();
    ensure!(
        !terminal || stdin().is_terminal(),
        "a shell in the VM needs a terminal; or name a command: -- CMD"
    );
    setup::build_tools()?;
    setup::vm_tools()?;
    let vm = Vm::prepare(workspace, args.kernel)?;
    let job = Job {
        script: script(args)?,
        share: args.share.as_ref().map(std::path::absolute).transpose()?,
        terminal,
        systemd: false,
        timed: false,
        timeout: (!terminal).then(|| Duration::from_secs(args.timeout)),
    };
    let run = vm.new_run()?;
    if terminal {
        say!("booting; leave the shell to power off");
    }
    let outcome = vm.run(&job, &run, Box::new(stdout()), Box::new(stderr()))?;
    let console = console_log(&run);
    finish(&outcome, &console)
}

/// The job's exit status, or why there is none.
pub(crate) fn finish(outcome: &Outcome, console: &Path) -> Result<ExitCode> {
    for trouble in &outcome.troubles {
        say!("{trouble}");
    }
    if !outcome.troubles.is_empty() {
        say!("the guest's console: {}", console.display());
    }
    match outcome.status {
        Some(status) => Ok(ExitCode::from(status)),
        None if outcome.timed_out => {
            bail!("time was up before the command ended (its console: {})", console.display())
        }
        None => bail!("the guest ended before the command did (its console: {})", console.display()),
    }
}

fn script(args: &VmArgs) -> Result<Vec<u8>> {
    let mut script = Vec::new();
    if !args.no_module {
        script.extend_from_slice(b"modprobe rte_kni");
        for parameter in &args.parameters {
            script.push(b' ');
            script.extend(quote(parameter));
        }
        script.extend_from_slice(b" || exit 125\n");
    }
    if args.command.is_empty() {
        let size = output(Command::new("stty").arg("size").stdin(Stdio::inherit()))?;
        if let Some((rows, columns)) = size.trim().split_once(' ') {
            writeln!(script, "stty rows {rows} columns {columns}")?;
        }
        script.extend_from_slice(b"exec bash -l\n");
    } else {
        script.extend_from_slice(b"exec");
        for word in &args.command {
            script.push(b' ');
            script.extend(quote(word));
        }
        script.push(b'\n');
    }
    Ok(script)
}
