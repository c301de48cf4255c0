//! What the machine shows of KNI's interfaces at one moment.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;

use super::links::{Asker, Now, Sighting, within};
use super::namespaces::{self, Namespace};
use super::{clock, modules, procfs};
use crate::event::Module;
use crate::inventory::{Facts, Found, Mode, Thread, is_of_module, is_thread_of};
use crate::untrusted::Untrusted;

/// What was found, and in words what could not be looked at.
#[must_use]
pub fn read() -> (Facts, Vec<String>) {
    let mut unseen = Vec::new();
    let threads = threads();
    if threads.is_none() {
        unseen.push(
            "kernel threads can't be seen in this PID namespace: run kniwatch in the first one".to_owned(),
        );
    }
    let own_netns = namespaces::own();
    let (all, hidden) = namespaces::network();
    if hidden > 0 {
        unseen.push(format!(
            "the network namespaces of {hidden} processes can't be seen: that takes CAP_SYS_PTRACE (or root)"
        ));
    }
    let mut links = Vec::new();
    let mut closed = 0;
    for namespace in all.into_values() {
        match of(&namespace, own_netns, threads.as_deref().unwrap_or_default()) {
            Ok(found) => links.extend(found),
            // Its last process may have ended since.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                log::debug!("network namespace {}: {error}", namespace.path.display());
                closed += 1;
            }
        }
    }
    if closed > 0 {
        unseen.push(format!(
            "{closed} other network namespaces can't be entered: that takes CAP_SYS_ADMIN (or root)"
        ));
    }
    let (holders, closed) = procfs::holders();
    if closed > 0 {
        unseen.push(format!(
            "the files of {closed} processes can't be seen, and with them an owner of /dev/kni: that takes \
             CAP_SYS_PTRACE (or root)"
        ));
    }
    let holders = holders.into_iter().map(|holder| {
        let netns = namespaces::inode(&namespaces::of(holder.pid));
        (holder, netns)
    });
    let mode = modules::rte_kni().as_ref().map(mode);
    let facts =
        Facts { own_netns, links, holders: holders.collect(), threads, mode, boot_ns: clock::boot_ns() };
    (facts, unseen)
}

fn of(namespace: &Namespace, own: Option<u64>, threads: &[Thread]) -> std::io::Result<Vec<Found>> {
    let asker =
        if own == Some(namespace.inode) { Asker::open() } else { within(&namespace.path, Asker::open) }?;
    let links = asker.links()?.into_iter();
    Ok(links.filter_map(|link| found(namespace, &asker, link, threads)).collect())
}

fn found(namespace: &Namespace, asker: &Asker, link: Sighting, threads: &[Thread]) -> Option<Found> {
    let Sighting { ifindex, name, mtu, now: Now::Is(state), may_be_kni: true } = link else { return None };
    // Modules before 19.05 don't say that they are the driver; a thread of the interface's own does.
    let has_thread = || threads.iter().any(|thread| is_thread_of(&thread.comm, &name));
    let is_kni = asker.is_kni(&name).unwrap_or(false) || has_thread();
    let netns_name = namespace.name.as_ref().map(|name| Untrusted::from(name.as_os_str().as_bytes()));
    is_kni.then_some(Found { netns: namespace.inode, netns_name, ifindex, name, mtu, state })
}

/// Only one that says `multiple` has a thread for each.
fn mode(module: &Module) -> Mode {
    let multiple = |(name, value): &(Untrusted, Untrusted)| {
        name.as_bytes() == b"kthread_mode" && value.as_bytes() == b"multiple"
    };
    if module.parameters.iter().any(multiple) { Mode::Multiple } else { Mode::Single }
}

/// The module's kernel threads; none if kernel threads can't be seen from this PID namespace.
fn threads() -> Option<Vec<Thread>> {
    /// The parent of all kernel threads.
    const KTHREADD: u32 = 2;
    let kthreadd = fs::read(format!("/proc/{KTHREADD}/comm")).ok()?;
    if kthreadd.trim_ascii_end() != b"kthreadd" {
        return None;
    }
    let children = procfs::pids().filter_map(procfs::brief).filter(|brief| brief.parent == KTHREADD);
    let of_module = children.filter(|brief| !brief.has_ended && is_of_module(&brief.comm));
    Some(of_module.map(|brief| Thread { comm: brief.comm, start_ns: brief.start_ns }).collect())
}
