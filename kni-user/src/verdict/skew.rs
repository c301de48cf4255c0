//! Library and module compared: which layout each has, and what comes of the difference.

use kni_ebpf::kni::request_size;

use super::Case;
use crate::cause::Cause;
use crate::correlate::ModuleSaid;
use crate::release::{STRUCT_SIZES, bad_addresses, layout_in, layouts_for, misread, read};
use crate::report::{Field, Skew};

/// The module's layout, and what shows it.
struct Known {
    layout: char,
    evidence: String,
}

/// How a request's size compares with the module's struct.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Size {
    /// It is not larger.
    Fits,
    /// It is.
    TooLarge,
    /// That is not known.
    Unknown,
}

pub(super) fn size(case: &Case) -> Size {
    let Some(size) = case.seen.asked.cmd.map(request_size) else { return Size::Unknown };
    let [smallest, .., largest] = STRUCT_SIZES;
    match &case.machine.shown {
        Some(info) if size > info.size => Size::TooLarge,
        Some(_) => Size::Fits,
        None if size <= smallest || case.machine.granted.is_some_and(|granted| size <= granted) => Size::Fits,
        None if size > largest => Size::TooLarge,
        None => Size::Unknown,
    }
}

/// Library and module, where the request is too large for the module. `by_exclusion`: nothing shows that but that
/// it can be nothing else.
pub(super) fn of_size(case: &Case, by_exclusion: bool) -> Option<Skew> {
    let bytes = request_size(case.seen.asked.cmd?);
    let shown = case.machine.shown.as_ref();
    let mut evidence = Vec::new();
    evidence.extend(
        shown.map(|info| format!("the module's struct has {} bytes: {} shows it", info.size, info.source)),
    );
    if by_exclusion {
        evidence.push(
            "the module refused and said nothing, as it does of a request that is too large".to_owned(),
        );
    }
    Some(Skew {
        library: library(case),
        library_bytes: bytes,
        module: shown.and_then(layout_in),
        module_bytes: shown.map(|info| info.size),
        evidence,
        fields: Vec::new(),
    })
}

/// Why an interface that was created is of no use, if that is known.
pub(super) fn of_created(case: &Case) -> Option<(Cause, Skew)> {
    let info = info(case)?;
    let (library, module) = (library(case), module(case));
    if let (Some(library), Some(module)) = (library, &module)
        && library != module.layout
    {
        let fields = misread(library, module.layout, info);
        return Some((Cause::ModLayoutSkew, skew(case, Some(module), fields)?));
    }
    let layouts: Vec<char> = match module.as_ref().map(|module| module.layout).or(library) {
        Some(layout) => vec![layout],
        None => layouts_for(request_size(case.seen.asked.cmd?)).collect(),
    };
    // Whatever the module's layout is, they must be bad.
    let fields = layouts.iter().map(|layout| bad_addresses(*layout, info, case.machine.memory_end));
    let fields: Vec<Field> = fields.min_by_key(Vec::len).filter(|fields| !fields.is_empty())?;
    let mut skew = skew(case, module.as_ref(), fields)?;
    if let (Some(end), true) = (case.machine.memory_end, skew.fields.iter().any(|field| field.value != 0)) {
        skew.evidence.push(format!("the machine's memory ends at {end:#x}"));
    }
    Some((Cause::ModBadAddress, skew))
}

/// Whether the interface would be of no use if the module were the one that it was before something was lost.
pub(super) fn may_be_doomed(case: &Case) -> bool {
    let module = case.machine.shown_once.as_ref().and_then(layout_in);
    let library = library(case).filter(|_| case.machine.shown.is_none());
    library.zip(module).is_some_and(|(library, module)| library != module)
}

