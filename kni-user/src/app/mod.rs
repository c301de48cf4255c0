//! The commands: each runs the same pipeline over another source or sink.

mod command;
mod doctor;
mod export;
mod generate;
mod keys;
mod live;
mod locked_memory;
mod ls;
mod output;
mod pipeline;
mod probes;
mod ready;
mod recording;
mod replay;
mod select;
mod signals;
mod view;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};

use self::command::CommandStdout;
use crate::cause::Cause;
use crate::cli::{self, Command, Format, Invocation, Observe, Output, Until};
use crate::event::Question;
use crate::probe;
use crate::sink::junit::ReportFile;
use crate::sink::{Sink, jsonl, stderr, text};
use crate::stream;

/// Exit statuses beside those of `check` (docs/exit-status.md).
const FAILED: u8 = 1;
const CANNOT_OBSERVE: u8 = 3;

/// Runs what the command line asks for.
#[must_use]
pub fn main() -> ExitCode {
    let Invocation { output, command } = cli::parse();
    stderr::init_log(output.verbose);
    run(&output, command).unwrap_or_else(|error| {
        if stderr::is_broken_pipe(&error) {
            return ExitCode::SUCCESS;
        }
        stderr::fail(&error);
        ExitCode::from(if error.is::<probe::CannotObserve>() { CANNOT_OBSERVE } else { FAILED })
    })
}

fn run(output: &Output, command: Command) -> Result<ExitCode> {
    match command {
        Command::Watch(cli::Watch { lines, observe, until, record }) => {
            let request = watch(output, &observe, &until, record)?;
            live::run(if lines || !view::is_wanted(output) { request } else { view::of(output, request) })
        }
        Command::Record { file, observe, until } => live::run(watch(output, &observe, &until, Some(file))?),
        Command::Check(check) => self::check(output, check),
        Command::Replay { file, select, junit } => replay::run(&file, select, output, junit.as_deref()),
        Command::Export(export) => export::run(export),
        Command::Probes(probing) => probes::run(output, &probing),
        Command::Ls => ls::run(output),
        Command::Schema => schema(),
        Command::Doctor => doctor::run(output),
        Command::Explain { cause } => explain(output, cause),
        Command::Generate { dir } => generate::run(&dir),
    }
}

fn watch(
    output: &Output,
    observe: &Observe,
    until: &Until,
    record: Option<PathBuf>,
) -> Result<live::Request> {
    let sink = output::sink(output, &Question::Watch, None)?;
    let request = request(output, observe, Question::Watch, sink, record);
    Ok(live::Request { stop_after: until.stop_after, duration: until.duration, ..request })
}

fn check(output: &Output, check: cli::Check) -> Result<ExitCode> {
    let cli::Check { expect, expect_outcome, within, wait, junit, observe, record, run } = check;
    let within_ns = u64::try_from(within.as_nanos()).unwrap_or(u64::MAX);
    let question = Question::Check { expect, expect_outcome, within_ns, runs_command: !run.is_empty() };
    let report = junit.as_deref().map(ReportFile::create).transpose()?;
    let sink = output::sink(output, &question, report.as_ref())?;
    let mut request = request(output, &observe, question, sink, record);
    // It ends soon, and what it is asked about may begin at any moment.
    if request.stream.probe.arm == probe::Arm::Auto {
        request.stream.probe.arm = probe::Arm::Always;
    }
    // A static program's library can only be probed where it is.
    request.stream.probe.executables.extend(run.first().map(PathBuf::from));
    live::run(live::Request { command: run, wait, ..request }).inspect_err(|error| {
        let written = report.map_or(Ok(()), |report| report.fail(error));
        written.unwrap_or_else(|worse| stderr::fail(&worse));
    })
}

fn request(
    output: &Output,
    observe: &Observe,
    question: Question,
    sink: Box<dyn Sink>,
    recording: Option<PathBuf>,
) -> live::Request {
    let Observe { select, probing, ready_file, ring_bytes } = observe.clone();
    live::Request {
        question,
        select,
        stream: stream::Config {
            probe: probe::Config { ring_bytes, ..probes::config(&probing) },
            verbose: output.verbose,
        },
        sink,
        recording,
        ready_file,
        command: Vec::new(),
        command_stdout: match output.format {
            Format::Text => CommandStdout::Own,
            Format::Json => CommandStdout::Stderr,
        },
        wait: false,
        duration: None,
        stop_after: None,
        view: None,
    }
}

fn schema() -> Result<ExitCode> {
    jsonl::schema(io::stdout()).context("cannot write the output")?;
    Ok(ExitCode::SUCCESS)
}

fn explain(output: &Output, cause: Option<Cause>) -> Result<ExitCode> {
    match output.format {
        Format::Json => jsonl::explain(io::stdout(), cause.as_ref().map_or(Cause::ALL, std::slice::from_ref)),
        Format::Text => text::explain(io::stdout(), cause),
    }
    .context("cannot write the output")?;
    Ok(ExitCode::SUCCESS)
}
