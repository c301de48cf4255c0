//! Why an attempt stopped: stable identifiers, `boundary.reason`, and what each means.
//!
//! The list grows; a name, once given, stays.

use serde::{Serialize, Serializer};

/// One row a cause: its variant, its name, what it means, what to do.
macro_rules! causes {
    ($($variant:ident $name:literal $meaning:literal $advice:literal;)*) => {
        /// A cause, by its stable name.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[expect(missing_docs, reason = "`meaning` says it")]
        pub enum Cause { $($variant),* }

        impl Cause {
            /// Every cause, boundary by boundary.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// `boundary.reason`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// What it means, in one sentence without a full stop.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning),* }
            }

            /// What to do next.
            #[must_use]
            pub const fn advice(self) -> &'static str {
                match self { $(Self::$variant => $advice),* }
            }
        }
    };
}

causes! {
    LibMemzoneMissing "lib.memzone-missing"
        "the library looked up a memzone that nobody has made"
        "find out who should make it: for MP_<pool>, which mempool library made the pool? (DPDK 16.04 and 16.07 look for it)";
}

impl Serialize for Cause {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
