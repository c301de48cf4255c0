//! The licences of what is linked in: their texts have to go with the program.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::sbom::Package;

/// How the names of files with such texts begin.
const BEGINNINGS: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE"];

/// Every text once, beneath the names of the packages that it comes with.
pub(super) fn text(packages: &[Package]) -> Result<String> {
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut without = Vec::new();
    for package in packages.iter().filter(|package| !package.is_own) {
        let name = format!("{} {}", package.name, package.version);
        let found = files(&package.source)?;
        if found.is_empty() {
            without.push(format!("{name}: {}", package.license.as_deref().unwrap_or("unknown")));
        }
        for text in found {
            texts.entry(text).or_default().push(name.clone());
        }
    }
    let mut all = String::from("What is linked into kniwatch, and its licences.\n");
    if !without.is_empty() {
        write!(all, "\nWithout a text of their own:\n  {}\n", without.join("\n  "))?;
    }
    let mut by_name: Vec<_> = texts.into_iter().map(|(text, names)| (names, text)).collect();
    by_name.sort();
    for (names, text) in by_name {
        write!(all, "\n{}\n{}\n\n{}\n", "-".repeat(80), names.join("\n"), text.trim_end())?;
    }
    Ok(all)
}

/// The licences' texts in the source of a package, in the order of their files' names.
fn files(source: &Path) -> Result<Vec<String>> {
    let is_one = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_uppercase();
        path.is_file() && BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
    };
    let found = super::files(source)?.into_iter().filter(|path| is_one(path));
    found
        .map(|path| {
            let bytes = fs::read(&path).with_context(|| format!("can't read {}", path.display()))?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        })
        .collect()
}
