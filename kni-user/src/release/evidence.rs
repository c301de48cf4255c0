//! Which release a library is of: what its file and its behaviour show.

use super::{Layout, Releases};
use crate::event::Object;

/// What was found of a library's release.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Clues {
    found: Vec<(String, Releases)>,
    letter: Option<char>,
}

/// Functions that tell releases apart by being there, and the releases that have them.
///
/// `lib/librte_*/rte_*_version.map` and the release notes: `rte_mempool_create_empty` came with 16.07,
/// `rte_eal_iova_mode` with 17.11, `rte_pktmbuf_pool_create_by_ops` with 18.02, `rte_kni_update_link`
/// with 18.11, `rte_mcfg_tailq_write_lock` with 19.08.
pub const MARKERS: &[(&str, Releases)] = &[
    ("rte_mempool_create_empty", Releases::since(1607)),
    ("rte_eal_iova_mode", Releases::since(1711)),
    ("rte_pktmbuf_pool_create_by_ops", Releases::since(1802)),
    ("rte_kni_update_link", Releases::since(1811)),
    ("rte_mcfg_tailq_write_lock", Releases::since(1908)),
];

/// What the objects of a process show of its release.
#[must_use]
pub fn clues_of(objects: &[&Object]) -> Clues {
    let mut clues = Clues::default();
    for object in objects {
        if let Some((abi, releases)) = object.soname.as_ref().and_then(|soname| abi_of(soname.as_bytes())) {
            clues.add(format!("soname librte_kni.so.{abi}"), releases);
        }
        for (version, releases) in object.versions.iter().filter_map(|name| version_of(name)) {
            clues.add(format!("symbol version DPDK_{version}"), releases);
        }
        for (name, releases) in MARKERS {
            if object.symbols.iter().any(|symbol| symbol == name) {
                clues.add(format!("function {name}"), *releases);
            }
        }
    }
    clues
}

impl Clues {
    /// Adds something that only these releases show. What says no more than the clues before is left out.
    pub fn add(&mut self, phrase: impl Into<String>, releases: Releases) {
        let known = self.found.iter().any(|(_, known)| known.is_within(releases));
        if !known {
            self.found.retain(|(_, known)| !releases.is_within(*known));
            self.found.push((phrase.into(), releases));
        }
    }

    /// Adds what a request shows.
    pub fn add_layout(&mut self, cmd: u32, layout: Layout) {
        self.letter = Some(layout.letter);
        let by = layout.by.map(|by| format!(" with {by}")).unwrap_or_default();
        // However little it narrows: it shows the layout itself.
        self.found.push((format!("ioctl {cmd:#x}{by}"), layout.releases));
    }

    /// The releases that show all of it; `None`: nothing was found, or no release shows all of it.
    #[must_use]
    pub fn releases(&self) -> Option<Releases> {
        let all = self.found.iter().fold(Releases::ALL, |left, (_, releases)| left.and(*releases));
        (!self.found.is_empty() && !all.is_empty()).then_some(all)
    }

    /// The layout of the request's struct: as one showed it, or as all these releases have it.
    #[must_use]
    pub fn layout(&self) -> Option<char> {
        self.letter.or_else(|| self.releases().and_then(Releases::layout))
    }

    /// What was found, in words.
    #[must_use]
    pub fn phrases(&self) -> Vec<String> {
        self.found.iter().map(|(phrase, _)| phrase.clone()).collect()
    }
}

/// The ABI in the name of a shared librte_kni, and the releases that have it.
fn abi_of(soname: &[u8]) -> Option<(String, Releases)> {
    let abi = std::str::from_utf8(soname).ok()?.strip_prefix("librte_kni.so.")?;
    let releases = match abi {
        // LIBABIVER in lib/librte_kni/Makefile, since 2.2.
        "2" => Releases::until(1908),
        // Distributions that set CONFIG_RTE_MAJOR_ABI name it after the release.
        _ => abi_releases(abi).or_else(|| dated(abi).map(|date| Releases::span(date, date)))?,
    };
    (!releases.is_empty()).then(|| (abi.to_owned(), releases))
}

/// A version of DPDK's dynamic symbols: up to 19.08 the release that a function came with, since 19.11 the ABI.
fn version_of(name: &str) -> Option<(&str, Releases)> {
    let version = name.strip_prefix("DPDK_")?;
    let came = || match version {
        "2.0" | "2.1" | "2.2" => Some(Releases::until(1908)),
        _ => dated(version).map(|date| Releases::span(date, 1908)),
    };
    let releases = abi_releases(version).or_else(came)?;
    (!releases.is_empty()).then_some((version, releases))
}

