//! The files that have functions of DPDK: looked at once each, attached to as they turn up.

use std::collections::{HashMap, HashSet};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use kni_ebpf::hook::Hook;
use kni_ebpf::kni;

use super::attach::let_go;
use super::plan::{Host, Object, plan};
use super::spec::{self, Owner};
use super::{Config, Probes, Row};
use crate::event::{self, HookState, Mapped, What};
use crate::host::elf::{self, Elf};
use crate::host::files::{self, FileId, Found};
use crate::host::{libraries, needed, procfs};
use crate::untrusted::Untrusted;

/// Files remembered that are of no concern; more of them are looked at again.
const FILES_MAX: usize = 16_384;
/// Objects attached to. A machine on which programs are built again and again leaves more behind.
const OBJECTS_MAX: usize = 128;

/// What came of a look at a file.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Look {
    /// It is of no concern.
    Foreign,
    /// It has no names for its functions; whether it has those of DPDK is not known.
    Nameless,
    /// It has functions of DPDK, and this name.
    Object(PathBuf),
}

/// What came of the looks at all files so far.
#[derive(Debug, Default)]
pub(super) struct Files {
    looks: HashMap<FileId, Look>,
    /// How many objects each path has led to.
    names: HashMap<PathBuf, u32>,
}

impl Files {
    /// A name for the object at `path` that no other has had: what is told of one file must not be taken for
    /// what is told of its successor.
    fn name(&mut self, path: &Path) -> PathBuf {
        let count = self.names.entry(path.to_path_buf()).or_default();
        *count += 1;
        if *count == 1 { path.to_path_buf() } else { PathBuf::from(format!("{} ({count})", path.display())) }
    }
}

/// A file that has functions of DPDK, for those that run its code.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Known {
    /// The name by which events call it.
    pub object: Untrusted,
    /// Whether who runs it uses KNI, as far as can be told: it defines `rte_kni_alloc`, or may have it inside.
    pub uses_kni: bool,
}

impl Known {
    fn of(object: &Object) -> Self {
        let allocates = object.elf.sites.iter().any(|site| site.symbol == Hook::LibraryAlloc.place());
        Self { object: told(&object.name), uses_kni: allocates || object.is_stripped() }
    }
}

impl Probes {
    /// What is known of a file whose code runs. Looks at it if it's new, attaches to it, and tells of both.
    pub fn see(&mut self, file: &Found, told: &mut Vec<What>) -> Option<Known> {
        let is_new = !self.files.looks.contains_key(&file.id);
        match self.look(file) {
            Look::Object(_) if is_new => self.attach_newest(file.id, told),
            Look::Object(name) => self.known(&name),
            Look::Foreign | Look::Nameless => None,
        }
    }

    /// The same for a file of a process that has turned out to use KNI, while no library of its is known: one
    /// without names that has the device's path inside is taken for the library's place.
    pub fn suspect(&mut self, file: &Found, told: &mut Vec<What>) -> Option<Known> {
        match self.look(file) {
            Look::Nameless if mentions_device(&file.path) => {
                let elf = elf::look_closely(&file.path, &spec::object_symbols());
                self.admit(file, elf.unwrap_or_default());
                self.attach_newest(file.id, told)
            }
            _ => self.see(file, told),
        }
    }

    /// The processes that ran objects when the hooks were attached, and what.
    pub fn running(&mut self) -> Vec<(u32, Known)> {
        let running = std::mem::take(&mut self.running);
        running.into_iter().filter_map(|(pid, name)| Some((pid, self.known(&name)?))).collect()
    }

    /// The objects there are.
    pub fn objects(&self) -> impl Iterator<Item = event::Object> {
        self.host.objects.iter().map(event::Object::from)
    }

    /// Finds what there is: what the user names, what is installed, what runs.
    pub(super) fn find_objects(&mut self) {
        let config = self.config.clone();
        for file in named_executables(&config) {
            if self.look(&file) == Look::Nameless && mentions_device(&file.path) {
                self.admit(&file, Elf::default());
            }
        }
        for file in named_or_installed_libraries(&config) {
            self.look(&file);
        }
        let own = std::process::id();
        for pid in procfs::pids().filter(|pid| *pid != own) {
            let files = procfs::mappings(pid).into_iter().filter_map(|mapping| mapping.file());
            for file in files {
                if let Look::Object(name) = self.look(&file) {
                    self.running.push((pid, name));
                }
            }
        }
    }

    fn look(&mut self, file: &Found) -> Look {
        if let Some(look) = self.files.looks.get(&file.id) {
            return look.clone();
        }
        if self.files.looks.len() >= FILES_MAX {
            self.files.looks.retain(|_, look| matches!(look, Look::Object(_)));
        }
        let look = match elf::look(&file.path, &spec::object_symbols()) {
            Ok(elf) if !elf.sites.is_empty() => return self.admit(file, elf),
            Ok(elf) if !elf.symbol_table => Look::Nameless,
            Ok(_) => Look::Foreign,
            Err(error) => {
                log::debug!("cannot look for functions in {}: {error}", file.path.display());
                Look::Foreign
            }
        };
        self.files.looks.insert(file.id, look.clone());
        look
    }

