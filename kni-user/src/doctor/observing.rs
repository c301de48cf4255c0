//! What kniwatch needs to observe.

use super::facts::{Fact, Facts, Kprobes, Tracefs, Unknown};
use super::{Finding, Level, text};

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let always = [privileges, kernel, lockdown, tracefs, kprobes, uprobes, perf, kernel_log];
    let findings = always.into_iter().map(|look| look(facts));
    findings.chain(kptr(facts)).chain(bpf(facts)).chain(locked_memory(facts)).collect()
}

/// Where tracefs can be read all the same, little is lost without it; where not, that is a finding of its own.
const READS_ALL: &str = "CAP_DAC_READ_SEARCH";

fn privileges(facts: &Facts) -> Finding {
    const ABOUT: &str = "privileges";
    let names = |held| -> Vec<&str> {
        facts.privileges.iter().filter(|one| one.held == held).map(|one| one.name).collect()
    };
    let (held, lacking) = (names(true), names(false));
    if lacking.is_empty() {
        return Finding::ok(ABOUT, format!("privileges: {}", held.join(", ")));
    }
    let what = format!("kniwatch lacks {} here", lacking.join(", "));
    let is_fatal = facts.privileges.iter().any(|one| !one.held && one.lost.is_none());
    let level = match lacking.as_slice() {
        _ if is_fatal => Level::Failure,
        [READS_ALL] => Level::Note,
        _ => Level::Warning,
    };
    let mut finding = Finding::new(level, ABOUT, what);
    for privilege in facts.privileges.iter().filter(|one| !one.held) {
        let lost = privilege.lost.unwrap_or("nothing can be observed");
        finding = finding.because(format!("without {}: {lost}", privilege.name));
    }
    if !held.is_empty() {
        finding = finding.because(format!("it has {}", held.join(", ")));
    }
    if !facts.initial_namespace {
        finding =
            finding.because("this is a user namespace, where root's capabilities don't count for the kernel");
    }
    finding.remedy("sudo kniwatch, or grant them to the program (setcap, docs/requirements.md)")
}

/// The first that has all that kniwatch needs.
const OLDEST: (u32, u32) = (5, 10);

fn kernel(facts: &Facts) -> Finding {
    const ABOUT: &str = "kernel";
    let release = text(&facts.kernel);
    match facts.version() {
        Some(version) if version < OLDEST => {
            Finding::failure(ABOUT, format!("Linux {release} is too old for kniwatch"))
                .because("kniwatch needs Linux 5.10 or newer; KNI itself does not")
        }
        Some(_) => Finding::ok(ABOUT, format!("kernel: Linux {release}")),
        None => Finding::unknown(
            ABOUT,
            "the kernel's version",
            &Unknown(format!("it calls itself \"{release}\"")),
        ),
    }
}

fn lockdown(facts: &Facts) -> Finding {
    const ABOUT: &str = "lockdown";
    match &facts.lockdown {
        Err(why) => Finding::unknown(ABOUT, "whether the kernel is locked down", why),
        Ok(None) => Finding::ok(ABOUT, "lockdown: this kernel has none"),
        Ok(Some(mode)) => match mode.as_bytes() {
            b"none" => Finding::ok(ABOUT, "lockdown: none"),
            b"integrity" => Finding::ok(ABOUT, "lockdown: integrity, which leaves all that kniwatch needs"),
            _ => Finding::failure(ABOUT, format!("the kernel is locked down ({})", text(mode)))
                .because("eBPF programs may not read the kernel's memory, and its functions can't be probed")
                .remedy("start the machine without lockdown=confidentiality"),
        },
    }
}

fn tracefs(facts: &Facts) -> Finding {
    const ABOUT: &str = "tracefs";
    const LOST: &str =
        "system calls are not seen: a refusal of the library can't be told from one of the system call";
    match &facts.tracefs {
        Tracefs::At(path) => Finding::ok(ABOUT, format!("tracefs: at {}", text(path))),
        Tracefs::Unmounted => Finding::failure(ABOUT, "tracefs is not mounted")
            .because(LOST)
            .remedy("mount -t tracefs tracefs /sys/kernel/tracing"),
        Tracefs::Unreadable => {
            Finding::failure(ABOUT, "tracefs may not be read by this user").because(LOST).remedy(
                "run as root, or let a group in: mount -o remount,mode=750,gid=GROUP /sys/kernel/tracing",
            )
        }
        Tracefs::Absent => {
            Finding::failure(ABOUT, "this kernel has no tracefs (CONFIG_TRACING)").because(LOST)
        }
    }
}

