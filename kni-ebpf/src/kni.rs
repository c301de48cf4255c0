//! What is known of KNI's ioctl interface, release by release.
//!
//! Source: `kernel/linux/kni/kni_misc.c` and `rte_kni_common.h` of DPDK 16.04 to 23.07. The number of a
//! request holds the size of the struct behind it, and that differs by release, so a request is
//! recognised by type, number and direction and never by the whole word.

/// `_IOC_TYPE` of all KNI requests.
const IOC_TYPE: u32 = 0;
/// `_IOC_DIR` of all KNI requests: read and write.
const IOC_DIR: u32 = 3;

/// `RTE_KNI_IOCTL_TEST`: answers EINVAL by design.
pub const NR_TEST: u32 = 1;
/// `RTE_KNI_IOCTL_CREATE`.
pub const NR_CREATE: u32 = 2;
/// `RTE_KNI_IOCTL_RELEASE`.
pub const NR_RELEASE: u32 = 3;

/// The highest `enum rte_kni_req_id`: what the module asks of the program that has made an interface. 16.04 to 17.11
/// have but the first two: 1 the MTU, 2 up or down, 3 the MAC address, 4 promiscuous, 5 all multicast.
pub const SET_UP_REQUEST_MAX: u32 = 5;

/// The node that `rte_kni_init` opens.
pub const DEVICE_PATH: &[u8] = b"/dev/kni";
/// The module's name, as `module:module_load` gives it.
pub const MODULE_NAME: &[u8] = b"rte_kni";

/// Bytes of the largest `struct rte_kni_device_info` of all releases (18.02 to 19.05).
pub const DEVICE_INFO_MAX: usize = 152;
/// Bytes of the name at its start: 32 up to 19.08, 16 from 19.11 on.
pub const NAME_MAX: usize = 32;

/// `_IOC_NR`: which request it is.
#[inline]
#[must_use]
pub const fn request_nr(cmd: u32) -> u32 {
    cmd & 0xff
}

/// `_IOC_SIZE`: the size of the struct that the caller was compiled with, in bytes.
#[inline]
#[must_use]
pub const fn request_size(cmd: u32) -> u32 {
    (cmd >> 16) & 0x3fff
}

/// Whether what `cmd` asks of KNI's device is to be told as an attempt: a CREATE, or a request that no release knows.
///
/// The device goes by the number alone, and takes a CREATE of any type and direction for one.
#[inline]
#[must_use]
pub const fn is_attempt(cmd: u32) -> bool {
    let nr = request_nr(cmd);
    nr != NR_TEST && nr != NR_RELEASE
}

/// Whether `cmd` has the shape of a KNI request of any release.
///
/// Other drivers may use such a number too: only the file that it is sent to tells.
#[inline]
#[must_use]
pub const fn is_request(cmd: u32) -> bool {
    let nr = request_nr(cmd);
    cmd >> 30 == IOC_DIR && (cmd >> 8) & 0xff == IOC_TYPE && nr >= NR_TEST && nr <= NR_RELEASE
}

#[cfg(test)]
mod tests {
    use super::{NR_CREATE, NR_RELEASE, NR_TEST, is_attempt, is_request, request_nr, request_size};

    #[test]
    fn requests_of_every_release_are_recognised() {
        for (cmd, nr, size) in [
            (0xc004_0001, NR_TEST, 4),
            (0xc088_0002, NR_CREATE, 136),
            (0xc098_0002, NR_CREATE, 152),
            (0xc090_0002, NR_CREATE, 144),
            (0xc088_0003, NR_RELEASE, 136),
        ] {
            assert!(is_request(cmd), "{cmd:#x}");
            assert_eq!((request_nr(cmd), request_size(cmd)), (nr, size), "{cmd:#x}");
        }
    }

    #[test]
    fn a_create_of_any_shape_and_an_unknown_request_are_attempts() {
        // Of another type, without a direction, of a number that no release has.
        for cmd in [0xc088_0002, 0xc088_7802, 0x0000_0002, 0xc088_0000, 0xc088_0004, 0xc004_01ff] {
            assert!(is_attempt(cmd), "{cmd:#x}");
        }
        for cmd in [0xc004_0001, 0xc088_0003, 0x0000_7803] {
            assert!(!is_attempt(cmd), "{cmd:#x}");
        }
    }

    #[test]
    fn requests_of_other_devices_are_not() {
        // TCGETS, FIONREAD, TUNSETIFF, KVM_CREATE_VM, and near misses: read only, type 'x', NR 0 and 4.
        for cmd in [0x5401, 0x541b, 0x4004_54ca, 0xae01, 0x8088_0002, 0xc088_7802, 0xc088_0000, 0xc088_0004] {
            assert!(!is_request(cmd), "{cmd:#x}");
        }
    }
}
