use super::facts::{Facts, Kprobes, Pool, Tracefs, Unknown};
use super::{Finding, Level, exit_status, findings, text};
use crate::event::{DeviceInfo, Holder};
use crate::testing::machine::{layout_d, library, well};

mod module;

use Level::{Failure, Note, Ok as Fine, Unknown as Unread, Warning};

/// What makes a machine another, what is found then, and words that must be among what is said.
type Row = (&'static str, fn(&mut Facts), &'static str, Level, &'static [&'static str]);

fn why<T>() -> Result<T, Unknown> {
    Err(Unknown("that takes root".to_owned()))
}

fn lacks(facts: &mut Facts, names: &[&str]) {
    facts.privileges.iter_mut().filter(|one| names.contains(&one.name)).for_each(|one| one.held = false);
}

fn pool(facts: &mut Facts, total: u64, free: u64, nodes: &[(u32, u64, u64)]) {
    facts.hugepages = Ok(vec![Pool { page_kib: 2048, total, free, nodes: nodes.to_vec() }]);
}

const OBSERVING: &[Row] = &[
    ("root", |_| {}, "privileges", Fine, &["CAP_BPF"]),
    (
        "no CAP_BPF",
        |f| lacks(f, &["CAP_BPF"]),
        "privileges",
        Failure,
        &["lacks CAP_BPF", "nothing can be observed", "sudo"],
    ),
    ("no CAP_SYSLOG", |f| lacks(f, &["CAP_SYSLOG"]), "privileges", Warning, &["the log", "it has CAP_BPF"]),
    ("no CAP_SYS_ADMIN", |f| lacks(f, &["CAP_SYS_ADMIN"]), "privileges", Warning, &["stacks"]),
    ("no CAP_DAC_READ_SEARCH", |f| lacks(f, &["CAP_DAC_READ_SEARCH"]), "privileges", Note, &["tracefs"]),
    (
        "a user namespace",
        |f| {
            lacks(f, &["CAP_BPF", "CAP_SYSLOG", "CAP_SYS_ADMIN"]);
            f.initial_namespace = false;
        },
        "privileges",
        Failure,
        &["user namespace"],
    ),
    ("5.10", |f| f.kernel = "5.10.0-1".into(), "kernel", Fine, &["5.10"]),
    ("5.9", |f| f.kernel = "5.9.16".into(), "kernel", Failure, &["too old"]),
    ("no number", |f| f.kernel = "x".into(), "kernel", Unread, &["not known"]),
    (
        "locked down",
        |f| f.lockdown = Ok(Some("confidentiality".into())),
        "lockdown",
        Failure,
        &["confidentiality"],
    ),
    ("integrity", |f| f.lockdown = Ok(Some("integrity".into())), "lockdown", Fine, &["integrity"]),
    ("without lockdown", |f| f.lockdown = Ok(None), "lockdown", Fine, &["none"]),
    ("lockdown unread", |f| f.lockdown = why(), "lockdown", Unread, &["that takes root"]),
    ("no tracefs", |f| f.tracefs = Tracefs::Absent, "tracefs", Failure, &["CONFIG_TRACING"]),
    ("tracefs unmounted", |f| f.tracefs = Tracefs::Unmounted, "tracefs", Failure, &["mount -t tracefs"]),
    ("tracefs denied", |f| f.tracefs = Tracefs::Unreadable, "tracefs", Failure, &["remount"]),
    ("no kprobes", |f| f.kprobes = Kprobes::Absent, "kprobes", Failure, &["CONFIG_KPROBES"]),
    (
        "kprobes off",
        |f| f.kprobes = Kprobes::Enabled(Ok(false)),
        "kprobes",
        Failure,
        &["echo 1 > /sys/kernel/debug/kprobes/enabled"],
    ),
    ("kprobes unread", |f| f.kprobes = Kprobes::Enabled(why()), "kprobes", Unread, &["switched on"]),
    ("no uprobes", |f| f.uprobes = false, "uprobes", Failure, &["CONFIG_UPROBES"]),
    (
        "Debian's level, with capabilities",
        |f| {
            f.is_admin = false;
            f.perf_paranoid = Ok(3);
        },
        "perf-event-paranoid",
        Failure,
        &["is 3", "perf_event_paranoid=2"],
    ),
    ("Debian's level, root", |f| f.perf_paranoid = Ok(3), "perf-event-paranoid", Fine, &["3"]),
    ("paranoid unread", |f| f.perf_paranoid = why(), "perf-event-paranoid", Unread, &[]),
    ("hidden addresses", |f| f.kptr_restrict = Ok(2), "kptr-restrict", Note, &["nothing is lost"]),
    ("kptr unread", |f| f.kptr_restrict = why(), "kptr-restrict", Unread, &[]),
    ("no CAP_BPF, forbidden", |f| lacks(f, &["CAP_BPF"]), "unprivileged-bpf", Note, &["is 2"]),
    (
        "no CAP_BPF, allowed",
        |f| {
            lacks(f, &["CAP_BPF"]);
            f.unprivileged_bpf = Ok(0);
        },
        "unprivileged-bpf",
        Note,
        &["helps nothing"],
    ),
    (
        "no CAP_BPF, unread",
        |f| {
            lacks(f, &["CAP_BPF"]);
            f.unprivileged_bpf = why();
        },
        "unprivileged-bpf",
        Unread,
        &[],
    ),
    (
        "5.10, no root",
        |f| f.locked_memory_kib = Some(64),
        "locked-memory",
        Warning,
        &["64 KiB", "5.11", "LimitMEMLOCK"],
    ),
    ("no kernel log", |f| f.kernel_log = why(), "kernel-log", Warning, &["CAP_SYSLOG", "that takes root"]),
];

