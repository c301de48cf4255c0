//! Programs that end the same again and again.

use super::attempt::{interface, task};
use super::words::{self, BOUND, duration};
use crate::event::Holder;
use crate::report::{Loop, Repeat};
use crate::sink::escape;

/// Columns that a program's name gets at most.
const PROGRAM: usize = 20;

/// `same, 47th time in 92 s (restarted by supervisord[812], lived 1.8 to 2.1 s)`.
pub(super) fn again(repeat: &Repeat) -> String {
    let Repeat { count, previous_pid: _, lived_ns, shortest_ns, longest_ns, over_ns, parent, quiet: _ } =
        repeat;
    let lived = lived(*shortest_ns, *longest_ns).or(lived_ns.map(duration));
    format!("same, {} time{}{}", words::ordinal(*count), within(*over_ns), known(parent.as_ref(), lived))
}

/// One that was seen, in the totals.
pub(super) fn told(seen: &Loop) -> String {
    let Loop {
        program,
        interface: name,
        outcome,
        boundary,
        cause,
        count,
        over_ns,
        shortest_ns,
        longest_ns,
        parent,
    } = seen;
    let cause = cause.map_or_else(String::new, |cause| format!(", {}", cause.name()));
    format!(
        "restart loop: {}, {}: {count}{BOUND}times{} {}{cause}{}",
        escape::word(program, PROGRAM),
        name.as_ref().map_or_else(|| "no interface".to_owned(), |name| interface(Some(name))),
        within(*over_ns),
        words::outcome(*outcome, *boundary),
        known(parent.as_ref(), lived(*shortest_ns, *longest_ns)),
    )
}

fn within(over_ns: u64) -> String {
    if over_ns == 0 { String::new() } else { format!(" in {}", duration(over_ns)) }
}

fn known(parent: Option<&Holder>, lived: Option<String>) -> String {
    let restarted = parent.map(|Holder { pid, comm }| format!("restarted by {}", task(*pid, comm)));
    let known: Vec<String> =
        restarted.into_iter().chain(lived.map(|lived| format!("lived {lived}"))).collect();
    if known.is_empty() { String::new() } else { format!(" ({})", known.join(", ")) }
}

/// `1.8 to 2.1 s`: one unit for both where it is the same.
fn lived(shortest: Option<u64>, longest: Option<u64>) -> Option<String> {
    let (shortest, longest) = (duration(shortest?), duration(longest?));
    if shortest == longest {
        return Some(longest);
    }
    Some(match (shortest.rsplit_once(BOUND), longest.rsplit_once(BOUND)) {
        (Some((number, unit)), Some((_, other))) if unit == other => format!("{number} to {longest}"),
        _ => format!("{shortest} to {longest}"),
    })
}
