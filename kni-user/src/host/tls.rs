//! How the code in a library or executable finds its thread's `rte_errno`: DPDK's thread-local variable
//! `per_lcore__rte_errno` (lib/eal, 16.04 to 23.07), exported by every `librte_eal`.
//!
//! After U. Drepper, "ELF Handling For Thread-Local Storage", and the x86-64 ABI. What does not fit them to the letter is
//! unknown: a wrong number would be worse than none.

use std::fs::File;
use std::io;
use std::path::Path;

use kni_ebpf::tls::{Site, WAY_ELSEWHERE, WAY_EXECUTABLE, WAY_MODULE, WAY_PAIR, WAY_UNKNOWN};
use object::elf::{
    DF_1_PIE, DT_FLAGS_1, DT_NEEDED, EM_X86_64, ET_DYN, ET_EXEC, FileHeader64, PF_X, PT_INTERP, PT_LOAD,
    PT_TLS, ProgramHeader64, R_X86_64_DTPMOD64, R_X86_64_DTPOFF64, SHN_UNDEF, SHT_DYNSYM, SHT_SYMTAB,
    STT_TLS,
};
use object::read::elf::{
    Dyn as _, FileHeader as _, ProgramHeader as _, Rela as _, SectionHeader as _, SectionTable, Sym as _,
};
use object::{Endianness, ReadCache, ReadCacheOps};

type Header = FileHeader64<Endianness>;
type Segments<'a> = &'a [ProgramHeader64<Endianness>];

const VARIABLE: &[u8] = b"per_lcore__rte_errno";
/// Of the C library that lays out threads as the probes know it: each of its programs needs one of them.
const GLIBC: [&[u8]; 2] = [b"libc.so.6", b"ld-linux-x86-64.so.2"];

/// How an object's code finds `rte_errno`, and where its instructions are.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Access {
    way: Way,
    code: Vec<Code>,
}

/// What the code does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Way {
    /// It can't be told.
    Unknown,
    /// Uses another object's.
    Elsewhere,
    /// An executable's own, at this distance from the thread pointer.
    Executable { offset: i64 },
    /// A library's own, in the module whose number is in `slot`; without `offset`, that is behind it.
    Library { slot: u64, offset: Option<u64> },
}

/// A part of the file that is executed, and the virtual address of its start.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Code {
    offset: u64,
    size: u64,
    address: u64,
}

/// What the file at `path` tells. Fails on what is no ELF file of 64 bits.
pub fn read(path: &Path) -> io::Result<Access> {
    let file = ReadCache::new(File::open(path)?);
    parse(&file).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

impl Access {
    /// What the probes have to know of the instruction at `offset` in the file; `None` if that is no code.
    #[must_use]
    pub fn site(&self, offset: u64) -> Option<Site> {
        let address = self.code.iter().find_map(|code| {
            let within = offset.checked_sub(code.offset).filter(|within| *within < code.size)?;
            code.address.checked_add(within)
        })?;
        let (way, slot, offset) = match self.way {
            Way::Unknown => (WAY_UNKNOWN, 0, 0),
            Way::Elsewhere => (WAY_ELSEWHERE, 0, 0),
            Way::Executable { offset } => (WAY_EXECUTABLE, 0, offset.cast_unsigned()),
            Way::Library { slot, offset: Some(offset) } => (WAY_MODULE, slot, offset),
            Way::Library { slot, offset: None } => (WAY_PAIR, slot, 0),
        };
        Some(Site { address, slot, offset, way })
    }
}

fn parse<R: ReadCacheOps>(file: &ReadCache<R>) -> object::Result<Access> {
    let header = Header::parse(file)?;
    let endian = header.endian()?;
    let segments = header.program_headers(endian, file)?;
    let code = segments
        .iter()
        .filter(|segment| segment.p_type(endian) == PT_LOAD && segment.p_flags(endian) & PF_X != 0)
        .map(|segment| Code {
            offset: segment.p_offset(endian),
            size: segment.p_filesz(endian),
            address: segment.p_vaddr(endian),
        })
        .collect();
    let way = if header.e_machine(endian) == EM_X86_64 {
        Object { header, endian, segments, sections: header.sections(endian, file)?, file }.way()?
    } else {
        None
    };
    Ok(Access { way: way.unwrap_or(Way::Unknown), code })
}

struct Object<'a, R: ReadCacheOps> {
    header: &'a Header,
    endian: Endianness,
    segments: Segments<'a>,
    sections: SectionTable<'a, Header, &'a ReadCache<R>>,
    file: &'a ReadCache<R>,
}

/// What a symbol table says of the variable.
enum Variable {
    /// At `value` in the object's block; `dynamic`: its number among the dynamic symbols.
    Defined { value: u64, dynamic: Option<u32> },
    /// Another object's.
    Undefined,
}

/// What an object's dynamic section says.
#[derive(Default)]
struct Dynamic {
    executable: bool,
    needs_glibc: bool,
}

