//! Where `struct net_device` keeps its index and its name, from the kernel's own type information.
//!
//! A scan of the few things that are wanted: a full parser would keep megabytes for two numbers.
//! The format is described in `Documentation/bpf/btf.rst` of the kernel.

use std::fs;

/// Byte offsets in the kernel's `struct net_device`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NetDevice {
    /// Of `int ifindex`.
    pub ifindex: u32,
    /// Of `char name[IFNAMSIZ]`.
    pub name: u32,
}

/// The offsets on the running kernel; `None` where it has no type information.
#[must_use]
pub fn net_device() -> Option<NetDevice> {
    parse(&fs::read("/sys/kernel/btf/vmlinux").ok()?)
}

const MAGIC: u16 = 0xeb9f;
const KIND_STRUCT: u32 = 4;

/// The offsets in the type information `btf`, of this machine's byte order.
fn parse(btf: &[u8]) -> Option<NetDevice> {
    if u16::from_ne_bytes(btf.first_chunk().copied()?) != MAGIC {
        return None;
    }
    let header = word(btf, 4)?;
    let (types_at, types_len) = (word(btf, 8)?, word(btf, 12)?);
    let (strings_at, strings_len) = (word(btf, 16)?, word(btf, 20)?);
    let section = |at: u32, length: u32| {
        let start = header.checked_add(at)?;
        btf.get(start as usize..start.checked_add(length)? as usize)
    };
    let strings = section(strings_at, strings_len)?;
    let named = |at: u32, wanted: &[u8]| {
        strings.get(at as usize..).is_some_and(|rest| rest.split(|byte| *byte == 0).next() == Some(wanted))
    };
    let mut types = section(types_at, types_len)?;
    loop {
        let (name, info) = (word(types, 0)?, word(types, 4)?);
        let (kind, count) = (info >> 24 & 0x1f, (info & 0xffff) as usize);
        let members = types.get(12..)?;
        if kind == KIND_STRUCT && count > 0 && named(name, b"net_device") {
            // Where the struct has bit fields, the upper byte is a member's width.
            let bits = if info >> 31 == 1 { 0x00ff_ffff } else { u32::MAX };
            let offset = |wanted: &[u8]| {
                let member = members
                    .chunks_exact(12)
                    .take(count)
                    .find(|member| word(member, 0).is_some_and(|at| named(at, wanted)))?;
                Some((word(member, 8)? & bits) / 8)
            };
            return Some(NetDevice { ifindex: offset(b"ifindex")?, name: offset(b"name")? });
        }
        types = members.get(trailing_bytes(kind, count)?..)?;
    }
}

/// Bytes that follow a type's first twelve; `None` for a kind that this version does not know.
fn trailing_bytes(kind: u32, count: usize) -> Option<usize> {
    Some(match kind {
        // pointer, forward, typedef, volatile, const, restrict, function, float, type tag
        2 | 7..=12 | 16 | 18 => 0,
        // integer, variable, declaration tag
        1 | 14 | 17 => 4,
        // array
        3 => 12,
        // struct, union, data section, 64-bit enumeration
        4 | 5 | 15 | 19 => 12 * count,
        // enumeration, function prototype
        6 | 13 => 8 * count,
        _ => return None,
    })
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|word| u32::from_ne_bytes(*word))
}

#[cfg(test)]
mod tests {
    use super::{NetDevice, parse};

    /// An integer, a struct of that name that is empty, and the wanted one, with or without bit fields.
    fn example(bit_fields: bool) -> Vec<u8> {
        let strings = b"\0int\0net_device\0name\0ifindex\0";
        let (int, net_device, name, ifindex) = (1, 5, 16, 21);
        let flag = u32::from(bit_fields) << 31;
        let width = if bit_fields { 32 << 24 } else { 0 };
        let types: Vec<u32> = [
            vec![int, 1 << 24, 4, 32],
            vec![net_device, 4 << 24, 0],
            vec![net_device, 4 << 24 | 2 | flag, 64, name, 1, width, ifindex, 1, (224 * 8) | width],
        ]
        .concat();
        let types: Vec<u8> = types.into_iter().flat_map(u32::to_ne_bytes).collect();
        let lengths =
            [0, types.len(), types.len(), strings.len()].map(|length| u32::try_from(length).unwrap());
        let mut btf = [&super::MAGIC.to_ne_bytes()[..], &[1, 0], &24u32.to_ne_bytes()].concat();
        btf.extend(lengths.into_iter().flat_map(u32::to_ne_bytes));
        [btf, types, strings.to_vec()].concat()
    }

    #[test]
    fn both_offsets_are_found() {
        for bit_fields in [false, true] {
            assert_eq!(parse(&example(bit_fields)), Some(NetDevice { ifindex: 224, name: 0 }));
        }
    }

    #[test]
    fn cut_or_foreign_data_gives_nothing() {
        let whole = example(false);
        for length in 0..whole.len() - 1 {
            // The strings' last byte is a NUL that is not needed.
            assert_eq!(parse(whole.get(..length).unwrap()), None, "{length}");
        }
        assert_eq!(parse(&[0; 64]), None);
    }
}
