//! The loaded `rte_kni`, from `/sys/module`.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::device_info;
use crate::event::Module;
use crate::untrusted::Untrusted;

const DIRECTORY: &str = "/sys/module/rte_kni";

/// How the kernel shows a string parameter that nobody has set.
const UNSET: &[u8] = b"(null)";

/// Whether this kernel can load modules at all (`CONFIG_MODULES`).
#[must_use]
pub fn can_be_loaded() -> bool {
    Path::new("/proc/modules").exists()
}

/// Whether `rte_kni` is loaded.
#[must_use]
pub fn is_loaded() -> bool {
    // A module that is built in has no `initstate`; one that is going still has the directory.
    fs::read(Path::new(DIRECTORY).join("initstate")).is_ok_and(|state| !state.starts_with(b"going"))
}

/// Which loading of `rte_kni` it is that is there now: another number each time, `None` if it isn't.
///
/// A module's directory is made anew with every loading (`mod_sysfs_init`, kernel/module/sysfs.c, 5.10 to 6.18), and
/// the inode's number with it.
#[must_use]
pub fn loading() -> Option<u64> {
    let directory = fs::metadata(DIRECTORY).ok()?;
    is_loaded().then(|| directory.ino())
}

/// What is known of the loaded `rte_kni`. How it lays out its struct may have to be looked for in its file,
/// which takes some milliseconds.
#[must_use]
pub fn rte_kni() -> Option<Module> {
    let directory = Path::new(DIRECTORY);
    is_loaded().then(|| Module { info: device_info::shown_by(directory), ..read(directory) })
}

/// Where the kernel shows it.
pub(super) fn directory() -> &'static Path {
    Path::new(DIRECTORY)
}

/// The parameters of the module with that directory, in the order of their names; `None`: nobody has set it.
pub(super) fn parameters(directory: &Path) -> Vec<(Untrusted, Option<Untrusted>)> {
    let entries = fs::read_dir(directory.join("parameters")).into_iter().flatten().flatten();
    let mut parameters: Vec<_> = entries
        .filter_map(|entry| Some((Untrusted::from(entry.file_name().as_bytes()), trimmed(&entry.path())?)))
        .map(|(name, value)| (name, Some(value).filter(|value| value.as_bytes() != UNSET)))
        .collect();
    parameters.sort();
    parameters
}

fn read(directory: &Path) -> Module {
    let set = parameters(directory).into_iter().filter_map(|(name, value)| Some((name, value?)));
    Module { version: trimmed(&directory.join("version")), parameters: set.collect(), info: None }
}

fn trimmed(path: &Path) -> Option<Untrusted> {
    fs::read(path).ok().map(|text| Untrusted::from(text.trim_ascii_end()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::read;
    use crate::untrusted::Untrusted;

    #[test]
    fn parameters_that_are_set_come_in_the_order_of_their_names() {
        let directory = tempfile::tempdir().unwrap();
        let parameters = directory.path().join("parameters");
        fs::create_dir(&parameters).unwrap();
        fs::write(parameters.join("kthread_mode"), "single\n").unwrap();
        fs::write(parameters.join("carrier"), "off\n").unwrap();
        fs::write(parameters.join("lo_mode"), "(null)\n").unwrap();

        let module = read(directory.path());

        let text = |text: &str| Untrusted::from(text);
        assert_eq!(
            module.parameters,
            [(text("carrier"), text("off")), (text("kthread_mode"), text("single"))]
        );
        assert_eq!(module.version, None);
    }
}
