//! `doctor`: what keeps KNI, or kniwatch, from working here.

use std::io;
use std::process::ExitCode;

use anyhow::{Context as _, Result};

use super::output;
use crate::cli::{Format, Output};
use crate::doctor::{self, Privilege};
use crate::host::doctor::{Privileges, read};
use crate::preflight::{CAPABILITIES, Capabilities, locked_memory_limit};
use crate::probe::spec;
use crate::sink::{jsonl, text};

/// Looks, and tells. The worst finding is the status.
pub(super) fn run(output: &Output) -> Result<ExitCode> {
    let findings = doctor::findings(&read(privileges(), &spec::object_symbols()));
    match output.format {
        Format::Json => jsonl::doctor(io::stdout(), &findings),
        Format::Text => text::doctor(io::stdout(), &findings, output::text_options(output, &io::stdout())),
    }
    .context("cannot write the output")?;
    Ok(ExitCode::from(doctor::exit_status(&findings)))
}

fn privileges() -> Privileges {
    let own = Capabilities::of_this_process();
    let held = CAPABILITIES
        .into_iter()
        .map(|capability| Privilege {
            name: capability.name,
            held: own.has(capability),
            lost: capability.lost,
        })
        .collect();
    Privileges {
        held,
        initial_namespace: own.count(),
        is_admin: own.is_admin(),
        locked_memory_kib: locked_memory_limit(),
    }
}
