//! Questions that wait for the kernel's lock on all network configuration are asked by a thread of their own: where
//! nobody answers a set-up request, somebody has it for 3 s.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::Builder;

use super::seen::Listed;
use crate::event::{Holder, Link};
use crate::host::links::{Asker, Now, Sighting};
use crate::host::{namespaces, procfs};
use crate::privileges;
use crate::untrusted::Untrusted;

/// What to ask.
pub(super) enum Job {
    /// Which interfaces are in a namespace, and which of them are KNI's?
    List { netns: u64, began: u64, asker: Arc<Asker> },
    /// Is that interface one of KNI's?
    Driver { netns: u64, ifindex: u32, name: Untrusted, asker: Arc<Asker> },
    /// Which is the namespace that this one knows by that number?
    Find { link: Link, nsid: i32, ifindex: Option<u32>, asker: Arc<Asker> },
}

/// What came of it.
pub(super) enum Answer {
    /// None of the links: they could not be listed.
    Listed { netns: u64, began: u64, links: Option<Vec<Listed>>, owner: Option<Holder> },
    /// None: it could not be asked.
    Driver { netns: u64, ifindex: u32, is_kni: Option<bool> },
    /// The namespace that the interface is in now, and a way to it.
    Found { link: Link, to: Option<(u64, PathBuf)>, ifindex: Option<u32> },
}

/// The thread, from its first question on.
#[derive(Default)]
pub(super) struct Worker(Option<(Sender<Job>, Receiver<Answer>)>);

impl Worker {
    /// Asks, in the order of asking. False: nobody will answer.
    pub(super) fn ask(&mut self, job: Job) -> bool {
        let (jobs, _) = self.0.get_or_insert_with(start);
        jobs.send(job).is_ok()
    }

    /// The next answer, if there is one.
    pub(super) fn answer(&mut self) -> Option<Answer> {
        self.0.as_ref()?.1.try_recv().ok()
    }
}

fn start() -> (Sender<Job>, Receiver<Answer>) {
    let (jobs, todo) = channel::<Job>();
    let (tell, answers) = channel();
    let run = move || {
        // It may start before this process gives up what it doesn't need.
        if let Err(error) = privileges::drop_unneeded(&[]) {
            log::warn!("a thread keeps privileges that it does not need: {error:#}");
        }
        for job in todo {
            if tell.send(job.run()).is_err() {
                break;
            }
        }
    };
    if let Err(error) = Builder::new().name("kniwatch-links".to_owned()).spawn(run) {
        log::warn!("what becomes of interfaces is not seen: no thread can be started ({error})");
    }
    (jobs, answers)
}

impl Job {
    fn run(self) -> Answer {
        match self {
            Self::List { netns, began, asker } => {
                let links =
                    asker.links().inspect_err(|error| log::debug!("interfaces can't be listed: {error}"));
                let links = links.ok().map(|links| links.into_iter().filter_map(|link| listed(&asker, link)));
                let links: Option<Vec<Listed>> = links.map(Iterator::collect);
                let any = links.iter().flatten().any(|link| link.is_kni);
                Answer::Listed { netns, began, links, owner: any.then(|| owner(netns)).flatten() }
            }
            Self::Driver { netns, ifindex, name, asker } => {
                Answer::Driver { netns, ifindex, is_kni: asker.is_kni(&name).ok() }
            }
            Self::Find { link, nsid, ifindex, asker } => {
                let (all, _) = namespaces::network();
                let known = |path: &PathBuf| asker.nsid(path).ok().flatten() == Some(nsid);
                let to = all.into_values().find(|namespace| known(&namespace.path));
                Answer::Found { link, to: to.map(|namespace| (namespace.inode, namespace.path)), ifindex }
            }
        }
    }
}

fn listed(asker: &Asker, sighting: Sighting) -> Option<Listed> {
    let is_here = matches!(sighting.now, Now::Is(_));
    let is_kni = sighting.may_be_kni && asker.is_kni(&sighting.name).unwrap_or(false);
    is_here.then_some(Listed { ifindex: sighting.ifindex, sighting, is_kni })
}

/// Who has the device open in a namespace: one process, and children that it has left it to.
fn owner(netns: u64) -> Option<Holder> {
    let here = |holder: &Holder| namespaces::inode(&namespaces::of(holder.pid)) == Some(netns);
    procfs::device_holders().into_iter().find(here)
}
