//! Errors, and the little else that goes to stderr.
//!
//! While the full-screen view has the terminal, what would go there is held back: the view shows it.

use std::collections::VecDeque;
use std::io::{self, IsTerminal as _, Write};
use std::sync::Mutex;

use super::escape;

/// Messages that are held back.
static HELD: Mutex<Option<VecDeque<String>>> = Mutex::new(None);
/// As many are, at most; older ones are dropped.
const HELD_MAX: usize = 100;

/// Sends the log to stderr: warnings, and with `verbose` what else is worth knowing; `RUST_LOG` overrides it.
pub fn init_log(verbose: bool) {
    let level = if verbose { log::LevelFilter::Info } else { log::LevelFilter::Warn };
    env_logger::Builder::new()
        .filter_level(level)
        .parse_default_env()
        .format(|to, record| to.write_all(noted(&record.args().to_string()).as_bytes()))
        .target(env_logger::Target::Pipe(Box::new(Log)))
        .init();
}

/// Where the log goes: stderr, or what is held back.
struct Log;

impl Write for Log {
    fn write(&mut self, message: &[u8]) -> io::Result<usize> {
        let mut held = HELD.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match held.as_mut() {
            Some(held) => {
                held.push_back(String::from_utf8_lossy(message).trim_end().to_owned());
                if held.len() > HELD_MAX {
                    held.pop_front();
                }
                Ok(message.len())
            }
            None => io::stderr().lock().write(message),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

/// Holds the log back from now on, if it would go to a terminal.
pub fn hold() {
    if io::stderr().is_terminal() {
        HELD.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get_or_insert_default();
    }
}

/// What was held back since this was last asked.
#[must_use]
pub fn held() -> Vec<String> {
    let mut held = HELD.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    held.as_mut().map(|held| held.drain(..).collect()).unwrap_or_default()
}

/// Lets the log go to stderr again, and there first what was held back and nobody asked for.
pub fn release() {
    let held = HELD.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
    for message in held.into_iter().flatten() {
        // Nowhere is left to say that stderr cannot be written.
        drop(writeln!(io::stderr().lock(), "{message}"));
    }
}

/// Whether `error` says that the reader of our output has gone (`kniwatch | head -1`): no failure,
/// and nobody to tell.
#[must_use]
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let kind = cause
            .downcast_ref::<io::Error>()
            .map(io::Error::kind)
            .or_else(|| cause.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind));
        kind == Some(io::ErrorKind::BrokenPipe)
    })
}

/// Says why kniwatch ends without an answer: the error and what led to it, and below it the lines
/// that the error itself has.
pub fn fail(error: &anyhow::Error) {
    note(&format!("{error:#}"));
}

/// Says something that is no part of the results.
pub fn note(message: &str) {
    // Nowhere is left to say that stderr cannot be written.
    drop(io::stderr().lock().write_all(noted(message).as_bytes()));
}

/// `message` behind the program's name, safe for a terminal; later lines keep their indent.
fn noted(message: &str) -> String {
    let lines: Vec<String> = message.lines().map(|line| escape::line(&line.into(), usize::MAX)).collect();
    format!("kniwatch: {}\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use std::io;

    use anyhow::{Context as _, anyhow};

    use super::{is_broken_pipe, noted};

    #[test]
    fn a_broken_pipe_is_recognised_through_any_context() {
        let broken = || io::Error::from(io::ErrorKind::BrokenPipe);
        assert!(is_broken_pipe(&anyhow::Error::from(broken()).context("while telling")));
        let json: Result<(), _> = serde_json::to_writer(Broken, &1).context("while telling");
        assert!(is_broken_pipe(&json.unwrap_err()));
        assert!(!is_broken_pipe(&anyhow!("broken pipe")));
        assert!(!is_broken_pipe(&io::Error::from(io::ErrorKind::NotFound).into()));
    }

    struct Broken;

    impl io::Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn messages_cannot_steer_the_terminal_and_keep_their_lines() {
        assert_eq!(noted("no file \u{1b}[2J\n  make it"), "kniwatch: no file \\u{1b}[2J\n  make it\n");
    }
}
