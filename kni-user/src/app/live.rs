//! `kniwatch`, `check` and `record`: the running machine as the source.

use std::ffi::OsString;
use std::fs::File;
use std::future;
use std::io::BufWriter;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::process::Child;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::command;
use super::pipeline::Pipeline;
use super::ready::ReadyFile;
use super::view::{self, View};
use crate::cli::Select;
use crate::event::{End, Event, Question, What};
use crate::privileges::{self, Keep};
use crate::sink::Sink;
use crate::sink::recording::Recorder;
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
        wait,
        duration,
        stop_after,
        view,
    } = request;
    let recorder = recording.as_deref().map(create_recording).transpose()?;
    let mut pipeline = Pipeline::new(select, sink, recorder);
    let mut signals = Signals::new()?;
    let mut events = Vec::new();

    let mut source = Stream::open(&stream, question, &mut events)?;
    feed(&mut pipeline, &mut events)?;
    let ready = ready_file.map(ReadyFile::prepare).transpose()?;
    let mut child = None;
    if command.is_empty() {
        // In the directory where it is, which may be anybody's, the view leaves what it exports.
        let keep = view.as_ref().map(|_| Keep::Exports);
        privileges::drop_unneeded(keep.as_slice())?;
        ready.map_or(Ok(()), ReadyFile::make)?;
    } else {
        ready.map_or(Ok(()), ReadyFile::make)?;
        // It has all that the caller has.
        let started = command::start(source.probes(), &command)?;
        let pid = started.id().context("the command has no process id")?;
        pipeline.feed(&stream::now(What::CommandStarted { pid }))?;
        child = Some((pid, started));
        privileges::drop_unneeded(&[Keep::Signals])?;
    }

    let mut view = view.map(|(state, theme)| View::open(state, theme)).transpose()?;
    let limit = timer(duration);
    tokio::pin!(limit);
    let end = loop {
        tokio::select! {
            batch = source.batch(&mut events) => batch?,
            () = signals.next() => break End::Interrupted,
            leaves = turn(&mut view) => if leaves? { break End::Interrupted },
            () = &mut limit => break End::Done,
            (pid, status) = exit_of(&mut child) => {
                child = None;
                // What the command did before it ended comes first.
                source.drain(&mut events)?;
                events.push(stream::now(command::ended(pid, status.context("cannot wait for the command")?)));
            }
        }
        feed(&mut pipeline, &mut events)?;
        if let Some(view) = &mut view {
            view.look(pipeline.engine(), source.probes().rows());
        }
        let answered = pipeline.done() && !(wait && child.is_some());
        if answered || stop_after.is_some_and(|limit| pipeline.attempts() >= limit.get()) {
            break End::Done;
        }
    };
    source.close(end, &mut events)?;
    feed(&mut pipeline, &mut events)?;
    view.map_or(Ok(()), View::close)?;
    Ok(ExitCode::from(pipeline.exit_status()))
}

fn create_recording(path: &Path) -> Result<Recorder<Box<dyn std::io::Write>>> {
    let file =
        File::create(path).with_context(|| format!("cannot create the recording {}", path.display()))?;
    let writer: Box<dyn std::io::Write> = Box::new(BufWriter::new(file));
    Recorder::new(writer).with_context(|| format!("cannot write to {}", path.display()))
}

fn feed(pipeline: &mut Pipeline, events: &mut Vec<Event>) -> Result<()> {
    events.drain(..).try_for_each(|event| pipeline.feed(&event))
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

async fn exit_of(child: &mut Option<(u32, Child)>) -> (u32, std::io::Result<std::process::ExitStatus>) {
    match child {
        Some((pid, child)) => (*pid, child.wait().await),
        None => future::pending().await,
    }
}

/// The signals that ask for the summary.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
