//! Libraries and programs that turn up while kniwatch runs.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use kni_ebpf::hook::Hook;
use kni_user::event::{Event, HookState, Object, Phase, What};
use kni_user::probe::{Arm, Config};
use kni_user::untrusted::Untrusted;
use tempfile::TempDir;

use crate::dpdk;
use crate::live::{Live, mapped, objects, states};
use crate::watch::{calls, steps};

/// A program that is started and told when to go on; killed if the test fails.
pub(crate) struct Program(Child);

impl Program {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::piped()).spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Has it call `rte_kni_alloc` once.
    pub(crate) fn alloc(&mut self) {
        self.0.stdin.as_mut().unwrap().write_all(b"x").unwrap();
    }

    /// Has it read a line.
    fn line(&mut self) {
        self.0.stdin.as_mut().unwrap().write_all(b"x\n").unwrap();
    }

    pub(crate) fn end(mut self) {
        drop(self.0.stdin.take());
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            self.0.kill().unwrap();
            self.0.wait().unwrap();
        }
    }
}

/// Compiles one of the programs beside this file to `dir`/`name`.
pub(crate) fn compile(dir: &TempDir, source: &str, name: &str, options: &[&str]) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("host/programs").join(source);
    let program = dir.path().join(name);
    run(Command::new("cc").arg("-O0").args(options).arg("-o").arg(&program).arg(source).arg("-ldl"));
    program
}

fn run(command: &mut Command) {
    let status = command.status().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?}: {status}");
}

/// How often the process was seen to return from `rte_kni_alloc`, the entry seen too.
fn allocs(events: &[Event], pid: u32) -> usize {
    let paired = |phase: &Phase| matches!(phase, Phase::Return { entered: Some(_), .. });
    steps(events, pid).filter(|step| step.hook == Hook::LibraryAlloc && paired(&step.phase)).count()
}

pub(crate) fn wait_for_alloc(live: &mut Live, pid: u32) {
    live.wait_for("call of rte_kni_alloc", |events| (allocs(events, pid) > 0).then_some(()));
}

fn name(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

fn object<'a>(events: &'a [Event], name: &[u8]) -> &'a Object {
    let found: Vec<_> = objects(events).filter(|object| object.path.as_bytes() == name).collect();
    let [object] = found.as_slice() else { panic!("{found:#?}") };
    object
}

/// The position of the first event of that kind.
fn position(events: &[Event], is_it: impl Fn(&What) -> bool) -> usize {
    events.iter().position(|event| is_it(&event.what)).unwrap()
}

#[test]
fn a_library_that_is_loaded_later_from_anywhere_is_seen_from_the_next_call_on() {
    let dir = tempfile::tempdir().unwrap();
    let libraries = dpdk::libraries();
    let library = dir.path().join("librte_kni.so.23.0");
    std::fs::copy(libraries.join("librte_kni.so.23.0"), &library).unwrap();
    let plugin = compile(&dir, "plugin.c", "plugin", &[]);

    let mut live = Live::open(Config::default());
    let mut program = Program::start(Command::new(plugin).arg(&library).env("LD_LIBRARY_PATH", &libraries));
    let pid = program.pid();
    live.wait_for_mapped(pid, "librte_eal.so.23.0");
    live.wait_for_mapped(pid, "librte_kni.so.23.0");
    program.alloc();
    wait_for_alloc(&mut live, pid);
    program.end();

    let events = live.events();
    let found = object(events, name(&library));
    assert_eq!(found.soname.as_ref().map(Untrusted::as_bytes), Some(&b"librte_kni.so.23"[..]));
    assert_eq!(found.versions, ["DPDK_23"]);
    for symbol in ["rte_kni_alloc", "rte_kni_init", "rte_kni_update_link"] {
        assert!(found.symbols.iter().any(|defined| defined == symbol), "{found:#?}");
    }
    assert_eq!(states(events, Hook::LibraryAlloc, name(&library)), [HookState::Live]);
    let seen: Vec<_> = steps(events, pid).map(|step| step.hook).collect();
    assert_eq!(seen, [Hook::LibraryAlloc, Hook::LibraryLog, Hook::LibraryAlloc]);
    // The facts come before what they explain.
    let first = position(events, |what| matches!(what, What::Step(step) if step.task.pid == pid));
    let told = position(events, |what| matches!(what, What::Object(object) if object.path == found.path));
    let maps = position(events, |what| matches!(what, What::Mapped(maps) if maps.object == found.path));
    assert!(told < maps && maps < first, "{told} {maps} {first}");
    let mut all: Vec<_> = mapped(events).map(|mapped| (mapped.pid, mapped.object.clone())).collect();
    all.sort();
    let count = all.len();
    all.dedup();
    assert_eq!(count, all.len(), "told twice: {all:?}");
}

