//! `kniwatch doctor`: a line for each finding, what shows it and what to do below.

use super::TextOptions;
use super::page::{Page, Tone, padded};
use super::words::count;
use crate::doctor::{Finding, Level};
use crate::sink::escape;
use crate::untrusted::Untrusted;

/// Columns of the level.
const LEVEL: usize = 6;

const fn word(level: Level) -> &'static str {
    match level {
        Level::Ok => "ok",
        Level::Note => "note",
        Level::Unknown => "?",
        Level::Warning => "warn",
        Level::Failure => "FAIL",
    }
}

/// Findings in their order, then how many of which kind there are. `quiet` leaves out what needs nothing done;
/// what shows that something is well is told with `verbose` alone.
pub(super) fn rows(page: &mut Page, findings: &[Finding], options: TextOptions) {
    let margin = " ".repeat(LEVEL);
    for finding in findings {
        let Finding { about: _, level, found, evidence, remedy } = finding;
        if options.quiet && *level < Level::Warning {
            continue;
        }
        let level_word = padded(word(*level), LEVEL);
        let level_word = match level {
            Level::Ok => page.paint(Tone::Good, &level_word),
            Level::Failure => page.paint(Tone::Bad, &level_word),
            Level::Warning => page.paint(Tone::Doubtful, &level_word),
            Level::Note | Level::Unknown => level_word,
        };
        page.hanging(&level_word, LEVEL, &shown(found));
        let is_told = *level != Level::Ok || options.verbose;
        for evidence in evidence.iter().filter(|_| is_told) {
            page.hanging(&margin, LEVEL, &shown(evidence));
        }
        if let Some(remedy) = remedy {
            page.hanging(&format!("{margin}-> "), LEVEL + 3, &shown(remedy));
        }
    }
    page.line(&totals(findings));
}

fn shown(phrase: &Untrusted) -> String {
    escape::line(phrase, usize::MAX)
}

