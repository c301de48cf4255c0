//! What `/proc` says of a process, and who has `/dev/kni` open.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use kni_ebpf::kni;

use super::files::Mapping;
use crate::event::{Holder, Process};
use crate::untrusted::Untrusted;

/// What `/proc/PID` says, or `None` if the process has gone.
#[must_use]
pub fn process(pid: u32) -> Option<Process> {
    let directory = PathBuf::from(format!("/proc/{pid}"));
    let stat = parse_stat(&fs::read(directory.join("stat")).ok()?)?;
    let status = fs::read_to_string(directory.join("status")).unwrap_or_default();
    let namespace = |of| fs::metadata(directory.join("ns").join(of)).ok().map(|data| data.ino());
    Some(Process {
        pid,
        ns_pids: ns_pids(&status),
        start_ns: stat.start_ticks.saturating_mul(1_000_000_000 / TICKS_PER_SECOND),
        exe: fs::read_link(directory.join("exe")).ok().map(|exe| Untrusted::from(exe.as_os_str().as_bytes())),
        parent: stat.parent,
        parent_comm: comm(stat.parent),
        netns: namespace("net"),
        mntns: namespace("mnt"),
    })
}

/// Whether there is a process of that id.
#[must_use]
pub fn is_alive(pid: u32) -> bool {
    Path::new("/proc").join(pid.to_string()).exists()
}

/// `USER_HZ`: 100 on every architecture that kniwatch runs on.
const TICKS_PER_SECOND: u64 = 100;

/// The processes that have `/dev/kni` open, as far as their descriptors may be read.
#[must_use]
pub fn device_holders() -> Vec<Holder> {
    holders().0
}

/// The processes that have `/dev/kni` open, and of how many the descriptors may not be read.
#[must_use]
pub fn holders() -> (Vec<Holder>, usize) {
    let (mut holders, mut closed) = (Vec::new(), 0);
    for pid in pids() {
        match has_device_open(pid) {
            Ok(true) => holders.extend(comm(pid).map(|comm| Holder { pid, comm })),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => closed += 1,
            Ok(false) | Err(_) => {}
        }
    }
    (holders, closed)
}

/// A process or a kernel thread in short.
pub(super) struct Brief {
    pub(super) comm: Untrusted,
    pub(super) parent: u32,
    /// Nanoseconds after boot.
    pub(super) start_ns: u64,
    pub(super) has_ended: bool,
}

/// What `/proc/PID/stat` says, or `None` if there is no such process.
pub(super) fn brief(pid: u32) -> Option<Brief> {
    let stat = parse_stat(&fs::read(format!("/proc/{pid}/stat")).ok()?)?;
    Some(Brief {
        comm: comm(pid)?,
        parent: stat.parent,
        start_ns: stat.start_ticks.saturating_mul(1_000_000_000 / TICKS_PER_SECOND),
        has_ended: matches!(stat.state, b'Z' | b'X'),
    })
}

/// The processes that there are.
pub fn pids() -> impl Iterator<Item = u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The files of which the process has code in its memory; empty if it has gone, or may not be looked at.
#[must_use]
pub fn mappings(pid: u32) -> Vec<Mapping> {
    let maps = fs::read(format!("/proc/{pid}/maps")).unwrap_or_default();
    let mut mappings: Vec<_> =
        maps.split(|byte| *byte == b'\n').filter_map(|line| parse_mapping(pid, line)).collect();
    // A file may be mapped in pieces.
    mappings.dedup();
    mappings
}

/// Whether the process has ended, or its first thread has, even if nobody has waited for it yet.
#[must_use]
pub fn has_ended(pid: u32) -> bool {
    let stat = fs::read(format!("/proc/{pid}/stat")).unwrap_or_default();
    parse_stat(&stat).is_none_or(|stat| matches!(stat.state, b'Z' | b'X'))
}

/// Whether something mapped under that name is a file that may be looked at: not `[vdso]`, not memory
/// without a file, and not what was deleted.
#[must_use]
pub fn is_file_name(name: &[u8]) -> bool {
    let nameless = [&b"//"[..], b"/memfd:", b"/SYSV", b"/dev/zero", b"/anon_hugepage"];
    name.starts_with(b"/")
        && !nameless.iter().any(|prefix| name.starts_with(prefix))
        && !name.ends_with(b" (deleted)")
}

/// A line of `/proc/PID/maps`, if it is of code in a file.
fn parse_mapping(pid: u32, line: &[u8]) -> Option<Mapping> {
    let path = line.get(line.iter().position(|byte| *byte == b'/')?..)?;
    let mut fields = std::str::from_utf8(line.get(..73).unwrap_or(line)).ok()?.split_ascii_whitespace();
    let is_code = fields.nth(1)?.as_bytes().get(2) == Some(&b'x');
    if !is_code || !is_file_name(path) {
        return None;
    }
    let (major, minor) = fields.nth(1)?.split_once(':')?;
    let hexadecimal = |number| u32::from_str_radix(number, 16).ok();
    Some(Mapping {
        pid,
        path: PathBuf::from(OsStr::from_bytes(path)),
        device: (hexadecimal(major)?, hexadecimal(minor)?),
        inode: fields.next()?.parse().ok()?,
    })
}