#[test]
fn a_program_with_the_library_inside_is_found_when_it_runs_and_complete_when_it_runs_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = compile(&dir, "inside.c", "inside", &["-static"]);
    let mut live = Live::open(Config::default());
    for run in 0..2 {
        let mut program = Program::start(&mut Command::new(&path));
        let pid = program.pid();
        live.wait_for_mapped(pid, "/inside");
        program.alloc();
        wait_for_alloc(&mut live, pid);
        program.end();
        live.wait_for("end", |events| steps(events, pid).find(|step| step.hook == Hook::Exit).cloned());
        assert_eq!(calls(live.events(), pid).count(), 2, "{run}");
        if run == 1 {
            // It may be known for the file that it maps before it is told to have executed it.
            let own = steps(live.events(), pid).map(|step| step.hook).filter(|hook| *hook != Hook::Exec);
            let hooks: Vec<_> = own.collect();
            let init = [Hook::LibraryInit, Hook::Open, Hook::LibraryInit];
            assert!(hooks.starts_with(&init), "{hooks:?}");
        }
    }
    // Looked at once, attached to once.
    object(live.events(), name(&path));
    assert_eq!(states(live.events(), Hook::LibraryAlloc, name(&path)), [HookState::Live]);
}

#[test]
fn a_stripped_program_is_known_by_its_debug_file() {
    for (build_id, place) in
        [("-Wl,--build-id=sha1", "inside.debug"), ("-Wl,--build-id=none", ".debug/inside.debug")]
    {
        let dir = tempfile::tempdir().unwrap();
        let path = compile(&dir, "inside.c", "inside", &[build_id]);
        let debug_file = strip(&path, Some(&dir.path().join(place))).unwrap();
        let mut live = Live::open(Config { executables: vec![path.clone()], ..Config::default() });
        assert_eq!(states(live.events(), Hook::LibraryAlloc, name(&path)), [HookState::Live], "{place}");
        let found = object(live.events(), name(&path));
        assert_eq!(found.debug_file.as_ref().map(Untrusted::as_bytes), Some(name(&debug_file)));

        let mut program = Program::start(&mut Command::new(&path));
        program.alloc();
        wait_for_alloc(&mut live, program.pid());
        program.end();
    }
}

#[test]
fn another_builds_debug_file_is_left_alone() {
    for build_id in ["-Wl,--build-id=sha1", "-Wl,--build-id=none"] {
        let dir = tempfile::tempdir().unwrap();
        let path = compile(&dir, "inside.c", "inside", &[build_id]);
        let debug_file = strip(&path, Some(&dir.path().join("inside.debug"))).unwrap();
        let other = compile(&dir, "inside.c", "other", &[build_id, "-DOTHER", "-O2"]);
        std::fs::copy(other, debug_file).unwrap();
        let live = Live::open(Config { executables: vec![path.clone()], ..Config::default() });
        assert_stripped(&live, &path);
    }
}

#[test]
fn a_stripped_program_that_is_named_lacks_the_librarys_hooks() {
    let dir = tempfile::tempdir().unwrap();
    let path = compile(&dir, "inside.c", "inside", &["-static"]);
    strip(&path, None);
    let live = Live::open(Config { executables: vec![path.clone()], ..Config::default() });
    assert_stripped(&live, &path);
}

#[test]
fn a_stripped_program_is_told_of_once_it_has_used_kni() {
    let dir = tempfile::tempdir().unwrap();
    let path = compile(&dir, "inside.c", "inside", &[]);
    strip(&path, None);
    let mut live = Live::open(Config { arm: Arm::Always, ..Config::default() });
    let program = Program::start(&mut Command::new(&path));
    let pid = program.pid();
    live.wait_for_mapped(pid, "/inside");
    program.end();
    assert_stripped(&live, &path);
    // The next run is known at once.
    let program = Program::start(&mut Command::new(&path));
    let pid = program.pid();
    program.end();
    live.wait_for("exit", |events| steps(events, pid).find(|step| step.hook == Hook::Exit).cloned());
    let maps = position(live.events(), |what| matches!(what, What::Mapped(mapped) if mapped.pid == pid));
    let first = position(live.events(), |what| matches!(what, What::Step(step) if step.task.pid == pid));
    assert!(maps < first, "{maps} {first}");
}

