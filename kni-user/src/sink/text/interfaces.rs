//! What became of interfaces that were there: released, renamed, moved, set up, asked for what nobody answers.

use super::attempt::{beside, columns, task};
use super::page::{Page, Tone};
use super::words::{self, duration};
use crate::event::Holder;
use crate::report::{Change, Changed, Released, ReleasedHow};
use crate::sink::escape;
use crate::untrusted::Untrusted;

/// Columns that an interface's name gets at most inside a sentence.
const NAME: usize = 31;
/// Of what a set-up request waits for its answer, most: `wait_event_interruptible_timeout(..., 3 * HZ)` in
/// `kni_net_process_request` (`kernel/linux/kni/kni_net.c`, DPDK 16.04 to 23.07). A signal to whoever asked ends it too,
/// with the same errno; ticks and clock differ by some milliseconds.
const PATIENCE_NS: u64 = 2_900_000_000;
const NO_CARRIER: &str = "nothing is sent or received without a carrier";

/// An interface went.
pub(super) fn released(page: &mut Page, released: &Released, time: &str) {
    let Released { name, ifindex: _, pid, comm, how, lived_ns, took_ns } = released;
    let how = match how {
        ReleasedHow::Request => "RELEASED by request",
        ReleasedHow::Close => "RELEASED by closing /dev/kni",
        ReleasedHow::Death => "RELEASED by the end of its process",
        ReleasedHow::Unseen => "GONE; what released it was not seen",
    };
    let took = took_ns.map_or_else(String::new, |took| format!(" in {}", duration(took)));
    let lived = lived_ns.map_or_else(String::new, |lived| format!(", lived {}", duration(lived)));
    page.line(&format!("{time}  {}  {how}{took}{lived}", columns(*pid, comm, Some(name))));
}

/// Something else became of one.
pub(super) fn changed(page: &mut Page, changed: &Changed, time: &str) {
    let Changed { name, ifindex: _, netns: _, owner, what } = changed;
    let who = owner.as_ref().map_or_else(|| "-".to_owned(), |Holder { pid, comm }| task(*pid, comm));
    let (said, rest) = headline(what);
    let said = page.paint(tone(what), &said);
    page.line(&format!("{time}  {}  {said}{rest}", beside(&who, Some(name))));
    page.evidence_lines(evidence(what, owner.as_ref()));
    page.evidence_lines(next(what, name).map(|step| format!("next: {step}")));
}

fn tone(what: &Change) -> Tone {
    match what {
        Change::Up { carrier: true } | Change::Carrier { on: true } => Tone::Good,
        Change::SetUpRequest { errno: Some(_), .. }
        | Change::ReleaseRefused { .. }
        | Change::ModuleRemoved => Tone::Bad,
        Change::Renamed { .. }
        | Change::Moved { .. }
        | Change::Up { carrier: false }
        | Change::Down
        | Change::Carrier { on: false }
        | Change::SetUpRequest { errno: None, .. } => Tone::Doubtful,
    }
}

/// What happened, in a word or two, and what follows on it.
fn headline(what: &Change) -> (String, String) {
    let (said, rest) = match what {
        Change::Renamed { to } => ("RENAMED", format!(" to {}", escape::word(to, NAME))),
        Change::Moved { to_netns: Some(netns) } => ("MOVED", format!(" to network namespace {netns}")),
        Change::Moved { to_netns: None } => ("MOVED", " to another network namespace".to_owned()),
        Change::Up { carrier: true } => ("UP", String::new()),
        Change::Up { carrier: false } => ("UP, BUT WITHOUT CARRIER", String::new()),
        Change::Down => ("DOWN", String::new()),
        Change::Carrier { on: true } => ("CARRIER ON", String::new()),
        Change::Carrier { on: false } => ("CARRIER LOST", String::new()),
        Change::SetUpRequest { errno: Some(libc::ETIME), took_ns, .. } if *took_ns >= PATIENCE_NS => {
            ("SET-UP REQUEST TIMED OUT", format!(" after {}", duration(*took_ns)))
        }
        Change::SetUpRequest { errno: Some(errno), took_ns, .. } => {
            let rest = format!(" with {} after {}", words::errno(*errno), duration(*took_ns));
            ("SET-UP REQUEST FAILED", rest)
        }
        Change::SetUpRequest { errno: None, took_ns, .. } => {
            ("SET-UP REQUEST", format!(" answered only after {}", duration(*took_ns)))
        }
        Change::ReleaseRefused { errno, took_ns } => {
            let with = match errno {
                Some(errno) => format!(" with {}", words::errno(*errno)),
                None => " by the library, which asked nobody".to_owned(),
            };
            let took = took_ns.map_or_else(String::new, |took| format!(" after {}", duration(took)));
            ("RELEASE REFUSED", format!("{with}{took}"))
        }
        Change::ModuleRemoved => ("LEFT WITHOUT ITS MODULE", String::new()),
    };
    (said.to_owned(), rest)
}

