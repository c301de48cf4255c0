//! `dist`: what is handed to people. A static binary, a Debian package, a tarball, a bill of materials, checksums.
//!
//! Built twice from one commit they are the same, byte for byte, as far as the compiler is: all times are the commit's.

mod deb;
pub(crate) mod lifecycle;
mod notices;
mod sbom;
mod tree;
mod unit;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::build;
use crate::say;
use crate::setup;
use crate::shell::{output, run};
use crate::workspace::Workspace;

/// kniwatch's version.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What the program may take, eBPF object included.
const PROGRAM_BYTES_MAX: u64 = 6_000_000;

/// What was made.
#[derive(Debug)]
pub(crate) struct Dist {
    /// The directory that has it all.
    pub(crate) directory: PathBuf,
    /// The Debian package in it.
    pub(crate) package: PathBuf,
}

/// Makes all of it, beneath `target/dist/`.
pub(crate) fn make(workspace: &Workspace) -> Result<Dist> {
    setup::build_tools()?;
    setup::dist_tools()?;
    let program = build::standalone(workspace)?;
    let bytes = size(&program)?;
    ensure!(
        bytes < PROGRAM_BYTES_MAX,
        "{} has {bytes} bytes, {PROGRAM_BYTES_MAX} at most",
        program.display()
    );

    let directory = workspace.target.join("dist");
    if directory.exists() {
        fs::remove_dir_all(&directory).with_context(|| format!("can't remove {}", directory.display()))?;
    }
    let work = directory.join("work");
    fs::create_dir_all(&work).with_context(|| format!("can't make {}", work.display()))?;
    let epoch = epoch(workspace)?;
    let packages = sbom::linked(workspace)?;
    let bill = work.join("kniwatch.cdx.json");
    fs::write(&bill, sbom::bill(&packages, VERSION, epoch)?).context("can't write the bill of materials")?;
    let contents = tree::Contents {
        program: &program,
        bill: &bill,
        notices: notices::text(&packages)?,
        generated: tree::generated(&program, &work.join("generated"))?,
    };

    let architecture = std::env::consts::ARCH;
    let package = deb::make(workspace, &contents, &directory, epoch)?;
    let name = format!("kniwatch-{VERSION}-{architecture}-linux");
    let tarball = tree::tarball(workspace, &contents, &directory, &name, epoch)?;
    let standalone = directory.join("kniwatch");
    copy(&program, &standalone)?;
    let bill_there = directory.join(format!("kniwatch-{VERSION}.cdx.json"));
    copy(&bill, &bill_there)?;
    fs::remove_dir_all(&work).with_context(|| format!("can't remove {}", work.display()))?;
    checksums(&directory, &[&standalone, &package, &tarball, &bill_there])?;
    Ok(Dist { directory, package })
}

/// Makes it and tells what there is.
pub(crate) fn run_dist(workspace: &Workspace) -> Result<()> {
    let Dist { directory, .. } = make(workspace)?;
    let security = unit::security(workspace)?;
    say::raw(&security.table);
    for path in files(&directory)? {
        say::raw(&format!("{:>9}  {}", size(&path)?, path.display()));
    }
    Ok(())
}

/// The time that everything in a package has, in seconds since 1970: `SOURCE_DATE_EPOCH`, or the last commit's.
fn epoch(workspace: &Workspace) -> Result<u64> {
    let text = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => text,
        Err(_) => {
            output(Command::new("git").arg("-C").arg(&workspace.root).args(["log", "-1", "--format=%ct"]))
                .context("outside of git, SOURCE_DATE_EPOCH has to say of when the source is")?
        }
    };
    text.trim().parse().with_context(|| format!("no seconds since 1970: {text:?}"))
}

fn checksums(directory: &Path, files: &[&PathBuf]) -> Result<()> {
    let names = files.iter().map(|file| file.file_name().unwrap_or_default());
    let sums = output(Command::new("sha256sum").arg("--").args(names).current_dir(directory))?;
    fs::write(directory.join("SHA256SUMS"), sums).context("can't write SHA256SUMS")
}

fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).with_context(|| format!("can't read {}", directory.display()))?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.sort();
    Ok(files)
}

fn size(file: &Path) -> Result<u64> {
    Ok(fs::metadata(file).with_context(|| format!("can't look at {}", file.display()))?.len())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("can't copy {} to {}", from.display(), to.display()))?;
    Ok(())
}

/// `gzip` without the name and time of the file.
fn compress(file: &Path) -> Result<()> {
    run(Command::new("gzip").args(["-9", "--no-name", "--force"]).arg(file))
}
