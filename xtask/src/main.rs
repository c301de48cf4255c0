//! kniwatch's own chores: set up, build, run in the dev VM, test, measure.

mod privilege;
mod say;
mod setup;
#[path = "../../kni-user/build/toolchain.rs"]
#[expect(dead_code, reason = "kni-user's build script uses the rest")]
mod toolchain;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// kniwatch's own chores.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", max_term_width = 80)]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Find or install what building, the dev VM and the tests need
    Setup,
}

fn main() -> Result<()> {
    match Cli::parse().chore {
        Chore::Setup => {
            setup::build_tools()?;
            setup::vm_tools()
        }
    }
}
