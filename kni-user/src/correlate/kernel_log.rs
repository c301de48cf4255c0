//! The module's own lines in the kernel's log, and which attempt each belongs to.
//!
//! The handler prints "Creating kni..." before anything else (`kernel/linux/kni/kni_misc.c`, DPDK 16.04
//! to 23.07), so the lines of one run of it are that line and what follows up to the next one, as
//! long as no two runs overlap.

use std::collections::VecDeque;

use crate::event::{KernelLog, Nanos};
use crate::untrusted::Untrusted;

/// Lines that wait for an attempt to claim them.
const MAX_LINES: usize = 256;
/// Runs of the handler that are remembered to see whether they overlap another.
const MAX_RUNS: usize = 64;
/// Over so long, the log's clock and the monotonic one don't drift apart by [`TOLERANCE`].
const STEADY: Nanos = 60_000_000_000;
/// How much earlier than the handler's entry one of its lines may seem to have been logged.
const TOLERANCE: Nanos = 5_000_000;

/// Why the module refused, in its own words.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ModuleSaid {
    /// It holds an interface of that name.
    Duplicated,
    /// The name does not end.
    Unterminated,
    /// The CPU of that number is not online.
    CoreOffline(Option<u32>),
    /// Virtual addresses can't be used on this kernel.
    AddressMode,
    /// The struct could not be copied.
    CannotCopy,
    /// `alloc_netdev` failed.
    CannotAllocate,
    /// `register_netdev` failed, with this (positive) errno.
    CannotRegister(i32),
}

/// A run of the handler.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// From its entry.
    pub(super) entered: Nanos,
    /// To its return, or to the end of what was seen of it.
    pub(super) left: Nanos,
}

/// The lines of one run.
#[derive(Debug, Default)]
pub(super) struct Claimed {
    /// In the order of the log.
    pub(super) lines: Vec<Untrusted>,
    /// What they say of a refusal; `None` if they say nothing.
    pub(super) said: Option<ModuleSaid>,
    /// The run's own "Creating kni..." was among them: had the module said more, it would be here.
    pub(super) whole: bool,
    /// And no line is there that tells of a refusal, of whatever interface.
    pub(super) silent: bool,
}

/// Lines not yet claimed.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    waiting: VecDeque<Line>,
    delays: VecDeque<(Nanos, i128)>,
    runs: VecDeque<Run>,
}

#[derive(Clone, Debug)]
struct Line {
    read: Nanos,
    logged: Nanos,
    text: Untrusted,
}

impl Lines {
    /// Takes a line that was read at `at`.
    pub(super) fn push(&mut self, at: Nanos, line: &KernelLog) {
        self.delays.push_back((at, i128::from(at) - i128::from(line.logged_ns)));
        if self.delays.len() > MAX_LINES {
            self.delays.pop_front();
        }
        if message(line.text.as_bytes()).is_some() {
            self.waiting.push_back(Line { read: at, logged: line.logged_ns, text: line.text.clone() });
            if self.waiting.len() > MAX_LINES {
                self.waiting.pop_front();
            }
        }
    }

    /// The lines that belong to `run`, which asked for an interface of one of `names`. `others`
    /// are runs that have not ended yet. A line is claimed once.
    pub(super) fn claim(&mut self, run: Run, names: &[&Untrusted], others: &[Run]) -> Claimed {
        let overlaps = |other: &Run| other.entered <= run.left && run.entered <= other.left;
        let alone = !self.runs.iter().any(overlaps) && !others.iter().any(|other| other.entered <= run.left);
        self.runs.push_back(run);
        if self.runs.len() > MAX_RUNS {
            self.runs.pop_front();
        }
        if alone { self.claim_segment(run, names) } else { self.claim_named(run, names) }
    }

    /// From the first "Creating kni..." that can be this run's to the next.
    fn claim_segment(&mut self, run: Run, names: &[&Untrusted]) -> Claimed {
        let shift = self.clock_shift(run);
        let start = self.waiting.iter().position(|line| line.is_start() && line.can_be_of(run, shift));
        let Some(start) = start else { return self.claim_named(run, names) };
        let next = self.waiting.iter().skip(start + 1).position(Line::is_start);
        let end = next.map_or(self.waiting.len(), |next| start + 1 + next);
        let mut claimed = Claimed { whole: true, silent: true, ..Claimed::default() };
        // What lies before is older than this run, and no other is there to claim it.
        for line in self.waiting.drain(..end).skip(start) {
            let said = understand(&line.text, names);
            claimed.silent &= said.is_none() && !is_refusal(&line.text);
            if said.is_some() || line.is_start() {
                claimed.lines.push(line.text);
            }
            claimed.said = claimed.said.or(said);
        }
        claimed
    }

