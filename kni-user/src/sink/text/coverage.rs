//! What was not seen, why that matters, and what will help.

use kni_ebpf::hook::Hook;

use super::words;
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
            format!("not seen: {} ({why})", gives(hook))
        }
        Unseen::Records { lost } => {
            format!(
                "not seen: {} of that time, lost because they came too fast",
                words::count(*lost, "record")
            )
        }
        Unseen::Entry { hook } => {
            let place = Hook::from_name(hook).map_or(*hook, Hook::place);
            format!("not seen: how {place} was entered; only its return was")
        }
    }
}

/// What a hook would have told.
fn gives(hook: &'static str) -> &'static str {
    let Some(known) = Hook::from_name(hook) else { return hook };
    match known {
        Hook::Ioctl => "whether the ioctl was issued, and what it returned",
        Hook::Open => "whether /dev/kni could be opened",
        Hook::Dispatcher => "whether the request reached the module",
        Hook::CompatDispatcher => "whether a 32-bit request reached the module",
        Hook::Handler => "whether kni_ioctl_create was entered, and what it returned",
        Hook::DeviceOpen => "what the module said when /dev/kni was opened",
        Hook::DeviceRelease => "who closed /dev/kni",
        Hook::AllocNetdev => "whether the kernel allocated the device, and by which name",
        Hook::RegisterNetdev => "what register_netdev said, which the module hides",
        Hook::CreateThread => "whether the module got its kernel thread",
        Hook::LibraryInit => "what rte_kni_init returned",
        Hook::LibraryAlloc => "whether rte_kni_alloc was called, and what it returned",
        Hook::LibraryRelease => "whether rte_kni_release was called",
        Hook::MemzoneLookup => "which memzones were looked up, and which were found",
        Hook::MemzoneReserve => "which memzones were reserved, and which were refused",
        Hook::LibraryLog => "what the library logged",
        Hook::Fork | Hook::Exec => "which processes were started",
        Hook::Exit => "which processes ended",
        Hook::ModuleLoad | Hook::ModuleFree => "when the module came and went",
    }
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
    } else {
        Some("let it try again: all hooks are attached now, and that attempt will be seen whole")
    }
}
