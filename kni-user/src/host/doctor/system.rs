//! The kernel's settings, the device, huge pages.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use super::{contents, number, unreadable};
use crate::doctor::{Device, Fact, Kprobes, Node, Pool, Tracefs, Unknown};
use crate::event::Holder;
use crate::host::{namespaces, tracefs as tracing};
use crate::untrusted::Untrusted;

/// The mode in brackets in `lockdown`, below the directory of securityfs.
pub(super) fn lockdown(security: &Path) -> Fact<Option<Untrusted>> {
    match contents(security.join("lockdown"))? {
        Some(modes) => {
            let chosen = modes.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
            let (mode, _) = chosen.ok_or_else(|| Unknown("no mode is marked as chosen".to_owned()))?;
            Ok(Some(mode.into()))
        }
        None if is_empty(security) => {
            Err(Unknown(format!("securityfs is not mounted at {}", security.display())))
        }
        None => Ok(None),
    }
}

fn is_empty(directory: &Path) -> bool {
    fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_none())
}

pub(super) fn tracefs() -> Tracefs {
    if let Some(place) = tracing::find() {
        return Tracefs::At(Untrusted::from(place.as_os_str().as_encoded_bytes()));
    }
    match fs::read_dir("/sys/kernel/tracing") {
        Ok(_) => Tracefs::Unmounted,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Tracefs::Unreadable,
        Err(_) => Tracefs::Absent,
    }
}

/// Whether the kernel has a source of perf events of that name.
pub(super) fn has_source(name: &str) -> bool {
    Path::new("/sys/bus/event_source/devices").join(name).exists()
}

pub(super) fn kprobes() -> Kprobes {
    const ENABLED: &str = "/sys/kernel/debug/kprobes/enabled";
    if !has_source("kprobe") {
        return Kprobes::Absent;
    }
    Kprobes::Enabled(match contents(ENABLED) {
        Ok(Some(enabled)) => Ok(enabled.trim() != "0"),
        Ok(None) => Err(Unknown(format!("{ENABLED} is not there: debugfs is not mounted"))),
        Err(why) => Err(why),
    })
}

pub(super) fn device() -> Device {
    let path = Path::new("/dev/kni");
    let node = match fs::metadata(path) {
        Ok(file) => Ok(Some(node(&file))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(path, &error)),
    };
    let minor = contents("/proc/misc").map(|devices| minor(&devices.unwrap_or_default()));
    Device { node, minor }
}

fn node(file: &Metadata) -> Node {
    let numbers = (libc::major(file.rdev()), libc::minor(file.rdev()));
    Node {
        numbers: file.file_type().is_char_device().then_some(numbers),
        mode: file.mode() & 0o7777,
        owner: (file.uid(), file.gid()),
    }
}

/// In a line such as ` 57 kni`.
fn minor(devices: &str) -> Option<u32> {
    devices.lines().find_map(|line| {
        let (minor, name) = line.trim().split_once(' ')?;
        minor.parse().ok().filter(|_| name == "kni")
    })
}

/// A holder, and whether it is in this process's network namespace.
pub(super) fn with_namespace(holder: Holder) -> (Holder, Option<bool>) {
    let theirs = namespaces::inode(&namespaces::of(holder.pid));
    let own = namespaces::own();
    (holder, theirs.zip(own).map(|(theirs, own)| theirs == own))
}

/// The pools, the smallest pages first.
pub(super) fn hugepages(sys: &Path) -> Fact<Vec<Pool>> {
    let nodes = sys.join("devices/system/node");
    let mut pools: Vec<Pool> = pools(&sys.join("kernel/mm/hugepages"))?
        .into_iter()
        .map(|(page_kib, total, free)| Pool { page_kib, total, free, nodes: Vec::new() })
        .collect();
    pools.sort_by_key(|pool| pool.page_kib);
    for entry in fs::read_dir(&nodes).into_iter().flatten().flatten() {
        let number =
            entry.file_name().to_str().and_then(|name| name.strip_prefix("node")?.parse::<u32>().ok());
        let Some(number) = number else { continue };
        for (page_kib, total, free) in self::pools(&entry.path().join("hugepages"))? {
            let pool = pools.iter_mut().find(|pool| pool.page_kib == page_kib);
            if let Some(pool) = pool {
                pool.nodes.push((number, total, free));
            }
        }
    }
    for pool in &mut pools {
        pool.nodes.sort_unstable();
    }
    Ok(pools)
}

