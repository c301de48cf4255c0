//! The kernel's log, line by line, whatever `console_loglevel` is.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::OpenOptionsExt as _;

use crate::correlate::ReportLine;
use crate::event::KernelLog;
use crate::untrusted::Untrusted;

/// A record of `/dev/kmsg` is at most this long (`PRINTK_MESSAGE_MAX`, Linux 6.1 kernel/printk/internal.h).
const RECORD_MAX: usize = 2048 + 1024;
/// What the module's lines begin with: `KNI: ` up to 16.07, `rte_kni: ` since.
const PREFIXES: [&[u8]; 2] = [b"rte_kni: ", b"KNI: "];

/// Lines of the kernel's report of a death that are kept until its end.
const REPORT_MAX: usize = 96;

/// `/dev/kmsg`: what matters of it.
#[derive(Debug)]
pub struct Kmsg {
    file: File,
    report: Report,
}

/// The kernel's report of a death, until it is known whether that was in the module.
#[derive(Debug, Default)]
struct Report {
    lines: Vec<KernelLog>,
    of_module: bool,
}

impl Kmsg {
    /// Opens it at its beginning. Needs `CAP_SYSLOG` where `dmesg_restrict` is set.
    pub fn open() -> io::Result<Self> {
        let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open("/dev/kmsg")?;
        Ok(Self { file, report: Report::default() })
    }

    /// The module's lines that have come since the last call, and the kernel's reports of deaths in it.
    pub fn lines(&mut self) -> Vec<KernelLog> {
        let mut lines = Vec::new();
        while let Some(record) = self.record() {
            if let Some(line) = parse(&record) {
                self.report.take(line, &mut lines);
            }
        }
        lines
    }

    /// Of all that is there already, the reports of deaths alone.
    pub fn reports(&mut self) -> Vec<KernelLog> {
        let mut lines = self.lines();
        lines.retain(|line| !is_of_module(line));
        lines
    }

    fn record(&mut self) -> Option<Vec<u8>> {
        let mut record = vec![0; RECORD_MAX];
        loop {
            match self.file.read(&mut record) {
                Ok(length) => {
                    record.truncate(length);
                    return Some(record);
                }
                // Lines were overwritten before they were read: the next read goes on behind them.
                Err(error) if error.raw_os_error() == Some(libc::EPIPE) => {}
                Err(_) => return None,
            }
        }
    }
}

impl AsRawFd for Kmsg {
    fn as_raw_fd(&self) -> RawFd {
        self.file.as_raw_fd()
    }
}

impl Report {
    /// Appends to `lines` what is known to matter by now.
    fn take(&mut self, line: KernelLog, lines: &mut Vec<KernelLog>) {
        if is_of_module(&line) {
            lines.push(line);
            return;
        }
        let kind = ReportLine::of(&line.text);
        if kind == ReportLine::Begins {
            self.end(lines);
        }
        let is_part = match &kind {
            ReportLine::Begins | ReportLine::Counts => true,
            ReportLine::Other => false,
            _ => !self.lines.is_empty(),
        };
        if !is_part {
            return;
        }
        self.of_module |= kind.is_of_module();
        self.lines.push(line);
        if kind == ReportLine::Ends || self.lines.len() >= REPORT_MAX {
            self.end(lines);
        }
    }

    fn end(&mut self, lines: &mut Vec<KernelLog>) {
        let Self { lines: report, of_module } = std::mem::take(self);
        if of_module {
            lines.extend(report);
        }
    }
}

/// A line that the kernel itself has written (facility 0), not a program through `/dev/kmsg`:
/// `level and facility,sequence,microseconds,flags[,...];text` (Linux Documentation/ABI/testing/dev-kmsg).
fn parse(record: &[u8]) -> Option<KernelLog> {
    let semicolon = record.iter().position(|byte| *byte == b';')?;
    let (prefix, text) = record.split_at_checked(semicolon)?;
    let mut fields = std::str::from_utf8(prefix).ok()?.split(',');
    let priority: u8 = fields.next()?.parse().ok()?;
    if priority > 7 {
        return None;
    }
    let sequence = fields.next()?.parse().ok()?;
    let micros: u64 = fields.next()?.parse().ok()?;
    let text = text.get(1..)?.split(|byte| *byte == b'\n').next()?;
    Some(KernelLog {
        sequence,
        logged_ns: micros.saturating_mul(1000),
        level: priority,
        text: Untrusted::from(text),
    })
}

