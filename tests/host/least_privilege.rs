//! What kniwatch gives up once everything is attached, and that it goes on observing with what is left.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::ptr::null;
use std::thread;
use std::time::{Duration, Instant};

use kni_ebpf::hook::Hook;
use kni_user::event::HookState;
use kni_user::privileges::{self, Keep};
use kni_user::probe::Config;
use tempfile::TempDir;

use crate::live::{Live, states};
use crate::objects::{Program, compile, wait_for_alloc};

/// Long enough for a loaded machine: only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(30);
/// `nobody`.
const SOMEBODY: u32 = 65534;

const KILL: u64 = 1 << 5;
/// `CAP_BPF`, `CAP_PERFMON`, `CAP_SYSLOG`, `CAP_SYS_ADMIN`, `CAP_SYS_PTRACE` and `CAP_DAC_READ_SEARCH`.
const OBSERVING: u64 = 1 << 39 | 1 << 38 | 1 << 34 | 1 << 21 | 1 << 19 | 1 << 2;

/// kniwatch itself, in a directory that is not root's; killed if the test fails.
struct Kniwatch {
    process: Child,
    directory: TempDir,
}

impl Kniwatch {
    /// Begun by `before`, a program that executes its arguments, and watching until it is told to stop.
    fn start(before: &[&str], arguments: &[&str]) -> Self {
        let program =
            std::env::var_os("KNIWATCH_PROGRAM").expect("KNIWATCH_PROGRAM: run `cargo xtask test host`");
        let directory = tempfile::tempdir().unwrap();
        chown(directory.path(), Some(SOMEBODY), Some(SOMEBODY)).unwrap();
        fs::set_permissions(directory.path(), Permissions::from_mode(0o700)).unwrap();
        let mut command = Command::new(before.first().copied().unwrap_or("env"));
        let (verb, rest) = arguments.split_first().unwrap();
        command.args(before.iter().skip(1)).arg(program).arg(verb).arg("--ready-file");
        let process = command.arg(directory.path().join("ready")).args(rest);
        let process = process.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut kniwatch = Self { process, directory };
        kniwatch.wait_until("readiness", |it| it.directory.path().join("ready").exists());
        kniwatch
    }

    fn wait_until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds(self) {
            assert_eq!(self.process.try_wait().unwrap(), None, "kniwatch ended before {what}");
            assert!(Instant::now() < deadline, "no {what}: {:#?}", self.threads());
            thread::yield_now();
        }
    }

    /// The state of each of its threads, by name.
    fn threads(&self) -> Vec<Status> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.process.id())).unwrap();
        tasks.filter_map(|task| Status::read(&task.unwrap().path().join("status"))).collect()
    }
}

impl Drop for Kniwatch {
    fn drop(&mut self) {
        // It may have ended.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// What `/proc/PID/status` says of privileges.
#[derive(Debug, Eq, PartialEq)]
struct Status {
    name: String,
    effective: u64,
    permitted: u64,
    inheritable: u64,
    ambient: u64,
    bounding: u64,
    no_new_privs: bool,
}

impl Status {
    /// `None`: the thread has ended.
    fn read(path: &Path) -> Option<Self> {
        let text = fs::read_to_string(path).ok()?;
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(":\t"));
            line.unwrap_or_else(|| panic!("no {key} in {text}"))
        };
        let mask = |key| u64::from_str_radix(value(key), 16).unwrap();
        Some(Self {
            name: value("Name").to_owned(),
            effective: mask("CapEff"),
            permitted: mask("CapPrm"),
            inheritable: mask("CapInh"),
            ambient: mask("CapAmb"),
            bounding: mask("CapBnd"),
            no_new_privs: value("NoNewPrivs") == "1",
        })
    }

    fn assert_has(&self, kept: u64, bounding: u64) {
        let Self { effective, permitted, inheritable, ambient, no_new_privs, .. } = self;
        assert_eq!(
            (*effective, *permitted, *inheritable, *ambient, self.bounding, *no_new_privs),
            (kept, kept, 0, 0, bounding, true),
            "{self:#x?}"
        );
    }
}

