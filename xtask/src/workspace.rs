//! Where things are.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The repository and the directory that everything built or downloaded goes beneath.
#[derive(Clone, Debug)]
pub(crate) struct Workspace {
    /// The top of the repository.
    pub(crate) root: PathBuf,
    /// Cargo's target directory.
    pub(crate) target: PathBuf,
}

impl Workspace {
    /// The workspace that this program was built from.
    pub(crate) fn locate() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("xtask's manifest is at the top of the file system")?
            .to_path_buf();
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        Ok(Self { target: std::path::absolute(target)?, root })
    }

    /// Where the dev VM's parts and its runs are kept.
    pub(crate) fn vm(&self) -> PathBuf {
        self.target.join("vm")
    }

    /// What runs inside the guest.
    pub(crate) fn guest_sources(&self) -> PathBuf {
        self.root.join("tests/guest")
    }
}
