//! A program with functions of DPDK's names that does what a test wants, and its `librte_eal`, inside or beside.

use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, ExitStatus};

use kni_ebpf::hook::Hook;
use kni_user::event::{Phase, Read, Step};
use kni_user::probe::Config;
use tempfile::TempDir;

use crate::watch::{Watch, steps};

/// How the stand-in is linked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Linked {
    /// One executable, made with these options.
    Whole(&'static [&'static str]),
    /// `librte_eal` as a library of its own, made with these options.
    Shared(&'static [&'static str]),
}

/// The compiled program, until it is dropped.
pub(crate) struct Standin {
    dir: TempDir,
    config: Config,
}

impl Standin {
    pub(crate) fn compiled(linked: Linked) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (program, library) = (dir.path().join("program"), dir.path().join("librte_eal.so"));
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("host/standin");
        let (main, eal) = (sources.join("program.c"), sources.join("eal.c"));
        let config = Config { executables: vec![program.clone()], ..Config::default() };
        let config = match linked {
            Linked::Whole(options) => {
                compile(&program, &[&main, &eal], options);
                config
            }
            Linked::Shared(options) => {
                compile(&library, &[&eal], &[&["-shared", "-fPIC"], options].concat());
                compile(&program, &[&main, &library], &["-Wl,-rpath,$ORIGIN"]);
                Config { libraries: vec![library], ..config }
            }
        };
        Self { dir, config }
    }

    pub(crate) fn program(&self) -> PathBuf {
        self.dir.path().join("program")
    }

    /// What to attach to.
    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// Has the program do what `told` says; how it ended.
    pub(crate) fn run(&self, told: &[&str]) -> ExitStatus {
        self.start(told).wait().unwrap()
    }

    /// Has the program do what `told` says.
    pub(crate) fn start(&self, told: &[&str]) -> Child {
        Command::new(self.program()).args(told).spawn().unwrap()
    }

    /// Starts to watch, has the program do what `told` says, and gives its steps in the library.
    pub(crate) fn steps(&self, told: &[&str]) -> Vec<Step> {
        let mut watch = Watch::armed(&self.config);
        watch.probes.follow(process::id()).unwrap();
        let mut child = self.start(told);
        watch.probes.unfollow(process::id()).unwrap();
        child.wait().unwrap();
        watch.wait_for("exit", |events| {
            let (process, library): (Vec<Step>, _) = steps(events, child.id())
                .cloned()
                .partition(|step| matches!(step.hook, Hook::Fork | Hook::Exec | Hook::Exit));
            process.iter().any(|step| step.hook == Hook::Exit).then_some(library)
        })
    }
}

fn compile(to: &Path, from: &[&PathBuf], options: &[&str]) {
    let mut cc = Command::new("cc");
    cc.args(["-O1", "-o"]).arg(to).args(from).args(options);
    assert!(cc.status().unwrap().success(), "{cc:?}");
}

/// A step in a line.
pub(crate) fn told(step: &Step) -> String {
    let shown = |read: &Read| match read {
        Read::Bytes(bytes) => String::from_utf8_lossy(bytes.as_bytes()).into_owned(),
        Read::Failed(errno) => format!("({errno})"),
    };
    let phase = match step.phase {
        Phase::Enter => "entered".to_owned(),
        Phase::Return { value: 0, entered: Some(_) } => "NULL".to_owned(),
        Phase::Return { value, entered } => format!("returned {value} {entered:?}"),
    };
    let errno = step.rte_errno.map(|errno| format!(" rte_errno {errno}")).unwrap_or_default();
    let detail = if step.detail.is_nothing() { String::new() } else { format!(" [{}]", shown(&step.detail)) };
    format!("{} {phase} {}{detail}{errno}", step.hook.name(), shown(&step.text))
}
