//! kniwatch, built so that the guest can run it.

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
    say!("building kniwatch");
    let mut cargo = cargo::cargo();
    cargo.args(["build", "--release", "--package", "kni-user"]);
    let program = if host_glibc().is_some_and(|host| host <= release.glibc) {
        workspace.target.join("release/kniwatch")
    } else {
        let target = workspace.vm().join("static");
        let triple = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
        // With a target named, the flags are not for build scripts and procedural macros.
        cargo.env("RUSTFLAGS", "-C target-feature=+crt-static").args(["--target", &triple]);
        cargo.arg("--target-dir").arg(&target);
        target.join(triple).join("release/kniwatch")
    };
    run(&mut cargo)?;
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