    /// Where the order of lines tells nothing, a line must bear the interface's name.
    fn claim_named(&mut self, run: Run, names: &[&Untrusted]) -> Claimed {
        let shift = self.clock_shift(run);
        let found = self.waiting.iter().position(|line| {
            let said = understand(&line.text, names);
            line.can_be_of(run, shift) && said.is_some_and(ModuleSaid::is_of_one_interface)
        });
        let Some(line) = found.and_then(|found| self.waiting.remove(found)) else {
            return Claimed::default();
        };
        Claimed { said: understand(&line.text, names), lines: vec![line.text], ..Claimed::default() }
    }

    /// How far the log's clock is behind the monotonic one at the time of `run`: the least time that
    /// any line read about then took to be read. Never less than it really is.
    fn clock_shift(&self, run: Run) -> Option<i128> {
        let near = self.delays.iter().filter(|(at, _)| at.abs_diff(run.left) <= STEADY);
        near.map(|(_, delay)| *delay).min()
    }
}

impl Line {
    fn can_be_of(&self, run: Run, clock_shift: Option<i128>) -> bool {
        let logged = clock_shift.map(|shift| i128::from(self.logged) + shift + i128::from(TOLERANCE));
        self.read >= run.entered && logged.is_some_and(|logged| logged >= i128::from(run.entered))
    }

    fn is_start(&self) -> bool {
        message(self.text.as_bytes()).is_some_and(|message| message.starts_with(b"Creating kni"))
    }
}

impl ModuleSaid {
    /// Whether its text bears the interface's name.
    const fn is_of_one_interface(self) -> bool {
        matches!(self, Self::Duplicated | Self::CannotAllocate | Self::CannotRegister(_))
    }
}

/// The text without what the module puts before each line; `None` if another wrote it.
fn message(text: &[u8]) -> Option<&[u8]> {
    let text = text.strip_prefix(b"rte_kni: ").or_else(|| text.strip_prefix(b"KNI: "))?;
    Some(text.strip_prefix(b"Error: ").unwrap_or(text).trim_ascii_end())
}

/// What a line says of a refusal of an interface of one of `names`.
fn understand(text: &Untrusted, names: &[&Untrusted]) -> Option<ModuleSaid> {
    let message = message(text.as_bytes())?;
    let unnamed = [
        (&b"kni.name not zero-terminated"[..], ModuleSaid::Unterminated),
        (b"KNI module does not support IOVA to VA", ModuleSaid::AddressMode),
        (b"copy_from_user in kni_ioctl_create", ModuleSaid::CannotCopy),
    ];
    if let Some((_, said)) = unnamed.iter().find(|(start, _)| message.starts_with(start)) {
        return Some(*said);
    }
    let cpu = message.strip_prefix(b"cpu ").and_then(|rest| rest.strip_suffix(b" is not online"));
    if let Some(cpu) = cpu {
        let cpu = std::str::from_utf8(cpu).ok().and_then(|cpu| cpu.parse().ok());
        return Some(ModuleSaid::CoreOffline(cpu));
    }
    names.iter().find_map(|name| understand_named(message, name.as_bytes()))
}

/// Whether a line tells of a refusal of some interface.
fn is_refusal(text: &Untrusted) -> bool {
    message(text.as_bytes())
        .is_some_and(|message| message.ends_with(b" duplicated") || message.starts_with(b"error "))
}

fn understand_named(message: &[u8], name: &[u8]) -> Option<ModuleSaid> {
    let between = |start: &[u8], end: &[u8]| {
        message.strip_prefix(start).and_then(|rest| rest.strip_suffix(end)) == Some(name)
    };
    if between(b"KNI name ", b" duplicated") {
        return Some(ModuleSaid::Duplicated);
    }
    if between(b"error allocating device \"", b"\"") {
        return Some(ModuleSaid::CannotAllocate);
    }
    let rest = message.strip_prefix(b"error -")?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (errno, rest) = rest.split_at_checked(digits)?;
    let named = rest.strip_prefix(b" registering device \"")?.strip_suffix(b"\"")?;
    let errno = std::str::from_utf8(errno).ok()?.parse().ok()?;
    (named == name).then_some(ModuleSaid::CannotRegister(errno))
}

#[cfg(test)]
mod tests;
