//! DPDK's own libraries, as Debian built them, in the root of the dev VM's guest.

use std::path::PathBuf;
use std::process::Command;

use kni_ebpf::hook::Hook;
use kni_user::event::{HookState, Phase, Step};
use kni_user::probe::Config;

use crate::watch::{Watch, steps};

/// A program without EAL and without the device: init fails at open, and alloc finds that init has failed.
const PROGRAM: &str = r#"
import ctypes
kni = ctypes.CDLL("librte_kni.so.23")
kni.rte_kni_alloc.restype = ctypes.c_void_p
assert kni.rte_kni_init(4) == -1
conf = ctypes.create_string_buffer(b"vEth0_0", 512)
assert kni.rte_kni_alloc(ctypes.c_void_p(1), conf, None) is None
"#;

#[test]
fn an_attempt_of_the_real_library_is_seen_step_by_step() {
    let root = root();
    let libraries = ["librte_kni.so.23", "librte_eal.so.23"].map(|library| libraries().join(library));
    let mut watch = Watch::armed(&Config { libraries: libraries.to_vec(), ..Config::default() });
    let live = watch.coverage.iter().filter(|told| told.state == HookState::Live && told.object.is_some());
    let live: Vec<_> = live.map(|told| told.hook).collect();
    for hook in
        [Hook::LibraryInit, Hook::LibraryAlloc, Hook::MemzoneLookup, Hook::MemzoneReserve, Hook::LibraryLog]
    {
        assert!(live.contains(&hook), "{hook:?} is not live: {:#?}", watch.coverage);
    }

    let mut program = Command::new("chroot").arg(&root).args(["python3", "-c", PROGRAM]).spawn().unwrap();
    let pid = program.id();
    assert!(program.wait().unwrap().success());
    watch.wait_for("return of rte_kni_alloc", |events| {
        steps(events, pid).find(|step| step.hook == Hook::LibraryAlloc && is_return(step)).cloned()
    });

    let seen: Vec<_> = steps(watch.events(), pid).filter(|step| step.hook != Hook::Exit).map(told).collect();
    let seen: Vec<_> = seen.iter().map(String::as_str).collect();
    assert_eq!(
        seen,
        [
            "library-init entered ",
            "library-log entered WARNING: KNI is deprecated and will be removed in DPDK 23.11",
            "open returned -2 /dev/kni",
            "library-log entered Can not open /dev/%s",
            "library-init returned -1 ",
            "library-alloc entered vEth0_0",
            "library-log entered KNI subsystem has not been initialized. Invoke rte_kni_init() first",
            "library-alloc returned 0 vEth0_0",
        ]
    );
}

fn is_return(step: &Step) -> bool {
    matches!(step.phase, Phase::Return { .. })
}

fn told(step: &Step) -> String {
    let text = step.text.text().map(|text| String::from_utf8_lossy(text.as_bytes()).into_owned());
    // A format begins with the log's own prefix.
    let text = text.unwrap_or_default().trim_end().trim_start_matches("KNI: ").to_owned();
    match step.phase {
        Phase::Enter => format!("{} entered {text}", step.hook.name()),
        Phase::Return { value, .. } => format!("{} returned {value} {text}", step.hook.name()),
    }
}

/// Where the libraries are.
pub(crate) fn libraries() -> PathBuf {
    root().join(format!("usr/lib/{}-linux-gnu", std::env::consts::ARCH))
}

pub(crate) fn root() -> PathBuf {
    let root =
        std::env::var_os("KNIWATCH_DPDK_ROOT").expect("KNIWATCH_DPDK_ROOT: run `cargo xtask test host`");
    PathBuf::from(root)
}
