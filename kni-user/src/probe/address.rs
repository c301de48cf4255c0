//! Probes of functions whose address is known.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _};

use aya::programs::{KProbe, ProbeKind};
use aya::util::KernelVersion;
use perf_event::{Builder, Counter, events};

/// From here on the kernel finds a symbol by bisection: from 6.2, and in 6.1's later releases. Before, it goes through
/// all of its own, and then the modules', five times for an entry and a return: 80 million instructions each time, on
/// 5.10 (`kallsyms_lookup_name`, kernel/kallsyms.c).
const BISECTS: KernelVersion = KernelVersion::new(6, 1, 0);

/// Whether this kernel takes long to find a function by its name. Others do so in less time than it takes to read the
/// module's file; and what was attached by name can be asked for its misses (see `missed`).
pub(super) fn saves_time() -> bool {
    KernelVersion::current().is_ok_and(|kernel| kernel < BISECTS)
}

/// Attaches `program` to the function at `address` in the kernel's memory, for all processes and processors, until the
/// counter is dropped.
pub(super) fn attach(program: &KProbe, address: u64) -> io::Result<Counter> {
    let descriptor = program.fd().map_err(io::Error::other)?.as_fd().as_raw_fd();
    let is_return = matches!(program.kind(), ProbeKind::Return);
    let mut builder = Builder::new(events::KProbe::for_function(is_return, CString::default(), 0)?);
    // `KProbe::for_addr` of perf-event2 0.7.4 makes a uprobe.
    let attributes = builder.attrs_mut();
    attributes.kprobe_func = 0;
    attributes.kprobe_addr = address;
    // A probe is hit on all processors, whichever it is opened for.
    let mut counter = builder.any_pid().one_cpu(0).include_kernel().build()?;
    counter.set_bpf(descriptor)?;
    counter.enable()?;
    Ok(counter)
}
