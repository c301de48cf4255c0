//! The full-screen view in the dev VM: a session at a terminal, and its screens judged.

use std::io::stderr;
use std::time::Duration;

use anyhow::Result;
use kniwatch_tests::guest::Kernel;
use kniwatch_tests::view::judge;

use crate::setup;
use crate::tally::Tally;
use crate::vm::{Job, Vm, console_log};
use crate::workspace::Workspace;

/// The test's name.
pub(crate) const LIVE_VIEW: &str = "live-view";

/// The session waits for each of its screens; only a failing one needs so long.
const TIMEOUT: Duration = Duration::from_secs(480);

/// Has the session in the dev VM and judges what it left.
pub(crate) fn run() -> Result<Tally> {
    setup::vm_tools()?;
    let vm = Vm::prepare(&Workspace::locate()?, Kernel::MAIN)?;
    let run = vm.new_run()?;
    let script = ". scenario\nmodule loaded\nview-session /mnt/job/screens\n";
    let (share, terminal, systemd, timeout) = (None, false, false, Some(TIMEOUT));
    let job = Job { script: script.into(), share, terminal, systemd, timed: false, timeout };
    let outcome = vm.run(&job, &run, Box::new(stderr()), Box::new(stderr()))?;
    let mut complaints = judge(&run.join("screens"));
    if outcome.status != Some(0) {
        complaints.push(format!("the session failed; its console: {}", console_log(&run).display()));
    }
    Ok(Tally::tell(&format!("vm {LIVE_VIEW}"), &complaints))
}