fn evidence(what: &Change, owner: Option<&Holder>) -> Vec<String> {
    match what {
        Change::Renamed { .. } => {
            vec!["the module still knows it, and releases it, by the name it was created with".to_owned()]
        }
        Change::Up { carrier: false } => without_carrier(),
        Change::Carrier { on: false } => vec![NO_CARRIER.to_owned()],
        Change::SetUpRequest { request, errno, took_ns, by } => asked(request, *errno, *took_ns, by, owner),
        Change::ReleaseRefused { errno, .. } => {
            let unknown = "the module knows it by the name and in the network namespace that it was created with, \
                           and by nothing else";
            let unknown = (*errno == Some(libc::EINVAL)).then(|| unknown.to_owned());
            unknown.into_iter().chain(["the interface stays".to_owned()]).collect()
        }
        Change::ModuleRemoved => {
            let stayed = "it was created in another network namespace than the device was opened in, so that closing \
                          the device left it where it was";
            let dies = "its code is gone: who touches it next, as \"ip link\" does, dies in the kernel, and so does \
                        its own thread";
            vec![stayed.to_owned(), dies.to_owned()]
        }
        Change::Moved { .. } | Change::Up { carrier: true } | Change::Down | Change::Carrier { on: true } => {
            Vec::new()
        }
    }
}

fn without_carrier() -> Vec<String> {
    let default = "from DPDK 18.11 on an interface starts without, unless the module was loaded with its \
                   parameter carrier=on";
    vec![NO_CARRIER.to_owned(), default.to_owned()]
}

/// Who asked for what, and why nothing came of it.
fn asked(
    request: &str,
    errno: Option<i32>,
    took_ns: u64,
    by: &Holder,
    owner: Option<&Holder>,
) -> Vec<String> {
    let itself = if owner.is_some_and(|owner| owner.pid == by.pid) { ", the program itself" } else { "" };
    let asked = format!("asked for by {}{itself}: {request}", task(by.pid, &by.comm));
    let why = match errno {
        Some(libc::ETIME) if took_ns >= PATIENCE_NS => {
            "nobody answered: the program does not call rte_kni_handle_request, or not often enough"
        }
        Some(libc::ETIME) => "a signal ended the wait for the program's answer",
        Some(libc::EBUSY) => "the queue is full: the program leaves its set-up requests unanswered",
        _ => return vec![asked],
    };
    vec![asked, why.to_owned()]
}

fn next(what: &Change, name: &Untrusted) -> Option<String> {
    match what {
        Change::Up { carrier: false } => Some(format!(
            "load the module with carrier=on, have the program call rte_kni_update_link, or write 1 to \
             /sys/class/net/{}/carrier",
            escape::word(name, NAME)
        )),
        Change::SetUpRequest { errno: Some(libc::ETIME | libc::EBUSY), .. }
        | Change::SetUpRequest { errno: None, .. } => Some(
            "have a thread of the program call rte_kni_handle_request again and again, also while another \
             releases the interface"
                .to_owned(),
        ),
        Change::ModuleRemoved => Some(
            "reboot; from then on remove rte_kni only when \"kniwatch ls\" lists no interface".to_owned(),
        ),
        _ => None,
    }
}
