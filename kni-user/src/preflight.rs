//! What this process may do on this machine, what is lost where it may not, and the remedy.

mod sources;

use std::fs;
use std::io;
use std::path::Path;

use aya::util::KernelVersion;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
use thiserror::Error;

pub use self::sources::{Source, kernel_log, sources};
use crate::host::{mappings, tracefs};
use crate::probe::plan::Usable;

/// What works without observing.
const WITHOUT: &str = "what works without: kniwatch replay, explain";

/// Nothing at all can be observed here: kniwatch exits with status 3. The text says why and what to do.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct CannotObserve(String);

impl CannotObserve {
    /// Not one hook could be attached; `reasons` say why, as often as they like.
    #[must_use]
    pub fn nothing_attached<'a>(reasons: impl Iterator<Item = &'a str>) -> Self {
        let mut told = vec!["no DPDK library or program with KNI was found (--exe PATH names one)"];
        for reason in reasons {
            if !told.contains(&reason) {
                told.push(reason);
            }
        }
        let reasons = told.join("\n  ");
        Self(format!("nothing can be observed on this machine\n  {reasons}\n  {WITHOUT}"))
    }

    /// The kernel refused the object as a whole.
    #[must_use]
    pub fn unloadable(error: &anyhow::Error) -> Self {
        Self::refused(error, locked_memory_limit())
    }

    /// `locked` KiB may be locked, if eBPF's maps count among that.
    fn refused(error: &anyhow::Error, locked: Option<u64>) -> Self {
        let is_forbidden = |cause: &io::Error| cause.raw_os_error() == Some(libc::EPERM);
        let forbidden = error.chain().filter_map(|cause| cause.downcast_ref()).any(is_forbidden);
        let remedy = match locked.filter(|_| forbidden) {
            Some(kib) => format!(
                "before Linux 5.11 eBPF maps count as locked memory, and this process may lock {kib} KiB: run it as\n  \
                 root (sudo kniwatch), or after ulimit -l unlimited (a systemd unit: LimitMEMLOCK=infinity)"
            ),
            None => {
                "kniwatch needs Linux 5.10 or newer with CONFIG_BPF_SYSCALL and CONFIG_BPF_EVENTS, and no \
                     lockdown in\n  mode confidentiality (cat /sys/kernel/security/lockdown)"
                    .to_owned()
            }
        };
        Self(format!("can't load eBPF programs: {error:#}\n  {remedy}\n  {WITHOUT}"))
    }
}

/// What this process may do here.
#[derive(Clone, Debug)]
pub struct Preflight {
    /// The capabilities that it has.
    pub capabilities: Capabilities,
    /// Tracepoints.
    pub tracefs: Usable,
    /// Probes of the kernel's functions.
    pub kprobes: Usable,
    /// Probes of programs and libraries.
    pub uprobes: Usable,
}

/// A capability that kniwatch uses, and what for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Capability {
    /// `CAP_BPF`.
    pub name: &'static str,
    /// Its bit in `CapEff`.
    bit: u32,
    /// What is lost without it; `None`: everything.
    pub lost: Option<&'static str>,
}

/// The capabilities that kniwatch uses (include/uapi/linux/capability.h), those first without which nothing goes.
pub const CAPABILITIES: [Capability; 6] = [
    Capability { name: "CAP_BPF", bit: 39, lost: None },
    Capability { name: "CAP_PERFMON", bit: 38, lost: None },
    Capability { name: "CAP_SYSLOG", bit: 34, lost: Some("the kernel's log lines are not shown") },
    Capability {
        name: "CAP_SYS_PTRACE",
        bit: 19,
        lost: Some("other users' processes: their executables and who has /dev/kni open are not told"),
    },
    Capability {
        name: "CAP_SYS_ADMIN",
        bit: SYS_ADMIN,
        lost: Some(
            "the library, on kernels where uprobes take it; what a hanging attempt waits for, and what becomes of \
             interfaces in other network namespaces",
        ),
    },
    Capability {
        name: "CAP_DAC_READ_SEARCH",
        bit: 2,
        lost: Some("tracefs, where it is root's alone, and programs that only their owners may read"),
    },
];

