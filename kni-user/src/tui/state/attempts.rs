//! The attempts that are kept: newest first, restart loops folded, older ones dropped and counted.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use crate::cause::Cause;
use crate::report::Attempt;
use crate::sink::escape;
use crate::sink::text::told;
use crate::untrusted::Untrusted;

/// Attempts that are kept. One takes a few kilobytes.
pub const KEPT: usize = 10_000;

/// Columns of what a filter looks for.
const SOUGHT: usize = 256;

/// The place of a row: the newest has the highest.
pub(crate) type Place = u64;

/// A line of the list.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// The last attempt of it.
    pub(crate) attempt: Box<Attempt>,
    /// How often it happened: more than once in a restart loop.
    pub(crate) count: u64,
    /// What a filter looks at, in small letters.
    text: String,
}

/// Same program, same interface, same end: as restart loops are told.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Pattern {
    program: Untrusted,
    name: Option<Untrusted>,
    outcome: u8,
    boundary: Option<u8>,
    cause: Option<Cause>,
}

/// All rows.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    rows: BTreeMap<Place, Row>,
    /// Those that the filter lets through: it looks at a row once, however often the screen is drawn.
    shown: BTreeSet<Place>,
    next: Place,
    patterns: HashMap<Pattern, Place>,
    /// Attempts that were told as in progress, by thread and beginning.
    unfinished: HashMap<(u32, i64), Place>,
    /// What came while the list was held still, oldest first.
    waiting: Option<VecDeque<Box<Attempt>>>,
    /// The row that was chosen; none: the newest, whichever that is.
    chosen: Option<Place>,
    /// In small letters; empty: all rows are shown.
    filter: String,
    dropped: u64,
}

impl Row {
    fn new(attempt: Box<Attempt>, count: u64) -> Self {
        let name = attempt.interface.name().map(|name| escape::word(name, SOUGHT));
        let exe = attempt.process.exe.as_ref().map(|exe| escape::line(exe, SOUGHT));
        let parts = [
            format!("{}[{}]", escape::word(&attempt.process.comm, SOUGHT), attempt.process.pid),
            name.unwrap_or_default(),
            told::verdict(&attempt).1.to_owned(),
            attempt.cause.map_or("", Cause::name).to_owned(),
            exe.unwrap_or_default(),
        ];
        Self { attempt, count, text: parts.join(" ").to_lowercase() }
    }

    fn passes(&self, filter: &str) -> bool {
        filter.is_empty() || self.text.contains(filter)
    }
}

impl Pattern {
    fn of(attempt: &Attempt) -> Self {
        Self {
            program: attempt.process.comm.clone(),
            name: attempt.interface.name().cloned(),
            outcome: attempt.outcome as u8,
            boundary: attempt.boundary.map(|boundary| boundary as u8),
            cause: attempt.cause,
        }
    }
}

impl Attempts {
    /// Takes one, or lets it wait as long as the list is held still.
    pub(crate) fn take(&mut self, attempt: &Attempt) {
        let attempt = Box::new(attempt.clone());
        let Some(waiting) = &mut self.waiting else { return self.add(attempt) };
        waiting.push_back(attempt);
        if waiting.len() > KEPT {
            waiting.pop_front();
            self.dropped += 1;
        }
    }

    fn add(&mut self, attempt: Box<Attempt>) {
        let thread = (attempt.process.tid, attempt.started);
        let before = self.unfinished.remove(&thread);
        let pattern = Pattern::of(&attempt);
        let known = self.patterns.get(&pattern).copied().filter(|_| attempt.repeat.is_some());
        let place = self.next;
        self.next += 1;
        if !attempt.is_final {
            self.unfinished.insert(thread, place);
        }
        let count = attempt.repeat.as_ref().map_or(1, |repeat| repeat.count.max(1));
        let row = Row::new(attempt, count);
        if row.passes(&self.filter) {
            self.shown.insert(place);
        }
        self.rows.insert(place, row);
        for gone in [before, known].into_iter().flatten() {
            self.remove(gone);
            if self.chosen == Some(gone) {
                self.chosen = Some(place);
            }
        }
        self.patterns.insert(pattern, place);
        if self.rows.len() > KEPT
            && let Some((oldest, _)) = self.rows.first_key_value()
        {
            self.remove(*oldest);
            self.dropped += 1;
        }
    }

    fn remove(&mut self, place: Place) {
        let Some(Row { attempt, .. }) = self.rows.remove(&place) else { return };
        self.shown.remove(&place);
        let pattern = Pattern::of(&attempt);
        if self.patterns.get(&pattern) == Some(&place) {
            self.patterns.remove(&pattern);
        }
        let thread = (attempt.process.tid, attempt.started);
        if self.unfinished.get(&thread) == Some(&place) {
            self.unfinished.remove(&thread);
        }
    }

    /// Holds the list still, or goes on with what came meanwhile.
    pub(crate) fn toggle_pause(&mut self) {
        match self.waiting.take() {
            None => self.waiting = Some(VecDeque::new()),
            Some(waiting) => waiting.into_iter().for_each(|attempt| self.add(attempt)),
        }
    }

    /// How many wait, if the list is held still.
    pub(crate) fn paused(&self) -> Option<usize> {
        self.waiting.as_ref().map(VecDeque::len)
    }

    /// How many rows there are, shown or not.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// How many attempts were dropped.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// How many rows the filter lets through.
    pub(crate) fn count_shown(&self) -> usize {
        self.shown.len()
    }

    /// At most so many rows that the filter lets through, newest first, after the first `skipped`.
    pub(crate) fn window(&self, skipped: usize, rows: usize) -> impl Iterator<Item = (Place, &Row)> {
        let places = self.shown.iter().rev().skip(skipped).take(rows);
        places.filter_map(|place| Some((*place, self.rows.get(place)?)))
    }

    /// How many of the rows that are shown are newer than the selected one.
    pub(crate) fn position(&self) -> usize {
        self.selected().map_or(0, |(place, _)| self.shown.range(place + 1..).count())
    }

    /// What the filter looks for, in small letters.
    pub(crate) fn filter(&self) -> &str {
        &self.filter
    }

    pub(crate) fn set_filter(&mut self, filter: &str) {
        self.filter = filter.to_lowercase();
        let passing = self.rows.iter().filter(|(_, row)| row.passes(&self.filter));
        self.shown = passing.map(|(place, _)| *place).collect();
    }

    /// The chosen row, if it is there and shown, else the newest that is shown.
    pub(crate) fn selected(&self) -> Option<(Place, &Row)> {
        let chosen = self.chosen.filter(|place| self.shown.contains(place));
        let place = chosen.or_else(|| self.shown.last().copied())?;
        Some((place, self.rows.get(&place)?))
    }

    /// Stays with the row that is selected now, whatever comes.
    pub(crate) fn hold(&mut self) {
        self.chosen = self.selected().map(|(place, _)| place);
    }

    /// Goes so many rows down, or up. At the top it follows the newest.
    pub(crate) fn go(&mut self, rows: isize) {
        let last = self.shown.len().saturating_sub(1);
        let to = self.position().saturating_add_signed(rows).min(last);
        self.chosen = self.shown.iter().rev().nth(to).copied().filter(|_| to > 0);
    }

    /// Goes to the newest and follows it, or to the oldest.
    pub(crate) fn go_to_end(&mut self, newest: bool) {
        self.chosen = self.shown.first().copied().filter(|_| !newest);
    }
}
