//! Without root, and without tracefs: what can be had is had, and what can't is told with the reason and the remedy.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use kni_ebpf::hook::Hook;
use kni_user::event::HookState;
use kni_user::probe::{Arm, CannotObserve, Config, Probes};

use crate::program;

/// Says to a test that it is the one that was started within.
const WITHIN: &str = "KNIWATCH_TEST_WITHIN";

/// Runs `body` in another process that `wrapper` starts: the test `name` begins again there.
fn within(wrapper: &[&str], name: &str, body: impl FnOnce()) {
    if std::env::var_os(WITHIN).is_some() {
        return body();
    }
    let directory = tempfile::tempdir().unwrap();
    let world = |mode| std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(directory.path(), world(0o755)).unwrap();
    let program = directory.path().join("host");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let (first, rest) = wrapper.split_first().unwrap();
    let test = format!("privileges::{name}");
    let output = Command::new(first)
        .args(rest)
        .arg(&program)
        .args(["--exact", &test, "--nocapture"])
        .env(WITHIN, "")
        .current_dir("/")
        .output()
        .unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && stdout.contains("1 passed"), "{stdout}{stderr}");
}

/// A user who has these capabilities alone.
fn as_user(capabilities: &str, name: &str, body: impl FnOnce()) {
    let inherited = format!("--inh-caps=-all,{capabilities}");
    let ambient = format!("--ambient-caps=-all,{capabilities}");
    let ids = ["setpriv", "--reuid=4711", "--regid=4711", "--clear-groups"];
    within(&[&ids[..], &[&inherited, &ambient, "--"]].concat(), name, body);
}

/// The state of a hook on this machine; of a library's, in this program.
fn state(hook: Hook) -> HookState {
    let config = Config { executables: vec![program::path()], arm: Arm::Always, ..Config::default() };
    let mut probes = Probes::load(&config).unwrap();
    let coverage = probes.attach_all();
    let of_hook = coverage.into_iter().filter(|told| told.hook == hook).map(|told| told.state);
    // Live in one file, though it may be waited for in others.
    of_hook.min_by_key(|state| *state != HookState::Live).unwrap()
}

fn reason(hook: Hook) -> String {
    match state(hook) {
        HookState::Missing { reason } => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_user_who_may_not_read_tracefs_is_told_why_there_are_no_tracepoints() {
    let name = "a_user_who_may_not_read_tracefs_is_told_why_there_are_no_tracepoints";
    as_user("+bpf,+perfmon,+syslog,+sys_ptrace,+sys_admin", name, || {
        assert_eq!(state(Hook::LibraryAlloc), HookState::Live);
        let reason = reason(Hook::Ioctl);
        assert!(reason.contains("can't be read") && reason.contains("CAP_DAC_READ_SEARCH"), "{reason}");
    });
}

#[test]
fn a_user_who_may_read_everything_has_all_tracepoints() {
    as_user("+bpf,+perfmon,+dac_read_search", "a_user_who_may_read_everything_has_all_tracepoints", || {
        for hook in [Hook::Ioctl, Hook::Exit, Hook::Exec] {
            assert_eq!(state(hook), HookState::Live, "{hook:?}");
        }
        // Which kernels let CAP_PERFMON do, their releases tell badly: fixes are taken back to older ones.
        match state(Hook::LibraryAlloc) {
            HookState::Missing { reason } => assert!(reason.contains("CAP_SYS_ADMIN"), "{reason}"),
            other => assert_eq!(other, HookState::Live),
        }
    });
}

#[test]
fn the_capability_that_is_missing_is_named() {
    as_user("+bpf,+dac_read_search", "the_capability_that_is_missing_is_named", || {
        let error = Probes::load(&Config::default()).err().unwrap().downcast::<CannotObserve>().unwrap();
        let error = error.to_string();
        assert!(error.contains("lacks CAP_PERFMON\n") && error.contains("setcap"), "{error}");
    });
}

#[test]
fn without_tracefs_there_are_no_tracepoints_and_the_remedy_is_told() {
    let unmount = "umount -R /sys/kernel/tracing; umount -R /sys/kernel/debug; exec \"$@\"";
    let name = "without_tracefs_there_are_no_tracepoints_and_the_remedy_is_told";
    within(&["unshare", "--mount", "sh", "-c", unmount, "sh"], name, || {
        assert_eq!(state(Hook::LibraryAlloc), HookState::Live);
        for hook in [Hook::Ioctl, Hook::Exec, Hook::ModuleLoad] {
            let reason = reason(hook);
            assert!(reason.contains("mount -t tracefs tracefs /sys/kernel/tracing"), "{hook:?}: {reason}");
        }
    });
}
