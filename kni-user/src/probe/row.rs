//! A hook's state, as `kniwatch probes` and the stream tell it.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use kni_ebpf::hook::Hook;

use super::plan::{Attachment, Decision, Place, Planned};
use super::spec;
use crate::event::{Coverage, HookState};
use crate::host::site::{self, Class};
use crate::untrusted::Untrusted;

/// One line of `kniwatch probes`.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The hook.
    pub hook: Hook,
    /// The symbol or tracepoint that was chosen or looked for.
    pub candidate: String,
    /// The library or executable, for the library's hooks.
    pub object: Option<PathBuf>,
    /// Its places in that file, by what a hit costs there: how many of each class.
    pub sites: BTreeMap<Class, usize>,
    /// Whether it observes.
    pub state: HookState,
    /// Whether a boundary can't be told without it.
    pub required: bool,
    /// What is lost without it.
    pub lost_without: &'static str,
}

impl Row {
    /// The row of a hook in that state.
    #[must_use]
    pub fn new(hook: Hook, candidate: &str, object: Option<PathBuf>, state: HookState) -> Self {
        let spec = spec::of(hook);
        Self {
            hook,
            candidate: candidate.to_owned(),
            object,
            sites: BTreeMap::new(),
            state,
            required: spec.is_some_and(|spec| spec.required),
            lost_without: spec.map_or("", |spec| spec.lost),
        }
    }

    /// What a plan alone tells: a hook that is to be attached is told as waiting for that.
    #[must_use]
    pub fn of_plan(planned: &Planned) -> Self {
        let (candidate, state) = match &planned.decision {
            Decision::Attach(ways) => {
                (ways.first().map_or(planned.hook.place(), |way| way.via.as_str()), HookState::Waiting)
            }
            Decision::Prepare(ways) => {
                (ways.first().map_or(planned.hook.place(), |way| way.via.as_str()), HookState::Idle)
            }
            Decision::Not { via, state } => (via.as_str(), state.clone()),
        };
        Self::new(planned.hook, candidate, planned.object.clone(), state)
    }

    /// With the classes of the places in the file that `attachment` goes to.
    #[must_use]
    pub(super) fn with_sites(self, attachment: &Attachment) -> Self {
        let places = attachment.parts.iter().filter_map(|part| match &part.place {
            Place::File { path, offset } => Some((path.as_path(), *offset)),
            Place::Tracepoint { .. } | Place::Kernel { .. } => None,
        });
        // An entry and a return are at one place.
        let places: BTreeSet<(&Path, u64)> = places.collect();
        let mut sites = BTreeMap::new();
        for (path, offset) in places {
            *sites.entry(site::at(path, offset)).or_default() += 1;
        }
        Self { sites, ..self }
    }

    /// The event of the hook's coming into this state.
    #[must_use]
    pub fn coverage(&self) -> Coverage {
        Coverage {
            hook: self.hook,
            via: Untrusted::from(self.candidate.as_str()),
            object: self.object.as_ref().map(|path| Untrusted::from(path.as_os_str().as_bytes())),
            state: self.state.clone(),
        }
    }
}
