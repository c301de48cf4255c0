//! `kniwatch explain`: a cause in full, or all of them in a line each.

use super::page::{Page, padded};
use crate::cause::Cause;
use crate::explanation::Explanation;

/// Columns of a cause's name in the list.
const CAUSE: usize = 21;
/// Columns of a part's name.
const PART: usize = 10;

/// The name, what it means in short and at length, and part by part what docs/causes.md has.
pub(super) fn one(page: &mut Page, cause: Cause) {
    let Explanation { about, evidence, not, remedy, releases } = Explanation::of(cause);
    page.line(&format!("{}: {}", cause.name(), cause.meaning()));
    for paragraph in about {
        page.blank();
        page.hanging("", 0, &paragraph);
    }
    page.blank();
    for (name, texts) in [("evidence", evidence), ("not", not), ("do", remedy), ("releases", releases)] {
        for (number, text) in texts.iter().enumerate() {
            let (mark, columns) =
                if number == 0 { (padded(name, PART), PART) } else { (padded("", PART) + "- ", PART + 2) };
            page.hanging(&mark, columns, text);
        }
    }
}

/// A line each.
pub(super) fn all(page: &mut Page) {
    for cause in Cause::ALL {
        page.hanging(&(padded(cause.name(), CAUSE) + "  "), 4, cause.meaning());
    }
}

#[cfg(test)]
mod tests {
    use super::one;
    use crate::cause::Cause;
    use crate::sink::text::page::Page;

    #[test]
    fn a_cause_is_told_part_by_part() {
        let mut page = Page::new(false);
        one(&mut page, Cause::LibPoolScattered);
        one(&mut page, Cause::ProcBlocked);
        expect_test::expect![[r"
            lib.pool-scattered: the mbuf pool's memory is in several pieces, and the library
                takes one piece only (DPDK 16.07)

            DPDK 16.07 alone: rte_kni_alloc found the mbuf pool's memzone, and the pool's
            memory is in more than one piece, as is usual with hugepages of 2 MB. It returns
            NULL without a word. 16.04 makes no such pools, and 16.11 supports them.

            evidence  rte_memzone_lookup found MP_<pool> as the library's last step, and no
                      ioctl followed.
            not       lib.memzone-missing: there the lookup found nothing.
            do        use hugepages of 1 GB, or a pool small enough for one piece, or DPDK
                      16.11 or later.
            releases  16.07.
            proc.blocked: the thread waits inside the kernel

            The thread waits inside the kernel. It is told as IN PROGRESS after a second,
            with what it waits for, and again with its verdict when it comes to one.

            evidence  the thread's kernel stack (-v shows it), and those of others that are
                      in the network core at that moment:
                      - rtnl (network configuration lock): somebody else configures a
                        network. Often it is an ip link set that waits 3 s for another KNI
                        program that answers no set-up requests; the holder is named where
                        its stack shows it
                      - kthreadd, which starts kernel threads: the machine does not get
                        round to starting the module's thread: a real-time task starves it
                      - the program to answer a set-up request: the kernel asked for
                        something that rte_kni_handle_request must answer
                      - a kernel thread to stop: the module's thread is to end, and does not
                        come to it
            not       an attempt that is merely slow: it is told after a second, and its
                      last word counts.
            do        end, answer or wait for whom it waits for, as above; without a stack
                      (CAP_SYS_ADMIN), cat /proc/PID/task/TID/stack.
            releases  all with KNI: 16.04 to 23.07.
        "]]
        .assert_eq(&page.into_text());
    }
}
