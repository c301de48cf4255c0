//! `export`: a recording drawn as a page, or as a trace.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;

use anyhow::{Context as _, Result, bail};

use super::pipeline::Pipeline;
use crate::cli::{Export, ExportForm};
use crate::report::Report;
use crate::sink::recording::Reader;
use crate::sink::run::Run;
use crate::sink::{Sink, html, perfetto, stderr};

/// Keeps what is told until the recording's end.
#[derive(Clone, Default)]
struct Collected(Rc<RefCell<Run>>);

impl Sink for Collected {
    fn tell(&mut self, report: &Report) -> io::Result<()> {
        self.0.borrow_mut().take(report);
        Ok(())
    }
}

/// Draws the recording. Of a damaged one, what stands before the damage.
pub(super) fn run(export: Export) -> Result<ExitCode> {
    let Export { file: path, form, output, attempt, select } = export;
    let to_stdout = output.as_deref() == Some(Path::new("-"));
    if form == ExportForm::Perfetto && to_stdout && io::stdout().is_terminal() {
        bail!("a trace is no text for a terminal\n  name a file with --output, or pipe it to a program");
    }
    let file = File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
    let events =
        Reader::new(BufReader::new(file)).with_context(|| format!("cannot export {}", path.display()))?;
    let collected = Collected::default();
    let mut pipeline = Pipeline::new(select, Box::new(collected.clone()), None);
    let mut damage = None;
    for event in events {
        match event {
            Ok(event) => pipeline.feed(&mut vec![event])?,
            Err(error) => {
                damage = Some(error);
                break;
            }
        }
    }
    let mut run = collected.0.take();
    if let Some(number) = attempt {
        let there_are = run.attempts.len();
        run = run.only(number).with_context(|| {
            format!(
                "{} has no attempt {number}\n  kniwatch replay tells of {there_are}, in their order",
                path.display()
            )
        })?;
    }
    if to_stdout {
        write(form, &run, io::stdout().lock()).context("cannot write the output")?;
    } else {
        let out = output.unwrap_or_else(|| beside(&path, form));
        if out == path {
            bail!("{} would be replaced\n  name another file with --output", path.display());
        }
        File::create(&out)
            .and_then(|file| write(form, &run, file))
            .with_context(|| format!("cannot write {}", out.display()))?;
        stderr::note(&format!("wrote {}", out.display()));
    }
    match damage {
        Some(error) => Err(error).with_context(|| format!("{} is damaged", path.display())),
        None => Ok(ExitCode::SUCCESS),
    }
}

fn write(form: ExportForm, run: &Run, out: impl Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    match form {
        ExportForm::Html => html::page(&mut out, &run.about, &run.attempts)?,
        ExportForm::Perfetto => perfetto::trace(&mut out, run)?,
    }
    out.flush()
}

/// `kni.rec` to `kni.html`, where it stands.
fn beside(path: &Path, form: ExportForm) -> PathBuf {
    path.with_extension(match form {
        ExportForm::Html => "html",
        ExportForm::Perfetto => "pftrace",
    })
}