impl<R: ReadCacheOps> Object<'_, R> {
    fn way(&self) -> object::Result<Option<Way>> {
        let Some(variable) = self.variable()? else { return Ok(None) };
        let Variable::Defined { value, dynamic: symbol } = variable else { return Ok(Some(Way::Elsewhere)) };
        let dynamic = self.dynamic()?;
        let interpreted = self.segments.iter().any(|segment| segment.p_type(self.endian) == PT_INTERP);
        match self.header.e_type(self.endian) {
            ET_EXEC => Ok(self.of_executable(value)),
            ET_DYN if dynamic.executable || interpreted => Ok(self.of_executable(value)),
            ET_DYN if dynamic.needs_glibc => self.of_library(value, symbol),
            _ => Ok(None),
        }
    }

    /// An executable's block ends where the thread pointer points to.
    fn of_executable(&self, value: u64) -> Option<Way> {
        let block = self.block()?;
        let (size, align) = (block.p_memsz(self.endian), block.p_align(self.endian).max(1));
        if value >= size || !align.is_power_of_two() {
            return None;
        }
        let distance = i64::try_from(size.checked_next_multiple_of(align)?).ok()?;
        Some(Way::Executable { offset: i64::try_from(value).ok()? - distance })
    }

    /// For a variable of the number `symbol` among the dynamic symbols, the linker leaves a pair of words: module and
    /// offset, resolved when the library is loaded. For one that can only be the library's own, a word for the
    /// module that the library itself becomes.
    fn of_library(&self, value: u64, symbol: Option<u32>) -> object::Result<Option<Way>> {
        if self.block().is_none_or(|block| value >= block.p_memsz(self.endian)) {
            return Ok(None);
        }
        let (mut modules, mut offsets, mut own) = (Vec::new(), Vec::new(), None);
        for section in self.sections.iter() {
            for relocation in section.rela(self.endian, self.file)?.map_or(&[][..], |(all, _)| all) {
                let place = relocation.r_offset(self.endian);
                let of = relocation.r_sym(self.endian, false);
                match relocation.r_type(self.endian, false) {
                    R_X86_64_DTPMOD64 if of == 0 => own = own.or(Some(place)),
                    R_X86_64_DTPMOD64 if Some(of) == symbol => modules.push(place),
                    R_X86_64_DTPOFF64 if Some(of) == symbol && relocation.r_addend(self.endian) == 0 => {
                        offsets.push(place);
                    }
                    _ => {}
                }
            }
        }
        let is_pair = |slot: &&u64| slot.checked_add(8).is_some_and(|next| offsets.contains(&next));
        Ok(match (modules.iter().find(is_pair), own) {
            (Some(slot), _) => Some(Way::Library { slot: *slot, offset: None }),
            (None, Some(slot)) if modules.is_empty() => Some(Way::Library { slot, offset: Some(value) }),
            _ => None,
        })
    }

    /// What each thread gets a copy of.
    fn block(&self) -> Option<&ProgramHeader64<Endianness>> {
        self.segments.iter().find(|segment| segment.p_type(self.endian) == PT_TLS)
    }

    /// The dynamic symbols come first: relocations number those.
    fn variable(&self) -> object::Result<Option<Variable>> {
        let mut used = None;
        for kind in [SHT_DYNSYM, SHT_SYMTAB] {
            for table in self.sections.iter().filter(|section| section.sh_type(self.endian) == kind) {
                let symbols: &[object::elf::Sym64<_>] = table.data_as_array(self.endian, self.file)?;
                let names = self.sections.section(table.link(self.endian))?.data(self.endian, self.file)?;
                let is_variable = |symbol: &object::elf::Sym64<_>| {
                    symbol.st_type() == STT_TLS
                        && text(names, u64::from(symbol.st_name(self.endian))) == VARIABLE
                };
                for (number, symbol) in (0..).zip(symbols).filter(|(_, symbol)| is_variable(symbol)) {
                    if symbol.st_shndx(self.endian) == SHN_UNDEF {
                        used = Some(Variable::Undefined);
                        continue;
                    }
                    let value = symbol.st_value(self.endian);
                    let dynamic = (kind == SHT_DYNSYM).then_some(number);
                    return Ok(Some(Variable::Defined { value, dynamic }));
                }
            }
        }
        Ok(used)
    }

    fn dynamic(&self) -> object::Result<Dynamic> {
        let mut dynamic = Dynamic::default();
        let Some((entries, names)) = self.sections.dynamic(self.endian, self.file)? else {
            return Ok(dynamic);
        };
        let names = self.sections.section(names)?.data(self.endian, self.file)?;
        for entry in entries {
            let value = entry.d_val(self.endian);
            match entry.d_tag(self.endian) {
                DT_FLAGS_1 => dynamic.executable |= value & u64::from(DF_1_PIE) != 0,
                DT_NEEDED => dynamic.needs_glibc |= GLIBC.contains(&text(names, value)),
                _ => {}
            }
        }
        Ok(dynamic)
    }
}

/// The string at `at` in a table of strings.
fn text(names: &[u8], at: u64) -> &[u8] {
    let rest = usize::try_from(at).ok().and_then(|at| names.get(at..)).unwrap_or_default();
    rest.split(|byte| *byte == 0).next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