fn has_device_open(pid: u32) -> io::Result<bool> {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd"))?.flatten();
    Ok(descriptors
        .filter_map(|descriptor| fs::read_link(descriptor.path()).ok())
        .any(|target| target.as_os_str().as_bytes() == kni::DEVICE_PATH))
}

fn comm(pid: u32) -> Option<Untrusted> {
    let comm = fs::read(Path::new("/proc").join(pid.to_string()).join("comm")).ok()?;
    Some(Untrusted::from(comm.strip_suffix(b"\n").unwrap_or(&comm)))
}

/// The state letter in a `stat` of a process or thread.
pub(super) fn state(stat: &[u8]) -> Option<char> {
    parse_stat(stat).map(|stat| char::from(stat.state))
}

struct Stat {
    state: u8,
    parent: u32,
    start_ticks: u64,
}

/// Fields 3, 4 and 22 of `/proc/PID/stat`; the name in field 2 may hold spaces and brackets itself.
fn parse_stat(stat: &[u8]) -> Option<Stat> {
    let close = stat.iter().rposition(|byte| *byte == b')')?;
    let mut fields = std::str::from_utf8(stat.get(close + 1..)?).ok()?.split_ascii_whitespace();
    let state = *fields.next()?.as_bytes().first()?;
    let parent = fields.next()?.parse().ok()?;
    let start_ticks = fields.nth(17)?.parse().ok()?;
    Some(Stat { state, parent, start_ticks })
}

/// The line `NSpid:` of `/proc/PID/status`: from the initial namespace inwards.
fn ns_pids(status: &str) -> Vec<u32> {
    status
        .lines()
        .find_map(|line| line.strip_prefix("NSpid:"))
        .map(|pids| pids.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Mapping, device_holders, has_ended, mappings, ns_pids, parse_mapping, parse_stat, process};

    #[test]
    fn a_name_with_brackets_and_spaces_moves_no_field() {
        let stat = b"77 (a) b (c)) S 12 77 77 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 1 0 4711 1 2 3";
        let stat = parse_stat(stat).unwrap();
        assert_eq!((stat.state, stat.parent, stat.start_ticks), (b'S', 12, 4711));
    }

    #[test]
    fn a_broken_stat_is_none() {
        for stat in [&b""[..], b"77", b"77 (x", b"77 (x) S", b"77 (x) S 1 2 3", b"77 (\xff) S \xff"] {
            assert!(parse_stat(stat).is_none());
        }
    }

    #[test]
    fn pids_are_listed_from_the_outside_inwards() {
        assert_eq!(ns_pids("Name:\tx\nNSpid:\t4121\t17\t1\nThreads: 1\n"), [4121, 17, 1]);
        assert_eq!(ns_pids("Name:\tx\n"), [0_u32; 0]);
    }

    #[test]
    fn a_mapping_is_code_in_a_file_that_is_there() {
        let line = b"7f02-7f03 r-xp 00001000 fd:1a 18   /opt/my app/librte_eal.so.23.0";
        let mapping = parse_mapping(7, line).unwrap();
        assert_eq!(mapping.path, Path::new("/opt/my app/librte_eal.so.23.0"));
        assert_eq!((mapping.pid, mapping.device, mapping.inode), (7, (0xfd, 0x1a), 18));
        for none in [
            &b"7f02-7f03 r--p 00001000 08:01 18 /usr/lib/librte_eal.so"[..],
            b"7f02-7f03 r-xp 00001000 08:01 18 /usr/lib/librte_eal.so (deleted)",
            b"7f02-7f03 r-xp 00001000 00:01 18 /memfd:jit",
            b"7f02-7f03 r-xp 00000000 00:00 0 [vdso]",
            b"7f02-7f03 r-xp 00000000 00:00 0",
            b"7f02-7f03 r-xp 00000000 zz:01 18 /usr/lib/x",
            b"/",
            b"",
        ] {
            assert_eq!(parse_mapping(7, none), None, "{}", String::from_utf8_lossy(none));
        }
    }

    #[test]
    fn this_process_runs_its_own_executable() {
        let own = std::env::current_exe().unwrap();
        let mapped = mappings(std::process::id());
        let file = mapped.iter().find(|mapping| mapping.path == own).and_then(Mapping::file);
        assert_eq!(file.map(|file| file.path), Some(own), "{mapped:?}");
        assert!(!has_ended(std::process::id()) && has_ended(u32::MAX));
        assert!(mappings(u32::MAX).is_empty());
    }

    #[test]
    fn this_process_is_described_and_holds_no_kni_device() {
        let own = std::process::id();
        let described = process(own).unwrap();
        assert_eq!(described.ns_pids.last(), Some(&own));
        assert!(described.exe.is_some() && described.netns.is_some() && described.start_ns > 0);
        assert!(device_holders().iter().all(|holder| holder.pid != own));
        assert!(process(u32::MAX).is_none());
    }
}