/// `CAP_SYS_ADMIN` stands for these, too.
const SYS_ADMIN: u32 = 21;
const SYS_RESOURCE: u32 = 24;
const IN_SYS_ADMIN: [&str; 3] = ["CAP_BPF", "CAP_PERFMON", "CAP_SYSLOG"];

/// The effective capabilities, as far as they count for the kernel.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Capabilities {
    effective: u64,
    /// In a user namespace, capabilities say nothing of the kernel.
    initial_namespace: bool,
}

impl Capabilities {
    /// This process's, from `/proc/self`.
    #[must_use]
    pub fn of_this_process() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        Self::parse(&read("/proc/self/status"), &read("/proc/self/uid_map"))
    }

    fn parse(status: &str, uid_map: &str) -> Self {
        let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
        let effective = effective.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        let initial_namespace = uid_map.split_ascii_whitespace().eq(["0", "0", "4294967295"]);
        Self { effective: effective.unwrap_or_default(), initial_namespace }
    }

    /// Whether it has the capability.
    #[must_use]
    pub fn has(&self, capability: Capability) -> bool {
        let bit = |bit: u32| self.effective >> bit & 1 == 1;
        let implied = IN_SYS_ADMIN.contains(&capability.name) && bit(SYS_ADMIN);
        self.initial_namespace && (bit(capability.bit) || implied)
    }

    /// Whether it has the one of that name.
    #[must_use]
    pub fn has_named(&self, name: &str) -> bool {
        CAPABILITIES.into_iter().any(|capability| capability.name == name && self.has(capability))
    }

    /// Whether it has `CAP_SYS_ADMIN`.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.initial_namespace && self.effective >> SYS_ADMIN & 1 == 1
    }

    /// Whether it may raise its own limits (`CAP_SYS_RESOURCE`).
    fn may_raise_limits(&self) -> bool {
        self.initial_namespace && self.effective >> SYS_RESOURCE & 1 == 1
    }

    /// Whether they count for the kernel: those of a user namespace don't.
    #[must_use]
    pub fn count(&self) -> bool {
        self.initial_namespace
    }

    /// Those that it lacks.
    pub fn missing(&self) -> impl Iterator<Item = Capability> + '_ {
        CAPABILITIES.into_iter().filter(|capability| !self.has(*capability))
    }
}

/// Looks at this machine and this process. Takes well under a millisecond.
#[must_use]
pub fn check() -> Preflight {
    let paranoid = fs::read_to_string(PARANOID).ok().and_then(|level| level.trim().parse().ok());
    let events = check_events(paranoid.unwrap_or_default(), mappings::try_out);
    Preflight {
        capabilities: Capabilities::of_this_process(),
        tracefs: events.clone().and(check_tracefs),
        kprobes: events
            .clone()
            .and(|| check_source("kprobe", "this kernel has no kprobes (CONFIG_KPROBE_EVENTS)")),
        uprobes: events.and(|| check_source("uprobe", "this kernel has no uprobes (CONFIG_UPROBE_EVENTS)")),
    }
}

/// From here on the memory of eBPF's maps is that of a control group, not locked memory (kernel/bpf/syscall.c).
const MAPS_ARE_NOT_LOCKED: KernelVersion = KernelVersion::new(5, 11, 0);

/// KiB of eBPF's maps that this process may have; `None`: as many as it likes, for its limit is raised when they are made.
#[must_use]
pub fn locked_memory_limit() -> Option<u64> {
    let (bytes, at_most) = getrlimit(Resource::RLIMIT_MEMLOCK).ok()?;
    let is_fixed = at_most != RLIM_INFINITY && !Capabilities::of_this_process().may_raise_limits();
    (is_fixed && KernelVersion::current().ok()? < MAPS_ARE_NOT_LOCKED).then_some(bytes / 1024)
}

const PARANOID: &str = "/proc/sys/kernel/perf_event_paranoid";

/// Everything is attached by `perf_event_open`. At levels that no kernel of kernel.org has, Debian's (and Ubuntu's)
/// refuse it to whom `CAP_PERFMON` is not enough.
fn check_events(paranoid: i32, open: impl FnOnce() -> io::Result<()>) -> Usable {
    match open() {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied && paranoid > 2 => Usable::No(format!(
            "perf_event_open is forbidden: kernel.perf_event_paranoid is {paranoid}, where this kernel wants \
             CAP_SYS_ADMIN (or root): sysctl kernel.perf_event_paranoid=2"
        )),
        _ => Usable::Yes,
    }
}

