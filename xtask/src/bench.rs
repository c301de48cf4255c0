//! `bench`: figures that hold on a shared machine, because what they compare ran in turn.

use std::collections::BTreeMap;
use std::fs;
use std::io::stderr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use kniwatch_tests::guest::Kernel;

use crate::cargo::{self, Target};
use crate::say;
use crate::setup;
use crate::tally::Tally;
use crate::vm::{Job, Vm, console_log};
use crate::workspace::Workspace;

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

/// The name of the test that holds creating to its budget.
pub(crate) const TRACED_COST: &str = "traced-cost";

/// A program that creates one interface may take so much longer under kniwatch, in percent: by its probes, and by
/// what kniwatch itself does, since the guest has but one processor for both. What it takes to look at the program
/// and its libraries for the first time is told and not judged.
const CREATE_BUDGET_PERCENT: f64 = 3.0;
/// Rounds; odd, for the median. In a guest whose clock counts instructions they hardly differ.
const CREATE_ROUNDS: usize = 5;
const CREATE_TIMEOUT: Duration = Duration::from_secs(1800);
/// As `create-cost` calls a run that is not traced, one under the probes alone, and one of a program that kniwatch
/// has not seen before.
const NOBODY: &str = "nobody";
const PROBES: &str = "probes";
const FIRST: &str = "first";

