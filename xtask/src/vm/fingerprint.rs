//! Short names for inputs, so that what was built from others is not taken for theirs.

/// FNV-1a over byte strings, each ended so that moving bytes between them shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fingerprint(u64);

impl Fingerprint {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;

    /// Of nothing yet.
    pub(crate) fn new() -> Self {
        Self(Self::BASIS)
    }

    /// And of `input`.
    #[must_use]
    pub(crate) fn and(self, input: impl AsRef<[u8]>) -> Self {
        let input = input.as_ref();
        let length = input.len().to_le_bytes();
        Self(
            length
                .iter()
                .chain(input)
                .fold(self.0, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(Self::PRIME)),
        )
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Fingerprint;

    #[test]
    fn every_change_of_the_inputs_shows() {
        let of = |inputs: &[&str]| inputs.iter().fold(Fingerprint::new(), Fingerprint::and).to_string();
        let different = [of(&[]), of(&[""]), of(&["ab"]), of(&["a", "b"]), of(&["b", "a"]), of(&["ab", ""])];
        for (index, one) in different.iter().enumerate() {
            assert!(!different[..index].contains(one), "{different:?}");
        }
        assert_eq!(of(&["a", "b"]), of(&["a", "b"]));
    }
}