fn totals(findings: &[Finding]) -> String {
    let of = |level| findings.iter().filter(|finding| finding.level == level).count() as u64;
    let mut told: Vec<String> =
        [(Level::Failure, "failure"), (Level::Warning, "warning"), (Level::Note, "note")]
            .into_iter()
            .map(|(level, noun)| (of(level), noun))
            .filter(|(number, _)| *number > 0)
            .map(|(number, noun)| count(number, noun))
            .collect();
    if of(Level::Unknown) > 0 {
        told.push(format!("{} not known", of(Level::Unknown)));
    }
    if told.is_empty() { "all is well".to_owned() } else { told.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::rows;
    use crate::doctor;
    use crate::sink::samples;
    use crate::sink::text::TextOptions;
    use crate::sink::text::page::Page;
    use crate::testing::machine::well;

    fn shown(findings: &[doctor::Finding], options: TextOptions) -> String {
        let mut page = Page::new(options.color);
        rows(&mut page, findings, options);
        page.into_text()
    }

    #[test]
    fn what_is_wrong_is_told_with_what_to_do() {
        expect_test::expect![[r"
            ok    privileges: CAP_BPF, CAP_SYSLOG, CAP_SYS_ADMIN, CAP_DAC_READ_SEARCH
            ok    kernel: Linux 6.1.0-56-amd64
            ?     not known: whether the kernel is locked down (that takes root)
            ok    tracefs: at /sys/kernel/tracing
            ok    kprobes: there, and switched on
            ok    uprobes: there
            ok    perf_event_paranoid: 2, which keeps nothing from this process
            ok    kernel log: /dev/kmsg can be read
            ok    /lib/modules/6.1.0-56-amd64/extra/rte_kni.ko: built for this kernel
            ok    rte_kni is loaded
            warn  rte_kni is loaded with carrier=off: interfaces come up without carrier
                  they neither send nor receive until the program calls rte_kni_update_link
                  -> modprobe -r rte_kni && modprobe rte_kni carrier=on, or
                     rte_kni_update_link in the program, or echo 1 >
                     /sys/class/net/NAME/carrier
            ok    /dev/kni: 10:57, mode 0600, owner 0:0
            note  /dev/kni is open in evil\u{1b}[2J[4121]
                  another program in this network namespace gets EBUSY: sys.device-busy
            ok    huge pages: 500 of 512 of 2 MB free
            ok    hugetlbfs: at /dev/hugepages
            ok    IOVA mode: no IOMMU, so DPDK chooses physical addresses, which every
                  module takes
            FAIL  /usr/lib/librte_kni.so (DPDK 18.02 to 19.05) uses layout B (152 bytes);
                  the loaded module takes layout D (136)
                  every create will be refused with EINVAL, silently: mod.size-skew
                  known by: its soname
                  -> load the rte_kni.ko of the same DPDK release as the library
            ok    console: shows all of the kernel's messages
            1 failure, 1 warning, 1 note, 1 not known
        "]]
        .assert_eq(&shown(&samples::findings(), TextOptions::default()));
    }

    #[test]
    fn quiet_tells_what_needs_something_done_and_verbose_what_shows_that_all_is_well() {
        let options = TextOptions { quiet: true, ..TextOptions::default() };
        expect_test::expect![[r"
            warn  rte_kni is loaded with carrier=off: interfaces come up without carrier
                  they neither send nor receive until the program calls rte_kni_update_link
                  -> modprobe -r rte_kni && modprobe rte_kni carrier=on, or
                     rte_kni_update_link in the program, or echo 1 >
                     /sys/class/net/NAME/carrier
            FAIL  /usr/lib/librte_kni.so (DPDK 18.02 to 19.05) uses layout B (152 bytes);
                  the loaded module takes layout D (136)
                  every create will be refused with EINVAL, silently: mod.size-skew
                  known by: its soname
                  -> load the rte_kni.ko of the same DPDK release as the library
            1 failure, 1 warning, 1 note, 1 not known
        "]]
        .assert_eq(&shown(&samples::findings(), options));
        let options = TextOptions { verbose: true, ..TextOptions::default() };
        expect_test::expect![[r"
            ok    privileges: CAP_BPF, CAP_SYSLOG, CAP_SYS_ADMIN, CAP_DAC_READ_SEARCH
            ok    kernel: Linux 6.1.0-56-amd64
            ok    lockdown: none
            ok    tracefs: at /sys/kernel/tracing
            ok    kprobes: there, and switched on
            ok    uprobes: there
            ok    perf_event_paranoid: 2, which keeps nothing from this process
            ok    kernel log: /dev/kmsg can be read
            ok    /lib/modules/6.1.0-56-amd64/extra/rte_kni.ko: built for this kernel
            ok    rte_kni is loaded
                  from /lib/modules/6.1.0-56-amd64/extra/rte_kni.ko, built for Linux
                  6.1.0-56-amd64
                  its struct has 136 bytes, layout D (its code shows it)
            ok    carrier=on: interfaces have a carrier at once
            ok    kthread_mode=multiple: each interface has a kernel thread of its own
            ok    /dev/kni: 10:57, mode 0600, owner 0:0
                  root alone may open it; others get EACCES: sys.device-denied
            ok    /dev/kni: free
            ok    huge pages: 500 of 512 of 2 MB free
            ok    hugetlbfs: at /dev/hugepages
            ok    IOVA mode: no IOMMU, so DPDK chooses physical addresses, which every
                  module takes
                  programs that may not read them (CAP_SYS_ADMIN) get virtual ones from DPDK
                  19.08 on
            ok    /usr/lib/librte_kni.so (DPDK 22.11 to 23.07): layout D, as the loaded
                  module
                  known by: its soname
            ok    console: shows all of the kernel's messages
            all is well
        "]]
        .assert_eq(&shown(&doctor::findings(&well()), options));
    }

    #[test]
    fn colour_moves_nothing() {
        let colored = shown(&samples::findings(), TextOptions { color: true, ..TextOptions::default() });
        let plain = shown(&samples::findings(), TextOptions::default());
        let codes = ["\u{1b}[1;31m", "\u{1b}[1;32m", "\u{1b}[1;33m", "\u{1b}[0m"];
        assert_eq!(codes.iter().fold(colored.clone(), |text, code| text.replace(code, "")), plain);
        assert!(colored.contains("\u{1b}[1;31mFAIL"), "{colored}");
    }
}
