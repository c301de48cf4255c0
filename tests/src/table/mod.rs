//! The scenarios.

use crate::scenario::{Attempts, Expect, Scenario};

mod afterwards;
mod builds;
mod crowds;
mod doctor;
mod fallbacks;
mod kernel;
mod library;
mod processes;
mod standins;
mod system;

const NOTHING_SAID: Expect = Expect {
    status: 0,
    attempts: Attempts::Exactly(&[]),
    each: &[],
    interfaces: &[],
    died: &[],
    missed: 0,
    module_comes: 0,
    program_status: None,
    says: &[],
    must_not_say: &[],
};

/// All of them, in the order in which they are told of.
pub fn scenarios() -> impl Iterator<Item = &'static Scenario> {
    let tables: [&'static [Scenario]; 9] = [
        system::SCENARIOS,
        library::SCENARIOS,
        standins::SCENARIOS,
        processes::SCENARIOS,
        kernel::SCENARIOS,
        afterwards::SCENARIOS,
        crowds::SCENARIOS,
        fallbacks::SCENARIOS,
        doctor::SCENARIOS,
    ];
    tables.into_iter().flatten()
}

/// What `cargo xtask run` shows without a scenario's name: a creation, then what this project was born from.
pub const TOUR: [&str; 2] = ["created", "silent-refusal-1604"];

/// The scenario of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Scenario> {
    scenarios().find(|scenario| scenario.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{TOUR, find, scenarios};
    use crate::scenario::{Attempts, Expect};

    #[test]
    fn names_are_unique_and_lines_fit() {
        let mut names = BTreeSet::new();
        for scenario in scenarios() {
            assert!(names.insert(scenario.name), "{}", scenario.name);
            assert!(scenario.shows.len() <= 56, "{}: {}", scenario.name, scenario.shows);
        }
        for name in TOUR {
            assert!(find(name).is_some(), "{name}");
        }
    }

    #[test]
    fn every_status_of_check_that_needs_no_other_question_is_some_scenarios() {
        let statuses: BTreeSet<u8> =
            scenarios().flat_map(|scenario| scenario.runs).map(|run| run.expect.status).collect();
        for status in [0, 3, 11, 12, 13, 14, 15, 16, 20] {
            assert!(statuses.contains(&status), "{status}");
        }
    }

    #[test]
    fn every_scenario_expects_an_attempt_and_every_run_forbids_something() {
        for scenario in scenarios() {
            // Or that there can be none.
            let none =
                |expect: Expect| matches!(expect.attempts, Attempts::Exactly([])) && expect.says.is_empty();
            assert!(!scenario.runs.iter().all(|run| none(run.expect)), "{}", scenario.name);
            for run in scenario.runs {
                assert!(!run.expect.must_not_say.is_empty(), "{}: {}", scenario.name, run.program);
            }
        }
    }
}
