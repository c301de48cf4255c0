//! What the guest's kernel says on its console when it is in trouble.

use std::fmt;

/// A kind of trouble.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// The kernel has given up.
    Panic,
    /// A fault inside the kernel: the thread is dead, its locks are held for ever.
    Oops,
    /// A processor or a task makes no progress.
    Stall,
    /// Our own init could not get to the job.
    Init,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Panic => "the guest's kernel panicked",
            Self::Oops => "the guest's kernel oopsed",
            Self::Stall => "the guest's kernel stalled",
            Self::Init => "the guest did not get to the job",
        })
    }
}

/// Trouble, and the line that told of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Trouble {
    /// What kind.
    pub(crate) kind: Kind,
    /// The line, without the time.
    pub(crate) line: String,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.line)
    }
}

/// How Linux words it (6.1: `kernel/panic.c`, `kernel/watchdog.c`, `kernel/workqueue.c`, `kernel/hung_task.c`,
/// `kernel/rcu/tree_stall.h`, `lib/bug.c`, and `mm/fault.c`, `kernel/dumpstack.c`, `kernel/traps.c` of `arch/x86`).
/// The first that fits counts.
const SIGNS: [(Kind, &str); 14] = [
    (Kind::Init, "kniwatch-vm: can't"),
    (Kind::Panic, "Kernel panic - not syncing"),
    (Kind::Stall, "BUG: soft lockup"),
    (Kind::Stall, "BUG: workqueue lockup"),
    (Kind::Stall, "Watchdog detected hard LOCKUP"),
    (Kind::Stall, "self-detected stall on CPU"),
    (Kind::Stall, "detected stalls on CPUs/tasks"),
    (Kind::Stall, "blocked for more than"),
    (Kind::Oops, "BUG: "),
    (Kind::Oops, "kernel BUG at"),
    (Kind::Oops, "Oops: "),
    // A process's own is told as "general protection fault ip:..." and is none of the kernel's.
    (Kind::Oops, "general protection fault,"),
    (Kind::Oops, "general protection fault:"),
    (Kind::Oops, "invalid opcode: "),
];

/// Reads a console as it comes, in pieces of any size.
#[derive(Debug, Default)]
pub(crate) struct Console {
    line: Vec<u8>,
}

impl Console {
    /// The trouble that the lines completed by `bytes` tell of.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> Vec<Trouble> {
        let mut troubles = Vec::new();
        for byte in bytes {
            if *byte == b'\n' {
                troubles.extend(trouble(&String::from_utf8_lossy(&std::mem::take(&mut self.line))));
            } else {
                self.line.push(*byte);
            }
        }
        troubles
    }
}

fn trouble(line: &str) -> Option<Trouble> {
    let line = without_time(line.trim_end());
    let (kind, _) = SIGNS.iter().find(|(_, sign)| line.contains(sign))?;
    Some(Trouble { kind: *kind, line: line.to_owned() })
}

/// `[    8.237095] text` is `text`.
fn without_time(line: &str) -> &str {
    let rest = line.strip_prefix('[').and_then(|line| line.split_once("] "));
    match rest {
        Some((time, text)) if time.trim_start().starts_with(|first: char| first.is_ascii_digit()) => text,
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::{Console, Kind};

    fn kinds(console: &str) -> Vec<Kind> {
        Console::default().read(console.as_bytes()).into_iter().map(|trouble| trouble.kind).collect()
    }

    #[test]
    fn a_healthy_console_tells_of_no_trouble() {
        let console = "\
[    2.128037] Unstable clock detected, switching default tracing clock to \"global\"
[    5.977489] rte_kni: loading out-of-tree module taints kernel.
[    7.313397] rte_kni: Creating kni...
[    7.400000] rte_kni: error -17 registering device \"lo\"
[    8.237095] sysrq: Power Off
[    8.243589] reboot: Power down
";
        assert_eq!(kinds(console), []);
    }

    #[test]
    fn each_kind_of_trouble_is_known_by_its_line() {
        for (line, kind) in [
            ("[    9.1] BUG: kernel NULL pointer dereference, address: 0000000000000008", Kind::Oops),
            ("[    9.1] BUG: unable to handle page fault for address: ffffffffff000000", Kind::Oops),
            ("[    9.1] Oops: 0000 [#1] PREEMPT SMP NOPTI", Kind::Oops),
            ("[    9.1] kernel BUG at net/core/dev.c:10610!", Kind::Oops),
            ("[    9.1] invalid opcode: 0000 [#1] PREEMPT SMP", Kind::Oops),
            (
                "[    9.1] general protection fault, probably for non-canonical address 0xdead: 0000 [#1]",
                Kind::Oops,
            ),
            ("[   34.0] watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [kni_single:301]", Kind::Stall),
            ("[   34.0] rcu: INFO: rcu_preempt self-detected stall on CPU", Kind::Stall),
            ("[   34.0] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks: { 0-... } ", Kind::Stall),
            ("[  242.0] INFO: task dpdk-testpmd:312 blocked for more than 120 seconds.", Kind::Stall),
            (
                "[    1.2] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)",
                Kind::Panic,
            ),
            (
                "[    1.2] Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b",
                Kind::Panic,
            ),
            ("kniwatch-vm: can't load 9p.ko", Kind::Init),
        ] {
            assert_eq!(kinds(&format!("{line}\r\n")), [kind], "{line}");
        }
    }

    #[test]
    fn a_line_that_comes_in_pieces_is_read_once() {
        let mut console = Console::default();
        assert_eq!(console.read(b"[    9.1] Kernel panic - not sy"), []);
        let troubles = console.read(b"ncing: Fatal exception\r\n[    9.2] more\r\n");
        assert_eq!(
            troubles.iter().map(|trouble| trouble.line.as_str()).collect::<Vec<_>>(),
            ["Kernel panic - not syncing: Fatal exception"]
        );
    }

    #[test]
    fn warnings_and_crashes_of_processes_are_no_trouble() {
        for line in [
            "[    9.1] WARNING: CPU: 0 PID: 1 at kernel/x.c:1 f+0x1/0x2",
            "[    9.1] traps: app[7] general protection fault ip:401130 sp:7ffe error:0 in app[401000+1000]",
            "[    9.1] app[7]: segfault at 0 ip 0000000000401136 sp 00007ffe error 6 in app[401000+1000]",
        ] {
            assert_eq!(kinds(&format!("{line}\n")), [], "{line}");
        }
    }
}
