//! Bytes that somebody else chose: interface names, task names, paths, kernel log lines.

use std::borrow::Cow;

use schemars::generate::SchemaGenerator;
use schemars::{JsonSchema, Schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes from outside, without the NUL that ended them.
///
/// Kept as they were. What a terminal must not see is escaped by the sinks, so there is no
/// `Display` here. In JSON a string where the bytes are UTF-8, else `{"hex": "ff00"}`:
/// nothing is lost either way.
#[derive(Clone, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Untrusted(Vec<u8>);

#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(untagged, deny_unknown_fields)]
enum Wire {
    Text(String),
    Hex { hex: String },
}

impl Untrusted {
    /// Nothing.
    pub const EMPTY: Self = Self(Vec::new());

    /// Everything up to the first NUL.
    #[must_use]
    pub fn until_nul(bytes: &[u8]) -> Self {
        Self(bytes.split(|byte| *byte == 0).next().unwrap_or_default().to_vec())
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether there is no byte at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Debug for Untrusted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

impl From<&[u8]> for Untrusted {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl From<&str> for Untrusted {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl Serialize for Untrusted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => Wire::Hex { hex: encode_hex(&self.0) }.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Untrusted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Wire::deserialize(deserializer)? {
            Wire::Text(text) => Ok(Self(text.into_bytes())),
            Wire::Hex { hex } => decode_hex(&hex)
                .map(Self)
                .ok_or_else(|| D::Error::custom("`hex` takes pairs of hexadecimal digits")),
        }
    }
}

impl JsonSchema for Untrusted {
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Wire::json_schema(generator)
    }
}

fn encode_hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect()
}

fn decode_hex(hex: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        hex.chars().map(|digit| digit.to_digit(16).and_then(|value| u8::try_from(value).ok())).collect();
    let digits = digits?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Untrusted;

    proptest! {
        #[test]
        fn any_bytes_survive_json(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let untrusted = Untrusted::from(bytes.as_slice());
            let json = serde_json::to_string(&untrusted).unwrap();
            prop_assert_eq!(serde_json::from_str::<Untrusted>(&json).unwrap(), untrusted);
        }
    }

    #[test]
    fn a_broken_hex_form_is_refused() {
        for json in [r#"{"hex":"f"}"#, r#"{"hex":"zz"}"#, r#"{"hex":"00","text":"a"}"#] {
            assert!(serde_json::from_str::<Untrusted>(json).is_err(), "{json}");
        }
    }
}
