//! kniwatch, built so that a guest, or any Linux, can run it.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::cargo;
use crate::say;
use crate::shell::{output, run};
use crate::vm::release::Release;
use crate::workspace::Workspace;

/// Builds kniwatch, optimised, and returns where it is.
///
/// A program that was linked with a newer glibc than the guest's doesn't start there: on such a
/// host glibc is linked in.
pub(crate) fn for_guest(workspace: &Workspace, release: &Release) -> Result<PathBuf> {
    if host_glibc().is_none_or(|host| host > release.glibc) {
        return standalone(workspace);
    }
    for_this_host(workspace)
}

/// Builds kniwatch, optimised, and returns where it is.
pub(crate) fn for_this_host(workspace: &Workspace) -> Result<PathBuf> {
    say!("building kniwatch");
    built(cargo::cargo().args(BUILD), workspace.target.join("release/kniwatch"))
}

/// Builds kniwatch, optimised, with glibc linked in, and returns where it is. It has no paths of this machine's in it.
pub(crate) fn standalone(workspace: &Workspace) -> Result<PathBuf> {
    say!("building kniwatch, glibc linked in");
    let target = workspace.target.join("standalone");
    let triple = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let mut flags = vec!["-Ctarget-feature=+crt-static".to_owned()];
    flags.push(format!("--remap-path-prefix={}=.", workspace.root.display()));
    if let Some(home) = cargo::home() {
        flags.push(format!("--remap-path-prefix={}=cargo", home.display()));
    }
    let mut cargo = cargo::cargo();
    // With a target named, the flags are not for build scripts and procedural macros.
    cargo.args(BUILD).args(["--target", &triple]).arg("--target-dir").arg(&target);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    built(&mut cargo, target.join(triple).join("release/kniwatch"))
}

const BUILD: [&str; 6] = ["build", "--release", "--package", "kni-user", "--bin", "kniwatch"];

fn built(cargo: &mut Command, program: PathBuf) -> Result<PathBuf> {
    run(cargo)?;
    ensure!(program.is_file(), "cargo built no {}", program.display());
    Ok(program)
}

/// The host's glibc, if that is what it has.
fn host_glibc() -> Option<(u32, u32)> {
    glibc_version(&output(Command::new("getconf").arg("GNU_LIBC_VERSION")).ok()?)
}

/// `glibc 2.36`.
fn glibc_version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::glibc_version;

    #[test]
    fn glibc_versions_are_compared_as_numbers() {
        assert_eq!(glibc_version("glibc 2.36\n"), Some((2, 36)));
        assert!(glibc_version("glibc 2.9") < glibc_version("glibc 2.36"));
        for other in ["", "musl 1.2", "glibc 2", "glibc two.three"] {
            assert_eq!(glibc_version(other), None, "{other:?}");
        }
    }
}