#[test]
fn a_program_with_names_and_without_the_library_is_no_object() {
    let dir = tempfile::tempdir().unwrap();
    let renamed = ["-Drte_kni_init=init", "-Drte_kni_alloc=create"];
    let path = compile(&dir, "inside.c", "inside", &renamed);
    let mut live =
        Live::open(Config { executables: vec![path.clone()], arm: Arm::Always, ..Config::default() });
    let mut program = Program::start(&mut Command::new(&path));
    let pid = program.pid();
    program.alloc();
    live.wait_for("calls", |events| (calls(events, pid).count() == 2).then_some(()));
    program.end();
    assert_eq!(objects(live.events()).filter(|object| object.path.as_bytes() == name(&path)).count(), 0);
    assert_eq!(mapped(live.events()).filter(|mapped| mapped.pid == pid).count(), 0);
}

/// Calls the library once for each line that it reads.
const CONTAINED: &str = r#"
import ctypes, sys
kni = ctypes.CDLL("librte_kni.so.23")
conf = ctypes.create_string_buffer(b"vEth0_0", 512)
for line in sys.stdin:
    kni.rte_kni_alloc(ctypes.c_void_p(1), conf, None)
"#;

#[test]
fn a_container_is_seen_through_its_own_root() {
    // Where the root is mounted can only be seen from within.
    let script = format!(
        "mount --bind {} /mnt && exec chroot /mnt python3 -c '{}'",
        dpdk::root().display(),
        CONTAINED
    );
    let mut live = Live::open(Config::default());
    let mut command = Command::new("unshare");
    command.args(["--mount", "--pid", "--fork", "--kill-child", "--net", "sh", "-c", &script]);
    let mut program = Program::start(&mut command);
    let pid = live.wait_for("mapping of librte_kni", |events| {
        let mut kni =
            mapped(events).filter(|mapped| mapped.object.as_bytes().ends_with(b"librte_kni.so.23.0"));
        kni.next().map(|mapped| mapped.pid)
    });
    live.wait_for_mapped(pid, "librte_eal.so.23.0");
    program.line();
    wait_for_alloc(&mut live, pid);

    let process = live.wait_for("process", |events| {
        events.iter().find_map(|event| match &event.what {
            What::Process(process) if process.pid == pid => Some(process.clone()),
            _ => None,
        })
    });
    assert_eq!(process.ns_pids, [pid, 1]);
    let own = kni_user::host::procfs::process(std::process::id()).unwrap();
    assert!(process.mntns.is_some() && process.mntns != own.mntns, "{process:?}");
    assert!(process.netns.is_some() && process.netns != own.netns, "{process:?}");
    let library = live.wait_for_mapped(pid, "librte_kni.so.23.0");
    let through = format!("/proc/{pid}/root/usr/lib/");
    assert!(library.starts_with(through.as_bytes()), "{}", String::from_utf8_lossy(&library));
    assert_eq!(states(live.events(), Hook::LibraryAlloc, &library), [HookState::Live]);
    let seen: Vec<_> = steps(live.events(), pid).map(|step| step.hook).collect();
    assert_eq!(seen, [Hook::LibraryAlloc, Hook::LibraryLog, Hook::LibraryAlloc]);
    program.end();
}

/// Takes a program's names out, to `debug_file` if there is to be one.
fn strip(path: &Path, debug_file: Option<&Path>) -> Option<PathBuf> {
    if let Some(debug_file) = debug_file {
        std::fs::create_dir_all(debug_file.parent().unwrap()).unwrap();
        run(Command::new("objcopy").arg("--only-keep-debug").args([path, debug_file]));
    }
    run(Command::new("strip").arg(path));
    if let Some(debug_file) = debug_file {
        let link = format!("--add-gnu-debuglink={}", debug_file.display());
        run(Command::new("objcopy").arg(link).arg(path));
    }
    debug_file.map(Path::to_path_buf)
}

fn assert_stripped(live: &Live, path: &Path) {
    assert!(object(live.events(), name(path)).symbols.is_empty());
    for hook in [Hook::LibraryInit, Hook::LibraryAlloc, Hook::MemzoneReserve] {
        let states = states(live.events(), hook, name(path));
        let [HookState::Missing { reason }] = states.as_slice() else { panic!("{hook:?}: {states:?}") };
        assert!(reason.contains("stripped") && reason.contains("debug symbols"), "{reason}");
    }
}
