//! The command line.

use std::ffi::{OsStr, OsString};
use std::num::{NonZeroU64, NonZeroUsize};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{OsStringValueParser, PossibleValuesParser, TypedValueParser as _};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use kni_ebpf::hook::Hook;

use crate::cause::Cause;
use crate::expectation::Expectation;
use crate::probe::Arm;
use crate::untrusted::Untrusted;

mod examples;
mod export_form;
pub mod files;
#[cfg(test)]
mod tests;

pub use export_form::ExportForm;

/// Longest interface name that some release of KNI takes: 32 bytes with the NUL, up to 19.08.
const NAME_BYTES: usize = 31;

/// What to do and how to say it, from a valid command line.
#[derive(Clone, Debug, PartialEq)]
pub struct Invocation {
    /// How results are shown.
    pub output: Output,
    /// What to do.
    pub command: Command,
}

/// How results are shown.
#[derive(Args, Clone, Debug, Default, PartialEq)]
#[command(next_help_heading = "Output options")]
pub struct Output {
    /// Lines for people, or JSON Lines for programs (docs/json.md)
    #[arg(long, global = true, value_name = "FORMAT", value_enum, default_value_t)]
    pub format: Format,
    /// When to use colour.
    #[arg(help = "Colour as a second signal; auto: on a terminal, unless NO_COLOR is set")]
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t)]
    pub color: Color,
    /// Say less: one line an attempt; of check the last line alone
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more: every step of an attempt, and the probes' own warnings
    #[arg(short, long, global = true)]
    pub verbose: bool,
}

/// A form of output.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Format {
    #[default]
    Text,
    Json,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

impl Color {
    /// Whether to colour: `terminal` tells whether output goes to one, `no_color` is the value of
    /// the environment variable `NO_COLOR` (<https://no-color.org>: set and not empty).
    #[must_use]
    pub fn wanted(self, terminal: bool, no_color: Option<&OsStr>) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => terminal && no_color.is_none_or(OsStr::is_empty),
        }
    }
}

/// Which attempts are told of; none given: all.
#[derive(Args, Clone, Debug, Default, PartialEq)]
#[command(next_help_heading = "What to tell of")]
pub struct Select {
    /// Tell only of this process (repeatable)
    #[arg(long, value_name = "PID", value_parser = clap::value_parser!(u32).range(1..))]
    pub pid: Vec<u32>,
    /// Tell only of processes of this name, of which 15 bytes count (repeatable)
    #[arg(long, value_name = "NAME")]
    pub comm: Vec<OsString>,
}

/// How to observe.
#[derive(Args, Clone, Debug, Default, PartialEq)]
pub struct Observe {
    /// Which attempts to tell of.
    #[command(flatten)]
    pub select: Select,
    /// Which hooks.
    #[command(flatten)]
    pub probing: Probing,
    /// Create FILE as soon as everything is attached
    #[arg(long, value_name = "FILE", help_heading = "Observing")]
    pub ready_file: Option<PathBuf>,
    /// Bytes of the ring buffer, to provoke losses in tests.
    #[arg(long, value_name = "N", hide = true, value_parser = ring_bytes)]
    pub ring_bytes: Option<u32>,
}

/// Which hooks.
#[derive(Args, Clone, Debug, Default, PartialEq)]
#[command(next_help_heading = "Observing")]
pub struct Probing {
    /// Also probe this executable, which has librte_kni linked in (repeatable)
    #[arg(long, value_name = "PATH")]
    pub exe: Vec<PathBuf>,
    /// When to observe system calls.
    #[arg(long, value_name = "WHEN", value_enum, default_value_t, hide_possible_values = true, help = ARM)]
    pub arm: Arm,
    /// Leave this hook out, to see what is lost or when it misbehaves (repeatable)
    #[arg(long, value_name = "HOOK", value_parser = hooks(), hide_possible_values = true)]
    pub without: Vec<Hook>,
}

/// When to end.
#[derive(Args, Clone, Debug, Default, PartialEq)]
#[command(next_help_heading = "When to end (default: Ctrl-C)")]
pub struct Until {
    /// End after so long: 500ms, 10s, 2m
    #[arg(long = "for", value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub duration: Option<Duration>,
    /// End after so many attempts
    #[arg(long, value_name = "N")]
    pub stop_after: Option<NonZeroU64>,
}

