//! Whose records to keep: `--pid`, `--comm`, `--exe`.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use kni_ebpf::record::COMM_MAX;

use super::facts::Facts;
use crate::event::{Event, Task, What};
use crate::untrusted::Untrusted;

/// Records of other processes are dropped before anything else sees them, so that a recording
/// holds what was asked for and replays to the same lines.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only this process.
    pub pid: Option<u32>,
    /// Only tasks of this name.
    pub comm: Option<Untrusted>,
    /// Only this executable.
    pub exe: Option<PathBuf>,
}

impl Filter {
    pub(super) fn admits(&self, record: &Event, facts: &mut Facts) -> bool {
        let task = match &record.what {
            What::Step(step) if step.hook.is_about_the_module() => return true,
            What::Step(step) => &step.task,
            What::Call(call) => &call.task,
            _ => return true,
        };
        self.pid.is_none_or(|pid| pid == task.pid)
            && self.comm.as_ref().is_none_or(|comm| *comm == task.comm)
            && self.exe.as_deref().is_none_or(|exe| runs(exe, task, facts))
    }
}

/// Whether the task runs `exe`; by its name alone where `/proc` no longer says.
fn runs(exe: &Path, task: &Task, facts: &mut Facts) -> bool {
    match facts.exe(task.pid) {
        Some(actual) => actual.as_bytes() == exe.as_os_str().as_bytes(),
        None => {
            let name = exe.file_name().map(|name| name.as_bytes()).unwrap_or_default();
            task.comm.as_bytes() == name.get(..COMM_MAX - 1).unwrap_or(name)
        }
    }
}
