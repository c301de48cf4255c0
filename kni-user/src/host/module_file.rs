//! The file that the loaded `rte_kni` came from, told from others of its name by its build id.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::module_code;

/// The file's name. Compressed ones are not looked into.
pub(super) const NAME: &str = "rte_kni.ko";
/// Where modules are looked for that `modules.dep` does not have, those from outside the kernel first.
pub(super) const DIRECTORIES: [&str; 4] = ["updates", "extra", "weak-updates", "kernel"];
/// Directories within directories.
const DEPTH: usize = 8;

/// What is in the file of the module that is loaded, with its directory in `/sys/module`.
pub(super) fn of_loaded(module: &Path) -> Option<Vec<u8>> {
    let note = fs::read(module.join("notes").join(module_code::BUILD_ID)).ok()?;
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
    file_with(&Path::new("/lib/modules").join(release.trim_end()), &note)
}

/// The module's file below `root` that has that build id.
fn file_with(root: &Path, note: &[u8]) -> Option<Vec<u8>> {
    let is_it = |path: PathBuf| fs::read(path).ok().filter(|file| module_code::build_id(file) == Some(note));
    let listed = fs::read_to_string(root.join("modules.dep")).unwrap_or_default();
    let listed = listed.lines().filter_map(|line| line.split(':').next()).map(|path| root.join(path));
    let mut listed = listed.filter(|path| path.ends_with(NAME));
    listed.find_map(is_it).or_else(|| {
        DIRECTORIES.iter().find_map(|directory| find(&root.join(directory), NAME).into_iter().find_map(is_it))
    })
}

/// The files below `directory` whose names begin so. Links to directories are not followed.
pub(super) fn find(directory: &Path, name: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    add(directory, name, DEPTH, &mut found);
    found
}

fn add(directory: &Path, name: &str, depth: usize, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_directory && depth > 0 {
            add(&entry.path(), name, depth - 1, found);
        } else if entry.file_name().as_bytes().starts_with(name.as_bytes()) {
            found.push(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::file_with;
    use crate::host::module_code::build_id;

    #[test]
    fn the_loaded_file_is_told_from_others_of_its_name_by_its_build_id() {
        let root = tempfile::tempdir().unwrap();
        // Any ELF files with a build id will do.
        let own = fs::read(std::env::current_exe().unwrap()).unwrap();
        let note = build_id(&own).unwrap().to_vec();
        for (directory, contents) in [("updates/dkms", b"no ELF file".as_slice()), ("extra/dpdk", &own)] {
            let directory = root.path().join(directory);
            fs::create_dir_all(&directory).unwrap();
            fs::write(directory.join("rte_kni.ko"), contents).unwrap();
        }
        assert!(file_with(root.path(), &note).is_some_and(|file| file == own));
        assert!(file_with(root.path(), b"another").is_none());
        fs::rename(root.path().join("extra"), root.path().join("own")).unwrap();
        assert!(file_with(root.path(), &note).is_none());
        fs::write(root.path().join("modules.dep"), "kernel/a.ko:\nown/dpdk/rte_kni.ko: kernel/a.ko\n")
            .unwrap();
        assert!(file_with(root.path(), &note).is_some_and(|file| file == own));
    }
}
