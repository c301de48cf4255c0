//! Processes that use KNI, or are followed, and no others.

use std::process::{self, Command};

use kni_ebpf::hook::Hook;
use kni_user::probe::Config;
use kni_user::untrusted::Untrusted;

use crate::program::{self, Info, RELEASE};
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
