//! Signals: those that ask kniwatch to end, and those that it passes on to the command of `check`.

use std::{fs, io};

use anyhow::{Context as _, Result};
use nix::errno::Errno;
use nix::sys::signal::{self, SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd, siginfo};
use nix::unistd::{self, Pid};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// They ask for the summary.
const END: [Signal; 2] = [Signal::SIGINT, Signal::SIGTERM];
/// With a command, these are its as well. A hang-up and ^\ ask it to end, too.
const PASSED_ON: [Signal; 4] = [Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGUSR1, Signal::SIGUSR2];
/// `si_code` of a signal that the kernel sends itself, such as a terminal's for a key.
const SI_KERNEL: i32 = 0x80;

/// Signals, one after the other. As long as it lives, they do nothing else.
pub(super) struct Signals {
    fd: AsyncFd<SignalFd>,
}

/// A signal that came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Came {
    signal: Signal,
    /// The kernel sent it, to the whole process group.
    by_kernel: bool,
    /// Who sent it; 0: nobody that can be named here.
    sender: u32,
}

impl Signals {
    /// Takes those that ask for the end, `with_command` also those that are only passed on. To be called before there
    /// are other threads: they take over what is blocked here.
    pub(super) fn new(with_command: bool) -> Result<Self> {
        let ignored = ignored();
        let passed_on = PASSED_ON.into_iter().filter(|signal| with_command && !ignored.contains(*signal));
        let mask: SigSet = END.into_iter().chain(passed_on).collect();
        // A child's are unblocked before it executes.
        mask.thread_block().context("cannot block signals")?;
        let fd = SignalFd::with_flags(&mask, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)
            .context("cannot listen for signals")?;
        // SAFETY: `fd` owns its one descriptor as long as it lives.
        let fd = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) };
        Ok(Self { fd: fd.map_err(io::Error::from).context("cannot wait for signals")? })
    }

    /// Waits for one.
    ///
    /// Cancel-safe: nothing is taken before the last await.
    pub(super) async fn next(&mut self) -> Result<Came> {
        loop {
            let mut ready = self.fd.readable().await.context("cannot wait for signals")?;
            match ready.get_inner().read_signal().context("cannot read signals")? {
                Some(info) => {
                    if let Some(came) = Came::of(&info) {
                        return Ok(came);
                    }
                }
                None => ready.clear_ready(),
            }
        }
    }
}

impl Came {
    fn of(info: &siginfo) -> Option<Self> {
        let signal = Signal::try_from(i32::try_from(info.ssi_signo).ok()?).ok()?;
        Some(Self { signal, by_kernel: info.ssi_code == SI_KERNEL, sender: info.ssi_pid })
    }

    /// Whether it asks its receiver to end.
    pub(super) fn ends(self) -> bool {
        !matches!(self.signal, Signal::SIGUSR1 | Signal::SIGUSR2)
    }

    /// Sends it to the process `pid`, unless that has had it, as what a terminal sends to a whole process group, or has
    /// sent it itself. Whether another process meant this one alone or the group, nothing tells: one signal too many is
    /// better than one too few.
    pub(super) fn pass_on(self, pid: u32) {
        if self.sender == pid {
            return;
        }
        let Ok(pid) = i32::try_from(pid).map(Pid::from_raw) else { return };
        let has_had_it = self.by_kernel && unistd::getpgid(Some(pid)) == Ok(unistd::getpgrp());
        if has_had_it {
            return;
        }
        match signal::kill(pid, self.signal) {
            // It has ended meanwhile.
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(error) => log::warn!("cannot pass {} on to the command: {error}", self.signal),
        }
    }
}

/// Those of [`PASSED_ON`] that kniwatch was started with ignored, as `nohup` does.
fn ignored() -> SigSet {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    PASSED_ON.into_iter().filter(|signal| mask >> (*signal as u32 - 1) & 1 == 1).collect()
}
