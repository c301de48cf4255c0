//! What the machine says of itself at the start of a stream.

use std::fs;

use chrono::{Local, Offset as _};

use super::{clock, modules};
use crate::event::{Question, Start};
use crate::untrusted::Untrusted;

/// The first event of a live stream.
#[must_use]
pub fn start(question: Question) -> Start {
    Start {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        host: first_line("/proc/sys/kernel/hostname"),
        kernel: first_line("/proc/sys/kernel/osrelease"),
        unix_ns: clock::unix_ns(),
        boot_ns: clock::boot_ns(),
        utc_offset_s: Local::now().offset().fix().local_minus_utc(),
        cpus_online: first_line("/sys/devices/system/cpu/online"),
        module: modules::rte_kni(),
        question,
    }
}

/// The first line of a small file; empty where it can't be read.
fn first_line(path: &str) -> Untrusted {
    let text = fs::read(path).unwrap_or_default();
    Untrusted::from(text.split(|byte| *byte == b'\n').next().unwrap_or_default())
}
