//! What is installed where.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::shell::run;
use crate::workspace::Workspace;

/// Where the unit is in the source.
pub(super) const UNIT: &str = "xtask/dist/kniwatch.service";

/// What is installed, whatever the package.
#[derive(Debug)]
pub(super) struct Contents<'a> {
    /// The program.
    pub(super) program: &'a Path,
    /// The bill of materials.
    pub(super) bill: &'a Path,
    /// The licences of what is linked in.
    pub(super) notices: String,
    /// A directory with the manual pages and completions, as `share/...`.
    pub(super) generated: PathBuf,
}

/// Has `program` write its manual pages and completions into `to`.
pub(super) fn generated(program: &Path, to: &Path) -> Result<PathBuf> {
    fs::create_dir_all(to).with_context(|| format!("can't make {}", to.display()))?;
    run(Command::new(program).arg("generate").arg(to))?;
    Ok(to.to_path_buf())
}

/// A directory tree that is being made.
#[derive(Debug)]
pub(super) struct Tree(PathBuf);

impl Tree {
    pub(super) fn new(root: PathBuf) -> Result<Self> {
        fs::create_dir_all(&root).with_context(|| format!("can't make {}", root.display()))?;
        Ok(Self(root))
    }

    pub(super) fn root(&self) -> &Path {
        &self.0
    }

    /// Puts `bytes` there, with that mode.
    pub(super) fn write(&self, to: &str, bytes: impl AsRef<[u8]>, mode: u32) -> Result<PathBuf> {
        let file = self.0.join(to);
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent).with_context(|| format!("can't make {}", parent.display()))?;
        }
        fs::write(&file, bytes).with_context(|| format!("can't write {}", file.display()))?;
        fs::set_permissions(&file, Permissions::from_mode(mode))
            .with_context(|| format!("can't set the mode of {}", file.display()))?;
        Ok(file)
    }

    /// Copies a file there, with that mode.
    pub(super) fn install(&self, from: &Path, to: &str, mode: u32) -> Result<PathBuf> {
        let bytes = fs::read(from).with_context(|| format!("can't read {}", from.display()))?;
        self.write(to, bytes, mode)
    }

    /// Copies all the files beneath `from` to beneath `to`.
    pub(super) fn install_all(&self, from: &Path, to: &str) -> Result<()> {
        for path in super::files(from)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let to = format!("{to}/{name}");
            if path.is_dir() {
                self.install_all(&path, &to)?;
            } else {
                self.install(&path, &to, 0o644)?;
            }
        }
        Ok(())
    }

    /// The program, its unit, manual pages and completions: beneath `prefix`.
    pub(super) fn install_program(
        &self,
        workspace: &Workspace,
        of: &Contents<'_>,
        prefix: &str,
    ) -> Result<()> {
        self.install(of.program, &format!("{prefix}/bin/kniwatch"), 0o755)?;
        self.install(
            &workspace.root.join(UNIT),
            &format!("{prefix}/lib/systemd/system/kniwatch.service"),
            0o644,
        )?;
        self.install_all(&of.generated, prefix)
    }
}

/// The tarball: everything in one directory, to be copied to `/usr/local` or used as it is.
pub(super) fn tarball(
    workspace: &Workspace,
    contents: &Contents<'_>,
    directory: &Path,
    name: &str,
    epoch: u64,
) -> Result<PathBuf> {
    let work = directory.join("work/tarball");
    let tree = Tree::new(work.clone())?;
    tree.install_program(workspace, contents, name)?;
    for file in ["README.md", "LICENSE-APACHE", "LICENSE-GPL2", "LICENSE-MIT"] {
        tree.install(&workspace.root.join(file), &format!("{name}/{file}"), 0o644)?;
    }
    tree.install_all(&workspace.root.join("docs"), &format!("{name}/docs"))?;
    tree.write(&format!("{name}/THIRD-PARTY"), &contents.notices, 0o644)?;
    tree.install(contents.bill, &format!("{name}/kniwatch.cdx.json"), 0o644)?;
    let tar = directory.join(format!("{name}.tar"));
    run(Command::new("tar")
        .args(["--create", "--sort=name", "--format=gnu", "--owner=0", "--group=0", "--numeric-owner"])
        .arg("--mode=go-w")
        .arg(format!("--mtime=@{epoch}"))
        .arg("--file")
        .arg(&tar)
        .arg("--directory")
        .arg(&work)
        .arg(name))?;
    super::compress(&tar)?;
    Ok(directory.join(format!("{name}.tar.gz")))
}
