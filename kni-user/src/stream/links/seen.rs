//! The interfaces that rtnetlink has told of, and which of them are KNI's.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::{Holder, Link};
use crate::host::links::{Now, Sighting};

/// Interfaces that are remembered: more than a machine with containers by the thousand has in the namespaces where
/// somebody uses KNI.
const MAX_SEEN: usize = 16_384;
/// Indices that are remembered of interfaces which were registered by the module and not told of yet.
const MAX_EXPECTED: usize = 1024;

/// Where, and which.
type Key = (u64, u32);

/// Whose an interface is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Class {
    Kni,
    Foreign,
    /// Its driver is being asked.
    Asked,
    /// Nobody could be asked yet.
    Unknown,
}

#[derive(Debug)]
struct Entry {
    sighting: Sighting,
    class: Class,
    /// When it was last told of.
    at: u64,
}

/// What follows from a sighting.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Known {
    /// To tell.
    pub(super) link: Option<Link>,
    /// Its driver must be asked whose it is.
    pub(super) is_to_be_asked: bool,
}

/// A link that was listed.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) ifindex: u32,
    pub(super) sighting: Sighting,
    pub(super) is_kni: bool,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Seen {
    entries: BTreeMap<Key, Entry>,
    /// Registered by the module.
    expected: BTreeSet<Key>,
    clock: u64,
}

impl Seen {
    /// A moment that is later than all that has been taken.
    pub(super) fn moment(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    /// Takes how an interface is.
    pub(super) fn takes(&mut self, netns: u64, sighting: Sighting) -> Known {
        let key = (netns, sighting.ifindex);
        let at = self.moment();
        if let Some(entry) = self.entries.get_mut(&key) {
            let changed = entry.sighting != sighting;
            (entry.sighting, entry.at) = (sighting, at);
            let is_to_be_asked = entry.class == Class::Unknown;
            if is_to_be_asked {
                entry.class = Class::Asked;
            }
            let link = (changed && entry.class == Class::Kni).then(|| link(key, &entry.sighting));
            return Known { link: link.flatten(), is_to_be_asked };
        }
        if self.entries.len() >= MAX_SEEN {
            return Known::default();
        }
        let class = match (self.expected.remove(&key), sighting.may_be_kni) {
            (true, _) => Class::Kni,
            (false, true) => Class::Asked,
            (false, false) => Class::Foreign,
        };
        let told = (class == Class::Kni).then(|| link(key, &sighting)).flatten();
        self.entries.insert(key, Entry { sighting, class, at });
        Known { link: told, is_to_be_asked: class == Class::Asked }
    }

    /// The module has registered it, or it has come from where it was KNI's.
    pub(super) fn is_kni(&mut self, netns: u64, ifindex: u32) -> Option<Link> {
        let key = (netns, ifindex);
        match self.entries.get_mut(&key) {
            Some(Entry { class: Class::Kni, .. }) => None,
            Some(entry) => {
                entry.class = Class::Kni;
                link(key, &entry.sighting)
            }
            None => {
                if self.expected.len() < MAX_EXPECTED {
                    self.expected.insert(key);
                }
                None
            }
        }
    }

    /// Its driver has been asked; none: in vain.
    pub(super) fn classify(&mut self, netns: u64, ifindex: u32, is_kni: Option<bool>) -> Option<Link> {
        let key = (netns, ifindex);
        let entry = self.entries.get_mut(&key).filter(|entry| entry.class == Class::Asked)?;
        entry.class = match is_kni {
            Some(true) => Class::Kni,
            Some(false) => Class::Foreign,
            None => Class::Unknown,
        };
        (entry.class == Class::Kni).then(|| link(key, &entry.sighting)).flatten()
    }

    /// It is gone from there; if it was KNI's, what to tell.
    pub(super) fn loses(&mut self, netns: u64, ifindex: u32) -> Option<Link> {
        let key = (netns, ifindex);
        self.expected.remove(&key);
        let entry = self.entries.remove(&key).filter(|entry| entry.class == Class::Kni)?;
        Some(gone(key, &entry.sighting))
    }

    /// All interfaces of a namespace have been listed since `began`; what to tell.
    pub(super) fn relist(
        &mut self,
        netns: u64,
        began: u64,
        listed: Vec<Listed>,
        owner: Option<&Holder>,
    ) -> Vec<Link> {
        let here: BTreeSet<u32> = listed.iter().map(|listed| listed.ifindex).collect();
        let mut told = Vec::new();
        for Listed { ifindex, sighting, is_kni } in listed {
            if self.entries.get(&(netns, ifindex)).is_none_or(|entry| entry.at < began) {
                told.extend(self.takes(netns, sighting).link);
            }
            let class = if is_kni { self.is_kni(netns, ifindex) } else { None };
            told.extend(class.map(|link| Link { owner: owner.cloned(), ..link }));
            if !is_kni {
                self.classify(netns, ifindex, Some(false));
            }
        }
        let of_netns = self.entries.range((netns, 0)..=(netns, u32::MAX));
        let lost: Vec<u32> = of_netns
            .filter(|((_, ifindex), entry)| entry.at < began && !here.contains(ifindex))
            .map(|((_, ifindex), _)| *ifindex)
            .collect();
        told.extend(lost.into_iter().filter_map(|ifindex| self.loses(netns, ifindex)));
        told
    }

    /// Whether there are interfaces of KNI's, or may be.
    pub(super) fn has_kni(&self, netns: u64) -> bool {
        let mut of_netns = self.entries.range((netns, 0)..=(netns, u32::MAX));
        of_netns.any(|(_, entry)| matches!(entry.class, Class::Kni | Class::Asked))
    }

    /// The namespace is observed no longer.
    pub(super) fn forget(&mut self, netns: u64) {
        self.entries.retain(|(of, _), _| *of != netns);
        self.expected.retain(|(of, _)| *of != netns);
    }
}

fn link(key: Key, sighting: &Sighting) -> Option<Link> {
    let Now::Is(state) = sighting.now else { return None };
    Some(Link { state: Some(state), ..gone(key, sighting) })
}

fn gone((netns, ifindex): Key, sighting: &Sighting) -> Link {
    let Sighting { name, mtu, .. } = sighting;
    Link { netns, ifindex, name: name.clone(), mtu: *mtu, state: None, moved: None, owner: None }
}

#[cfg(test)]
mod tests {
    use super::{Listed, Seen};
    use crate::event::{Holder, Link, LinkState};
    use crate::host::links::{Now, Sighting};

