//! How library and module differ on the request's struct, and what the module made of it.

use crate::report::{Attempt, Field, Skew};
use crate::sink::escape;

/// Both sides, what shows the module's, and the fields as it read them, a line each.
pub(super) fn lines(attempt: &Attempt) -> Vec<String> {
    let Some(skew) = &attempt.skew else { return Vec::new() };
    let Skew { library, library_bytes, module, module_bytes, evidence, fields } = skew;
    let sides = [
        side("the library's request", *library, Some(*library_bytes)),
        side("the module's struct", *module, *module_bytes),
    ];
    let sides: Vec<String> = sides.into_iter().flatten().collect();
    let evidence: Vec<String> =
        evidence.iter().map(|shown| escape::line(&shown.as_str().into(), usize::MAX)).collect();
    let fields: Vec<String> = fields.iter().map(field).collect();
    let line = |what: &str, parts: &[String], between: &str| {
        (!parts.is_empty()).then(|| format!("{what}{}", parts.join(between)))
    };
    [
        line("", &sides, "; "),
        line("the module's side is known from ", &evidence, ", "),
        line("as the module reads it: ", &fields, ", "),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn side(what: &str, layout: Option<char>, bytes: Option<u32>) -> Option<String> {
    let layout = layout.map(|layout| format!("layout {}", layout.escape_debug()));
    let bytes = bytes.map(|bytes| format!("{bytes} bytes"));
    let known: Vec<String> = layout.into_iter().chain(bytes).collect();
    (!known.is_empty()).then(|| format!("{what}: {}", known.join(", ")))
}

/// Addresses as such, everything else as a number.
fn field(field: &Field) -> String {
    let Field { name, value } = field;
    let is_address = ["_phys", "_va"].iter().any(|kind| name.ends_with(kind));
    if is_address { format!("{name} {value:#x}") } else { format!("{name} {value}") }
}
