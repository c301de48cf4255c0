//! What needs root is asked for through sudo, with its reason.

use std::ffi::OsStr;
use std::process::Command;

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