/// What creating one interface costs more while it is traced, in the dev VM.
pub(crate) fn create(workspace: &Workspace) -> Result<ExitCode> {
    setup::build_tools()?;
    let times = measure_create(workspace)?;
    tell(&report(&times));
    Ok(if within_budget(&times) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The same as a test.
pub(crate) fn test_create() -> Result<Tally> {
    let times = measure_create(&Workspace::locate()?)?;
    let within = within_budget(&times);
    let complaint = (!within).then(|| report(&times));
    Ok(Tally::tell(&format!("vm {TRACED_COST}"), complaint.as_slice()))
}

/// From one program's start to its exit, nanoseconds.
#[derive(Clone, Copy, Debug)]
struct Time {
    /// In all.
    wall: f64,
    /// In which the guest's only processor was busy, whoever with: what else goes by is a sleep, or waits for the
    /// host, which a clock of instructions passes in leaps.
    busy: f64,
}

/// By who watched.
type Times = BTreeMap<String, Vec<Time>>;

fn measure_create(workspace: &Workspace) -> Result<Times> {
    setup::vm_tools()?;
    let vm = Vm::prepare(workspace, Kernel::MAIN)?;
    let run = vm.new_run()?;
    let script = format!(". scenario\nmodule loaded\ncreate-cost {CREATE_ROUNDS} /mnt/job/times\n");
    let (share, terminal, systemd, timeout) = (None, false, false, Some(CREATE_TIMEOUT));
    let job = Job { script: script.into_bytes(), share, terminal, systemd, timed: true, timeout };
    say!("measuring in the dev VM, which takes some minutes");
    let outcome = vm.run(&job, &run, Box::new(stderr()), Box::new(stderr()))?;
    ensure!(
        outcome.status == Some(0),
        "the measurement failed; its console: {}",
        console_log(&run).display()
    );
    let times = run.join("times");
    let text = fs::read_to_string(&times).with_context(|| format!("can't read {}", times.display()))?;
    parse_times(&text).with_context(|| format!("{} is not as it should be", times.display()))
}

/// Lines of a watcher and two numbers; as many of each.
fn parse_times(text: &str) -> Option<Times> {
    let mut times = Times::new();
    for line in text.lines() {
        let (who, took) = line.split_once(' ')?;
        let (wall, busy) = took.split_once(' ')?;
        let time = Time { wall: wall.parse().ok()?, busy: busy.parse().ok()? };
        times.entry(who.to_owned()).or_default().push(time);
    }
    let rounds = times.get(NOBODY)?.len();
    (times.len() > 1 && times.values().all(|of| of.len() == rounds)).then_some(times)
}

fn within_budget(times: &Times) -> bool {
    let judged: Vec<_> = overheads(times).into_iter().filter(|(who, _)| *who != FIRST).collect();
    !judged.is_empty() && judged.iter().all(|(_, percent)| *percent <= CREATE_BUDGET_PERCENT)
}

/// How much longer the processor was busy under each watcher, in percent of the time that the program took untraced,
/// median by median.
fn overheads(times: &Times) -> Vec<(&str, f64)> {
    let untraced = times.get(NOBODY).map_or(&[][..], Vec::as_slice);
    let usual = quartile(untraced, 2, |time| time.wall);
    let more = |times: &[Time]| {
        (quartile(times, 2, |time| time.busy) - quartile(untraced, 2, |time| time.busy)) / usual
    };
    let traced = times.iter().filter(|(who, _)| *who != NOBODY);
    traced.map(|(who, times)| (who.as_str(), more(times) * 100.0)).collect()
}

/// The `n`th of the quartiles; the second is the median.
fn quartile(times: &[Time], n: usize, of: impl Fn(&Time) -> f64) -> f64 {
    let mut times: Vec<f64> = times.iter().map(of).collect();
    times.sort_by(f64::total_cmp);
    times.get(times.len() * n / 4).copied().unwrap_or(f64::NAN)
}

fn report(times: &Times) -> String {
    let mut lines = vec![
        "a program that creates one interface and ends, from start to exit".to_owned(),
        format!("{:36} {:>9} {:>9} {:>9}", "", "quartile", "median", "quartile"),
    ];
    let ms = |times: &[Time], of: fn(&Time) -> f64| {
        [1, 2, 3].map(|n| format!("{:9.2}", quartile(times, n, of) / 1e6)).join(" ")
    };
    let watcher = |who: &str| match who {
        NOBODY => "untraced".to_owned(),
        PROBES => "its probes alone".to_owned(),
        FIRST => "a program never seen before".to_owned(),
        arm => format!("kniwatch watch --arm {arm}"),
    };
    for (who, times) in times {
        lines.push(format!("{:36} {}", watcher(who) + ", ms", ms(times, |time| time.wall)));
        lines.push(format!("{:36} {}", "  the processor busy", ms(times, |time| time.busy)));
    }
    let overheads = overheads(times);
    lines.extend(
        overheads
            .iter()
            .map(|(who, percent)| format!("{:36} {:>9} {percent:9.2}", watcher(who) + ", % over", "")),
    );
    let verdict = if within_budget(times) { "ok" } else { "TOO MUCH" };
    lines
        .push(format!("{verdict}: at most {CREATE_BUDGET_PERCENT} % is the budget of a program seen before"));
    lines.join("\n")
}

#[expect(clippy::print_stdout, reason = "the figures are what a benchmark is for")]
fn tell(report: &str) {
    println!("{report}");
}

#[cfg(test)]
mod tests {
    use super::{parse_times, report, within_budget};

    #[test]
    fn medians_decide_and_are_told() {
        let slow = "nobody 90 100\nprobes 9 103\nnobody 100 90\nprobes 9 105\nnobody 300 300\nprobes 9 104\n";
        let times = parse_times(slow).unwrap();
        assert!(!within_budget(&times), "4 of 100");
        assert!(report(&times).contains("TOO MUCH"), "{}", report(&times));
        let whole = parse_times("nobody 200 100\nprobes 9 105\nauto 9 107\n").unwrap();
        assert!(!within_budget(&whole), "kniwatch itself");
        let fine = parse_times("nobody 200 100\nprobes 9 105\nauto 9 106\nfirst 9 120\n").unwrap();
        assert!(within_budget(&fine));
        assert!(!within_budget(&parse_times("nobody 100 100\nfirst 100 100\n").unwrap()), "not measured");
        assert!(report(&fine).ends_with("is the budget of a program seen before"), "{}", report(&fine));
    }

    #[test]
    fn figures_that_are_incomplete_are_none() {
        for text in [
            "",
            "auto 1 1\n",
            "nobody\n",
            "nobody 1 x\n",
            "nobody 1\n",
            "nobody 1 1\n",
            "nobody 1 1\nnobody 2 2\nauto 1 1\n",
        ] {
            assert!(parse_times(text).is_none(), "{text:?}");
        }
    }
}
