//! Threads that are inside an attempt for long: which of them to look at, and what of that is news.

use std::collections::BTreeMap;

use kni_ebpf::hook::Hook;

use crate::event::{Blocked, Event, Nanos, Phase, Stack, Task, What};
use crate::host::stacks::Look;
use crate::host::{clock, stacks};
use crate::untrusted::Untrusted;
use crate::verdict::waiting::{has_rtnl, wants_rtnl};

/// An attempt that takes longer is looked at.
const LONG: Nanos = 1_000_000_000;
/// So long after a look the next is due.
const AGAIN: Nanos = 1_000_000_000;
/// Threads that are followed: as many as the probes follow.
const MAX_THREADS: usize = 1024;
/// Threads that are looked at at once.
const MAX_LOOKS: usize = 16;
/// Stacks of other threads that are told beside.
const MAX_OTHERS: usize = 8;

/// The threads inside an attempt, from the records in their order.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// By thread.
    inside: BTreeMap<u32, Inside>,
}

#[derive(Debug)]
struct Inside {
    pid: u32,
    began: Nanos,
    looked: Option<Nanos>,
    /// What was told of it last.
    told: Option<(Option<Vec<Untrusted>>, Vec<Stack>)>,
}

/// A thread to look at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Due {
    pub(super) pid: u32,
    pub(super) tid: u32,
    began: Nanos,
}

/// What was seen of a thread.
#[derive(Debug)]
pub(super) struct Seen {
    at: Nanos,
    due: Due,
    /// `None`: there is no such thread.
    look: Option<Look>,
    others: Vec<Stack>,
}

/// Looks at threads; where one waits for the rtnl lock, at those too that may have it.
pub(super) fn look(due: Vec<Due>) -> Vec<Seen> {
    let mut others: Option<Vec<Stack>> = None;
    let one = |due: Due| {
        let look = stacks::look(due.pid, due.tid);
        let stack = look.as_ref().and_then(|look| look.stack.as_deref());
        let waits = stack.is_some_and(wants_rtnl);
        let mut others = if waits { others.get_or_insert_with(in_network_core).clone() } else { Vec::new() };
        others.retain(|other| other.tid != due.tid);
        Seen { at: clock::monotonic_ns(), due, look, others }
    };
    due.into_iter().map(one).collect()
}

fn in_network_core() -> Vec<Stack> {
    let mut others = stacks::others(|stack| has_rtnl(stack) || wants_rtnl(stack));
    others.sort_by_key(|other| !has_rtnl(&other.functions));
    others.truncate(MAX_OTHERS);
    others
}

impl Waiting {
    /// Takes a record.
    pub(super) fn take(&mut self, record: &Event) {
        match &record.what {
            What::Step(step) if step.hook == Hook::Exit => {
                self.inside.remove(&step.task.tid);
            }
            What::Step(step) if step.hook == Hook::Exec => {
                self.inside.retain(|_, inside| inside.pid != step.task.pid);
            }
            What::Step(step) if step.hook != Hook::Fork => self.follow(&step.task, step.attempt, step.phase),
            What::Call(call) => self.follow(&call.task, call.attempt, call.phase),
            _ => {}
        }
    }

    fn follow(&mut self, task: &Task, attempt: Option<Nanos>, phase: Phase) {
        let Some(began) = attempt else { return };
        // The outermost function returns.
        if matches!(phase, Phase::Return { entered: Some(entered), .. } if entered == began) {
            self.inside.remove(&task.tid);
            return;
        }
        let known = self.inside.get(&task.tid).is_some_and(|inside| inside.began >= began);
        if !known && (self.inside.len() < MAX_THREADS || self.inside.contains_key(&task.tid)) {
            self.inside.insert(task.tid, Inside { pid: task.pid, began, looked: None, told: None });
        }
    }

    /// Whether no thread is inside an attempt.
    pub(super) fn is_empty(&self) -> bool {
        self.inside.is_empty()
    }

    /// The threads to look at now, those first that were not looked at for longest.
    pub(super) fn due(&self, now: Nanos) -> Vec<Due> {
        let since = |at: Nanos| now.saturating_sub(at);
        let due = |inside: &Inside| {
            since(inside.began) >= LONG && inside.looked.is_none_or(|at| since(at) >= AGAIN)
        };
        let mut due: Vec<_> = self.inside.iter().filter(|(_, inside)| due(inside)).collect();
        due.sort_by_key(|(_, inside)| (inside.looked, inside.began));
        let due = due.into_iter().take(MAX_LOOKS);
        due.map(|(tid, Inside { pid, began, .. })| Due { pid: *pid, tid: *tid, began: *began }).collect()
    }

    /// Of what was seen, what is news, once all records up to then were taken.
    pub(super) fn news(&mut self, seen: Vec<Seen>) -> Vec<Event> {
        seen.into_iter().filter_map(|seen| self.blocked(seen)).collect()
    }

    /// News is what shows another stack, or another holder, of a thread that is in that attempt still.
    fn blocked(&mut self, seen: Seen) -> Option<Event> {
        let Seen { at, due: Due { pid, tid, began }, look, others } = seen;
        let inside = self.inside.get_mut(&tid).filter(|inside| inside.began == began)?;
        inside.looked = Some(at);
        let gone = look.is_none();
        let Look { state, stack } = look.unwrap_or(Look { state: 'X', stack: None });
        let shown = (stack.clone(), others.clone());
        let known = !gone && inside.told.as_ref() == Some(&shown);
        inside.told = Some(shown);
        if gone {
            self.inside.remove(&tid);
        }
        (!known).then_some(Event { at, what: What::Blocked(Blocked { pid, tid, state, stack, others }) })
    }
}

#[cfg(test)]
mod tests;
