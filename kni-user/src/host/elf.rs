//! Symbols of libraries and executables, as the places in the file where a uprobe goes.

use std::fs::File;
use std::io;
use std::path::Path;

use object::elf::{FileHeader64, PF_X, PT_LOAD, SHN_UNDEF, SHT_DYNSYM, SHT_SYMTAB, STT_FUNC, STT_GNU_IFUNC};
use object::read::elf::{FileHeader as _, ProgramHeader as _, SectionHeader as _, Sym as _};
use object::{Endianness, ReadCache, ReadCacheOps, ReadRef};

/// The instruction that starts a function compiled with `-fcf-protection`. The kernel can't emulate it, so that a
/// uprobe on it is single-stepped (up to 37 times slower); the one behind it sees the same registers and stack.
const ENDBR64: [u8; 4] = [0xf3, 0x0f, 0x1e, 0xfa];

/// A function in a file.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Site {
    /// Its name.
    pub symbol: String,
    /// Where a probe of its entry goes: the offset in the file, behind an `endbr64`.
    pub offset: u64,
}

/// The functions of these names that the file at `path` defines, in the order of their names.
///
/// Reads no more than symbols and their names, however big the file. Fails on what is no ELF file of
/// 64 bits.
pub fn sites(path: &Path, wanted: &[&str]) -> io::Result<Vec<Site>> {
    let file = ReadCache::new(File::open(path)?);
    find(&file, wanted).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

fn find<R: ReadCacheOps>(file: &ReadCache<R>, wanted: &[&str]) -> object::Result<Vec<Site>> {
    let header = FileHeader64::<Endianness>::parse(file)?;
    let endian = header.endian()?;
    let segments = header.program_headers(endian, file)?;
    let sections = header.sections(endian, file)?;
    let file_offset = |address: u64| {
        segments
            .iter()
            .filter(|segment| segment.p_type(endian) == PT_LOAD && segment.p_flags(endian) & PF_X != 0)
            .find(|segment| {
                let start = segment.p_vaddr(endian);
                (start..start.saturating_add(segment.p_filesz(endian))).contains(&address)
            })
            .and_then(|segment| (address - segment.p_vaddr(endian)).checked_add(segment.p_offset(endian)))
    };
    let mut found = Vec::new();
    for table in sections.iter().filter(|section| matches!(section.sh_type(endian), SHT_SYMTAB | SHT_DYNSYM))
    {
        let symbols: &[object::elf::Sym64<_>] = table.data_as_array(endian, file)?;
        let names = sections.section(table.link(endian))?.data(endian, file)?;
        for symbol in symbols {
            let function = matches!(symbol.st_type(), STT_FUNC | STT_GNU_IFUNC);
            if !function || symbol.st_shndx(endian) == SHN_UNDEF {
                continue;
            }
            let name = name_at(names, symbol.st_name(endian));
            let Some(name) = wanted.iter().find(|wanted| wanted.as_bytes() == name) else { continue };
            let Some(offset) = file_offset(symbol.st_value(endian)) else { continue };
            found.push(Site { symbol: (*name).to_owned(), offset: behind_endbr64(file, offset) });
        }
    }
    // A function may be in both tables, or in several versions at one place.
    found.sort();
    found.dedup();
    Ok(found)
}

fn name_at(names: &[u8], at: u32) -> &[u8] {
    let rest = names.get(at as usize..).unwrap_or_default();
    rest.split(|byte| *byte == 0).next().unwrap_or_default()
}

fn behind_endbr64<'data>(file: impl ReadRef<'data>, offset: u64) -> u64 {
    match file.read_bytes_at(offset, 4) {
        Ok(bytes) if bytes == ENDBR64 => offset + 4,
        _ => offset,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::path::Path;

    use object::ReadCache;
    use proptest::prelude::*;

    use super::{find, sites};

    /// A function of this very executable, which the test finds in it.
    #[unsafe(no_mangle)]
    extern "C" fn kniwatch_elf_test_function() -> u32 {
        42
    }

    #[test]
    fn a_function_is_found_where_its_code_is() {
        assert_eq!(kniwatch_elf_test_function(), 42);
        let own = std::env::current_exe().unwrap();
        let [site] =
            sites(&own, &["kniwatch_elf_test_function", "no_such_function"]).unwrap().try_into().unwrap();
        let in_file = std::fs::read(&own).unwrap();
        let address = (kniwatch_elf_test_function as *const ()).cast::<u8>();
        // SAFETY: code of this program, and longer than 4 bytes with its return.
        let in_memory = unsafe { std::slice::from_raw_parts(address, 4) };
        let start = usize::try_from(site.offset).unwrap();
        let skipped = if in_memory == super::ENDBR64 { 4 } else { 0 };
        assert_eq!(&in_file[start - skipped..start - skipped + 4], in_memory);
    }

    #[test]
    fn what_is_no_elf_file_is_an_error_and_nothing_worse() {
        assert!(sites(Path::new("/proc/self/status"), &["main"]).is_err());
        assert!(sites(Path::new("/nonexistent"), &["main"]).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]
        #[test]
        fn a_damaged_file_does_no_harm(damage in proptest::collection::vec((0usize..4096, any::<u8>()), 1..32)) {
            let mut bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
            for (at, byte) in damage {
                bytes[at] = byte;
            }
            // Whatever comes of it, it comes.
            let _result = find(&ReadCache::new(Cursor::new(bytes)), &["main"]);
        }
    }
}
