//! The guests that scenarios run in.

use std::fmt;
use std::str::FromStr;

/// A kernel that there is a guest of, with the DPDK of its release of Debian.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Kernel {
    /// Linux 5.10, DPDK 20.11.
    Linux510,
    /// Linux 6.1, DPDK 22.11.
    Linux61,
    /// Linux 6.12, DPDK 22.11.
    Linux612,
}

impl Kernel {
    /// All of them, the oldest first.
    pub const ALL: [Self; 3] = [Self::Linux510, Self::Linux61, Self::Linux612];

    /// Those with DPDK 22.11.
    pub const WITH_DPDK_22_11: [Self; 2] = [Self::Linux61, Self::Linux612];

    /// The one where every scenario is run.
    pub const MAIN: Self = Self::Linux61;

    /// Its version, as `uname -r` begins.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Linux510 => "5.10",
            Self::Linux61 => "6.1",
            Self::Linux612 => "6.12",
        }
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Kernel {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|kernel| kernel.name() == name).ok_or_else(|| {
            format!("no guest has kernel {name}; there are {}", Self::ALL.map(Self::name).join(", "))
        })
    }
}

/// Which guest a scenario needs, by what becomes of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Guest {
    /// Nothing that lasts: it shares a guest with others.
    Shared,
    /// Something that lasts, but no trouble of the kernel's: a guest of its own.
    Own,
    /// A guest of its own, whose kernel has to oops, and must not be in any other trouble.
    Oopses,
    /// The same, where nothing ends any more that waits for all processors, such as the detaching of a probe.
    Stalls,
}

impl Guest {
    /// Whether its kernel has to oops.
    #[must_use]
    pub const fn oopses(self) -> bool {
        matches!(self, Self::Oopses | Self::Stalls)
    }
}

#[cfg(test)]
mod tests {
    use super::Kernel;

    #[test]
    fn a_kernel_is_read_by_its_name() {
        for kernel in Kernel::ALL {
            assert_eq!(kernel.to_string().parse(), Ok(kernel));
        }
        assert!("6.2".parse::<Kernel>().unwrap_err().contains("5.10, 6.1, 6.12"));
    }
}
