//! Tests and benchmarks that cargo builds as whoever calls, and that then run as root.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::privilege::as_root;

/// Something of the package `kniwatch-tests`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    Test(&'static str),
    Bench(&'static str),
}

/// The cargo that runs xtask, at the workspace's root.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    command
}

/// Where cargo keeps the sources of other packages.
pub(crate) fn home() -> Option<PathBuf> {
    env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".cargo")))
}

/// Builds it; its executable.
pub(crate) fn build_test(target: Target) -> Result<PathBuf> {
    let (verb, kind, name) = match target {
        Target::Test(name) => ("test", "--test", name),
        Target::Bench(name) => ("bench", "--bench", name),
    };
    let output = cargo()
        .args([verb, "--quiet", "--package", "kniwatch-tests", kind, name, "--no-run"])
        .arg("--message-format=json")
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start cargo")?;
    if !output.status.success() {
        bail!("{name} does not build");
    }
    let prefix = format!("{name}-");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| line.split_once("\"executable\":\"")?.1.split_once('"'))
        .map(|(path, _)| PathBuf::from(path))
        .find(|path| path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(&prefix)))
        .with_context(|| format!("cargo names no executable of {name}"))
}

/// `program` as root in a mount namespace of its own, so that a tracefs mounted for it stays unseen elsewhere.
pub(crate) fn with_tracefs(program: &Path, reason: &str) -> Command {
    let script = "mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing || exit 1; exec \"$@\"";
    let mut command = as_root("unshare", reason);
    command.args(["--mount", "sh", "-c", script, "sh"]).arg(program);
    command
}