/// The first thread has those and no other has more, once the one has ended that made the file whose appearance says
/// that all is attached.
fn assert_all_have(kniwatch: &mut Kniwatch, kept: u64, bounding: u64) {
    kniwatch.wait_until("giving up", |it| {
        it.threads().iter().all(|thread| thread.name != "kniwatch-ready" && thread.no_new_privs)
    });
    let threads = kniwatch.threads();
    let first = threads.iter().find(|thread| thread.name == "kniwatch").unwrap();
    first.assert_has(kept, bounding);
    for thread in &threads {
        let Status { effective, permitted, inheritable, ambient, .. } = thread;
        assert_eq!((effective | permitted) & !kept, 0, "{thread:#x?}");
        assert_eq!((*inheritable, *ambient, thread.bounding & !bounding), (0, 0, 0), "{thread:#x?}");
    }
}

#[test]
fn once_all_is_attached_root_keeps_what_observing_needs() {
    let mut kniwatch = Kniwatch::start(&[], &["watch"]);
    assert_all_have(&mut kniwatch, OBSERVING, OBSERVING);
}

#[test]
fn somebody_with_capabilities_keeps_no_more_and_may_not_make_the_bounding_set_smaller() {
    let capabilities = "+bpf,+perfmon,+syslog,+sys_admin,+sys_ptrace,+dac_read_search,+net_raw";
    let [inheritable, ambient] = ["--inh-caps", "--ambient-caps"].map(|set| format!("{set}={capabilities}"));
    let somebody =
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", &inheritable, &ambient, "--"];
    let own = Status::read(Path::new("/proc/self/status")).unwrap();
    let mut kniwatch = Kniwatch::start(&somebody, &["watch"]);
    assert_all_have(&mut kniwatch, OBSERVING, own.bounding);
}

#[test]
fn the_command_of_check_has_all_that_the_caller_has() {
    let own = Status::read(Path::new("/proc/self/status")).unwrap();
    // It waits for its input's end: the test's.
    let mut kniwatch = Kniwatch::start(&[], &["check", "--wait", "--", "cat"]);
    let children = || {
        let all =
            fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().into_string().ok());
        all.filter_map(|pid| pid.parse::<u32>().ok())
    };
    let parent = kniwatch.process.id();
    let is_child = |pid: &u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status.contains("Name:\tcat\n") && status.contains(&format!("\nPPid:\t{parent}\n"))
    };
    let command = |_: &Kniwatch| children().find(is_child);
    kniwatch.wait_until("command", |it| command(it).is_some());
    let pid = command(&kniwatch).unwrap();
    let status = Status::read(Path::new(&format!("/proc/{pid}/status"))).unwrap();
    assert_eq!((status.effective, status.permitted), (own.effective, own.permitted), "{status:#x?}");
    assert_eq!((status.bounding, status.no_new_privs), (own.bounding, own.no_new_privs), "{status:#x?}");
    assert_all_have(&mut kniwatch, OBSERVING | KILL, OBSERVING | KILL);
}

/// What needs a privilege, and how to try it. Each succeeds with it, or fails for another reason.
type Try<'a> = (&'static str, Box<dyn Fn() -> io::Result<()> + 'a>);

