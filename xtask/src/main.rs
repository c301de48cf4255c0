//! kniwatch's own chores: set up, build, run in the dev VM, test, measure.

mod bench;
mod build;
mod cargo;
mod dist;
mod matrix;
mod privilege;
mod prototypes;
mod run;
mod say;
mod scenarios;
mod setup;
mod shell;
mod tally;
mod test;
#[path = "../../kni-user/build/toolchain.rs"]
#[expect(dead_code, reason = "kni-user's build script uses the rest")]
mod toolchain;
mod view_test;
mod vm;
mod vm_tests;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use workspace::Workspace;

/// kniwatch's own chores.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", max_term_width = 80)]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
#[expect(clippy::doc_markdown, reason = "these are help texts")]
enum Chore {
    /// Find or install what building, the dev VM and the tests need
    Setup,
    /// Show a scenario in the dev VM under kniwatch check, whose last exit status is the command's
    #[command(after_help = RUN_EXAMPLES)]
    Run(scenarios::RunArgs),
    /// Run a command as root in the dev VM, rte_kni loaded and kniwatch in PATH
    #[command(after_help = VM_EXAMPLES)]
    Vm(run::VmArgs),
    /// Run the tests: all, a group (unit, host, vm), a scenario, or those whose name has a word
    #[command(after_help = TEST_EXAMPLES)]
    Test {
        /// Groups, scenarios, parts of tests' names
        #[arg(value_name = "GROUP|NAME")]
        chosen: Vec<String>,
        /// The guests' kernel: 5.10, 6.1, 6.12 or all [default: all scenarios on 6.1; without a name, a few on each]
        #[arg(long, value_name = "VERSION")]
        kernel: Option<matrix::Kernels>,
    },
    /// Make what is handed to people: a static binary, a Debian package, a tarball, a bill of materials
    Dist,
    /// Measure
    #[command(subcommand)]
    Bench(Bench),
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// What an unrelated ioctl costs: under kniwatch (armed, idle), an empty program, nothing
    Ioctl,
    /// What creating one KNI interface costs more while it is traced, in the dev VM
    Create,
}

const RUN_EXAMPLES: &str = "\
Examples:
  cargo xtask run                            a creation, then a silent refusal
  cargo xtask run t31                        one scenario
  cargo xtask run t31 --kernel 5.10          on another kernel
  cargo xtask run t18 --json >lines          kniwatch's JSON Lines and nothing else
  cargo xtask run --list                     all of them, one line each";

const TEST_EXAMPLES: &str = "\
Examples:
  cargo xtask test                           everything; the last line counts
  cargo xtask test unit                      seconds, no privileges
  cargo xtask test vm                        every scenario on Linux 6.1
  cargo xtask test vm --kernel all           every scenario on every kernel
  cargo xtask test t18 t23                   two of them";

const VM_EXAMPLES: &str = "\
Examples:
  cargo xtask vm                             a shell in the VM
  cargo xtask vm -- kniwatch probes          what kniwatch can observe there
  cargo xtask vm --param carrier=on --share /tmp/lab -- /mnt/share/try.sh
  cargo xtask vm --no-module -- sh -c 'modprobe rte_kni; dmesg | tail'";

fn main() -> ExitCode {
    chore(Cli::parse().chore).unwrap_or_else(|error| {
        say!("{error:#}");
        ExitCode::FAILURE
    })
}

fn chore(chore: Chore) -> Result<ExitCode> {
    let workspace = Workspace::locate()?;
    match chore {
        Chore::Setup => {
            setup::build_tools()?;
            setup::vm_tools()?;
            setup::test_tools()?;
            setup::dist_tools()?;
            Ok(ExitCode::SUCCESS)
        }
        Chore::Run(args) => scenarios::run(&workspace, &args),
        Chore::Vm(args) => run::vm(&workspace, &args),
        Chore::Test { chosen, kernel } => test::run(&chosen, kernel),
        Chore::Dist => dist::run_dist(&workspace).map(|()| ExitCode::SUCCESS),
        Chore::Bench(Bench::Ioctl) => bench::ioctl().map(|()| ExitCode::SUCCESS),
        Chore::Bench(Bench::Create) => bench::create(&workspace),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use clap::{CommandFactory as _, Parser as _};

    use super::Cli;

    #[test]
    fn every_chore_in_the_readme_and_in_the_help_is_one() {
        let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md")).unwrap();
        let helps: Vec<String> = Cli::command()
            .get_subcommands()
            .filter_map(|chore| Some(chore.get_after_help()?.to_string()))
            .collect();
        let quoted = readme.split('`').skip(1).step_by(2);
        let indented = readme.lines().chain(helps.iter().flat_map(|help| help.lines())).map(str::trim_start);
        let mut chores = 0;
        for command in indented.chain(quoted).filter_map(|line| line.strip_prefix("cargo xtask")) {
            // What follows on two blanks explains; a redirection is the shell's.
            let words = command.split("  ").next().unwrap_or_default().split_ascii_whitespace();
            let words: Vec<&str> = words.take_while(|word| !word.starts_with('>')).collect();
            let parsed = Cli::try_parse_from(std::iter::once("xtask").chain(words.iter().copied()));
            assert!(parsed.is_ok(), "cargo xtask {}: {:?}", words.join(" "), parsed.err());
            chores += 1;
        }
        assert!(chores >= 15, "{chores}");
    }
}
