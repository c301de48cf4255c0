//! The commands: each runs the same pipeline over another source or sink.

mod command;
mod live;
mod pipeline;
mod probes;
mod replay;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser as _;

use crate::cli::{Cli, Command};
use crate::sink;

/// Exit status when nothing can be observed here (docs/exit-status.md).
const CANNOT_OBSERVE: u8 = 3;

/// Runs what the command line asks for.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    sink::stderr::init_log(cli.verbose);
    match run(&cli) {
        Ok(status) => status,
        Err(error) if sink::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            sink::stderr::error(&error);
            ExitCode::from(CANNOT_OBSERVE)
        }
    }
}
