//! The kernel's log, line by line, whatever `console_loglevel` is.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::OpenOptionsExt as _;

use crate::event::KernelLog;
use crate::untrusted::Untrusted;

/// A record of `/dev/kmsg` is at most this long (`PRINTK_MESSAGE_MAX`, Linux 6.1 kernel/printk/internal.h).
const RECORD_MAX: usize = 2048 + 1024;
/// What the module's lines begin with: `KNI: ` up to 16.07, `rte_kni: ` since.
const PREFIXES: [&[u8]; 2] = [b"rte_kni: ", b"KNI: "];

/// `/dev/kmsg`, from the moment of opening on.
#[derive(Debug)]
pub struct Kmsg(File);

impl Kmsg {
    /// Opens it behind its last line. Needs `CAP_SYSLOG` where `dmesg_restrict` is set.
    pub fn open() -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open("/dev/kmsg")?;
        file.seek(SeekFrom::End(0))?;
        Ok(Self(file))
    }

    /// The module's lines that have come since the last call.
    pub fn lines(&mut self) -> impl Iterator<Item = KernelLog> + '_ {
        std::iter::from_fn(|| self.record()).filter_map(|record| parse(&record)).filter(is_of_module)
    }

    fn record(&mut self) -> Option<Vec<u8>> {
        let mut record = vec![0; RECORD_MAX];
        loop {
            match self.0.read(&mut record) {
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
        self.0.as_raw_fd()
    }
}

/// `level and facility,sequence,microseconds,flags[,...];text` (Linux Documentation/ABI/testing/dev-kmsg).
fn parse(record: &[u8]) -> Option<KernelLog> {
    let semicolon = record.iter().position(|byte| *byte == b';')?;
    let (prefix, text) = record.split_at_checked(semicolon)?;
    let mut fields = std::str::from_utf8(prefix).ok()?.split(',');
    let priority: u64 = fields.next()?.parse().ok()?;
    let sequence = fields.next()?.parse().ok()?;
    let micros: u64 = fields.next()?.parse().ok()?;
    let text = text.get(1..)?.split(|byte| *byte == b'\n').next()?;
    Some(KernelLog {
        sequence,
        logged_ns: micros.saturating_mul(1000),
        level: u8::try_from(priority & 7).ok()?,
        text: Untrusted::from(text),
    })
}

fn is_of_module(line: &KernelLog) -> bool {
    PREFIXES.iter().any(|prefix| line.text.as_bytes().starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::{is_of_module, parse};

    #[test]
    fn a_line_of_the_module_is_read_with_level_time_and_sequence() {
        let record = b"6,431,9216214,-;rte_kni: Creating kni...\n SUBSYSTEM=x\n";
        let line = parse(record).unwrap();
        assert_eq!((line.level, line.sequence, line.logged_ns), (6, 431, 9_216_214_000));
        assert_eq!(line.text.as_bytes(), b"rte_kni: Creating kni...");
        assert!(is_of_module(&line));
    }

    #[test]
    fn facility_is_not_level_and_other_lines_are_not_the_modules() {
        let line = parse(b"30,1,2,-,caller=T1;systemd[1]: rte_kni: Creating kni...").unwrap();
        assert_eq!(line.level, 6);
        assert!(!is_of_module(&line));
    }

    #[test]
    fn a_broken_record_is_no_line() {
        for record in [&b""[..], b";", b"6,1;x", b"a,1,2,-;x", b"6,1,2,-", b"6,18446744073709551616,2,-;x"] {
            assert!(parse(record).is_none(), "{}", record.escape_ascii());
        }
    }
}
