//! What was not seen, why that matters, and what will help.

use kni_ebpf::hook::Hook;

use super::words;
use crate::probe::spec;
use crate::report::{AttemptCoverage, Unseen};
use crate::sink::escape;

/// What was not seen and why that matters, a line each.
pub(super) fn unseen(coverage: &AttemptCoverage) -> Vec<String> {
    coverage.missing.iter().map(sentence).collect()
}

fn sentence(unseen: &Unseen) -> String {
    match unseen {
        Unseen::Hook { hook, reason, armed_after_ns } => {
            let why = match (reason, armed_after_ns) {
                (Some(reason), _) => escape::line(&reason.as_str().into(), usize::MAX),
                (None, Some(after)) => {
                    format!("observed only from {} after the attempt's first step", words::duration(*after))
                }
                (None, None) => "not observed all the time".to_owned(),
            };
            format!("{} ({why})", lost(hook))
        }
        Unseen::Records { lost } => {
            format!(
                "not seen: {} of that time, lost because they came too fast",
                words::count(*lost, "record")
            )
        }
        Unseen::Entry { hook } => {
            let place = Hook::from_name(hook).map_or(*hook, Hook::place);
            format!("how {place} was entered is not seen; only its return was")
        }
    }
}

/// What is lost without the hook.
fn lost(hook: &'static str) -> String {
    let spec = Hook::from_name(hook).and_then(spec::of);
    spec.map_or_else(|| format!("what {hook} tells is not seen"), |spec| spec.lost.to_owned())
}

/// What makes the next attempt one that can be judged; nothing was unseen: there is nothing to do.
pub(super) fn remedy(coverage: &AttemptCoverage) -> Option<&'static str> {
    let any = |what: fn(&Unseen) -> bool| coverage.missing.iter().any(what);
    if any(|unseen| matches!(unseen, Unseen::Hook { reason: Some(_), .. })) {
        Some("kniwatch probes shows what is not observed here, and why")
    } else if any(|unseen| matches!(unseen, Unseen::Records { .. })) {
        Some("let it try again: an attempt during which nothing is lost gets its verdict")
    } else if coverage.missing.is_empty() {
        None
    } else if any(|unseen| matches!(unseen, Unseen::Entry { hook } if *hook == Hook::Ioctl.name()))
        && !any(|unseen| matches!(unseen, Unseen::Hook { .. }))
    {
        // Observed all the time, it is entered unseen only where a filter refuses it: it would be again.
        Some(
            "look for a seccomp filter that forbids ioctl: it refuses before anything is seen, and which request \
             that was kniwatch can tell since Linux 5.15",
        )
    } else {
        Some("let it try again: all hooks are attached now, and that attempt will be seen whole")
    }
}
