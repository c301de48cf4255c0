//! Files by their identity, and by the paths that lead to them from here.

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use memchr::memmem;

/// Which file it is, as it is now: another one once it has been written to.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct FileId {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl FileId {
    /// Whether it is the same file, perhaps before or after it was written to.
    #[must_use]
    pub fn is_same_inode(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }
}

impl From<&Metadata> for FileId {
    fn from(file: &Metadata) -> Self {
        Self {
            device: file.dev(),
            inode: file.ino(),
            size: file.size(),
            modified: (file.mtime(), file.mtime_nsec()),
        }
    }
}

/// A file and a way to it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Found {
    /// The path by which this process reaches it.
    pub path: PathBuf,
    /// Which one it is.
    pub id: FileId,
}

impl Found {
    /// The regular file at `path`; `None`: there is none.
    #[must_use]
    pub fn at(path: &Path) -> Option<Self> {
        let file = fs::metadata(path).ok().filter(Metadata::is_file)?;
        Some(Self { path: path.to_path_buf(), id: FileId::from(&file) })
    }
}

/// A file of which a process has code in its memory.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mapping {
    /// The process.
    pub pid: u32,
    /// The file's path as the process, or `/proc`, calls it.
    pub path: PathBuf,
    /// The device's number, as the kernel prints it.
    pub device: (u32, u32),
    /// The inode's number.
    pub inode: u64,
}

impl Mapping {
    /// The file, by a path that outlives the process where there is one.
    ///
    /// A container's file is reached through `/proc/PID/root`. Layered file systems number their files otherwise
    /// than the mapping does, so that a file of another device at that path is taken too.
    #[must_use]
    pub fn file(&self) -> Option<Found> {
        let own = Found::at(&self.path);
        if own.as_ref().is_some_and(|own| self.is(own)) {
            return own;
        }
        let root = PathBuf::from(format!("/proc/{}/root", self.pid));
        let inner = self.path.strip_prefix("/").unwrap_or(&self.path);
        let rooted = Found::at(&root.join(inner)).filter(|file| self.may_be(file));
        match (own, rooted) {
            (Some(own), Some(rooted)) if own.id == rooted.id => Some(own),
            (_, Some(rooted)) => Some(rooted),
            (Some(own), None) => (own.id.inode == self.inode).then_some(own),
            (None, None) => None,
        }
    }

    fn is(&self, file: &Found) -> bool {
        file.id.inode == self.inode && file.id.device == self.device()
    }

    /// Not where the file was replaced by another since.
    fn may_be(&self, file: &Found) -> bool {
        file.id.inode == self.inode || file.id.device != self.device()
    }

    fn device(&self) -> u64 {
        let (major, minor) = self.device;
        libc::makedev(major, minor)
    }
}

/// Whether both paths lead to one file.
#[must_use]
pub fn same(one: &Path, other: &Path) -> bool {
    Found::at(one).is_some_and(|one| Found::at(other).is_some_and(|other| one.id == other.id))
}

/// `/proc/PID/root` of a path that begins with it.
pub(super) fn root_of(path: &Path) -> Option<PathBuf> {
    let inside = path_in_root(path);
    (inside != path).then(|| path.iter().take(4).collect())
}

/// A path without the `/proc/PID/root` that it may begin with.
pub(super) fn path_in_root(path: &Path) -> PathBuf {
    let mut parts = path.iter().skip(1);
    let is_rooted = parts.next().is_some_and(|part| part == "proc")
        && parts.next().and_then(|part| part.to_str()).is_some_and(|part| part.parse::<u32>().is_ok())
        && parts.next().is_some_and(|part| part == "root");
    if is_rooted { Path::new("/").join(parts.collect::<PathBuf>()) } else { path.to_path_buf() }
}

/// Whether the file's bytes have `text` among them.
pub fn mentions(path: &Path, text: &[u8]) -> io::Result<bool> {
    const CHUNK: usize = 1 << 20;
    let finder = memmem::Finder::new(text);
    let mut file = File::open(path)?;
    let mut window = Vec::with_capacity(CHUNK + text.len());
    loop {
        let read = file.by_ref().take(CHUNK as u64).read_to_end(&mut window)?;
        if finder.find(&window).is_some() {
            return Ok(true);
        }
        if read == 0 {
            return Ok(false);
        }
        // It may lie across two windows.
        window.drain(..window.len().saturating_sub(text.len()));
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::MetadataExt as _;
    use std::path::{Path, PathBuf};

    use super::{Found, Mapping, mentions, path_in_root, root_of, same};

    #[test]
    fn a_mapped_file_is_reached_by_its_own_path_or_through_the_processs_root() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lib");
        fs::write(&path, "x").unwrap();
        let file = fs::metadata(&path).unwrap();
        let device = (libc::major(file.dev()), libc::minor(file.dev()));
        let pid = std::process::id();
        let mapping = Mapping { pid, path: path.clone(), device, inode: file.ino() };
        let expected = Found::at(&path).unwrap();
        assert_eq!(mapping.file(), Some(expected.clone()));
        // Other numbers, as layered file systems have them: the same file by both ways.
        let layered = Mapping { inode: file.ino() + 1, device: (999, 9), ..mapping.clone() };
        assert_eq!(layered.file(), Some(expected.clone()));
        let replaced = Mapping { inode: file.ino() + 1, ..mapping.clone() };
        assert_eq!(replaced.file(), None);
        let gone = Mapping { pid: u32::MAX, ..mapping.clone() };
        assert_eq!(gone.file(), Some(expected));
        assert_eq!(Mapping { pid: u32::MAX, ..layered }.file(), None);
        assert_eq!(Mapping { path: dir.path().join("none"), ..mapping }.file(), None);
    }

    #[test]
    fn a_file_that_was_written_to_is_another() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lib");
        fs::write(&path, "x").unwrap();
        let before = Found::at(&path).unwrap();
        assert!(same(&path, &path));
        fs::write(&path, "xy").unwrap();
        assert_ne!(Found::at(&path).unwrap(), before);
        assert!(Found::at(dir.path()).is_none(), "a directory");
    }

    #[test]
    fn the_root_of_a_path_is_a_processs() {
        for (path, root, inside) in [
            ("/proc/12/root/usr/lib/x", Some("/proc/12/root"), "/usr/lib/x"),
            ("/proc/self/root/usr", None, "/proc/self/root/usr"),
            ("/usr/lib/x", None, "/usr/lib/x"),
            ("/proc/12/rooted/x", None, "/proc/12/rooted/x"),
        ] {
            assert_eq!(root_of(Path::new(path)), root.map(PathBuf::from), "{path}");
            assert_eq!(path_in_root(Path::new(path)), Path::new(inside));
        }
    }

    #[test]
    fn a_text_is_found_wherever_it_lies() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        for before in [0, (1 << 20) - 4, (1 << 20), 3 << 20] {
            let mut bytes = vec![b'x'; before];
            bytes.extend(b"/dev/kni\0");
            fs::write(&path, &bytes).unwrap();
            assert!(mentions(&path, b"/dev/kni\0").unwrap(), "{before}");
            assert!(!mentions(&path, b"/dev/kin\0").unwrap(), "{before}");
        }
    }
}
