//! The form of the lines as a JSON Schema, which the types that are written make themselves.

use std::io::{self, Write};

use schemars::Schema;
use schemars::generate::SchemaSettings;
use serde_json::json;

use super::{Line, SCHEMA};

/// Writes the schema that every line holds to (JSON Schema, draft 2020-12).
///
/// # Errors
/// Those of `out`.
pub fn schema(mut out: impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut out, &of_lines())?;
    out.write_all(b"\n")?;
    out.flush()
}

fn of_lines() -> Schema {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<Line<'_>>();
    schema.insert("title".to_owned(), json!(format!("A line of kniwatch --format json, schema {SCHEMA}")));
    schema.insert("description".to_owned(), json!("docs/json.md says what the fields mean."));
    schema
}
