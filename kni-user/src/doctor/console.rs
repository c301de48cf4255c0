//! What of the module's messages the console shows.

use super::Finding;
use super::facts::Facts;

const ABOUT: &str = "console-loglevel";

/// The kernel's levels (`include/linux/kern_levels.h`): the console shows those below `console_loglevel`.
const ERROR: u32 = 3;
const INFO: u32 = 6;
const DEBUG: u32 = 7;

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    vec![finding(facts)]
}

fn finding(facts: &Facts) -> Finding {
    let level = match &facts.console_loglevel {
        Ok(level) => *level,
        Err(why) => return Finding::unknown(ABOUT, "what of the kernel's messages the console shows", why),
    };
    if facts.ignores_loglevel || level > DEBUG {
        return Finding::ok(ABOUT, "console: shows all of the kernel's messages");
    }
    let what = |hidden: &str| format!("console_loglevel is {level}: {hidden}");
    let finding = if level <= ERROR {
        Finding::note(ABOUT, what("nothing that the module says is on the console, not even its errors"))
    } else if level <= INFO {
        Finding::note(ABOUT, what("the module's \"Creating kni...\" (info) is not on the console"))
    } else {
        Finding::note(ABOUT, what("the module's debug lines are not on the console"))
    };
    let finding = if level > ERROR {
        // KNI_ERR is printk(KERN_DEBUG "KNI: Error: ") in kni_dev.h of 16.04 and 16.07, pr_err since 16.11.
        finding
            .because("modules of DPDK 16.04 and 16.07 print their errors as debug lines, and so unseen there")
    } else {
        finding
    };
    finding
        .because(
            "no line in dmesg either means that kni_ioctl_create was not entered: it prints before any check",
        )
        .remedy("dmesg has all of it, and kniwatch shows it beside the attempt; for the console: dmesg -n 8")
}
