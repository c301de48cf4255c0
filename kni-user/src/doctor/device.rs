//! `/dev/kni`: the node, and who has it open.

use super::facts::{Facts, Node};
use super::{Finding, hidden, text};

/// The major number of miscellaneous devices (`include/uapi/linux/major.h`).
const MISC: u32 = 10;

const ABOUT: &str = "device";

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::from_iter(node(facts));
    if facts.module.is_some() {
        findings.extend(holders(facts));
    }
    findings
}

/// Nothing where there is neither a module nor a node: that the module is missing is said already.
fn node(facts: &Facts) -> Option<Finding> {
    let node = match &facts.device.node {
        Ok(node) => *node,
        Err(why) => return Some(Finding::unknown(ABOUT, "what /dev/kni is", why)),
    };
    let minor = match &facts.device.minor {
        Ok(minor) => *minor,
        Err(why) => {
            return Some(Finding::unknown(ABOUT, "which number /dev/kni must have (/proc/misc)", why));
        }
    };
    match (node, minor) {
        (None, None) => facts.module.is_some().then(|| {
            Finding::failure(ABOUT, "rte_kni is loaded, and has no device")
                .because("/proc/misc does not list it: its loading failed half-way, or it is going")
                .remedy("modprobe -r rte_kni && modprobe rte_kni, and read dmesg")
        }),
        (None, Some(minor)) => Some(
            Finding::failure(ABOUT, "rte_kni is loaded, but there is no /dev/kni here")
                .because("in a container it must be passed in; else udev should have made it")
                .remedy(make(minor)),
        ),
        (Some(_), None) => Some(
            Finding::warning(ABOUT, "/dev/kni is there, but no device behind it: a stale node")
                .because("opening it says ENXIO or ENODEV, or leads to another device that has its number")
                .remedy("load the module and compare the number with /proc/misc; in a container make the node anew"),
        ),
        (Some(Node { numbers, .. }), Some(minor)) if numbers != Some((MISC, minor)) => {
            let is = numbers.map_or_else(
                || "is no character device".to_owned(),
                |(major, minor)| format!("has the number {major}:{minor}"),
            );
            Some(
                Finding::failure(ABOUT, format!("/dev/kni {is}; the module's device is {MISC}:{minor}"))
                    .because("its minor number changes with each load; a node made by hand does not: sys.wrong-device")
                    .remedy(format!("rm /dev/kni && {}", make(minor))),
            )
        }
        (Some(node), Some(minor)) => Some(permitted(&node, minor)),
    }
}

fn make(minor: u32) -> String {
    format!("mknod -m 600 /dev/kni c {MISC} {minor}")
}

fn permitted(node: &Node, minor: u32) -> Finding {
    let Node { mode, owner: (user, group), .. } = *node;
    let finding =
        Finding::ok(ABOUT, format!("/dev/kni: {MISC}:{minor}, mode {mode:04o}, owner {user}:{group}"));
    if mode & 0o066 == 0 && user == 0 {
        finding.because("root alone may open it; others get EACCES: sys.device-denied")
    } else {
        finding
    }
}

const HOLDER: &str = "device-holder";

/// One opening in each network namespace is allowed.
fn holders(facts: &Facts) -> Vec<Finding> {
    let told = |(holder, own): &(super::User, Option<bool>)| {
        let who = format!("{}[{}]", text(&holder.comm), holder.pid);
        match own {
            Some(true) => Finding::note(HOLDER, format!("/dev/kni is open in {who}"))
                .because("another program in this network namespace gets EBUSY: sys.device-busy"),
            Some(false) => {
                Finding::note(HOLDER, format!("/dev/kni is open in {who}, in another network namespace"))
            }
            None => Finding::note(HOLDER, format!("/dev/kni is open in {who}"))
                .because("not known: in which network namespace"),
        }
    };
    let mut findings: Vec<Finding> = facts.holders.iter().map(told).collect();
    let users = facts.module.as_ref().and_then(|module| module.users);
    if facts.holders_hidden > 0 {
        findings.push(Finding::unknown(HOLDER, "who else has /dev/kni open", &hidden(facts.holders_hidden)));
    } else if facts.holders.is_empty() {
        findings.push(match users {
            None => Finding::ok(HOLDER, "/dev/kni: nobody has it open"),
            Some(0) => Finding::ok(HOLDER, "/dev/kni: free"),
            Some(_) => Finding::failure(HOLDER, "/dev/kni is in use, and no process has it open")
                .because("whoever had it died inside the module, which never gave it back: sys.device-stuck")
                .because("or it is one of another PID namespace, if kniwatch runs in a container")
                .remedy("restart the machine; read the kernel's report of that death first (dmesg)"),
        });
    }
    findings
}