const MEMORY: &[Row] = &[
    ("pages", |_| {}, "hugepages", Fine, &["500 of 512 of 2 MB free"]),
    ("no pages", |f| pool(f, 0, 0, &[]), "hugepages", Failure, &["vm.nr_hugepages"]),
    ("none free", |f| pool(f, 32, 0, &[]), "hugepages", Warning, &["0 of 32"]),
    ("none on a node", |f| pool(f, 32, 9, &[(0, 32, 9), (1, 0, 0)]), "hugepages", Note, &["NUMA node 1"]),
    ("pages unread", |f| f.hugepages = why(), "hugepages", Unread, &[]),
    ("mounted", |_| {}, "hugetlbfs", Fine, &["/dev/hugepages"]),
    ("not mounted", |f| f.hugetlbfs = Ok(Vec::new()), "hugetlbfs", Warning, &["mount -t hugetlbfs"]),
    ("mounts unread", |f| f.hugetlbfs = why(), "hugetlbfs", Unread, &[]),
    ("no IOMMU", |_| {}, "iova-mode", Fine, &["physical"]),
    ("IOMMU", |f| f.iommu_groups = Ok(9), "iova-mode", Fine, &["virtual", "this module takes"]),
    (
        "IOMMU, an older module",
        |f| {
            f.iommu_groups = Ok(9);
            f.module.as_mut().unwrap().info =
                Some(DeviceInfo { size: 152, name_bytes: None, source: String::new() });
        },
        "iova-mode",
        Warning,
        &["--iova-mode=pa", "mod.bad-address"],
    ),
    (
        "IOMMU, an older kernel",
        |f| {
            f.iommu_groups = Ok(9);
            f.kernel = "4.9.0".into();
        },
        "iova-mode",
        Warning,
        &["--iova-mode=pa"],
    ),
    (
        "IOMMU, a module that is not known",
        |f| {
            f.iommu_groups = Ok(9);
            f.module.as_mut().unwrap().info = None;
        },
        "iova-mode",
        Note,
        &["19.11"],
    ),
    ("IOMMU unread", |f| f.iommu_groups = why(), "iova-mode", Unread, &[]),
];

