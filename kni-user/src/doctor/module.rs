//! The module: its files, and the one that is loaded, with what its parameters mean.

use super::facts::{Facts, Loaded, ModuleFile};
use super::{Finding, Level, text};
use crate::event::DeviceInfo;
use crate::release::layout_in;
use crate::untrusted::Untrusted;

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    if !facts.takes_modules && facts.module.is_none() {
        let finding = Finding::failure("module", "this kernel can't load modules (CONFIG_MODULES)");
        return vec![finding.because("so there can be no rte_kni").remedy("use a kernel that can")];
    }
    let mut findings = vec![files(facts)];
    findings.extend(signature(facts));
    match &facts.module {
        None => findings.push(
            Finding::failure("module", "rte_kni is not loaded")
                .because("there is no /dev/kni, and rte_kni_init fails: sys.device-missing")
                .remedy("modprobe rte_kni (carrier=on, if interfaces are to have a carrier at once)"),
        ),
        Some(module) => {
            findings.push(loaded(facts, module));
            findings
                .extend(module.parameters.iter().filter_map(|(name, value)| parameter(name, value.as_ref())));
        }
    }
    findings
}

/// The layout of the module's struct: of the one that is loaded, else of the one that would be.
pub(super) fn layout(facts: &Facts) -> Option<char> {
    info(facts).and_then(layout_in)
}

/// The same with what shows it.
pub(super) fn info(facts: &Facts) -> Option<&DeviceInfo> {
    match &facts.module {
        Some(module) => module.info.as_ref(),
        None => candidate(facts)?.info.as_ref(),
    }
}

/// The file that `modprobe` would load.
fn candidate(facts: &Facts) -> Option<&ModuleFile> {
    let mut own = facts.files.as_ref().ok()?.iter().filter(|file| file.directory == facts.kernel);
    own.find(|file| file.listed)
}

const FILE: &str = "module-file";

fn files(facts: &Facts) -> Finding {
    let files = match &facts.files {
        Ok(files) => files,
        Err(why) => return Finding::unknown(FILE, "whether there is an rte_kni.ko for this kernel", why),
    };
    let kernel = text(&facts.kernel);
    let (own, others): (Vec<_>, Vec<_>) = files.iter().partition(|file| file.directory == facts.kernel);
    let Some(first) = own.iter().find(|file| file.listed).or(own.first()) else {
        return none_for(facts, &kernel, &others);
    };
    let path = text(&first.path);
    if !first.listed {
        return Finding::warning(FILE, format!("modprobe does not know {path}"))
            .because("it is not in modules.dep")
            .remedy(format!("depmod -a, or insmod {path}"));
    }
    match &first.vermagic {
        // The first word is the release; the kernel compares all of them (`check_modinfo`, kernel/module/main.c).
        Some(vermagic) if built_for(vermagic) != facts.kernel.as_bytes() => Finding::failure(
            FILE,
            format!("{path} was built for Linux {}, this is {kernel}", release_of(vermagic)),
        )
        .because("modprobe says \"Invalid module format\" to that, unless both have the same symbol versions")
        .remedy("build it for this kernel (dkms autoinstall, or make -C /lib/modules/$(uname -r)/build)"),
        Some(_) => Finding::ok(FILE, format!("{path}: built for this kernel")),
        None if first.readable => {
            Finding::warning(FILE, format!("{path} does not say for which kernel it was built"))
                .because("it is no module, or a damaged one")
        }
        None => Finding::note(FILE, format!("{path}: there"))
            .because("not known: for which kernel it was built (it is compressed, or may not be read)"),
    }
}

fn none_for(facts: &Facts, kernel: &str, others: &[&ModuleFile]) -> Finding {
    let what = format!("there is no rte_kni.ko for this kernel in /lib/modules/{kernel}");
    let finding = if facts.module.is_some() {
        Finding::warning(FILE, what)
            .because("the one that is loaded came from elsewhere: the next start won't find it")
    } else {
        Finding::failure(FILE, what)
    };
    let mut elsewhere: Vec<String> = others.iter().map(|file| text(&file.directory)).collect();
    elsewhere.dedup();
    let finding = if elsewhere.is_empty() {
        finding
    } else {
        finding.because(format!("there is one for {}", elsewhere.join(", ")))
    };
    finding.remedy(
        "build it from the source of your program's DPDK release, with this kernel's headers (kernel/linux/kni; \
         meson setup -Denable_kmods=true), then depmod -a",
    )
}

/// A kernel may refuse modules without a signature: when locked down, or by `module.sig_enforce`.
fn signature(facts: &Facts) -> Option<Finding> {
    let file = candidate(facts).filter(|file| file.readable && !file.signed)?;
    let lockdown = facts.lockdown.as_ref().ok().and_then(Option::as_ref);
    let locked = lockdown.is_some_and(|mode| mode.as_bytes() != b"none");
    let refused = locked || facts.signed_only == Ok(true);
    (refused && facts.module.is_none()).then(|| {
        Finding::failure("module-signature", format!("{} has no signature, and this kernel wants one", text(&file.path)))
            .because("it is locked down, or started with module.sig_enforce; modprobe says \"Key was rejected\"")
            .remedy("sign the module with a key that this machine trusts (kmodsign, mokutil), or switch Secure Boot off")
    })
}

