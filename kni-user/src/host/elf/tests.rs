use std::io::Cursor;
use std::path::Path;

use object::ReadCache;
use proptest::prelude::*;

use super::{Elf, Image, look};

/// A function of this very executable, which the test finds in it.
#[unsafe(no_mangle)]
extern "C" fn rte_kniwatch_elf_test() -> u32 {
    42
}

#[test]
fn a_function_is_found_where_its_code_is() {
    assert_eq!(rte_kniwatch_elf_test(), 42);
    let own = std::env::current_exe().unwrap();
    let elf = look(&own, &["rte_kniwatch_elf_test", "rte_no_such_function"]).unwrap();
    assert!(elf.symbol_table && elf.debug_file.is_none());
    let [site] = elf.sites.try_into().unwrap();
    let in_file = std::fs::read(&own).unwrap();
    let address = (rte_kniwatch_elf_test as *const ()).cast::<u8>();
    // SAFETY: code of this program, and longer than 4 bytes with its return.
    let in_memory = unsafe { std::slice::from_raw_parts(address, 4) };
    let start = usize::try_from(site.offset).unwrap();
    let skipped = if in_memory == super::ENDBR64 { 4 } else { 0 };
    assert_eq!(&in_file[start - skipped..start - skipped + 4], in_memory);
}

#[test]
fn what_is_no_elf_file_is_an_error_and_nothing_worse() {
    assert!(look(Path::new("/proc/self/status"), &["main"]).is_err());
    assert!(look(Path::new("/nonexistent"), &["main"]).is_err());
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
        let file = ReadCache::new(Cursor::new(bytes));
        if let Ok(image) = Image::parse(&file) {
            let _elf: object::Result<Elf> = image.look(&["rte_kniwatch_elf_test"]);
            let _facts = (image.soname(), image.versions(), image.build_id(), image.debug_link());
        }
    }
}
