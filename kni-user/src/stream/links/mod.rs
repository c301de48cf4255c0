//! KNI's interfaces as rtnetlink tells of them, in every network namespace where somebody uses KNI or has such an
//! interface.
//!
//! Whoever observes a namespace keeps it from being removed. So none is observed any longer than somebody lives in it,
//! or a mount keeps it anyway.

mod seen;
mod worker;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kni_ebpf::hook::Hook;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use tokio::io::unix::AsyncFd;

use self::seen::Seen;
use self::worker::{Answer, Job, Worker};
use super::now;
use crate::event::{Event, Link, Moved, Phase, Step, What};
use crate::host::links::{Asker, Changes, Now, Sighting, within};
use crate::host::namespaces;

/// How often it is looked whether somebody still lives in the namespaces.
const SWEEP: Duration = Duration::from_secs(5);
/// Namespaces that are observed at once.
const MAX_WATCHED: usize = 64;
/// Threads that are followed while they create an interface.
const MAX_CREATING: usize = 1024;

/// A namespace that is observed.
struct Watched {
    changes: Changes,
    asker: Arc<Asker>,
    /// Its interfaces are being listed; those that went meanwhile.
    listing: Option<BTreeSet<u32>>,
}

/// All of it.
pub(super) struct Links {
    own: Option<u64>,
    watched: BTreeMap<u64, Watched>,
    /// Which can't be observed; asked again when it is swept.
    refused: BTreeSet<u64>,
    /// The namespaces of those who use KNI.
    users: BTreeMap<u32, Option<u64>>,
    seen: Seen,
    /// The namespaces that threads are creating interfaces in.
    creating: BTreeMap<u32, u64>,
    /// Ready when anything has come from any of them; none: it is looked when time passes.
    ready: Option<AsyncFd<Ready>>,
    worker: Worker,
    swept: Instant,
}

struct Ready(Epoll);

impl AsRawFd for Ready {
    fn as_raw_fd(&self) -> RawFd {
        self.0.0.as_raw_fd()
    }
}

impl Links {
    pub(super) fn new() -> Self {
        let ready = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(io::Error::from);
        let ready = ready.and_then(|epoll| super::wait_on(Ready(epoll)));
        Self {
            own: namespaces::own(),
            watched: BTreeMap::new(),
            refused: BTreeSet::new(),
            users: BTreeMap::new(),
            seen: Seen::default(),
            creating: BTreeMap::new(),
            ready: ready.inspect_err(|error| log::debug!("links are polled: {error}")).ok(),
            worker: Worker::default(),
            swept: Instant::now(),
        }
    }

    /// Waits until something has come.
    pub(super) async fn readable(&self) {
        match self.ready.as_ref().map(AsyncFd::readable) {
            Some(ready) => match ready.await {
                Ok(mut ready) => ready.clear_ready(),
                Err(_) => std::future::pending().await,
            },
            None => std::future::pending().await,
        }
    }

    /// Interfaces may be in this process's own namespace already.
    pub(super) fn watch_own(&mut self) {
        if let Some(own) = self.own {
            self.watch(own, Path::new("/proc/self/ns/net"));
        }
    }

    /// Observes where these processes are, all who use KNI.
    pub(super) fn follow(&mut self, users: &BTreeSet<u32>) {
        if !self.users.keys().eq(users) {
            self.users.retain(|pid, _| users.contains(pid));
            for pid in users {
                if !self.users.contains_key(pid) {
                    let path = namespaces::of(*pid);
                    let netns = namespaces::inode(&path);
                    self.users.insert(*pid, netns);
                    if let Some(netns) = netns {
                        self.watch(netns, &path);
                    }
                }
            }
        }
        self.let_go();
    }

