//! Which interfaces of KNI's are alive, from what the machine shows at one moment.

use schemars::JsonSchema;
use serde::Serialize;

use crate::event::{Holder, LinkState, Nanos};
use crate::untrusted::Untrusted;

/// Bytes of a kernel thread's name.
const COMM_BYTES: usize = 15;
/// The one thread of a namespace, with `kthread_mode=single` (`kni_run_thread` of `kni_misc.c`).
const SINGLE: &[u8] = b"kni_single";
/// What is before the interface's name in that of its thread, with `kthread_mode=multiple`.
const PREFIX: &[u8] = b"kni_";

/// What the machine shows.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Inode number of this process's own network namespace.
    pub own_netns: Option<u64>,
    /// The interfaces of KNI's.
    pub links: Vec<Found>,
    /// Who has `/dev/kni` open, and in which network namespace they are.
    pub holders: Vec<(Holder, Option<u64>)>,
    /// The module's kernel threads; none: kernel threads can't be seen from here.
    pub threads: Option<Vec<Thread>>,
    /// What the module was loaded with, if that is known.
    pub mode: Option<Mode>,
    /// `CLOCK_BOOTTIME`, as threads' start times are.
    pub boot_ns: Nanos,
}

/// An interface that was found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Found {
    /// Inode number of its network namespace.
    pub netns: u64,
    /// That one's name, where it has one.
    pub netns_name: Option<Untrusted>,
    /// Its index there.
    pub ifindex: u32,
    /// Its name.
    pub name: Untrusted,
    /// Its MTU.
    pub mtu: Option<u32>,
    /// How it is.
    pub state: LinkState,
}

/// A kernel thread.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Thread {
    /// Its name.
    pub comm: Untrusted,
    /// When it was started: nanoseconds after boot.
    pub start_ns: Nanos,
}

/// `kthread_mode`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// One thread for all interfaces of a network namespace.
    Single,
    /// One for each.
    Multiple,
}

/// An interface that is alive.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Alive {
    /// Its name.
    pub name: Untrusted,
    /// Its index.
    pub ifindex: u32,
    /// Its MTU.
    pub mtu: Option<u32>,
    /// Inode number of its network namespace.
    pub netns: u64,
    /// That one's name under `/run/netns`.
    pub netns_name: Option<Untrusted>,
    /// Whether that is kniwatch's own.
    pub own_netns: bool,
    /// The process that has `/dev/kni` open in that namespace.
    pub owner: Option<Holder>,
    /// It is set up.
    pub up: bool,
    /// It has a carrier.
    pub carrier: bool,
    /// How old it is; none: that is not known.
    pub age: Option<Age>,
    /// Whether its kernel thread lives, without which it neither sends nor receives; none: that is not known.
    pub thread_alive: Option<bool>,
}

/// How old an interface is.
#[derive(Clone, Copy, Debug, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Age {
    /// Nanoseconds.
    pub ns: Nanos,
    /// It may be younger.
    pub at_most: bool,
}

/// The interfaces that are alive, this process's own namespace first, then by namespace and name.
#[must_use]
pub fn alive(facts: &Facts) -> Vec<Alive> {
    let mut alive: Vec<Alive> = facts.links.iter().map(|link| row(facts, link)).collect();
    alive.sort_by(|a, b| (!a.own_netns, a.netns, &a.name).cmp(&(!b.own_netns, b.netns, &b.name)));
    alive
}

/// Whether a kernel thread is one that the module starts for an interface of that name.
#[must_use]
pub fn is_thread_of(comm: &Untrusted, name: &Untrusted) -> bool {
    let own = [PREFIX, name.as_bytes()].concat();
    own.get(..COMM_BYTES).unwrap_or(&own) == comm.as_bytes()
}

/// Whether a kernel thread is one of the module's, by its name.
#[must_use]
pub fn is_of_module(comm: &Untrusted) -> bool {
    comm.as_bytes().starts_with(PREFIX)
}

fn row(facts: &Facts, link: &Found) -> Alive {
    let Found { netns, netns_name, ifindex, name, mtu, state } = link.clone();
    let owner = facts.holders.iter().find(|(_, of)| *of == Some(netns)).map(|(holder, _)| holder.clone());
    let (thread_alive, age) = match (&facts.threads, facts.mode) {
        (Some(threads), Some(Mode::Single)) => single(facts, threads),
        (Some(threads), Some(Mode::Multiple)) => multiple(facts, threads, &name),
        _ => (None, None),
    };
    Alive {
        name,
        ifindex,
        mtu,
        netns,
        netns_name,
        own_netns: facts.own_netns == Some(netns),
        owner,
        up: state.up,
        carrier: state.carrier,
        age,
        thread_alive,
    }
}

/// One thread for each namespace, and nothing that says for which: an interface is no older than the oldest.
fn single(facts: &Facts, threads: &[Thread]) -> (Option<bool>, Option<Age>) {
    let singles: Vec<Nanos> = threads
        .iter()
        .filter(|thread| thread.comm.as_bytes() == SINGLE)
        .map(|thread| thread.start_ns)
        .collect();
    let mut namespaces: Vec<u64> = facts.links.iter().map(|link| link.netns).collect();
    namespaces.sort_unstable();
    namespaces.dedup();
    let alive = match singles.len() {
        0 => Some(false),
        // A thread more than there are namespaces with interfaces: one that moved away has left it behind.
        number => (number >= namespaces.len()).then_some(true),
    };
    let oldest = singles.into_iter().min();
    (alive, oldest.map(|start| Age { ns: facts.boot_ns.saturating_sub(start), at_most: true }))
}

