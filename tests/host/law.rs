//! Every run of a program is accounted for, and every program is accepted.

use std::os::fd::AsRawFd as _;
use std::time::{Duration, Instant};

use aya::EbpfLoader;
use aya::programs::Program;
use aya::sys::{Stats, enable_stats};
use kni_ebpf::counter::Outcome;
use kni_ebpf::hook::Hook;
use kni_user::probe::{Config, OBJECT};

use crate::program::{self, CREATE, Info};
use crate::standin::{Linked, Standin};
use crate::watch::Watch;

#[test]
fn what_is_emitted_filtered_kept_and_lost_is_what_the_kernel_ran() {
    let stats = enable_stats(Stats::RunTime).unwrap();
    let page = u32::try_from(page_size()).unwrap();
    let standin = Standin::compiled(Linked::Whole(&[]));
    let mut watch = Watch::armed(&Config {
        ring_bytes: Some(page),
        executables: vec![program::path(), standin.program()],
        ..Config::default()
    });
    standin.run(&["every", "17", "pool", "0", "jump", "0", "panic", "0"]);
    // Far more than a page holds, and nobody reads.
    for _ in 0..200 {
        program::alloc("storm");
    }
    program::request(CREATE, &mut Info::named("storm"));

    let deadline = Instant::now() + Duration::from_secs(20);
    for hook in Hook::ALL {
        // The whole machine runs into some hooks: look until nothing ran in between.
        let (ours, kernels) = loop {
            let before = watch.probes.kernel_runs(hook).unwrap();
            let counters = watch.probes.counters().unwrap();
            if before == watch.probes.kernel_runs(hook).unwrap() {
                break (counters.runs(hook), before);
            }
            assert!(Instant::now() < deadline, "{hook:?} never rests");
        };
        assert_eq!(ours, kernels, "{hook:?}");
        let in_library = watch.coverage.iter().any(|told| told.hook == hook && told.object.is_some());
        assert!(!in_library || ours > 0, "{hook:?} never ran");
    }
    let counters = watch.probes.counters().unwrap();
    // One of the stand-in's returned, one did not.
    assert_eq!(counters.runs(Hook::LibraryAlloc), 400 + 3);
    assert!(counters.lost > 0 && counters.emitted > 0, "{counters:?}");
    assert_eq!(counters.emitted, u64::try_from(watch.events().len()).unwrap());
    assert_eq!((counters.missed, counters.displaced), (0, 0));
    assert!(stats.as_raw_fd() >= 0);
}

/// Also those of hooks that this kernel has no place for.
#[test]
fn the_verifier_accepts_every_program() {
    let mut loader = EbpfLoader::new();
    // Offsets that a program can work with; which ones does not matter to the verifier.
    let mut object = loader
        .btf(None)
        .override_global("SYSCALL_ARGUMENT_OFFSETS", &[112u32, 104, 96], true)
        .override_global("TASK_OFFSETS", &[2048u32, 2200, 1200, 64, 72, 76, 1300, 40], true)
        .override_global("NET_OFFSETS", &[224u32, 0, 80, 1264, 2496, 136], true)
        .load(OBJECT)
        .unwrap();
    let mut count = 0;
    for (name, program) in object.programs_mut() {
        let verified = match program {
            Program::KProbe(program) => program.load(),
            Program::UProbe(program) => program.load(),
            Program::TracePoint(program) => program.load(),
            _ => panic!("{name} is of another kind"),
        };
        verified.unwrap_or_else(|error| panic!("{name}: {error}"));
        count += 1;
    }
    assert!(count > Hook::ALL.len(), "{count}");
}

#[test]
fn an_entry_that_finds_a_table_full_is_counted_as_displaced() {
    let mut watch = Watch::armed(&Config { executables: vec![program::path()], ..Config::default() });
    // More processes than the table of users holds.
    for pid in 0..2000 {
        if watch.probes.follow(4_000_000 + pid).is_err() {
            break;
        }
    }
    program::alloc("displaced");
    watch.wait_for("call", |events| (!events.is_empty()).then_some(()));
    assert!(watch.probes.counters().unwrap().at(Hook::LibraryAlloc, Outcome::Displaced) > 0);
}

fn page_size() -> i64 {
    // SAFETY: takes a number.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) }
}
