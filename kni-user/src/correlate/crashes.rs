//! The kernel's reports of threads that died inside it, from its log.
//!
//! A report begins with what failed, has a line with the count of all such (`Oops: 0002 [#1]`), and ends with
//! `---[ end trace` (arch/x86/kernel/dumpstack.c and traps.c, kernel/panic.c, Linux 5.10 to 6.18). All of it is in
//! the log before the thread passes `sched_process_exit`. A warning has no such count, and nobody dies of it.

use std::collections::VecDeque;

use crate::event::{Holder, Nanos};
use crate::untrusted::Untrusted;

/// Lines of one report after which it is taken as it is.
const MAX_LINES: usize = 256;
/// Functions of the module that are kept of one report.
const MAX_FUNCTIONS: usize = 8;
/// Deaths that are remembered until it is known what they mean.
const MAX_CRASHES: usize = 16;

/// What a line of the log is to a report.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Line {
    /// What failed: the first line of a report.
    Begins,
    /// The line with the count, by which it is certain that a thread died.
    Counts,
    /// Who died.
    Who(Holder),
    /// Where it failed.
    At(Function),
    /// From where that was called.
    Called(Function),
    /// The last line.
    Ends,
    /// Nothing: registers, code, or a line of no report at all.
    Other,
}

/// A function on a stack.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Function {
    /// Its name, without offset and size.
    pub name: Untrusted,
    /// It is the module's.
    pub of_module: bool,
}

/// A thread that died inside the kernel, in a function of the module's or in what that called.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Crash {
    /// Who, by its thread id.
    pub thread: Holder,
    /// The function that it died in.
    pub at: Option<Untrusted>,
    /// The module's functions on its stack, innermost first.
    pub functions: Vec<Untrusted>,
    /// The lines that matter.
    pub log: Vec<Untrusted>,
}

/// Reads reports, line by line.
#[derive(Debug, Default)]
struct Reports(Option<Report>);

/// A report that has begun.
#[derive(Debug, Default)]
struct Report {
    lines: usize,
    counted: bool,
    thread: Option<Holder>,
    at: Option<Function>,
    functions: Vec<Untrusted>,
    log: Vec<Untrusted>,
}

impl Line {
    /// What `text` is.
    #[must_use]
    pub fn of(text: &Untrusted) -> Self {
        const FIRST: [&str; 4] = [
            "BUG: unable to handle ",
            "BUG: kernel NULL pointer",
            "kernel BUG at ",
            "Unable to handle kernel ",
        ];
        let Ok(text) = std::str::from_utf8(text.as_bytes()) else { return Self::Other };
        if FIRST.iter().any(|first| text.starts_with(first)) {
            return Self::Begins;
        }
        if text.starts_with("---[ end trace ") {
            return Self::Ends;
        }
        let at = text.strip_prefix("RIP: ").and_then(|rest| rest.split_once(':')).map(|(_, at)| at);
        if let Some(function) = at.or_else(|| text.strip_prefix("pc : ")).and_then(Function::of) {
            return Self::At(function);
        }
        if let Some(function) = text.strip_prefix(' ').and_then(Function::of) {
            return Self::Called(function);
        }
        let other = || if is_count(text) { Self::Counts } else { Self::Other };
        who(text).map_or_else(other, Self::Who)
    }

    /// Whether it names a function of the module's.
    #[must_use]
    pub const fn is_of_module(&self) -> bool {
        matches!(self, Self::At(function) | Self::Called(function) if function.of_module)
    }
}

impl Function {
    /// `kni_release+0x5f/0x1c0 [rte_kni]`; not what may be left on the stack from before (`? kni_open+...`).
    fn of(text: &str) -> Option<Self> {
        let (name, rest) = text.trim_start().split_once('+')?;
        let named = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(&byte));
        (named && rest.starts_with("0x")).then(|| Self {
            name: name.into(),
            of_module: rest.contains(" [rte_kni]") || rest.contains(" [rte_kni "),
        })
    }
}

/// `CPU: 0 PID: 123 Comm: kni-create Tainted: G ...`; since 6.12 with the user's id before the process's.
fn who(text: &str) -> Option<Holder> {
    let (_, rest) = text.strip_prefix("CPU: ")?.split_once(" PID: ")?;
    let (pid, rest) = rest.split_once(" Comm: ")?;
    let comm = rest
        .rsplit_once(" Tainted: ")
        .or_else(|| rest.rsplit_once(" Not tainted "))
        .map_or(rest, |(comm, _)| comm);
    Some(Holder { pid: pid.parse().ok()?, comm: comm.into() })
}

/// `... [#1] PREEMPT SMP`.
fn is_count(text: &str) -> bool {
    let counted = text.split_once(" [#").and_then(|(_, rest)| rest.split_once(']'));
    counted.is_some_and(|(count, _)| !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit()))
}

