//! The separate debug file of a stripped file, where debuggers look for it.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use object::elf::SHT_SYMTAB;
use object::{Endian as _, ReadCache, ReadCacheOps};

use super::elf::{Function, Image};
use super::files;

/// Where distributions put debug files.
const DIRECTORY: &str = "usr/lib/debug";

/// The debug file of the stripped file at `path`, and the functions called `wanted` that it names.
pub(super) fn functions<R: ReadCacheOps>(
    path: &Path,
    stripped: &Image<'_, R>,
    wanted: &[&str],
) -> Option<(PathBuf, Vec<Function>)> {
    let build_id = stripped.build_id();
    let link = stripped.debug_link().and_then(|contents| Link::parse(contents, stripped.endian()));
    let by_id = build_id.map(|id| by_build_id(path, id)).unwrap_or_default();
    let by_link = link.as_ref().map(|link| by_link(path, link)).unwrap_or_default();
    by_id.into_iter().chain(by_link).filter(|debug| !files::same(debug, path)).find_map(|debug| {
        let functions = read(&debug, build_id, link.as_ref(), wanted)?;
        Some((debug, functions))
    })
}

/// The functions that a debug file names, if it is the one that belongs to the build id, or without one to
/// the link.
fn read(
    debug: &Path,
    build_id: Option<&[u8]>,
    link: Option<&Link>,
    wanted: &[&str],
) -> Option<Vec<Function>> {
    let file = ReadCache::new(File::open(debug).ok()?);
    let image = Image::parse(&file).ok()?;
    let belongs = match build_id {
        Some(id) => image.build_id() == Some(id),
        None => link.is_some_and(|link| checksum(debug).is_ok_and(|sum| sum == link.checksum)),
    };
    if !belongs {
        log::debug!("{} is another build's debug file", debug.display());
        return None;
    }
    image.functions(SHT_SYMTAB, wanted).ok().flatten()
}

/// What `.gnu_debuglink` says.
#[derive(Debug, Eq, PartialEq)]
struct Link {
    name: PathBuf,
    checksum: u32,
}

impl Link {
    /// A name, NULs up to the next multiple of 4, the checksum.
    fn parse(contents: &[u8], endian: object::Endianness) -> Option<Self> {
        let length = contents.iter().position(|byte| *byte == 0)?;
        let name = Path::new(OsStr::from_bytes(contents.get(..length)?)).file_name()?;
        let checksum = contents.get((length + 1).next_multiple_of(4)..)?.first_chunk()?;
        Some(Self { name: name.into(), checksum: endian.read_u32(*checksum) })
    }
}

/// The roots below which the file's distribution may have put its debug file: its own, and this process's.
fn roots(path: &Path) -> impl Iterator<Item = PathBuf> {
    files::root_of(path).into_iter().chain([PathBuf::from("/")])
}

fn by_build_id(path: &Path, id: &[u8]) -> Vec<PathBuf> {
    let mut hexadecimal = id.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string can't fail.
        let _written = write!(text, "{byte:02x}");
        text
    });
    let rest = hexadecimal.split_off(2.min(hexadecimal.len()));
    let inner = Path::new(DIRECTORY).join(".build-id").join(hexadecimal).join(format!("{rest}.debug"));
    roots(path).map(|root| root.join(&inner)).collect()
}

fn by_link(path: &Path, link: &Link) -> Vec<PathBuf> {
    // Links to the file lie elsewhere than its debug file.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let Some(directory) = path.parent() else { return Vec::new() };
    let inside = files::path_in_root(directory);
    let inside = inside.strip_prefix("/").unwrap_or(&inside);
    let beside = [directory.join(&link.name), directory.join(".debug").join(&link.name)];
    let apart = roots(&path).map(|root| root.join(DIRECTORY).join(inside).join(&link.name));
    beside.into_iter().chain(apart).collect()
}

/// The checksum of a file's contents that `.gnu_debuglink` has: CRC-32.
fn checksum(path: &Path) -> io::Result<u32> {
    let mut file = BufReader::with_capacity(1 << 16, File::open(path)?);
    let mut hasher = crc32fast::Hasher::new();
    loop {
        let bytes = file.fill_buf()?;
        let length = bytes.len();
        if length == 0 {
            return Ok(hasher.finalize());
        }
        hasher.update(bytes);
        file.consume(length);
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use object::Endianness;

    use super::{Link, by_build_id, by_link};

    fn paths(list: &[&str]) -> Vec<PathBuf> {
        list.iter().map(PathBuf::from).collect()
    }

    #[test]
    fn a_build_id_is_a_path_below_the_files_root() {
        let expected = paths(&["/usr/lib/debug/.build-id/0a/bc01.debug"]);
        assert_eq!(by_build_id(Path::new("/opt/app"), &[0x0a, 0xbc, 0x01]), expected);
        let expected = paths(&[
            "/proc/7/root/usr/lib/debug/.build-id/0a/bc.debug",
            "/usr/lib/debug/.build-id/0a/bc.debug",
        ]);
        assert_eq!(by_build_id(Path::new("/proc/7/root/opt/app"), &[0x0a, 0xbc]), expected);
    }

    #[test]
    fn a_link_leads_beside_the_file_and_below_the_debug_directory() {
        let link = Link { name: "app.debug".into(), checksum: 1 };
        let expected = paths(&["/no/app.debug", "/no/.debug/app.debug", "/usr/lib/debug/no/app.debug"]);
        assert_eq!(by_link(Path::new("/no/app"), &link), expected);
    }

    #[test]
    fn a_link_is_a_name_and_a_checksum_and_leads_nowhere_else() {
        let parse = |contents: &[u8]| Link::parse(contents, Endianness::Little);
        let expected = Link { name: "a.debug".into(), checksum: 0x0403_0201 };
        assert_eq!(parse(b"a.debug\0\x01\x02\x03\x04"), Some(expected));
        let expected = Link { name: "ab".into(), checksum: 0x0403_0201 };
        assert_eq!(parse(b"../../ab\0\0\0\0\x01\x02\x03\x04"), Some(expected));
        for broken in
            [&b""[..], b"abc", b"abc\0", b"abc\0\x01\x02\x03", b"\0\0\0\0\x01\x02\x03\x04", b"..\0\0aaaa"]
        {
            assert_eq!(parse(broken), None, "{broken:?}");
        }
    }
}
