//! The guest's root: made by mmdebstrap, once, in a directory of its own.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, anyhow, ensure};
use nix::fcntl::{Flock, FlockArg};

use crate::privilege::{Privilege, as_root};
use crate::say;
use crate::shell::{output, run, run_as_it_is};
use crate::vm::fingerprint::Fingerprint;
use crate::vm::gone::{self, Gone};
use crate::vm::release::{MIRROR_FORMAT, Mirrors, Release};
use crate::workspace::Workspace;

/// A root that is ready to use.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    /// Its directory.
    pub(crate) path: PathBuf,
    /// What it was made from.
    pub(crate) key: String,
}

/// The root of `release`: the one there is, or a new one if an input has changed.
///
/// # Errors
///
/// [`Gone`], if the mirror doesn't have that release any more.
pub(crate) fn ensure_root(workspace: &Workspace, release: &Release) -> Result<Root> {
    let dir = workspace.vm().join(release.name);
    fs::create_dir_all(&dir).with_context(|| format!("can't make {}", dir.display()))?;
    let _lock = lock(&dir)?;
    let recipe = workspace.guest_sources().join("provision");
    let key = key(release, &fs::read(&recipe).with_context(|| format!("can't read {}", recipe.display()))?);
    let path = dir.join(format!("root-{key}"));
    if path.is_dir() {
        return Ok(Root { path, key });
    }
    let privilege = Privilege::find()?;
    for stale in roots(&dir)? {
        say!("removing {}: it was made from other inputs, or never finished", stale.display());
        fs::remove_dir_all(&stale).with_context(|| format!("can't remove {}", stale.display()))?;
    }
    say!(
        "making the guest's root of Debian {} in {} (once; 1.3 GB, about 3 minutes)",
        release.name,
        path.display()
    );
    let partial = dir.join(format!("root-{key}.partial"));
    make(release, &recipe, &partial, privilege)?;
    fs::rename(&partial, &path).with_context(|| format!("can't put {} in place", path.display()))?;
    Ok(Root { path, key })
}

/// Held while a part of the VM is made: a second xtask waits rather than making it too.
pub(crate) fn lock(dir: &Path) -> Result<Flock<File>> {
    let path = dir.join("lock");
    let open = || File::create(&path).with_context(|| format!("can't open {}", path.display()));
    if let Ok(lock) = Flock::lock(open()?, FlockArg::LockExclusiveNonblock) {
        return Ok(lock);
    }
    say!("waiting for another xtask that is making the same");
    Flock::lock(open()?, FlockArg::LockExclusive)
        .map_err(|(_, errno)| errno)
        .with_context(|| format!("can't lock {}", path.display()))
}

fn key(release: &Release, recipe: &[u8]) -> String {
    release.packages().fold(Fingerprint::new().and(release.name).and(recipe), Fingerprint::and).to_string()
}

/// Roots in `dir`, finished or not.
fn roots(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).with_context(|| format!("can't read {}", dir.display()))?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    let is_root =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"root-"));
    Ok(paths.into_iter().filter(is_root).collect())
}

fn make(release: &Release, recipe: &Path, partial: &Path, privilege: Privilege) -> Result<()> {
    let mut mmdebstrap = match privilege {
        Privilege::Root | Privilege::Namespace => Command::new("env"),
        Privilege::Sudo => as_root("env", "make the dev VM's root (user namespaces are not allowed here)"),
    };
    // Without INITRD=No an initramfs would be made for the kernel; xtask has a smaller one.
    mmdebstrap.args(["INITRD=No", "mmdebstrap"]).arg(match privilege {
        Privilege::Root | Privilege::Sudo => "--mode=root",
        Privilege::Namespace => "--mode=unshare",
    });
    mmdebstrap
        .args([
            "--variant=apt",
            "--dpkgopt=path-exclude=/usr/share/man/*",
            "--dpkgopt=path-exclude=/usr/share/doc/*",
        ])
        .arg(format!("--include={}", release.packages().collect::<Vec<_>>().join(",")))
        .args(proxy_options())
        .arg(upload(recipe)?)
        .arg("--customize-hook=chroot \"$1\" sh /tmp/provision && rm \"$1/tmp/provision\"")
        .arg(release.base);
    let sources = release.sources(&host_mirrors());
    let (heard, words) = std::io::pipe().context("can't make a pipe")?;
    mmdebstrap.stderr(words.try_clone().context("can't copy a pipe")?);
    let listener = std::thread::spawn(move || gone::listen(heard));
    let made = match privilege {
        Privilege::Root => run_as_it_is(mmdebstrap.stdout(words).arg(partial).args(sources)),
        Privilege::Namespace | Privilege::Sudo => {
            drop(words);
            mmdebstrap.arg("--format=tar").arg("-").args(sources);
            extract(&mut mmdebstrap, partial)
        }
    };
    // It holds the pipe's other end.
    drop(mmdebstrap);
    match (made, listener.join().unwrap_or_default()) {
        (Err(_), Some(answer)) => Err(Gone { release: release.name, answer }.into()),
        (made, _) => made,
    }
}

