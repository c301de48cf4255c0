//! What one look at a library or executable yields: its functions as places for uprobes, and what tells which
//! release of DPDK it holds.

use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use memchr::memmem;
use object::elf::{
    DT_SONAME, ELF_NOTE_GNU, FileHeader64, NT_GNU_BUILD_ID, PF_X, PT_LOAD, ProgramHeader64, SHN_UNDEF,
    SHT_DYNSYM, SHT_SYMTAB, STT_FUNC, STT_GNU_IFUNC, SectionHeader64, Sym64, VER_FLG_BASE,
};
use object::read::elf::{Dyn as _, FileHeader as _, ProgramHeader as _, SectionHeader as _, Sym as _};
use object::read::elf::{Note, SectionTable, VerdauxIterator, VerdefIterator};
use object::{Endianness, ReadCache, ReadCacheOps, ReadRef, SectionIndex};

use super::debug_file;
use crate::event::Object;
use crate::untrusted::Untrusted;

/// The instruction that starts a function compiled with `-fcf-protection`. The kernel can't emulate it, so that a
/// uprobe on it is single-stepped (up to 37 times slower); the one behind it sees the same registers and stack.
const ENDBR64: [u8; 4] = [0xf3, 0x0f, 0x1e, 0xfa];

/// Part of the names of all of DPDK's functions. Most files have no such name, and none of their symbols need be
/// looked at.
const FAMILY: &[u8] = b"rte_";

/// A symbol table or its names of more bytes is not read: no program has so many, a broken file may claim them.
const TABLE_MAX: u64 = 1 << 29;

/// A function in a file.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Site {
    /// Its name.
    pub symbol: String,
    /// Where a probe of its entry goes: the offset in the file, behind an `endbr64`.
    pub offset: u64,
}

/// What a file is, as far as DPDK is concerned.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Elf {
    /// The functions that were asked for, in the order of their names.
    pub sites: Vec<Site>,
    /// Whether it has a symbol table of its own, beside what it shares with others.
    pub symbol_table: bool,
    /// `DT_SONAME`.
    pub soname: Option<Vec<u8>>,
    /// The versions that its dynamic symbols are defined in; sorted.
    pub versions: Vec<String>,
    /// The file that the names came from, where it has none itself.
    pub debug_file: Option<PathBuf>,
}

impl Elf {
    /// What is told of it, under that name.
    #[must_use]
    pub fn as_object(&self, name: &Path) -> Object {
        let Self { sites, soname, versions, debug_file, symbol_table: _ } = self;
        let path = |path: &Path| Untrusted::from(path.as_os_str().as_bytes());
        let mut symbols: Vec<_> = sites.iter().map(|site| site.symbol.clone()).collect();
        symbols.dedup();
        Object {
            path: path(name),
            soname: soname.as_deref().map(Untrusted::from),
            symbols,
            versions: versions.clone(),
            debug_file: debug_file.as_deref().map(path),
        }
    }
}

/// Looks at the file at `path` for the functions called `wanted`, whose names all have `rte_` in them. Where it
/// has no symbols for them, its debug file is looked for, unless it is a library: those export what others call.
///
/// Reads no more than symbols and their names, however big the file. Fails on what is no ELF file of
/// 64 bits.
pub fn look(path: &Path, wanted: &[&str]) -> io::Result<Elf> {
    look_at(path, wanted, |image| image.soname().is_none())
}

/// The same, and the debug file is looked for whatever it is: a library may have others inside that it keeps to
/// itself.
pub fn look_closely(path: &Path, wanted: &[&str]) -> io::Result<Elf> {
    look_at(path, wanted, |_| true)
}

fn look_at(path: &Path, wanted: &[&str], debug: impl Fn(&Image<'_, File>) -> bool) -> io::Result<Elf> {
    let file = ReadCache::new(File::open(path)?);
    let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
    let image = Image::parse(&file).map_err(invalid)?;
    let mut elf = image.look(wanted).map_err(invalid)?;
    if elf.sites.is_empty()
        && !elf.symbol_table
        && debug(&image)
        && let Some((debug_file, functions)) = debug_file::functions(path, &image, wanted)
    {
        elf.sites = image.sites(functions);
        elf.debug_file = Some(debug_file);
        elf.symbol_table = true;
    }
    if !elf.sites.is_empty() {
        elf.soname = image.soname();
        elf.versions = image.versions();
    }
    Ok(elf)
}

/// A function's name and its address.
pub(super) type Function = (String, u64);

/// An ELF file that is being read.
pub(super) struct Image<'a, R: ReadCacheOps> {
    file: &'a ReadCache<R>,
    endian: Endianness,
    segments: &'a [ProgramHeader64<Endianness>],
    sections: SectionTable<'a, FileHeader64<Endianness>, &'a ReadCache<R>>,
}

impl<'a, R: ReadCacheOps> Image<'a, R> {
    pub(super) fn parse(file: &'a ReadCache<R>) -> object::Result<Self> {
        let header = FileHeader64::<Endianness>::parse(file)?;
        let endian = header.endian()?;
        let segments = header.program_headers(endian, file)?;
        let sections = header.sections(endian, file)?;
        Ok(Self { file, endian, segments, sections })
    }

    fn look(&self, wanted: &[&str]) -> object::Result<Elf> {
        let own = self.functions(SHT_SYMTAB, wanted)?;
        let shared = self.functions(SHT_DYNSYM, wanted)?.unwrap_or_default();
        let symbol_table = own.is_some();
        let functions = own.unwrap_or_default().into_iter().chain(shared);
        Ok(Elf { sites: self.sites(functions), symbol_table, ..Elf::default() })
    }

