//! A network interface's index, by its name, in a process's network namespace.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::untrusted::Untrusted;

/// The index of `name` as the network namespace of `pid` has it.
///
/// Only this process's own namespace can be asked without entering another: `None` elsewhere.
#[must_use]
pub fn index(pid: u32, name: &Untrusted) -> Option<u32> {
    let namespace = |of: &str| fs::metadata(format!("/proc/{of}/ns/net")).ok().map(|data| data.ino());
    if namespace(&pid.to_string())? != namespace("self")? {
        return None;
    }
    let name = std::ffi::OsStr::from_bytes(name.as_bytes());
    if Path::new(name).components().count() != 1 {
        return None;
    }
    fs::read_to_string(Path::new("/sys/class/net").join(name).join("ifindex")).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::index;
    use crate::untrusted::Untrusted;

    #[test]
    fn the_loopback_device_is_number_one_and_a_path_is_no_name() {
        let own = std::process::id();
        assert_eq!(index(own, &Untrusted::from("lo")), Some(1));
        for name in ["", "..", "lo/../lo", "no-such-kni"] {
            assert_eq!(index(own, &Untrusted::from(name)), None, "{name}");
        }
    }
}
