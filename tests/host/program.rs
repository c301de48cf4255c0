//! A program with the library inside, as far as the probes can tell: this very test.

use std::fs::File;
use std::hint::black_box;
use std::os::fd::AsRawFd as _;
use std::path::PathBuf;

/// `RTE_KNI_IOCTL_CREATE` of DPDK 19.11 and later.
pub(crate) const CREATE: u32 = 0xc088_0002;
/// `RTE_KNI_IOCTL_RELEASE`.
pub(crate) const RELEASE: u32 = 0xc088_0003;
/// `FIONREAD`: nobody's concern.
pub(crate) const FOREIGN: u32 = 0x541b;

/// `struct rte_kni_device_info` of that release, or the start of `struct rte_kni_conf`: all that is read of either.
#[repr(C, align(8))]
pub(crate) struct Info(pub(crate) [u8; 136]);

impl Info {
    /// With that name and nothing else.
    pub(crate) fn named(name: &str) -> Self {
        let mut bytes = [0; 136];
        bytes[..name.len()].copy_from_slice(name.as_bytes());
        Self(bytes)
    }
}

/// Where this program is.
pub(crate) fn path() -> PathBuf {
    std::env::current_exe().unwrap()
}

/// Sends a request to `/dev/null`, which knows none.
pub(crate) fn request(cmd: u32, info: &mut Info) {
    let null = File::open("/dev/null").unwrap();
    // SAFETY: whoever understands the request writes no more than its 136 bytes.
    unsafe { libc::ioctl(null.as_raw_fd(), libc::c_ulong::from(cmd), info.0.as_mut_ptr()) };
}

/// Stands for the library's: sends CREATE and returns NULL.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn rte_kni_alloc(pool: u64, conf: *mut Info, ops: u64) -> u64 {
    black_box((pool, ops));
    // SAFETY: the tests call it with a conf of theirs.
    let conf = unsafe { &mut *conf };
    request(FOREIGN, conf);
    request(CREATE, conf);
    0
}

/// Calls `rte_kni_alloc` as a program would.
pub(crate) fn alloc(name: &str) {
    let call: extern "C" fn(u64, *mut Info, u64) -> u64 = black_box(rte_kni_alloc);
    let mut conf = Info::named(name);
    assert_eq!(call(1, &raw mut conf, 0), 0);
}
