use super::{MAX_PROCESSES, Processes};
use crate::event::{Process, Task};

fn info(pid: u32, start_ns: u64, parent: u32, exe: &str) -> Process {
    let exe = Some(exe.into());
    Process { pid, ns_pids: vec![pid], start_ns, exe, parent, parent_comm: None, netns: Some(1), mntns: None }
}

#[test]
fn a_reused_id_inherits_nothing() {
    let mut processes = Processes::default();
    processes.describe(&info(7, 100, 1, "/a"));
    processes.of(7).history.opened(1, super::Open::default(), Some(3));
    processes.describe(&info(7, 100, 1, "/a"));
    assert!(processes.of(7).history.open.is_some(), "the same process, described again");
    processes.describe(&info(7, 200, 1, "/a"));
    assert!(processes.of(7).history.open.is_none());
}

#[test]
fn what_is_left_of_a_process_in_proc_does_not_replace_what_was_known() {
    let mut processes = Processes::default();
    processes.describe(&info(7, 100, 1, "/a"));
    processes.ended(7, 300, None);
    processes.describe(&Process { exe: None, ..info(7, 100, 1, "/a") });
    assert_eq!((processes.exe(7), processes.lived(7)), (Some(&"/a".into()), Some(200)));
}

#[test]
fn a_forked_child_inherits_and_another_program_does_not() {
    let mut processes = Processes::default();
    processes.describe(&info(7, 100, 1, "/a"));
    processes.of(7).history.opened(1, super::Open::default(), Some(3));
    processes.describe(&info(8, 200, 7, "/a"));
    processes.describe(&info(9, 200, 7, "/b"));
    assert_eq!(processes.of(8).history.descriptors, [3]);
    assert!(processes.of(9).history.descriptors.is_empty());
}

#[test]
fn the_program_of_a_process_that_proc_has_not_any_more_is_the_one_it_was_told_to_execute() {
    let mut processes = Processes::default();
    processes.born(7, 1);
    for (executed, known) in [("/a", Some("/a")), ("./b", None), ("/c", Some("/c"))] {
        processes.exec(7, 2, Some(&executed.into()));
        assert_eq!(processes.exe(7), known.map(Into::into).as_ref(), "{executed}");
    }
    let parent = Task { pid: 7, tid: 7, comm: "c".into() };
    processes.forked(8, 3, &parent);
    assert_eq!(processes.exe(8), Some(&"/c".into()), "a fork");
    processes.describe(&info(7, 2, 1, "/usr/bin/c"));
    assert_eq!(processes.exe(7), Some(&"/usr/bin/c".into()), "what /proc says is the file itself");
}

#[test]
fn memory_stays_bounded_and_the_living_stay() {
    let mut processes = Processes::default();
    processes.of(1).history.init = None;
    for pid in 2..3 * u32::try_from(MAX_PROCESSES).unwrap() {
        processes.of(pid).ended = Some(1);
    }
    assert_eq!(processes.known.len(), MAX_PROCESSES);
    assert!(processes.get(1).is_some());
}
