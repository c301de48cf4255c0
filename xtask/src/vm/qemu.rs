//! One boot of a guest under qemu: its command line, its channels, its end.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use nix::fcntl::{FcntlArg, FdFlag, fcntl};

use crate::vm::console::{Console, Kind, Trouble};

/// What executes the guest.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Accelerator {
    /// The processor itself.
    Kvm,
    /// qemu's own emulation.
    Emulation,
    /// The same, with a clock that counts a nanosecond an instruction, however busy this host is.
    CountingEmulation,
}

/// A directory of the host's that the guest mounts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Share {
    /// The name that init knows it by.
    pub(crate) tag: &'static str,
    /// The directory.
    pub(crate) path: PathBuf,
    /// Whether the guest may write to it.
    pub(crate) writable: bool,
}

/// A guest to boot.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    /// What executes it.
    pub(crate) accelerator: Accelerator,
    /// Its kernel, an ELF file with the PVH entry.
    pub(crate) kernel: PathBuf,
    /// Its initramfs.
    pub(crate) initramfs: PathBuf,
    /// What it mounts.
    pub(crate) shares: Vec<Share>,
    /// What init is asked for: words `kniwatch.*` on the kernel's command line.
    pub(crate) options: Vec<&'static str>,
    /// Whether the guest's terminal is this one.
    pub(crate) terminal: bool,
}

/// Where the guest's output goes.
pub(crate) struct Sinks {
    /// The job's standard output.
    pub(crate) stdout: Box<dyn Write + Send>,
    /// The job's standard error.
    pub(crate) stderr: Box<dyn Write + Send>,
    /// The kernel's console.
    pub(crate) console: File,
}

/// How a boot went.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Outcome {
    /// The job's exit status, if the guest got as far as telling it.
    pub(crate) status: Option<u8>,
    /// What the kernel complained of.
    pub(crate) troubles: Vec<Trouble>,
    /// Whether time was up before the job's end.
    pub(crate) timed_out: bool,
}

/// How long a guest may take to power off once there is nothing left to wait for.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// Boots `machine` and waits for its end, at most for `timeout`. qemu never outlives this call or this process.
pub(crate) fn boot(machine: &Machine, sinks: Sinks, timeout: Option<Duration>) -> Result<Outcome> {
    let (console, console_end) = UnixStream::pair()?;
    let (stdout, stdout_end) = UnixStream::pair()?;
    let (stderr, stderr_end) = UnixStream::pair()?;
    let (result, result_end) = UnixStream::pair()?;
    let ends = [&console_end, &stdout_end, &stderr_end, &result_end];
    for end in ends {
        fcntl(end, FcntlArg::F_SETFD(FdFlag::empty())).context("can't hand a socket to qemu")?;
    }
    let mut qemu = Qemu::spawn(machine, ends.map(AsRawFd::as_raw_fd))?;
    drop((console_end, stdout_end, stderr_end, result_end));

    let (sender, events) = channel();
    let console_sender = sender.clone();
    let threads = [
        std::thread::spawn(move || copy(stdout, sinks.stdout)),
        std::thread::spawn(move || copy(stderr, sinks.stderr)),
        std::thread::spawn(move || watch_console(console, sinks.console, &console_sender)),
        std::thread::spawn(move || read_result(result, &sender)),
    ];
    let outcome = until_its_end(&mut qemu, &events, timeout)?;
    for thread in threads {
        // A panic in there has been printed; the outcome stands without it.
        drop(thread.join());
    }
    Ok(outcome)
}

/// What the channels tell of.
enum Event {
    Result(u8),
    Trouble(Trouble),
}

/// Whether nothing more is to be expected of a guest in that trouble. A busy host can make a healthy one
/// complain of one stall, hardly of two.
fn is_hopeless(troubles: &[Trouble]) -> bool {
    let of = |kind| troubles.iter().filter(|trouble| trouble.kind == kind).count();
    of(Kind::Panic) > 0 || of(Kind::Init) > 0 || of(Kind::Stall) > 1
}

/// The channels' ends are qemu's end, so nothing here has to ask whether it is still there.
fn until_its_end(
    qemu: &mut Qemu,
    events: &std::sync::mpsc::Receiver<Event>,
    timeout: Option<Duration>,
) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut deadline = timeout.map(|timeout| Instant::now() + timeout);
    let sooner = |deadline: Option<Instant>| {
        let last = Instant::now() + LAST_WORDS;
        Some(deadline.map_or(last, |deadline| deadline.min(last)))
    };
    loop {
        let event = match deadline {
            Some(deadline) => events.recv_timeout(deadline.saturating_duration_since(Instant::now())),
            None => events.recv().map_err(RecvTimeoutError::from),
        };
        match event {
            Ok(Event::Result(status)) => {
                outcome.status = Some(status);
                deadline = sooner(deadline);
            }
            Ok(Event::Trouble(trouble)) => {
                outcome.troubles.push(trouble);
                if is_hopeless(&outcome.troubles) {
                    deadline = sooner(deadline);
                }
            }
            Err(RecvTimeoutError::Timeout) => {
                outcome.timed_out = outcome.status.is_none() && outcome.troubles.is_empty();
                qemu.kill()?;
                deadline = None;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    Ok(outcome)
}

fn copy(mut from: impl Read, mut to: impl Write) {
    let mut buffer = [0; 8192];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        // Somebody who closed our output still wants the job's exit status.
        drop(to.write_all(buffer.get(..length).unwrap_or_default()).and_then(|()| to.flush()));
    }
}

fn watch_console(mut from: impl Read, mut log: File, events: &Sender<Event>) {
    let mut console = Console::default();
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let bytes = buffer.get(..length).unwrap_or_default();
        drop(log.write_all(bytes));
        for trouble in console.read(bytes) {
            drop(events.send(Event::Trouble(trouble)));
        }
    }
}

