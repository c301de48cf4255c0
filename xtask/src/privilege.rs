//! Who may do what here; what needs root is asked for through sudo, with its reason.

use std::ffi::OsStr;
use std::process::Command;

use anyhow::{Result, bail};

use crate::setup::find_program;
use crate::shell::succeeds;

/// How work is done inside a root of files, which takes root's rights over them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Privilege {
    /// This is root already.
    Root,
    /// An ordinary user, in a user namespace of their own.
    Namespace,
    /// An ordinary user, through sudo.
    Sudo,
}

impl Privilege {
    /// What there is: namespaces before sudo.
    pub(crate) fn find() -> Result<Self> {
        if is_root() {
            Ok(Self::Root)
        } else if succeeds(Command::new("unshare").args(["--user", "--map-auto", "--map-root-user", "true"]))
        {
            Ok(Self::Namespace)
        } else if find_program("sudo").is_some() {
            Ok(Self::Sudo)
        } else {
            bail!(
                "the dev VM's root can't be made: that takes root, or user namespaces, or sudo\n  \
                 run this as root, or install uidmap and allow user namespaces, or install sudo"
            )
        }
    }
}

/// Whether this process is root.
pub(crate) fn is_root() -> bool {
    nix::unistd::Uid::effective().is_root()
}

/// `program` as root: directly, or through sudo, which shows `reason` when it asks for a password.
pub(crate) fn as_root(program: impl AsRef<OsStr>, reason: &str) -> Command {
    if is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.arg(format!("--prompt=kniwatch: to {reason}, sudo asks for the password of %p: "));
    command.arg("--").arg(program);
    command
}
