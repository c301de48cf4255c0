//! The VM's tests: the scenarios of `tests/`, in the dev VM, and what they left judged.

use std::fs;
use std::io::stderr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, anyhow};
use kniwatch_tests::guest::{Guest, Kernel};
use kniwatch_tests::judge::{Observed, judge};
use kniwatch_tests::scenario::{Run, Scenario};
use kniwatch_tests::schema::Schema;
use kniwatch_tests::script;
use kniwatch_tests::table::scenarios;

use crate::matrix::{Chosen, Kernels, plan};
use crate::prototypes;
use crate::say;
use crate::scenarios::job;
use crate::tally::Tally;
use crate::vm::console::{Kind, Trouble};
use crate::vm::gone::Gone;
use crate::vm::{Outcome, Vm, console_log};
use crate::workspace::Workspace;

/// Runs those scenarios as tests, on those kernels.
pub(crate) fn run(chosen: Chosen<'_>, kernels: Option<Kernels>) -> Result<Tally> {
    let workspace = Workspace::locate()?;
    let mut tally = Tally::default();
    let named = matches!(chosen, Chosen::Named(_));
    for (kernel, scenarios) in plan(&scenarios().collect::<Vec<_>>(), chosen, kernels)? {
        tally.add(
            on(&workspace, kernel, &scenarios, !named)
                .unwrap_or_else(|error| without(kernel, &scenarios, error)),
        );
    }
    Ok(tally)
}

/// What comes of a kernel whose guest can't be had: the others are run all the same.
fn without(kernel: Kernel, scenarios: &[&Scenario], error: anyhow::Error) -> Tally {
    if let Some(gone) = error.downcast_ref::<Gone>() {
        let mut tally = Tally::default();
        for scenario in scenarios {
            tally.add(Tally::skip(&format!("vm {kernel} {}", scenario.name), gone));
        }
        return tally;
    }
    Tally::tell(&format!("vm {kernel} guest"), &[error])
}

/// Runs the `scenarios` on that kernel, and `with_prototypes` looks whether the probed functions are there as they
/// are taken to be.
fn on(
    workspace: &Workspace,
    kernel: Kernel,
    scenarios: &[&Scenario],
    with_prototypes: bool,
) -> Result<Tally> {
    let vm = Vm::prepare(workspace, kernel)?;
    let results = workspace.vm().join("results").join(kernel.name());
    if results.exists() {
        fs::remove_dir_all(&results).with_context(|| format!("can't remove {}", results.display()))?;
    }
    let mut tally = Tally::default();
    if with_prototypes {
        tally.add(prototypes(workspace, kernel, &vm)?);
    }
    for boot in boots(scenarios, &results) {
        tally.add(boot.test(kernel, &vm)?);
    }
    Ok(tally)
}

fn prototypes(workspace: &Workspace, kernel: Kernel, vm: &Vm) -> Result<Tally> {
    let complaints = prototypes::check(workspace, &vm.root.path, kernel.name())?;
    Ok(Tally::tell(&format!("vm {kernel} prototypes"), &complaints))
}

/// Scenarios that share a guest.
#[derive(Debug)]
struct Boot<'a> {
    guest: Guest,
    scenarios: Vec<&'a Scenario>,
    /// What the guest leaves goes there.
    results: PathBuf,
}

/// One boot for all that can share it, and one for each of the others.
fn boots<'a>(scenarios: &[&'a Scenario], results: &Path) -> Vec<Boot<'a>> {
    let (shared, alone): (Vec<_>, Vec<_>) =
        scenarios.iter().partition(|scenario| scenario.guest == Guest::Shared);
    let shared = Boot { guest: Guest::Shared, scenarios: shared, results: results.to_path_buf() };
    let alone = alone.into_iter().map(|scenario| Boot {
        guest: scenario.guest,
        scenarios: vec![scenario],
        results: results.join(scenario.name),
    });
    std::iter::once(shared).filter(|boot| !boot.scenarios.is_empty()).chain(alone).collect()
}

impl Boot<'_> {
    fn test(&self, kernel: Kernel, vm: &Vm) -> Result<Tally> {
        let Self { guest, scenarios, results } = self;
        fs::create_dir_all(results).with_context(|| format!("can't make {}", results.display()))?;
        say!(
            "booting Linux {kernel} for {}; logs go to {}",
            match scenarios.as_slice() {
                [alone] => alone.name.to_owned(),
                many => format!("{} scenarios", many.len()),
            },
            results.display()
        );
        let job = job(script::test(scenarios), scenarios, true);
        let outcome = vm.run(&job, results, Box::new(stderr()), Box::new(stderr()))?;
        let schema = schema(vm)?;
        let mut tally = Tally::default();
        for scenario in scenarios {
            let complaints = complaints(scenario, results, vm, &schema)?;
            tally.add(Tally::tell(&format!("vm {kernel} {}", scenario.name), &complaints));
            if !complaints.is_empty() {
                tell_results(scenario, results);
            }
        }
        if let Some(trouble) = trouble(*guest, &outcome) {
            tally.add(Tally::tell(&format!("vm {kernel} guest"), &[trouble]));
            tell_tail("the guest's console", &console_log(results));
        }
        Ok(tally)
    }
}