/// `watch`.
#[derive(Args, Clone, Debug, Default, PartialEq)]
pub struct Watch {
    /// Tell in lines, also where a terminal would show the full-screen view
    #[arg(long, help_heading = "Output options")]
    pub lines: bool,
    /// How to observe.
    #[command(flatten)]
    pub observe: Observe,
    /// When to end.
    #[command(flatten)]
    pub until: Until,
    /// Also write everything that is observed to FILE, for kniwatch replay
    #[arg(long, value_name = "FILE", help_heading = "Observing")]
    pub record: Option<PathBuf>,
}

/// `check`.
#[derive(Args, Clone, Debug, PartialEq)]
pub struct Check {
    /// An interface that must come into being (repeatable); default: whichever is attempted first
    #[arg(long, value_name = "IFNAME", value_parser = OsStringValueParser::new().try_map(|name| interface_name(&name)))]
    pub expect: Vec<Untrusted>,
    /// What must become of it.
    #[arg(long, value_name = "WHAT", value_parser = expectations(), hide_possible_values = true, help = OUTCOME)]
    #[arg(default_value_t, hide_default_value = true)]
    pub expect_outcome: Expectation,
    /// How long to wait for it: 500ms, 10s, 2m
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = humantime::parse_duration)]
    pub within: Duration,
    /// Stay until CMD ends, and tell of the interfaces' release too
    #[arg(long, requires = "run")]
    pub wait: bool,
    /// Also write the answer as XML.
    #[arg(long, value_name = "FILE", help = "Also write the answer to FILE as JUnit XML")]
    pub junit: Option<PathBuf>,
    /// How to observe.
    #[command(flatten)]
    pub observe: Observe,
    /// Also write everything that is observed to FILE, for kniwatch replay
    #[arg(long, value_name = "FILE", help_heading = "Observing")]
    pub record: Option<PathBuf>,
    /// Start this when everything is attached, and count its processes alone. What it prints is left as it is
    /// (with --format json, its stdout goes to stderr), signals are passed on to it
    #[arg(last = true, value_name = "CMD", num_args = 1.., help_heading = "Arguments")]
    pub run: Vec<OsString>,
}

/// `export`.
#[derive(Args, Clone, Debug, PartialEq)]
pub struct Export {
    /// A file that record, or --record, wrote
    pub file: PathBuf,
    /// What to make of it.
    #[command(flatten)]
    pub form: ExportForm,
    /// The file to write; -: standard output [default: FILE with .html or .pftrace]
    #[arg(short, long, value_name = "OUT")]
    pub output: Option<PathBuf>,
    /// Draw one attempt alone: the Nth that replay tells of
    #[arg(long, value_name = "N")]
    pub attempt: Option<NonZeroUsize>,
    /// Which attempts to draw.
    #[command(flatten)]
    pub select: Select,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Subcommand)]
pub enum Command {
    /// Tell of every attempt as it happens (the default)
    #[command(after_help = examples::WATCH)]
    Watch(Watch),
    /// Did the expected interfaces come into being, and if not, where did it stop?
    #[command(after_help = examples::CHECK)]
    Check(Check),
    /// Write everything that is observed to a file
    #[command(after_help = examples::RECORD)]
    Record {
        /// The file to write; an existing one is replaced
        file: PathBuf,
        /// How to observe.
        #[command(flatten)]
        observe: Observe,
        /// When to end.
        #[command(flatten)]
        until: Until,
    },
    /// Print what the recorded run printed, on any machine and without privileges
    #[command(after_help = examples::REPLAY)]
    Replay {
        /// A file that record, or --record, wrote
        file: PathBuf,
        /// Also write the answer as XML.
        #[arg(long, value_name = "FILE", help = "Of a check: also write the answer to FILE as JUnit XML")]
        junit: Option<PathBuf>,
        /// Which attempts to tell of.
        #[command(flatten)]
        select: Select,
    },
    /// Draw a recorded run: a page to attach to a bug report, or a trace
    #[command(after_help = examples::EXPORT)]
    Export(Export),
    /// Show what is or would be attached here, and what is lost without it
    #[command(after_help = examples::PROBES)]
    Probes(Probing),
    /// List the KNI interfaces that are alive, also those created before
    #[command(after_help = examples::LS)]
    Ls,
    /// Print the JSON Schema that every line of --format json holds to
    #[command(after_help = examples::SCHEMA)]
    Schema,
    /// Look at this machine for what keeps KNI, or kniwatch, from working
    #[command(after_help = examples::DOCTOR)]
    Doctor,
    /// Explain a cause: what it means and what to do
    #[command(after_help = examples::EXPLAIN)]
    Explain {
        /// A cause that a verdict named; without one, all are listed
        #[arg(value_parser = causes(), hide_possible_values = true)]
        cause: Option<Cause>,
    },
    /// Write the manual pages and the shells' completions below DIR, as share/...
    #[command(hide = true, after_help = examples::GENERATE)]
    Generate {
        /// An existing directory, such as a package's usr
        dir: PathBuf,
    },
}