impl Preflight {
    /// Why nothing at all can be observed; `None` if something can.
    #[must_use]
    pub fn cannot_observe(&self) -> Option<CannotObserve> {
        let missing: Vec<_> =
            self.capabilities.missing().filter(|it| it.lost.is_none()).map(|it| it.name).collect();
        if !missing.is_empty() {
            return Some(CannotObserve(format!(
                "can't load eBPF programs: this process lacks {}{}\n  \
                 run it as root (sudo kniwatch), or grant all that it uses:\n  \
                 {}\n  {WITHOUT}",
                missing.join(" and "),
                if self.capabilities.initial_namespace {
                    ""
                } else {
                    " (root in a user namespace is not enough)"
                },
                grant(&own_path()),
            )));
        }
        let mut reasons = Vec::new();
        for usable in [&self.tracefs, &self.kprobes, &self.uprobes] {
            let Usable::No(reason) = usable else { return None };
            if !reasons.contains(&reason.as_str()) {
                reasons.push(reason.as_str());
            }
        }
        let reasons = reasons.join("\n  ");
        Some(CannotObserve(format!("nothing can be observed on this machine\n  {reasons}\n  {WITHOUT}")))
    }
}

/// The command that gives the program all of [`CAPABILITIES`], on two lines that a shell takes as they are.
fn grant(program: &str) -> String {
    let names = CAPABILITIES.map(|capability| capability.name.to_lowercase());
    let (first, rest) = names.split_at(4);
    format!("setcap '{}+ep\n          {}+ep' {program}", first.join(","), rest.join(","))
}

fn own_path() -> String {
    std::env::current_exe().map_or_else(|_| "/usr/bin/kniwatch".to_owned(), |path| path.display().to_string())
}

fn check_tracefs() -> Usable {
    if tracefs::find().is_some() {
        return Usable::Yes;
    }
    Usable::No(match fs::read_dir("/sys/kernel/tracing") {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            "tracefs can't be read: run as root, grant CAP_DAC_READ_SEARCH, or let a group in: \
             mount -o remount,mode=750,gid=GROUP /sys/kernel/tracing"
                .to_owned()
        }
        Err(_) => "this kernel has no tracefs (CONFIG_TRACING)".to_owned(),
        Ok(_) => "tracefs is not mounted: mount -t tracefs tracefs /sys/kernel/tracing".to_owned(),
    })
}

