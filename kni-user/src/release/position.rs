//! At which check a function of the library refused, as far as what was observed and what could have
//! been leave a choice.

use kni_ebpf::hook::Hook;

use super::{Exit, Leaves, Order, Releases, is_of_pool, zone};
use crate::correlate::{LibraryStep, Said};
use crate::report::{self, IovaMode};

/// What was observed of a function that refused without asking the module.
#[derive(Clone, Copy)]
pub struct Trace<'a> {
    /// What it did last that can refuse.
    pub last: Option<&'a LibraryStep>,
    /// The releases that it may be of.
    pub releases: Releases,
    /// Whether its arguments are such that it refuses them; `None`: some could not be read.
    pub is_bad: Option<bool>,
    /// It is known not to have been initialised.
    pub is_unready: bool,
    /// It was seen to take the lock of the list of interfaces.
    pub is_locked: bool,
    /// It was heard to name the PCI device, which it does just before the memzones.
    pub names_device: bool,
    /// What it was told of the program's addresses.
    pub iova_mode: Option<IovaMode>,
    /// Whether it could open the device, if it was seen trying.
    pub opened: Option<bool>,
    /// Whether a step of a hook, or a line of the log, would have been seen.
    pub covered: &'a dyn Fn(Hook) -> bool,
}

/// Checks that it has passed when it names the PCI device: up to 18.08, and up to 19.05.
const NAMED_AFTER: [Said; 2] = [Said::InUse, Said::NoContext];

/// A check at which it may have been refused.
#[derive(Clone, Copy, Debug)]
pub struct Position {
    /// Of these checks
    pub order: &'static Order,
    /// this one.
    pub exit: &'static Exit,
}

/// The checks of `orders` that fit what was observed.
#[must_use]
pub fn positions(orders: &'static [Order], trace: &Trace) -> Vec<Position> {
    let all = orders.iter().flat_map(|order| order.exits.iter().map(move |exit| Position { order, exit }));
    all.filter(|position| trace.fits(position)).collect()
}

impl Position {
    /// The check, if nothing but that one remains. Orders that have it at different places share it.
    #[must_use]
    pub fn only(left: &[Self]) -> Option<&'static Exit> {
        let (first, rest) = left.split_first()?;
        rest.iter().all(|position| position.exit == first.exit).then_some(first.exit)
    }

    /// The same for the report, which also tells its place: only one order may be left. `zone` is the
    /// memzone that it was about.
    #[must_use]
    pub fn check(left: &[Self], about: Option<&[u8]>) -> Option<report::Check> {
        let [Self { order, exit }] = left else { return None };
        let zone = about.filter(|_| exit.times > 1).and_then(zone);
        Some(report::Check {
            function: order.function,
            releases: order.label,
            what: zone.map_or(exit.what, |zone| zone.what),
            number: exit.number,
            of: order.of,
            time: zone.map(|zone| zone.time),
        })
    }
}

impl Trace<'_> {
    fn fits(&self, Position { order, exit }: &Position) -> bool {
        let releases = order.releases.and(exit.releases);
        self.releases.overlap(releases) && self.reaches(order, exit) && self.shows(exit)
    }

    /// Whether all checks before it can have been passed, and what follows them not.
    fn reaches(&self, order: &Order, exit: &Exit) -> bool {
        let refused_first = if self.is_bad == Some(true) { Some(Leaves::Nothing) } else { None };
        let unready = self.is_unready.then_some(Leaves::Line(Said::NotInitialised));
        let first = |known: Option<Leaves>| known.is_none_or(|leaves| exit.is_before_or_at(order, leaves));
        first(refused_first)
            && first(unready)
            && (!self.names_device
                || NAMED_AFTER.iter().all(|said| exit.is_after(order, Leaves::Line(*said))))
            && (!self.is_locked || exit.is_after(order, Leaves::Line(Said::NotInitialised)))
            && (self.is_locked || !self.would_be_locked(order, exit))
            && (self.opened != Some(true) || exit.is_after(order, Leaves::Open))
            && (self.opened != Some(false) || exit.leaves == Leaves::Open)
    }

    /// Before it, a lock would have been seen to be taken (`rte_mcfg_tailq_write_lock`, since 19.08).
    fn would_be_locked(&self, order: &Order, exit: &Exit) -> bool {
        let locks = Leaves::Line(Said::AlreadyExists);
        order.has(locks)
            && exit.is_after(order, Leaves::Line(Said::NotInitialised))
            && self.releases.is_within(Releases::since(1908))
            && (self.covered)(Hook::TailqLock)
    }

    /// Whether it can have left what was seen, and nothing else.
    fn shows(&self, exit: &Exit) -> bool {
        let silent = |hook| self.last.is_none() && !(self.covered)(hook);
        match exit.leaves {
            Leaves::Nothing => self.last.is_none() && self.is_bad != Some(false),
            Leaves::Line(Said::IovaMode) => self.shows_mode(),
            Leaves::Line(Said::InvalidMaximum) if self.is_bad == Some(false) => false,
            Leaves::Line(said) => match self.last {
                Some(LibraryStep::Said(last)) => *last == said,
                Some(_) => false,
                None => !(self.covered)(Hook::LibraryLog),
            },
            // A lookup that finds nothing is a refusal only if nobody then reserves what was missing.
            Leaves::Lookup => match self.last {
                Some(LibraryStep::Lookup { found, .. }) => !found && (self.covered)(Hook::MemzoneReserve),
                _ => silent(Hook::MemzoneLookup),
            },
            Leaves::Found => match self.last {
                Some(LibraryStep::Lookup { name, found }) => {
                    *found && name.as_ref().is_none_or(|name| is_of_pool(name.as_bytes()))
                }
                _ => silent(Hook::MemzoneLookup),
            },
            Leaves::Reserve => match self.last {
                Some(LibraryStep::Reserve { done, .. }) => !done,
                Some(LibraryStep::Said(said)) => said.is_of_memory(),
                Some(LibraryStep::Lookup { found, .. }) => !found && !(self.covered)(Hook::MemzoneReserve),
                None => silent(Hook::MemzoneReserve),
            },
            Leaves::Open => self.opened == Some(false) || (self.opened.is_none() && self.may_have_opened()),
        }
    }

    fn may_have_opened(&self) -> bool {
        let fits = matches!(self.last, None | Some(LibraryStep::Said(Said::CannotOpen)));
        fits && !(self.covered)(Hook::Open)
    }

    /// What it was told of addresses decides; if it was not seen to ask, what it said.
    fn shows_mode(&self) -> bool {
        match (self.iova_mode, self.last) {
            (Some(mode), _) => mode != IovaMode::Physical,
            (None, Some(LibraryStep::Said(Said::IovaMode))) => true,
            (None, Some(_)) => false,
            (None, None) => !(self.covered)(Hook::LibraryLog) && !(self.covered)(Hook::IovaMode),
        }
    }
}

impl Order {
    fn has(&self, leaves: Leaves) -> bool {
        self.exits.iter().any(|exit| exit.leaves == leaves)
    }
}

impl Exit {
    /// Whether it comes after the check that leaves `leaves`, where the order has that.
    fn is_after(&self, order: &Order, leaves: Leaves) -> bool {
        order.exits.iter().all(|other| other.leaves != leaves || other.number < self.number)
    }

    fn is_before_or_at(&self, order: &Order, leaves: Leaves) -> bool {
        !self.is_after(order, leaves) || !order.has(leaves)
    }
}