fn loaded(facts: &Facts, module: &Loaded) -> Finding {
    let version = module.version.as_ref().map_or_else(String::new, |version| format!(" {}", text(version)));
    let mut finding = Finding::ok("module", format!("rte_kni{version} is loaded"));
    let files = facts.files.as_deref().unwrap_or_default();
    if let Some(file) = files.iter().find(|file| file.is_loaded == Some(true)) {
        let built = file
            .vermagic
            .as_ref()
            .map_or_else(String::new, |vermagic| format!(", built for Linux {}", release_of(vermagic)));
        finding = finding.because(format!("from {}{built}", text(&file.path)));
        if !file.listed
            && let Some(other) = candidate(facts)
        {
            let other = text(&other.path);
            finding = Finding { level: Level::Note, ..finding }
                .because(format!("it is not the file that modprobe would load, {other}"));
        }
    } else if candidate(facts).is_some_and(|file| file.is_loaded == Some(false)) {
        finding = Finding { level: Level::Note, ..finding }
            .because("it is not the file that modprobe would load: another build, or one from elsewhere");
    } else {
        finding = finding.because("not known: from which file it was loaded");
    }
    match &module.info {
        Some(info) => finding.because(laid_out(info)),
        None => finding.because(
            "not known: how it lays out the request's struct (neither its types nor its code show it)",
        ),
    }
}

/// `its struct has 136 bytes, layout D (its code shows it)`.
pub(super) fn laid_out(info: &DeviceInfo) -> String {
    let layout = layout_in(info).map_or_else(String::new, |letter| format!(", layout {letter}"));
    format!("its struct has {} bytes{layout} ({} shows it)", info.size, info.source)
}

/// What a parameter means for who uses the module (`kernel/linux/kni/kni_misc.c`); none: nothing to be said of it.
/// All are read when the module is loaded, and not again: writing to `/sys/module` changes nothing.
fn parameter(name: &Untrusted, value: Option<&Untrusted>) -> Option<Finding> {
    const ABOUT: &str = "module-parameter";
    let value = value.map(text);
    match (name.as_bytes(), value.as_deref()) {
        (b"carrier", Some("on")) => Some(Finding::ok(ABOUT, "carrier=on: interfaces have a carrier at once")),
        (b"carrier", value) => {
            let set = if value.is_some() { "carrier=off" } else { "carrier=off, its default since 18.11" };
            Some(
                Finding::warning(ABOUT, format!("rte_kni is loaded with {set}: interfaces come up without carrier"))
                    .because("they neither send nor receive until the program calls rte_kni_update_link")
                    .remedy(
                        "modprobe -r rte_kni && modprobe rte_kni carrier=on, or rte_kni_update_link in the program, \
                         or echo 1 > /sys/class/net/NAME/carrier",
                    ),
            )
        }
        (b"kthread_mode", Some("multiple")) => {
            Some(Finding::ok(ABOUT, "kthread_mode=multiple: each interface has a kernel thread of its own"))
        }
        (b"kthread_mode", _) => Some(
            Finding::ok(
                ABOUT,
                "kthread_mode=single: one kernel thread serves all interfaces of a network namespace",
            )
            .because(
                "a program killed while that thread starts leaves /dev/kni busy for ever: sys.device-stuck",
            ),
        ),
        (b"lo_mode", None | Some("lo_mode_none")) => None,
        (b"lo_mode", Some(mode @ ("lo_mode_fifo" | "lo_mode_fifo_skb"))) => Some(
            Finding::warning(
                ABOUT,
                format!("lo_mode={mode}: the module sends every packet back to the program"),
            )
            .because("nothing comes through to the kernel's network")
            .remedy("modprobe -r rte_kni && modprobe rte_kni"),
        ),
        (b"lo_mode", Some(mode)) => Some(
            Finding::note(ABOUT, format!("lo_mode={mode} is none that the module knows: loopback is off"))
                .because("it knows lo_mode_none, lo_mode_fifo and lo_mode_fifo_skb"),
        ),
        (b"enable_bifurcated", Some("on")) => Some(
            Finding::note(
                ABOUT,
                "enable_bifurcated=on: set-up requests don't hold the network configuration lock (rtnl)",
            )
            .because("ip link set down is not waited for"),
        ),
        (b"min_scheduling_interval" | b"max_scheduling_interval", Some(micros)) => Some(Finding::ok(
            ABOUT,
            format!("{}={micros}: microseconds that its thread sleeps between looks", text(name)),
        )),
        _ => None,
    }
}

fn built_for(vermagic: &Untrusted) -> &[u8] {
    vermagic.as_bytes().split(|byte| *byte == b' ').next().unwrap_or_default()
}

fn release_of(vermagic: &Untrusted) -> String {
    text(&Untrusted::from(built_for(vermagic)))
}