const LIBRARIES: &[Row] = &[
    (
        "as the module",
        |_| {},
        "library",
        Fine,
        &["DPDK 22.11 to 23.07", "layout D, as the loaded module", "its soname"],
    ),
    (
        "larger than the module's",
        |f| f.libraries = vec![library("B", "18.02 to 19.05")],
        "layout-skew",
        Failure,
        &["layout B (152 bytes)", "layout D (136)", "EINVAL", "mod.size-skew", "same DPDK release"],
    ),
    (
        "laid out otherwise",
        |f| f.libraries = vec![library("A", "16.04")],
        "layout-skew",
        Failure,
        &["mod.layout-skew"],
    ),
    (
        "against the file",
        |f| {
            f.module = None;
            f.libraries = vec![library("C", "19.08")];
        },
        "layout-skew",
        Failure,
        &["the module for this kernel"],
    ),
    (
        "module not known",
        |f| f.module.as_mut().unwrap().info = None,
        "library",
        Note,
        &["not known: whether it fits"],
    ),
    (
        "module half known",
        |f| f.module.as_mut().unwrap().info = Some(DeviceInfo { name_bytes: None, ..layout_d() }),
        "library",
        Note,
        &["not known: whether it fits", "136 bytes"],
    ),
    (
        "library not known",
        |f| f.libraries[0].library.layout = None,
        "library",
        Note,
        &["not known: which layout"],
    ),
    (
        "it runs",
        |f| f.libraries[0].users = vec![Holder { pid: 7, comm: "app".into() }],
        "library",
        Fine,
        &["runs in app[7]"],
    ),
    (
        "inside a program",
        |f| f.libraries[0].library.is_static = Some(true),
        "library",
        Fine,
        &["has librte_kni inside"],
    ),
    ("none", |f| f.libraries.clear(), "library", Note, &["no librte_kni"]),
    (
        "DPDK without it",
        |f| f.without_kni = vec!["/lib/librte_eal.so.24".into()],
        "library",
        Note,
        &["23.11", "librte_eal.so.24"],
    ),
    ("processes unread", |f| f.mappings_hidden = 44, "library", Unread, &["44 processes"]),
];

const CONSOLE: &[Row] = &[
    ("all", |_| {}, "console-loglevel", Fine, &["all"]),
    ("no debug lines", |f| f.console_loglevel = Ok(7), "console-loglevel", Note, &["debug"]),
    (
        "errors alone",
        |f| f.console_loglevel = Ok(4),
        "console-loglevel",
        Note,
        &["Creating kni", "16.04", "dmesg"],
    ),
    ("nothing", |f| f.console_loglevel = Ok(3), "console-loglevel", Note, &["not even its errors"]),
    (
        "all, whatever the level",
        |f| {
            f.console_loglevel = Ok(1);
            f.ignores_loglevel = true;
        },
        "console-loglevel",
        Fine,
        &["all"],
    ),
    ("console unread", |f| f.console_loglevel = why(), "console-loglevel", Unread, &[]),
];

fn words(finding: &Finding) -> String {
    let Finding { found, evidence, remedy, .. } = finding;
    std::iter::once(found).chain(evidence).chain(remedy).map(text).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_fact_makes_its_finding_and_only_that() {
    let base = findings(&well());
    for (what, change, about, level, said) in
        [OBSERVING, module::MODULE, module::DEVICE, MEMORY, LIBRARIES, CONSOLE].into_iter().flatten()
    {
        let mut facts = well();
        change(&mut facts);
        let found = findings(&facts);
        let fits = |finding: &&Finding| {
            let words = words(finding);
            finding.about == *about && finding.level == *level && said.iter().all(|said| words.contains(said))
        };
        assert!(
            found.iter().any(|finding| fits(&finding)),
            "{what}: no {about} {level:?} {said:?} in {found:#?}"
        );
        if *level != Fine {
            assert!(!base.iter().any(|finding| fits(&finding)), "{what}: it is found where all is well");
        }
        // Whatever needs something done says what.
        for finding in found.iter().filter(|finding| finding.level >= Warning) {
            let is_hopeless = text(&finding.found).contains("CONFIG_")
                || finding.about == "kernel"
                || text(&finding.found).contains("does not say");
            assert!(finding.remedy.is_some() || is_hopeless, "{finding:#?}");
        }
    }
}

#[test]
fn where_all_is_well_nothing_is_to_be_done() {
    let found = findings(&well());
    assert!(found.iter().all(|finding| finding.level == Fine), "{found:#?}");
    assert_eq!(exit_status(&found), 0);
}

#[test]
fn the_worst_finding_is_the_exit_status_and_what_is_not_known_none() {
    for (levels, status) in
        [(&[][..], 0), (&[Fine, Note, Unread], 0), (&[Warning, Note], 30), (&[Fine, Failure, Warning], 31)]
    {
        let found: Vec<Finding> = levels.iter().map(|level| Finding::new(*level, "x", "x")).collect();
        assert_eq!(exit_status(&found), status, "{levels:?}");
    }
}

#[test]
fn nothing_is_said_of_a_device_without_module_and_node() {
    let mut facts = well();
    facts.module = None;
    facts.device.node = Ok(None);
    facts.device.minor = Ok(None);
    let found = findings(&facts);
    assert!(found.iter().all(|finding| !finding.about.starts_with("device")), "{found:#?}");
    // It is a failure once, not three times.
    assert_eq!(found.iter().filter(|finding| finding.level == Failure).count(), 1, "{found:#?}");
}
