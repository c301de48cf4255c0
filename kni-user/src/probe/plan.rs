//! What to attach on this host: pure, from the specs and a snapshot of the host.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kni_ebpf::hook::Hook;

use super::spec::{Candidate, Owner, Programs, Spec, Tracepoint};
use super::{Arm, Config};
use crate::event::HookState;
use crate::host::elf::Elf;
use crate::host::kallsyms;
use crate::preflight::Preflight;

/// Why nothing of a file that has no names can be observed, and what to do about it.
const STRIPPED: &str =
    "stripped: its functions have no names; install its debug symbols (its dbgsym or debuginfo package)";

/// What the plan depends on.
#[derive(Clone, Debug, Default)]
pub struct Host {
    /// Whether tracefs is there to be read, and if not, why.
    pub tracefs: Usable,
    /// Whether the kernel can probe its own functions.
    pub kprobes: Usable,
    /// Whether the kernel can probe programs and libraries.
    pub uprobes: Usable,
    /// Whether `rte_kni` is loaded.
    pub module_loaded: bool,
    /// The loaded module's functions; `None`: not read (it takes long, and is mostly not needed).
    pub module_functions: Option<Vec<String>>,
    /// Where its functions are, by their names, as far as that is known and of use.
    pub module_addresses: BTreeMap<String, u64>,
    /// Libraries and executables, with the functions that were found in them.
    pub objects: Vec<Object>,
    /// Whether some process uses KNI.
    pub kni_used: bool,
}

impl Host {
    /// What is known at once; what takes longer to find out is still empty.
    #[must_use]
    pub fn new(preflight: Preflight) -> Self {
        let Preflight { capabilities: _, tracefs, kprobes, uprobes } = preflight;
        Self { tracefs, kprobes, uprobes, ..Self::default() }
    }
}

/// Whether something can be used.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Usable {
    /// It can.
    #[default]
    Yes,
    /// It can't: why, and what to do about it.
    No(String),
}

impl Usable {
    /// It can if that can too.
    #[must_use]
    pub fn and(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Yes => other(),
            Self::No(_) => self,
        }
    }
}

/// A library or an executable.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Object {
    /// What it is called: its path, unless another file had that before.
    pub name: PathBuf,
    /// Where it is, as this process reaches it.
    pub path: PathBuf,
    /// What it has inside.
    pub elf: Elf,
}

impl Object {
    /// Whether it may have the library inside, and no function can be told from another.
    #[must_use]
    pub fn is_stripped(&self) -> bool {
        self.elf.sites.is_empty()
    }
}

/// What to do for a hook; for a library's hooks, in one object.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// The hook.
    pub hook: Hook,
    /// The library or executable, by its name.
    pub object: Option<PathBuf>,
    /// What to do.
    pub decision: Decision,
}

impl Planned {
    /// All programs that it may take.
    pub fn programs(&self) -> impl Iterator<Item = &'static str> + '_ {
        let ways = match &self.decision {
            Decision::Attach(ways) | Decision::Prepare(ways) => ways.as_slice(),
            Decision::Not { .. } => &[],
        };
        ways.iter().flat_map(|way| &way.parts).flat_map(|part| part.programs.iter().copied())
    }
}

/// What to do for a hook.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Attach the first of these that can be attached.
    Attach(Vec<Attachment>),
    /// Make the first of these ready that can be: it is attached when a process uses KNI.
    Prepare(Vec<Attachment>),
    /// Nothing can be attached: what is looked for, and why it is not there.
    Not {
        /// The symbol or tracepoint.
        via: String,
        /// Waiting or missing.
        state: HookState,
    },
}

/// One complete way to have a hook.
#[derive(Clone, Debug, PartialEq)]
pub struct Attachment {
    /// The symbols or the tracepoint, as they are shown.
    pub via: String,
    /// The programs, each with its place. All of them, but for the optional.
    pub parts: Vec<Part>,
}

/// A program at a place.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// The program; if the kernel refuses to load it, the next.
    pub programs: Vec<&'static str>,
    /// Where.
    pub place: Place,
}

/// Where a program goes.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// A tracepoint.
    Tracepoint {
        /// Its category.
        category: &'static str,
        /// Its name.
        name: &'static str,
        /// Fields that must be at these offsets of its record.
        fields: &'static [(&'static str, u32)],
        /// Whether it may be absent.
        optional: bool,
    },
    /// A function of the kernel or of the module.
    Kernel {
        /// Its name.
        symbol: String,
        /// Its address in the kernel's memory, if the kernel need not look for it.
        address: Option<u64>,
    },
    /// Code in a file.
    File {
        /// The file.
        path: PathBuf,
        /// The offset in it.
        offset: u64,
    },
}

/// What to do for each of `specs` on `host`.
pub fn plan<'a>(specs: impl IntoIterator<Item = &'a Spec>, host: &Host, config: &Config) -> Vec<Planned> {
    specs.into_iter().flat_map(|spec| plan_hook(spec, host, config)).collect()
}

