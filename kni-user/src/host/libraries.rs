//! Where the DPDK libraries are: on the linker's paths, in running processes, or where the user says.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The libraries whose functions are probed, by the beginnings of their names.
const NAMES: [&str; 2] = ["librte_kni.so", "librte_eal.so"];

/// Directories that linkers search without being told.
const DEFAULT: [&str; 4] = ["/lib", "/lib64", "/usr/lib", "/usr/lib64"];
const LOCAL: [&str; 2] = ["/usr/local/lib", "/usr/local/lib64"];

/// The libraries that a program started now would find, each file once.
#[must_use]
pub fn installed() -> Vec<PathBuf> {
    let preload = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let configured = configured(&fs::read_dir("/etc/ld.so.conf.d").map(confs).unwrap_or_default());
    let fixed = DEFAULT.into_iter().chain(LOCAL).map(PathBuf::from).flat_map(with_multiarch);
    let dirs = std::env::split_paths(&preload).chain(configured).chain(fixed);
    distinct(dirs.flat_map(|dir| libraries_in(&dir)))
}

/// The libraries that running processes have mapped, as this process can reach them.
///
/// Another mount namespace's paths are reached through `/proc/PID/root`.
#[must_use]
pub fn mapped() -> Vec<PathBuf> {
    let own = std::process::id();
    let found = super::procfs::pids().filter(|pid| *pid != own).flat_map(|pid| {
        let maps = fs::read(format!("/proc/{pid}/maps")).unwrap_or_default();
        let root = PathBuf::from(format!("/proc/{pid}/root"));
        libraries_mapped(&maps)
            .into_iter()
            .map(|path| root.join(path.strip_prefix("/").unwrap_or(&path)))
            .map(|path| as_own_path(&path))
            .collect::<Vec<_>>()
    });
    distinct(found)
}

/// Drops what is not there, and every second path of one file.
#[must_use]
pub fn distinct(paths: impl IntoIterator<Item = PathBuf>) -> Vec<PathBuf> {
    let mut seen = HashSet::new();
    paths.into_iter().filter(|path| identity(path).is_some_and(|file| seen.insert(file))).collect()
}

/// Whether both paths lead to one file.
#[must_use]
pub fn same_file(one: &Path, other: &Path) -> bool {
    identity(one).is_some_and(|file| identity(other) == Some(file))
}

/// A program as the shell would find it: a path as it is, a name along `PATH`.
#[must_use]
pub fn executable(program: &Path) -> Option<PathBuf> {
    if program.components().count() > 1 {
        return program.exists().then(|| program.to_path_buf());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file())
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

/// The path without `/proc/PID/root`, where that is the same file: it outlives the process.
fn as_own_path(path: &Path) -> PathBuf {
    let inner: PathBuf = Path::new("/").join(path.iter().skip(4).collect::<PathBuf>());
    if same_file(&inner, path) { inner } else { path.to_path_buf() }
}

/// The paths of libraries in `/proc/PID/maps`, each once.
fn libraries_mapped(maps: &[u8]) -> Vec<PathBuf> {
    let mut paths: Vec<_> = maps
        .split(|byte| *byte == b'\n')
        .filter_map(|line| line.iter().position(|byte| *byte == b'/').and_then(|at| line.get(at..)))
        .filter(|path| path.windows(7).any(|window| window == b"librte_"))
        .map(|path| PathBuf::from(OsStr::from_bytes(path)))
        .filter(|path| is_library(path))
        .collect();
    paths.sort();
    paths.dedup();
    paths
}

fn is_library(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_bytes();
    NAMES.iter().any(|library| name.starts_with(library.as_bytes()))
}

fn libraries_in(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| is_library(path))
        .collect();
    found.sort();
    found
}

/// A directory and what Debian and its heirs keep below it for this architecture.
fn with_multiarch(dir: PathBuf) -> [PathBuf; 2] {
    let multiarch = dir.join(format!("{}-linux-gnu", std::env::consts::ARCH));
    [dir, multiarch]
}

/// The contents of the linker's configuration files.
fn confs(dir: fs::ReadDir) -> Vec<String> {
    let mut files: Vec<_> = dir.flatten().map(|entry| entry.path()).collect();
    files.sort();
    files.into_iter().filter_map(|file| fs::read_to_string(file).ok()).collect()
}

/// The directories that the linker's configuration files name.
fn configured(confs: &[String]) -> Vec<PathBuf> {
    let lines = confs.iter().flat_map(|conf| conf.lines());
    let paths = lines.filter_map(|line| line.split('#').next()).map(str::trim);
    paths.filter(|path| path.starts_with('/')).map(PathBuf::from).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::{configured, distinct, libraries_in, libraries_mapped};

    #[test]
    fn mapped_libraries_are_found_once_each() {
        let maps = b"\
7f00-7f01 r--p 00000000 08:01 17 /usr/lib/x86_64-linux-gnu/librte_kni.so.23.0
7f01-7f02 r-xp 00001000 08:01 17 /usr/lib/x86_64-linux-gnu/librte_kni.so.23.0
7f02-7f03 r-xp 00001000 08:01 18 /opt/my app/librte_eal.so.23.0
7f03-7f04 r-xp 00001000 08:01 19 /usr/lib/librte_mempool.so.23
7f04-7f05 rw-p 00000000 00:00 0 [heap]
";
        let expected = ["/opt/my app/librte_eal.so.23.0", "/usr/lib/x86_64-linux-gnu/librte_kni.so.23.0"];
        assert_eq!(libraries_mapped(maps), expected.map(PathBuf::from));
    }

    #[test]
    fn links_to_one_library_count_once() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["librte_kni.so.23.0", "librte_other.so", "libc.so.6"] {
            fs::write(dir.path().join(name), name).unwrap();
        }
        std::os::unix::fs::symlink("librte_kni.so.23.0", dir.path().join("librte_kni.so")).unwrap();
        std::os::unix::fs::symlink("nowhere", dir.path().join("librte_eal.so")).unwrap();
        assert_eq!(distinct(libraries_in(dir.path())), [dir.path().join("librte_kni.so")]);
    }

    #[test]
    fn the_linkers_configuration_is_read_without_comments_and_includes() {
        let confs = ["# own\n/opt/dpdk/lib # 22.11\ninclude more.conf\n".to_owned(), "/usr/x\n".to_owned()];
        assert_eq!(configured(&confs), ["/opt/dpdk/lib", "/usr/x"].map(PathBuf::from));
    }
}
