//! Network interfaces as rtnetlink tells of them, in this network namespace or in another.

mod message;

use std::ffi::c_void;
use std::fs::File;
use std::io;
use std::mem::zeroed;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::Path;

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use nix::sched::{CloneFlags, setns};

pub use self::message::{Now, Sighting};
use self::message::{Reply, get_link, get_nsid, replies};
use crate::untrusted::Untrusted;

/// `RTNLGRP_LINK` of `include/uapi/linux/rtnetlink.h`.
const LINKS: u32 = 1;
/// More than any datagram of rtnetlink has (`NLMSG_GOODSIZE`, and 32 KiB of a dump).
const DATAGRAM_MAX: usize = 1 << 16;
/// How often interfaces may come and go while they are listed, before the list is taken as it is.
const TRIES: usize = 3;
/// `ETHTOOL_GDRVINFO` of `include/uapi/linux/ethtool.h`, and the size of its struct.
const GET_DRIVER: u32 = 3;
const DRIVER_INFO_BYTES: usize = 196;
/// `SIOCETHTOOL` of `include/uapi/linux/sockios.h`.
const ETHTOOL: libc::c_ulong = 0x8946;
/// What the module calls itself there (`kni_get_drvinfo` of `kni_net.c`, 19.05 and later).
const DRIVER: &[u8] = b"kni\0";

/// Has `act` done in the network namespace of `path` (such as `/proc/PID/ns/net`), by a thread of its own.
///
/// Entering another namespace takes `CAP_SYS_ADMIN`.
pub fn within<T: Send>(path: &Path, act: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    let namespace = File::open(path)?;
    std::thread::scope(|scope| {
        let enter = || {
            setns(&namespace, CloneFlags::CLONE_NEWNET)?;
            act()
        };
        let thread = std::thread::Builder::new().name("kniwatch-netns".to_owned());
        let thread = thread.spawn_scoped(scope, enter)?;
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread in the namespace has panicked")))
    })
}

/// What changes of the interfaces of a network namespace, from its opening on. Taking it never waits.
///
/// It keeps its network namespace from being removed.
pub struct Changes(Socket);

impl Changes {
    /// In the network namespace of the calling thread.
    pub fn open() -> io::Result<Self> {
        let socket = open()?;
        socket.add_membership(LINKS)?;
        socket.set_non_blocking(true)?;
        Ok(Self(socket))
    }

    /// Appends what has come since the last call. Returns false if some of it was lost: the interfaces are to be
    /// listed again.
    pub fn take(&mut self, sightings: &mut Vec<Sighting>) -> bool {
        let mut whole = true;
        loop {
            match receive(&self.0) {
                Ok(datagram) => sightings.extend(replies(&datagram).filter_map(|reply| match reply {
                    Reply::Link(sighting) => Some(sighting),
                    _ => None,
                })),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return whole,
                // The kernel clears the error with telling it; what is queued can still be read.
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => whole = false,
                Err(_) => return false,
            }
        }
    }
}

impl AsRawFd for Changes {
    fn as_raw_fd(&self) -> i32 {
        self.0.as_raw_fd()
    }
}

impl AsFd for Changes {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Asks for what is in a network namespace. Every answer takes the kernel's lock on all network configuration, and
/// waits for whoever has it: up to 3 s where nobody answers a set-up request.
pub struct Asker(Socket);

impl Asker {
    /// In the network namespace of the calling thread.
    pub fn open() -> io::Result<Self> {
        open().map(Self)
    }

    /// All interfaces.
    pub fn links(&self) -> io::Result<Vec<Sighting>> {
        let mut links = Vec::new();
        for _ in 0..TRIES {
            links.clear();
            self.0.send(&get_link(NLM_F_REQUEST | NLM_F_DUMP), 0)?;
            if self.dump(&mut links)? {
                break;
            }
        }
        Ok(links)
    }

    /// Whether they did not change meanwhile.
    fn dump(&self, links: &mut Vec<Sighting>) -> io::Result<bool> {
        let mut whole = true;
        loop {
            for reply in replies(&receive(&self.0)?) {
                match reply {
                    Reply::Link(link) => links.push(link),
                    Reply::Done => return Ok(whole),
                    Reply::Interrupted => whole = false,
                    Reply::Error(errno) => return Err(io::Error::from_raw_os_error(errno)),
                    Reply::Nsid(_) => {}
                }
            }
        }
    }

    /// The number by which this network namespace knows that one, if it has one for it.
    pub fn nsid(&self, namespace: &Path) -> io::Result<Option<i32>> {
        let namespace = File::open(namespace)?;
        self.0.send(&get_nsid(namespace.as_raw_fd()), 0)?;
        for reply in replies(&receive(&self.0)?) {
            match reply {
                Reply::Nsid(nsid) => return Ok(Some(nsid).filter(|nsid| *nsid >= 0)),
                Reply::Error(errno) => return Err(io::Error::from_raw_os_error(errno)),
                _ => {}
            }
        }
        Ok(None)
    }

    /// Whether that interface is one of the module's, as its driver calls itself.
    pub fn is_kni(&self, name: &Untrusted) -> io::Result<bool> {
        let mut info = DriverInfo([0; DRIVER_INFO_BYTES]);
        for (to, from) in info.0.iter_mut().zip(GET_DRIVER.to_ne_bytes()) {
            *to = from;
        }
        // SAFETY: all of its fields are integers, arrays of them or pointers, for which zeros are valid.
        let mut request: libc::ifreq = unsafe { zeroed() };
        let room = libc::IFNAMSIZ - 1;
        for (to, from) in request.ifr_name.iter_mut().take(room).zip(name.as_bytes()) {
            *to = from.cast_signed();
        }
        request.ifr_ifru.ifru_data = (&raw mut info).cast();
        let pointer = (&raw mut request).cast::<c_void>();
        // SAFETY: the request points to `info`, which is as large and as aligned as the kernel takes it to be for
        // this command, and both outlive the call.
        let result = unsafe { libc::ioctl(self.0.as_raw_fd(), ETHTOOL, pointer) };
        if result < 0 {
            let error = io::Error::last_os_error();
            // No driver that can be asked.
            return if error.raw_os_error() == Some(libc::EOPNOTSUPP) { Ok(false) } else { Err(error) };
        }
        Ok(info.0.get(4..).is_some_and(|driver| driver.starts_with(DRIVER)))
    }
}

/// `struct ethtool_drvinfo`: the command, the driver's name in 32 bytes, and more.
#[repr(C, align(4))]
struct DriverInfo([u8; DRIVER_INFO_BYTES]);

fn open() -> io::Result<Socket> {
    let mut socket = Socket::new(NETLINK_ROUTE)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    Ok(socket)
}

fn receive(socket: &Socket) -> io::Result<Vec<u8>> {
    let mut datagram = Vec::with_capacity(DATAGRAM_MAX);
    socket.recv(&mut datagram, 0)?;
    Ok(datagram)
}
