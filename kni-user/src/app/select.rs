//! Whose events count: `--pid` and `--comm`.

use std::collections::HashSet;
use std::os::unix::ffi::OsStrExt as _;

use kni_ebpf::hook::Hook;
use kni_ebpf::record::COMM_MAX;

use crate::cli::Select;
use crate::event::{Event, Task, What};

/// What was selected, and the processes that turned out to be it.
pub(super) struct Selection {
    select: Select,
    /// Processes of which a thread bore a selected name. They stay selected: an attempt that lost its ioctl from
    /// view because its thread took another name would look like one that issued none.
    named: HashSet<u32>,
    /// Indices of interfaces that they had registered.
    registered: HashSet<u32>,
}

impl Selection {
    pub(super) fn new(select: Select) -> Self {
        Self { select, named: HashSet::new(), registered: HashSet::new() }
    }

    /// Whether `event` concerns what was selected.
    ///
    /// It is asked before anything else sees the event, so that a recording holds what was asked for.
    pub(super) fn admits(&mut self, event: &Event) -> bool {
        match &event.what {
            What::Step(step) if is_about_module(step.hook) => true,
            // Whoever asks, it is told of interfaces alone that are known.
            What::Step(step) if step.hook == Hook::SetUpRequest => true,
            What::Link(link) => self.is_everything() || self.registered.contains(&link.ifindex),
            What::Step(step) => {
                let admitted = self.is_of(&step.task);
                if admitted && step.hook == Hook::RegisterNetdev && !self.is_everything() {
                    self.registered.extend(step.args.get(1).and_then(|index| u32::try_from(*index).ok()));
                }
                if step.ends_process() {
                    self.named.remove(&step.task.pid);
                }
                admitted
            }
            What::Call(call) => self.is_of(&call.task),
            What::Process(process) => self.is_pid(process.pid),
            What::Mapped(mapped) => self.is_pid(mapped.pid),
            What::Blocked(blocked) => self.is_pid(blocked.pid),
            _ => true,
        }
    }

    /// Whether nothing was selected, which means all.
    fn is_everything(&self) -> bool {
        self.select.pid.is_empty() && self.select.comm.is_empty()
    }

    fn is_of(&mut self, task: &Task) -> bool {
        self.is_pid(task.pid) && (self.select.comm.is_empty() || self.is_named(task))
    }

    fn is_named(&mut self, task: &Task) -> bool {
        let bears = |name: &std::ffi::OsString| {
            let name = name.as_bytes();
            task.comm.as_bytes() == name.get(..COMM_MAX - 1).unwrap_or(name)
        };
        if self.select.comm.iter().any(bears) {
            self.named.insert(task.pid);
        }
        self.named.contains(&task.pid)
    }

    fn is_pid(&self, pid: u32) -> bool {
        self.select.pid.is_empty() || self.select.pid.contains(&pid)
    }
}

const fn is_about_module(hook: Hook) -> bool {
    matches!(hook, Hook::ModuleLoad | Hook::ModuleFree)
}

#[cfg(test)]
mod tests {
    use kni_ebpf::hook::Hook;
    use kni_ebpf::record::EXIT_WHOLE_KNOWN;

    use super::Selection;
    use crate::cli::Select;
    use crate::event::{Event, Phase, Read, Step, Task, What};

    fn step(hook: Hook, pid: u32, comm: &str) -> Event {
        let step = Step {
            hook,
            task: Task { pid, tid: pid, comm: comm.into() },
            phase: Phase::Enter,
            attempt: None,
            args: [0; 3],
            text: Read::default(),
            detail: Read::default(),
            rte_errno: None,
        };
        Event { at: 1, what: What::Step(step) }
    }

    fn by_name() -> Selection {
        Selection::new(Select { comm: vec!["l3fwd".into()], ..Select::default() })
    }

    #[test]
    fn a_process_that_takes_another_name_stays_selected_until_it_ends() {
        let mut selection = by_name();
        assert!(!selection.admits(&step(Hook::LibraryAlloc, 8, "other")));
        assert!(selection.admits(&step(Hook::LibraryAlloc, 7, "l3fwd")));
        assert!(selection.admits(&step(Hook::LibraryAlloc, 7, "renamed")));
        assert!(selection.admits(&step(Hook::Exit, 7, "renamed")));
        assert!(!selection.admits(&step(Hook::LibraryAlloc, 7, "another")));
    }

    #[test]
    fn a_process_stays_selected_when_only_its_first_thread_ends() {
        let mut selection = by_name();
        assert!(selection.admits(&step(Hook::LibraryAlloc, 7, "l3fwd")));
        let mut end = step(Hook::Exit, 7, "l3fwd");
        if let What::Step(step) = &mut end.what {
            step.args[1] = EXIT_WHOLE_KNOWN;
        }
        assert!(selection.admits(&end));
        assert!(selection.admits(&step(Hook::LibraryAlloc, 7, "worker")));
    }

    #[test]
    fn the_module_concerns_everybody_and_a_pid_only_itself() {
        let mut selection = Selection::new(Select { pid: vec![7], ..Select::default() });
        assert!(selection.admits(&step(Hook::LibraryAlloc, 7, "any")));
        assert!(!selection.admits(&step(Hook::LibraryAlloc, 8, "any")));
        assert!(selection.admits(&step(Hook::ModuleLoad, 8, "modprobe")));
    }
}
