//! What is attached, as the kernel tells it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The tracepoints that this process has programs attached to, sorted.
///
/// Of a descriptor of an attachment to a tracepoint, `/proc/PID/fdinfo` tells `tp_name` (`bpf_perf_link_fill_tracepoint`
/// and `bpf_perf_link_show_fdinfo`, kernel/bpf/syscall.c, Linux 6.17 and later). `None` on a kernel that tells it of none.
pub(crate) fn tracepoints() -> Option<Vec<String>> {
    let mut names: Vec<_> = attachments().filter_map(|mut info| info.remove("tp_name")).collect();
    names.sort();
    (!names.is_empty()).then_some(names)
}

/// The places in files that this process has programs attached to, as `name` and `offset` tell them beside
/// (`bpf_perf_link_fdinfo_uprobe`); `None` as above.
pub(crate) fn uprobes() -> Option<Vec<(PathBuf, u64)>> {
    let places = attachments().filter_map(|info| {
        let kind = info.get("event_type")?;
        let offset = info.get("offset")?.strip_prefix("0x")?;
        let place = (PathBuf::from(info.get("name")?), u64::from_str_radix(offset, 16).ok()?);
        kind.contains("uprobe").then_some(place)
    });
    let mut places: Vec<_> = places.collect();
    places.sort();
    places.dedup();
    (!places.is_empty()).then_some(places)
}

/// What the kernel tells of each descriptor of an attachment that this process has.
fn attachments() -> impl Iterator<Item = BTreeMap<String, String>> {
    let descriptors = fs::read_dir("/proc/self/fdinfo").unwrap().flatten();
    // The one that this directory is read by is gone by now.
    let infos = descriptors.filter_map(|descriptor| fs::read_to_string(descriptor.path()).ok());
    let pairs = infos.map(|info| {
        let pairs = info.lines().filter_map(|line| line.split_once(":\t"));
        pairs.map(|(key, value)| (key.to_owned(), value.trim().to_owned())).collect()
    });
    pairs.filter(|info: &BTreeMap<_, _>| info.contains_key("link_type"))
}

/// Long enough for a loaded machine: only a failing test waits so long.
#[derive(Debug)]
pub(crate) struct Patience(Instant);

impl Default for Patience {
    fn default() -> Self {
        Self(Instant::now() + Duration::from_secs(20))
    }
}

impl Patience {
    pub(crate) fn check(&self, what: &str) {
        assert!(Instant::now() < self.0, "no end of {what}");
    }
}
