//! Least privilege: what a run doesn't need any more once everything is attached is given up.
//!
//! Linux keeps capabilities by thread. A thread hands what it has on to those that it starts: so whoever starts one
//! before it drops has the new one drop for itself.

use anyhow::{Context as _, Result};
use caps::{CapSet, Capability, CapsHashSet};
use nix::sys::prctl;

/// What observing goes on needing, for it attaches as long as it runs: to files that are mapped, to a module that
/// comes again, to system calls while somebody uses KNI. Verified on Linux 6.1 and 6.18.
pub(crate) const OBSERVING: [Capability; 6] = [
    // Programs and maps. (`CAP_SYS_ADMIN` would do, but not everybody who has these two has that.)
    Capability::CAP_BPF,
    // `perf_event_open`.
    Capability::CAP_PERFMON,
    // The same for uprobes (`perf_uprobe_event_init`, kernel/events/core.c), the network namespaces of others
    // (`setns`) and threads' kernel stacks.
    Capability::CAP_SYS_ADMIN,
    // `/proc/PID` of others: what they map, where they are, their roots.
    Capability::CAP_SYS_PTRACE,
    // The addresses in `/proc/kallsyms`, read again for a module that comes.
    Capability::CAP_SYSLOG,
    // tracefs, where it isn't one's own, and programs and libraries that only their owners may read.
    Capability::CAP_DAC_READ_SEARCH,
];

/// Why a run keeps a capability that observing doesn't need.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Keep {
    /// To hand signals on to a command that may run as another user.
    Signals,
    /// To make files in the caller's directory, when the caller asks for one.
    Exports,
}

impl Keep {
    const fn capability(self) -> Capability {
        match self {
            Self::Signals => Capability::CAP_KILL,
            Self::Exports => Capability::CAP_DAC_OVERRIDE,
        }
    }
}

/// Gives up every capability that observing doesn't need but those to `keep`, as far as the calling thread has them,
/// and the way to get any back: it sets `NO_NEW_PRIVS`. Open files and what is attached stay.
///
/// Afterwards the inheritable and ambient sets are empty. The bounding set is as small as the others for whom the
/// kernel lets make it smaller (`CAP_SETPCAP`); for others it means nothing any more.
///
/// # Errors
///
/// The kernel refused; what was given up by then stays so.
pub fn drop_unneeded(keep: &[Keep]) -> Result<()> {
    let needed: CapsHashSet =
        OBSERVING.into_iter().chain(keep.iter().map(|keep| keep.capability())).collect();
    give_up(&needed).context("cannot give up the capabilities that are not needed any more")?;
    prctl::set_no_new_privs().context("cannot set NO_NEW_PRIVS")
}

fn give_up(needed: &CapsHashSet) -> Result<(), caps::errors::CapsError> {
    // First what takes a capability itself.
    if caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP)? {
        for capability in caps::read(None, CapSet::Bounding)?.difference(needed) {
            caps::drop(None, CapSet::Bounding, *capability)?;
        }
    }
    caps::clear(None, CapSet::Ambient)?;
    caps::clear(None, CapSet::Inheritable)?;
    for set in [CapSet::Effective, CapSet::Permitted] {
        let kept = caps::read(None, set)?.intersection(needed).copied().collect();
        caps::set(None, set, &kept)?;
    }
    Ok(())
}
