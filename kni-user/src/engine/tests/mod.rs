//! Whole streams in, reports out: the rules of the verdicts, and what must not be said.

mod afterwards;
mod check;
mod device;
mod dying;
mod elsewhere;
mod ending;
mod handler;
mod hanging;
mod library;
mod life;
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
use crate::report::{Attempt, Boundary, Outcome};

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
