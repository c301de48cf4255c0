//! `run`: the scenarios of `tests/`, shown in the dev VM.

use std::io::{self, stderr, stdout};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;
use kniwatch_tests::guest::Kernel;
use kniwatch_tests::scenario::Scenario;
use kniwatch_tests::script;
use kniwatch_tests::table::{TOUR, find, scenarios};

use crate::matrix::{Chosen, Kernels, plan};
use crate::run::finish;
use crate::say;
use crate::setup;
use crate::vm::{Job, Vm, console_log};
use crate::workspace::Workspace;

/// A guest takes seconds to boot, and a check takes about three, under emulation on an idle machine.
const BOOTS_WITHIN: Duration = Duration::from_secs(300);
const CHECKS_WITHIN: Duration = Duration::from_secs(20);

/// `run`.
#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    /// Which scenario; none: a tour of two
    scenario: Option<String>,
    /// The guest's kernel: 5.10, 6.1 or 6.12 [default: 6.1, where it is shown there]
    #[arg(long, value_name = "VERSION")]
    kernel: Option<Kernel>,
    /// Print kniwatch's JSON Lines, and nothing else, on stdout
    #[arg(long)]
    json: bool,
    /// List the scenarios and what they show
    #[arg(long, conflicts_with_all = ["scenario", "json"])]
    list: bool,
}

/// Shows scenarios under `kniwatch check`; its exit status (the last one's) is ours.
pub(crate) fn run(workspace: &Workspace, args: &RunArgs) -> Result<ExitCode> {
    if args.list {
        list()?;
        return Ok(ExitCode::SUCCESS);
    }
    let scenarios = match &args.scenario {
        Some(name) => chosen(std::slice::from_ref(name))?,
        None => chosen(&TOUR)?,
    };
    let kernels = args.kernel.map(Kernels::One);
    let plan = plan(&[], Chosen::Named(&scenarios), kernels)?;
    let [(kernel, scenarios)] = plan.as_slice() else {
        bail!("there is no kernel where all of that is shown")
    };
    setup::build_tools()?;
    setup::vm_tools()?;
    let vm = Vm::prepare(workspace, *kernel)?;
    let run = vm.new_run()?;
    say!("booting Linux {kernel}");
    let job = job(script::show(scenarios, args.json), scenarios, false);
    let outcome = vm.run(&job, &run, Box::new(stdout()), Box::new(stderr()))?;
    finish(&outcome, &console_log(&run))
}

fn list() -> Result<()> {
    for scenario in scenarios() {
        io::Write::write_fmt(&mut stdout(), format_args!("{:<22}  {}\n", scenario.name, scenario.shows))?;
    }
    Ok(())
}

/// The scenarios' names, which are their tests' too.
pub(crate) fn names() -> Vec<&'static str> {
    scenarios().map(|scenario| scenario.name).collect()
}

/// The scenarios of those names.
pub(crate) fn chosen(names: &[impl AsRef<str>]) -> Result<Vec<&'static Scenario>> {
    let find = |name: &str| match find(name) {
        Some(scenario) => Ok(scenario),
        None => bail!("there is no scenario {name}; cargo xtask run --list names them"),
    };
    names.iter().map(|name| find(name.as_ref())).collect()
}

/// The job that `script` is for those `scenarios`.
pub(crate) fn job(script: Vec<u8>, scenarios: &[&Scenario], timed: bool) -> Job {
    let checks = scenarios.iter().map(|scenario| scenario.runs.len()).sum::<usize>();
    let timeout = BOOTS_WITHIN + CHECKS_WITHIN * u32::try_from(checks).unwrap_or(u32::MAX);
    Job { script, share: None, terminal: false, systemd: false, timed, timeout: Some(timeout) }
}
