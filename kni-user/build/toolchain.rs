//! Which compiler and linker can build the eBPF object on this machine.
//!
//! Shared by kni-user's build script and `cargo xtask setup`; needs nothing but std. The object is
//! compiled with `-Z build-std=core`, which takes core's source and a compiler that accepts
//! unstable options: a nightly, or any other under `RUSTC_BOOTSTRAP=1`; and one whose LLVM the linker can be built for.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The rustup toolchain that `cargo xtask setup` links to a distribution's own compiler.
pub(crate) const LINKED: &str = "kniwatch-ebpf";
/// The linker of the eBPF targets, as the compiler calls it.
pub(crate) const LINKER: &str = "bpf-linker";
/// The oldest LLVM, major and minor, that the linker can be built for (0.13.0's features), and that must be the
/// compiler's: that of Rust 1.91.
pub(crate) const OLDEST_LLVM: (u32, u32) = (21, 0);

/// All that the object's build needs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Found {
    /// The compiler, with core's source beside it.
    pub(crate) compiler: Compiler,
    /// The path of `bpf-linker`.
    pub(crate) linker: PathBuf,
}

/// A compiler that can build core.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Compiler {
    /// A toolchain of that name: `rustup run NAME rustc`.
    Rustup(String),
    /// There is no rustup: the `rustc` and `cargo` in `PATH`.
    InPath,
}

impl Compiler {
    /// Whether unstable options have to be unlocked with `RUSTC_BOOTSTRAP=1`.
    #[must_use]
    pub(crate) fn needs_bootstrap(&self) -> bool {
        !matches!(self, Self::Rustup(name) if name.starts_with("nightly"))
    }

    /// The LLVM inside it.
    pub(crate) fn llvm(&self) -> Option<(u32, u32)> {
        parse_llvm(&output(self.rustc().arg("-vV"))?)
    }

    fn can_build_core(&self) -> bool {
        has_core_source(&mut self.rustc()) && self.llvm() >= Some(OLDEST_LLVM)
    }

    fn rustc(&self) -> Command {
        match self {
            Self::Rustup(name) => {
                let mut command = Command::new("rustup");
                command.args(["run", name, "rustc"]);
                command
            }
            Self::InPath => Command::new("rustc"),
        }
    }
}

impl fmt::Display for Compiler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rustup(name) => write!(f, "rustup's toolchain {name}"),
            Self::InPath => f.write_str("the rustc in PATH"),
        }
    }
}

/// What the build lacks; its text names each piece and the command that brings it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Missing {
    /// No compiler that is new enough and has core's source.
    pub(crate) compiler: bool,
    /// No `bpf-linker`.
    pub(crate) linker: bool,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the eBPF object can't be built here; missing:")?;
        if self.compiler {
            let (llvm, _) = OLDEST_LLVM;
            writeln!(
                f,
                "  - a Rust compiler with the source of core and LLVM {llvm} or newer (a nightly with rust-src)"
            )?;
        }
        if self.linker {
            writeln!(f, "  - {LINKER}, in PATH or in ~/.cargo/bin")?;
        }
        writeln!(f, "`cargo xtask setup` installs what is missing, or run:")?;
        if self.compiler {
            writeln!(f, "  rustup toolchain install nightly --component rust-src")?;
        }
        if self.linker {
            writeln!(f, "  cargo install {LINKER}    (its LLVM must be the compiler's: rustc -vV)")?;
        }
        Ok(())
    }
}

impl std::error::Error for Missing {}

/// Finds a compiler and the linker, or says what is missing.
pub(crate) fn find() -> Result<Found, Missing> {
    match (compiler(), linker()) {
        (Some(compiler), Some(linker)) => Ok(Found { compiler, linker }),
        (compiler, linker) => Err(Missing { compiler: compiler.is_none(), linker: linker.is_none() }),
    }
}

/// The first of rustup's nightlies, the linked toolchain or (without rustup) `PATH`'s compiler that is new enough and has
/// core's source.
#[must_use]
pub(crate) fn compiler() -> Option<Compiler> {
    let Some(installed) = output(Command::new("rustup").args(["toolchain", "list"])) else {
        return Some(Compiler::InPath).filter(Compiler::can_build_core);
    };
    candidates(&installed).into_iter().map(Compiler::Rustup).find(Compiler::can_build_core)
}

/// `bpf-linker` in `PATH`, or where `cargo install` puts it.
#[must_use]
pub(crate) fn linker() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).chain(cargo_bin()).map(|dir| dir.join(LINKER)).find(|file| file.is_file())
}

/// `PATH` with the linker's directory in front, as the compiler needs it.
#[must_use]
pub(crate) fn path_with(linker: &Path) -> Option<OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(
        linker.parent().map(Path::to_path_buf).into_iter().chain(std::env::split_paths(&path)),
    )
    .ok()
}

/// Where `cargo install` puts programs.
fn cargo_bin() -> Option<PathBuf> {
    std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")))
        .map(|cargo| cargo.join("bin"))
}

/// The toolchains worth trying among those that `rustup toolchain list` prints, best first.
fn candidates(installed: &str) -> Vec<String> {
    let mut names: Vec<&str> = installed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    // Dated nightlies: the newest first.
    names.sort_unstable_by(|a, b| b.cmp(a));
    let dated = |name: &str| name.starts_with("nightly-2");
    let plain = |name: &str| name == "nightly" || name.starts_with("nightly-") && !dated(name);
    let linked = |name: &str| name == LINKED;
    let pick = |wanted: &dyn Fn(&str) -> bool| {
        names.iter().copied().filter(|name| wanted(name)).map(str::to_owned).collect::<Vec<_>>()
    };
    [pick(&plain), pick(&dated), pick(&linked)].concat()
}

/// Whether the compiler that `rustc` runs has the source of core in its sysroot.
fn has_core_source(rustc: &mut Command) -> bool {
    output(rustc.args(["--print", "sysroot"]))
        .is_some_and(|sysroot| Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/core").is_dir())
}

/// The line `LLVM version: 22.1.8` of `rustc -vV`: major and minor.
pub(crate) fn parse_llvm(text: &str) -> Option<(u32, u32)> {
    let version = text.lines().find_map(|line| line.strip_prefix("LLVM version: "))?;
    let mut parts = version.split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

/// What a command that succeeds writes to its standard output.
fn output(command: &mut Command) -> Option<String> {
    // A build script inherits the outer cargo's choice of toolchain and compiler.
    let output = command.env_remove("RUSTUP_TOOLCHAIN").env_remove("RUSTC").output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
