//! How a module's code takes `struct rte_kni_device_info`: what its handler compares and copies with.
//!
//! `kni_ioctl_create` (`kernel/linux/kni/kni_misc.c`, DPDK 16.04 to 23.07) first refuses a request whose
//! `_IOC_SIZE` is above the struct's size, then copies that many bytes; the name's bound goes to `strnlen`
//! (since 17.02), `strncmp` and `strncpy`. Compilers put these numbers into instructions.

use object::read::elf::ElfFile64;
use object::{
    Architecture, Endianness, Object as _, ObjectSection as _, ObjectSymbol as _, RelocationTarget,
};

use crate::release::STRUCT_SIZES;

/// What a module's code shows of the struct.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Shown {
    pub(super) size: u32,
    pub(super) name_bytes: Option<u32>,
}

type File<'a> = ElfFile64<'a, Endianness>;

/// The functions that may have the handler's code, the handler itself first. Compilers append to a name, as in
/// `kni_ioctl_create.isra.0`, or make the handler part of its caller.
const FUNCTIONS: [&str; 2] = ["kni_ioctl_create", "kni_ioctl"];

/// Bytes before a call within which its arguments are set.
const ARGUMENTS: usize = 32;
/// Bytes within which a request's size is taken apart and compared.
const COMPARISON: usize = 192;

/// What the module in the ELF file `file` shows; `None` if its code does not, or is not `x86_64`'s.
pub(super) fn shown_by(file: &[u8]) -> Option<Shown> {
    let file = File::parse(file).ok().filter(|file| file.architecture() == Architecture::X86_64)?;
    FUNCTIONS.iter().find_map(|name| Function::find(&file, name)?.shows())
}

/// The section that holds the loaded file's identity, as `/sys/module/NAME/notes` has it.
pub(super) const BUILD_ID: &str = ".note.gnu.build-id";

/// What it has in the ELF file `file`.
pub(super) fn build_id(file: &[u8]) -> Option<&[u8]> {
    File::parse(file).ok()?.section_by_name(BUILD_ID)?.data().ok()
}

/// A function's code, and which function each call in it is to.
struct Function<'a> {
    code: &'a [u8],
    /// Where the call's displacement is, in `code`.
    calls: Vec<(usize, &'a str)>,
}

