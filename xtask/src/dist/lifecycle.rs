//! The package's life in the dev VM: installed, its service watching a DPDK program, purged.

use std::fs;
use std::io::stderr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use kniwatch_tests::guest::Kernel;

use super::unit;
use crate::say;
use crate::setup;
use crate::tally::Tally;
use crate::vm::{Job, Vm, console_log};
use crate::vm_tests::schema;
use crate::workspace::Workspace;

/// The name of the test.
pub(crate) const PACKAGE: &str = "package";

/// What `systemd-analyze security` may come to: what is open beyond that, observing needs.
const EXPOSURE_MAX: f64 = 2.8;

const TIMEOUT: Duration = Duration::from_secs(600);

/// Makes the package and tries it; what `package-lifecycle` of the guest complains of is on stderr.
pub(crate) fn test() -> Tally {
    let complaint = lifecycle().err();
    Tally::tell(&format!("vm {} {PACKAGE}", Kernel::MAIN), complaint.as_slice())
}

fn lifecycle() -> Result<()> {
    setup::vm_tools()?;
    let workspace = Workspace::locate()?;
    let dist = super::make(&workspace)?;
    let security = unit::security(&workspace)?;
    say::raw(&security.table);
    ensure!(
        security.exposure <= EXPOSURE_MAX,
        "the unit is exposed to {}, {EXPOSURE_MAX} at most",
        security.exposure
    );
    let vm = Vm::prepare(&workspace, Kernel::MAIN)?;
    let run = vm.new_run()?;
    let package = dist.package.file_name().unwrap_or_default().to_string_lossy();
    let job = Job {
        script: format!("exec package-lifecycle /mnt/share/{package}\n").into_bytes(),
        share: Some(dist.directory.clone()),
        terminal: false,
        systemd: true,
        timed: false,
        timeout: Some(TIMEOUT),
    };
    let outcome = vm.run(&job, &run, Box::new(stderr()), Box::new(stderr()))?;
    ensure!(outcome.troubles.is_empty(), "the guest: {:?}", outcome.troubles);
    ensure!(
        outcome.status == Some(0),
        "it ended with {:?}; logs are in {}, the guest's console is {}",
        outcome.status,
        run.display(),
        console_log(&run).display()
    );
    let lines = run.join("lines");
    let said = fs::read_to_string(&lines).with_context(|| format!("can't read {}", lines.display()))?;
    let complaints = schema(&vm)?.complaints_among(&said);
    ensure!(complaints.is_empty(), "the service's lines: {}", complaints.join("\n"));
    Ok(())
}
