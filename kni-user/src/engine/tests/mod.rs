//! Whole streams in, reports out: the rules of the verdicts, and what must not be said.

mod afterwards;
mod asked;
mod check;
mod device;
mod dying;
mod elsewhere;
mod ending;
mod handler;
mod hanging;
mod hostile;
mod library;
mod life;
mod lives;
mod objects;
mod origin;
mod properties;
mod recorded;
mod releases;
mod repeats;
mod request;
mod scripts;
mod skew;
mod threads;
mod unattempted;

use crate::cause::Cause;
use crate::event::{Event, Ledger, What};
use crate::report::{Attempt, Boundary, Outcome};
use crate::testing::{Answer, Stream};

/// An attempt's verdict in short.
type Short = (Outcome, Option<Boundary>, Option<Cause>);

fn short(attempt: &Attempt) -> Short {
    (attempt.outcome, attempt.boundary, attempt.cause)
}

fn stopped(boundary: Boundary, cause: impl Into<Option<Cause>>) -> Short {
    (Outcome::Stopped, Some(boundary), cause.into())
}

const INCONCLUSIVE: Short = (Outcome::Inconclusive, None, None);
const CREATED: Short = (Outcome::Created, None, None);

/// What is told if one event is lost, for each from the one at `first` on; the account says so in its place.
fn without_each(stream: &Stream, first: usize) -> impl Iterator<Item = (Event, Answer)> + '_ {
    (first..stream.events.len()).map(|dropped| {
        let mut left = stream.clone();
        let event = left.events.remove(dropped);
        let ledger = What::Ledger(Ledger { lost: 1, ..Ledger::default() });
        left.events.insert(dropped, Event { at: event.at, what: ledger });
        (event, left.end())
    })
}