fn plan_hook(spec: &Spec, host: &Host, config: &Config) -> Vec<Planned> {
    let planned = |object: Option<&Path>, decision| Planned {
        hook: spec.hook,
        object: object.map(Path::to_path_buf),
        decision,
    };
    let not = |state| vec![planned(None, Decision::Not { via: sought(spec), state })];
    if config.without.contains(&spec.hook) {
        return not(missing("left out by --without"));
    }
    if config.arm == Arm::Never && spec.taxes_everybody() {
        return not(missing("left out by --arm never"));
    }
    let means = match spec.owner() {
        None => &host.tracefs,
        Some(Owner::Kernel | Owner::Module) => &host.kprobes,
        Some(Owner::Library) => &host.uprobes,
    };
    if let Usable::No(reason) = means {
        return not(missing(reason));
    }
    match spec.owner() {
        Some(Owner::Module) if !host.module_loaded => not(HookState::Waiting),
        Some(Owner::Library) => {
            let found: Vec<_> = host
                .objects
                .iter()
                .filter_map(|object| Some(planned(Some(object.name.as_path()), for_object(spec, object)?)))
                .collect();
            if found.iter().any(|planned| matches!(planned.decision, Decision::Attach(_))) {
                found
            } else {
                // It may come with another.
                found.into_iter().chain(not(HookState::Waiting)).collect()
            }
        }
        owner => {
            // As long as the module's functions are not known, only the best candidate is worth a try: those
            // after it are for when it is known not to be there.
            let unknown = owner == Some(Owner::Module) && host.module_functions.is_none();
            let candidates = spec.candidates.iter().take(if unknown { 1 } else { usize::MAX });
            let attachments: Vec<_> = candidates.flat_map(|candidate| in_kernel(candidate, host)).collect();
            if attachments.is_empty() {
                not(missing("the module has no such function"))
            } else if config.arm == Arm::Auto && !host.kni_used && spec.taxes_everybody() {
                vec![planned(None, Decision::Prepare(attachments))]
            } else {
                vec![planned(None, Decision::Attach(attachments))]
            }
        }
    }
}

fn missing(reason: &str) -> HookState {
    HookState::Missing { reason: reason.to_owned() }
}

/// What is looked for first.
fn sought(spec: &Spec) -> String {
    match spec.candidates.first() {
        Some(Candidate::Tracepoints([first, ..])) => shown(first),
        Some(Candidate::Function { symbols: [first, ..], .. }) => (*first).to_owned(),
        _ => spec.hook.place().to_owned(),
    }
}

fn shown(tracepoint: &Tracepoint) -> String {
    format!("{}:{}", tracepoint.category, tracepoint.name)
}

/// The attachments of a candidate in the kernel or the module, as far as it is known what functions
/// there are.
fn in_kernel(candidate: &Candidate, host: &Host) -> Vec<Attachment> {
    let known = host.module_functions.as_deref();
    let address =
        |owner, symbol: &str| host.module_addresses.get(symbol).copied().filter(|_| owner == Owner::Module);
    match candidate {
        Candidate::Tracepoints(tracepoints) => tracepoints_together(tracepoints).into_iter().collect(),
        Candidate::Function { owner, symbols, programs } => symbols
            .iter()
            .filter(|symbol| {
                *owner == Owner::Kernel
                    || known.is_none_or(|known| known.iter().any(|name| name.as_str() == **symbol))
            })
            .map(|symbol| at_function(symbol, address(*owner, symbol), *programs))
            .collect(),
        Candidate::Variants { of, programs } => kallsyms::variants(known.unwrap_or_default(), of)
            .map(|symbol| at_function(symbol, address(Owner::Module, symbol), *programs))
            .collect(),
    }
}

fn tracepoints_together(tracepoints: &[Tracepoint]) -> Option<Attachment> {
    let parts = tracepoints.iter().map(|tracepoint| Part {
        programs: tracepoint.programs.to_vec(),
        place: Place::Tracepoint {
            category: tracepoint.category,
            name: tracepoint.name,
            fields: tracepoint.fields,
            optional: tracepoint.optional,
        },
    });
    Some(Attachment { via: shown(tracepoints.first()?), parts: parts.collect() })
}

fn at_function(symbol: &str, address: Option<u64>, programs: Programs) -> Attachment {
    // The return first: an entry whose return can't be seen would be told as one that never returned.
    let parts = programs
        .exit
        .into_iter()
        .chain([programs.enter])
        .map(|name| Part {
            programs: vec![name],
            place: Place::Kernel { symbol: symbol.to_owned(), address },
        })
        .collect();
    Attachment { via: symbol.to_owned(), parts }
}

/// What to do for the hook in a library or executable; `None`: it has none of its functions.
fn for_object(spec: &Spec, object: &Object) -> Option<Decision> {
    if object.is_stripped() {
        return Some(Decision::Not { via: sought(spec), state: missing(STRIPPED) });
    }
    in_object(spec, object).map(|attachment| Decision::Attach(vec![attachment]))
}

/// The hook's functions in a library or executable; `None` if it has none of them.
fn in_object(spec: &Spec, object: &Object) -> Option<Attachment> {
    let Some(Candidate::Function { symbols, programs, .. }) = spec.candidates.first() else { return None };
    let sites: Vec<_> =
        object.elf.sites.iter().filter(|site| symbols.contains(&site.symbol.as_str())).collect();
    let mut names: Vec<_> = sites.iter().map(|site| site.symbol.as_str()).collect();
    names.dedup();
    let mut offsets: Vec<_> = sites.iter().map(|site| site.offset).collect();
    // Two names of one function are one place.
    offsets.sort_unstable();
    offsets.dedup();
    let parts = offsets.into_iter().flat_map(|offset| {
        let at = move |name| Part {
            programs: vec![name],
            place: Place::File { path: object.path.clone(), offset },
        };
        programs.exit.into_iter().chain([programs.enter]).map(at)
    });
    let parts: Vec<_> = parts.collect();
    (!parts.is_empty()).then(|| Attachment { via: names.join(", "), parts })
}

#[cfg(test)]
mod tests;
