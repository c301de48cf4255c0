//! Finds or installs what the build, the dev VM and the tests need.
//!
//! On Debian it installs what is missing; elsewhere it prints it. Nothing is done twice.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;

use anyhow::{Context as _, Result, bail};

use crate::privilege::{as_root, is_root};
use crate::say;
use crate::shell::run;
use crate::toolchain::{self, Compiler, LINKED, LINKER, OLDEST_LLVM};

/// The newest bpf-linker that the compilers of today can build; its LLVM must be the compiler's.
const LINKER_VERSION: &str = "0.13.0";

/// Debian's compiler for its browsers: newer than its own `rustc`, and with core's source.
const COMPILER_PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];

/// A program, the Debian package that has it, and what it is for.
struct Tool {
    program: &'static str,
    package: &'static str,
    purpose: &'static str,
}

const VM_TOOLS: [Tool; 5] = [
    Tool { program: "qemu-system-x86_64", package: "qemu-system-x86", purpose: "runs the dev VM" },
    Tool { program: "mmdebstrap", package: "mmdebstrap", purpose: "makes the dev VM's root" },
    Tool { program: "mount", package: "mount", purpose: "mounts tracefs for the tests on this kernel" },
    Tool { program: "unshare", package: "util-linux", purpose: "keeps mounts away from this host" },
    Tool { program: "tmux", package: "tmux", purpose: "is the terminal of the full-screen view's tests" },
];

const TEST_TOOLS: [Tool; 4] = [
    Tool { program: "chromium", package: "chromium", purpose: "shows the pages that kniwatch exports" },
    Tool { program: "groff", package: "groff-base", purpose: "checks the manual pages" },
    Tool { program: "zsh", package: "zsh", purpose: "checks zsh's completions" },
    Tool { program: "fish", package: "fish", purpose: "checks fish's completions" },
];

const DIST_TOOLS: [Tool; 3] = [
    Tool { program: "dpkg-deb", package: "dpkg", purpose: "makes the Debian package" },
    Tool { program: "git", package: "git", purpose: "tells of when the source is" },
    Tool { program: "systemd-analyze", package: "systemd", purpose: "looks at the systemd unit" },
];

/// What an ordinary user needs besides, so as not to need root.
const USER_TOOL: Tool =
    Tool { program: "newuidmap", package: "uidmap", purpose: "makes the dev VM's root without being root" };

/// Makes everything ready that the eBPF object's build needs.
pub(crate) fn build_tools() -> Result<()> {
    let compiler = match toolchain::compiler() {
        Some(compiler) => compiler,
        None => install_compiler()?,
    };
    if toolchain::linker().is_none() {
        install_linker(&compiler)?;
    }
    let found = toolchain::find()?;
    say!("eBPF object: {}, {}", found.compiler, found.linker.display());
    Ok(())
}

/// Makes everything ready that the dev VM needs.
pub(crate) fn vm_tools() -> Result<()> {
    let tools: Vec<&Tool> = VM_TOOLS.iter().chain((!is_root()).then_some(&USER_TOOL)).collect();
    ready("dev VM", &tools)
}

/// Makes everything ready that the unit tests need.
pub(crate) fn test_tools() -> Result<()> {
    ready("unit tests", &TEST_TOOLS.each_ref())
}

/// Makes everything ready that the packages need.
pub(crate) fn dist_tools() -> Result<()> {
    ready("packages", &DIST_TOOLS.each_ref())
}

fn ready(what: &str, tools: &[&Tool]) -> Result<()> {
    let missing: Vec<&Tool> =
        tools.iter().copied().filter(|tool| find_program(tool.program).is_none()).collect();
    for tool in &missing {
        say!("missing: {} (package {}), which {}", tool.program, tool.package, tool.purpose);
    }
    let packages: Vec<&str> = missing.iter().map(|tool| tool.package).collect();
    install_packages(&packages, "install what is needed")?;
    say!("{what}: {}", tools.iter().map(|tool| tool.program).collect::<Vec<_>>().join(", "));
    Ok(())
}