    const DOWN: LinkState = LinkState { up: false, carrier: false };
    const UP: LinkState = LinkState { up: true, carrier: false };

    fn sighting(ifindex: u32, name: &str, state: LinkState) -> Sighting {
        Sighting { ifindex, name: name.into(), mtu: None, now: Now::Is(state), may_be_kni: true }
    }

    fn listed(ifindex: u32, name: &str, is_kni: bool) -> Listed {
        Listed { ifindex, sighting: sighting(ifindex, name, DOWN), is_kni }
    }

    fn told(links: impl IntoIterator<Item = Link>) -> Vec<(u32, Option<LinkState>)> {
        links.into_iter().map(|link| (link.ifindex, link.state)).collect()
    }

    #[test]
    fn an_interface_is_told_of_once_it_is_known_to_be_kni_s_and_a_foreign_one_never() {
        let mut seen = Seen::default();
        let first = seen.takes(1, sighting(7, "vEth0", DOWN));
        assert_eq!((first.link.clone(), first.is_to_be_asked), (None, true));
        assert!(!seen.takes(1, sighting(7, "vEth0", UP)).is_to_be_asked, "asked once");
        assert_eq!(told(seen.classify(1, 7, Some(true))), [(7, Some(UP))]);
        assert_eq!(seen.takes(1, sighting(7, "vEth0", UP)).link, None, "nothing new");
        assert_eq!(told(seen.takes(1, sighting(7, "kni0", UP)).link), [(7, Some(UP))]);
        assert_eq!(told(seen.loses(1, 7)), [(7, None)]);

        seen.takes(1, sighting(8, "eth0", DOWN));
        assert_eq!(seen.classify(1, 8, Some(false)), None);
        assert_eq!(seen.takes(1, sighting(8, "eth0", UP)), super::Known::default());
        assert_eq!(seen.loses(1, 8), None);
        let veth = Sighting { may_be_kni: false, ..sighting(9, "veth0", DOWN) };
        assert_eq!(seen.takes(1, veth), super::Known::default());
    }

    #[test]
    fn what_the_module_has_registered_needs_no_driver_that_says_so() {
        let mut seen = Seen::default();
        assert_eq!(seen.is_kni(1, 7), None, "not told of yet");
        let known = seen.takes(1, sighting(7, "vEth0", DOWN));
        assert_eq!((told(known.link), known.is_to_be_asked), (vec![(7, Some(DOWN))], false));
        seen.takes(1, sighting(8, "vEth1", DOWN));
        assert_eq!(told(seen.is_kni(1, 8)), [(8, Some(DOWN))]);
        assert_eq!(seen.is_kni(1, 8), None, "told");
        assert_eq!(seen.takes(2, sighting(8, "vEth1", DOWN)).link, None, "in another namespace");
    }

    #[test]
    fn a_driver_that_could_not_be_asked_is_asked_at_the_next_change() {
        let mut seen = Seen::default();
        seen.takes(1, sighting(7, "vEth0", DOWN));
        assert_eq!(seen.classify(1, 7, None), None);
        assert!(seen.takes(1, sighting(7, "kni0", DOWN)).is_to_be_asked);
    }

    #[test]
    fn a_list_adds_what_was_there_and_takes_away_what_went_unheard() {
        let mut seen = Seen::default();
        let owner = Holder { pid: 100, comm: "app".into() };
        let began = seen.moment();
        let first =
            seen.relist(1, began, vec![listed(7, "vEth0", true), listed(8, "eth0", false)], Some(&owner));
        assert_eq!(told(first.clone()), [(7, Some(DOWN))]);
        assert_eq!(first[0].owner, Some(owner));

        // What is told while it is listed is newer than the list.
        let began = seen.moment();
        seen.takes(1, sighting(7, "vEth0", UP));
        assert_eq!(seen.relist(1, began, vec![listed(7, "vEth0", true)], None), []);
        seen.takes(1, sighting(9, "vEth1", UP));
        let began = seen.moment();
        let again = seen.relist(1, began, vec![listed(9, "vEth1", true)], None);
        assert_eq!(told(again), [(9, Some(DOWN)), (7, None)]);
        assert!(seen.has_kni(1) && !seen.has_kni(2));
        seen.forget(1);
        assert!(!seen.has_kni(1));
    }
}
