//! `run` and the VM's tests: the scenarios of `tests/`, in the dev VM.

use std::fs;
use std::io::{self, stderr, stdout};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use kniwatch_tests::judge::{Observed, judge};
use kniwatch_tests::scenario::{Run, Scenario};
use kniwatch_tests::script;
use kniwatch_tests::table::{TOUR, find, scenarios};

use crate::run::finish;
use crate::say;
use crate::setup;
use crate::test::Tally;
use crate::vm::release::BOOKWORM;
use crate::vm::{Job, Outcome, Vm, console_log};
use crate::workspace::Workspace;

/// One check takes about three seconds under emulation on an idle machine, and there are about ninety.
const TIMEOUT: Duration = Duration::from_secs(1800);

/// `run`.
#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    /// Which scenario; none: a tour of two
    scenario: Option<String>,
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
    setup::build_tools()?;
    setup::vm_tools()?;
    let vm = Vm::prepare(workspace, &BOOKWORM)?;
    let run = vm.new_run()?;
    say!("booting the dev VM");
    let job = job(script::show(&scenarios, args.json), false);
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

/// Runs the scenarios of those `names` as tests, without names all of them, in one boot.
pub(crate) fn test(names: &[String]) -> Result<Tally> {
    let scenarios = if names.is_empty() { scenarios().collect() } else { chosen(names)? };
    let workspace = Workspace::locate()?;
    let vm = Vm::prepare(&workspace, &BOOKWORM)?;
    let results = workspace.vm().join("results");
    if results.exists() {
        fs::remove_dir_all(&results).with_context(|| format!("can't remove {}", results.display()))?;
    }
    fs::create_dir_all(&results).with_context(|| format!("can't make {}", results.display()))?;
    say!("booting the dev VM for {} scenarios; logs go to {}", scenarios.len(), results.display());
    let outcome =
        vm.run(&job(script::test(&scenarios), true), &results, Box::new(stderr()), Box::new(stderr()))?;
    let mut tally = Tally::default();
    for scenario in scenarios {
        let complaints = complaints(scenario, &results, &vm)?;
        if complaints.is_empty() {
            tally.passed += 1;
            say::raw(&format!("vm {} ... ok", scenario.name));
        } else {
            tally.failed += 1;
            say::raw(&format!("vm {} ... FAILED", scenario.name));
            tell_failure(scenario, &complaints, &results);
        }
    }
    if let Some(trouble) = trouble(&outcome) {
        tally.failed += 1;
        say::raw(&format!("vm guest ... FAILED\n  {trouble}"));
        tell_tail("the guest's console", &console_log(&results));
    }
    Ok(tally)
}

fn chosen(names: &[impl AsRef<str>]) -> Result<Vec<&'static Scenario>> {
    let find = |name: &str| match find(name) {
        Some(scenario) => Ok(scenario),
        None => bail!("there is no scenario {name}; cargo xtask run --list names them"),
    };
    names.iter().map(|name| find(name.as_ref())).collect()
}

fn job(script: Vec<u8>, timed: bool) -> Job {
    Job { script, share: None, terminal: false, timed, timeout: Some(TIMEOUT) }
}

/// What is wrong with the guest itself, whatever its scenarios' results.
fn trouble(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome { timed_out: true, .. } => Some(format!("not done after {} s", TIMEOUT.as_secs())),
        Outcome { troubles, .. } if !troubles.is_empty() => {
            Some(troubles.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n  "))
        }
        Outcome { status: Some(0), .. } => None,
        Outcome { status: Some(status), .. } => {
            Some(format!("the scenarios' script ended with status {status}"))
        }
        Outcome { status: None, .. } => Some("it ended before the scenarios did".to_owned()),
    }
}

fn complaints(scenario: &Scenario, results: &Path, vm: &Vm) -> Result<Vec<String>> {
    let mut complaints = Vec::new();
    for (index, Run { expect, .. }) in scenario.runs.iter().enumerate() {
        let dir = results.join(script::results_of(scenario, index));
        if dir.join("status").is_file() {
            complaints.extend(judge(expect, &observed(&dir, vm)?));
        } else {
            complaints.push(format!("the guest left no result in {}", dir.display()));
        }
    }
    Ok(complaints)
}

fn observed(dir: &Path, vm: &Vm) -> Result<Observed> {
    let kniwatch = vm.bin.join("kniwatch");
    let read = |name: &str| {
        let path = dir.join(name);
        fs::read_to_string(&path).with_context(|| format!("can't read {}", path.display()))
    };
    let replay = |format: &str| -> Result<String> {
        // How it ends is the recorded check's business.
        let output = Command::new(&kniwatch)
            .args(["--color", "never", "--format", format, "replay"])
            .arg(dir.join("recording"))
            .output()
            .with_context(|| format!("cannot start {}", kniwatch.display()))?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    Ok(Observed {
        status: read("status")?,
        json: read("json")?,
        replayed_json: replay("json")?,
        replayed_text: replay("text")?,
        ifindex: read("ifindex").ok(),
        holder: read("holder").ok(),
        emulated: vm.emulated(),
    })
}

fn tell_failure(scenario: &Scenario, complaints: &[String], results: &Path) {
    for complaint in complaints {
        say::raw(&format!("  {complaint}"));
    }
    for index in 0..scenario.runs.len() {
        let dir: PathBuf = results.join(script::results_of(scenario, index));
        for (what, file) in
            [("kniwatch", "json"), ("kniwatch's stderr", "stderr"), ("the kernel's log", "kernel.log")]
        {
            tell_tail(what, &dir.join(file));
        }
        say::raw(&format!("  recording: {}", dir.join("recording").display()));
    }
}

/// The last lines of a log, indented, and where the rest is.
fn tell_tail(what: &str, log: &Path) {
    const LINES: usize = 15;
    let text = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    say::raw(&format!("  {what} ({}):", log.display()));
    for line in lines.iter().skip(lines.len().saturating_sub(LINES)) {
        say::raw(&format!("    {}", line.escape_debug()));
    }
}
