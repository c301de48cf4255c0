//! Every row of what is known of librte_kni's exits: the library is played step by step, release by
//! release, and the verdict is compared.

mod alloc;
mod init;

use kni_ebpf::hook::Hook;

use crate::event::{Event, What};
use crate::report::Check;
use crate::testing::{Stream, Who, process};

const APP: Who = process(100);
const FOUND: i64 = 0x1000;

/// A release, by its number, and how its shared library is named.
type Release = (u16, &'static str);

/// Distributions built the older ones with the release in the name.
const RELEASES: [Release; 9] = [
    (1604, "librte_kni.so.16.04"),
    (1607, "librte_kni.so.16.07"),
    (1611, "librte_kni.so.16.11"),
    (1808, "librte_kni.so.18.08"),
    (1811, "librte_kni.so.18.11"),
    (1905, "librte_kni.so.19.05"),
    (1908, "librte_kni.so.19.08"),
    (2005, "librte_kni.so.20.0"),
    (2211, "librte_kni.so.23"),
];

/// A process whose library is of that release, seen from its start.
fn begin((release, soname): Release, without: &[Hook]) -> Stream {
    let mut stream = Stream::before_any_library();
    // rte_mcfg_tailq_write_lock is a function since 19.08.
    let inline = if release < 1908 { &[Hook::TailqLock][..] } else { &[] };
    stream.library(APP.pid, soname, &[without, inline].concat());
    stream.process(APP.pid, 1);
    stream
}

/// Takes what was recorded of hooks that are not there out of the stream again.
fn unsee(stream: &mut Stream, hooks: &[Hook]) {
    let seen = |event: &Event| matches!(&event.what, What::Step(step) if hooks.contains(&step.hook));
    stream.events.retain(|event| !seen(event));
}

fn place(check: Option<&Check>) -> Option<(u8, u8)> {
    check.map(|check| (check.number, check.of))
}
