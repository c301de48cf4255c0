//! Where the kernel's structures keep their members, from its own type information.
//!
//! A scan of the few things that are wanted: a full parser would keep megabytes for some numbers.
//! The format is described in `Documentation/bpf/btf.rst` of the kernel.

use std::fs;
use std::io::Read as _;
use std::path::Path;

/// A member of a structure, as `("net_device", "ifindex")`.
pub type Member = (&'static str, &'static str);

/// In place of a member's name: the structure's own size is wanted.
pub const SIZE: &str = "";

/// The byte offsets of `members` on the running kernel, or sizes for [`SIZE`]; `None` for each that its type
/// information, if it has any, does not tell. A member of a member takes two.
///
/// The first structure of a name that has members counts: the kernel's own are told once each.
#[must_use]
pub fn offsets<const N: usize>(members: [Member; N]) -> [Option<u32>; N] {
    fs::read("/sys/kernel/btf/vmlinux").map_or([None; N], |btf| parse(&btf, members))
}

/// A structure: its size and where its members are, in bytes and in their order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Structure {
    /// Its size.
    pub size: u32,
    /// The members' offsets; bit fields share theirs.
    pub offsets: Vec<u32>,
}

/// The structure of that name that the type information of a loaded module defines.
///
/// A module's information goes on where the kernel's ends: names below the length of the kernel's strings are
/// the kernel's (`Documentation/bpf/btf.rst`, split BTF).
#[must_use]
pub fn structure_in_module(module: &str, name: &str) -> Option<Structure> {
    let own = fs::read(Path::new(DIRECTORY).join(module)).ok()?;
    let mut base = Vec::new();
    fs::File::open(Path::new(DIRECTORY).join("vmlinux")).ok()?.take(HEADER).read_to_end(&mut base).ok()?;
    structure(&own, word(&base, 20)?, name)
}

const DIRECTORY: &str = "/sys/kernel/btf";
/// Bytes of the header.
const HEADER: u64 = 24;
const MAGIC: u16 = 0xeb9f;
const KIND_STRUCT: u32 = 4;

/// The offsets in the type information `btf`, of this machine's byte order.
fn parse<const N: usize>(btf: &[u8], members: [Member; N]) -> [Option<u32>; N] {
    let mut found = [Found::Nothing; N];
    let _end = scan(btf, &members, &mut found);
    found.map(|found| match found {
        Found::At(offset) => Some(offset),
        Found::Nothing | Found::Structure => None,
    })
}

/// The structure of that name in `btf`, whose strings begin `base` bytes late.
fn structure(btf: &[u8], base: u32, wanted: &str) -> Option<Structure> {
    let Sections { mut types, strings } = sections(btf)?;
    loop {
        let Type { name, kind, size, bits, members, rest } = next_type(types)?;
        types = rest;
        let name = name.checked_sub(base).and_then(|name| string(strings, name));
        if kind == KIND_STRUCT && name == Some(wanted.as_bytes()) {
            let offset = |member| Some((word(member, 8)? & bits) / 8);
            let offsets = members.chunks_exact(12).map(offset).collect::<Option<_>>()?;
            return Some(Structure { size, offsets });
        }
    }
}

/// A type, and the ones behind it.
struct Type<'a> {
    name: u32,
    kind: u32,
    /// Of a structure.
    size: u32,
    /// What of a member's offset is that: where the structure has bit fields, the upper byte is a width.
    bits: u32,
    /// What follows its first twelve bytes.
    members: &'a [u8],
    rest: &'a [u8],
}

fn next_type(types: &[u8]) -> Option<Type<'_>> {
    let (name, info, size) = (word(types, 0)?, word(types, 4)?, word(types, 8)?);
    let (kind, count) = (info >> 24 & 0x1f, (info & 0xffff) as usize);
    let (members, rest) = types.get(12..)?.split_at_checked(trailing_bytes(kind, count)?)?;
    let bits = if info >> 31 == 1 { 0x00ff_ffff } else { u32::MAX };
    Some(Type { name, kind, size, bits, members, rest })
}

/// How far the search for a member has come.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Found {
    /// Its structure has not been met.
    Nothing,
    /// Its structure has no such member.
    Structure,
    /// Its offset, or the structure's size.
    At(u32),
}

/// Goes from type to type until all structures are found; `None` where they end, or are damaged.
fn scan(btf: &[u8], wanted: &[Member], found: &mut [Found]) -> Option<()> {
    let Sections { mut types, strings } = sections(btf)?;
    while found.contains(&Found::Nothing) {
        let Type { name, kind, size, bits, members, rest } = next_type(types)?;
        types = rest;
        if kind != KIND_STRUCT {
            continue;
        }
        let name = string(strings, name)?;
        for ((structure, member), found) in wanted.iter().zip(found.iter_mut()) {
            if *found != Found::Nothing || members.is_empty() || structure.as_bytes() != name {
                continue;
            }
            let mut members = members.chunks_exact(12);
            let has_name =
                |at: &&[u8]| word(at, 0).and_then(|name| string(strings, name)) == Some(member.as_bytes());
            *found = if *member == SIZE {
                Found::At(size)
            } else {
                let at = members.find(has_name).and_then(|member| word(member, 8));
                at.map_or(Found::Structure, |at| Found::At((at & bits) / 8))
            };
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
    use super::{Member, SIZE, Structure, parse, structure};

    const WANTED: [Member; 5] = [
        ("net_device", "ifindex"),
        ("absent", "name"),
        ("net_device", "name"),
        ("net_device", "absent"),
        ("net_device", SIZE),
    ];

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
            assert_eq!(parse(&example(bit_fields), WANTED), [Some(224), None, Some(0), None, Some(64)]);
        }
    }

    #[test]
    fn a_module_s_names_begin_behind_the_kernel_s() {
        let found = Structure { size: 64, offsets: vec![0, 224] };
        assert_eq!(structure(&example(true), 0, "absent"), None);
        // The first of that name is empty.
        let empty = Structure { size: 0, offsets: Vec::new() };
        assert_eq!(structure(&example(true), 0, "net_device"), Some(empty));
        let mut split = example(true);
        // Names of the three types: the kernel's, the kernel's, its own.
        split[24 + 16..][..4].copy_from_slice(&1u32.to_ne_bytes());
        split[24 + 28..][..4].copy_from_slice(&1005u32.to_ne_bytes());
        assert_eq!(structure(&split, 1000, "net_device"), Some(found));
        assert_eq!(structure(&split, 1001, "net_device"), None);
        for length in 0..24 + 60 {
            assert_eq!(structure(&split[..length], 1000, "net_device"), None, "{length}");
        }
    }

    #[test]
    fn cut_or_foreign_data_gives_nothing() {
        let whole = example(false);
        for length in 0..whole.len() - 1 {
            // The strings' last byte is a NUL that is not needed.
            assert_eq!(parse(whole.get(..length).unwrap(), WANTED), [None; 5], "{length}");
        }
        assert_eq!(parse(&[0; 64], WANTED), [None; 5]);
    }
}
