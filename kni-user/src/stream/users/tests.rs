use kni_ebpf::hook::Hook;
use kni_ebpf::record::{EXIT_CODE_KNOWN, EXIT_WHOLE, EXIT_WHOLE_KNOWN};
use proptest::prelude::*;

use super::{LINGER, MAX_USERS, SWEEP, Users};
use crate::event::{Call, Event, Mapped, Nanos, Object, Phase, Read, Step, Task, What};

const SECOND: Nanos = 1_000_000_000;

fn task(pid: u32, tid: u32) -> Task {
    Task { pid, tid, comm: "app".into() }
}

fn step(hook: Hook, (pid, tid): (u32, u32), args: [u64; 3]) -> What {
    What::Step(Step {
        hook,
        task: task(pid, tid),
        phase: Phase::Enter,
        attempt: None,
        args,
        text: Read::default(),
        detail: Read::default(),
        rte_errno: None,
    })
}

fn enters(hook: Hook, pid: u32) -> What {
    step(hook, (pid, pid), [0; 3])
}

fn exits(pid: u32, tid: u32, bits: u64) -> What {
    step(Hook::Exit, (pid, tid), [0, bits, 0])
}

fn call(pid: u32) -> What {
    let phase = Phase::Return { value: 0, entered: None };
    What::Call(Call { task: task(pid, pid), phase, attempt: None, fd: 3, cmd: 0, info: Read::default() })
}

fn object(path: &str, symbols: &[&str]) -> What {
    let symbols = symbols.iter().map(|symbol| (*symbol).to_owned()).collect();
    What::Object(Object { path: path.into(), symbols, ..Object::default() })
}

fn maps(pid: u32, path: &str) -> What {
    What::Mapped(Mapped { pid, object: path.into() })
}

/// Whether calls are to be observed after each event, at a second's distance each, while all processes live.
fn after(events: &[What]) -> Vec<bool> {
    let mut users = Users::default();
    let events = (1..).zip(events).map(|(n, what)| Event { at: n * SECOND, what: what.clone() });
    events.map(|event| users.take(&event, |_| true)).collect()
}

#[test]
fn whoever_comes_near_kni_is_a_user() {
    for hook in [Hook::LibraryInit, Hook::LibraryAlloc, Hook::Open, Hook::DeviceOpen, Hook::PoolCreate] {
        assert_eq!(after(&[enters(hook, 7)]), [true], "{hook:?}");
    }
    assert_eq!(after(&[call(7)]), [true]);
    let library = object("/lib/librte_kni.so", &["rte_kni_alloc", "rte_kni_init"]);
    assert_eq!(after(&[library.clone(), maps(7, "/lib/librte_kni.so")]), [false, true]);
    assert_eq!(after(&[library, maps(7, "/lib/librte_eal.so")]), [false, false]);
    assert_eq!(
        after(&[object("/lib/librte_eal.so", &["rte_log"]), maps(7, "/lib/librte_eal.so")]),
        [false, false]
    );
}

#[test]
fn others_are_not() {
    let foreign = [Hook::Fork, Hook::Exec, Hook::Exit, Hook::ModuleLoad, Hook::ModuleFree];
    assert_eq!(after(&foreign.map(|hook| enters(hook, 7))), [false; 5]);
    assert_eq!(after(&[What::Tick, What::Armed]), [false, false]);
}

#[test]
fn the_last_ones_end_is_waited_out() {
    let mut users = Users::default();
    let mut take = |at, what| users.take(&Event { at, what }, |_| true);
    assert!(take(SECOND, enters(Hook::LibraryInit, 7)));
    assert!(take(2 * SECOND, enters(Hook::LibraryInit, 8)));
    assert!(take(100 * SECOND, exits(7, 7, 0)));
    assert!(take(200 * SECOND, What::Tick), "8 is still there");
    assert!(take(300 * SECOND, exits(8, 8, 0)));
    assert!(take(300 * SECOND + LINGER - 1, What::Tick));
    assert!(!take(300 * SECOND + LINGER, What::Tick));
    assert!(take(400 * SECOND, enters(Hook::LibraryInit, 9)), "and again");
}

