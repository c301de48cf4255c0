//! Openings of the device that nobody can give back any more.
//!
//! `kni_release` lets go of the device as the last that it does (`kernel/linux/kni/kni_misc.c`, DPDK 16.04 to 23.07:
//! `clear_bit(KNI_DEV_IN_USE_BIT_NUM)`). Who dies in it leaves the device busy in that network namespace, and the module
//! in use, until the machine is restarted.

use std::collections::{BTreeMap, VecDeque};

use super::past::Passed;
use crate::event::{Holder, Nanos, Step};

/// Threads that are giving the device back.
const MAX_CLOSING: usize = 64;
/// Deaths that are remembered.
const MAX_DEAD: usize = 16;

/// Who died with the device, as far as that is known.
#[derive(Clone, Debug)]
pub struct Stuck {
    /// Who.
    pub by: Holder,
    /// Its entry into `kni_release`, if that was seen.
    pub entered: Option<Passed>,
}

/// A thread that has entered `kni_release` and not left it.
#[derive(Clone, Debug)]
pub(super) struct Closing {
    pub(super) pid: u32,
    pub(super) file: u64,
    netns: Option<u64>,
    entered: Passed,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Closings {
    /// By thread.
    closing: BTreeMap<u32, Closing>,
    dead: VecDeque<Holder>,
}

impl Closings {
    /// A thread enters `kni_release`. `netns`: the namespace of its process, for where the record has none.
    pub(super) fn entered(&mut self, at: Nanos, step: &Step, netns: Option<u64>) {
        let [_, file, in_netns] = step.args;
        let netns = Some(in_netns).filter(|netns| *netns != 0).or(netns);
        let tid = step.task.tid;
        if self.closing.len() < MAX_CLOSING || self.closing.contains_key(&tid) {
            let entered = Passed::new(at, step);
            self.closing.insert(tid, Closing { pid: step.task.pid, file, netns, entered });
        }
    }

    /// It has returned.
    pub(super) fn left(&mut self, tid: u32) {
        self.closing.remove(&tid);
    }

    /// A thread has died in `kni_release`.
    pub(super) fn died(&mut self, thread: &Holder) {
        if self.dead.len() >= MAX_DEAD {
            self.dead.pop_front();
        }
        self.dead.push_back(thread.clone());
    }

    /// What a thread was giving back.
    pub(super) fn of(&self, tid: u32) -> Option<&Closing> {
        self.closing.get(&tid)
    }

    /// Who died with the device of that network namespace. With somebody in sight who has the device open, only
    /// who certainly died with this one.
    pub(super) fn in_netns(&self, netns: Option<u64>, is_held: bool) -> Option<Stuck> {
        self.dead.iter().rev().find_map(|thread| {
            let closing = self.closing.get(&thread.pid);
            let known = closing.and_then(|closing| closing.netns).zip(netns);
            let same = known.map_or(!is_held, |(dead, opener)| dead == opener);
            let by =
                Holder { pid: closing.map_or(thread.pid, |closing| closing.pid), comm: thread.comm.clone() };
            same.then(|| Stuck { by, entered: closing.map(|closing| closing.entered.clone()) })
        })
    }

    /// The module is gone, and its device with it.
    pub(super) fn clear(&mut self) {
        self.closing.clear();
        self.dead.clear();
    }
}
