//! What is known of the library and of what it was called with, whatever the verdict.

use kni_ebpf::hook::Hook;

use super::Case;
use crate::correlate::{LibraryStep, Said};
use crate::event::{Object, Read};
use crate::release::{Clues, Releases, clues_of, is_of_pool, zone};
use crate::report::{Argument, Arguments, Library};

/// What `rte_kni_alloc` was called with.
pub(super) fn arguments(case: &Case) -> Option<Arguments> {
    let given = case.seen.arguments.as_ref()?;
    Some(Arguments {
        name: argument(given.conf, &given.name),
        pool: argument(given.pool, &given.pool_name),
        iova_mode: case.seen.library.iova_mode.or(case.history.past.iova_mode),
    })
}

fn argument(pointer: u64, read: &Read) -> Argument {
    match read {
        _ if pointer == 0 => Argument::Null,
        Read::Bytes(text) => Argument::Text { text: text.clone() },
        Read::Failed(errno) => Argument::Unreadable { errno: errno.saturating_neg() },
    }
}

/// Which library it went through, and of which release that is.
pub(super) fn library(case: &Case) -> Option<Library> {
    described(case.objects, &clues(case))
}

/// Which library a process that runs code of `objects` has, as far as these files alone show it.
#[must_use]
pub fn library_in(objects: &[&Object]) -> Option<Library> {
    described(objects, &clues_of(objects))
}

fn described(objects: &[&Object], clues: &Clues) -> Option<Library> {
    let object = objects.iter().find(|object| has_kni(object));
    let phrases = clues.phrases();
    if object.is_none() && phrases.is_empty() {
        return None;
    }
    Some(Library {
        object: object.map(|object| object.path.clone()),
        is_static: object.map(|object| !is_shared(object)),
        releases: clues.releases().map(|releases| releases.to_string()),
        layout: clues.layout(),
        evidence: phrases,
    })
}

fn has_kni(object: &Object) -> bool {
    is_shared(object) || object.has_library()
}

fn is_shared(object: &Object) -> bool {
    object.soname.as_ref().is_some_and(|soname| soname.as_bytes().starts_with(b"librte_kni.so"))
}

/// The releases that the library may be of.
pub(super) fn releases(case: &Case) -> Releases {
    clues(case).releases().unwrap_or(Releases::ALL)
}

/// What the process's files, and what was seen of the attempt, show of the release.
fn clues(case: &Case) -> Clues {
    let mut clues = clues_of(case.objects);
    match case.seen.outermost {
        Some(Hook::LibraryAlloc) => of_alloc(case, &mut clues),
        Some(Hook::LibraryInit) => of_init(case, &mut clues),
        _ => {}
    }
    if let Some((call, layout)) = case.seen.call.as_ref().and_then(|call| Some((call, call.layout?))) {
        clues.add_layout(call.cmd, layout);
    }
    clues
}

const UNTIL_1808: Releases = Releases::until(1808);
const SINCE_1811: Releases = Releases::since(1811);

/// `rte_kni_alloc`: see [`crate::release::ALLOC`].
fn of_alloc(case: &Case, clues: &mut Clues) {
    let library = &case.seen.library;
    match &library.last {
        Some(LibraryStep::Lookup { name: Some(name), .. }) if is_of_pool(name.as_bytes()) => {
            clues.add("it looks up the memzone of the mbuf pool", Releases::span(1604, 1607));
        }
        Some(LibraryStep::Reserve { name: Some(name), .. }) if zone(name.as_bytes()).is_some() => {
            clues.add("it reserves memzones for each interface", SINCE_1811);
        }
        _ => {}
    }
    if library.locked {
        clues.add("it takes rte_mcfg_tailq_write_lock", Releases::since(1908));
    }
    for (said, phrase, releases) in [
        (Said::Device, "it logs the PCI device", Releases::until(1905)),
        (Said::NoSlot, "it has slots for interfaces", UNTIL_1808),
        (Said::InUse, "it has slots for interfaces", UNTIL_1808),
        (Said::AlreadyExists, "it has a list of interfaces", SINCE_1811),
        (Said::NoTailqEntry, "it has a list of interfaces", SINCE_1811),
        (Said::NoContext, "it has a list of interfaces", SINCE_1811),
    ] {
        if library.has_said(said) {
            clues.add(phrase, releases);
        }
    }
}

/// `rte_kni_init`: see [`crate::release::INIT`].
fn of_init(case: &Case, clues: &mut Clues) {
    let library = &case.seen.library;
    let mut has_slots = library.memzones;
    for said in [Said::DoubleInit, Said::InvalidMaximum, Said::NoInitMemory] {
        has_slots |= library.has_said(said);
    }
    if has_slots {
        clues.add("its initialisation makes slots for interfaces", UNTIL_1808);
    }
    if library.panic.is_some() && (has_slots || library.has_said(Said::CannotOpen)) {
        clues.add("its initialisation panics", Releases::span(1604, 1607));
    }
    if library.has_said(Said::IovaMode) {
        clues.add("its initialisation demands physical addresses", Releases::since(1908));
    }
    if library.has_said(Said::Deprecated) {
        clues.add("it calls itself deprecated", Releases::since(2211));
    }
}
