//! A machine on which all is well, as `doctor` reads it.

use crate::doctor::{
    Device, Facts, Kprobes, LibraryFile, Loaded, ModuleFile, Node, Pool, Privilege, Tracefs,
};
use crate::event::DeviceInfo;
use crate::report::Library;

/// DPDK 22.11, with nothing to be said of it.
pub(crate) fn well() -> Facts {
    let privilege = |name, lost| Privilege { name, held: true, lost };
    Facts {
        privileges: vec![
            privilege("CAP_BPF", None),
            privilege("CAP_SYSLOG", Some("the log")),
            privilege("CAP_SYS_ADMIN", Some("stacks")),
            privilege("CAP_DAC_READ_SEARCH", Some("tracefs")),
        ],
        initial_namespace: true,
        locked_memory_kib: None,
        is_admin: true,
        kernel: "6.1.0-56-amd64".into(),
        lockdown: Ok(Some("none".into())),
        tracefs: Tracefs::At("/sys/kernel/tracing".into()),
        kprobes: Kprobes::Enabled(Ok(true)),
        uprobes: true,
        perf_paranoid: Ok(2),
        kptr_restrict: Ok(0),
        unprivileged_bpf: Ok(2),
        kernel_log: Ok(()),
        takes_modules: true,
        files: Ok(vec![module_file("6.1.0-56-amd64")]),
        signed_only: Ok(false),
        module: Some(Loaded {
            version: None,
            parameters: vec![
                ("carrier".into(), Some("on".into())),
                ("kthread_mode".into(), Some("multiple".into())),
                ("lo_mode".into(), None),
            ],
            info: Some(layout_d()),
            users: Some(0),
        }),
        device: Device {
            node: Ok(Some(Node { numbers: Some((10, 57)), mode: 0o600, owner: (0, 0) })),
            minor: Ok(Some(57)),
        },
        holders: Vec::new(),
        holders_hidden: 0,
        hugepages: Ok(vec![Pool { page_kib: 2048, total: 512, free: 500, nodes: vec![(0, 512, 500)] }]),
        hugetlbfs: Ok(vec!["/dev/hugepages".into()]),
        iommu_groups: Ok(0),
        libraries: vec![library("D", "22.11 to 23.07")],
        without_kni: Vec::new(),
        mappings_hidden: 0,
        console_loglevel: Ok(8),
        ignores_loglevel: false,
    }
}

/// An `rte_kni.ko` that was built for the kernel in whose directory it is, and is loaded.
pub(crate) fn module_file(kernel: &str) -> ModuleFile {
    ModuleFile {
        path: format!("/lib/modules/{kernel}/extra/rte_kni.ko").as_str().into(),
        directory: kernel.into(),
        listed: true,
        readable: true,
        vermagic: Some(format!("{kernel} SMP preempt mod_unload modversions ").as_str().into()),
        signed: false,
        info: Some(layout_d()),
        is_loaded: Some(true),
    }
}

pub(crate) fn layout_d() -> DeviceInfo {
    DeviceInfo { size: 136, name_bytes: Some(16), source: "its code".to_owned() }
}

/// A library of the layout of that letter.
pub(crate) fn library(letter: &str, releases: &str) -> LibraryFile {
    LibraryFile {
        library: Library {
            object: Some("/usr/lib/librte_kni.so".into()),
            is_static: Some(false),
            releases: Some(releases.to_owned()),
            layout: letter.chars().next(),
            evidence: vec!["its soname".to_owned()],
        },
        users: Vec::new(),
    }
}