/// The releases of an ABI (`ABI_VERSION` since 19.11): one a year. 20.0.1 to 20.0.3 came with 20.02 to 20.08.
fn abi_releases(abi: &str) -> Option<Releases> {
    Some(match abi {
        "20.0" => Releases::span(1911, 2008),
        "20.0.1" => Releases::span(2002, 2008),
        "20.0.2" => Releases::span(2005, 2008),
        "20.0.3" => Releases::span(2008, 2008),
        "21" => Releases::span(2011, 2108),
        "22" => Releases::span(2111, 2207),
        "23" => Releases::span(2211, 2307),
        _ => return None,
    })
}

/// `17.11` as 1711.
fn dated(version: &str) -> Option<u16> {
    let (year, month) = version.split_once('.')?;
    let number = |text: &str| text.parse::<u16>().ok().filter(|_| text.len() == 2);
    Some(number(year)? * 100 + number(month)?)
}

#[cfg(test)]
mod tests {
    use super::{Clues, clues_of};
    use crate::event::Object;
    use crate::release::{Releases, layout_of};

    fn object(soname: Option<&str>, versions: &[&str], symbols: &[&str]) -> Object {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Object {
            soname: soname.map(Into::into),
            versions: owned(versions),
            symbols: owned(symbols),
            ..Object::default()
        }
    }

    fn told(clues: &Clues) -> (Option<String>, Option<char>) {
        (clues.releases().map(|releases| releases.to_string()), clues.layout())
    }

    #[test]
    fn the_file_tells_its_release_as_far_as_it_goes() {
        for (what, object, releases, layout) in [
            (
                "Debian 12's source",
                object(Some("librte_kni.so.23"), &["DPDK_23"], &[]),
                "22.11 to 23.07",
                'D',
            ),
            ("Debian 11", object(Some("librte_kni.so.21"), &["DPDK_21"], &[]), "20.11 to 21.08", 'D'),
            ("Ubuntu 20.04", object(Some("librte_kni.so.20.0"), &["DPDK_20.0"], &[]), "19.11 to 20.08", 'D'),
            ("Debian 9", object(Some("librte_kni.so.17.11"), &["DPDK_2.0"], &[]), "17.11", 'A'),
            ("own build", object(Some("librte_kni.so.2"), &["DPDK_2.0"], &[]), "16.04 to 19.08", '?'),
            (
                "own build with a function of 18.11",
                object(Some("librte_kni.so.2"), &["DPDK_2.0"], &["rte_kni_update_link"]),
                "18.11 to 19.08",
                '?',
            ),
            ("static", object(None, &[], &["rte_eal_iova_mode", "rte_kni_alloc"]), "17.11 to 23.07", '?'),
            ("EAL of 17.11", object(Some("librte_eal.so.6"), &["DPDK_17.11"], &[]), "17.11 to 19.08", '?'),
        ] {
            let layout = Some(layout).filter(|letter| *letter != '?');
            assert_eq!(told(&clues_of(&[&object])), (Some(releases.to_owned()), layout), "{what}");
        }
    }

    #[test]
    fn what_is_not_known_tells_nothing() {
        for object in [
            object(None, &["GLIBC_2.2.5", "EXPERIMENTAL", "DPDK_99", "DPDK_x.y"], &["main"]),
            object(Some("librte_kni.so.99"), &[], &[]),
            object(Some("librte_kni.so.3.14"), &[], &[]),
        ] {
            assert_eq!(clues_of(&[&object]), Clues::default());
        }
    }

    #[test]
    fn clues_that_contradict_each_other_are_both_told_and_name_no_release() {
        let mut clues = clues_of(&[&object(Some("librte_kni.so.23"), &[], &[])]);
        let layout = layout_of(0xc098_0002, None).unwrap();
        clues.add_layout(0xc098_0002, layout);
        assert_eq!(told(&clues), (None, Some('B')));
        assert_eq!(clues.phrases(), ["soname librte_kni.so.23", "ioctl 0xc0980002"]);
    }

    #[test]
    fn only_the_clues_that_narrow_are_told() {
        let mut clues = clues_of(&[&object(
            Some("librte_kni.so.23"),
            &["DPDK_23"],
            &["rte_eal_iova_mode", "rte_kni_update_link"],
        )]);
        clues.add("memzones reserved by rte_kni_alloc", Releases::since(1811));
        assert_eq!(clues.phrases(), ["soname librte_kni.so.23"]);
        let mut clues = clues_of(&[&object(None, &[], &["rte_eal_iova_mode", "rte_kni_update_link"])]);
        assert_eq!(clues.phrases(), ["function rte_kni_update_link"]);
        clues.add("22.11's warning", Releases::since(2211));
        assert_eq!(clues.phrases(), ["22.11's warning"]);
    }
}