impl<'a> Function<'a> {
    fn find(file: &File<'a>, name: &str) -> Option<Self> {
        let is_it = |symbol: &str| {
            symbol.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        // The cold part of a function has a name of its own, which is longer.
        let symbol = file
            .symbols()
            .filter(|symbol| symbol.size() > 0 && symbol.name().is_ok_and(is_it))
            .max_by_key(object::ObjectSymbol::size)?;
        let section = file.section_by_index(symbol.section_index()?).ok()?;
        let start = usize::try_from(symbol.address()).ok()?;
        let code = section.data().ok()?.get(start..)?.get(..usize::try_from(symbol.size()).ok()?)?;
        let target = |target| match target {
            RelocationTarget::Symbol(index) => file.symbol_by_index(index).ok()?.name().ok(),
            _ => None,
        };
        let calls = section.relocations().filter_map(|(at, relocation)| {
            let at = usize::try_from(at).ok()?.checked_sub(start).filter(|at| *at < code.len())?;
            Some((at, target(relocation.target())?))
        });
        Some(Self { code, calls: calls.collect() })
    }

    /// The size, if all that shows it agrees.
    fn shows(&self) -> Option<Shown> {
        let copied = self.argument(&["_copy_from_user"], EDX, &STRUCT_SIZES);
        let compared = compared_size(self.code);
        let size = match (compared, copied) {
            (Some(compared), Some(copied)) => (compared == copied).then_some(compared),
            (compared, copied) => compared.or(copied),
        }?;
        let lengths = [16, 32];
        let checked = self.argument(&["strnlen"], ESI, &lengths);
        let compared = self.argument(&["strncmp", "strncpy"], EDX, &lengths);
        let name_bytes = match (checked, compared) {
            (Some(checked), Some(compared)) => (checked == compared).then_some(checked),
            (checked, compared) => checked.or(compared),
        };
        Some(Shown { size, name_bytes })
    }

    /// What calls of `callees` are given in that register, if it is the same of `values` in all that show it.
    fn argument(&self, callees: &[&str], register: u8, values: &[u32]) -> Option<u32> {
        let given = self.calls.iter().filter(|(_, callee)| callees.contains(callee)).filter_map(|(at, _)| {
            let before = self.code.get(at.saturating_sub(ARGUMENTS)..*at)?;
            let loads = before.windows(5).rev().filter(|load| load.first() == Some(&(MOV + register)));
            loads.filter_map(|load| word(load.get(1..)?)).find(|value| values.contains(value))
        });
        let given: Vec<u32> = given.collect();
        let first = given.first().copied()?;
        given.iter().all(|value| *value == first).then_some(first)
    }
}

/// `mov $imm32, %r32` is this and the register's number.
const MOV: u8 = 0xb8;
const EDX: u8 = 2;
const ESI: u8 = 6;

/// `and` and `cmp` with a 32-bit constant: `81 /4` and `81 /7`, and their short forms for `%eax`.
const AND: (u8, u8) = (0xe0, 0x25);
const CMP: (u8, u8) = (0xf8, 0x3d);

/// The size that `_IOC_SIZE` of the request is compared with.
///
/// It is taken apart as `x >> 16 & 0x3fff`, or left in place as `x & 0x3fff0000`. What is above 136 is also
/// what is not below 137.
fn compared_size(code: &[u8]) -> Option<u32> {
    let masks = [(0x3fff_u32, 0), (0x3fff_0000, 16)];
    (0..code.len()).find_map(|at| {
        let (register, mask, length) = immediate_at(code, at, AND)?;
        let (_, shift) = masks.into_iter().find(|(known, _)| *known == mask)?;
        if shift == 0 && !is_shifted(code.get(..at)?, register) {
            return None;
        }
        let rest = code.get(at + length..)?;
        let rest = rest.get(..COMPARISON).unwrap_or(rest);
        (0..rest.len()).find_map(|at| {
            let (_, limit, _) = immediate_at(rest, at, CMP).filter(|(same, _, _)| *same == register)?;
            let limit = limit >> shift;
            STRUCT_SIZES.into_iter().find(|size| limit == *size || limit == size + 1)
        })
    })
}

/// Whether the code ends soon after `shr $16` of that register.
fn is_shifted(code: &[u8], register: u8) -> bool {
    let near = code.get(code.len().saturating_sub(16)..).unwrap_or(code);
    let shift = [0xc1, 0xe8 + (register & 7), 0x10];
    (0..near.len()).any(|at| {
        let prefixed = at.checked_sub(1).and_then(|at| near.get(at)) == Some(&REX_B);
        near.get(at..).is_some_and(|code| code.starts_with(&shift)) && prefixed == (register > 7)
    })
}

/// The prefix that makes a register number of 8 and above.
const REX_B: u8 = 0x41;

/// The register, the constant and the length of an instruction of that kind at `at`, if there is one that does
/// not begin with the byte before.
fn immediate_at(code: &[u8], at: usize, (modrm, short): (u8, u8)) -> Option<(u8, u32, usize)> {
    if at.checked_sub(1).and_then(|before| code.get(before)) == Some(&REX_B) {
        return None;
    }
    match *code.get(at..)? {
        [REX_B, 0x81, registers, ref rest @ ..] if registers & 0xf8 == modrm => {
            Some(((registers & 7) + 8, word(rest)?, 7))
        }
        [0x81, registers, ref rest @ ..] if registers & 0xf8 == modrm => {
            Some((registers & 7, word(rest)?, 6))
        }
        [opcode, ref rest @ ..] if opcode == short => Some((0, word(rest)?, 5)),
        _ => None,
    }
}

fn word(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|word| u32::from_le_bytes(*word))
}

#[cfg(test)]
mod tests;
