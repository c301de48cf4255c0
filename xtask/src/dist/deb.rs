//! The Debian package, by dpkg's own tool.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::VERSION;
use super::tree::{Contents, Tree};
use crate::shell::{output, run};
use crate::workspace::Workspace;

const DOC: &str = "usr/share/doc/kniwatch";

/// Makes the package in `directory`.
pub(super) fn make(
    workspace: &Workspace,
    contents: &Contents<'_>,
    directory: &Path,
    epoch: u64,
) -> Result<PathBuf> {
    let architecture = architecture()?;
    let tree = Tree::new(directory.join("work/deb"))?;
    tree.install_program(workspace, contents, "usr")?;
    for page in super::files(&tree.root().join("usr/share/man/man1"))? {
        super::compress(&page)?;
    }
    let own = workspace.root.join("xtask/dist/debian");
    tree.install(&own.join("copyright"), &format!("{DOC}/copyright"), 0o644)?;
    tree.install(contents.bill, &format!("{DOC}/kniwatch.cdx.json"), 0o644)?;
    for (name, text) in [("changelog", changelog(epoch)?), ("THIRD-PARTY", contents.notices.clone())] {
        super::compress(&tree.write(&format!("{DOC}/{name}"), text, 0o644)?)?;
    }
    for script in ["postinst", "prerm", "postrm"] {
        tree.install(&own.join(script), &format!("DEBIAN/{script}"), 0o755)?;
    }
    let control = fs::read_to_string(own.join("control")).context("can't read the package's description")?;
    let control = control
        .replace("@VERSION@", VERSION)
        .replace("@ARCHITECTURE@", architecture)
        .replace("@KIBIBYTES@", &kibibytes(tree.root())?);
    tree.write("DEBIAN/control", control, 0o644)?;
    tree.write("DEBIAN/md5sums", md5sums(tree.root())?, 0o644)?;
    let package = directory.join(format!("kniwatch_{VERSION}_{architecture}.deb"));
    run(Command::new("dpkg-deb")
        .args(["--root-owner-group", "-Zxz", "--build"])
        .args([tree.root(), &package])
        .env("SOURCE_DATE_EPOCH", epoch.to_string()))?;
    Ok(package)
}

/// This machine's, as Debian calls it.
fn architecture() -> Result<&'static str> {
    match std::env::consts::ARCH {
        "x86_64" => Ok("amd64"),
        "aarch64" => Ok("arm64"),
        other => bail!("no Debian package is made for {other}"),
    }
}

/// One entry: that of this version, with the time of the source.
fn changelog(epoch: u64) -> Result<String> {
    let date =
        output(Command::new("date").args(["--utc", "--rfc-email", "--date"]).arg(format!("@{epoch}")))?;
    Ok(format!(
        "kniwatch ({VERSION}) unstable; urgency=medium\n\n  * See the project's own history.\n\n \
         -- the kniwatch authors <kniwatch@localhost>  {date}"
    ))
}

fn kibibytes(root: &Path) -> Result<String> {
    let usage =
        output(Command::new("du").args(["--apparent-size", "--summarize", "--block-size=1024"]).arg(root))?;
    Ok(usage.split_whitespace().next().unwrap_or_default().to_owned())
}

/// What dpkg verifies what is installed by.
fn md5sums(root: &Path) -> Result<String> {
    let script = "find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum --";
    output(Command::new("sh").args(["-c", script]).current_dir(root))
}
