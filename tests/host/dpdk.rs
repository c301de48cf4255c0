//! DPDK's own libraries, as Debian built them, in the root of the dev VM's guest.

use std::path::PathBuf;
use std::process::Command;

use kni_ebpf::hook::Hook;
use kni_user::event::{HookState, Phase, Step};
use kni_user::probe::Config;

use crate::standin;
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

/// A program with EAL. What it reserves first makes its attempt fail at its fifth memzone; any
/// file that can be opened passes for the device.
const WITH_EAL: &str = r#"
import ctypes, threading
eal, ring, mbuf, kni = (ctypes.CDLL(f"librte_{name}.so.23") for name in ["eal", "ring", "mbuf", "kni"])
ctypes.CDLL("librte_mempool_ring.so.23")
arguments = [b"test", b"--no-huge", b"--no-pci", b"--no-shconf", b"-m", b"64", b"--no-telemetry", b"--log-level=1"]
assert eal.rte_eal_init(len(arguments), (ctypes.c_char_p * len(arguments))(*arguments)) >= 0
for make in [eal.rte_memzone_reserve, mbuf.rte_pktmbuf_pool_create, ring.rte_ring_create, kni.rte_kni_alloc]:
    make.restype = ctypes.c_void_p
def pool(name, count):
    return ctypes.c_void_p(mbuf.rte_pktmbuf_pool_create(name, count, 0, 0, 2048, -1))
assert eal.rte_memzone_reserve(b"kni_req_vEth0", 64, -1, 0)
assert kni.rte_kni_init(4) == 0
def work(name):
    assert not pool(b"too large", 1 << 20)
    conf = ctypes.create_string_buffer(b"vEth0", 512)
    assert kni.rte_kni_alloc(pool(name, 64), conf, None) is None
    assert ring.rte_ring_create(b"odd", 5, -1, 0) is None
work(b"first pool")
thread = threading.Thread(target=work, args=[b"second pool"])
thread.start()
thread.join()
"#;

/// Has a program of the guest's root run with `/proc`, `/sys` and a device of its own, in a mount namespace that ends
/// with it.
const IN_ROOT: &str = r#"
mount --rbind /proc "$1/proc" && mount --rbind /sys "$1/sys" &&
for dir in dev run tmp; do mount -t tmpfs none "$1/$dir" || exit; done &&
touch "$1/dev/kni" && mknod "$1/dev/null" c 1 3 && exec chroot "$1" python3 -c "$2"
"#;

#[test]
fn real_failures_are_told_with_their_names_and_reasons_in_each_thread() {
    let root = root();
    let mut watch = Watch::armed(&Config {
        libraries: named(&["kni", "eal", "mbuf", "mempool", "ring"]),
        ..Config::default()
    });
    let mut program = Command::new("unshare")
        .args(["--mount", "sh", "-c", IN_ROOT, "sh"])
        .args([root.as_os_str(), WITH_EAL.as_ref()])
        .spawn()
        .unwrap();
    assert!(program.wait().unwrap().success());
    let pid = program.id();
    watch.wait_for("exit", |events| steps(events, pid).find(|step| step.hook == Hook::Exit).cloned());
    let null =
        |step: &&Step| matches!(step.phase, Phase::Return { value: 0, .. }) && step.hook != Hook::LibraryInit;
    let (first, second): (Vec<_>, Vec<_>) =
        steps(watch.events(), pid).filter(null).partition(|step| step.task.tid == pid);
    for (steps, pool) in [(first, "first pool"), (second, "second pool")] {
        let alloc = format!("library-alloc NULL vEth0 [{pool}] rte_errno 17");
        let seen: Vec<_> = steps.into_iter().map(standin::told).collect();
        assert_eq!(
            seen,
            [
                "pool-create NULL too large rte_errno 12",
                "memzone-reserve NULL kni_req_vEth0 rte_errno 17",
                &alloc,
                "ring-create NULL odd rte_errno 22",
            ]
        );
    }
}

#[test]
fn an_attempt_of_the_real_library_is_seen_step_by_step() {
    let root = root();
    let libraries = named(&["kni", "eal"]);
    let mut watch = Watch::armed(&Config { libraries, ..Config::default() });
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

/// Those of these names.
fn named(names: &[&str]) -> Vec<PathBuf> {
    names.iter().map(|name| libraries().join(format!("librte_{name}.so.23"))).collect()
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
