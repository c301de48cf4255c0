//! Where the functions of the loaded `rte_kni` are: what its file says of each, and where the kernel put the file's
//! sections.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use object::read::elf::ElfFile64;
use object::{Endianness, Object as _, ObjectSection as _, ObjectSymbol as _, SymbolKind};

use super::{module_file, modules};

/// The functions' addresses in the kernel's memory, by their names; none of a name that several have.
///
/// Empty where the file isn't found, or this process may not know addresses: those of the sections can be read by root
/// alone, and not with `kptr_restrict` at 2 (`module_sect_read`, kernel/module.c). Takes some milliseconds.
#[must_use]
pub fn addresses() -> BTreeMap<String, u64> {
    let module = modules::directory();
    let file = module_file::of_loaded(module).unwrap_or_default();
    addresses_in(&file, |section| section_address(module, section))
}

/// The functions of the ELF file `file` whose sections are at those addresses.
fn addresses_in(file: &[u8], section_address: impl Fn(&str) -> Option<u64>) -> BTreeMap<String, u64> {
    let Ok(file) = ElfFile64::<Endianness>::parse(file) else { return BTreeMap::new() };
    let sections: BTreeMap<_, _> = file
        .sections()
        .filter_map(|section| Some((section.index().0, section_address(section.name().ok()?)?)))
        .collect();
    let mut addresses = BTreeMap::new();
    for symbol in file.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text) {
        let Ok(name) = symbol.name() else { continue };
        let section = symbol.section_index().and_then(|index| sections.get(&index.0));
        // What a relocatable file calls a symbol's address is its place in the section.
        let address = section.and_then(|section| section.checked_add(symbol.address()));
        addresses.entry(name.to_owned()).and_modify(|of_several| *of_several = None).or_insert(address);
    }
    addresses.into_iter().filter_map(|(name, address)| Some((name, address?))).collect()
}

/// 0 stands for an address that is kept secret.
fn section_address(module: &Path, section: &str) -> Option<u64> {
    if section.is_empty() || section.contains('/') {
        return None;
    }
    let text = fs::read_to_string(module.join("sections").join(section)).ok()?;
    u64::from_str_radix(text.trim_end().strip_prefix("0x")?, 16).ok().filter(|address| *address != 0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use object::write::{Object, SectionId, Symbol, SymbolSection};
    use object::{Architecture, BinaryFormat, Endianness, SectionKind, SymbolKind};

    use super::{addresses_in, section_address};
    use crate::testing::elf::symbol;

    fn section(file: &mut Object<'_>, name: &str) -> SectionId {
        let section = file.add_section(Vec::new(), name.as_bytes().to_vec(), SectionKind::Text);
        file.append_section_data(section, &[0x90; 64], 16);
        section
    }

    #[test]
    fn a_function_is_where_its_section_is_and_as_far_in_it_as_the_file_says() {
        let mut file = Object::new(BinaryFormat::Elf, Architecture::X86_64, Endianness::Little);
        let (text, cold, hidden) = (
            section(&mut file, ".text"),
            section(&mut file, ".text.unlikely"),
            section(&mut file, ".hidden"),
        );
        let of = SymbolSection::Section;
        for (name, value, section) in [
            ("kni_ioctl", 0, of(text)),
            ("kni_ioctl_create", 16, of(text)),
            ("kni_ioctl_create.cold", 32, of(cold)),
            ("one_of_two", 32, of(text)),
            ("one_of_two", 48, of(text)),
            ("elsewhere", 0, of(hidden)),
            ("printk", 0, SymbolSection::Undefined),
        ] {
            file.add_symbol(symbol(name, value, 8, section));
        }
        file.add_symbol(Symbol { kind: SymbolKind::Data, ..symbol("no_function", 32, 8, of(text)) });
        let at = |section: &str| match section {
            ".text" => Some(0xffff_ffff_c0a5_1000),
            ".text.unlikely" => Some(0xffff_ffff_c0a5_9000),
            _ => None,
        };
        let expected = [
            ("kni_ioctl", 0xffff_ffff_c0a5_1000),
            ("kni_ioctl_create", 0xffff_ffff_c0a5_1010),
            ("kni_ioctl_create.cold", 0xffff_ffff_c0a5_9020),
        ];
        let expected = expected.map(|(name, address)| (name.to_owned(), address));
        assert_eq!(addresses_in(&file.write().unwrap(), at), BTreeMap::from(expected));
        assert_eq!(addresses_in(b"no ELF file", at), BTreeMap::new());
    }

    #[test]
    fn an_address_that_is_kept_secret_or_makes_no_sense_is_none() {
        let module = tempfile::tempdir().unwrap();
        let sections = module.path().join("sections");
        fs::create_dir(&sections).unwrap();
        for (name, text, address) in [
            (".text", "0xffffffffc0a51000\n", Some(0xffff_ffff_c0a5_1000)),
            (".secret", "0x0000000000000000\n", None),
            (".odd", "(____ptrval____)\n", None),
            (".empty", "", None),
        ] {
            fs::write(sections.join(name), text).unwrap();
            assert_eq!(section_address(module.path(), name), address, "{name}");
        }
        fs::write(module.path().join("outside"), "0xffffffffc0a51000\n").unwrap();
        for name in ["../outside", "", ".absent"] {
            assert_eq!(section_address(module.path(), name), None, "{name}");
        }
    }
}