fn read_result(from: impl Read, events: &Sender<Event>) {
    for line in BufReader::new(from).lines().map_while(Result::ok) {
        if let Some(status) = line.strip_prefix("kniwatch-vm: result ").and_then(|status| status.parse().ok())
        {
            drop(events.send(Event::Result(status)));
        }
    }
}

/// A qemu that is killed when this is dropped, and by the kernel when this process dies.
struct Qemu(Child);

impl Qemu {
    fn spawn(machine: &Machine, channels: [RawFd; 4]) -> Result<Self> {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--", "qemu-system-x86_64"]).args(machine.arguments(channels)?);
        if !machine.terminal {
            command.stdin(Stdio::null()).stdout(Stdio::null());
        }
        Ok(Self(command.spawn().context("can't run setpriv, which starts qemu")?))
    }

    fn kill(&mut self) -> Result<()> {
        self.0.kill().context("can't kill qemu")
    }
}

impl Drop for Qemu {
    fn drop(&mut self) {
        // Both fail only when it is gone already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Machine {
    /// qemu's arguments; `channels`: the sockets of console, standard output, standard error and result.
    fn arguments(&self, channels: [RawFd; 4]) -> Result<Vec<String>> {
        let [console, stdout, stderr, result] = channels;
        let path = |path: &PathBuf| {
            path.to_str().map(str::to_owned).with_context(|| format!("{} is not UTF-8", path.display()))
        };
        let mut arguments: Vec<String> = [
            "-nodefaults -no-user-config -no-reboot -display none -nic none -m 1024",
            match self.accelerator {
                Accelerator::Kvm => "-accel kvm -cpu host -smp 2",
                // While one emulated processor patches the kernel's text for a probe, another that is busy
                // there can hang (seen with qemu 7.2): so there is one.
                Accelerator::Emulation => "-accel tcg -cpu max -smp 1",
                Accelerator::CountingEmulation => "-accel tcg -icount shift=0,sleep=on -cpu max -smp 1",
            },
        ]
        .iter()
        .flat_map(|words| words.split(' '))
        .map(str::to_owned)
        .collect();
        let mut add = |option: &str, value: String| arguments.extend([option.to_owned(), value]);
        add("-kernel", path(&self.kernel)?);
        add("-initrd", path(&self.initramfs)?);
        add("-append", self.kernel_command_line());
        for (name, socket) in
            [("console", console), ("stdout", stdout), ("stderr", stderr), ("result", result)]
        {
            add("-chardev", format!("socket,id={name},fd={socket}"));
        }
        add("-serial", "chardev:console".to_owned());
        add("-device", "virtio-serial".to_owned());
        if self.terminal {
            add("-chardev", "stdio,id=terminal,signal=off".to_owned());
            add("-device", "virtconsole,chardev=terminal,nr=0".to_owned());
        }
        for (number, name) in ["stdout", "stderr", "result"].iter().enumerate() {
            add("-device", format!("virtserialport,chardev={name},nr={}", number + 1));
        }
        for share in &self.shares {
            let readonly = if share.writable { "" } else { ",readonly=on" };
            // A comma in a value is written twice.
            let path = path(&share.path)?.replace(',', ",,");
            let tag = share.tag;
            add(
                "-virtfs",
                format!("local,path={path},mount_tag={tag},security_model=none,multidevs=remap{readonly}"),
            );
        }
        Ok(arguments)
    }

    fn kernel_command_line(&self) -> String {
        // A probe that goes waits for several grace periods of RCU, a check has dozens of probes, and a
        // grace period takes tens of milliseconds unless it is hurried.
        ["console=ttyS0 quiet panic=-1 mitigations=off rcupdate.rcu_expedited=1"]
            .iter()
            .chain(&self.options)
            .copied()
            .collect::<Vec<_>>()
            .join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::{Accelerator, Machine, Share};

    #[test]
    fn shares_are_read_only_unless_meant_otherwise_and_paths_may_have_commas() {
        let machine = Machine {
            accelerator: Accelerator::Emulation,
            kernel: "/k".into(),
            initramfs: "/i".into(),
            shares: vec![
                Share { tag: "root", path: "/a,b".into(), writable: false },
                Share { tag: "job", path: "/job".into(), writable: true },
            ],
            options: vec!["kniwatch.share"],
            terminal: false,
        };
        let arguments = machine.arguments([3, 4, 5, 6]).unwrap();
        let after = |option: &str| {
            arguments
                .windows(2)
                .filter(|pair| pair[0] == option)
                .map(|pair| pair[1].clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            after("-virtfs"),
            [
                "local,path=/a,,b,mount_tag=root,security_model=none,multidevs=remap,readonly=on",
                "local,path=/job,mount_tag=job,security_model=none,multidevs=remap",
            ]
        );
        assert_eq!(
            after("-chardev"),
            [
                "socket,id=console,fd=3",
                "socket,id=stdout,fd=4",
                "socket,id=stderr,fd=5",
                "socket,id=result,fd=6",
            ]
        );
        assert!(after("-append")[0].ends_with(" kniwatch.share"), "{arguments:?}");
    }
}
