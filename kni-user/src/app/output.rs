//! Which sinks a run tells, and where these write.

use std::io::{self, IsTerminal, Write};

use anyhow::Result;

use crate::cli::{Format, Output};
use crate::event::Question;
use crate::sink::junit::ReportFile;
use crate::sink::text::{Text, TextOptions};
use crate::sink::{Several, Sink, jsonl};

/// The sinks of a run that answers `question`.
///
/// Of `watch`, results go to stdout. Of `check`, lines for people go to stderr, whatever the format: stdout is its
/// command's, or JSON Lines' alone. Its exit status is an answer too, and so a reader who leaves does not end it.
pub(super) fn sink(
    output: &Output,
    question: &Question,
    junit: Option<&ReportFile>,
) -> Result<Box<dyn Sink>> {
    let json = (output.format == Format::Json).then(|| Box::new(jsonl::JsonLines::new(io::stdout())) as _);
    if *question == Question::Watch {
        return Ok(json.unwrap_or_else(|| text(output, io::stdout())));
    }
    let mut sinks: Vec<Box<dyn Sink>> = json.into_iter().collect();
    sinks.push(text(output, io::stderr()));
    if let Some(report) = junit {
        sinks.push(Box::new(report.sink()?));
    }
    Ok(Box::new(Several::new(sinks)))
}

fn text(output: &Output, to: impl IsTerminal + Write + 'static) -> Box<dyn Sink> {
    let options = text_options(output, &to);
    Box::new(Text::new(to, options))
}

/// How lines that go there are shown.
pub(super) fn text_options(output: &Output, to: &impl IsTerminal) -> TextOptions {
    let Output { quiet, verbose, .. } = *output;
    TextOptions { color: is_colored(output, to), quiet, verbose }
}

/// Whether what goes there is coloured.
pub(super) fn is_colored(output: &Output, to: &impl IsTerminal) -> bool {
    let no_color = std::env::var_os("NO_COLOR");
    output.color.wanted(to.is_terminal(), no_color.as_deref())
}