/// Library and module, where the module was asked for a CPU that the library never named.
pub(super) fn of_core(case: &Case) -> Option<Skew> {
    let (library, info) = (library(case)?, info(case)?);
    let module = module(case);
    let named = named_by_line(case);
    let layout = module.as_ref().map(|module| module.layout).or_else(|| named.first().copied())?;
    if layout == library || named.contains(&library) {
        return None;
    }
    let fields = misread(library, layout, info);
    let fields: Vec<Field> =
        fields.into_iter().filter(|field| matches!(field.name, "core_id" | "force_bind")).collect();
    if fields.is_empty() {
        return None;
    }
    let mut skew = skew(case, module.as_ref(), fields)?;
    if !named.is_empty() {
        skew.evidence
            .push("the CPU that it named is where its layout has one and the library's has not".to_owned());
    }
    Some(skew)
}

/// The CPU that the kernel thread was to be bound to, if it was to: as the module reads it, or, where that is
/// not known, as the library means it.
pub(super) fn core(case: &Case) -> Option<u32> {
    if let Some(ModuleSaid::CoreOffline(cpu)) = case.seen.module.said {
        return cpu;
    }
    let layout = module(case).map(|module| module.layout).or_else(|| library(case))?;
    let info = info(case)?;
    let bound = read("force_bind", layout, info)? == 1;
    read("core_id", layout, info).filter(|_| bound).and_then(|cpu| u32::try_from(cpu).ok())
}

fn skew(case: &Case, module: Option<&Known>, fields: Vec<Field>) -> Option<Skew> {
    Some(Skew {
        library: library(case),
        library_bytes: request_size(case.seen.asked.cmd?),
        module: module.map(|module| module.layout),
        module_bytes: case.machine.shown.as_ref().map(|info| info.size),
        evidence: module.map(|module| module.evidence.clone()).into_iter().collect(),
        fields,
    })
}

fn info<'a>(case: &Case<'a>) -> Option<&'a [u8]> {
    case.seen.asked.info.as_ref().map(crate::untrusted::Untrusted::as_bytes)
}

/// The library's layout.
fn library(case: &Case) -> Option<char> {
    Some(case.seen.call.as_ref()?.layout?.letter)
}

/// The module's.
fn module(case: &Case) -> Option<Known> {
    shown(case).or_else(|| by_granted(case)).or_else(|| by_mtu(case))
}

fn shown(case: &Case) -> Option<Known> {
    let info = case.machine.shown.as_ref()?;
    let evidence = match info.name_bytes {
        Some(name) => {
            format!("its struct has {} bytes, {name} of them the name: {} shows it", info.size, info.source)
        }
        None => format!("its struct has {} bytes: {} shows it", info.size, info.source),
    };
    Some(Known { layout: layout_in(info)?, evidence })
}

/// What it granted was not larger than its struct.
fn by_granted(case: &Case) -> Option<Known> {
    let granted = case.machine.granted?;
    let mut layouts = layouts_for(granted);
    let only = layouts.next().filter(|_| layouts.next().is_none())?;
    Some(Known { layout: only, evidence: format!("it granted a request of {granted} bytes before") })
}

/// The layouts by which the module, reading the struct, comes to the CPU that it named in the kernel's log. A and B
/// have it at the same place.
fn named_by_line(case: &Case) -> Vec<char> {
    let (Some(ModuleSaid::CoreOffline(Some(cpu))), Some(info)) = (case.seen.module.said, info(case)) else {
        return Vec::new();
    };
    let names = |layout: &char| {
        read("force_bind", *layout, info) == Some(1) && read("core_id", *layout, info) == Some(u64::from(cpu))
    };
    case.seen.asked.cmd.into_iter().flat_map(|cmd| layouts_for(request_size(cmd))).filter(names).collect()
}

/// Layout D alone has an MTU at byte 112. Layout A has the PCI device's ids there, which make a number that
/// nobody sets as an MTU.
fn by_mtu(case: &Case) -> Option<Known> {
    const NO_MTU: u32 = 0xffff;
    let mtu = case.seen.asked.mtu.filter(|mtu| *mtu > NO_MTU)?;
    let is_a = library(case) == Some('A');
    let evidence = format!("the interface's MTU is {mtu}, which is what layout D makes of the request");
    (is_a && read("mtu", 'D', info(case)?) == Some(u64::from(mtu))).then_some(Known { layout: 'D', evidence })
}
