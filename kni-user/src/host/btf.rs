//! Where the kernel's structures keep their members, from its own type information.
//!
//! A scan of the few things that are wanted: a full parser would keep megabytes for some numbers.
//! The format is described in `Documentation/bpf/btf.rst` of the kernel.

use std::fs;

/// A member of a structure, as `("net_device", "ifindex")`.
pub type Member = (&'static str, &'static str);

/// The byte offsets of `members` on the running kernel; `None` for each that its type information, if it has any,
/// does not tell.
#[must_use]
pub fn offsets<const N: usize>(members: [Member; N]) -> [Option<u32>; N] {
    fs::read("/sys/kernel/btf/vmlinux").map_or([None; N], |btf| parse(&btf, members))
}

const MAGIC: u16 = 0xeb9f;
const KIND_STRUCT: u32 = 4;

/// The offsets in the type information `btf`, of this machine's byte order.
fn parse<const N: usize>(btf: &[u8], members: [Member; N]) -> [Option<u32>; N] {
    let mut found = [None; N];
    let _end = scan(btf, &members, &mut found);
    found
}

/// Goes from type to type until all is found; `None` where they end, or are damaged.
fn scan(btf: &[u8], wanted: &[Member], found: &mut [Option<u32>]) -> Option<()> {
    let Sections { mut types, strings } = sections(btf)?;
    while found.contains(&None) {
        let (name, info) = (word(types, 0)?, word(types, 4)?);
        let (kind, count) = (info >> 24 & 0x1f, (info & 0xffff) as usize);
        let members = types.get(12..)?;
        types = members.get(trailing_bytes(kind, count)?..)?;
        if kind != KIND_STRUCT {
            continue;
        }
        let name = string(strings, name)?;
        // Where the structure has bit fields, the upper byte is a member's width.
        let bits = if info >> 31 == 1 { 0x00ff_ffff } else { u32::MAX };
        for ((structure, member), found) in wanted.iter().zip(found.iter_mut()) {
            if found.is_none() && structure.as_bytes() == name {
                let mut members = members.chunks_exact(12).take(count);
                let member = members
                    .find(|at| word(at, 0).and_then(|name| string(strings, name)) == Some(member.as_bytes()));
                *found = member.and_then(|member| word(member, 8)).map(|at| (at & bits) / 8);
            }
        }
    }
    Some(())
}

struct Sections<'a> {
    types: &'a [u8],
    strings: &'a [u8],
}

fn sections(btf: &[u8]) -> Option<Sections<'_>> {
    if u16::from_ne_bytes(btf.first_chunk().copied()?) != MAGIC {
        return None;
    }
    let header = word(btf, 4)?;
    let section = |at: u32, length: u32| {
        let start = header.checked_add(at)?;
        btf.get(start as usize..start.checked_add(length)? as usize)
    };
    Some(Sections {
        types: section(word(btf, 8)?, word(btf, 12)?)?,
        strings: section(word(btf, 16)?, word(btf, 20)?)?,
    })
}

fn string(strings: &[u8], at: u32) -> Option<&[u8]> {
    strings.get(at as usize..)?.split(|byte| *byte == 0).next()
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
    use super::{Member, parse};

    const WANTED: [Member; 3] = [("net_device", "ifindex"), ("absent", "name"), ("net_device", "name")];

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
    fn each_member_is_found_that_is_there() {
        for bit_fields in [false, true] {
            assert_eq!(parse(&example(bit_fields), WANTED), [Some(224), None, Some(0)]);
        }
    }

    #[test]
    fn cut_or_foreign_data_gives_nothing() {
        let whole = example(false);
        for length in 0..whole.len() - 1 {
            // The strings' last byte is a NUL that is not needed.
            assert_eq!(parse(whole.get(..length).unwrap(), WANTED), [None; 3], "{length}");
        }
        assert_eq!(parse(&[0; 64], WANTED), [None; 3]);
    }
}
