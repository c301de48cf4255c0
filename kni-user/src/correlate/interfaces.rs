//! The interfaces that are known to be KNI's and not to be gone: those that were seen coming into being, and those
//! that were there before.

use kni_ebpf::hook::Hook;

use super::claims::Claim;
use super::judge::unseen;
use super::{Finding, Watch};
use crate::event::{Holder, Interface, LinkState, Nanos};
use crate::report::{Change, Changed, Released, ReleasedHow};
use crate::untrusted::Untrusted;

/// Interfaces that are remembered; the oldest go first.
const MAX_INTERFACES: usize = 1024;

/// A living interface.
#[derive(Clone, Debug)]
pub(super) struct Living {
    /// The name by which the module knows it, and by which it is released.
    pub(super) name: Untrusted,
    /// The name that it was registered under, if that is known.
    pub(super) actual: Option<Untrusted>,
    /// The network namespace in whose list the module has it: that of its creation.
    pub(super) home: Option<u64>,
    /// The network namespace in which it is now.
    pub(super) netns: Option<u64>,
    pub(super) ifindex: Option<u32>,
    pub(super) owner: Option<Holder>,
    /// The opened `/dev/kni` that it came from.
    pub(super) file: Option<u64>,
    /// When it was created, or first known of.
    pub(super) since: Nanos,
    /// Its creation was seen.
    pub(super) whole: bool,
    /// Size of the struct that the module accepted for it.
    pub(super) request_size: Option<u32>,
    /// As rtnetlink tells of it; none: it doesn't.
    pub(super) link: Option<Shown>,
    /// What was seen removing it, although it was still there then.
    pub(super) claim: Option<Claim>,
    pub(super) owner_ended: bool,
    /// Since when it is down, for a reason that is not known yet.
    pub(super) down: Option<Nanos>,
    /// Who asked last that it be set down.
    pub(super) asked: Option<Asker>,
}

/// Who asked that an interface be set down.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Asker {
    /// The module, as it releases it: that is told with the release.
    Release,
    /// Somebody else.
    Other,
}

/// An interface as rtnetlink shows it.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) name: Untrusted,
    pub(super) state: LinkState,
    /// Since when it is gone.
    pub(super) gone: Option<Nanos>,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Interfaces {
    pub(super) living: Vec<Living>,
}

impl Interfaces {
    /// An interface came into being, or is known from now on.
    pub(super) fn insert(&mut self, mut living: Living) {
        let pid = living.owner.as_ref().map(|owner| owner.pid);
        self.living.retain_mut(|known| {
            let found = !known.whole && known.is_at(living.netns, living.ifindex);
            if found {
                // What rtnetlink told of it before its request had returned.
                living.link = living.link.take().or(known.link.take());
            }
            !found && !pid.is_some_and(|pid| known.is(&living.name, living.home, pid))
        });
        if self.living.len() >= MAX_INTERFACES {
            self.living.remove(0);
        }
        self.living.push(living);
    }

    /// The one that the module has under that name in that network namespace (or for that process, where the
    /// namespace is not known).
    pub(super) fn get(&self, name: &Untrusted, netns: Option<u64>, pid: u32) -> Option<&Living> {
        self.living.iter().find(|known| known.is(name, netns, pid))
    }

    /// The one of that index in that network namespace. Where one of them is not known (0), the one of that index
    /// and name, if it can't be another.
    pub(super) fn called(
        &mut self,
        name: Option<&Untrusted>,
        ifindex: u32,
        netns: u64,
    ) -> Option<&mut Living> {
        let exact = ifindex != 0 && netns != 0;
        let at = |known: &Living| exact && known.is_at(Some(netns), Some(ifindex));
        let like = |known: &Living| {
            (ifindex == 0 || known.ifindex.is_none_or(|index| index == ifindex))
                && (netns == 0 || known.netns.is_none_or(|known| known == netns))
                && name.is_some_and(|name| known.goes_by(name))
        };
        let position = self.living.iter().position(at).or_else(|| {
            let mut all = self.living.iter().enumerate().filter(|(_, known)| like(known));
            all.next().filter(|_| all.next().is_none()).map(|(position, _)| position)
        });
        self.living.get_mut(position?)
    }

    /// The names of those that are there of what came from an opened device; where that is not known, of a process's.
    pub(super) fn of(&self, pid: u32, file: Option<u64>) -> Vec<Untrusted> {
        let own = |known: &&Living| {
            let from = known.file.zip(file).map(|(from, file)| from == file);
            !known.has_gone() && from.unwrap_or_else(|| known.is_owned_by(pid))
        };
        self.living.iter().filter(own).map(|known| known.present_name().clone()).collect()
    }

    /// The request that registered an interface has failed, and removed it again: whoever was taken for its owner
    /// meanwhile has nothing to release.
    pub(super) fn forget_removed(&mut self, netns: Option<u64>, ifindex: Option<u32>) {
        self.living.retain(|known| known.whole || !known.has_gone() || !known.is_at(netns, ifindex));
    }

