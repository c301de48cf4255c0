//! What `/proc` and the network say beside a record, at the moment it arrives.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use kni_ebpf::hook::Hook;

use crate::event::{Event, Holder, Phase, Process, Step, What};
use crate::host;

/// Processes remembered; a flood of them makes kniwatch ask again, not grow.
const PROCESSES_MAX: usize = 4096;
/// So long an answer to "who has the device open?" is taken for the next refusal too: asking means
/// looking at every descriptor of every process.
const HOLDERS_FRESH: Duration = Duration::from_millis(100);

/// What has been told, so that it is told once.
#[derive(Default)]
pub(super) struct Facts {
    processes: HashSet<u32>,
    holders: Option<(Instant, Vec<Holder>)>,
}

impl Facts {
    /// Appends the facts that `record` needs.
    pub(super) fn before(&mut self, record: &Event, events: &mut Vec<Event>) {
        let beside = |what| Event { at: record.at, what };
        let pid = pid_of(record);
        match &record.what {
            // Another program from here on, or none: what was known of the process is over.
            What::Step(Step { hook: Hook::Exec | Hook::Exit, .. }) => {
                if let Some(pid) = pid {
                    self.processes.remove(&pid);
                }
            }
            _ => {
                if let Some(process) = pid.and_then(|pid| self.first_sight(pid)) {
                    events.push(beside(What::Process(process)));
                }
            }
        }
        if is_busy(record) {
            let holders = self.holders().iter().cloned();
            events.extend(holders.map(|holder| beside(What::Holder(holder))));
        }
    }

    /// What `/proc` says of `pid`, unless it was asked before.
    fn first_sight(&mut self, pid: u32) -> Option<Process> {
        if self.processes.len() >= PROCESSES_MAX {
            self.processes.clear();
        }
        if self.processes.insert(pid) { host::procfs::process(pid) } else { None }
    }

    fn holders(&mut self) -> &[Holder] {
        if self.holders.as_ref().is_none_or(|(asked, _)| asked.elapsed() > HOLDERS_FRESH) {
            self.holders = Some((Instant::now(), host::procfs::device_holders()));
        }
        self.holders.as_ref().map_or(&[], |(_, holders)| holders)
    }
}

fn pid_of(record: &Event) -> Option<u32> {
    match &record.what {
        What::Step(step) => Some(step.task.pid),
        What::Call(call) => Some(call.task.pid),
        _ => None,
    }
}

/// Whether the record says that somebody else has `/dev/kni` open.
fn is_busy(record: &Event) -> bool {
    let What::Step(step) = &record.what else { return false };
    let Phase::Return { value, .. } = step.phase else { return false };
    matches!(step.hook, Hook::Open | Hook::DeviceOpen) && value == -i64::from(libc::EBUSY)
}

/// The fact that follows from a record: what the system shows of an interface that was registered.
pub(super) fn after(record: &Event) -> Option<Event> {
    let What::Step(step) = &record.what else { return None };
    let registered = matches!(step.phase, Phase::Return { value: 0, .. });
    let [_, known, _] = step.args;
    if step.hook != Hook::RegisterNetdev || !registered {
        return None;
    }
    let name = step.text.text()?;
    let interface = host::interface::look(step.task.pid, name)?;
    // Another of that name since, if its number is another.
    let is_it = known == 0 || known == u64::from(interface.ifindex);
    if !is_it {
        return None;
    }
    Some(Event { at: record.at, what: What::Interface(interface) })
}
