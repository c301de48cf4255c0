//! A network interface, by its name, in a process's network namespace.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::event::Interface;
use crate::untrusted::Untrusted;

/// What the network namespace of `pid` shows of `name`.
///
/// Only this process's own namespace can be asked without entering another: `None` elsewhere.
#[must_use]
pub fn look(pid: u32, name: &Untrusted) -> Option<Interface> {
    let namespace = |of: &str| fs::metadata(format!("/proc/{of}/ns/net")).ok().map(|data| data.ino());
    if namespace(&pid.to_string())? != namespace("self")? {
        return None;
    }
    let file = std::ffi::OsStr::from_bytes(name.as_bytes());
    if Path::new(file).components().count() != 1 {
        return None;
    }
    let number = |of: &str| {
        let path = Path::new("/sys/class/net").join(file).join(of);
        fs::read_to_string(path).ok()?.trim().parse().ok()
    };
    Some(Interface { pid, name: name.clone(), ifindex: number("ifindex")?, mtu: number("mtu") })
}

#[cfg(test)]
mod tests {
    use super::look;
    use crate::untrusted::Untrusted;

    #[test]
    fn the_loopback_device_is_number_one_and_a_path_is_no_name() {
        let own = std::process::id();
        let lo = look(own, &Untrusted::from("lo")).unwrap();
        assert_eq!((lo.ifindex, lo.mtu.is_some()), (1, true));
        for name in ["", "..", "lo/../lo", "no-such-kni"] {
            assert_eq!(look(own, &Untrusted::from(name)), None, "{name}");
        }
    }
}