fn install_compiler() -> Result<Compiler> {
    let (llvm, _) = OLDEST_LLVM;
    let missing = format!("a Rust compiler with the source of core and LLVM {llvm} or newer");
    say!("missing: {missing}, which compiles the eBPF object");
    if !is_debian() {
        bail!(
            "{missing} was not found\n  install one: rustup toolchain install nightly --component rust-src"
        );
    }
    install_packages(&COMPILER_PACKAGES, "install a Rust compiler with the source of core")?;
    if find_program("rustup").is_some() {
        say!("linking it as rustup's toolchain {LINKED}");
        run(Command::new("rustup").args(["toolchain", "link", LINKED, "/usr"]))?;
    }
    toolchain::compiler().with_context(|| {
        format!(
            "Debian's rustc-web is installed, but it isn't {missing}\n  \
             see whether the package lists have its security updates (apt-cache policy rustc-web), or install another: \
             rustup toolchain install nightly --component rust-src"
        )
    })
}

fn install_linker(compiler: &Compiler) -> Result<()> {
    let (major, minor) = compiler.llvm().with_context(|| format!("{compiler} does not tell its LLVM"))?;
    say!("missing: {LINKER} {LINKER_VERSION}, built for LLVM {major} (takes a minute or two)");
    if is_debian() {
        let packages =
            [format!("llvm-{major}-dev"), format!("libpolly-{major}-dev"), "zlib1g-dev".to_owned()];
        let packages: Vec<&str> = packages.iter().map(String::as_str).collect();
        install_packages(&packages, "install the LLVM that bpf-linker is built for")?;
    }
    // llvm-sys names its variable by major and minor.
    let prefix = format!("/usr/lib/llvm-{major}");
    run(Command::new("cargo")
        .args(["install", LINKER, "--version", LINKER_VERSION, "--locked", "--no-default-features"])
        .arg(format!("--features=llvm-{major}"))
        // For llvm-sys, and for bpf-linker's own build script.
        .env(format!("LLVM_SYS_{major}{minor}_PREFIX"), &prefix)
        .env("LLVM_PREFIX", &prefix)
        // The caller's cargo may have chosen another toolchain, or a target directory of ours.
        .env_remove("RUSTUP_TOOLCHAIN")
        .env_remove("CARGO_TARGET_DIR"))
    .with_context(|| format!("{LINKER} does not build; it needs the development files of LLVM {major}"))
}

fn install_packages(packages: &[&str], reason: &str) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let packages_text = packages.join(" ");
    if !is_debian() {
        bail!("this isn't Debian: {reason} by its own means (Debian's packages are {packages_text})");
    }
    refresh_package_lists();
    say!("installing {packages_text}");
    apt(&["install"], packages, reason).with_context(|| format!("try: sudo apt-get install {packages_text}"))
}

/// Once: from old lists, apt installs what is too old without a word, and what they name may be gone.
fn refresh_package_lists() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        say!("fetching Debian's package lists");
        if let Err(error) = apt(&["update"], &[], "fetch Debian's package lists") {
            say!("they can't be fetched, those that are here must do: {error:#}");
        }
    });
}

fn apt(verb: &[&str], packages: &[&str], reason: &str) -> Result<()> {
    run(as_root("env", reason)
        .args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-y", "-o", "DPkg::Lock::Timeout=300"])
        .args(["--no-install-recommends"])
        .args(verb)
        .args(packages))
}

fn is_debian() -> bool {
    fs::read_to_string("/etc/os-release").is_ok_and(|text| text.lines().any(|line| line == "ID=debian"))
        && find_program("apt-get").is_some()
}

/// The program in `PATH`, or where only root's `PATH` looks.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|directory: PathBuf| Path::new(&directory).join(name))
        .find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use crate::toolchain::parse_llvm;

    #[test]
    fn the_compiler_names_its_llvm() {
        let text = "rustc 1.96.0\nbinary: rustc\nrelease: 1.96.0\nLLVM version: 22.1.8\n";
        assert_eq!(parse_llvm(text), Some((22, 1)));
        assert_eq!(parse_llvm("rustc 1.96.0\nLLVM version: x\n"), None);
        assert_eq!(parse_llvm(""), None);
    }
}
