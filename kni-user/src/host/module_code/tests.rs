use object::write::{Object, Relocation, SymbolSection};
use object::{
    Architecture, BinaryFormat, Endianness, RelocationEncoding, RelocationFlags, RelocationKind, SectionKind,
};

use super::{Shown, compared_size, shown_by};
use crate::testing::elf::symbol;

/// Instructions, and calls: `(where, of which function)`.
#[derive(Default)]
struct Code {
    bytes: Vec<u8>,
    calls: Vec<(usize, &'static str)>,
}

impl Code {
    fn then(mut self, instruction: &[u8]) -> Self {
        self.bytes.extend(instruction);
        self
    }

    /// `call function` with a constant in a register.
    fn call(self, function: &'static str, mov: u8, value: u32) -> Self {
        let mut code = self.then(&[mov]).then(&value.to_le_bytes()).then(b"\x48\x89\xdf\xe8");
        code.calls.push((code.bytes.len(), function));
        code.then(&[0; 4])
    }

    fn module(&self, function: &str, architecture: Architecture) -> Vec<u8> {
        let mut file = Object::new(BinaryFormat::Elf, architecture, Endianness::Little);
        let section = file.add_section(Vec::new(), b".text".to_vec(), SectionKind::Text);
        // Something lies before it.
        file.append_section_data(section, &[0x90; 64], 16);
        let start = file.append_section_data(section, &self.bytes, 16);
        let own = SymbolSection::Section(section);
        file.add_symbol(symbol(function, start, self.bytes.len() as u64, own));
        for (at, callee) in &self.calls {
            let callee = symbol(callee, 0, 0, SymbolSection::Undefined);
            let symbol = file.add_symbol(callee);
            let flags = RelocationFlags::Generic {
                kind: RelocationKind::PltRelative,
                encoding: RelocationEncoding::X86Branch,
                size: 32,
            };
            let offset = start + *at as u64;
            file.add_relocation(section, Relocation { offset, symbol, addend: -4, flags }).unwrap();
        }
        file.write().unwrap()
    }
}

const EDX: u8 = 0xba;
const ESI: u8 = 0xbe;

/// `shr $16, %r12d; and $0x3fff, %r12d; ... cmp $size, %r12d; ja`, as gcc has it.
fn comparing(size: u8) -> Code {
    Code::default()
        .then(b"\x41\xc1\xec\x10\x41\x81\xe4\xff\x3f\x00\x00")
        .then(b"\x48\x83\xe4\xf0\x48\x81\xec\xc0\x00\x00\x00")
        .then(&[0x41, 0x81, 0xfc, size, 0, 0, 0, 0x0f, 0x87, 0x32, 3, 0, 0])
}

const fn shown(size: u32, name_bytes: Option<u32>) -> Shown {
    Shown { size, name_bytes }
}

#[test]
fn the_handler_s_comparison_and_what_it_calls_with_show_the_struct() {
    for (what, symbol, code, expected) in [
        ("nothing", "kni_ioctl_create", Code::default().then(&[0x90; 64]), None),
        ("the size", "kni_ioctl_create", comparing(136), Some(shown(136, None))),
        ("renamed", "kni_ioctl_create.isra.0", comparing(152), Some(shown(152, None))),
        ("inlined", "kni_ioctl", comparing(144), Some(shown(144, None))),
        ("another function", "kni_ioctl_release", comparing(144), None),
        ("no size of any release", "kni_ioctl_create", comparing(140), None),
        (
            "layout D",
            "kni_ioctl_create",
            comparing(136)
                .call("_copy_from_user", EDX, 136)
                .call("strnlen", ESI, 16)
                .call("strncmp", EDX, 16),
            Some(shown(136, Some(16))),
        ),
        (
            "16.04: no strnlen",
            "kni_ioctl_create",
            comparing(136)
                .call("_copy_from_user", EDX, 136)
                .call("strncmp", EDX, 32)
                .call("strncpy", EDX, 32),
            Some(shown(136, Some(32))),
        ),
        (
            "the copy alone",
            "kni_ioctl_create",
            Code::default().call("_copy_from_user", EDX, 152),
            Some(shown(152, None)),
        ),
        ("another copy", "kni_ioctl_create", Code::default().call("memcpy", EDX, 152), None),
        ("the two differ", "kni_ioctl_create", comparing(136).call("_copy_from_user", EDX, 152), None),
        (
            "the names differ",
            "kni_ioctl_create",
            comparing(136).call("strnlen", ESI, 16).call("strncmp", EDX, 32),
            Some(shown(136, None)),
        ),
    ] {
        assert_eq!(shown_by(&code.module(symbol, Architecture::X86_64)), expected, "{what}");
    }
    assert_eq!(shown_by(&comparing(136).module("kni_ioctl_create", Architecture::Aarch64)), None);
    assert_eq!(shown_by(b"no ELF file"), None);
}

#[test]
fn compilers_write_the_comparison_in_several_ways() {
    let code = |parts: &[&[u8]]| compared_size(&parts.concat());
    let shift: &[u8] = b"\xc1\xe8\x10";
    let mask: &[u8] = b"\x25\xff\x3f\x00\x00";
    // `%eax` in the short forms; above 136, and not below 137.
    assert_eq!(code(&[shift, mask, b"\x3d\x88\x00\x00\x00"]), Some(136));
    assert_eq!(code(&[shift, mask, b"\x3d\x89\x00\x00\x00"]), Some(136));
    assert_eq!(code(&[b"\xc1\xee\x10\x81\xe6\xff\x3f\x00\x00", b"\x81\xfe\x90\x00\x00\x00"]), Some(144));
    // In place.
    assert_eq!(code(&[b"\x81\xe6\x00\x00\xff\x3f", b"\x81\xfe\x00\x00\x98\x00"]), Some(152));
    assert_eq!(code(&[b"\x81\xe6\x00\x00\xff\x3f", b"\x81\xfe\x00\x00\x99\x00"]), Some(152));
    // Not shifted, another register's comparison, %r8d for %eax, none in reach.
    assert_eq!(code(&[mask, b"\x3d\x88\x00\x00\x00"]), None);
    assert_eq!(code(&[shift, mask, b"\x81\xfb\x88\x00\x00\x00"]), None);
    assert_eq!(code(&[shift, mask, b"\x41\x81\xf8\x88\x00\x00\x00"]), None);
    assert_eq!(code(&[b"\x41\xc1\xe8\x10", mask, b"\x3d\x88\x00\x00\x00"]), None);
    assert_eq!(code(&[shift, mask, &[0x90; 200], b"\x3d\x88\x00\x00\x00"]), None);
}
