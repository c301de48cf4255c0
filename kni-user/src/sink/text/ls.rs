//! `kniwatch ls`: a line for each interface that is alive.

use super::page::Page;
use super::words::duration;
use crate::inventory::{Age, Alive};
use crate::sink::escape;

const HEADINGS: [&str; 6] = ["NAME", "LINK", "OWNER", "NETNS", "AGE", "THREAD"];

/// A table, then what could not be looked at.
pub(super) fn rows(page: &mut Page, alive: &[Alive], unseen: &[String]) {
    if alive.is_empty() {
        page.line("no KNI interfaces");
    } else {
        let mut rows = vec![HEADINGS.map(str::to_owned)];
        rows.extend(alive.iter().map(cells));
        let cells = |column: usize| rows.iter().filter_map(move |row| row.get(column));
        let width = |column| cells(column).map(|cell| escape::width(cell)).max().unwrap_or_default();
        let widths: Vec<usize> = (0..HEADINGS.len()).map(width).collect();
        for row in &rows {
            page.row(row, &widths);
        }
    }
    for what in unseen {
        page.line(&format!("not seen: {what}"));
    }
}

fn cells(alive: &Alive) -> [String; 6] {
    let Alive {
        name,
        ifindex: _,
        mtu: _,
        netns,
        netns_name,
        own_netns,
        owner,
        up,
        carrier,
        age,
        thread_alive,
    } = alive;
    let link = match (up, carrier) {
        (true, true) => "up",
        (true, false) => "up, no carrier",
        (false, _) => "down",
    };
    let owner = owner.as_ref().map_or_else(
        || "unknown".to_owned(),
        |owner| format!("{}[{}]", escape::line(&owner.comm, usize::MAX), owner.pid),
    );
    let netns = match (own_netns, netns_name) {
        (true, _) => "own".to_owned(),
        (false, Some(name)) => escape::line(name, usize::MAX),
        (false, None) => netns.to_string(),
    };
    let age = match age {
        Some(Age { ns, at_most: false }) => duration(*ns),
        Some(Age { ns, at_most: true }) => format!("at most {}", duration(*ns)),
        None => "unknown".to_owned(),
    };
    let thread = match thread_alive {
        Some(true) => "alive",
        Some(false) => "DEAD",
        None => "unknown",
    };
    [escape::line(name, usize::MAX), link.to_owned(), owner, netns, age, thread.to_owned()]
}

#[cfg(test)]
mod tests {
    use super::rows;
    use crate::event::Holder;
    use crate::inventory::{Age, Alive};
    use crate::sink::text::page::Page;

    fn alive() -> Alive {
        Alive {
            name: "vEth0_0".into(),
            ifindex: 9,
            mtu: Some(1500),
            netns: 4_026_532_008,
            netns_name: None,
            own_netns: true,
            owner: Some(Holder { pid: 4121, comm: "l3fwd-kni".into() }),
            up: true,
            carrier: false,
            age: Some(Age { ns: 83_000_000_000, at_most: false }),
            thread_alive: Some(true),
        }
    }

    fn shown(alive: &[Alive], unseen: &[String]) -> String {
        let mut page = Page::new(false);
        rows(&mut page, alive, unseen);
        page.into_text()
    }

    #[test]
    fn interfaces_are_a_table() {
        let stale = Alive {
            name: "evil\u{1b}[31m".into(),
            own_netns: false,
            owner: None,
            up: false,
            age: Some(Age { ns: 7_000_000_000, at_most: true }),
            thread_alive: Some(false),
            ..alive()
        };
        let named = Alive {
            netns_name: Some("blue".into()),
            own_netns: false,
            carrier: true,
            age: None,
            thread_alive: None,
            ..alive()
        };
        expect_test::expect![[r"
            NAME            LINK            OWNER            NETNS       AGE          THREAD
            vEth0_0         up, no carrier  l3fwd-kni[4121]  own         1 min 23 s   alive
            evil\u{1b}[31m  down            unknown          4026532008  at most 7 s  DEAD
            vEth0_0         up              l3fwd-kni[4121]  blue        unknown      unknown
        "]]
        .assert_eq(&shown(&[alive(), stale, named], &[]));
    }

    #[test]
    fn that_there_are_none_and_what_was_not_seen_is_said() {
        expect_test::expect![[r"
            no KNI interfaces
            not seen: 2 other network namespaces can't be entered: that takes CAP_SYS_ADMIN
                (or root)
        "]]
        .assert_eq(&shown(
            &[],
            &["2 other network namespaces can't be entered: that takes CAP_SYS_ADMIN (or root)".to_owned()],
        ));
    }
}
