use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::Command;

use object::ReadCache;
use proptest::prelude::*;
use tempfile::TempDir;

use super::{Access, Way, parse, read};

/// As `librte_eal` has it, behind a variable that is aligned to 64 bytes.
const EAL: &str = "
    __thread char other[72] __attribute__((aligned(64)));
    __attribute__((visibility(VISIBILITY))) __thread int per_lcore__rte_errno;
    int *eal(void) { other[0]++; return &per_lcore__rte_errno; }
";
const USER: &str = "
    extern __thread int per_lcore__rte_errno;
    int *eal(void) { return &per_lcore__rte_errno; }
";
/// Says itself how far it is from the thread pointer.
const MAIN: &str = r#"
    #include <stdio.h>
    int *eal(void);
    int main(void) {
        char *thread;
        __asm__("mov %%fs:0, %0" : "=r"(thread));
        printf("%ld", (long)((char *)eal() - thread));
        return 0;
    }
"#;

/// What a compiler makes of a source with these options, beside what it made before.
fn compiled(dir: &TempDir, name: &str, source: &str, options: &[&str]) -> PathBuf {
    let path = dir.path().join(name);
    let code = dir.path().join(format!("{name}.c"));
    std::fs::write(&code, source).unwrap();
    let mut cc = Command::new("cc");
    cc.current_dir(dir.path()).args(["-O1", "-o", name]).arg(&code).args(options);
    assert!(cc.status().unwrap().success(), "{cc:?}");
    path
}

fn way(path: &Path) -> Way {
    read(path).unwrap().way
}

#[test]
#[cfg(all(target_arch = "x86_64", target_env = "gnu"))]
fn a_library_that_exports_it_finds_it_by_a_pair_of_words() {
    let dir = tempfile::tempdir().unwrap();
    let library = compiled(&dir, "libeal.so", EAL, &["-shared", "-fPIC", "-DVISIBILITY=\"default\""]);
    assert!(matches!(way(&library), Way::Library { offset: None, slot: 1.. }), "{:?}", way(&library));

    let user = compiled(&dir, "libuser.so", USER, &["-shared", "-fPIC"]);
    assert_eq!(way(&user), Way::Elsewhere);
}

#[test]
#[cfg(all(target_arch = "x86_64", target_env = "gnu"))]
fn a_library_that_hides_it_finds_it_in_its_own_module() {
    let dir = tempfile::tempdir().unwrap();
    let library = compiled(&dir, "libeal.so", EAL, &["-shared", "-fPIC", "-DVISIBILITY=\"hidden\""]);
    let Way::Library { offset: Some(offset), slot: 1.. } = way(&library) else {
        panic!("{:?}", way(&library))
    };
    // Somewhere behind, or before, the variable of 72 bytes.
    assert!(offset < 128, "{offset}");
}

#[test]
#[cfg(all(target_arch = "x86_64", target_env = "gnu"))]
fn an_executable_has_it_before_the_thread_pointer() {
    let dir = tempfile::tempdir().unwrap();
    for options in [&["-static"][..], &["-no-pie"], &["-pie", "-fPIE"]] {
        let source = format!("{EAL}{MAIN}");
        let options = [&["-DVISIBILITY=\"default\""], options].concat();
        let executable = compiled(&dir, "program", &source, &options);
        let said = Command::new(&executable).output().unwrap().stdout;
        let offset = String::from_utf8(said).unwrap().parse().unwrap();
        assert_eq!(way(&executable), Way::Executable { offset }, "{options:?}");
    }
}

#[test]
#[cfg(all(target_arch = "x86_64", target_env = "gnu"))]
fn without_a_pair_a_known_c_library_or_the_symbol_it_is_unknown() {
    let dir = tempfile::tempdir().unwrap();
    let shared = &["-shared", "-fPIC", "-DVISIBILITY=\"default\""][..];
    for options in [&["-ftls-model=initial-exec"][..], &["-mtls-dialect=gnu2"], &["-nodefaultlibs"]] {
        let library = compiled(&dir, "libeal.so", EAL, &[shared, options].concat());
        assert_eq!(way(&library), Way::Unknown, "{options:?}");
    }
    let stripped = compiled(&dir, "program", &format!("{EAL}{MAIN}"), &["-s", "-DVISIBILITY=\"hidden\""]);
    assert_eq!(way(&stripped), Way::Unknown);
}

#[test]
fn a_site_is_where_the_code_is() {
    let own = std::env::current_exe().unwrap();
    let access = read(&own).unwrap();
    let code = access.code.first().copied().unwrap();
    assert_eq!(access.site(code.offset + 5).unwrap().address, code.address + 5);
    assert_eq!(access.site(code.offset + code.size), None);
    let nowhere = Access { way: Way::Unknown, code: Vec::new() };
    assert_eq!(nowhere.site(0), None);
}

#[test]
fn what_is_no_elf_file_is_an_error_and_nothing_worse() {
    assert!(read(Path::new("/proc/self/status")).is_err());
    assert!(read(Path::new("/nonexistent")).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_damaged_file_does_no_harm(
        damage in proptest::collection::vec((0usize..16384, any::<u8>()), 1..32),
        cut in 0usize..20000,
    ) {
        static LIBRARY: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
            let dir = tempfile::tempdir().unwrap();
            let options = ["-shared", "-fPIC", "-DVISIBILITY=\"default\""];
            std::fs::read(compiled(&dir, "libeal.so", EAL, &options)).unwrap()
        });
        let mut bytes = LIBRARY.clone();
        for (at, byte) in damage {
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        bytes.truncate(cut);
        // Whatever comes of it, it comes.
        let _result = parse(&ReadCache::new(Cursor::new(bytes)));
    }
}
