//! `test`: unit tests, tests on this host's kernel, scenarios in the dev VM, counted together.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::cargo::{self, Target};
use crate::dist::lifecycle::{self, PACKAGE};
use crate::matrix::{Chosen, Kernels};
use crate::privilege::is_root;
use crate::say;
use crate::setup::find_program;
use crate::tally::Tally;
use crate::view_test::{self, LIVE_VIEW};
use crate::workspace::Workspace;
use crate::{bench, build, scenarios, setup, vm, vm_tests};

/// Which tests to run.
#[derive(Debug, Default, Eq, PartialEq)]
struct Choice {
    unit: bool,
    host: bool,
    vm: bool,
    /// Tests by name: scenarios, or parts of unit and host tests' names.
    scenarios: Vec<String>,
    filters: Vec<String>,
}

/// Runs the chosen groups or tests, all without a choice, and prints the count as the last line.
pub(crate) fn run(chosen: &[String], kernels: Option<Kernels>) -> Result<ExitCode> {
    let mut names = scenarios::names();
    names.extend([bench::TRACED_COST, LIVE_VIEW, PACKAGE]);
    let mut choice = choose(chosen, &names);
    let every = choice.scenarios.is_empty();
    let mut asked = |test: &str| choice.scenarios.extract_if(.., |name| name == test).count() > 0;
    let (cost, view, package) = (asked(bench::TRACED_COST), asked(LIVE_VIEW), asked(PACKAGE));
    let mut tally = Tally::default();
    if choice.unit {
        tally.add(group("unit tests", || unit(&choice.filters)));
    }
    if choice.host {
        tally.add(group("tests on this host's kernel", || host(&choice.filters)));
    }
    if choice.vm && (every || !choice.scenarios.is_empty()) {
        tally.add(group("scenarios in the dev VM", || {
            setup::vm_tools()?;
            let scenarios = scenarios::chosen(&choice.scenarios)?;
            let what = match scenarios.as_slice() {
                [] if chosen.is_empty() => Chosen::WholeAndSmoke,
                [] => Chosen::Whole,
                some => Chosen::Named(some),
            };
            vm_tests::run(what, kernels)
        }));
    }
    if choice.vm && (every || view) {
        tally.add(group("the full-screen view in the dev VM", view_test::run));
    }
    if choice.vm && (every || package) {
        tally.add(group("the package, installed, used and purged", || Ok(lifecycle::test())));
    }
    if choice.vm && (every || cost) {
        tally.add(group("what creating costs while it is traced", bench::test_create));
    }
    if tally == Tally::default() {
        bail!("no test is called {}", chosen.join(" or "));
    }
    result(&tally);
    Ok(if tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A group that can't be run is a failure, and no reason to leave the others out.
fn group(what: &str, run: impl FnOnce() -> Result<Tally>) -> Tally {
    say!("{what}");
    setup::build_tools().and_then(|()| run()).unwrap_or_else(|error| Tally::tell(what, &[error]))
}

#[expect(clippy::print_stdout, reason = "the count is the result")]
fn result(tally: &Tally) {
    println!("{tally}");
}

fn choose(chosen: &[String], scenarios: &[&str]) -> Choice {
    if chosen.is_empty() {
        return Choice { unit: true, host: true, vm: true, ..Choice::default() };
    }
    let mut choice = Choice::default();
    for name in chosen {
        match name.as_str() {
            "unit" => choice.unit = true,
            "host" => choice.host = true,
            "vm" => choice.vm = true,
            scenario if scenarios.contains(&scenario) => {
                choice.vm = true;
                choice.scenarios.push(name.clone());
            }
            _ => {
                choice.unit = true;
                choice.host = true;
                choice.filters.push(name.clone());
            }
        }
    }
    choice
}

fn unit(filters: &[String]) -> Result<Tally> {
    setup::test_tools()?;
    counted(
        cargo::cargo()
            .args([
                "test",
                "--quiet",
                "--workspace",
                "--lib",
                "--bins",
                "--test",
                "cli",
                "--no-fail-fast",
                "--",
            ])
            .args(filters),
    )
}

/// The tests that need BPF.
fn host(filters: &[String]) -> Result<Tally> {
    if !is_root() && find_program("sudo").is_none() {
        return Ok(Tally::skip("host", "loading eBPF programs takes root, and there is no sudo here"));
    }
    setup::vm_tools()?;
    let root = vm::guest_root()?;
    let tests = cargo::build_test(Target::Test("host"))?;
    let program = build::for_this_host(&Workspace::locate()?)?;
    counted(
        cargo::with_tracefs(Path::new("env"), "load eBPF programs for the tests")
            .arg(format!("KNIWATCH_DPDK_ROOT={}", root.display()))
            .arg(format!("KNIWATCH_PROGRAM={}", program.display()))
            .arg(tests)
            .arg("--test-threads=1")
            .args(filters),
    )
}

/// Runs a libtest or a cargo of many, shows what it says, and adds up its own counts.
fn counted(command: &mut Command) -> Result<Tally> {
    let mut child =
        command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot start {command:?}"))?;
    let output = child.stdout.take().context("no output of the tests")?;
    let mut tally = Tally::default();
    for line in BufReader::new(output).lines() {
        let line = line.context("cannot read what the tests say")?;
        tally.take_line(&line);
        say::raw(&line);
    }
    let status = child.wait().context("cannot wait for the tests")?;
    if !status.success() && tally.failed == 0 {
        bail!("{command:?} failed: {status}");
    }
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::{Choice, choose};

    #[test]
    fn a_name_chooses_a_group_a_scenario_or_tests_by_name() {
        let choose = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            choose(&names, &["created", "device-busy"])
        };
        assert_eq!(choose(&[]), Choice { unit: true, host: true, vm: true, ..Choice::default() });
        assert_eq!(choose(&["host"]), Choice { host: true, ..Choice::default() });
        let scenario = Choice { vm: true, scenarios: vec!["created".to_owned()], ..Choice::default() };
        assert_eq!(choose(&["created"]), scenario);
        let named =
            Choice { unit: true, host: true, filters: vec!["escape".to_owned()], ..Choice::default() };
        assert_eq!(choose(&["escape"]), named);
    }
}
