//! What is found of the module and its device.

use super::*;
use crate::doctor::ModuleFile;
use crate::doctor::facts::Node;
use crate::testing::machine::module_file;
use crate::untrusted::Untrusted;

fn file(facts: &mut Facts) -> &mut ModuleFile {
    facts.files.as_mut().unwrap().first_mut().unwrap()
}

fn parameter(facts: &mut Facts, name: &str, value: Option<&str>) {
    let parameters = &mut facts.module.as_mut().unwrap().parameters;
    parameters.retain(|(known, _)| known.as_bytes() != name.as_bytes());
    parameters.push((name.into(), value.map(Untrusted::from)));
}

fn node(facts: &mut Facts, node: Option<Node>) {
    facts.device.node = Ok(node);
}

const NODE: Node = Node { numbers: Some((10, 57)), mode: 0o600, owner: (0, 0) };

fn holder(facts: &mut Facts, own: Option<bool>) {
    facts.holders = vec![(Holder { pid: 4121, comm: "l3fwd-kni".into() }, own)];
    facts.module.as_mut().unwrap().users = Some(1);
}

pub(super) const MODULE: &[Row] = &[
    ("its file", |_| {}, "module-file", Fine, &["built for this kernel"]),
    (
        "for another kernel",
        |f| f.files = Ok(vec![module_file("6.1.0-9-amd64")]),
        "module-file",
        Warning,
        &["no rte_kni.ko for this kernel", "there is one for 6.1.0-9-amd64"],
    ),
    (
        "for another kernel, and not loaded",
        |f| {
            f.files = Ok(vec![module_file("6.1.0-9-amd64")]);
            f.module = None;
        },
        "module-file",
        Failure,
        &["6.1.0-9-amd64", "depmod"],
    ),
    ("no file", |f| f.files = Ok(Vec::new()), "module-file", Warning, &["came from elsewhere"]),
    ("files unread", |f| f.files = why(), "module-file", Unread, &[]),
    (
        "built for another",
        |f| file(f).vermagic = Some("6.1.0-9-amd64 SMP ".into()),
        "module-file",
        Failure,
        &["built for Linux 6.1.0-9-amd64", "Invalid module format"],
    ),
    ("unknown to modprobe", |f| file(f).listed = false, "module-file", Warning, &["depmod -a", "insmod"]),
    (
        "compressed",
        |f| {
            file(f).vermagic = None;
            file(f).readable = false;
        },
        "module-file",
        Note,
        &["not known: for which kernel"],
    ),
    ("no vermagic", |f| file(f).vermagic = None, "module-file", Warning, &["does not say"]),
    (
        "loaded",
        |_| {},
        "module",
        Fine,
        &["rte_kni is loaded", "from /lib/modules/6.1.0-56-amd64", "layout D"],
    ),
    ("not loaded", |f| f.module = None, "module", Failure, &["modprobe rte_kni", "sys.device-missing"]),
    (
        "a kernel without modules",
        |f| {
            f.module = None;
            f.takes_modules = false;
        },
        "module",
        Failure,
        &["CONFIG_MODULES"],
    ),
    ("another build", |f| file(f).is_loaded = Some(false), "module", Note, &["not the file that modprobe"]),
    (
        "a file that modprobe does not know",
        |f| {
            let own = file(f);
            own.is_loaded = Some(false);
            let path = "/lib/modules/6.1.0-56-amd64/extra/variant.ko".into();
            let other = ModuleFile { path, listed: false, is_loaded: Some(true), ..own.clone() };
            f.files.as_mut().unwrap().push(other);
        },
        "module",
        Note,
        &["from /lib/modules/6.1.0-56-amd64/extra/variant.ko", "modprobe would load, /lib/modules"],
    ),
    ("from where unread", |f| file(f).is_loaded = None, "module", Fine, &["not known: from which file"]),
    (
        "layout unknown",
        |f| f.module.as_mut().unwrap().info = None,
        "module",
        Fine,
        &["not known: how it lays out"],
    ),
    (
        "unsigned where signatures are wanted",
        |f| {
            f.module = None;
            f.signed_only = Ok(true);
        },
        "module-signature",
        Failure,
        &["no signature"],
    ),
    (
        "unsigned under lockdown",
        |f| {
            f.module = None;
            f.lockdown = Ok(Some("integrity".into()));
        },
        "module-signature",
        Failure,
        &["locked down"],
    ),
    (
        "no carrier",
        |f| parameter(f, "carrier", Some("off")),
        "module-parameter",
        Warning,
        &["carrier=off", "carrier=on"],
    ),
    (
        "carrier by default",
        |f| parameter(f, "carrier", None),
        "module-parameter",
        Warning,
        &["default since 18.11"],
    ),
    (
        "loop",
        |f| parameter(f, "lo_mode", Some("lo_mode_fifo")),
        "module-parameter",
        Warning,
        &["every packet"],
    ),
    ("no such loop", |f| parameter(f, "lo_mode", Some("on")), "module-parameter", Note, &["loopback is off"]),
    (
        "one thread",
        |f| parameter(f, "kthread_mode", None),
        "module-parameter",
        Fine,
        &["kthread_mode=single"],
    ),
    ("bifurcated", |f| parameter(f, "enable_bifurcated", Some("on")), "module-parameter", Note, &["rtnl"]),
    (
        "pace",
        |f| parameter(f, "min_scheduling_interval", Some("7")),
        "module-parameter",
        Fine,
        &["min_scheduling_interval=7"],
    ),
];

pub(super) const DEVICE: &[Row] = &[
    ("the node", |_| {}, "device", Fine, &["10:57", "0600", "root alone"]),
    ("open to all", |f| node(f, Some(Node { mode: 0o666, ..NODE })), "device", Fine, &["0666"]),
    ("no node", |f| node(f, None), "device", Failure, &["mknod -m 600 /dev/kni c 10 57"]),
    (
        "another number",
        |f| node(f, Some(Node { numbers: Some((10, 56)), ..NODE })),
        "device",
        Failure,
        &["10:56", "rm /dev/kni"],
    ),
    (
        "a plain file",
        |f| node(f, Some(Node { numbers: None, ..NODE })),
        "device",
        Failure,
        &["no character device"],
    ),
    ("node unread", |f| f.device.node = why(), "device", Unread, &[]),
    ("minor unread", |f| f.device.minor = why(), "device", Unread, &["/proc/misc"]),
    ("a stale node", |f| f.device.minor = Ok(None), "device", Warning, &["stale"]),
    (
        "half loaded",
        |f| {
            node(f, None);
            f.device.minor = Ok(None);
        },
        "device",
        Failure,
        &["has no device"],
    ),
    ("free", |_| {}, "device-holder", Fine, &["free"]),
    ("open", |f| holder(f, Some(true)), "device-holder", Note, &["l3fwd-kni[4121]", "EBUSY"]),
    ("open elsewhere", |f| holder(f, Some(false)), "device-holder", Note, &["another network namespace"]),
    ("open somewhere", |f| holder(f, None), "device-holder", Note, &["not known"]),
    ("holders unread", |f| f.holders_hidden = 3, "device-holder", Unread, &["3 processes", "CAP_SYS_PTRACE"]),
    (
        "stuck",
        |f| f.module.as_mut().unwrap().users = Some(1),
        "device-holder",
        Failure,
        &["sys.device-stuck", "restart"],
    ),
    (
        "users unread",
        |f| f.module.as_mut().unwrap().users = None,
        "device-holder",
        Fine,
        &["nobody has it open"],
    ),
];
