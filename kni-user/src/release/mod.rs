//! What is known of `librte_kni` release by release: which checks it makes in which order, and by what
//! a release is recognised. Tables and pure functions.

mod evidence;
mod exits;
mod layout;
mod position;
mod skew;

use std::fmt;

pub use evidence::{Clues, MARKERS, clues_of};
pub use exits::{ALLOC, Exit, INIT, Leaves, Order, Zone, is_of_pool, zone};
pub use layout::{Layout, layout_of, size_of};
pub use position::{Position, Trace, positions};
pub use skew::{STRUCT_SIZES, bad_addresses, layout_in, layouts_for, misread, name_bytes, name_ends, read};

/// The releases with KNI that are told apart, year and month each.
const KNOWN: [u16; 28] = [
    1604, 1607, 1611, 1702, 1705, 1708, 1711, 1802, 1805, 1808, 1811, 1902, 1905, 1908, 1911, 2002, 2005,
    2008, 2011, 2102, 2105, 2108, 2111, 2203, 2207, 2211, 2303, 2307,
];

/// A set of DPDK releases.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Releases(u32);

impl Releases {
    /// 16.04 to 23.07.
    pub const ALL: Self = Self::span(1604, 2307);

    /// From one release to another, both included: `span(1911, 2307)` is 19.11 to 23.07.
    #[must_use]
    pub const fn span(first: u16, last: u16) -> Self {
        let mut bits = 0;
        let mut at = 0;
        let mut left: &[u16] = &KNOWN;
        while let [release, rest @ ..] = left {
            if *release >= first && *release <= last {
                bits |= 1 << at;
            }
            at += 1;
            left = rest;
        }
        Self(bits)
    }

    /// That release and all later ones.
    #[must_use]
    pub const fn since(first: u16) -> Self {
        Self::span(first, 2307)
    }

    /// That release and all earlier ones.
    #[must_use]
    pub const fn until(last: u16) -> Self {
        Self::span(1604, last)
    }

    /// Those in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether there is any, and all are among `other`.
    #[must_use]
    pub const fn is_within(self, other: Self) -> bool {
        !self.is_empty() && self.0 & !other.0 == 0
    }

    /// Whether some are among `other`.
    #[must_use]
    pub const fn overlap(self, other: Self) -> bool {
        !self.and(other).is_empty()
    }
}

/// As runs: `16.04 to 17.11 or 19.11 to 23.07`.
impl fmt::Display for Releases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_in = |at: usize| self.0 >> at & 1 == 1;
        let members: Vec<(usize, u16)> = KNOWN.into_iter().enumerate().filter(|(at, _)| is_in(*at)).collect();
        let runs = members.chunk_by(|(one, _), (next, _)| one + 1 == *next);
        for (index, run) in runs.enumerate() {
            let between = if index == 0 { "" } else { " or " };
            match run {
                [(_, only)] => write!(f, "{between}{}", Name(*only))?,
                [(_, first), .., (_, last)] => write!(f, "{between}{} to {}", Name(*first), Name(*last))?,
                [] => {}
            }
        }
        Ok(())
    }
}

struct Name(u16);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}.{:02}", self.0 / 100, self.0 % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::Releases;

    #[test]
    fn releases_are_told_as_runs() {
        let old_or_new = Releases(Releases::until(1711).0 | Releases::since(1911).0);
        for (releases, told) in [
            (Releases::ALL, "16.04 to 23.07"),
            (Releases::span(1908, 1908), "19.08"),
            (Releases::span(1604, 1607), "16.04 to 16.07"),
            (old_or_new, "16.04 to 17.11 or 19.11 to 23.07"),
            (Releases::until(1711).and(Releases::since(1911)), ""),
        ] {
            assert_eq!(releases.to_string(), told);
        }
    }

    #[test]
    fn nothing_is_within_no_release() {
        let none = Releases::until(1711).and(Releases::since(1911));
        assert!(!none.is_within(Releases::ALL) && none.is_empty());
        assert!(Releases::span(1911, 2008).is_within(Releases::since(1811)));
        assert!(!Releases::ALL.is_within(Releases::since(1811)));
        assert!(Releases::ALL.overlap(Releases::since(2307)));
    }
}