/// Size in KiB, pages, and those that are free, of each directory such as `hugepages-2048kB`.
fn pools(directory: &Path) -> Fact<Vec<(u64, u64, u64)>> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        // A kernel without huge pages.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(directory, &error)),
    };
    let mut pools = Vec::new();
    for entry in entries.flatten() {
        let name = entry.file_name();
        let size =
            name.to_str().and_then(|name| name.strip_prefix("hugepages-")?.strip_suffix("kB")?.parse().ok());
        let Some(size) = size else { continue };
        let count = |of: &str| number(&entry.path().join(of).display().to_string());
        pools.push((size, count("nr_hugepages")?, count("free_hugepages")?));
    }
    Ok(pools)
}

pub(super) fn hugetlbfs() -> Fact<Vec<Untrusted>> {
    Ok(mounted(&contents("/proc/self/mounts")?.unwrap_or_default()))
}

fn mounted(mounts: &str) -> Vec<Untrusted> {
    let places = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        let place = words.next()?;
        (words.next()? == "hugetlbfs").then(|| place.into())
    });
    places.collect()
}

pub(super) fn iommu_groups() -> Fact<usize> {
    let directory = Path::new("/sys/kernel/iommu_groups");
    match fs::read_dir(directory) {
        Ok(groups) => Ok(groups.count()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(unreadable(directory, &error)),
    }
}

/// `console_loglevel`, and whether it is ignored.
pub(super) fn console() -> (Fact<u32>, bool) {
    let ignored = contents("/sys/module/printk/parameters/ignore_loglevel").ok().flatten();
    (number("/proc/sys/kernel/printk"), ignored.is_some_and(|answer| answer.trim() == "Y"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{hugepages, lockdown, minor, mounted, node};
    use crate::doctor::Pool;

    #[test]
    fn lockdown_is_the_mode_in_brackets() {
        let security = tempfile::tempdir().unwrap();
        assert!(lockdown(security.path()).unwrap_err().0.contains("not mounted"));
        fs::write(security.path().join("lsm"), "capability").unwrap();
        assert_eq!(lockdown(security.path()), Ok(None), "a kernel without lockdown");
        for (modes, mode) in [
            ("[none] integrity confidentiality\n", "none"),
            ("none [integrity] confidentiality\n", "integrity"),
            ("none integrity [confidentiality]\n", "confidentiality"),
        ] {
            fs::write(security.path().join("lockdown"), modes).unwrap();
            assert_eq!(lockdown(security.path()), Ok(Some(mode.into())));
        }
        fs::write(security.path().join("lockdown"), "none\n").unwrap();
        assert!(lockdown(security.path()).is_err());
    }

    #[test]
    fn the_device_is_looked_up_by_its_whole_name() {
        assert_eq!(minor("234 btrfs-control\n 57 kni\n200 tun\n"), Some(57));
        assert_eq!(minor("57 kni2\n58 vhost-kni\nx kni\n"), None);
        assert_eq!(node(&fs::metadata("/dev/null").unwrap()).numbers, Some((1, 3)));
        assert_eq!(node(&fs::metadata("/proc").unwrap()).numbers, None);
    }

    #[test]
    fn huge_pages_are_counted_by_size_and_node() {
        let sys = tempfile::tempdir().unwrap();
        assert_eq!(hugepages(sys.path()), Ok(Vec::new()));
        for (directory, total, free) in [
            ("kernel/mm/hugepages/hugepages-1048576kB", 0, 0),
            ("kernel/mm/hugepages/hugepages-2048kB", 32, 30),
            ("devices/system/node/node1/hugepages/hugepages-2048kB", 0, 0),
            ("devices/system/node/node0/hugepages/hugepages-2048kB", 32, 30),
        ] {
            let directory = sys.path().join(directory);
            fs::create_dir_all(&directory).unwrap();
            fs::write(directory.join("nr_hugepages"), format!("{total}\n")).unwrap();
            fs::write(directory.join("free_hugepages"), format!("{free}\n")).unwrap();
        }
        let small = Pool { page_kib: 2048, total: 32, free: 30, nodes: vec![(0, 32, 30), (1, 0, 0)] };
        let large = Pool { page_kib: 1_048_576, total: 0, free: 0, nodes: Vec::new() };
        assert_eq!(hugepages(sys.path()), Ok(vec![small, large]));
    }

    #[test]
    fn mounts_are_told_by_their_kind() {
        let mounts = "hugetlbfs /dev/hugepages hugetlbfs rw 0 0\ntmpfs /hugetlbfs tmpfs rw 0 0\n\nx\n";
        assert_eq!(mounted(mounts), ["/dev/hugepages".into()]);
    }
}