impl Reports {
    /// Takes the next line of the log. The death that it completes the report of, if that was in the module.
    fn take(&mut self, text: &Untrusted) -> Option<Crash> {
        let line = Line::of(text);
        let starts = match (&self.0, &line) {
            (None, Line::Begins | Line::Counts) | (Some(_), Line::Begins) => true,
            (Some(report), Line::Counts) => report.counted,
            _ => false,
        };
        let before = if starts { self.0.replace(Report::default()).and_then(Report::crash) } else { None };
        let report = self.0.as_mut()?;
        report.take(line.clone(), text);
        if line == Line::Ends || report.lines >= MAX_LINES {
            self.0.take().and_then(Report::crash)
        } else {
            before
        }
    }
}

impl Report {
    fn take(&mut self, line: Line, text: &Untrusted) {
        self.lines += 1;
        let matters = match line {
            Line::Begins => true,
            Line::Counts => {
                self.counted = true;
                self.log.is_empty()
            }
            // These come once more behind the trace, and there may be others' then.
            Line::Who(thread) => self.thread.is_none() && self.thread.replace(thread).is_none(),
            Line::At(function) => {
                let first = self.at.is_none();
                if first {
                    self.pass(&function);
                    self.at = Some(function);
                }
                first
            }
            Line::Called(function) => self.pass(&function),
            Line::Ends | Line::Other => false,
        };
        if matters {
            self.log.push(text.as_bytes().trim_ascii_start().into());
        }
    }

    /// Whether it is the module's and is kept.
    fn pass(&mut self, function: &Function) -> bool {
        let kept = function.of_module && self.functions.len() < MAX_FUNCTIONS;
        if kept {
            self.functions.push(function.name.clone());
        }
        kept
    }

    fn crash(self) -> Option<Crash> {
        let Self { lines: _, counted, thread, at, functions, log } = self;
        let thread = thread.filter(|_| counted && !functions.is_empty())?;
        Some(Crash { thread, at: at.map(|function| function.name), functions, log })
    }
}

impl Crash {
    /// Whether it died giving the device back: then nobody can have it again.
    #[must_use]
    pub fn is_in_release(&self) -> bool {
        let is_release = |function: &Untrusted| base(function.as_bytes()) == b"kni_release";
        self.functions.iter().any(is_release)
    }
}

/// A function's name without what the compiler adds: `kni_dev_remove.isra.0`.
fn base(name: &[u8]) -> &[u8] {
    name.split(|byte| *byte == b'.').next().unwrap_or(name)
}

/// Deaths of which it is not known yet what they mean.
#[derive(Debug, Default)]
pub(super) struct Crashes {
    reports: Reports,
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    crash: Crash,
    read: Nanos,
    /// Ticks since.
    ticks: u32,
}

impl Crashes {
    /// Takes a line that was read at `at`; the death that it completes the report of.
    pub(super) fn push(&mut self, at: Nanos, text: &Untrusted) -> Option<&Crash> {
        let crash = self.reports.take(text)?;
        if self.waiting.len() >= MAX_CRASHES {
            self.waiting.pop_front();
        }
        self.waiting.push_back(Waiting { crash, read: at, ticks: 0 });
        self.waiting.back().map(|waiting| &waiting.crash)
    }

    /// The death of a thread inside what it began at `began`.
    pub(super) fn claim(&mut self, tid: u32, began: Nanos) -> Option<Crash> {
        let own = |waiting: &Waiting| waiting.crash.thread.pid == tid && waiting.read >= began;
        let found = self.waiting.iter().position(own)?;
        self.waiting.remove(found).map(|waiting| waiting.crash)
    }

    /// Whether there is one to claim.
    pub(super) fn has(&self, tid: u32, began: Nanos) -> bool {
        self.waiting.iter().any(|waiting| waiting.crash.thread.pid == tid && waiting.read >= began)
    }

    /// Time passes. The threads of those deaths whose records have all come by now: a report may be read before what
    /// led to it, but not by two ticks.
    pub(super) fn tick(&mut self) -> Vec<u32> {
        for waiting in &mut self.waiting {
            waiting.ticks = waiting.ticks.saturating_add(1);
        }
        self.waiting
            .iter()
            .filter(|waiting| waiting.ticks > 1)
            .map(|waiting| waiting.crash.thread.pid)
            .collect()
    }

    /// The threads of all deaths that nobody has claimed.
    pub(super) fn threads(&self) -> Vec<u32> {
        self.waiting.iter().map(|waiting| waiting.crash.thread.pid).collect()
    }

    /// What was told before anything was watched means nothing for any attempt.
    pub(super) fn forget(&mut self) {
        self.waiting.clear();
    }
}

#[cfg(test)]
mod tests;
