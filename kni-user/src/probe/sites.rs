//! Which functions of `librte_eal` are probed where: by that the probes find `rte_errno`.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::{Path, PathBuf};

use aya::Ebpf;
use aya::maps;
use kni_ebpf::hook::Hook;
use kni_ebpf::tls::{Site, WAY_UNKNOWN, is_in_eal, site_key};

use super::plan::{Attachment, Place};
use crate::host::tls::{self, Access};

/// The sites that the probes have been told of.
#[derive(Debug, Default)]
pub(super) struct Sites {
    by_key: HashMap<u32, Site>,
    objects: HashMap<PathBuf, Option<Access>>,
}

impl Sites {
    /// Tells the probes of the sites of `attachment`, before it is attached. Without that, `rte_errno` stays unknown
    /// there, and all else is observed.
    pub(super) fn announce(&mut self, object: &mut Ebpf, hook: Hook, attachment: &Attachment) {
        if !is_in_eal(hook) {
            return;
        }
        for part in &attachment.parts {
            let Place::File { path, offset } = &part.place else { continue };
            let Some(site) = self.access(path).and_then(|access| access.site(*offset)) else { continue };
            let (key, site) = self.add(hook, site);
            let told =
                object.map_mut("SITES").ok_or(maps::MapError::InvalidName { name: "SITES".to_owned() });
            let told = told.and_then(maps::HashMap::<_, u32, [u64; 4]>::try_from);
            if let Err(error) = told.and_then(|mut sites| sites.insert(key, site.words(), 0)) {
                log::debug!("rte_errno can't be found in {}: {error}", path.display());
            }
        }
    }

    /// Another file may have come to this path: it is looked at again.
    pub(super) fn forget(&mut self, path: &Path) {
        self.objects.remove(path);
    }

    fn access(&mut self, path: &Path) -> Option<&Access> {
        let access = self.objects.entry(path.to_path_buf()).or_insert_with(|| {
            tls::read(path)
                .inspect_err(|error| log::debug!("rte_errno can't be found in {}: {error}", path.display()))
                .ok()
        });
        access.as_ref()
    }

    /// Where two sites can't be told from each other, nothing is known of either.
    fn add(&mut self, hook: Hook, site: Site) -> (u32, Site) {
        let key = site_key(hook, site.address);
        let known = match self.by_key.entry(key) {
            Entry::Vacant(free) => free.insert(site),
            Entry::Occupied(taken) => {
                let known = taken.into_mut();
                if *known != site {
                    *known = Site { address: 0, slot: 0, offset: 0, way: WAY_UNKNOWN };
                }
                known
            }
        };
        (key, *known)
    }
}

#[cfg(test)]
mod tests {
    use kni_ebpf::hook::Hook;
    use kni_ebpf::tls::{Site, WAY_EXECUTABLE, WAY_PAIR, WAY_UNKNOWN};

    use super::Sites;

    #[test]
    fn sites_that_look_the_same_are_unknown_unless_they_are() {
        let mut sites = Sites::default();
        let one = Site { address: 0x1010, slot: 0x8000, offset: 0, way: WAY_PAIR };
        let other = Site { address: 0x5010, slot: 0, offset: 4, way: WAY_EXECUTABLE };
        assert_eq!(sites.add(Hook::LibraryLog, one).1, one);
        assert_eq!(sites.add(Hook::LibraryLog, one).1, one);
        assert_eq!(sites.add(Hook::IovaMode, other).1, other);
        assert_eq!(sites.add(Hook::LibraryLog, other).1.way, WAY_UNKNOWN);
        assert_eq!(sites.add(Hook::LibraryLog, one).1.way, WAY_UNKNOWN);
    }
}
