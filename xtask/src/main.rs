//! kniwatch's own chores: set up, build, run in the dev VM, test, measure.

mod build;
mod privilege;
mod run;
mod say;
mod setup;
mod shell;
#[path = "../../kni-user/build/toolchain.rs"]
#[expect(dead_code, reason = "kni-user's build script uses the rest")]
mod toolchain;
mod vm;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use workspace::Workspace;

/// kniwatch's own chores.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", max_term_width = 80)]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
#[expect(clippy::doc_markdown, reason = "these are help texts")]
enum Chore {
    /// Find or install what building, the dev VM and the tests need
    Setup,
    /// Run a command as root in the dev VM, rte_kni loaded and kniwatch in PATH
    #[command(after_help = VM_EXAMPLES)]
    Vm(run::VmArgs),
}

const VM_EXAMPLES: &str = "\
Examples:
  cargo xtask vm                             a shell in the VM
  cargo xtask vm -- kniwatch probes          what kniwatch can observe there
  cargo xtask vm --param carrier=on --share /tmp/lab -- /mnt/share/try.sh
  cargo xtask vm --no-module -- sh -c 'modprobe rte_kni; dmesg | tail'";

fn main() -> ExitCode {
    chore(Cli::parse().chore).unwrap_or_else(|error| {
        say!("{error:#}");
        ExitCode::FAILURE
    })
}

fn chore(chore: Chore) -> Result<ExitCode> {
    let workspace = Workspace::locate()?;
    match chore {
        Chore::Setup => {
            setup::build_tools()?;
            setup::vm_tools()?;
            Ok(ExitCode::SUCCESS)
        }
        Chore::Vm(args) => run::vm(&workspace, &args),
    }
}
