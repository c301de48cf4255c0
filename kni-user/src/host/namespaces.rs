//! The network namespaces that can be found: this process's own, those of the other processes, and those that are
//! kept by a mount (`ip netns add`).

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::procfs;

/// A network namespace.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Namespace {
    /// Its inode number.
    pub inode: u64,
    /// A way to it.
    pub path: PathBuf,
    /// The name that it has under `/run/netns`.
    pub name: Option<PathBuf>,
}

/// The namespace that `path` leads to.
#[must_use]
pub fn inode(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|data| data.ino())
}

/// The way to the network namespace of a process, or of one of its threads.
#[must_use]
pub fn of(pid: u32) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}/ns/net"))
}

/// This process's own.
#[must_use]
pub fn own() -> Option<u64> {
    inode(Path::new("/proc/self/ns/net"))
}

/// All that can be found, by inode number, and of how many processes it could not be read which is theirs.
#[must_use]
pub fn network() -> (BTreeMap<u64, Namespace>, usize) {
    let mut found = BTreeMap::new();
    let mut hidden = 0;
    let mounts = fs::read("/proc/self/mountinfo").unwrap_or_default();
    let named = mounts.split(|byte| *byte == b'\n').filter_map(mounted);
    let mut add = |inode: u64, path: PathBuf, name: Option<PathBuf>| {
        found.entry(inode).or_insert(Namespace { inode, path, name });
    };
    for (number, path) in named {
        // Something else may be mounted over it.
        if inode(&path) == Some(number) {
            let name = path.file_name().map(PathBuf::from);
            add(number, path, name);
        }
    }
    for pid in procfs::pids() {
        let path = of(pid);
        match inode(&path) {
            Some(number) => add(number, path, None),
            None if procfs::is_alive(pid) => hidden += 1,
            None => {}
        }
    }
    (found, hidden)
}

/// The network namespace that a line of `/proc/self/mountinfo` is of, and where it is mounted.
fn mounted(line: &[u8]) -> Option<(u64, PathBuf)> {
    let mut fields = line.split(|byte| *byte == b' ').skip(3);
    let number = fields.next()?.strip_prefix(b"net:[")?.strip_suffix(b"]")?;
    let number = std::str::from_utf8(number).ok()?.parse().ok()?;
    Some((number, PathBuf::from(OsStr::from_bytes(&unescaped(fields.next()?)))))
}

/// Blanks and the like stand there as `\040`.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, tail)) = rest.split_first() {
        let escaped = tail.get(..3).filter(|_| *first == b'\\');
        let byte = escaped.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = tail.get(if byte.is_some() { 3 } else { 0 }..).unwrap_or_default();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{mounted, network, own};

    #[test]
    fn a_mount_of_a_network_namespace_is_told_from_others() {
        let line = b"36 25 0:4 net:[4026532008] /run/netns/a\\040b\\134 rw shared:9 - nsfs nsfs rw";
        assert_eq!(mounted(line), Some((4_026_532_008, Path::new("/run/netns/a b\\").to_owned())));
        for line in [
            &b"36 25 0:4 mnt:[4026532008] /run/x rw - nsfs nsfs rw"[..],
            b"36 25 0:4 / /run rw - tmpfs tmpfs rw",
            b"36 25 0:4 net:[x] /run/netns/a rw",
            b"36 25 0:4 net:[1]",
            b"",
        ] {
            assert_eq!(mounted(line), None, "{}", line.escape_ascii());
        }
    }

    #[test]
    fn the_own_namespace_is_among_them() {
        let own = own().unwrap();
        assert!(network().0.contains_key(&own));
    }
}
