//! `rte_kni`: its files, and the one that is loaded.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use object::read::elf::ElfFile64;
use object::{Endianness, Object as _, ObjectSection as _};

use super::{contents, unreadable};
use crate::doctor::{Fact, Loaded, ModuleFile};
use crate::event::{DeviceInfo, Module};
use crate::host::{module_code, module_file, modules};
use crate::untrusted::Untrusted;

/// What `scripts/sign-file` of the kernel's source puts at a module's end.
const SIGNATURE: &[u8] = b"~Module signature appended~\n";

/// All files of `rte_kni` below `root`, kernel by kernel; what modprobe knows comes first.
pub(super) fn files(root: &Path) -> Fact<Vec<ModuleFile>> {
    let kernels = match fs::read_dir(root) {
        Ok(kernels) => kernels,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(root, &error)),
    };
    let mut kernels: Vec<PathBuf> = kernels.flatten().map(|entry| entry.path()).collect();
    kernels.sort();
    let note = fs::read(modules::directory().join("notes").join(module_code::BUILD_ID)).ok();
    Ok(kernels.iter().flat_map(|kernel| of_kernel(kernel, note.as_deref())).collect())
}

fn of_kernel(kernel: &Path, note: Option<&[u8]>) -> Vec<ModuleFile> {
    let is_it = |path: &Path| {
        path.file_name().is_some_and(|name| name.as_bytes().starts_with(module_file::NAME.as_bytes()))
    };
    let listed = fs::read_to_string(kernel.join("modules.dep")).unwrap_or_default();
    let listed = listed.lines().filter_map(|line| line.split(':').next()).map(|path| kernel.join(path));
    let mut paths: Vec<(PathBuf, bool)> =
        listed.filter(|path| is_it(path)).map(|path| (path, true)).collect();
    for directory in module_file::DIRECTORIES {
        for path in module_file::find(&kernel.join(directory), module_file::NAME) {
            if !paths.iter().any(|(known, _)| *known == path) {
                paths.push((path, false));
            }
        }
    }
    let directory = Untrusted::from(kernel.file_name().unwrap_or_default().as_bytes());
    paths.into_iter().map(|(path, listed)| file(&path, &directory, listed, note)).collect()
}

fn file(path: &Path, directory: &Untrusted, listed: bool, note: Option<&[u8]>) -> ModuleFile {
    let found = ModuleFile {
        path: Untrusted::from(path.as_os_str().as_bytes()),
        directory: directory.clone(),
        listed,
        ..ModuleFile::default()
    };
    // What is compressed has more behind its name.
    let bytes =
        (path.extension().is_some_and(|extension| extension == "ko")).then(|| fs::read(path).ok()).flatten();
    let Some(bytes) = bytes else { return found };
    let shown = module_code::shown_by(&bytes);
    ModuleFile {
        readable: true,
        vermagic: modinfo(&bytes, b"vermagic"),
        signed: bytes.ends_with(SIGNATURE),
        info: shown.map(|shown| DeviceInfo {
            size: shown.size,
            name_bytes: shown.name_bytes,
            source: "its code".to_owned(),
        }),
        is_loaded: note.zip(module_code::build_id(&bytes)).map(|(loaded, own)| loaded == own),
        ..found
    }
}

/// What a module says of itself under that name, in its section `.modinfo`.
fn modinfo(file: &[u8], name: &[u8]) -> Option<Untrusted> {
    let file = ElfFile64::<Endianness>::parse(file).ok()?;
    let section = file.section_by_name(".modinfo")?.data().ok()?;
    let mut fields = section.split(|byte| *byte == 0);
    fields.find_map(|field| field.strip_prefix(name)?.strip_prefix(b"=").map(Untrusted::from))
}

/// Whether only modules with a signature are taken. A kernel that knows no signatures takes all.
pub(super) fn signed_only() -> Fact<bool> {
    let enforce = contents("/sys/module/module/parameters/sig_enforce")?;
    Ok(enforce.is_some_and(|answer| answer.trim() == "Y"))
}

/// The module that is loaded.
pub(super) fn loaded() -> Option<Loaded> {
    let directory = modules::directory();
    let Module { version, info, parameters: _ } = modules::rte_kni()?;
    let users = contents(directory.join("refcnt")).ok().flatten();
    Some(Loaded {
        version,
        parameters: modules::parameters(directory),
        info,
        users: users.and_then(|count| count.trim().parse().ok()),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use object::write::Object;
    use object::{Architecture, BinaryFormat, Endianness, SectionKind};

    use super::{SIGNATURE, files};
    use crate::doctor::ModuleFile;

    fn module(modinfo: &[u8]) -> Vec<u8> {
        let mut object = Object::new(BinaryFormat::Elf, Architecture::X86_64, Endianness::Little);
        let section = object.add_section(Vec::new(), b".modinfo".to_vec(), SectionKind::ReadOnlyData);
        object.append_section_data(section, modinfo, 1);
        object.write().unwrap()
    }

    #[test]
    fn files_are_found_for_every_kernel_and_tell_for_which_they_were_built() {
        let root = tempfile::tempdir().unwrap();
        let built = module(b"license=GPL\0vermagic=6.1.0-56 SMP \0version=22\0");
        let signed = [built.as_slice(), SIGNATURE].concat();
        for (path, contents) in [
            ("6.1/extra/rte_kni.ko", signed.as_slice()),
            ("6.1/extra/variants/rte_kni.ko", b"no module"),
            ("6.1/extra/other.ko", &built),
            ("6.12/updates/dkms/rte_kni.ko.xz", &built),
        ] {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, contents).unwrap();
        }
        fs::write(root.path().join("6.1/modules.dep"), "extra/other.ko:\nextra/rte_kni.ko: extra/other.ko\n")
            .unwrap();
        let found = files(root.path()).unwrap();
        let told: Vec<_> = found
            .iter()
            .map(|ModuleFile { path, directory, listed, readable, vermagic, signed, .. }| {
                let path =
                    String::from_utf8_lossy(path.as_bytes()).replace(&root.path().display().to_string(), "");
                (path, directory.clone(), (*listed, *readable, *signed), vermagic.clone())
            })
            .collect();
        assert_eq!(
            told,
            [
                (
                    "/6.1/extra/rte_kni.ko".to_owned(),
                    "6.1".into(),
                    (true, true, true),
                    Some("6.1.0-56 SMP ".into())
                ),
                ("/6.1/extra/variants/rte_kni.ko".to_owned(), "6.1".into(), (false, true, false), None),
                ("/6.12/updates/dkms/rte_kni.ko.xz".to_owned(), "6.12".into(), (false, false, false), None),
            ]
        );
        assert_eq!(files(&root.path().join("none")), Ok(Vec::new()));
    }
}
