//! What removes interfaces, or fails to: requests to release them, the closing of the device, the end of the
//! process, the end of the module.

use std::collections::BTreeMap;

use kni_ebpf::hook::Hook;
use kni_ebpf::kni::MODULE_NAME;

use super::interfaces::Living;
use super::judge::unseen;
use super::observed::{as_int, errno};
use super::request::claimed_name;
use super::{Correlator, Finding, Opened, Watch};
use crate::event::{Call, Holder, Nanos, Phase, Step, Task};
use crate::report::{Change, Released, ReleasedHow};
use crate::untrusted::Untrusted;

/// Threads that are followed while they remove something.
const MAX_THREADS: usize = 1024;

/// So long a removal may take: with 200 interfaces that are up, 3 s each. One that takes longer has died.
const LONGEST: Nanos = 900_000_000_000;

/// Something was seen removing an interface.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    pub(super) how: ReleasedHow,
    /// Who did it.
    pub(super) by: Option<Holder>,
    /// How long that took.
    pub(super) took_ns: Option<Nanos>,
}

impl Claim {
    /// It is gone, and what removed it was not seen.
    pub(super) const fn unseen() -> Self {
        Self { how: ReleasedHow::Unseen, by: None, took_ns: None }
    }
}

/// Threads that are removing something.
#[derive(Debug, Default)]
pub(super) struct Removing {
    /// Since when, and the interface, by thread: in a RELEASE request.
    requests: BTreeMap<u32, (Nanos, Untrusted)>,
    /// Since when, by thread: closing the device for the last time.
    closing: BTreeMap<u32, Nanos>,
    /// Since when, by thread: in `rte_kni_release`, and the kernel has not been asked for it.
    library: BTreeMap<u32, Nanos>,
}

impl Removing {
    /// Whether something may be being removed of which the end has not been seen.
    pub(super) fn is_under_way(&self, at: Nanos) -> bool {
        let began = self.requests.values().map(|(began, _)| began).chain(self.closing.values());
        began.into_iter().any(|began| at.saturating_sub(*began) < LONGEST)
    }

    /// Whether a thread is removing something.
    pub(super) fn is_by(&self, tid: u32) -> bool {
        self.requests.contains_key(&tid) || self.closing.contains_key(&tid)
    }

    /// A thread has ended: whatever it was in, it won't return.
    pub(super) fn forget(&mut self, tid: u32) {
        self.requests.remove(&tid);
        self.closing.remove(&tid);
        self.library.remove(&tid);
    }
}

fn insert<T>(threads: &mut BTreeMap<u32, T>, tid: u32, value: T) {
    if threads.len() < MAX_THREADS || threads.contains_key(&tid) {
        threads.insert(tid, value);
    }
}

fn who(task: &Task) -> Holder {
    Holder { pid: task.pid, comm: task.comm.clone() }
}

fn findings(released: Vec<Released>) -> Vec<Finding> {
    released.into_iter().map(Finding::Released).collect()
}

impl Correlator {
    /// A RELEASE request: the interface is gone when it is granted.
    pub(super) fn release(&mut self, at: Nanos, call: &Call, watch: Watch) -> Vec<Finding> {
        let Task { pid, tid, .. } = call.task;
        let Phase::Return { value, entered } = call.phase else {
            self.removing.library.remove(&tid);
            if let Some(name) = claimed_name(call.cmd, &call.info) {
                insert(&mut self.removing.requests, tid, (at, name));
            }
            return Vec::new();
        };
        let pending = self.removing.requests.remove(&tid);
        let Some((began, name)) = pending.filter(|(began, _)| entered == Some(*began)) else {
            return Vec::new();
        };
        let took_ns = Some(at.saturating_sub(began));
        if let Some(errno) = errno(value) {
            let kept = |known: &Living| known.goes_by(&name) && known.is_owned_by(pid);
            return self.refused(Change::ReleaseRefused { errno: Some(errno), took_ns }, kept);
        }
        // Up to 19.05 the module grants what it has not: a name that no interface of its list has
        // (`kni_ioctl_release` of `kni_misc.c` returns what copy_from_user had left).
        let netns = self.processes.netns(pid);
        let claim = Claim { how: ReleasedHow::Request, by: Some(who(&call.task)), took_ns };
        findings(self.interfaces.claim(at, watch, &claim, |known| known.is(&name, netns, pid)))
    }