    /// Takes all that there is: first what belongs before the records of the same moment, then what belongs behind
    /// them. A record of something that was removed is submitted after rtnetlink has told that it is gone; a request
    /// to set it up, before rtnetlink tells that it is.
    pub(super) fn take(&mut self) -> (Vec<Event>, Vec<Event>) {
        let mut events = Vec::new();
        self.take_all(&mut events);
        let gone: BTreeSet<(u64, u32)> = events.iter().filter_map(gone).collect();
        events.into_iter().partition(|event| key(event).is_some_and(|key| gone.contains(&key)))
    }

    fn take_all(&mut self, events: &mut Vec<Event>) {
        let mut sightings = Vec::new();
        let mut lost = Vec::new();
        for (netns, watched) in &mut self.watched {
            let mut of_one = Vec::new();
            if !watched.changes.take(&mut of_one) {
                lost.push(*netns);
            }
            sightings.extend(of_one.into_iter().map(|sighting| (*netns, sighting)));
        }
        for (netns, sighting) in sightings {
            self.sees(netns, sighting, events);
        }
        for netns in lost {
            self.list(netns);
        }
        while let Some(answer) = self.worker.answer() {
            self.learns(answer, events);
        }
    }

    /// What follows from a record: which interface is KNI's, and where.
    pub(super) fn after(&mut self, record: &Event, events: &mut Vec<Event>) {
        let What::Step(step) = &record.what else { return };
        let Step { task, args: [first, second, _], .. } = step;
        match (step.hook, step.phase) {
            (Hook::Handler, Phase::Enter) if *first != 0 && self.creating.len() < MAX_CREATING => {
                self.creating.insert(task.tid, *first);
                self.watch(*first, &PathBuf::from(format!("/proc/{}/task/{}/ns/net", task.pid, task.tid)));
            }
            (Hook::RegisterNetdev, Phase::Return { value: 0, .. }) => {
                let of_user = || self.users.get(&task.pid).copied().flatten();
                let netns = self.creating.get(&task.tid).copied().or_else(of_user);
                if let (Some(netns), Ok(ifindex @ 1..)) = (netns, u32::try_from(*second)) {
                    tell(self.seen.is_kni(netns, ifindex), events);
                }
            }
            (Hook::Handler, Phase::Return { .. }) | (Hook::Exit, _) => {
                self.creating.remove(&task.tid);
            }
            _ => {}
        }
    }

    fn sees(&mut self, netns: u64, sighting: Sighting, events: &mut Vec<Event>) {
        let ifindex = sighting.ifindex;
        match sighting.now {
            Now::Is(_) => {
                let name = sighting.name.clone();
                let known = self.seen.takes(netns, sighting);
                tell(known.link, events);
                if known.is_to_be_asked
                    && let Some(watched) = self.watched.get(&netns)
                {
                    self.worker.ask(Job::Driver { netns, ifindex, name, asker: Arc::clone(&watched.asker) });
                }
            }
            Now::Gone | Now::Moved { .. } => {
                if let Some(gone) = self.watched.get_mut(&netns).and_then(|watched| watched.listing.as_mut())
                {
                    gone.insert(ifindex);
                }
                let Some(link) = self.seen.loses(netns, ifindex) else { return };
                match (sighting.now, self.watched.get(&netns)) {
                    (Now::Moved { nsid, ifindex }, Some(watched)) => {
                        let asker = Arc::clone(&watched.asker);
                        self.worker.ask(Job::Find { link, nsid, ifindex, asker });
                    }
                    _ => tell(Some(link), events),
                }
            }
        }
    }

    fn learns(&mut self, answer: Answer, events: &mut Vec<Event>) {
        match answer {
            Answer::Driver { netns, ifindex, is_kni } => {
                tell(self.seen.classify(netns, ifindex, is_kni), events);
            }
            Answer::Listed { netns, began, links, owner } => {
                let listing = self.watched.get_mut(&netns).and_then(|watched| watched.listing.take());
                let Some((gone, links)) = listing.zip(links) else { return };
                let here = links.into_iter().filter(|link| !gone.contains(&link.ifindex));
                let told = self.seen.relist(netns, began, here.collect(), owner.as_ref());
                events.extend(told.into_iter().map(|link| now(What::Link(link))));
            }
            Answer::Found { link, to, ifindex } => {
                let netns = to.as_ref().map(|(netns, _)| *netns);
                tell(Some(Link { moved: Some(Moved { netns, ifindex }), ..link }), events);
                if let Some(((netns, path), ifindex)) = to.zip(ifindex) {
                    self.watch(netns, &path);
                    tell(self.seen.is_kni(netns, ifindex), events);
                }
            }
        }
    }

