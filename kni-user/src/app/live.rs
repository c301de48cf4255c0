//! `kniwatch`, `check` and `record`: the running machine as the source.

use std::ffi::OsString;
use std::future;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::command::{self, CommandStdout, Running};
use super::locked_memory::LockedMemory;
use super::pipeline::Pipeline;
use super::ready::ReadyFile;
use super::recording::Recording;
use super::signals::Signals;
use super::view::{self, View};
use crate::cli::Select;
use crate::event::{End, Question, What};
use crate::privileges::{self, Keep};
use crate::sink::Sink;
use crate::stream::{self, Stream};
use crate::tui::view::Theme;

/// What a live run was asked to do.
pub(super) struct Request {
    pub(super) question: Question,
    pub(super) select: Select,
    pub(super) stream: stream::Config,
    pub(super) sink: Box<dyn Sink>,
    pub(super) recording: Option<PathBuf>,
    pub(super) ready_file: Option<PathBuf>,
    /// `check -- CMD`; empty: none.
    pub(super) command: Vec<OsString>,
    /// Where that one's stdout goes.
    pub(super) command_stdout: CommandStdout,
    /// `check --wait`: stay until the command has ended.
    pub(super) wait: bool,
    pub(super) duration: Option<Duration>,
    pub(super) stop_after: Option<NonZeroU64>,
    /// The full-screen view, of the state that `sink` tells.
    pub(super) view: Option<(view::Shared, Theme)>,
}

/// Observes until there is a reason to stop.
pub(super) fn run(request: Request) -> Result<ExitCode> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the event loop")?
        .block_on(observe(request))
}

async fn observe(request: Request) -> Result<ExitCode> {
    let Request {
        question,
        select,
        stream,
        sink,
        recording,
        ready_file,
        command,
        command_stdout,
        wait,
        duration,
        stop_after,
        view,
    } = request;
    let recording = recording.as_deref().map(Recording::create).transpose()?;
    let mut pipeline = Pipeline::new(select, sink, recording);
    let mut signals = Signals::new(!command.is_empty())?;
    let mut events = Vec::new();

    let locked_memory = LockedMemory::now().context("cannot read the limit of locked memory")?;
    let mut source = Stream::open(&stream, question, &mut events)?;
    pipeline.feed(&mut events)?;
    let ready = ready_file.map(ReadyFile::prepare).transpose()?;
    let mut running = None;
    if command.is_empty() {
        // In the directory where it is, which may be anybody's, the view leaves what it exports.
        let keep = view.as_ref().map(|_| Keep::Exports);
        privileges::drop_unneeded(keep.as_slice())?;
        ready.map_or(Ok(()), ReadyFile::make)?;
    } else {
        ready.map_or(Ok(()), ReadyFile::make)?;
        // It has all that the caller has.
        let started = Running::start(source.probes(), &command, command_stdout, locked_memory)?;
        pipeline.feed(&mut vec![stream::now(What::CommandStarted { pid: started.pid() })])?;
        running = Some(started);
        privileges::drop_unneeded(&[Keep::Signals])?;
    }

    let mut view = view.map(|(state, theme)| View::open(state, theme)).transpose()?;
    let limit = timer(duration);
    tokio::pin!(limit);
    let end = loop {
        tokio::select! {
            batch = source.batch(&mut events) => batch?,
            came = signals.next() => if command::ends(&mut running, came?) { break End::Interrupted },
            leaves = turn(&mut view) => if leaves? { break End::Interrupted },
            () = &mut limit => break End::Done,
            ended = command::ended(&mut running) => match ended? {
                // What the command did before it ended comes first.
                Some(ended) => {
                    source.drain(&mut events)?;
                    events.push(stream::now(ended));
                    running = None;
                }
                None => break End::Interrupted,
            },
        }
        pipeline.feed(&mut events)?;
        if let Some(view) = &mut view {
            view.look(pipeline.engine(), source.probes().rows());
        }
        let answered = pipeline.done() && !(wait && running.is_some());
        if answered || stop_after.is_some_and(|limit| pipeline.attempts() >= limit.get()) {
            break End::Done;
        }
    };
    source.close(end, &mut events)?;
    pipeline.feed(&mut events)?;
    view.map_or(Ok(()), View::close)?;
    Ok(ExitCode::from(pipeline.exit_status()?))
}

async fn turn(view: &mut Option<View>) -> Result<bool> {
    match view {
        Some(view) => view.turn().await,
        None => future::pending().await,
    }
}

async fn timer(duration: Option<Duration>) {
    match duration {
        Some(duration) => tokio::time::sleep(duration).await,
        None => future::pending().await,
    }
}
