//! Whose events count: `--pid` and `--comm`.

use std::os::unix::ffi::OsStrExt as _;

use kni_ebpf::hook::Hook;
use kni_ebpf::record::COMM_MAX;

use crate::cli;
use crate::event::{Event, Task, What};

/// Whether `event` concerns what was selected.
///
/// It is asked before anything else sees the event, so that a recording holds what was asked for.
pub(super) fn admits(select: &cli::Select, event: &Event) -> bool {
    match &event.what {
        What::Step(step) => is_about_module(step.hook) || is_of(select, &step.task),
        What::Call(call) => is_of(select, &call.task),
        What::Process(process) => is_pid(select, process.pid),
        _ => true,
    }
}

const fn is_about_module(hook: Hook) -> bool {
    matches!(hook, Hook::ModuleLoad | Hook::ModuleFree)
}

fn is_of(select: &cli::Select, task: &Task) -> bool {
    let named = |name: &std::ffi::OsString| {
        let name = name.as_bytes();
        task.comm.as_bytes() == name.get(..COMM_MAX - 1).unwrap_or(name)
    };
    is_pid(select, task.pid) && (select.comm.is_empty() || select.comm.iter().any(named))
}

fn is_pid(select: &cli::Select, pid: u32) -> bool {
    select.pid.is_empty() || select.pid.contains(&pid)
}