fn kprobes(facts: &Facts) -> Finding {
    const ABOUT: &str = "kprobes";
    const LOST: &str = "what happens in the module and in the network core is not seen";
    match &facts.kprobes {
        Kprobes::Absent => {
            Finding::failure(ABOUT, "this kernel has no kprobes (CONFIG_KPROBES, CONFIG_KPROBE_EVENTS)")
                .because(LOST)
        }
        Kprobes::Enabled(Ok(true)) => Finding::ok(ABOUT, "kprobes: there, and switched on"),
        Kprobes::Enabled(Ok(false)) => Finding::failure(ABOUT, "kprobes are switched off on this machine")
            .because(LOST)
            .remedy("echo 1 > /sys/kernel/debug/kprobes/enabled"),
        Kprobes::Enabled(Err(why)) => {
            Finding::unknown(ABOUT, "the kernel has kprobes; whether they are switched on", why)
        }
    }
}

fn uprobes(facts: &Facts) -> Finding {
    const ABOUT: &str = "uprobes";
    if facts.uprobes {
        Finding::ok(ABOUT, "uprobes: there")
    } else {
        Finding::failure(ABOUT, "this kernel has no uprobes (CONFIG_UPROBES, CONFIG_UPROBE_EVENTS)")
            .because("what happens in librte_kni is not seen")
    }
}

/// Everything is attached by `perf_event_open`. Above level 2, which only some distributions' kernels know,
/// `CAP_PERFMON` is not enough.
fn perf(facts: &Facts) -> Finding {
    const ABOUT: &str = "perf-event-paranoid";
    match &facts.perf_paranoid {
        Ok(level) if *level > 2 && !facts.is_admin => Finding::failure(
            ABOUT,
            format!("kernel.perf_event_paranoid is {level}, and this process not root"),
        )
        .because("Debian's and Ubuntu's kernels want CAP_SYS_ADMIN of whoever attaches probes then")
        .remedy("run as root, or sysctl kernel.perf_event_paranoid=2"),
        Ok(level) => {
            Finding::ok(ABOUT, format!("perf_event_paranoid: {level}, which keeps nothing from this process"))
        }
        Err(why) => Finding::unknown(ABOUT, "kernel.perf_event_paranoid", why),
    }
}

fn kptr(facts: &Facts) -> Option<Finding> {
    const ABOUT: &str = "kptr-restrict";
    match &facts.kptr_restrict {
        Ok(0 | 1) => None,
        Ok(level) => Some(
            Finding::note(ABOUT, format!("kernel.kptr_restrict is {level}: the kernel hides its addresses"))
                .because("nothing is lost: kniwatch attaches by name"),
        ),
        Err(why) => Some(Finding::unknown(ABOUT, "kernel.kptr_restrict", why)),
    }
}

/// It matters to who lacks `CAP_BPF` alone.
fn bpf(facts: &Facts) -> Option<Finding> {
    const ABOUT: &str = "unprivileged-bpf";
    let lacks = facts.privileges.iter().any(|one| one.name == "CAP_BPF" && !one.held);
    let finding = match &facts.unprivileged_bpf {
        Ok(0) => Finding::note(ABOUT, "kernel.unprivileged_bpf_disabled is 0, and helps nothing here")
            .because("without CAP_BPF and CAP_PERFMON the kernel takes no program that probes"),
        Ok(level) => Finding::note(
            ABOUT,
            format!("kernel.unprivileged_bpf_disabled is {level}: only CAP_BPF may load eBPF programs"),
        ),
        Err(why) => Finding::unknown(ABOUT, "kernel.unprivileged_bpf_disabled", why),
    };
    lacks.then_some(finding)
}

fn locked_memory(facts: &Facts) -> Option<Finding> {
    const ABOUT: &str = "locked-memory";
    let finding = |kib| {
        Finding::warning(ABOUT, format!("this process may lock {kib} KiB of memory"))
            .because(
                "before Linux 5.11 eBPF maps count as that: no program can be loaded if it is too little",
            )
            .remedy("run as root, or after ulimit -l unlimited (a systemd unit: LimitMEMLOCK=infinity)")
    };
    facts.locked_memory_kib.map(finding)
}

fn kernel_log(facts: &Facts) -> Finding {
    const ABOUT: &str = "kernel-log";
    let readable: &Fact<()> = &facts.kernel_log;
    match readable {
        Ok(()) => Finding::ok(ABOUT, "kernel log: /dev/kmsg can be read"),
        Err(Unknown(why)) => Finding::warning(ABOUT, format!("/dev/kmsg can't be read ({why})"))
            .because("the module's own words are not told, nor causes that only they tell apart")
            .remedy("run as root, grant CAP_SYSLOG, or sysctl kernel.dmesg_restrict=0"),
    }
}
