//! The same program, linked with DPDK in three ways (`tests/guest/Makefile`).

use super::NOTHING_SAID;
use crate::scenario::{Attempt, Attempts, Expect, Field, Run, Said};

/// A program that is there with shared libraries, with DPDK inside, and with DPDK inside and no symbols.
#[derive(Clone, Copy, Debug)]
pub(super) struct Program {
    pub(super) shared: &'static str,
    pub(super) with_dpdk: &'static str,
    pub(super) stripped: &'static str,
    /// What every attempt must say of the shared library.
    pub(super) library: &'static [Field],
    /// What every attempt must say of the library inside.
    pub(super) inside: &'static [Field],
}

/// Of a library without symbols nothing is known.
const UNKNOWN: &[Field] = &[("/check", Said::Nothing), ("/origin", Said::Nothing)];

/// What nobody may say of a library that stopped an attempt before any system call for it.
pub(super) const BEYOND_THE_LIBRARY: &[&str] =
    &[":\"created\"", "in the module", "at the system call", "\"sys.", "\"mod.", "\"net.", "\"proc."];

/// What nobody may say of an attempt that came to nothing where nobody could see why.
pub(super) const ANYTHING: &[&str] =
    &[":\"created\"", "stopped in", "stopped at", "\"lib.", "\"sys.", "\"mod.", "\"net.", "\"proc."];

/// What nobody may say of a creation.
pub(super) const REFUSED: &[&str] = &["STOPPED", "INCONCLUSIVE", "\"lib.", "\"sys.", "\"mod.", "\"net."];

/// Without symbols: the device was opened, no request came, and nobody knows why.
pub(super) const OPENED_UNSEEN: Expect = Expect {
    status: 20,
    attempts: Attempts::Exactly(&[Attempt::inconclusive()]),
    must_not_say: ANYTHING,
    ..NOTHING_SAID
};

/// Without symbols, and without having come to a system call: nothing is told but that nothing is known.
pub(super) const UNSEEN: Expect = Expect { attempts: Attempts::Exactly(&[]), ..OPENED_UNSEEN };

impl Program {
    /// Each of the three with those arguments; `expect` holds for the two with symbols.
    pub(super) const fn runs(
        self,
        options: &'static [&'static str],
        arguments: &'static [&'static str],
        expect: Expect,
        stripped: Expect,
    ) -> [Run; 3] {
        let Self { shared, with_dpdk, stripped: without_symbols, library, inside } = self;
        let run = Run { options, program: shared, arguments, expect };
        [
            Run { expect: Expect { each: library, ..expect }, ..run },
            Run { program: with_dpdk, expect: Expect { each: inside, ..expect }, ..run },
            Run { program: without_symbols, expect: Expect { each: UNKNOWN, ..stripped }, ..run },
        ]
    }
}
