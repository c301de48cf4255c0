//! Whether the probed functions look as the probes take them to: the `match-proto` comments of `kni-ebpf`, compared
//! with the sources that a guest's root has at hand.
//!
//! A comment lists prototypes, each behind the file that has it and the versions that it is of; a range may name
//! neither again: ``match-proto: FILE, DPDK 16.04..21.11 `int f(int)`; 20.11..23.07 `long f(int)` ``. Where ranges
//! overlap, because stable releases differ, one of them has to be right.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::workspace::Workspace;

mod c;
mod comment;

use comment::{Claim, Family, Prototype, Version};

/// Sources that a root has, beneath it; a `*` stands for one name.
const SOURCES: [&str; 5] = [
    "usr/share/kniwatch-guest/rte_kni/*",
    "usr/include/dpdk/*",
    "usr/include/x86_64-linux-gnu/dpdk/*",
    "usr/src/*/include/linux/netdevice.h",
    "usr/src/*/include/linux/kthread.h",
];

/// What differs between the comments and the sources in `root`, whose kernel has that version.
pub(crate) fn check(workspace: &Workspace, root: &Path, kernel: &str) -> Result<Vec<String>> {
    let sources = SOURCES.iter().map(|pattern| texts(root, pattern)).collect::<Result<Vec<_>>>()?.concat();
    let sources: Vec<String> = sources.iter().map(|source| c::without_comments(source)).collect();
    let status = read(&root.join("var/lib/dpkg/status"))?;
    let dpdk = dpdk_version(&status).context("the guest's root has no libdpdk-dev")?;
    let linux = comment::version(kernel).with_context(|| format!("no kernel's version: {kernel}"))?;
    let version_of = |family| match family {
        Family::Dpdk => dpdk,
        Family::Linux => linux,
    };
    let mut complaints = Vec::new();
    for (path, text) in files(&workspace.root.join("kni-ebpf/src/probes"))? {
        let place = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for claim in comment::claims(&text) {
            match claim {
                Ok(claim) => complaints.extend(compare(&claim, &sources, version_of)),
                Err(error) => complaints.push(format!("{place}: {error}")),
            }
        }
    }
    Ok(complaints)
}

/// What is wrong with a hook's prototypes.
fn compare(claim: &Claim, sources: &[String], version_of: impl Fn(Family) -> Version) -> Option<String> {
    let Claim { program, function, prototypes } = claim;
    let family = prototypes.first()?.family;
    let version @ (major, minor) = version_of(family);
    let name = match family {
        Family::Dpdk => format!("{family} {major}.{minor:02}"),
        Family::Linux => format!("{family} {major}.{minor}"),
    };
    let of_version: Vec<&Prototype> =
        prototypes.iter().filter(|prototype| (prototype.first..=prototype.last).contains(&version)).collect();
    if of_version.is_empty() {
        return Some(format!("{program}: no prototype of {function} is for {name}"));
    }
    let Some(found) = sources.iter().find_map(|source| c::prototype(source, function)) else {
        return Some(format!("{program}: {function} is in none of the sources of {name}"));
    };
    if of_version.iter().any(|prototype| c::spelled_alike(&prototype.text, &found)) {
        return None;
    }
    let claimed: Vec<&str> = of_version.iter().map(|prototype| prototype.text.as_str()).collect();
    Some(format!("{program}: {name} has\n    {found}\n  and not\n    {}", claimed.join("\n    ")))
}

/// `Version: 22.11.11-0+deb12u1` of libdpdk-dev.
fn dpdk_version(status: &str) -> Option<Version> {
    let package = status.split("\n\n").find(|package| package.starts_with("Package: libdpdk-dev\n"))?;
    comment::version(package.lines().find_map(|line| line.strip_prefix("Version: "))?)
}

/// The texts of the files that `pattern` names beneath `root`.
fn texts(root: &Path, pattern: &str) -> Result<Vec<String>> {
    let mut paths = vec![root.to_path_buf()];
    for part in pattern.split('/') {
        let beneath = |path: &PathBuf| match part {
            "*" => fs::read_dir(path)
                .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
                .unwrap_or_default(),
            part => vec![path.join(part)],
        };
        paths = paths.iter().flat_map(beneath).filter(|path| path.exists()).collect();
    }
    paths.retain(|path| path.is_file());
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

fn files(dir: &Path) -> Result<Vec<(PathBuf, String)>> {
    let entries = fs::read_dir(dir).with_context(|| format!("can't read {}", dir.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    paths.into_iter().map(|path| read(&path).map(|text| (path, text))).collect()
}

fn read(path: &Path) -> Result<String> {
    let bytes = fs::read(path).with_context(|| format!("can't read {}", path.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::comment::{Family, claims};
    use super::{compare, dpdk_version};

    const COMMENT: &str = "\
// match-proto: a.c, DPDK 16.04..21.11 `int f(struct inode *inode,
// uint32_t number)`; 20.11..23.07 `long f(struct file *file, unsigned int number)`
#[kprobe]
pub(crate) fn f_enter(ctx: ProbeContext) -> u32 {
";

    fn complaint(source: &str, dpdk: (u32, u32)) -> Option<String> {
        let claim = claims(COMMENT).next().unwrap().unwrap();
        compare(&claim, &[source.to_owned()], |family| {
            assert_eq!(family, Family::Dpdk);
            dpdk
        })
    }

    #[test]
    fn a_source_with_one_of_its_versions_prototypes_is_as_claimed() {
        let old = "static int\nf(struct inode *inode, uint32_t number)\n{\n";
        let new = "static long\nf(struct file *file, unsigned int number)\n{\n";
        for (source, dpdk, fine) in [
            (old, (16, 4), true),
            (old, (20, 11), true),
            (new, (20, 11), true),
            (new, (16, 4), false),
            (old, (22, 11), false),
            (old, (15, 11), false),
            ("static long g(int f)\n{\n", (22, 11), false),
        ] {
            let complaint = complaint(source, dpdk);
            assert_eq!(complaint.is_none(), fine, "{source} {dpdk:?} {complaint:?}");
        }
    }

    #[test]
    fn a_complaint_has_the_hook_and_both_prototypes() {
        assert_eq!(
            complaint("static int\nf(struct file *file)\n{\n", (22, 11)).unwrap(),
            "f_enter: DPDK 22.11 has\n    int f(struct file *file)\n  and not\n    \
             long f(struct file *file, unsigned int number)"
        );
    }

    #[test]
    fn dpdks_version_is_its_packages() {
        let status =
            "Package: dpdk\nVersion: 1.2\n\nPackage: libdpdk-dev\nStatus: x\nVersion: 22.11.11-0+deb12u1\n";
        assert_eq!(dpdk_version(status), Some((22, 11)));
    }
}
