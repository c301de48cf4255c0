//! Network devices and namespaces, as the kernel's own structures have them. Nothing of them is known where user space
//! could not find out the offsets.

use kni_ebpf::control::UNKNOWN_OFFSET;

use crate::maps::NET_OFFSETS;
use crate::memory::{Text, kernel_pointer, kernel_word};
use crate::task;

/// Bytes of a `struct list_head`'s first member.
const PREVIOUS: u32 = 8;

/// The inode number of the running task's network namespace; 0: unknown, or it has left it, as it does when it dies.
#[inline(always)]
pub(crate) fn namespace() -> u64 {
    task::net().map_or(0, inode)
}

/// The inode number of a `struct net`; 0: unknown.
#[inline(always)]
fn inode(net: u64) -> u64 {
    kernel_word(net, NET_OFFSETS.load().inode).map_or(0, u64::from)
}

/// A `struct net_device`.
#[derive(Clone, Copy)]
pub(crate) struct Device(u64);

impl Device {
    /// The device at `address`.
    #[inline(always)]
    pub(crate) const fn at(address: u64) -> Self {
        Self(address)
    }

    /// The device that `pointer` stands for: its own address, or that of its driver's structure behind it. `None` where
    /// it is neither, or that can't be told.
    ///
    /// Which one a function takes differs by release. What is no registered device isn't listed as one.
    #[inline(always)]
    pub(crate) fn behind(pointer: u64) -> Option<Self> {
        let (itself, private) = (Self(pointer), NET_OFFSETS.load().private);
        if itself.is_listed() {
            return Some(itself);
        }
        let owner = Self(pointer.wrapping_sub(u64::from(private)));
        (private != UNKNOWN_OFFSET && owner.is_listed()).then_some(owner)
    }

    /// Whether it is a link in a list of more than itself: the next one points back to it. A namespace's list has a
    /// head that is no device.
    #[inline(always)]
    fn is_listed(self) -> bool {
        let listed = NET_OFFSETS.load().listed;
        let link = self.0.wrapping_add(u64::from(listed));
        let next = kernel_pointer(self.0, listed);
        next.is_some_and(|next| next != link && kernel_pointer(next, PREVIOUS) == Some(link))
    }

    /// Its index; 0: unknown, or it has none.
    #[inline(always)]
    pub(crate) fn ifindex(self) -> u64 {
        kernel_word(self.0, NET_OFFSETS.load().ifindex).map_or(0, u64::from)
    }

    /// Its name.
    #[inline(always)]
    pub(crate) fn name(self) -> Text {
        Text::kernel_at(self.0, NET_OFFSETS.load().name)
    }

    /// The inode number of the namespace it is in; 0: unknown.
    #[inline(always)]
    pub(crate) fn namespace(self) -> u64 {
        kernel_pointer(self.0, NET_OFFSETS.load().net).map_or(0, inode)
    }
}