/// A thread for each interface, called as that was when it was created.
fn multiple(facts: &Facts, threads: &[Thread], name: &Untrusted) -> (Option<bool>, Option<Age>) {
    let alike = facts.links.iter().filter(|link| {
        threads
            .iter()
            .any(|thread| is_thread_of(&thread.comm, name) && is_thread_of(&thread.comm, &link.name))
    });
    let own: Vec<&Thread> = threads.iter().filter(|thread| is_thread_of(&thread.comm, name)).collect();
    match (own.as_slice(), alike.count()) {
        ([], _) => {
            let is_spare = |thread: &&Thread| {
                !facts.links.iter().any(|link| is_thread_of(&thread.comm, &link.name))
                    && is_of_module(&thread.comm)
            };
            // It may be that of this one, which has got another name since.
            let renamed = threads.iter().any(|thread| is_spare(&thread));
            ((!renamed).then_some(false), None)
        }
        ([thread], 1) => {
            let ns = facts.boot_ns.saturating_sub(thread.start_ns);
            (Some(true), Some(Age { ns, at_most: false }))
        }
        (several, alike) => ((several.len() >= alike).then_some(true), None),
    }
}

#[cfg(test)]
mod tests {
    use super::{Age, Alive, Facts, Found, Mode, Thread, alive};
    use crate::event::{Holder, LinkState};

    const HERE: u64 = 1;
    const THERE: u64 = 2;

    fn found(netns: u64, name: &str) -> Found {
        let state = LinkState { up: true, carrier: false };
        Found { netns, netns_name: None, ifindex: 7, name: name.into(), mtu: Some(1500), state }
    }

    fn thread(comm: &str, start_ns: u64) -> Thread {
        Thread { comm: comm.into(), start_ns }
    }

    fn facts(mode: Mode, links: &[Found], threads: &[Thread]) -> Facts {
        Facts {
            own_netns: Some(HERE),
            links: links.to_vec(),
            threads: Some(threads.to_vec()),
            mode: Some(mode),
            boot_ns: 1_000,
            ..Facts::default()
        }
    }

    /// Its thread, its age, and whether that is exact.
    fn told(alive: &Alive) -> (Option<bool>, Option<(u64, bool)>) {
        (alive.thread_alive, alive.age.map(|Age { ns, at_most }| (ns, !at_most)))
    }

    #[test]
    fn a_thread_tells_how_old_an_interface_is_and_whether_it_works() {
        use Mode::{Multiple, Single};
        let one = [found(HERE, "vEth0")];
        let two = [found(HERE, "vEth0"), found(THERE, "vEth0")];
        let long = [found(HERE, "vEth0_12345_a"), found(HERE, "vEth0_12345_b")];
        let known = |age, exact| (Some(true), Some((age, exact)));
        for (what, mode, links, threads, expected) in [
            ("its own", Multiple, &one[..], &[thread("kni_vEth0", 400)][..], known(600, true)),
            ("none", Multiple, &one, &[], (Some(false), None)),
            ("another's", Multiple, &one, &[thread("kni_vEth1", 400)], (None, None)),
            (
                "two of the name",
                Multiple,
                &two,
                &[thread("kni_vEth0", 4), thread("kni_vEth0", 5)],
                (Some(true), None),
            ),
            ("one for two", Multiple, &two, &[thread("kni_vEth0", 4)], (None, None)),
            ("cut", Multiple, &long[..1], &[thread("kni_vEth0_12345", 400)], known(600, true)),
            ("cut, and alike", Multiple, &long, &[thread("kni_vEth0_12345", 400)], (None, None)),
            ("one for all", Single, &one, &[thread("kni_single", 300)], known(700, false)),
            ("dead", Single, &one, &[thread("kni_vEth0", 300)], (Some(false), None)),
            ("of two, one", Single, &two, &[thread("kni_single", 300)], (None, Some((700, false)))),
            (
                "of two, both",
                Single,
                &two,
                &[thread("kni_single", 300), thread("kni_single", 500)],
                known(700, false),
            ),
        ] {
            assert_eq!(told(&alive(&facts(mode, links, threads))[0]), expected, "{what}");
        }
        let unseen = Facts { threads: None, ..facts(Single, &one, &[]) };
        assert_eq!(told(&alive(&unseen)[0]), (None, None));
        let unknown = Facts { mode: None, ..facts(Single, &one, &[thread("kni_single", 1)]) };
        assert_eq!(told(&alive(&unknown)[0]), (None, None));
    }

    #[test]
    fn the_owner_is_who_has_the_device_open_in_the_same_namespace() {
        let holder = |pid| Holder { pid, comm: "app".into() };
        let holders = vec![(holder(3), None), (holder(4), Some(THERE)), (holder(5), Some(THERE))];
        let links = [found(THERE, "b"), found(THERE, "a"), found(HERE, "z")];
        let alive = alive(&Facts { holders, ..facts(Mode::Single, &links, &[]) });
        let told: Vec<_> = alive.iter().map(|row| (row.own_netns, &row.name, row.owner.as_ref())).collect();
        let (a, b, z, owner) = ("a".into(), "b".into(), "z".into(), holder(4));
        assert_eq!(told, [(true, &z, None), (false, &a, Some(&owner)), (false, &b, Some(&owner))]);
        assert!(alive[0].up && !alive[0].carrier);
    }
}