    /// The functions of these names that the file's table of that kind defines; `None`: there is no such table.
    pub(super) fn functions(&self, kind: u32, wanted: &[&str]) -> object::Result<Option<Vec<Function>>> {
        let endian = self.endian;
        let Some(table) = self.sections.iter().find(|section| section.sh_type(endian) == kind) else {
            return Ok(None);
        };
        let names = self.sections.section(table.link(endian))?;
        if table.sh_size(endian).max(names.sh_size(endian)) > TABLE_MAX {
            return Ok(None);
        }
        let names = names.data(endian, self.file)?;
        if memmem::find(names, FAMILY).is_none() {
            return Ok(Some(Vec::new()));
        }
        let symbols: &[Sym64<_>] = table.data_as_array(endian, self.file)?;
        let functions = symbols.iter().filter(|symbol| {
            matches!(symbol.st_type(), STT_FUNC | STT_GNU_IFUNC) && symbol.st_shndx(endian) != SHN_UNDEF
        });
        let found = functions.filter_map(|symbol| {
            let name = name_at(names, symbol.st_name(endian));
            let name = wanted.iter().find(|wanted| wanted.as_bytes() == name)?;
            Some(((*name).to_owned(), symbol.st_value(endian)))
        });
        Ok(Some(found.collect()))
    }

    /// Where these functions are in the file.
    fn sites(&self, functions: impl IntoIterator<Item = Function>) -> Vec<Site> {
        let site = |(symbol, address)| {
            let offset = self.behind_endbr64(self.file_offset(address)?);
            Some(Site { symbol, offset })
        };
        let mut sites: Vec<_> = functions.into_iter().filter_map(site).collect();
        // A function may be in both tables, or in several versions at one place.
        sites.sort();
        sites.dedup();
        sites
    }

    fn file_offset(&self, address: u64) -> Option<u64> {
        let endian = self.endian;
        let code = self
            .segments
            .iter()
            .filter(|segment| segment.p_type(endian) == PT_LOAD && segment.p_flags(endian) & PF_X != 0)
            .find(|segment| {
                let start = segment.p_vaddr(endian);
                (start..start.saturating_add(segment.p_filesz(endian))).contains(&address)
            })?;
        (address - code.p_vaddr(endian)).checked_add(code.p_offset(endian))
    }

    fn behind_endbr64(&self, offset: u64) -> u64 {
        match self.file.read_bytes_at(offset, 4) {
            Ok(bytes) if bytes == ENDBR64 => offset + 4,
            _ => offset,
        }
    }

    fn soname(&self) -> Option<Vec<u8>> {
        self.dynamic_strings(&[DT_SONAME]).into_iter().next()
    }

    /// The strings of the dynamic section's entries of these kinds, in their order.
    pub(super) fn dynamic_strings(&self, tags: &[i64]) -> Vec<Vec<u8>> {
        let dynamic = self.sections.dynamic(self.endian, self.file).ok().flatten();
        let Some((entries, link)) = dynamic else { return Vec::new() };
        let wanted = entries.iter().filter(|entry| tags.contains(&entry.d_tag(self.endian)));
        wanted.filter_map(|entry| self.string(link, entry.val32(self.endian)?)).collect()
    }

    fn versions(&self) -> Vec<String> {
        let defined = self.sections.gnu_verdef(self.endian, self.file).ok().flatten();
        let mut versions: Vec<_> = defined
            .into_iter()
            .flat_map(|(definitions, link)| self.defined_in(definitions, link))
            .map(|name| String::from_utf8_lossy(&name).into_owned())
            .collect();
        versions.sort();
        versions.dedup();
        versions
    }

    fn defined_in(
        &self,
        definitions: VerdefIterator<'a, FileHeader64<Endianness>>,
        link: SectionIndex,
    ) -> impl Iterator<Item = Vec<u8>> {
        let endian = self.endian;
        let first = move |names: VerdauxIterator<'a, FileHeader64<Endianness>>| {
            names.flatten().next().map(|name| name.vda_name.get(endian))
        };
        definitions
            // A broken one ends them.
            .map_while(Result::ok)
            // The file's own name.
            .filter(move |(definition, _)| definition.vd_flags.get(endian) & VER_FLG_BASE == 0)
            .filter_map(move |(_, names)| self.string(link, first(names)?))
    }

    fn string(&self, table: SectionIndex, at: u32) -> Option<Vec<u8>> {
        let strings = self.sections.strings(self.endian, self.file, table).ok()?;
        strings.get(at).ok().map(<[u8]>::to_vec)
    }

    /// The identity that the linker gave it.
    pub(super) fn build_id(&self) -> Option<&'a [u8]> {
        let identity =
            |note: &Note<'a, _>| note.name() == ELF_NOTE_GNU && note.n_type(self.endian) == NT_GNU_BUILD_ID;
        let notes = |section: &SectionHeader64<_>| section.notes(self.endian, self.file).ok().flatten();
        let notes = self.sections.iter().filter_map(notes).flat_map(|notes| notes.map_while(Result::ok));
        notes.filter(identity).map(|note| note.desc()).find(|id| !id.is_empty())
    }

    /// The contents of `.gnu_debuglink`.
    pub(super) fn debug_link(&self) -> Option<&'a [u8]> {
        let (_, section) = self.sections.section_by_name(self.endian, b".gnu_debuglink")?;
        section.data(self.endian, self.file).ok()
    }

    /// The byte order of what it holds.
    pub(super) fn endian(&self) -> Endianness {
        self.endian
    }
}

fn name_at(names: &[u8], at: u32) -> &[u8] {
    let rest = names.get(at as usize..).unwrap_or_default();
    rest.split(|byte| *byte == 0).next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
