//! What `doctor` looks at. What can't be read is told as such, with the reason.

mod libraries;
mod module;
mod system;

use std::fs;
use std::io;
use std::path::Path;

use super::kmsg::Kmsg;
use super::procfs;
use crate::doctor::{Fact, Facts, Privilege, Unknown};
use crate::untrusted::Untrusted;

/// What a process may do, by its capabilities and limits.
#[derive(Clone, Debug)]
pub struct Privileges {
    /// Those that kniwatch uses.
    pub held: Vec<Privilege>,
    /// Whether they count for the kernel.
    pub initial_namespace: bool,
    /// Whether `CAP_SYS_ADMIN` is among them.
    pub is_admin: bool,
    /// KiB of memory that eBPF's maps may take; none: as much as they need.
    pub locked_memory_kib: Option<u64>,
}

/// Reads it all. `symbols` are the functions by which DPDK's libraries are recognised.
///
/// Takes some hundred milliseconds: the executables of all processes are looked at, and all of `/lib/modules`.
#[must_use]
pub fn read(privileges: Privileges, symbols: &[&str]) -> Facts {
    let Privileges { held, initial_namespace, is_admin, locked_memory_kib } = privileges;
    let kernel = Untrusted::from(fs::read("/proc/sys/kernel/osrelease").unwrap_or_default().trim_ascii_end());
    let (holders, holders_hidden) = procfs::holders();
    let libraries::Found { libraries, without_kni, hidden } = libraries::find(symbols);
    let (console_loglevel, ignores_loglevel) = system::console();
    Facts {
        privileges: held,
        initial_namespace,
        is_admin,
        locked_memory_kib,
        lockdown: system::lockdown(Path::new("/sys/kernel/security")),
        tracefs: system::tracefs(),
        kprobes: system::kprobes(),
        uprobes: system::has_source("uprobe"),
        perf_paranoid: number("/proc/sys/kernel/perf_event_paranoid"),
        kptr_restrict: number("/proc/sys/kernel/kptr_restrict"),
        unprivileged_bpf: number("/proc/sys/kernel/unprivileged_bpf_disabled"),
        kernel_log: Kmsg::open().map(drop).map_err(|error| Unknown(reason(&error))),
        takes_modules: super::modules::can_be_loaded(),
        files: module::files(Path::new("/lib/modules")),
        signed_only: module::signed_only(),
        module: module::loaded(),
        device: system::device(),
        holders: holders.into_iter().map(system::with_namespace).collect(),
        holders_hidden,
        hugepages: system::hugepages(Path::new("/sys")),
        hugetlbfs: system::hugetlbfs(),
        iommu_groups: system::iommu_groups(),
        libraries,
        without_kni,
        mappings_hidden: hidden,
        console_loglevel,
        ignores_loglevel,
        kernel,
    }
}

/// An error as a phrase; those of privilege with what it takes.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "that takes root".to_owned(),
        io::ErrorKind::NotFound => "it is not there".to_owned(),
        _ => error.to_string(),
    }
}

/// The text of a file; none: there is no such file.
fn contents(path: impl AsRef<Path>) -> Fact<Option<String>> {
    let path = path.as_ref();
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(path, &error)),
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Unknown {
    Unknown(format!("{}: {}", path.display(), reason(error)))
}

/// The number that a file begins with.
fn number<T: std::str::FromStr>(path: &str) -> Fact<T> {
    let contents = contents(path)?.ok_or_else(|| Unknown(format!("{path}: it is not there")))?;
    let first = contents.split_ascii_whitespace().next().and_then(|word| word.parse().ok());
    first.ok_or_else(|| Unknown(format!("{path}: it has no number")))
}

#[cfg(test)]
mod tests {
    use super::{Privileges, contents, number, read};
    use crate::doctor::{Unknown, exit_status, findings};

    #[test]
    fn what_is_not_there_is_told_from_what_can_not_be_read() {
        assert_eq!(contents("/nonexistent"), Ok(None));
        assert!(matches!(contents("/"), Err(Unknown(why)) if why.starts_with("/: ")));
        assert!(number::<u32>("/proc/sys/kernel/pid_max").is_ok_and(|number| number > 0));
        assert!(number::<u32>("/proc/sys/kernel/osrelease").is_err());
    }

    #[test]
    fn this_machine_is_looked_at() {
        let privileges =
            Privileges { held: Vec::new(), initial_namespace: true, is_admin: true, locked_memory_kib: None };
        let findings = findings(&read(privileges, &["rte_kni_alloc"]));
        for about in
            ["kernel", "lockdown", "tracefs", "kprobes", "hugepages", "iova-mode", "console-loglevel"]
        {
            assert!(findings.iter().any(|finding| finding.about == about), "{about}: {findings:#?}");
        }
        assert!([0, 30, 31].contains(&exit_status(&findings)));
    }
}