fn result(value: libc::c_long) -> io::Result<()> {
    if value < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn denied((what, attempt): &Try<'_>) -> Option<&'static str> {
    let denied = |error: io::Error| matches!(error.raw_os_error(), Some(libc::EACCES | libc::EPERM));
    attempt().is_err_and(denied).then_some(*what)
}

#[test]
fn what_was_given_up_can_not_be_opened_or_done_any_more() {
    // Capabilities are each thread's own: this one's don't come back.
    let trial = || {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("somebody's");
        File::create(&file).unwrap();
        chown(&file, Some(SOMEBODY), Some(SOMEBODY)).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o000)).unwrap();
        let socket = || {
            // SAFETY: takes no pointers.
            let socket = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW, 0) };
            result(socket.into())?;
            // SAFETY: nobody else has the descriptor.
            result(unsafe { libc::close(socket) }.into())
        };
        // SAFETY: its last argument may be null. Without its magic numbers it does nothing.
        let reboot = || result(unsafe { libc::syscall(libc::SYS_reboot, 0, 0, 0, null::<u8>()) });
        // SAFETY: a path that ends with zero, and the root directory stays what it is.
        let chroot = || result(unsafe { libc::chroot(c"/".as_ptr()) }.into());
        // SAFETY: takes no pointers. The system call, unlike libc's function, is for the calling thread alone.
        let saved = |id: u32| result(unsafe { libc::syscall(libc::SYS_setresuid, -1, -1, id) });
        let lost: Vec<Try<'_>> = vec![
            ("a file for writing", Box::new(|| OpenOptions::new().write(true).open(&file).map(drop))),
            ("a packet socket", Box::new(socket)),
            ("a reboot", Box::new(reboot)),
            ("a root directory", Box::new(chroot)),
            (
                "an owner",
                Box::new(|| chown(&file, Some(0), None).and_then(|()| chown(&file, Some(SOMEBODY), None))),
            ),
            ("a user", Box::new(|| saved(SOMEBODY).and_then(|()| saved(0)))),
        ];
        let mut other = Command::new("cat").uid(SOMEBODY).stdin(Stdio::piped()).spawn().unwrap();
        let root = format!("/proc/{}/root", other.id());
        let kept: Vec<Try<'_>> = vec![
            ("a file for reading", Box::new(|| File::open(&file).map(drop))),
            ("another's root", Box::new(|| fs::read_dir(&root).map(drop))),
            ("the kernel's log", Box::new(|| File::open("/dev/kmsg").map(drop))),
        ];
        let denied_of = |tries: &[Try<'_>]| tries.iter().filter_map(denied).collect::<Vec<_>>();
        assert_eq!(denied_of(&lost), [""; 0], "root may do all of it");
        privileges::drop_unneeded(&[]).unwrap();
        assert_eq!(denied_of(&lost), lost.iter().map(|(what, _)| *what).collect::<Vec<_>>());
        assert_eq!(denied_of(&kept), [""; 0]);
        drop(other.stdin.take());
        other.wait().unwrap();
        // A second time changes nothing, with more to keep neither.
        privileges::drop_unneeded(&[Keep::Signals]).unwrap();
        Status::read(Path::new("/proc/thread-self/status")).unwrap().assert_has(OBSERVING, OBSERVING);
    };
    thread::spawn(trial).join().unwrap();
}

#[test]
fn what_comes_later_is_attached_to_all_the_same() {
    let run = || {
        let directory = tempfile::tempdir().unwrap();
        let program = compile(&directory, "inside.c", "inside", &["-static"]);
        // Another user's, whom nobody else may look at.
        for path in [program.as_path(), directory.path()] {
            chown(path, Some(SOMEBODY), Some(SOMEBODY)).unwrap();
            fs::set_permissions(path, Permissions::from_mode(0o700)).unwrap();
        }
        let mut live = Live::open(Config::default());
        // Where the program is then started from: a thread that has them still.
        let (start, told) = std::sync::mpsc::channel();
        let path = program.clone();
        let starter = thread::spawn(move || {
            told.recv().unwrap();
            Program::start(Command::new("setpriv").args(["--reuid=65534", "--clear-groups"]).arg(path))
        });
        privileges::drop_unneeded(&[]).unwrap();
        start.send(()).unwrap();
        let mut program_run = starter.join().unwrap();
        let pid = program_run.pid();
        let object = live.wait_for_mapped(pid, "/inside");
        program_run.alloc();
        wait_for_alloc(&mut live, pid);
        program_run.end();
        assert_eq!(states(live.events(), Hook::LibraryAlloc, &object), [HookState::Live]);
    };
    thread::spawn(run).join().unwrap();
}
