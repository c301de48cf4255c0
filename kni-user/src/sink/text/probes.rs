//! `kniwatch probes`: every hook, what it is attached to, and what is lost without it.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;

use super::page::{Page, padded};
use crate::event::HookState;
use crate::host::site::Class;
use crate::preflight::Source;
use crate::probe::Row;
use crate::sink::escape;
use crate::untrusted::Untrusted;

/// Columns of a hook's name, and of its state.
const HOOK: usize = 17;
const STATE: usize = 8;

/// One line for each source and each hook; under those that don't observe, why not and what is lost.
pub(super) fn rows(page: &mut Page, rows: &[Row], sources: &[Source]) {
    for Source { name, place, state, lost_without } in sources {
        let (state, reason) = state.describe();
        page.line(&format!("{} {} {place}", padded(state, STATE), padded(name, HOOK)));
        unless_live(page, reason, lost_without);
    }
    for row in rows {
        let Row { hook, candidate, object, sites, state, required: _, lost_without } = row;
        let (state, reason) = state.describe();
        let place = escape::line(&candidate.as_str().into(), usize::MAX);
        let object = object.as_ref().map(|path| Untrusted::from(path.as_os_str().as_bytes()));
        let object =
            object.map_or_else(String::new, |path| format!(" in {}", escape::line(&path, usize::MAX)));
        let sites = classes(sites);
        page.line(&format!("{} {} {place}{object}{sites}", padded(state, STATE), padded(hook.name(), HOOK)));
        unless_live(page, reason, lost_without);
    }
    let number = |state: &HookState| rows.iter().filter(|row| row.state == *state).count();
    let idle = match number(&HookState::Idle) {
        0 => String::new(),
        idle => format!("; {idle} idle: attached as soon as a program uses KNI"),
    };
    page.line(&format!("{} of {} attached{idle}", number(&HookState::Live), rows.len()));
}

fn unless_live(page: &mut Page, reason: Option<&str>, lost: &str) {
    if let Some(reason) = reason {
        page.evidence(&format!("why: {}", escape::line(&reason.into(), usize::MAX)));
        page.evidence(&format!("lost: {lost}"));
    }
}

/// What a hit costs: the class, or of several places how many are of each.
fn classes(sites: &BTreeMap<Class, usize>) -> String {
    let classes: Vec<String> = match sites.iter().collect::<Vec<_>>().as_slice() {
        [] => return String::new(),
        [(class, 1)] => vec![class.to_string()],
        several => several.iter().map(|(class, number)| format!("{number} {class}")).collect(),
    };
    format!(" ({})", classes.join(", "))
}