/// Whether the kernel has a source of perf events of that name.
fn check_source(name: &str, absent: &str) -> Usable {
    if Path::new("/sys/bus/event_source/devices").join(name).exists() {
        Usable::Yes
    } else {
        Usable::No(absent.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::{CannotObserve, Capabilities, Preflight, check_events};
    use crate::privileges::OBSERVING;
    use crate::probe::plan::Usable;

    const INITIAL: &str = "         0          0 4294967295\n";

    fn names(mask: &str, uid_map: &str) -> Vec<&'static str> {
        let status = format!("Name:\tx\nCapEff:\t{mask}\n");
        Capabilities::parse(&status, uid_map).missing().map(|capability| capability.name).collect()
    }

    #[test]
    fn what_is_missing_is_named() {
        let all = super::CAPABILITIES.map(|capability| capability.name);
        assert!(names("000001ffffffffff", INITIAL).is_empty());
        assert_eq!(names("0000000000000000", INITIAL), all);
        assert_eq!(names("000000c400280004", INITIAL), [""; 0]);
        assert_eq!(names("000000c400080000", INITIAL), ["CAP_SYS_ADMIN", "CAP_DAC_READ_SEARCH"]);
        assert_eq!(names("0000000000200000", INITIAL), ["CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"]);
        assert_eq!(names("000001ffffffffff", "0 1000 1\n"), all);
        assert_eq!(names("nonsense", INITIAL), all);
    }

    fn preflight(mask: u64, usable: &Usable) -> Preflight {
        Preflight {
            capabilities: Capabilities { effective: mask, initial_namespace: true },
            tracefs: usable.clone(),
            kprobes: Usable::No("no kprobes".to_owned()),
            uprobes: usable.clone(),
        }
    }

    #[test]
    fn one_way_to_observe_is_enough() {
        assert!(preflight(u64::MAX, &Usable::Yes).cannot_observe().is_none());
        let error = preflight(u64::MAX, &Usable::No("no x".to_owned())).cannot_observe().unwrap();
        assert!(error.to_string().contains("no kprobes"), "{error}");
    }

    #[test]
    fn a_kernel_that_refuses_perf_events_is_told_with_the_remedy() {
        let denied = || Err(io::Error::from_raw_os_error(libc::EACCES));
        let refused = check_events(3, denied);
        let Usable::No(reason) = &refused else { panic!("{refused:?}") };
        assert!(reason.contains("sysctl kernel.perf_event_paranoid=2"), "{reason}");
        let everything = Preflight { kprobes: refused.clone(), ..preflight(u64::MAX, &refused) };
        let error = everything.cannot_observe().unwrap().to_string();
        assert_eq!(error.matches("perf_event_open is forbidden").count(), 1, "{error}");
        // Nobody is refused there, or not for that.
        assert_eq!(check_events(3, || Ok(())), Usable::Yes);
        assert_eq!(check_events(2, denied), Usable::Yes);
    }

    #[test]
    fn what_each_capability_stands_for_is_told() {
        let bpf_and_perfmon = 1 << 39 | 1 << 38;
        let capabilities = preflight(bpf_and_perfmon, &Usable::Yes).capabilities;
        assert!(preflight(bpf_and_perfmon, &Usable::Yes).cannot_observe().is_none());
        for capability in capabilities.missing() {
            assert!(capability.lost.is_some(), "{}", capability.name);
        }
        assert!(capabilities.has_named("CAP_BPF") && !capabilities.has_named("CAP_SYSLOG"));
        assert!(!capabilities.has_named("CAP_NET_ADMIN"), "kniwatch does not use it");
    }

    #[test]
    fn a_kernel_that_counts_maps_as_locked_memory_is_told_with_the_remedy() {
        let failed = |errno| anyhow::Error::from(io::Error::from_raw_os_error(errno)).context("no map");
        let told = |errno, locked| CannotObserve::refused(&failed(errno), locked).to_string();
        let limited = told(libc::EPERM, Some(64));
        assert!(limited.contains("may lock 64 KiB") && limited.contains("LimitMEMLOCK"), "{limited}");
        for other in [told(libc::EPERM, None), told(libc::EINVAL, Some(64))] {
            assert!(other.contains("lockdown") && !other.contains("lock 64 KiB"), "{other}");
        }
    }

    #[test]
    fn where_nothing_is_attached_each_reason_is_told_once() {
        let error = CannotObserve::nothing_attached(["no x", "no y", "no x"].into_iter()).to_string();
        assert_eq!(error.matches("no x").count(), 1, "{error}");
        assert!(error.contains("no y") && error.contains("--exe"), "{error}");
    }

    #[test]
    fn without_privilege_the_remedy_is_told() {
        let error = preflight(0, &Usable::Yes).cannot_observe().unwrap().to_string();
        for part in ["lacks CAP_BPF and CAP_PERFMON\n", "sudo kniwatch", "setcap ", "replay"] {
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn the_remedy_grants_every_capability_and_fits_the_width() {
        let grant = super::grant("/usr/bin/kniwatch");
        for capability in super::CAPABILITIES {
            assert!(grant.contains(&capability.name.to_lowercase()), "{}: {grant}", capability.name);
        }
        assert!(grant.lines().all(|line| line.len() <= 76), "{grant}");
    }

    #[test]
    fn what_is_kept_is_what_is_asked_for() {
        let asked: Vec<_> = super::CAPABILITIES.iter().map(|capability| capability.name).collect();
        let mut kept: Vec<_> = OBSERVING.iter().map(ToString::to_string).collect();
        kept.sort_by_key(|name| asked.iter().position(|asked| asked == name));
        assert_eq!(kept, asked);
    }
}
