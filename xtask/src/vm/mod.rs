//! The dev VM: a real kernel with a real `rte_kni.ko`, a real `librte_kni` and Debian's own testpmd.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};

mod accelerator;
pub(crate) mod console;
mod fingerprint;
pub(crate) mod gone;
mod initramfs;
mod programs;
mod qemu;
pub(crate) mod release;
pub(crate) mod root;

pub(crate) use qemu::Outcome;

use crate::build;
use crate::workspace::Workspace;
use kniwatch_tests::guest::Kernel;
use qemu::{Accelerator, Machine, Share, Sinks};
use root::Root;

/// A VM that is ready to be booted.
#[derive(Clone, Debug)]
pub(crate) struct Vm {
    /// The guest's root.
    pub(crate) root: Root,
    /// What is first in the guest's `PATH`.
    pub(crate) bin: PathBuf,
    runs: PathBuf,
    initramfs: PathBuf,
    accelerator: Accelerator,
}

/// What a VM is booted for.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// A script for the guest's `/bin/sh`, run as root.
    pub(crate) script: Vec<u8>,
    /// A directory to show at `/mnt/share`.
    pub(crate) share: Option<PathBuf>,
    /// Whether the script talks to this terminal instead of writing to two streams.
    pub(crate) terminal: bool,
    /// Whether systemd is process 1 of the guest, and the script one of its services.
    pub(crate) systemd: bool,
    /// Whether the guest's times are compared with limits: an emulated processor then counts its instructions.
    pub(crate) timed: bool,
    /// When to give up.
    pub(crate) timeout: Option<Duration>,
}

/// How many runs' logs are kept.
const KEPT_RUNS: usize = 10;

impl Vm {
    /// Makes or finds every part of the VM with that kernel, kniwatch among them.
    ///
    /// # Errors
    ///
    /// [`gone::Gone`], if the mirror doesn't have the release with that kernel any more.
    pub(crate) fn prepare(workspace: &Workspace, kernel: Kernel) -> Result<Self> {
        let release = release::with(kernel);
        let kniwatch = build::for_guest(workspace, release)?;
        let root = root::ensure_root(workspace, release)?;
        let dir = workspace.vm().join(release.name);
        let _lock = root::lock(&dir)?;
        let sources = workspace.guest_sources();
        let bin = dir.join("bin");
        programs::ensure_programs(&root, &sources, &bin)?;
        programs::install(&kniwatch, &bin.join("kniwatch"))?;
        let initramfs = dir.join("initramfs");
        write_whole(&initramfs, &initramfs::build(&root, &sources)?)?;
        let accelerator = accelerator::choose(&workspace.vm(), &image(&root), &initramfs)?;
        Ok(Self { root, bin, runs: workspace.vm().join("runs"), initramfs, accelerator })
    }

    /// Whether the guest's processor is emulated.
    pub(crate) fn emulated(&self) -> bool {
        self.accelerator == Accelerator::Emulation
    }

    /// A new directory for one run: the guest sees it as `/mnt/job`, and its logs are kept there.
    pub(crate) fn new_run(&self) -> Result<PathBuf> {
        fs::create_dir_all(&self.runs).with_context(|| format!("can't make {}", self.runs.display()))?;
        forget_old_runs(&self.runs)?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_nanos();
        let run = self.runs.join(format!("{now}"));
        fs::create_dir(&run).with_context(|| format!("can't make {}", run.display()))?;
        Ok(run)
    }

    /// Boots, runs `job` with `run` (of [`Vm::new_run`]) at `/mnt/job`, powers off.
    pub(crate) fn run(
        &self,
        job: &Job,
        run: &Path,
        stdout: Box<dyn Write + Send>,
        stderr: Box<dyn Write + Send>,
    ) -> Result<Outcome> {
        write_whole(&run.join("job"), &job.script)?;
        let share = |tag, path: &Path, writable| Share { tag, path: path.to_path_buf(), writable };
        let mut shares = vec![
            share("root", &self.root.path, false),
            share("bin", &self.bin, false),
            share("job", run, true),
        ];
        let mut options = Vec::new();
        if let Some(path) = &job.share {
            shares.push(share("share", path, true));
            options.push("kniwatch.share");
        }
        if job.terminal {
            options.push("kniwatch.shell");
        }
        if job.systemd {
            options.push("kniwatch.systemd");
        }
        let accelerator = match self.accelerator {
            Accelerator::Emulation if job.timed => Accelerator::CountingEmulation,
            other => other,
        };
        let machine = Machine {
            accelerator,
            kernel: image(&self.root),
            initramfs: self.initramfs.clone(),
            shares,
            options,
            terminal: job.terminal,
        };
        let console = console_log(run);
        let console = File::create(&console).with_context(|| format!("can't write {}", console.display()))?;
        qemu::boot(&machine, Sinks { stdout, stderr, console }, job.timeout)
    }
}

/// The directory of the guest's root, made if need be: DPDK as the guest has it, for tests on the host.
pub(crate) fn guest_root() -> Result<PathBuf> {
    Ok(root::ensure_root(&Workspace::locate()?, release::with(Kernel::MAIN))?.path)
}

/// Where a run's console is kept.
pub(crate) fn console_log(run: &Path) -> PathBuf {
    run.join("console.log")
}

/// The guest's kernel, unpacked: what `provision` made of Debian's.
fn image(root: &Root) -> PathBuf {
    root.path.join("boot/vmlinux")
}

/// Nobody finds half a file, not even after a crash.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let partial = path.with_extension("partial");
    fs::write(&partial, bytes).with_context(|| format!("can't write {}", partial.display()))?;
    fs::rename(&partial, path).with_context(|| format!("can't put {} in place", path.display()))
}

fn forget_old_runs(runs: &Path) -> Result<()> {
    let entries = fs::read_dir(runs).with_context(|| format!("can't read {}", runs.display()))?;
    let mut old = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    old.sort();
    let many = old.len().saturating_sub(KEPT_RUNS - 1);
    for run in old.iter().take(many) {
        fs::remove_dir_all(run).with_context(|| format!("can't remove {}", run.display()))?;
    }
    Ok(())
}