    /// Takes a file as an object. It is attached to later.
    fn admit(&mut self, file: &Found, elf: Elf) -> Look {
        let name = self.files.name(&file.path);
        self.host.objects.push(Object { name: name.clone(), path: file.path.clone(), elf });
        self.files.looks.insert(file.id, Look::Object(name.clone()));
        Look::Object(name)
    }

    fn known(&self, name: &Path) -> Option<Known> {
        self.host.objects.iter().find(|object| object.name == name).map(Known::of)
    }

    /// Attaches the library's hooks to the object that was admitted last.
    fn attach_newest(&mut self, id: FileId, told: &mut Vec<What>) -> Option<Known> {
        told.extend(self.make_room(id).into_iter().map(What::Coverage));
        let object = self.host.objects.last()?.clone();
        self.sites.forget(&object.path);
        told.push(What::Object(event::Object::from(&object)));
        let known = Known::of(&object);
        let alone = Host { objects: vec![object], ..self.host.clone() };
        let mut planned = plan(spec::owned_by(Owner::Library), &alone, &self.config);
        planned.retain(|planned| planned.object.is_some());
        told.extend(self.carry_out(&planned).into_iter().map(What::Coverage));
        Some(known)
    }

    /// Lets go of what `newest` was before it was written to: where a function began, there may be the middle of an
    /// instruction now. And of one that has been deleted, or the oldest, if there are too many.
    fn make_room(&mut self, newest: FileId) -> Vec<event::Coverage> {
        let looks = self.files.looks.iter();
        let overwritten = looks.filter_map(|(id, look)| match look {
            Look::Object(name) if *id != newest && id.is_same_inode(&newest) => Some(name.clone()),
            _ => None,
        });
        let mut gone: Vec<_> = overwritten.collect();
        if self.host.objects.len() > OBJECTS_MAX {
            let objects = &self.host.objects;
            let deleted = objects.iter().find(|object| !object.path.exists());
            gone.extend(deleted.or(objects.first()).map(|object| object.name.clone()));
        }
        gone.iter().flat_map(|name| self.let_go_of(name)).collect()
    }

    fn let_go_of(&mut self, name: &Path) -> Vec<event::Coverage> {
        self.host.objects.retain(|object| object.name != name);
        self.files.looks.retain(|_, look| !matches!(look, Look::Object(known) if known == name));
        let links = self.links.extract_if(.., |held| held.object.as_deref() == Some(name));
        let_go(links.map(|held| held.link).collect());
        let rows = self.rows.extract_if(.., |row| row.object.as_deref() == Some(name));
        let live = rows.filter(|row| row.state == HookState::Live);
        live.map(|row| Row { state: HookState::Gone, ..row }.coverage()).collect()
    }
}

impl From<&Object> for event::Object {
    fn from(object: &Object) -> Self {
        object.elf.as_object(&object.name)
    }
}

/// The event of a process's running an object.
#[must_use]
pub fn mapped(pid: u32, object: &Untrusted) -> What {
    What::Mapped(Mapped { pid, object: object.clone() })
}

fn told(path: &Path) -> Untrusted {
    Untrusted::from(path.as_os_str().as_bytes())
}

/// What the user names and what is installed, without privileges.
pub(super) fn named_or_installed(config: &Config) -> Vec<Object> {
    let files = named_or_installed_libraries(config).chain(named_executables(config));
    let mut seen = HashSet::new();
    let distinct = files.filter(|file| seen.insert(file.id));
    let object = |file: Found| {
        let elf = elf::look(&file.path, &spec::object_symbols()).ok()?;
        (!elf.sites.is_empty()).then_some(Object { name: file.path.clone(), path: file.path, elf })
    };
    distinct.filter_map(object).collect()
}

fn named_executables(config: &Config) -> impl Iterator<Item = Found> {
    executables(config).filter_map(|path| Found::at(&path))
}

/// The libraries that the user names, that named programs bring along, and that are installed.
fn named_or_installed_libraries(config: &Config) -> impl Iterator<Item = Found> {
    let brought = executables(config).flat_map(|path| needed::brought_along(&path));
    let paths = config.libraries.iter().cloned().chain(brought).chain(libraries::installed());
    paths.filter_map(|path| Found::at(&path))
}

fn executables(config: &Config) -> impl Iterator<Item = PathBuf> {
    config.executables.iter().filter_map(|program| libraries::executable(program))
}

/// Whether the file has the device's path inside, as the library has.
fn mentions_device(path: &Path) -> bool {
    let text = [kni::DEVICE_PATH, b"\0"].concat();
    files::mentions(path, &text).unwrap_or_else(|error| {
        log::debug!("cannot look into {}: {error}", path.display());
        false
    })
}