    /// Observes a namespace from now on.
    fn watch(&mut self, netns: u64, path: &Path) {
        let known = self.watched.contains_key(&netns) || self.refused.contains(&netns);
        // Whoever led there may have gone elsewhere since.
        if known || self.watched.len() >= MAX_WATCHED || namespaces::inode(path) != Some(netns) {
            return;
        }
        let open = || Ok((Changes::open()?, Asker::open()?));
        let opened = if self.own == Some(netns) { open() } else { within(path, open) };
        match opened {
            Ok((changes, asker)) => {
                if let Some(ready) = &self.ready {
                    let any = EpollEvent::new(EpollFlags::EPOLLIN, 0);
                    if let Err(error) = ready.get_ref().0.add(&changes, any) {
                        log::debug!("links of {} are polled: {error}", path.display());
                    }
                }
                self.watched.insert(netns, Watched { changes, asker: Arc::new(asker), listing: None });
                self.list(netns);
            }
            Err(error) => {
                self.refused.insert(netns);
                log::warn!(
                    "what becomes of interfaces in the network namespace {} is not seen: {error}; entering \
                     another takes CAP_SYS_ADMIN (or root)",
                    path.display()
                );
            }
        }
    }

    fn list(&mut self, netns: u64) {
        let began = self.seen.moment();
        if let Some(watched) = self.watched.get_mut(&netns) {
            let asked = self.worker.ask(Job::List { netns, began, asker: Arc::clone(&watched.asker) });
            watched.listing = asked.then(BTreeSet::new);
        }
    }

    /// Lets go of namespaces where nobody uses KNI: at once where there is no interface of KNI's either, else when
    /// nobody lives there any more.
    fn let_go(&mut self) {
        if self.watched.is_empty() {
            return;
        }
        let used: BTreeSet<u64> =
            self.users.values().flatten().chain(self.creating.values()).copied().collect();
        let sweeps = self.swept.elapsed() >= SWEEP;
        if sweeps {
            self.swept = Instant::now();
            self.refused.clear();
        }
        let is_left = |netns: &u64, watched: &Watched| !used.contains(netns) && watched.listing.is_none();
        let left: Vec<u64> = self
            .watched
            .iter()
            .filter(|(netns, watched)| is_left(netns, watched))
            .map(|(netns, _)| *netns)
            .collect();
        if left.is_empty() {
            return;
        }
        let own = self.own;
        let foreign = sweeps && left.iter().any(|netns| Some(*netns) != own);
        let inhabited = foreign.then(|| namespaces::network().0);
        for netns in left {
            let is_empty = !self.seen.has_kni(netns);
            let is_dead = Some(netns) != own
                && inhabited.as_ref().is_some_and(|inhabited| !inhabited.contains_key(&netns));
            if is_empty || is_dead {
                self.watched.remove(&netns);
                self.seen.forget(netns);
            }
        }
    }
}

fn key(event: &Event) -> Option<(u64, u32)> {
    let What::Link(link) = &event.what else { return None };
    Some((link.netns, link.ifindex))
}

fn gone(event: &Event) -> Option<(u64, u32)> {
    let is_gone = matches!(&event.what, What::Link(link) if link.state.is_none() && link.moved.is_none());
    key(event).filter(|_| is_gone)
}

fn tell(link: Option<Link>, events: &mut Vec<Event>) {
    events.extend(link.map(|link| now(What::Link(link))));
}