    /// `rte_kni_release`: its refusal is news if it asked nobody.
    pub(super) fn library_release(&mut self, at: Nanos, step: &Step, watch: Watch) -> Vec<Finding> {
        let Task { pid, tid, .. } = step.task;
        let Phase::Return { value, .. } = step.phase else {
            insert(&mut self.removing.library, tid, at);
            return Vec::new();
        };
        let Some(began) = self.removing.library.remove(&tid).filter(|_| as_int(value) < 0) else {
            return Vec::new();
        };
        if !unseen(&[Hook::Ioctl], began, at, watch, &[]).is_empty() {
            return Vec::new();
        }
        let handle = step.args.first().copied().unwrap_or_default();
        let past = self.processes.get(pid).map(|known| &known.history.past);
        let Some(name) = past.and_then(|past| past.held(handle)).cloned() else { return Vec::new() };
        let took_ns = Some(at.saturating_sub(began));
        let kept = |known: &Living| known.name == name && known.is_owned_by(pid);
        self.refused(Change::ReleaseRefused { errno: None, took_ns }, kept)
    }

    fn refused(&self, what: Change, kept: impl Fn(&Living) -> bool) -> Vec<Finding> {
        let known = self.interfaces.living.iter().find(|known| kept(known));
        known.map(|known| Finding::Changed(known.changed(what))).into_iter().collect()
    }

    /// The device is closed for the last time: the module removes all that it has in that namespace's list.
    pub(super) fn device_closed(&mut self, at: Nanos, step: &Step, watch: Watch) -> Vec<Finding> {
        let Task { pid, tid, .. } = step.task;
        let Phase::Return { entered, .. } = step.phase else {
            insert(&mut self.removing.closing, tid, at);
            return Vec::new();
        };
        self.removing.closing.remove(&tid);
        self.processes.closed(pid);
        let [_, file, closer] = step.args;
        // Of the opener, whatever namespace the interface was asked for from (`kni_release`, 2.2 and later), and
        // whatever namespace it is closed from: that is the opener's but for programs that leave theirs.
        let netns = match self.loaded.closed(at, (file, closer), self.processes.started(pid), watch) {
            Opened::In(netns) => netns,
            Opened::Unknown => closer,
            Opened::Doubtful => return Vec::new(),
        };
        let listed = |known: &Living| netns == 0 || known.home.is_none_or(|home| home == netns);
        let dead = |known: &Living| known.owner_ended && known.is_owned_by(pid);
        let has_ended = self.processes.has_ended(pid) || self.interfaces.living.iter().any(dead);
        let how = if has_ended { ReleasedHow::Death } else { ReleasedHow::Close };
        let took_ns = entered.map(|entered| at.saturating_sub(entered));
        let claim = Claim { how, by: Some(who(&step.task)), took_ns };
        findings(self.interfaces.claim(at, watch, &claim, |known| {
            let own = match known.file {
                Some(from) => from == file,
                None => known.is_owned_by(pid),
            };
            own && listed(known)
        }))
    }

    /// The owner has ended, and nothing tells when its device is closed.
    pub(super) fn orphaned(&mut self, at: Nanos, pid: u32, watch: Watch) -> Vec<Finding> {
        let claim = Claim { how: ReleasedHow::Death, by: None, took_ns: None };
        findings(self.interfaces.claim(at, watch, &claim, |known| known.is_owned_by(pid)))
    }

    /// A module has gone, and takes no interface with it: its exit removes none (`kni_exit` of `kni_misc.c`, in all
    /// releases). There is one only of a namespace that the device was not opened in: of all others, the module is in
    /// use.
    pub(super) fn module_gone(&mut self, at: Nanos, step: &Step, watch: Watch) -> Vec<Finding> {
        let ours = step.text.text().is_some_and(|name| name.as_bytes() == MODULE_NAME);
        if step.hook != Hook::ModuleFree || !ours {
            return Vec::new();
        }
        self.interfaces.left_behind(at, watch)
    }
}
