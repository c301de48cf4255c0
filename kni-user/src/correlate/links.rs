//! What rtnetlink tells of KNI's interfaces: what is told of them beside their creation and their release.

use super::interfaces::{Asker, Interfaces, Living, Shown};
use super::{Correlator, Finding};
use crate::event::{Link, LinkState, Moved, Nanos};
use crate::report::Change;

/// So long what set an interface down, or removed it, is waited for.
const PATIENCE: Nanos = 1_000_000_000;

impl Correlator {
    /// Takes what rtnetlink tells of an interface of KNI's.
    pub(super) fn link_seen(&mut self, at: Nanos, link: &Link) -> Vec<Finding> {
        let key = (Some(link.netns), Some(link.ifindex));
        let position = self.interfaces.living.iter().position(|known| known.is_at(key.0, key.1));
        let Some(index) = position.or_else(|| self.interfaces.adopt(link)) else {
            if let Some(state) = link.state {
                self.interfaces.insert(Living::found(at, link, state));
            }
            return Vec::new();
        };
        match (link.state, link.moved) {
            (Some(state), _) => self.interfaces.shown(at, index, link, state),
            (None, Some(moved)) => self.interfaces.moved(index, moved),
            (None, None) => self.interfaces.gone(at, index),
        }
    }

    /// Time passes: nothing has been seen that explains what rtnetlink told.
    pub(super) fn unexplained(&mut self, at: Nanos) -> Vec<Finding> {
        if self.removing.is_under_way(at) {
            return Vec::new();
        }
        let mut told = self.interfaces.went_down(|down| at.saturating_sub(down) >= PATIENCE);
        told.extend(self.gone_unseen(at));
        told
    }

    /// What has gone without anything having been seen that removed it.
    fn gone_unseen(&mut self, at: Nanos) -> Vec<Finding> {
        let long_gone = |known: &mut Living| {
            let gone = known.link.as_ref().and_then(|link| link.gone);
            gone.is_some_and(|gone| at.saturating_sub(gone) >= PATIENCE)
        };
        let gone = self.interfaces.living.extract_if(.., long_gone);
        // Of one that nobody was known to own, an attempt that failed half-way may have been all its life.
        let told = gone.filter(|known| known.owner.is_some());
        told.map(|known| Finding::Released(known.released(at))).collect()
    }
}

impl Interfaces {
    /// One whose index or namespace was not known yet.
    fn adopt(&mut self, link: &Link) -> Option<usize> {
        let index = self.living.iter().position(|known| {
            let open = known.ifindex.is_none_or(|index| index == link.ifindex)
                && known.netns.is_none_or(|netns| netns == link.netns);
            known.whole && known.link.is_none() && open && known.goes_by(&link.name)
        })?;
        let known = self.living.get_mut(index)?;
        (known.netns, known.ifindex) = (Some(link.netns), Some(link.ifindex));
        Some(index)
    }

    /// Tells of those that are down since a time that `is_due` holds for.
    pub(super) fn went_down(&mut self, is_due: impl Fn(Nanos) -> bool) -> Vec<Finding> {
        let mut told = Vec::new();
        for known in &mut self.living {
            if !known.has_gone() && known.down.take_if(|down| is_due(*down)).is_some() {
                told.push(Finding::Changed(known.changed(Change::Down)));
            }
        }
        told
    }

    fn shown(&mut self, at: Nanos, index: usize, link: &Link, now: LinkState) -> Vec<Finding> {
        let Some(known) = self.living.get_mut(index) else { return Vec::new() };
        known.owner = known.owner.take().or_else(|| link.owner.clone());
        let shown = Shown { name: link.name.clone(), state: now, gone: None };
        let Some(before) = known.link.clone() else {
            known.link = Some(shown);
            return Vec::new();
        };
        let mut changes = Vec::new();
        if before.name != link.name {
            changes.push(known.changed(Change::Renamed { to: link.name.clone() }));
        }
        known.link = Some(shown);
        let what = change(before.state, now);
        if what == Some(Change::Down) {
            // The module sets down what it removes: that is no news beside its release.
            match known.asked.take() {
                Some(Asker::Other) => changes.push(known.changed(Change::Down)),
                Some(Asker::Release) => {}
                None => known.down = Some(at),
            }
        } else if let Some(what) = what {
            if now.up && known.down.take().is_some() {
                changes.push(known.changed(Change::Down));
            }
            changes.push(known.changed(what));
        }
        changes.into_iter().map(Finding::Changed).collect()
    }

    fn moved(&mut self, index: usize, to: Moved) -> Vec<Finding> {
        let Some(known) = self.living.get_mut(index) else { return Vec::new() };
        let told = known.changed(Change::Moved { to_netns: to.netns });
        let mut moved = self.living.remove(index);
        (moved.netns, moved.ifindex) = (to.netns, to.ifindex);
        // From there it is told of anew, if at all; perhaps it was already.
        let there = self.living.iter().position(|known| !known.whole && known.is_at(to.netns, to.ifindex));
        moved.link = there.and_then(|there| self.living.remove(there).link);
        self.living.push(moved);
        vec![Finding::Changed(told)]
    }

    fn gone(&mut self, at: Nanos, index: usize) -> Vec<Finding> {
        let Some(known) = self.living.get_mut(index) else { return Vec::new() };
        let name = known.present_name().clone();
        let state = LinkState { up: false, carrier: false };
        known.link.get_or_insert(Shown { name, state, gone: None }).gone = Some(at);
        if known.claim.is_none() {
            return Vec::new();
        }
        vec![Finding::Released(self.living.remove(index).released(at))]
    }
}

impl Living {
    /// One that was there, or came, and of whose creation nothing is known.
    fn found(at: Nanos, link: &Link, state: LinkState) -> Self {
        Self {
            name: link.name.clone(),
            actual: None,
            home: Some(link.netns),
            netns: Some(link.netns),
            ifindex: Some(link.ifindex),
            owner: link.owner.clone(),
            file: None,
            since: at,
            whole: false,
            request_size: None,
            link: Some(Shown { name: link.name.clone(), state, gone: None }),
            claim: None,
            owner_ended: false,
            down: None,
            asked: None,
        }
    }
}

/// What there is to tell of a change of state.
fn change(before: LinkState, now: LinkState) -> Option<Change> {
    match (before.up, now.up) {
        (false, true) => Some(Change::Up { carrier: now.carrier }),
        (true, false) => Some(Change::Down),
        (true, true) if before.carrier != now.carrier => Some(Change::Carrier { on: now.carrier }),
        _ => None,
    }
}
