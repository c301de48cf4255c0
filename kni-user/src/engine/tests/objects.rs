//! Which file a process has its library from decides what was seen of it.

use kni_ebpf::hook::Hook;

use super::{INCONCLUSIVE, short, stopped};
use crate::cause::Cause;
use crate::event::HookState;
use crate::report::{Boundary::Library, Outcome, Unseen};
use crate::testing::{Stream, Who, process};

const APP: Who = process(100);
const SYSTEM: &str = "/usr/lib/librte_kni.so.23";
const OTHER: &str = "/opt/dpdk/librte_kni.so.23";
const NOT_INITIALISED: &str = "KNI: KNI subsystem has not been initialized. Invoke rte_kni_init() first\n";

fn stripped() -> HookState {
    HookState::Missing { reason: "the file is stripped".to_owned() }
}

/// A silent refusal as `process` shows it where no hook in its library is live: nothing but its end.
fn late(stream: &mut Stream, who: Who) {
    stream.alloc(who, "vEth0");
    stream.alloc_returns(who, 0);
}

fn not_initialised(stream: &mut Stream, who: Who) {
    stream.alloc(who, "vEth0");
    stream.says(who, NOT_INITIALISED);
    stream.alloc_returns(who, 0);
}

#[test]
fn a_hook_in_the_system_s_library_says_nothing_of_another_copy() {
    let mut stream = Stream::before_any_library();
    stream.object(SYSTEM, &HookState::Live);
    stream.object(OTHER, &stripped());
    for (pid, object) in [(101, SYSTEM), (102, OTHER)] {
        stream.process(pid, 1);
        stream.maps(pid, object);
        late(&mut stream, process(pid));
    }
    let told = stream.end();
    let missing: Vec<_> = told.attempts().iter().map(|one| one.coverage.missing.clone()).collect();
    assert_eq!(missing[0], []);
    let reason = Some("the file is stripped".to_owned());
    let lookup = Unseen::Hook { hook: "memzone-lookup", reason, armed_after_ns: None };
    assert_eq!(missing[1].first(), Some(&lookup));
}

#[test]
fn what_came_too_late_leaves_the_first_run_open_and_not_the_next() {
    let mut stream = Stream::before_any_library();
    stream.process(101, 12);
    // It has initialised the library, or failed to: nobody saw it.
    stream.object(OTHER, &HookState::Live);
    stream.maps(101, OTHER);
    not_initialised(&mut stream, process(101));
    stream.exit(process(101));
    stream.process(102, 12);
    stream.maps(102, OTHER);
    not_initialised(&mut stream, process(102));
    let told = stream.end();
    let all: Vec<_> = told.attempts().into_iter().map(short).collect();
    assert_eq!(all, [INCONCLUSIVE, stopped(Library, Cause::LibNotInitialised)]);
    let missing = &told.attempts()[0].coverage.missing;
    let [Unseen::Hook { hook: "library-init", reason: None, armed_after_ns: Some(1..) }] = missing[..] else {
        panic!("{missing:#?}");
    };
}

#[test]
fn a_hook_that_comes_into_the_library_during_an_attempt_proves_nothing_in_it() {
    let mut stream = Stream::before_any_library();
    stream.object(SYSTEM, &HookState::Live);
    stream.maps(100, OTHER);
    stream.alloc(APP, "vEth0");
    stream.object(OTHER, &HookState::Live);
    stream.alloc_returns(APP, 0);
    late(&mut stream, APP);
    let told = stream.end();
    let complete: Vec<_> = told.attempts().iter().map(|one| one.coverage.complete).collect();
    assert_eq!(complete, [false, true]);
    assert!(
        told.attempts()[0]
            .coverage
            .missing
            .iter()
            .all(|unseen| matches!(unseen, Unseen::Hook { reason: None, armed_after_ns: Some(_), .. }))
    );
}

#[test]
fn a_forked_child_runs_its_parent_s_library_and_an_executed_program_another() {
    let mut stream = Stream::before_any_library();
    stream.object(SYSTEM, &HookState::Live);
    stream.object(OTHER, &stripped());
    stream.maps(100, OTHER);
    for child in [101, 102, 103] {
        stream.note(APP, Hook::Fork, [child, 0, 0], "app");
    }
    late(&mut stream, process(101));
    // Nothing is known of what it runs: everything counts.
    stream.note(process(102), Hook::Exec, [0; 3], "/usr/bin/other");
    late(&mut stream, process(102));
    // What was read of it is told before the record of what it executed before that.
    let executed = stream.now;
    stream.maps(103, SYSTEM);
    let read = std::mem::replace(&mut stream.now, executed - 500);
    stream.note(process(103), Hook::Exec, [0; 3], "/usr/bin/other");
    stream.now = read;
    late(&mut stream, process(103));
    let told = stream.end();
    let complete: Vec<_> = told.attempts().iter().map(|one| one.coverage.complete).collect();
    assert_eq!(complete, [false, true, true]);
    assert!(told.attempts().iter().all(|one| one.outcome == Outcome::Stopped));
}

#[test]
fn where_no_library_is_known_the_executable_counts_if_hooks_were_looked_for_in_it() {
    let mut stream = Stream::before_any_library();
    stream.object(SYSTEM, &HookState::Live);
    stream.object("/usr/bin/app", &stripped());
    stream.process(APP.pid, 1);
    late(&mut stream, APP);
    assert!(!stream.end().attempt().coverage.complete);
}

#[test]
fn a_reused_id_has_nothing_of_its_predecessor_s_library() {
    let mut stream = Stream::before_any_library();
    stream.object(SYSTEM, &HookState::Live);
    stream.object(OTHER, &stripped());
    stream.maps(100, OTHER);
    stream.exit(APP);
    stream.maps(100, SYSTEM);
    late(&mut stream, APP);
    assert!(stream.end().attempt().coverage.complete);
}
