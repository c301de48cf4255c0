//! Processes that use KNI, or are followed, and no others.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{self, Command, ExitStatus};

use kni_ebpf::hook::Hook;
use kni_ebpf::record::{EXIT_CODE_KNOWN, EXIT_WHOLE, EXIT_WHOLE_KNOWN};
use kni_user::probe::Config;
use kni_user::untrusted::Untrusted;

use crate::program::{self, Info, RELEASE};
use crate::standin::{Linked, Standin};
use crate::watch::{Watch, steps, task};

#[test]
fn a_followed_process_hands_that_on_to_its_children() {
    let mut watch = Watch::armed(&Config::default());
    watch.probes.follow(process::id()).unwrap();
    let mut child = Command::new("sh").args(["-c", "/bin/true; exit 0"]).spawn().unwrap();
    watch.probes.unfollow(process::id()).unwrap();
    child.wait().unwrap();
    let shell = child.id();
    watch.wait_for("exit of the shell", |events| {
        steps(events, shell).find(|step| step.hook == Hook::Exit).cloned()
    });

    let events = watch.events();
    let forks: Vec<_> = steps(events, shell).filter(|step| step.hook == Hook::Fork).collect();
    let [fork] = forks.as_slice() else { panic!("{events:#?}") };
    let grandchild = u32::try_from(fork.args[0]).unwrap();
    let hooks: Vec<_> = steps(events, grandchild).map(|step| step.hook).collect();
    assert_eq!(hooks, [Hook::Exec, Hook::Exit]);
    let exec = steps(events, grandchild).next().unwrap();
    assert_eq!(exec.text.text().map(Untrusted::as_bytes), Some(&b"/bin/true"[..]));
}

#[test]
fn other_processes_are_not_told_of() {
    let mut watch = Watch::armed(&Config::default());
    let status = Command::new("/bin/true").status().unwrap();
    assert!(status.success());
    // The one event that must come, behind any that must not.
    program::request(RELEASE, &mut Info::named("x"));
    watch.wait_for("call", |events| (events.len() == 2).then_some(()));
    assert!(watch.events().iter().all(|event| task(event).is_some_and(|task| task.pid == process::id())));
}

#[test]
fn a_process_is_known_once_it_has_used_kni_and_threads_are_no_children() {
    let mut watch = Watch::armed(&Config::default());
    program::request(RELEASE, &mut Info::named("x"));
    std::thread::spawn(|| ()).join().unwrap();
    let mut child = Command::new("/bin/true").spawn().unwrap();
    child.wait().unwrap();
    watch.wait_for("exit of the child", |events| {
        steps(events, child.id()).find(|step| step.hook == Hook::Exit).cloned()
    });
    let forks = steps(watch.events(), process::id()).filter(|step| step.hook == Hook::Fork);
    assert_eq!(forks.map(|step| step.args[0]).collect::<Vec<_>>(), [u64::from(child.id())]);
}

/// What a process's last step tells of its end, as `wait` would have it.
fn told_end(watch: &mut Watch, pid: u32) -> ExitStatus {
    let exit = watch.wait_for("exit", |events| {
        steps(events, pid)
            .find(|step| step.hook == Hook::Exit && step.args[1] == EXIT_CODE_KNOWN | WHOLE)
            .cloned()
    });
    ExitStatus::from_raw(i32::try_from(exit.args[0]).unwrap())
}

const WHOLE: u64 = EXIT_WHOLE_KNOWN | EXIT_WHOLE;

#[test]
fn a_process_ends_as_its_parent_is_told() {
    let mut watch = Watch::armed(&Config::default());
    // For the core.
    let dir = tempfile::tempdir().unwrap();
    for script in [
        "exit 0",
        "exit 3",
        "kill -KILL $$",
        "ulimit -c 0; kill -SEGV $$",
        "ulimit -c unlimited; kill -SEGV $$",
    ] {
        watch.probes.follow(process::id()).unwrap();
        let mut child = Command::new("sh").args(["-c", script]).current_dir(&dir).spawn().unwrap();
        watch.probes.unfollow(process::id()).unwrap();
        let status = child.wait().unwrap();
        // The bit that says whether there is a core dump too.
        assert_eq!(told_end(&mut watch, child.id()), status, "{script}");
    }
}

#[test]
fn a_process_lives_on_without_its_first_thread() {
    let standin = Standin::compiled(Linked::Whole(&[]));
    let mut watch = Watch::armed(standin.config());
    let mut child = standin.start(&["alloc", "1", "outlive", "3"]);
    let (pid, status) = (child.id(), child.wait().unwrap());
    assert_eq!(status.code(), Some(3));
    assert_eq!(told_end(&mut watch, pid), status);

    // What it did alone is told of as before, and its end once.
    let seen: Vec<_> = steps(watch.events(), pid).map(|step| (step.hook, step.task.tid == pid)).collect();
    let alloc =
        |first| [(Hook::LibraryAlloc, first), (Hook::MemzoneReserve, first), (Hook::LibraryAlloc, first)];
    assert_eq!(seen, [&alloc(true)[..], &alloc(false), &[(Hook::Exit, false)]].concat());
}

#[test]
fn a_death_inside_an_attempt_is_told_with_its_signal() {
    let standin = Standin::compiled(Linked::Whole(&[]));
    let mut watch = Watch::armed(standin.config());
    let mut child = standin.start(&["die", "9"]);
    let (pid, status) = (child.id(), child.wait().unwrap());
    assert_eq!(told_end(&mut watch, pid), status);
    let [enter, exit] =
        watch.wait_for("end", |events| steps(events, pid).cloned().collect::<Vec<_>>().try_into().ok());
    assert_eq!((enter.hook, exit.hook), (Hook::LibraryAlloc, Hook::Exit));
    assert!(exit.attempt.is_some() && exit.attempt == enter.attempt);
}