const ARM: &str = "\
When to observe the system calls ioctl and open, which slows every system call of the machine \
a little: always; auto: while a process uses KNI, and throughout check; never: whether an ioctl \
was issued stays unknown, and most verdicts inconclusive";

const OUTCOME: &str = "\
What must become of it, for negative tests: created, created-elsewhere, created-doomed, stopped, \
stopped:library, stopped:syscall, stopped:module, stopped:network, died, in-progress, not-attempted, \
inconclusive, or a cause (kniwatch explain) [default: created]";

const ABOUT: &str = "\
kniwatch tells at which boundary an attempt to create a KNI interface stopped: in librte_kni, at \
the system call, in rte_kni.ko or in the kernel's network core. Program, library and module stay \
as they are, and nothing needs to be restarted.";

#[derive(Debug, Parser)]
#[command(
    name = "kniwatch",
    version,
    about = ABOUT,
    max_term_width = 80,
    after_help = examples::TOP,
    disable_help_subcommand = true,
    override_usage = "kniwatch [OPTIONS]\n       kniwatch [OUTPUT OPTIONS] <COMMAND> [ARGS]"
)]
struct Cli {
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    watch: Watch,
    #[command(subcommand)]
    command: Option<Command>,
}

impl Cli {
    /// No command is `watch`; its options before another command would silently do nothing.
    fn resolve(self) -> Result<Invocation, clap::Error> {
        let Self { output, watch, command } = self;
        match command {
            None => Ok(Invocation { output, command: Command::Watch(watch) }),
            Some(command) if watch == Watch::default() => Ok(Invocation { output, command }),
            Some(_) => Err(Self::command().error(
                ErrorKind::ArgumentConflict,
                "options that say what to observe go after the command (kniwatch check --pid 17); \
                 before it, only output options do",
            )),
        }
    }
}

/// The command line of this process. At `--help` and `--version` prints and ends with status 0, at
/// an error of usage with 2.
#[must_use]
pub fn parse() -> Invocation {
    parse_from(std::env::args_os()).unwrap_or_else(|error| error.exit())
}

/// `arguments`, the program's name first.
///
/// # Errors
/// What clap has to say, `--help` included.
pub fn parse_from<I, T>(arguments: I) -> Result<Invocation, clap::Error>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    Cli::try_parse_from(arguments)?.resolve()
}

fn hooks() -> impl clap::builder::TypedValueParser<Value = Hook> {
    PossibleValuesParser::new(Hook::ALL.map(Hook::name))
        .try_map(|name| Hook::from_name(&name).ok_or("kniwatch probes lists the hooks"))
}

fn expectations() -> impl clap::builder::TypedValueParser<Value = Expectation> {
    PossibleValuesParser::new(Expectation::names()).try_map(|name| name.parse::<Expectation>())
}

fn causes() -> impl clap::builder::TypedValueParser<Value = Cause> {
    PossibleValuesParser::new(Cause::ALL.iter().map(|cause| cause.name())).try_map(|name| {
        Cause::ALL
            .iter()
            .copied()
            .find(|cause| cause.name() == name)
            .ok_or("kniwatch explain lists the causes")
    })
}

fn interface_name(name: &OsStr) -> Result<Untrusted, String> {
    let bytes = name.as_bytes();
    match bytes.len() {
        0 => Err("no interface can have an empty name".to_owned()),
        1..=NAME_BYTES => Ok(Untrusted::from(bytes)),
        length => Err(format!(
            "no KNI interface can have this name: it has {length} bytes, and the longest that any \
             release of KNI takes has {NAME_BYTES}"
        )),
    }
}

fn ring_bytes(text: &str) -> Result<u32, String> {
    let bytes: u32 = text.parse().map_err(|error| format!("{error}"))?;
    if bytes >= 4096 && bytes.is_power_of_two() {
        Ok(bytes)
    } else {
        Err("a ring buffer takes a power of two, at least 4096 bytes".to_owned())
    }
}