/// What is wrong with the guest itself, whatever its scenarios' results.
fn trouble(guest: Guest, outcome: &Outcome) -> Option<String> {
    let Outcome { status, troubles, timed_out } = outcome;
    let is_meant = |trouble: &&Trouble| guest.oopses() && trouble.kind == Kind::Oops;
    let (meant, others): (Vec<_>, Vec<_>) = troubles.iter().partition(is_meant);
    if *timed_out {
        Some("its time was up before its scenarios were done".to_owned())
    } else if !others.is_empty() {
        Some(others.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n  "))
    } else if guest.oopses() && meant.is_empty() {
        Some("its kernel did not oops, as it had to".to_owned())
    } else {
        match status {
            Some(0) => None,
            Some(status) => Some(format!("the scenarios' script ended with status {status}")),
            None => Some("it ended before the scenarios did".to_owned()),
        }
    }
}

fn complaints(scenario: &Scenario, results: &Path, vm: &Vm, schema: &Schema) -> Result<Vec<String>> {
    let mut complaints = Vec::new();
    for (index, Run { expect, .. }) in scenario.runs.iter().enumerate() {
        let dir = results.join(script::results_of(scenario, index));
        if dir.join("status").is_file() {
            let observed = observed(&dir, vm)?;
            complaints.extend(judge(expect, &observed));
            complaints.extend(schema.complaints(&observed.json));
            // The command may have been kniwatch itself.
            complaints.extend(schema.complaints_among(&observed.stderr));
        } else {
            complaints.push(format!("the guest left no result in {}", dir.display()));
        }
    }
    Ok(complaints)
}

/// What every line of its JSON Lines must hold to.
pub(crate) fn schema(vm: &Vm) -> Result<Schema> {
    let printed =
        Command::new(vm.bin.join("kniwatch")).arg("schema").output().context("cannot start kniwatch")?;
    Schema::new(&printed.stdout).map_err(|error| anyhow!("kniwatch schema: {error}"))
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
        // A check tells people on stderr.
        let told = if format == "json" { output.stdout } else { output.stderr };
        Ok(String::from_utf8_lossy(&told).into_owned())
    };
    Ok(Observed {
        status: read("status")?,
        json: read("json")?,
        stderr: read("stderr")?,
        replayed_json: replay("json")?,
        replayed_text: replay("text")?,
        ifindex: read("ifindex").ok(),
        holder: read("holder").ok(),
        emulated: vm.emulated(),
    })
}

/// What a scenario that failed has left.
fn tell_results(scenario: &Scenario, results: &Path) {
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use kniwatch_tests::guest::Guest;
    use kniwatch_tests::scenario::Scenario;

    use super::{Gone, Kernel, Kind, Outcome, Tally, Trouble, boots, trouble, without};

    fn outcome(kinds: &[Kind]) -> Outcome {
        let trouble = |kind: &Kind| Trouble { kind: *kind, line: String::new() };
        Outcome { status: Some(0), troubles: kinds.iter().map(trouble).collect(), timed_out: false }
    }

    #[test]
    fn only_a_guest_that_has_to_oops_may_and_it_may_do_nothing_worse() {
        for (guest, kinds, fine) in [
            (Guest::Shared, [].as_slice(), true),
            (Guest::Shared, &[Kind::Oops], false),
            (Guest::Own, &[], true),
            (Guest::Own, &[Kind::Oops], false),
            (Guest::Oopses, &[Kind::Oops, Kind::Oops], true),
            (Guest::Oopses, &[], false),
            (Guest::Oopses, &[Kind::Oops, Kind::Panic], false),
            (Guest::Oopses, &[Kind::Oops, Kind::Stall], false),
        ] {
            assert_eq!(trouble(guest, &outcome(kinds)).is_none(), fine, "{guest:?} {kinds:?}");
        }
    }

    #[test]
    fn a_guest_that_did_not_get_to_its_end_failed_whatever_it_was_meant_for() {
        for guest in [Guest::Shared, Guest::Own, Guest::Oopses] {
            for (status, timed_out) in [(Some(124), false), (None, false), (None, true)] {
                let outcome = Outcome { status, timed_out, ..outcome(&[Kind::Oops]) };
                assert!(trouble(guest, &outcome).is_some(), "{guest:?} {outcome:?}");
            }
        }
    }

    #[test]
    fn a_release_that_has_gone_is_a_skip_and_any_other_error_a_failure() {
        let scenarios = [&Scenario::USUAL, &Scenario::USUAL];
        let gone = Gone { release: "bullseye", answer: "404  Not Found".to_owned() };
        let skipped = Tally { skipped: 2, ..Tally::default() };
        assert_eq!(without(Kernel::Linux510, &scenarios, gone.into()), skipped);
        let failures = vec!["vm 5.10 guest".to_owned()];
        let failed = Tally { failed: 1, failures, ..Tally::default() };
        assert_eq!(without(Kernel::Linux510, &scenarios, anyhow::anyhow!("no space left")), failed);
    }

    #[test]
    fn scenarios_share_one_boot_but_for_those_that_need_their_own() {
        let named = |name, guest| Scenario { name, guest, ..Scenario::USUAL };
        let scenarios = [
            named("one", Guest::Shared),
            named("ruin", Guest::Oopses),
            named("two", Guest::Shared),
            named("lasting", Guest::Own),
        ];
        let refs: Vec<_> = scenarios.iter().collect();
        let booted = |refs: &[&Scenario]| -> Vec<Vec<&str>> {
            boots(refs, Path::new("/r"))
                .iter()
                .map(|boot| boot.scenarios.iter().map(|scenario| scenario.name).collect())
                .collect()
        };
        assert_eq!(booted(&refs), [vec!["one", "two"], vec!["ruin"], vec!["lasting"]]);
        assert_eq!(booted(&refs[1..2]), [["ruin"]]);
    }
}