    /// Takes what the system shows of an interface.
    pub(super) fn describe(&mut self, seen: &Interface) {
        let known = self.living.iter_mut().find(|known| {
            known.is_owned_by(seen.pid) && known.actual.as_ref().unwrap_or(&known.name) == &seen.name
        });
        if let Some(known) = known {
            known.ifindex = known.ifindex.or(Some(seen.ifindex));
        }
    }

    /// A process has ended.
    pub(super) fn owner_ended(&mut self, pid: u32) {
        self.living
            .iter_mut()
            .filter(|known| known.is_owned_by(pid))
            .for_each(|known| known.owner_ended = true);
    }

    /// Something has removed those that `goes` holds for. Of those that rtnetlink tells of, it must have told that
    /// they are gone: it does before the module returns. The others stay, whatever was said.
    ///
    /// What removes all that is left says nothing of one that may have been released before, unseen: how that went is
    /// not known.
    pub(super) fn claim(
        &mut self,
        at: Nanos,
        watch: Watch,
        claim: &Claim,
        goes: impl Fn(&Living) -> bool,
    ) -> Vec<Released> {
        for known in self.living.iter_mut().filter(|known| goes(known)) {
            let was_there = claim.how == ReleasedHow::Request || known.cannot_have_gone_unseen(at, watch);
            known.claim = Some(if was_there { claim.clone() } else { Claim::unseen() });
        }
        let gone = self.living.extract_if(.., |known| {
            known.claim.is_some() && known.link.as_ref().is_none_or(|link| link.gone.is_some())
        });
        gone.map(|gone| gone.released(at)).collect()
    }

    /// The module has gone: what there is of its interfaces is nobody's any more.
    ///
    /// Told of those only whose creation was seen, and whose removal would have been: that rtnetlink has not told of an
    /// end proves nothing.
    pub(super) fn left_behind(&mut self, at: Nanos, watch: Watch) -> Vec<Finding> {
        let left = self.living.extract_if(.., |known| {
            known.whole
                && known.claim.is_none()
                && !known.has_gone()
                && known.cannot_have_gone_unseen(at, watch)
        });
        left.map(|known| Finding::Changed(known.changed(Change::ModuleRemoved))).collect()
    }
}

impl Living {
    /// Whether the module has it under that name in that network namespace, or for that process.
    pub(super) fn is(&self, name: &Untrusted, netns: Option<u64>, pid: u32) -> bool {
        let here = if netns.is_some() { self.home == netns } else { self.is_owned_by(pid) };
        self.name == *name && here
    }

    /// Whether a request to release it would have been seen.
    fn cannot_have_gone_unseen(&self, at: Nanos, watch: Watch) -> bool {
        // Of one that was there before, rtnetlink told when the requests were not observed yet.
        let observed = if self.whole { self.since } else { at };
        unseen(&[Hook::Ioctl], observed, at, watch, &[]).is_empty()
            && unseen(&[], self.since, at, watch, &[]).is_empty()
    }

    pub(super) fn is_owned_by(&self, pid: u32) -> bool {
        self.owner.as_ref().is_some_and(|owner| owner.pid == pid)
    }

    /// Whether it is the one of that index in that network namespace.
    pub(super) fn is_at(&self, netns: Option<u64>, ifindex: Option<u32>) -> bool {
        netns.is_some() && ifindex.is_some() && (self.netns, self.ifindex) == (netns, ifindex)
    }

    /// Whether rtnetlink has told that it is gone.
    pub(super) fn has_gone(&self) -> bool {
        self.link.as_ref().is_some_and(|link| link.gone.is_some())
    }

    /// Whether that is one of its names.
    pub(super) fn goes_by(&self, name: &Untrusted) -> bool {
        self.name == *name || self.present_name() == name
    }

    /// Whether it was up before what is happening to it now; none: that is not known.
    pub(super) fn was_up(&self) -> Option<bool> {
        self.link.as_ref().map(|link| link.state.up || self.down.is_some())
    }

    /// The name that it has now, as far as is known.
    pub(super) fn present_name(&self) -> &Untrusted {
        let shown = self.link.as_ref().map(|link| &link.name);
        shown.or(self.actual.as_ref()).unwrap_or(&self.name)
    }

    /// What became of it.
    pub(super) fn changed(&self, what: Change) -> Changed {
        Changed {
            name: self.present_name().clone(),
            ifindex: self.ifindex,
            netns: self.netns,
            owner: self.owner.clone(),
            what,
        }
    }

    /// It is gone.
    pub(super) fn released(self, at: Nanos) -> Released {
        let name = self.present_name().clone();
        let (how, by, took_ns) = match self.claim {
            Some(Claim { how, by, took_ns }) => (how, by, took_ns),
            None => (ReleasedHow::Unseen, None, None),
        };
        let Holder { pid, comm } = self.owner.or(by).unwrap_or_default();
        Released {
            name,
            ifindex: self.ifindex,
            pid,
            comm,
            how,
            lived_ns: self.whole.then(|| at.saturating_sub(self.since)),
            took_ns,
        }
    }
}
