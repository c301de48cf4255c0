//! The libraries that a program brings along: what it says that it needs, where it says that this is.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use object::ReadCache;
use object::elf::{DT_NEEDED, DT_RPATH, DT_RUNPATH};

use super::elf::Image;

/// Libraries of one program. None has so many; a broken file may claim them.
const LIBRARIES_MAX: usize = 256;

/// The libraries that the linker will load for `program` from directories that it names itself, or one of
/// them does (`DT_RPATH` and `DT_RUNPATH`, ld.so(8)). Those on the linker's own paths are left out.
#[must_use]
pub fn brought_along(program: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![(program.to_path_buf(), Vec::new())];
    while let Some((file, inherited)) = waiting.pop() {
        let (needed, own) = needs(&file);
        let directories: Vec<PathBuf> = own.into_iter().chain(inherited).collect();
        for name in needed {
            let mut candidates = directories.iter().map(|directory| directory.join(OsStr::from_bytes(&name)));
            let Some(library) = candidates.find_map(|path| fs::canonicalize(path).ok()) else {
                continue;
            };
            if found.len() < LIBRARIES_MAX && !found.contains(&library) {
                waiting.push((library.clone(), directories.clone()));
                found.push(library);
            }
        }
    }
    found
}

/// The names of the libraries that a file needs, and the directories that it names; none of what can't be read.
fn needs(path: &Path) -> (Vec<Vec<u8>>, Vec<PathBuf>) {
    let Ok(file) = File::open(path) else { return Default::default() };
    let file = ReadCache::new(file);
    let Ok(image) = Image::parse(&file) else { return Default::default() };
    let lists = image.dynamic_strings(&[DT_RUNPATH, DT_RPATH]);
    let directories = lists.iter().flat_map(|list| list.split(|byte| *byte == b':'));
    let directories = directories.filter(|directory| !directory.is_empty());
    (image.dynamic_strings(&[DT_NEEDED]), directories.map(|directory| expand(directory, path)).collect())
}

/// A directory with `$ORIGIN`, the file's own directory, filled in.
fn expand(directory: &[u8], file: &Path) -> PathBuf {
    for origin in [&b"$ORIGIN"[..], b"${ORIGIN}"] {
        if let Some(rest) = directory.strip_prefix(origin) {
            let file = fs::canonicalize(file).unwrap_or_else(|_| file.to_path_buf());
            let mut full = file.parent().unwrap_or(Path::new("/")).as_os_str().to_owned();
            full.push(OsStr::from_bytes(rest));
            return full.into();
        }
    }
    PathBuf::from(OsStr::from_bytes(directory))
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::{brought_along, expand};

    #[test]
    fn the_origin_is_where_the_file_is() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("app");
        std::fs::write(&file, "").unwrap();
        let dir = std::fs::canonicalize(dir.path()).unwrap();
        for (given, expanded) in [
            ("/opt/dpdk", PathBuf::from("/opt/dpdk")),
            ("$ORIGIN", dir.clone()),
            ("$ORIGIN/../lib", dir.join("../lib")),
            ("${ORIGIN}/lib", dir.join("lib")),
        ] {
            assert_eq!(expand(given.as_bytes(), &file), expanded, "{given}");
        }
    }

    #[test]
    fn what_brings_nothing_along_or_is_no_program_yields_nothing() {
        for file in ["/proc/self/status", "/nonexistent"] {
            assert!(brought_along(Path::new(file)).is_empty(), "{file}");
        }
    }
}
