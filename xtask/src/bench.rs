//! `bench`: figures that hold on a shared machine, because what they compare ran in turn.

use anyhow::{Result, bail};

use crate::cargo::{self, Target};
use crate::say;
use crate::setup;

/// What an unrelated `ioctl` costs under kniwatch, armed and idle.
pub(crate) fn ioctl() -> Result<()> {
    setup::build_tools()?;
    let bench = cargo::build_test(Target::Bench("ioctl"))?;
    say!("measuring, which takes some minutes");
    let status = cargo::with_tracefs(&bench, "load eBPF programs for the benchmark").status()?;
    if !status.success() {
        bail!("the benchmark failed: {status}");
    }
    Ok(())
}
