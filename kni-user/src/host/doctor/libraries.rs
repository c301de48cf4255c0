//! Which files have `librte_kni`: those installed, and those that processes run.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::doctor::{LibraryFile, User};
use crate::event::Object;
use crate::host::files::{self, FileId};
use crate::host::{elf, libraries, procfs};
use crate::untrusted::Untrusted;
use crate::verdict::library_in;

/// What there is.
pub(super) struct Found {
    pub(super) libraries: Vec<LibraryFile>,
    /// `librte_eal` with no `librte_kni` beside it.
    pub(super) without_kni: Vec<Untrusted>,
    /// Processes whose mappings could not be seen.
    pub(super) hidden: usize,
}

pub(super) fn find(symbols: &[&str]) -> Found {
    let mut files = Files { symbols, seen: HashMap::new() };
    let (mut found, without_kni) = installed(&mut files);
    let mut hidden = 0;
    let own = std::process::id();
    for pid in procfs::pids().filter(|pid| *pid != own) {
        let maps = File::open(format!("/proc/{pid}/maps"));
        hidden += usize::from(maps.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied));
        let mapped: Vec<Object> =
            procfs::mappings(pid).iter().filter_map(|mapping| files.look(&mapping.file()?)).collect();
        add(&mut found, &mapped, procfs::brief(pid).map(|brief| User { pid, comm: brief.comm }));
    }
    Found { libraries: found, without_kni, hidden }
}

/// Adds the library that a process runs, or one that is installed, to those that are known.
fn add(found: &mut Vec<LibraryFile>, objects: &[Object], user: Option<User>) {
    if !objects.iter().any(Object::has_library) {
        return;
    }
    let Some(library) = library_in(&objects.iter().collect::<Vec<_>>()) else { return };
    match found.iter_mut().find(|known| known.library.object == library.object) {
        Some(known) => known.users.extend(user),
        None => found.push(LibraryFile { library, users: Vec::from_iter(user) }),
    }
}

/// Directory by directory: libraries of one release lie together.
fn installed(files: &mut Files<'_>) -> (Vec<LibraryFile>, Vec<Untrusted>) {
    let mut directories: BTreeMap<PathBuf, Vec<Object>> = BTreeMap::new();
    for path in libraries::installed().iter().filter_map(|path| std::fs::canonicalize(path).ok()) {
        let Some(file) = files::Found::at(&path) else { continue };
        let objects = directories.entry(path.parent().unwrap_or(Path::new("/")).to_path_buf()).or_default();
        objects.extend(files.look(&file).filter(|object| !objects.contains(object)));
    }
    let (mut found, mut without) = (Vec::new(), Vec::new());
    for objects in directories.values() {
        add(&mut found, objects, None);
        if !objects.iter().any(Object::has_library) {
            without.extend(objects.iter().find(|object| is_eal(object)).map(|object| object.path.clone()));
        }
    }
    (found, without)
}

fn is_eal(object: &Object) -> bool {
    object.soname.as_ref().is_some_and(|name| name.as_bytes().starts_with(b"librte_eal.so"))
}

/// The files that were looked at, once each.
struct Files<'a> {
    symbols: &'a [&'a str],
    seen: HashMap<FileId, Option<Object>>,
}

impl Files<'_> {
    fn look(&mut self, file: &files::Found) -> Option<Object> {
        let symbols = self.symbols;
        let look = || {
            let elf = elf::look(&file.path, symbols).ok().filter(|elf| !elf.sites.is_empty())?;
            Some(elf.as_object(&files::path_in_root(&file.path)))
        };
        self.seen.entry(file.id).or_insert_with(look).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::{User, add, is_eal};
    use crate::event::Object;

    fn object(path: &str, soname: Option<&str>, symbols: &[&str]) -> Object {
        Object {
            path: path.into(),
            soname: soname.map(Into::into),
            symbols: symbols.iter().map(|symbol| (*symbol).to_owned()).collect(),
            versions: Vec::new(),
            debug_file: None,
        }
    }

    #[test]
    fn a_library_that_is_installed_and_runs_is_told_once() {
        let kni = object("/usr/lib/librte_kni.so.23", Some("librte_kni.so.23"), &["rte_kni_alloc"]);
        let eal = object("/usr/lib/librte_eal.so.23", Some("librte_eal.so.23"), &["rte_log"]);
        let inside = object("/opt/app", None, &["rte_kni_alloc", "rte_log"]);
        let user = |pid| Some(User { pid, comm: "app".into() });
        let mut found = Vec::new();
        add(&mut found, &[kni.clone(), eal.clone()], None);
        add(&mut found, std::slice::from_ref(&eal), user(3));
        add(&mut found, &[kni, eal.clone()], user(4));
        add(&mut found, &[inside], user(5));
        let told: Vec<_> = found
            .iter()
            .map(|file| (file.library.is_static, file.users.iter().map(|user| user.pid).collect::<Vec<_>>()))
            .collect();
        assert_eq!(told, [(Some(false), vec![4]), (Some(true), vec![5])]);
        assert_eq!(found[0].library.layout, Some('D'));
        assert!(is_eal(&eal));
    }
}
