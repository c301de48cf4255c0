//! `librte_kni`, where it is installed and where it runs, against the module.

use super::facts::{Facts, LibraryFile};
use super::{Finding, hidden, module, text};
use crate::event::DeviceInfo;
use crate::release::{layout_in, size_of};
use crate::report::Library;

const ABOUT: &str = "library";

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let mut findings: Vec<Finding> = facts.libraries.iter().map(|file| library(facts, file)).collect();
    if !facts.without_kni.is_empty() {
        let paths: Vec<String> = facts.without_kni.iter().map(text).collect();
        findings.push(
            Finding::note(ABOUT, format!("DPDK without librte_kni: {}", paths.join(", "))).because(
                "KNI was removed in DPDK 23.11; before, distributions may leave it out (Debian 12 does)",
            ),
        );
    }
    if facts.libraries.is_empty() && facts.mappings_hidden == 0 {
        findings.push(
            Finding::note(ABOUT, "no librte_kni on the linker's paths, nor in any process")
                .because("a program that has it inside is seen when it runs"),
        );
    }
    if facts.mappings_hidden > 0 {
        let why = hidden(facts.mappings_hidden);
        findings.push(Finding::unknown(ABOUT, "which other processes run librte_kni", &why));
    }
    findings
}

fn library(facts: &Facts, file: &LibraryFile) -> Finding {
    let Library { layout, evidence, .. } = &file.library;
    let name = name(file);
    let bytes = layout.and_then(size_of);
    let finding = match (*layout, bytes, module::info(facts)) {
        (Some(letter), Some(bytes), Some(info)) => {
            against(&name, letter, bytes, info, facts.module.is_some())
        }
        (Some(letter), ..) => Finding::note(ABOUT, format!("{name}, layout {letter}"))
            .because("not known: whether it fits the module, whose own layout is not known"),
        (None, ..) => Finding::note(ABOUT, name)
            .because("not known: which layout it uses, and so whether it fits the module"),
    };
    let finding = if evidence.is_empty() {
        finding
    } else {
        finding.because(format!("known by: {}", evidence.join(", ")))
    };
    if file.users.is_empty() {
        return finding;
    }
    let users: Vec<String> =
        file.users.iter().map(|user| format!("{}[{}]", text(&user.comm), user.pid)).collect();
    finding.because(format!("runs in {}", users.join(", ")))
}

/// The path, how it is there, and the release.
fn name(file: &LibraryFile) -> String {
    let Library { object, is_static, releases, .. } = &file.library;
    let path = object.as_ref().map_or_else(|| "a program".to_owned(), text);
    let inside = if *is_static == Some(true) { " has librte_kni inside" } else { "" };
    let release =
        releases.as_ref().map_or_else(|| " (release not known)".to_owned(), |of| format!(" (DPDK {of})"));
    format!("{path}{inside}{release}")
}

/// The module's one check is that the request is not larger than its own struct (`kni_ioctl_create`).
fn against(name: &str, letter: char, bytes: u32, info: &DeviceInfo, loaded: bool) -> Finding {
    const REMEDY: &str = "load the rte_kni.ko of the same DPDK release as the library";
    let the_module = if loaded { "the loaded module" } else { "the module for this kernel" };
    let Some(theirs) = layout_in(info) else {
        return Finding::note(ABOUT, format!("{name}, layout {letter}"))
            .because(format!("not known: whether it fits {the_module}: {}", module::laid_out(info)));
    };
    if theirs == letter {
        return Finding::ok(ABOUT, format!("{name}: layout {letter}, as {the_module}"));
    }
    let size = info.size;
    let what =
        format!("{name} uses layout {letter} ({bytes} bytes); {the_module} takes layout {theirs} ({size})");
    let finding = Finding::failure("layout-skew", what);
    if bytes > size {
        finding.because("every create will be refused with EINVAL, silently: mod.size-skew").remedy(REMEDY)
    } else {
        finding.because("interfaces are mostly created, and can't work: mod.layout-skew").remedy(REMEDY)
    }
}
