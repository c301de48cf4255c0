//! The limit of locked memory. Before Linux 5.11 eBPF's maps and programs count as such, and the limit is raised for
//! kniwatch's own (`with_raised_rlimit_retry`, sys/bpf.rs of aya 0.14): a command must not inherit that.

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};

/// What a process may lock, in bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct LockedMemory {
    soft: rlim_t,
    hard: rlim_t,
}

impl LockedMemory {
    /// What this process may lock now.
    pub(super) fn now() -> Result<Self, Errno> {
        getrlimit(Resource::RLIMIT_MEMLOCK).map(|(soft, hard)| Self { soft, hard })
    }

    /// Does `act` under this limit, and returns to the one that there was.
    pub(super) fn during<T>(self, act: impl FnOnce() -> T) -> Result<T, Errno> {
        let before = Self::now()?;
        if before == self {
            return Ok(act());
        }
        self.set()?;
        let done = act();
        before.set()?;
        Ok(done)
    }

    fn set(self) -> Result<(), Errno> {
        setrlimit(Resource::RLIMIT_MEMLOCK, self.soft, self.hard)
    }
}

#[cfg(test)]
mod tests {
    use super::LockedMemory;

    #[test]
    fn what_is_done_under_a_limit_leaves_the_one_before() {
        let before = LockedMemory::now().unwrap();
        let less = LockedMemory { soft: before.soft.saturating_sub(1), ..before };
        assert_eq!(less.during(LockedMemory::now), Ok(Ok(less)));
        assert_eq!(LockedMemory::now(), Ok(before));
    }
}