/// A program that dies and is started again two seconds later stays observed all the time.
#[test]
fn a_restart_loop_never_goes_unobserved() {
    let rounds = (0..100).flat_map(|round| {
        let pid = 100 + round;
        [enters(Hook::LibraryInit, pid), exits(pid, pid, 0), What::Tick, What::Tick]
    });
    assert!(after(&rounds.collect::<Vec<_>>()).iter().all(|armed| *armed));
}

#[test]
fn a_process_ends_with_its_last_thread_where_that_is_told_and_else_with_its_first() {
    let ends = |exit: What| {
        let mut users = Users::default();
        users.add(7);
        users.take(&Event { at: SECOND, what: exit }, |_| true);
        users.pids.is_empty()
    };
    assert!(ends(exits(7, 7, 0)));
    assert!(!ends(exits(7, 8, 0)), "one of several threads");
    assert!(!ends(exits(7, 7, EXIT_WHOLE_KNOWN)), "others go on without the first");
    assert!(ends(exits(7, 8, EXIT_WHOLE_KNOWN | EXIT_WHOLE)));
    assert!(ends(exits(7, 7, EXIT_CODE_KNOWN | EXIT_WHOLE_KNOWN | EXIT_WHOLE)));
    assert!(!ends(exits(6, 6, 0)), "another process");
}

#[test]
fn the_children_of_users_are_users() {
    let mut users = Users::default();
    let forks = |pid: u32, child: u64| step(Hook::Fork, (pid, pid), [child, 0, 0]);
    for what in [enters(Hook::LibraryInit, 7), forks(7, 8), forks(9, 10), exits(7, 7, 0)] {
        users.take(&Event { at: SECOND, what }, |_| true);
    }
    assert_eq!(users.pids.iter().collect::<Vec<_>>(), [&8]);
}

#[test]
fn a_lost_exit_is_made_good_by_looking_who_lives() {
    let mut users = Users::default();
    let tick = |at| Event { at, what: What::Tick };
    users.take(&Event { at: SECOND, what: enters(Hook::LibraryInit, 7) }, |_| true);
    assert!(users.take(&tick(2 * SWEEP), |pid| pid == 7));
    assert!(users.take(&tick(2 * SWEEP + 1), |_| false), "it is not looked at every time");
    assert!(users.take(&tick(3 * SWEEP), |_| false), "gone, and waited out");
    assert!(!users.take(&tick(3 * SWEEP + LINGER), |_| false));
}

/// Of a program that loads the library and ends without a call of it, no exit is recorded.
#[test]
fn a_user_that_was_gone_before_it_was_looked_for_is_waited_out_too() {
    let mut users = Users::default();
    let library = object("/lib/librte_kni.so", &["rte_kni_alloc"]);
    for what in [library, maps(7, "/lib/librte_kni.so")] {
        users.take(&Event { at: SWEEP, what }, |_| false);
    }
    assert!(users.take(&Event { at: 2 * SWEEP, what: What::Tick }, |_| false));
    assert!(!users.take(&Event { at: 2 * SWEEP + LINGER, what: What::Tick }, |_| false));
}

#[test]
fn more_users_than_can_be_counted_keep_it_observed_for_good() {
    let mut users = Users::default();
    let pids = 1..=u32::try_from(MAX_USERS).unwrap() + 1;
    for pid in pids.clone() {
        users.add(pid);
    }
    for pid in pids {
        users.take(&Event { at: SECOND, what: exits(pid, pid, 0) }, |_| true);
    }
    assert!(users.take(&Event { at: 10 * LINGER, what: What::Tick }, |_| true));
}

proptest! {
    /// Whatever happens: whoever was seen and has not exited keeps it observed.
    #[test]
    fn as_long_as_a_user_lives_it_is_observed(events in prop::collection::vec((any::<bool>(), 0..4u32), 1..40)) {
        let mut users = Users::default();
        let mut living = std::collections::BTreeSet::new();
        for (n, (comes, pid)) in (1..).zip(events) {
            let what = if comes { enters(Hook::LibraryAlloc, pid) } else { exits(pid, pid, 0) };
            let _changed = if comes { living.insert(pid) } else { living.remove(&pid) };
            let observed = users.take(&Event { at: n * SWEEP, what }, |_| true);
            prop_assert!(observed || living.is_empty());
        }
    }
}