/// mmdebstrap's `upload` hook: it copies with the caller's rights, which a namespace would not have.
fn upload(recipe: &Path) -> Result<OsString> {
    let recipe = recipe.to_str().context("the repository's path is not UTF-8")?;
    ensure!(
        !recipe.contains([' ', '\'', '"', '\\']),
        "the repository's path has a blank or a quote in it: {recipe}"
    );
    Ok(format!("--customize-hook=upload {recipe} /tmp/provision").into())
}

/// Unpacks the tar archive that `mmdebstrap` writes, all files the caller's own: so qemu may
/// read them. Devices are left out: the guest has its own.
fn extract(mmdebstrap: &mut Command, partial: &Path) -> Result<()> {
    fs::create_dir_all(partial).with_context(|| format!("can't make {}", partial.display()))?;
    let mut child = mmdebstrap.stdout(Stdio::piped()).spawn().context("can't run mmdebstrap")?;
    let archive = child.stdout.take().context("mmdebstrap has no output")?;
    let unpacked = run(Command::new("tar")
        .args(["--extract", "--no-same-owner", "--exclude=./dev/*", "--directory"])
        .arg(partial)
        .stdin(archive));
    let status = child.wait().context("can't wait for mmdebstrap")?;
    ensure!(status.success(), "mmdebstrap failed ({status})");
    unpacked
}

/// The host's mirrors of Debian, if it is one.
fn host_mirrors() -> Mirrors {
    let targets = output(Command::new("apt-get").args([
        "indextargets",
        "--format",
        MIRROR_FORMAT,
        "Created-By: Packages",
    ]));
    Mirrors::of_host(&targets.unwrap_or_default())
}

/// The proxy that the host's apt goes through, for the root's apt.
fn proxy_options() -> Vec<String> {
    ["http", "https"]
        .into_iter()
        .filter_map(|scheme| {
            let key = format!("Acquire::{scheme}::Proxy");
            let shell = output(Command::new("apt-config").args(["shell", "proxy", &key])).ok()?;
            let proxy = shell.trim().strip_prefix("proxy='")?.strip_suffix('\'')?;
            Some(format!("--aptopt={key} \"{proxy}\";"))
        })
        .collect()
}

impl Root {
    /// `program`, to be run with this as its root directory.
    pub(crate) fn command(&self, program: &str) -> Result<Command> {
        let mut command = match Privilege::find()? {
            Privilege::Root => Command::new("chroot"),
            Privilege::Namespace => {
                let mut command = Command::new("unshare");
                command.args(["--user", "--map-root-user", "chroot"]);
                command
            }
            Privilege::Sudo => as_root("chroot", "run the guest's compiler inside its root"),
        };
        command.arg(&self.path).arg(program);
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LANG", "C.UTF-8");
        Ok(command)
    }

    /// The version of its kernel: the one directory of modules.
    pub(crate) fn kernel_version(&self) -> Result<String> {
        let dir = self.path.join("lib/modules");
        let mut entries = fs::read_dir(&dir).with_context(|| format!("can't read {}", dir.display()))?;
        let entry = entries.next().with_context(|| format!("no kernel in {}", dir.display()))??;
        ensure!(entries.next().is_none(), "more than one kernel in {}", dir.display());
        entry.file_name().into_string().map_err(|name| anyhow!("odd kernel version {}", name.display()))
    }
}
