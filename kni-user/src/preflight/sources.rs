//! What kniwatch reads besides what its hooks tell, and what is lost where it may not.

use std::io;

use super::Capabilities;
use crate::event::HookState;
use crate::host::kmsg::Kmsg;
use crate::host::mappings as code;

/// Something that is read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Source {
    /// Its stable name.
    pub name: &'static str,
    /// Where it is read.
    pub place: &'static str,
    /// Live, or missing and why, with the remedy.
    pub state: HookState,
    /// What is lost without it.
    pub lost_without: &'static str,
}

/// All of them, as they are for this process here. Opens each for a moment.
#[must_use]
pub fn sources() -> Vec<Source> {
    let capabilities = Capabilities::of_this_process();
    let pid_one = std::fs::read_link("/proc/1/exe").err();
    vec![
        kernel_log(Kmsg::open().err().as_ref()),
        processes(pid_one.as_ref().filter(|_| !capabilities.has_named("CAP_SYS_PTRACE"))),
        mappings(code::try_out().err().as_ref()),
    ]
}

/// The kernel's log, unless that failed.
#[must_use]
pub fn kernel_log(error: Option<&io::Error>) -> Source {
    Source {
        name: "kernel-log",
        place: "/dev/kmsg",
        state: state(error, "it takes CAP_SYSLOG (or root), or sysctl kernel.dmesg_restrict=0"),
        lost_without: "the module's own words are not told, nor causes that only they tell apart",
    }
}

fn processes(error: Option<&io::Error>) -> Source {
    Source {
        name: "processes",
        place: "/proc/PID",
        state: state(error, "it takes CAP_SYS_PTRACE (or root)"),
        lost_without: "other users' processes: their executables, what they ran before kniwatch, and who has \
                       /dev/kni open",
    }
}

fn mappings(error: Option<&io::Error>) -> Source {
    Source {
        name: "mappings",
        place: "perf_event_open",
        state: state(error, "it takes CAP_PERFMON (or root)"),
        lost_without: "programs and plugins that start later are noticed late, and their first attempts may be missed",
    }
}

fn state(error: Option<&io::Error>, remedy: &str) -> HookState {
    match error {
        None => HookState::Live,
        Some(error) => HookState::Missing { reason: format!("{error}: {remedy}") },
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::{kernel_log, mappings, processes, sources};
    use crate::event::HookState;

    #[test]
    fn what_may_not_be_read_is_told_with_the_remedy() {
        let denied = io::Error::from_raw_os_error(libc::EPERM);
        for (source, remedy) in [
            (kernel_log(Some(&denied)), "CAP_SYSLOG"),
            (processes(Some(&denied)), "CAP_SYS_PTRACE"),
            (mappings(Some(&denied)), "CAP_PERFMON"),
        ] {
            let HookState::Missing { reason } = source.state else { panic!("{source:?}") };
            assert!(reason.contains("not permitted") && reason.contains(remedy), "{reason}");
            assert!(!source.lost_without.is_empty());
        }
        assert_eq!(kernel_log(None).state, HookState::Live);
    }

    #[test]
    fn every_source_has_a_name_of_its_own() {
        let names: Vec<_> = sources().into_iter().map(|source| source.name).collect();
        assert_eq!(names, ["kernel-log", "processes", "mappings"]);
    }
}
