//! The libraries and executables that have functions of DPDK.

use std::collections::VecDeque;

use crate::event::Object;
use crate::untrusted::Untrusted;

/// Objects that are remembered; the oldest go first.
const MAX_OBJECTS: usize = 512;

/// All that were looked at.
#[derive(Debug, Default)]
pub(super) struct Objects {
    known: VecDeque<Object>,
}

impl Objects {
    /// Takes what an object shows of itself: it replaces what was known of that file.
    pub(super) fn insert(&mut self, object: &Object) {
        self.known.retain(|known| known.path != object.path);
        if self.known.len() >= MAX_OBJECTS {
            self.known.pop_front();
        }
        self.known.push_back(object.clone());
    }

    /// Those of these files that are known.
    pub(super) fn of(&self, paths: &[Untrusted]) -> Vec<&Object> {
        paths.iter().filter_map(|path| self.known.iter().find(|known| known.path == *path)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_OBJECTS, Objects};
    use crate::event::Object;

    #[test]
    fn a_file_looked_at_again_is_known_as_it_was_seen_last_and_memory_stays_bounded() {
        let object = |path: &str, symbol: &str| Object {
            path: path.into(),
            symbols: vec![symbol.to_owned()],
            ..Object::default()
        };
        let mut objects = Objects::default();
        objects.insert(&object("/a", "old"));
        for number in 0..MAX_OBJECTS {
            objects.insert(&object(&format!("/{number}"), "new"));
        }
        assert_eq!(objects.known.len(), MAX_OBJECTS);
        assert!(objects.of(&["/a".into()]).is_empty());
        objects.insert(&object("/7", "newer"));
        assert_eq!(objects.known.len(), MAX_OBJECTS);
        let [seven] = objects.of(&["/nowhere".into(), "/7".into()])[..] else { panic!("one") };
        assert_eq!(seven.symbols, ["newer"]);
    }
}
