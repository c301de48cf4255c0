//! Where probes go in DPDK's own libraries, as Debian built them: on no data path, and how expensive a hit is.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use kni_ebpf::hook::Hook;
use kni_user::host::elf;
use kni_user::host::site::Class;
use kni_user::probe::data_path::lies_on_it;
use kni_user::probe::{Config, spec};
use object::{Object as _, ObjectSegment as _, ObjectSymbol};

use crate::attached;
use crate::dpdk;
use crate::watch::Watch;

const LIBRARIES: [&str; 5] = [
    "librte_kni.so.23",
    "librte_eal.so.23",
    "librte_mbuf.so.23",
    "librte_mempool.so.23",
    "librte_ring.so.23",
];

#[test]
fn nothing_that_is_attached_lies_on_a_data_path_by_any_of_its_names() {
    let libraries = LIBRARIES.map(|name| dpdk::libraries().join(name));
    let watch = Watch::attached(&Config { libraries: libraries.to_vec(), ..Config::default() });
    assert!(!watch.coverage.is_empty());
    let names: BTreeMap<_, _> =
        libraries.iter().map(|library| (resolved(library), functions(library))).collect();
    // The names that are looked for are found: rte_kni_tx_burst is one of them.
    assert!(names.values().flat_map(BTreeMap::values).flatten().any(|name| lies_on_it(name)));

    let mut looked_at = 0;
    for (path, offset) in attached::uprobes().unwrap_or_else(|| planned(&libraries)) {
        let Some(functions) = names.get(&resolved(&path)) else { continue };
        // Behind an `endbr64`, too.
        let at = [offset, offset - 4].into_iter().find_map(|offset| functions.get(&offset));
        let at = at.unwrap_or_else(|| panic!("no function at {}+{offset:#x}", path.display()));
        assert!(!at.iter().any(|name| lies_on_it(name)), "{at:?}");
        looked_at += 1;
    }
    assert!(looked_at >= 12, "{looked_at}");
}

#[test]
fn every_site_in_the_real_libraries_has_its_class() {
    let libraries = LIBRARIES.map(|name| dpdk::libraries().join(name));
    let watch = Watch::attached(&Config { libraries: libraries.to_vec(), ..Config::default() });
    let rows = watch.probes.rows().iter().filter(|row| {
        row.object
            .as_ref()
            .is_some_and(|object| libraries.iter().any(|library| resolved(library) == resolved(object)))
    });
    let mut classes: BTreeMap<Hook, BTreeMap<Class, usize>> = BTreeMap::new();
    for row in rows {
        assert!(!row.sites.is_empty(), "{row:?}");
        for (class, count) in &row.sites {
            *classes.entry(row.hook).or_default().entry(*class).or_default() += count;
        }
    }
    if cfg!(target_arch = "x86_64") {
        // By their first instructions: a push; sub $0xd8,%rsp; a jmp and two xor.
        assert_eq!(classes[&Hook::LibraryAlloc], [(Class::Emulated, 1)].into());
        assert_eq!(classes[&Hook::LibraryLog], [(Class::SingleStepped, 1)].into());
        assert_eq!(classes[&Hook::MemzoneReserve], [(Class::Emulated, 1), (Class::SingleStepped, 2)].into());
        assert!(classes.values().all(|classes| !classes.contains_key(&Class::Unknown)), "{classes:?}");
    }
}

/// What is asked to be attached, for kernels that don't tell what is.
fn planned(libraries: &[PathBuf]) -> Vec<(PathBuf, u64)> {
    let sites = libraries.iter().flat_map(|library| {
        let sites = elf::look(library, &spec::library_symbols()).unwrap().sites;
        sites.into_iter().map(|site| (library.clone(), site.offset))
    });
    sites.collect()
}

/// All names of functions in a file, by their places in it.
fn functions(path: &Path) -> BTreeMap<u64, Vec<String>> {
    let bytes = fs::read(path).unwrap();
    let file = object::File::parse(bytes.as_slice()).unwrap();
    let segments: Vec<_> = file.segments().collect();
    let mut functions: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for symbol in file.symbols().chain(file.dynamic_symbols()).filter(ObjectSymbol::is_definition) {
        let segment = segments.iter().find(|segment| {
            (segment.address()..segment.address() + segment.size()).contains(&symbol.address())
        });
        if let Some(segment) = segment {
            let offset = symbol.address() - segment.address() + segment.file_range().0;
            functions.entry(offset).or_default().push(symbol.name().unwrap().to_owned());
        }
    }
    functions
}

fn resolved(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}
