//! Library and module side by side: what a module makes of a struct that another release filled.
//!
//! The module's only check is for the size: a larger request than its own struct is refused with EINVAL. Any
//! other is taken as the module's own layout, whatever it is, and whatever addresses are in it is never checked
//! (`kni_ioctl_create` in `kernel/linux/kni/kni_misc.c`, DPDK 16.04 to 23.07).

use crate::event::DeviceInfo;
use crate::report::Field;

/// The sizes of `struct rte_kni_device_info` in all releases, in bytes, the smallest first.
pub const STRUCT_SIZES: [u32; 3] = [136, 144, 152];

/// A member of `struct rte_kni_device_info` that the module uses.
struct Member {
    name: &'static str,
    /// 1, 2, 4 or 8; 0: the lowest bit of one byte.
    bytes: usize,
    /// Where it is in the layouts A to D, if it is.
    at: [Option<usize>; 4],
}

/// `rte_kni_common.h` of 17.11 (A), 18.11 (B), 19.08 (C) and 22.11 (D). The plainest first.
const MEMBERS: [Member; 15] = [
    member("mtu", 4, [None, Some(136), Some(128), Some(112)]),
    member("min_mtu", 4, [None, None, None, Some(116)]),
    member("max_mtu", 4, [None, None, None, Some(120)]),
    member("core_id", 4, [Some(124), Some(124), Some(116), Some(100)]),
    member("force_bind", 0, [Some(128), Some(128), Some(120), Some(104)]),
    member("mbuf_size", 4, [Some(132), Some(132), Some(124), Some(108)]),
    member("group_id", 2, [Some(120), Some(120), Some(112), Some(96)]),
    member("iova_mode", 1, [None, None, None, Some(130)]),
    address("tx_phys", 0),
    address("rx_phys", 1),
    address("alloc_phys", 2),
    address("free_phys", 3),
    address("req_phys", 4),
    address("resp_phys", 5),
    address("sync_phys", 6),
];
const ADDRESSES: usize = 7;

const fn member(name: &'static str, bytes: usize, at: [Option<usize>; 4]) -> Member {
    Member { name, bytes, at }
}

/// The addresses follow the name, which has 32 bytes up to 19.08 and 16 since.
const fn address(name: &'static str, number: usize) -> Member {
    let (late, early) = (Some(32 + 8 * number), Some(16 + 8 * number));
    member(name, 8, [late, late, late, early])
}

impl Member {
    fn read(&self, layout: char, info: &[u8]) -> Option<u64> {
        let column = usize::try_from(u32::from(layout).checked_sub(u32::from('A'))?).ok()?;
        let at = (*self.at.get(column)?)?;
        let bytes = info.get(at..at + self.bytes.max(1))?;
        let value = bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte));
        Some(if self.bytes == 0 { value & 1 } else { value })
    }

    fn field(&self, value: u64) -> Field {
        Field { name: self.name, value }
    }
}

/// A member of the struct `info`, as a module of that layout reads it; `None`: there is no such member, or it is
/// beyond what is known of the struct.
#[must_use]
pub fn read(name: &str, layout: char, info: &[u8]) -> Option<u64> {
    MEMBERS.iter().find(|member| member.name == name)?.read(layout, info)
}

/// The layout of a module's struct, as far as what it shows tells.
#[must_use]
pub const fn layout_in(info: &DeviceInfo) -> Option<char> {
    match (info.size, info.name_bytes) {
        (152, _) => Some('B'),
        (144, _) => Some('C'),
        (136, Some(16)) => Some('D'),
        (136, Some(32)) => Some('A'),
        _ => None,
    }
}

/// The layouts that a request of that size may be read in by a module that nothing is known of.
pub fn layouts_for(size: u32) -> impl Iterator<Item = char> {
    [(136, 'A'), (152, 'B'), (144, 'C'), (136, 'D')]
        .into_iter()
        .filter_map(move |(struct_size, layout)| (size <= struct_size).then_some(layout))
}

/// What a module of layout `module` reads otherwise than the library, whose layout is `library`, meant it.
#[must_use]
pub fn misread(library: char, module: char, info: &[u8]) -> Vec<Field> {
    let misread = |member: &Member| {
        let value = member.read(module, info)?;
        // What the library knows nothing of it can't mean, unless as "not given".
        let meant = member.read(library, info).unwrap_or_default();
        (value != meant).then(|| member.field(value))
    };
    MEMBERS.iter().filter_map(misread).collect()
}

/// Addresses of the queues, as a module of that layout reads them, where nothing of the program's can be.
///
/// Without virtual addresses (`iova_mode`, since 19.11) they are physical: not 0, and below the end of memory,
/// where that is known. Virtual ones are the program's own: the lower half of what x86-64 can address, with 5
/// levels of page tables 2^56 bytes (`Documentation/arch/x86/x86_64/mm.rst`).
#[must_use]
pub fn bad_addresses(layout: char, info: &[u8], memory_end: Option<u64>) -> Vec<Field> {
    const USER_END: u64 = 1 << 56;
    let is_virtual = read("iova_mode", layout, info).is_some_and(|mode| mode != 0);
    let end = if is_virtual { Some(USER_END) } else { memory_end };
    let bad = |address: u64| address == 0 || end.is_some_and(|end| address >= end);
    let addresses = MEMBERS.iter().skip(MEMBERS.len() - ADDRESSES);
    addresses
        .filter_map(|member| Some(member.field(member.read(layout, info).filter(|address| bad(*address))?)))
        .collect()
}

/// Whether the name in `info` ends within its field of so many bytes; `None`: it was not read so far.
#[must_use]
pub fn name_ends(bytes: usize, info: &[u8]) -> Option<bool> {
    match info.get(..bytes) {
        Some(name) => Some(name.contains(&0)),
        None => info.contains(&0).then_some(true),
    }
}

/// Bytes of the name in a layout.
#[must_use]
pub const fn name_bytes(layout: char) -> usize {
    if layout == 'D' { 16 } else { 32 }
}

#[cfg(test)]
mod tests;