fn is_of_module(line: &KernelLog) -> bool {
    PREFIXES.iter().any(|prefix| line.text.as_bytes().starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::{REPORT_MAX, Report, is_of_module, parse};
    use crate::event::KernelLog;

    #[test]
    fn a_line_of_the_module_is_read_with_level_time_and_sequence() {
        let record = b"6,431,9216214,-;rte_kni: Creating kni...\n SUBSYSTEM=x\n";
        let line = parse(record).unwrap();
        assert_eq!((line.level, line.sequence, line.logged_ns), (6, 431, 9_216_214_000));
        assert_eq!(line.text.as_bytes(), b"rte_kni: Creating kni...");
        assert!(is_of_module(&line));
    }

    #[test]
    fn lines_of_programs_are_not_the_kernels() {
        assert_eq!(parse(b"14,1,2,-,caller=T1;rte_kni: Creating kni..."), None);
        assert!(parse(b"6,1,2,-,caller=T1;rte_kni: Creating kni...").is_some());
    }

    fn kept(log: &[&str]) -> Vec<String> {
        let (mut report, mut lines) = (Report::default(), Vec::new());
        for text in log {
            let line = KernelLog { sequence: 1, logged_ns: 1, level: 1, text: (*text).into() };
            report.take(line, &mut lines);
        }
        lines.iter().map(|line| String::from_utf8_lossy(line.text.as_bytes()).into_owned()).collect()
    }

    #[test]
    fn of_reports_of_deaths_only_those_in_the_module_pass_whole_and_at_their_end() {
        let report = |module: &'static str| {
            [
                "BUG: unable to handle page fault for address: ffffffffa0",
                "#PF: supervisor read access in kernel mode",
                "Oops: 0000 [#1] PREEMPT SMP NOPTI",
                "CPU: 0 PID: 77 Comm: app Tainted: G           OE      6.1.0",
                "RIP: 0010:memcpy+0x5/0x10",
                " <TASK>",
                module,
                "rte_kni: Creating kni...",
                "---[ end trace 0000000000000000 ]---",
            ]
        };
        let of_module = report(" kni_release+0x5f/0x1c0 [rte_kni]");
        let whole = kept(&of_module);
        assert_eq!(whole.len(), 7, "{whole:?}");
        assert_eq!((whole[0].as_str(), whole[6].as_str()), ("rte_kni: Creating kni...", of_module[8]));
        assert_eq!(kept(&of_module[..8]), ["rte_kni: Creating kni..."], "not at its end yet");
        assert_eq!(kept(&report(" ext4_release+0x5f/0x1c0 [ext4]")), ["rte_kni: Creating kni..."]);
        assert_eq!(
            kept(&[" kni_release+0x5f/0x1c0 [rte_kni]", "---[ end trace 0 ]---"]),
            [""; 0],
            "of a warning"
        );
        let twice = [&of_module[..7], &report(" x+0x1/0x2 [other]")[..]].concat();
        assert_eq!(kept(&twice).len(), 5 + 1, "one that was cut short, and another's");
        let endless = vec!["BUG: unable to handle page fault"; 1].into_iter().chain(vec![of_module[6]; 500]);
        assert_eq!(kept(&endless.collect::<Vec<_>>()).len(), REPORT_MAX);
    }

    #[test]
    fn a_broken_record_is_no_line() {
        for record in [&b""[..], b";", b"6,1;x", b"a,1,2,-;x", b"6,1,2,-", b"6,18446744073709551616,2,-;x"] {
            assert!(parse(record).is_none(), "{}", record.escape_ascii());
        }
    }
}
