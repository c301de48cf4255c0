//! The layouts of `struct rte_kni_device_info` (`rte_kni_common.h`), told apart by the request.

use kni_ebpf::kni::request_size;

use super::Releases;

/// A layout, and what shows it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Layout {
    /// A to D (docs/vocabulary.md).
    pub letter: char,
    /// The releases that have it.
    pub releases: Releases,
    /// Its size in bytes.
    pub size: u32,
    /// What tells it from another of that size.
    pub by: Option<&'static str>,
}

const LAYOUTS: [Layout; 4] = [
    Layout { letter: 'A', releases: Releases::until(1711), size: 136, by: Some("no addresses at byte 16") },
    Layout { letter: 'B', releases: Releases::span(1802, 1905), size: 152, by: None },
    Layout { letter: 'C', releases: Releases::span(1908, 1908), size: 144, by: None },
    Layout { letter: 'D', releases: Releases::since(1911), size: 136, by: Some("addresses from byte 16 on") },
];

/// Where the addresses begin in layout D, and in layout A: behind the name.
const EARLY: usize = 16;
const LATE: usize = 32;
/// Bytes of the first two addresses, which no library leaves 0.
const TWO: usize = 16;

/// The layout of the request `cmd` with the struct `info`, as far as that could be read.
///
/// A and D have one size. Libraries zero the struct first, so that what follows the name is zero up to the
/// addresses. Where there are none, as in a program's own request, it is not known.
#[must_use]
pub fn layout_of(cmd: u32, info: Option<&[u8]>) -> Option<Layout> {
    let sized = || LAYOUTS.iter().filter(|layout| layout.size == request_size(cmd));
    if sized().count() == 1 {
        return sized().next().copied();
    }
    let info = info?;
    let (name, tail) = info.get(..LATE)?.split_at(EARLY);
    let is_zero = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
    let rest =
        if name.contains(&0) { 0 } else { tail.iter().take_while(|byte| byte.is_ascii_graphic()).count() };
    let letter = match tail.get(rest..).is_some_and(is_zero) {
        true if info.get(LATE..LATE + TWO).is_none_or(is_zero) => return None,
        true => 'A',
        false => 'D',
    };
    sized().find(|layout| layout.letter == letter).copied()
}

/// Bytes of the struct in the layout of that letter.
#[must_use]
pub fn size_of(letter: char) -> Option<u32> {
    LAYOUTS.iter().find(|layout| layout.letter == letter).map(|layout| layout.size)
}

impl Releases {
    /// The layout that all of them have.
    #[must_use]
    pub fn layout(self) -> Option<char> {
        LAYOUTS.iter().find(|layout| self.is_within(layout.releases)).map(|layout| layout.letter)
    }
}

#[cfg(test)]
mod tests {
    use super::layout_of;
    use crate::release::Releases;

    #[test]
    fn the_request_tells_the_layout_of_every_release() {
        let info = |head: &[u8]| {
            let mut bytes = head.to_vec();
            bytes.resize(136, 0);
            bytes
        };
        let create = |size: u32| 0xc000_0002 | size << 16;
        let early = |name: &[u8]| {
            let mut bytes = info(name);
            bytes[32..35].copy_from_slice(b"\x80\x40\x0a");
            bytes
        };
        for (what, cmd, info, letter) in [
            ("18.11", create(152), None, Some('B')),
            ("19.08", create(144), None, Some('C')),
            ("16.04", create(136), Some(early(b"vEth0_0")), Some('A')),
            ("16.04, a long name", create(136), Some(early(b"vEth0_0123456789abc")), Some('A')),
            ("a program's own", create(136), Some(info(b"vEth0_0")), None),
            ("22.11", create(136), Some(info(b"vEth0_0\0\0\0\0\0\0\0\0\0\x80\x40")), Some('D')),
            ("22.11, printable", create(136), Some(info(b"vEth0_0\0\0\0\0\0\0\0\0\0@@")), Some('D')),
            ("22.11, no NUL", create(136), Some(info(b"vEth0_0123456789\x80\x40\xc6\x0a\x01")), Some('D')),
            ("unreadable", create(136), None, None),
            ("cut short", create(136), Some(b"vEth0".to_vec()), None),
            ("of no release", create(100), Some(info(b"vEth0")), None),
        ] {
            let layout = layout_of(cmd, info.as_deref());
            assert_eq!(layout.map(|layout| layout.letter), letter, "{what}");
        }
    }

    #[test]
    fn releases_of_one_layout_have_it() {
        assert_eq!(Releases::span(1911, 2307).layout(), Some('D'));
        assert_eq!(Releases::span(1611, 1711).layout(), Some('A'));
        assert_eq!(Releases::ALL.layout(), None);
    }
}
