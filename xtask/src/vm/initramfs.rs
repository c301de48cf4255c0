//! The initramfs: busybox, the modules that the root's file systems need, the two stages of init.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::vm::root::Root;

/// What the guest needs before it has a root, without what these need themselves.
const MODULES: [&str; 5] = ["virtio_pci", "virtio_console", "9p", "9pnet_virtio", "overlay"];

/// An archive for the kernel of `root`, with the stages of init in `sources`.
pub(crate) fn build(root: &Root, sources: &Path) -> Result<Vec<u8>> {
    let modules = root.path.join("lib/modules").join(root.kernel_version()?);
    let dependencies = read_text(&modules.join("modules.dep"))?;
    let built_in = read_text(&modules.join("modules.builtin"))?;
    let order = load_order(&dependencies, &built_in, &MODULES)?;
    let name = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
    let mut archive = Archive::default();
    archive.directory("bin");
    archive.directory("modules");
    archive.file("bin/busybox", 0o755, &read(&root.path.join("bin/busybox"))?);
    archive.file("init", 0o755, &read(&sources.join("init"))?);
    archive.file("stage2", 0o755, &read(&sources.join("stage2"))?);
    for path in &order {
        archive.file(&format!("modules/{}", name(path)), 0o644, &read(&modules.join(path))?);
    }
    let list: String = order.iter().map(|path| name(path) + "\n").collect();
    archive.file("modules/order", 0o644, list.as_bytes());
    Ok(archive.finish())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("can't read {}", path.display()))
}

fn read_text(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))
}

/// The paths of `wanted` modules and of all they need, each after what it needs.
/// `dependencies`: a `modules.dep`, whose lines list all that a module needs, the deepest last.
/// `built_in`: a `modules.builtin`, the paths of what would be modules in other kernels.
fn load_order<'a>(dependencies: &'a str, built_in: &str, wanted: &[&str]) -> Result<Vec<&'a str>> {
    let modules: HashMap<&str, (&str, &str)> = dependencies
        .lines()
        .filter_map(|line| line.split_once(':'))
        .filter_map(|(path, needs)| Some((module_name(path)?, (path, needs))))
        .collect();
    let built_in: HashSet<&str> = built_in.lines().filter_map(module_name).collect();
    let mut order = Vec::new();
    for name in wanted.iter().filter(|name| !built_in.contains(*name)) {
        let (path, needs) =
            modules.get(name).with_context(|| format!("the guest's kernel has no module {name}"))?;
        for path in needs.split_whitespace().rev().chain([*path]) {
            if !order.contains(&path) {
                order.push(path);
            }
        }
    }
    Ok(order)
}

/// `kernel/fs/9p/9p.ko` is of `9p`.
fn module_name(path: &str) -> Option<&str> {
    path.rsplit('/').next()?.strip_suffix(".ko")
}

/// A cpio archive in the kernel's "newc" form (Documentation/driver-api/early-userspace/buffer-format.rst).
#[derive(Debug, Default)]
struct Archive {
    bytes: Vec<u8>,
    entries: usize,
}

impl Archive {
    fn directory(&mut self, name: &str) {
        self.entry(name, 0o040_755, &[]);
    }

    fn file(&mut self, name: &str, permissions: u32, data: &[u8]) {
        self.entry(name, 0o100_000 | permissions, data);
    }

    fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, &[]);
        self.bytes
    }

    fn entry(&mut self, name: &str, mode: u32, data: &[u8]) {
        self.entries += 1;
        let (inode, links, size, name_size) = (self.entries, 1, data.len(), name.len() + 1);
        // Magic; inode, mode, uid, gid, links, mtime, size, device and rdevice (major, minor), name's size, checksum.
        let header = format!(
            "070701{inode:08x}{mode:08x}{0:08x}{0:08x}{links:08x}{0:08x}{size:08x}\
             {0:08x}{0:08x}{0:08x}{0:08x}{name_size:08x}{0:08x}",
            0
        );
        self.bytes.extend_from_slice(header.as_bytes());
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(data);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::{Archive, load_order};

    const DEPENDENCIES: &str = "\
kernel/net/9p/9pnet.ko:
kernel/fs/netfs/netfs.ko:
kernel/fs/fscache/fscache.ko: kernel/fs/netfs/netfs.ko
kernel/fs/9p/9p.ko: kernel/net/9p/9pnet.ko kernel/fs/fscache/fscache.ko kernel/fs/netfs/netfs.ko
kernel/net/9p/9pnet_virtio.ko: kernel/net/9p/9pnet.ko kernel/drivers/virtio/virtio.ko
kernel/drivers/virtio/virtio.ko:
";

    #[test]
    fn modules_are_loaded_after_what_they_need_and_once() {
        assert_eq!(
            load_order(DEPENDENCIES, "", &["9p", "9pnet_virtio"]).unwrap(),
            [
                "kernel/fs/netfs/netfs.ko",
                "kernel/fs/fscache/fscache.ko",
                "kernel/net/9p/9pnet.ko",
                "kernel/fs/9p/9p.ko",
                "kernel/drivers/virtio/virtio.ko",
                "kernel/net/9p/9pnet_virtio.ko",
            ]
        );
    }

    #[test]
    fn a_module_that_the_kernel_lacks_is_named() {
        let error = load_order(DEPENDENCIES, "", &["overlay"]).unwrap_err();
        assert!(error.to_string().contains("overlay"), "{error}");
    }

    #[test]
    fn what_the_kernel_has_built_in_is_not_loaded() {
        let order = load_order(DEPENDENCIES, "kernel/drivers/virtio/virtio_pci.ko\n", &["virtio_pci"]);
        assert!(order.unwrap().is_empty());
    }

    #[test]
    fn cpio_reads_the_archive_back() {
        let mut archive = Archive::default();
        archive.directory("dir");
        archive.file("dir/odd", 0o644, b"12345");
        archive.file("even", 0o755, b"1234");
        let bytes = archive.finish();
        assert_eq!(bytes.len() % 4, 0);
        let mut rest = bytes.as_slice();
        let mut names = Vec::new();
        while !rest.is_empty() {
            let field = |index: usize| {
                usize::from_str_radix(std::str::from_utf8(&rest[6 + 8 * index..14 + 8 * index]).unwrap(), 16)
                    .unwrap()
            };
            assert_eq!(&rest[..6], b"070701");
            let (mode, size, name_size) = (field(1), field(6), field(11));
            let name = std::str::from_utf8(&rest[110..110 + name_size - 1]).unwrap().to_owned();
            let data = (110 + name_size).next_multiple_of(4);
            names.push((name, mode, String::from_utf8(rest[data..data + size].to_vec()).unwrap()));
            rest = &rest[(data + size).next_multiple_of(4)..];
        }
        let expected = [
            ("dir", 0o040_755, ""),
            ("dir/odd", 0o100_644, "12345"),
            ("even", 0o100_755, "1234"),
            ("TRAILER!!!", 0, ""),
        ];
        assert_eq!(names, expected.map(|(name, mode, data)| (name.to_owned(), mode, data.to_owned())));
    }
}
