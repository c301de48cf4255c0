//! Where the DPDK libraries are: on the linker's paths, or where the user says.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// The libraries whose functions are probed, by the beginnings of their names.
const NAMES: [&str; 5] =
    ["librte_kni.so", "librte_eal.so", "librte_mempool.so", "librte_mbuf.so", "librte_ring.so"];

/// Directories that linkers search without being told.
const DEFAULT: [&str; 4] = ["/lib", "/lib64", "/usr/lib", "/usr/lib64"];
const LOCAL: [&str; 2] = ["/usr/local/lib", "/usr/local/lib64"];

/// The libraries that a program started now would find; a file may have several paths.
#[must_use]
pub fn installed() -> Vec<PathBuf> {
    let preload = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let configured = configured(&fs::read_dir("/etc/ld.so.conf.d").map(confs).unwrap_or_default());
    let fixed = DEFAULT.into_iter().chain(LOCAL).map(PathBuf::from).flat_map(with_multiarch);
    let dirs = std::env::split_paths(&preload).chain(configured).chain(fixed);
    dirs.flat_map(|dir| libraries_in(&dir)).collect()
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

    use super::{configured, libraries_in};

    #[test]
    fn only_libraries_with_functions_to_probe_are_listed() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["librte_kni.so.23.0", "librte_other.so", "libc.so.6"] {
            fs::write(dir.path().join(name), name).unwrap();
        }
        assert_eq!(libraries_in(dir.path()), [dir.path().join("librte_kni.so.23.0")]);
    }

    #[test]
    fn the_linkers_configuration_is_read_without_comments_and_includes() {
        let confs = ["# own\n/opt/dpdk/lib # 22.11\ninclude more.conf\n".to_owned(), "/usr/x\n".to_owned()];
        assert_eq!(configured(&confs), ["/opt/dpdk/lib", "/usr/x"].map(PathBuf::from));
    }
}
