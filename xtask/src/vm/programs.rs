//! The guest's programs: compiled inside its root, by its compiler, against its libraries.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::say;
use crate::shell::run;
use crate::vm::fingerprint::Fingerprint;
use crate::vm::root::Root;

/// Where the sources are inside the root while they are compiled: another xtask may use the same root.
fn work() -> String {
    format!("tmp/guest-{}", std::process::id())
}

/// Brings into `bin` what the `Makefile` in `sources` makes and a copy of every `*.sh`, without the ending.
pub(crate) fn ensure_programs(root: &Root, sources: &Path, bin: &Path) -> Result<()> {
    fs::create_dir_all(bin).with_context(|| format!("can't make {}", bin.display()))?;
    for script in files(sources, |path| has_ending(path, &["sh"]))? {
        let program = bin.join(script.file_stem().unwrap_or_default());
        install(&script, &program)?;
    }
    let compiled = |path: &Path| path.ends_with("Makefile") || has_ending(path, &["c", "h", "map"]);
    let inputs = files(sources, compiled)?;
    let mut key = Fingerprint::new().and(&root.key);
    for input in &inputs {
        let text = fs::read(input).with_context(|| format!("can't read {}", input.display()))?;
        key = key.and(input.file_name().unwrap_or_default().as_encoded_bytes()).and(text);
    }
    let key = key.to_string();
    // Beside the programs, what they were made from.
    let stamp = bin.join(".made-from");
    if fs::read_to_string(&stamp).is_ok_and(|made_from| made_from == key) {
        return Ok(());
    }
    say!("compiling the guest's programs");
    compile(root, &inputs, bin)?;
    fs::write(&stamp, key).with_context(|| format!("can't write {}", stamp.display()))
}

fn compile(root: &Root, inputs: &[PathBuf], bin: &Path) -> Result<()> {
    let inside = work();
    let work = root.path.join(&inside);
    forget(&work)?;
    let out = work.join("out");
    fs::create_dir_all(&out).with_context(|| format!("can't make {}", out.display()))?;
    for input in inputs {
        install(input, &work.join(input.file_name().unwrap_or_default()))?;
    }
    run(root.command("make")?.args(["--silent", "--jobs=2", "-C", &format!("/{inside}")]))
        .context("can't compile the guest's programs")?;
    install_all(&out, bin)?;
    forget(&work)
}

fn forget(work: &Path) -> Result<()> {
    if !work.exists() {
        return Ok(());
    }
    fs::remove_dir_all(work).with_context(|| format!("can't remove {}", work.display()))
}

/// Copies what is in `from` and in its directories into `to`.
fn install_all(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("can't make {}", to.display()))?;
    for made in files(from, |_| true)? {
        let place = to.join(made.file_name().unwrap_or_default());
        if made.is_dir() {
            install_all(&made, &place)?;
        } else {
            install(&made, &place)?;
        }
    }
    Ok(())
}

/// Copies `file` to `program` so that a guest that runs the old one keeps it.
pub(crate) fn install(file: &Path, program: &Path) -> Result<()> {
    let mut partial = program.as_os_str().to_owned();
    partial.push(".partial");
    fs::copy(file, &partial).with_context(|| format!("can't copy {}", file.display()))?;
    fs::rename(&partial, program).with_context(|| format!("can't put {} in place", program.display()))
}

/// What of `dir` is `wanted`, in the order of names.
fn files(dir: &Path, wanted: impl Fn(&Path) -> bool) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).with_context(|| format!("can't read {}", dir.display()))?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.retain(|file| wanted(file));
    files.sort();
    Ok(files)
}

fn has_ending(path: &Path, endings: &[&str]) -> bool {
    path.extension().is_some_and(|extension| endings.iter().any(|ending| extension == *ending))
}
