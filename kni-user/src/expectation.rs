//! What a check waits for: that interfaces are created or, for negative tests, that they are not.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::generate::SchemaGenerator;
use schemars::{JsonSchema, Schema, json_schema};
use serde::{Deserialize, Serialize};

use crate::cause::Cause;
use crate::report::{Boundary, Outcome};

/// How the attempts at the expected interfaces have to end.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(into = "String", try_from = "String")]
pub enum Expectation {
    /// So, and where a boundary is named, there.
    Ending(Outcome, Option<Boundary>),
    /// For this reason.
    Cause(Cause),
}

/// The words for how an attempt can end.
const ENDINGS: [(&str, Outcome, Option<Boundary>); 12] = [
    ("created", Outcome::Created, None),
    ("created-elsewhere", Outcome::CreatedElsewhere, None),
    ("created-doomed", Outcome::CreatedDoomed, None),
    ("stopped", Outcome::Stopped, None),
    ("stopped:library", Outcome::Stopped, Some(Boundary::Library)),
    ("stopped:syscall", Outcome::Stopped, Some(Boundary::Syscall)),
    ("stopped:module", Outcome::Stopped, Some(Boundary::Module)),
    ("stopped:network", Outcome::Stopped, Some(Boundary::Network)),
    ("died", Outcome::Died, None),
    ("in-progress", Outcome::InProgress, None),
    ("not-attempted", Outcome::NotAttempted, None),
    ("inconclusive", Outcome::Inconclusive, None),
];

impl Expectation {
    /// That they are created.
    pub const CREATED: Self = Self::Ending(Outcome::Created, None);

    /// Every word that stands for one.
    pub fn names() -> impl Iterator<Item = &'static str> {
        let endings = ENDINGS.iter().map(|(name, ..)| *name);
        endings.chain(Cause::ALL.iter().map(|cause| cause.name()))
    }

    /// The word that stands for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ending(outcome, boundary) => {
                let is_it = |row: &&(&str, Outcome, Option<Boundary>)| (row.1, row.2) == (outcome, boundary);
                ENDINGS.iter().find(is_it).map_or("?", |(name, ..)| name)
            }
            Self::Cause(cause) => cause.name(),
        }
    }

    /// Whether what came of an attempt is what was expected.
    #[must_use]
    pub fn is_met(self, outcome: Outcome, boundary: Option<Boundary>, cause: Option<Cause>) -> bool {
        match self {
            Self::Ending(expected, at) => outcome == expected && (at.is_none() || boundary == at),
            Self::Cause(expected) => cause == Some(expected),
        }
    }

    /// Whether an interface that is there can be what was expected: it stays, whereas who was refused may try again.
    #[must_use]
    pub const fn is_lasting(self) -> bool {
        use Outcome::{Created, CreatedDoomed, CreatedElsewhere};
        matches!(self, Self::Ending(Created | CreatedElsewhere | CreatedDoomed, _))
    }
}

impl Default for Expectation {
    fn default() -> Self {
        Self::CREATED
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl JsonSchema for Expectation {
    fn schema_name() -> Cow<'static, str> {
        "Expectation".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<_> = Self::names().collect();
        json_schema!({ "type": "string", "enum": names, "description": "An outcome, a boundary to stop at, or a cause." })
    }
}

/// A word that stands for no outcome and no cause.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no outcome and no cause (kniwatch check --help, kniwatch explain)")]
pub struct UnknownExpectation(String);

impl FromStr for Expectation {
    type Err = UnknownExpectation;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let ending = ENDINGS.iter().find(|(known, ..)| *known == name);
        let ending = ending.map(|(_, outcome, boundary)| Self::Ending(*outcome, *boundary));
        let cause = || Cause::ALL.iter().find(|cause| cause.name() == name).copied().map(Self::Cause);
        ending.or_else(cause).ok_or_else(|| UnknownExpectation(name.to_owned()))
    }
}

impl TryFrom<String> for Expectation {
    type Error = UnknownExpectation;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        name.parse()
    }
}

impl From<Expectation> for String {
    fn from(expectation: Expectation) -> Self {
        expectation.name().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::{Cause, ENDINGS, Expectation};
    use crate::report::{Boundary, Outcome};

    #[test]
    fn every_word_is_read_back() {
        let names: Vec<&str> = Expectation::names().collect();
        assert_eq!(names.len(), ENDINGS.len() + Cause::ALL.len());
        for name in names {
            let expectation: Expectation = name.parse().unwrap();
            assert_eq!(expectation.to_string(), name);
            let json = serde_json::to_string(&expectation).unwrap();
            assert_eq!(json, format!("\"{name}\""));
            assert_eq!(serde_json::from_str::<Expectation>(&json).unwrap(), expectation);
        }
        for name in ["", "stopped:", "stopped:kernel", "created:library", "Created", "lib.nonsense"] {
            assert!(name.parse::<Expectation>().is_err(), "{name}");
        }
    }

    #[test]
    fn less_that_is_said_is_met_by_more() {
        let library = (Outcome::Stopped, Some(Boundary::Library), Some(Cause::LibNoPool));
        let elsewhere = (Outcome::CreatedElsewhere, None, None);
        for (name, (outcome, boundary, cause), is_met) in [
            ("stopped", library, true),
            ("stopped:library", library, true),
            ("lib.no-pool", library, true),
            ("stopped:module", library, false),
            ("lib.no-slot", library, false),
            ("created", library, false),
            ("created", elsewhere, false),
            ("created-elsewhere", elsewhere, true),
            ("lib.no-pool", elsewhere, false),
        ] {
            let expectation: Expectation = name.parse().unwrap();
            assert_eq!(expectation.is_met(outcome, boundary, cause), is_met, "{name} {outcome:?}");
        }
    }
}
