//! What became of tests: told one by one as they end, counted together at the end.

use std::fmt::{self, Display, Formatter};

use crate::say;

/// What became of the tests.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
    /// The names of those that failed.
    pub(crate) failures: Vec<String>,
}

impl Tally {
    /// Of a test that has ended: it failed if there is a complaint. Both are told.
    pub(crate) fn tell<T: Display>(test: &str, complaints: &[T]) -> Self {
        let tally = if complaints.is_empty() {
            Self { passed: 1, ..Self::default() }
        } else {
            Self { failed: 1, failures: vec![test.to_owned()], ..Self::default() }
        };
        say::raw(&format!("{test} ... {}", if complaints.is_empty() { "ok" } else { "FAILED" }));
        for complaint in complaints {
            say::raw(&format!("  {}", format!("{complaint:#}").replace('\n', "\n  ")));
        }
        tally
    }

    /// Of a test that could not be run, and why.
    pub(crate) fn skip(test: &str, reason: impl Display) -> Self {
        say::raw(&format!("{test} ... skipped: {reason}"));
        Self { skipped: 1, ..Self::default() }
    }

    /// Adds another's numbers and names.
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.failures.extend(other.failures);
    }

    /// Takes what a libtest says: `---- name stdout ----` of a test that failed, and at its end `test result: ok. 4
    /// passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; ...`.
    pub(crate) fn take_line(&mut self, line: &str) {
        if let Some(name) = line.strip_prefix("---- ").and_then(|line| line.strip_suffix(" stdout ----")) {
            self.failures.push(name.to_owned());
        }
        let Some((_, counts)) = line.strip_prefix("test result: ").and_then(|result| result.split_once(". "))
        else {
            return;
        };
        let count = |what: &str| {
            counts
                .split("; ")
                .find_map(|part| part.strip_suffix(what)?.trim().parse::<u64>().ok())
                .unwrap_or(0)
        };
        self.passed += count("passed");
        self.failed += count("failed");
        self.skipped += count("ignored");
    }
}

/// The names of those that failed, and the count.
impl Display for Tally {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        for test in &self.failures {
            writeln!(out, "FAILED: {test}")?;
        }
        write!(out, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn what_a_libtest_says_of_its_tests_is_read_and_nothing_else() {
        let mut tally = Tally::default();
        for line in ["", "test a ... ok", "test result: ok.", "4 passed; 0 failed; 0 ignored", "---- a"] {
            tally.take_line(line);
        }
        assert_eq!(tally, Tally::default());
        tally.take_line("---- check::signals_are_handed_on stdout ----");
        tally.take_line(
            "test result: FAILED. 4 passed; 1 failed; 2 ignored; 0 measured; 7 filtered out; finished in 0.1s",
        );
        let failures = vec!["check::signals_are_handed_on".to_owned()];
        assert_eq!(tally, Tally { passed: 4, failed: 1, skipped: 2, failures });
    }

    #[test]
    fn those_that_failed_are_named_before_the_count() {
        let mut tally = Tally::tell::<&str>("vm t02", &[]);
        tally.add(Tally::tell("vm t03", &["another verdict"]));
        tally.add(Tally::skip("vm t04", "no such release"));
        assert_eq!(tally.to_string(), "FAILED: vm t03\n1 passed, 1 failed, 1 skipped");
    }
}
