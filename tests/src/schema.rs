//! Whether lines hold to the schema that `kniwatch schema` prints.

use jsonschema::Validator;
use serde_json::Value;

/// The printed schema.
#[derive(Debug)]
pub struct Schema(Validator);

impl Schema {
    /// From what `kniwatch schema` printed.
    ///
    /// # Errors
    /// That is no JSON Schema.
    pub fn new(printed: &[u8]) -> Result<Self, String> {
        let schema: Value = serde_json::from_slice(printed).map_err(|error| error.to_string())?;
        jsonschema::validator_for(&schema).map(Self).map_err(|error| error.to_string())
    }

    /// What doesn't hold to it, a line each.
    #[must_use]
    pub fn complaints(&self, lines: &str) -> Vec<String> {
        lines.lines().filter_map(|line| self.complaint(line)).collect()
    }

    /// The same of those lines alone that are JSON objects, among others.
    #[must_use]
    pub fn complaints_among(&self, lines: &str) -> Vec<String> {
        lines.lines().filter(|line| line.starts_with('{')).filter_map(|line| self.complaint(line)).collect()
    }

    fn complaint(&self, line: &str) -> Option<String> {
        match serde_json::from_str::<Value>(line) {
            Ok(value) => self.0.validate(&value).err().map(|error| {
                format!("against the schema, at {}: {error}\n    {line}", error.instance_path())
            }),
            Err(error) => Some(format!("no JSON: {error}\n    {line}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Schema;

    #[test]
    fn each_line_is_held_to_the_schema() {
        let schema = Schema::new(br#"{"required": ["type"]}"#).unwrap();
        assert_eq!(schema.complaints("{\"type\":1}\n{\"type\":2}\n"), [""; 0]);
        for wrong in ["{}\n", "{\"type\":1}\n{\"typ\":1}\n", "{\"type\":\n"] {
            assert_eq!(schema.complaints(wrong).len(), 1, "{wrong}");
        }
        assert_eq!(schema.complaints_among("what a program says\n{\"type\":1}\n{}\n").len(), 1);
    }
}
