//! The guest's programs: compiled inside its root, by its compiler, against its libraries.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use crate::say;
use crate::shell::run;
use crate::vm::fingerprint::Fingerprint;
use crate::vm::root::Root;

/// Brings into `bin` a program for every C file and a copy of every `*.sh` in `sources`, without the endings.
pub(crate) fn ensure_programs(root: &Root, sources: &Path, bin: &Path) -> Result<()> {
    fs::create_dir_all(bin).with_context(|| format!("can't make {}", bin.display()))?;
    for script in files(sources, "sh")? {
        let program = bin.join(script.file_stem().unwrap_or_default());
        install(&script, &program)?;
    }
    for source in files(sources, "c")? {
        let stem = source.file_stem().unwrap_or_default();
        let program = bin.join(stem);
        let text = fs::read(&source).with_context(|| format!("can't read {}", source.display()))?;
        // Beside the program, what it was made from.
        let key = Fingerprint::new().and(&root.key).and(COMPILE).and(&text).to_string();
        let stamp = bin.join(format!(".{}.made-from", stem.display()));
        if program.is_file() && fs::read_to_string(&stamp).is_ok_and(|made_from| made_from == key) {
            continue;
        }
        say!("compiling the guest's {}", stem.display());
        compile(root, &text, &program)?;
        fs::write(&stamp, key).with_context(|| format!("can't write {}", stamp.display()))?;
    }
    Ok(())
}

/// `standin-*` are static, as 16.04's programs were, and have none of DPDK's code. The others are
/// linked with DPDK only as far as they call it.
const COMPILE: &str = r#"
set -e
case $1 in
standin-*) exec gcc -O2 -g -Wall -Wextra -Werror -static -o "$1" "$1.c" ;;
esac
exec gcc -O2 -g -Wall -Wextra -Werror -DALLOW_EXPERIMENTAL_API $(pkg-config --cflags libdpdk) \
    -o "$1" "$1.c" -Wl,--as-needed -lrte_kni -lrte_ethdev -lrte_mempool -lrte_mbuf -lrte_ring -lrte_eal
"#;

fn compile(root: &Root, text: &[u8], program: &Path) -> Result<()> {
    let name = program.file_name().context("a program without a name")?;
    let work = root.path.join("tmp");
    let source = work.join(name).with_extension("c");
    fs::write(&source, text).with_context(|| format!("can't write {}", source.display()))?;
    run(root.command("sh")?.args(["-c", &format!("cd /tmp{COMPILE}"), "sh"]).arg(name))
        .with_context(|| format!("can't compile the guest's {}", name.display()))?;
    let made = work.join(name);
    ensure!(made.is_file(), "the compiler left no {}", made.display());
    install(&made, program)?;
    for leftover in [&source, &made] {
        fs::remove_file(leftover).with_context(|| format!("can't remove {}", leftover.display()))?;
    }
    Ok(())
}

/// Copies `file` to `program` so that a guest that runs the old one keeps it.
pub(crate) fn install(file: &Path, program: &Path) -> Result<()> {
    let partial = program.with_extension("partial");
    fs::copy(file, &partial).with_context(|| format!("can't copy {}", file.display()))?;
    fs::rename(&partial, program).with_context(|| format!("can't put {} in place", program.display()))
}

/// The files in `dir` with that ending, by name.
fn files(dir: &Path, ending: &str) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).with_context(|| format!("can't read {}", dir.display()))?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == ending));
    files.sort();
    Ok(files)
}
