//! The bill of materials: every package that is linked into the program or its eBPF object, as `CycloneDX` 1.5.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cargo;
use crate::shell::output;
use crate::workspace::Workspace;

/// The program's own package, and the one of its eBPF object.
const ROOTS: [&str; 2] = ["kni-user", "kni-ebpf"];

/// A package that is linked in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
    /// As SPDX writes it.
    pub(super) license: Option<String>,
    /// Of the archive in the registry; none of our own.
    pub(super) sha256: Option<String>,
    /// The directory of its source.
    pub(super) source: PathBuf,
    /// Of which packages it is made, as they are named by [`Package::url`].
    pub(super) needs: BTreeSet<String>,
    /// Whether it is one of this workspace.
    pub(super) is_own: bool,
}

impl Package {
    /// <https://github.com/package-url/purl-spec>. `+` stands for a blank in some readers of URLs.
    pub(super) fn url(&self) -> String {
        format!("pkg:cargo/{}@{}", self.name, self.version.replace('+', "%2B"))
    }
}

/// The packages that are linked in, in the order of names.
pub(super) fn linked(workspace: &Workspace) -> Result<Vec<Package>> {
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    // The eBPF object is a feature of its package.
    let metadata = output(cargo::cargo().args([
        "metadata",
        "--format-version=1",
        "--locked",
        "--all-features",
        "--filter-platform",
        &platform,
    ]))?;
    let metadata: Metadata =
        serde_json::from_str(&metadata).context("can't read what cargo metadata says")?;
    let lock = workspace.root.join("Cargo.lock");
    let lock = fs::read_to_string(&lock).with_context(|| format!("can't read {}", lock.display()))?;
    select(&metadata, &checksums(&lock))
}

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Described>,
    resolve: Resolve,
}

#[derive(Debug, Deserialize)]
struct Described {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Debug, Deserialize)]
struct Target {
    kind: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

/// `None`: an ordinary dependency, else `dev` or `build`.
#[derive(Debug, Deserialize)]
struct Kind {
    kind: Option<String>,
}

impl Described {
    /// Runs in the compiler, and is no part of what it compiles.
    fn is_macro(&self) -> bool {
        self.targets.iter().any(|target| target.kind.iter().any(|kind| kind == "proc-macro"))
    }
}

type Checksums = BTreeMap<(String, String), String>;

/// Those of `Cargo.lock`, by name and version.
fn checksums(lock: &str) -> Checksums {
    let value = |block: &str, key: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \""));
        Some(line?.trim_end_matches('"').to_owned())
    };
    let package =
        |block| Some(((value(block, "name")?, value(block, "version")?), value(block, "checksum")?));
    lock.split("[[package]]").filter_map(package).collect()
}

/// What can be reached from the roots by ordinary dependencies.
fn select(metadata: &Metadata, checksums: &Checksums) -> Result<Vec<Package>> {
    let described: BTreeMap<&str, &Described> =
        metadata.packages.iter().map(|package| (package.id.as_str(), package)).collect();
    let needs: BTreeMap<&str, Vec<&str>> = metadata
        .resolve
        .nodes
        .iter()
        .map(|node| {
            let ordinary =
                |dependency: &&Dependency| dependency.dep_kinds.iter().any(|kind| kind.kind.is_none());
            let linked = |id: &&str| described.get(id).is_some_and(|package| !package.is_macro());
            let ids = node.deps.iter().filter(ordinary).map(|dependency| dependency.pkg.as_str());
            (node.id.as_str(), ids.filter(linked).collect())
        })
        .collect();
    let is_root = |package: &&&Described| package.source.is_none() && ROOTS.contains(&package.name.as_str());
    let mut todo: Vec<&str> = described.values().filter(is_root).map(|package| package.id.as_str()).collect();
    let mut found = BTreeMap::new();
    while let Some(id) = todo.pop() {
        let package = described.get(id).with_context(|| format!("cargo metadata doesn't describe {id}"))?;
        let needed = needs.get(id).map_or(&[][..], Vec::as_slice);
        if found.insert(id, *package).is_none() {
            todo.extend(needed);
        }
    }
    let mut packages: Vec<Package> = found
        .values()
        .map(|package| {
            let needed = needs.get(package.id.as_str()).into_iter().flatten();
            let needed =
                needed.filter_map(|id| Some(made_of(described.get(id)?, checksums, BTreeSet::new()).url()));
            made_of(package, checksums, needed.collect())
        })
        .collect();
    packages.sort_by(|one, other| (&one.name, &one.version).cmp(&(&other.name, &other.version)));
    Ok(packages)
}

fn made_of(package: &Described, checksums: &Checksums, needs: BTreeSet<String>) -> Package {
    let Described { name, version, license, source, manifest_path, .. } = package;
    Package {
        name: name.clone(),
        version: version.clone(),
        license: license.as_ref().map(|license| license.replace('/', " OR ")),
        sha256: checksums.get(&(name.clone(), version.clone())).cloned(),
        source: manifest_path.parent().map(PathBuf::from).unwrap_or_default(),
        needs,
        is_own: source.is_none(),
    }
}

/// The bill of kniwatch of that version and time, as JSON.
pub(super) fn bill(packages: &[Package], version: &str, epoch: u64) -> Result<String> {
    let time = output(std::process::Command::new("date").args([
        "--utc",
        &format!("--date=@{epoch}"),
        "+%Y-%m-%dT%H:%M:%SZ",
    ]))?;
    let program = "kniwatch";
    let roots = packages.iter().filter(|package| package.is_own && ROOTS.contains(&package.name.as_str()));
    let roots: Vec<String> = roots.map(Package::url).collect();
    let mut dependencies = vec![json!({ "ref": program, "dependsOn": roots })];
    let of = |package: &Package| json!({ "ref": package.url(), "dependsOn": package.needs });
    dependencies.extend(packages.iter().map(of));
    let bill = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": time.trim(),
            "component": {
                "type": "application",
                "bom-ref": program,
                "name": program,
                "version": version,
                "licenses": [{ "expression": "MIT OR Apache-2.0" }],
            },
        },
        "components": packages.iter().map(component).collect::<Vec<_>>(),
        "dependencies": dependencies,
    });
    Ok(format!("{bill:#}\n"))
}

fn component(package: &Package) -> Value {
    let licenses = package.license.iter().map(|license| json!({ "expression": license }));
    let hashes = package.sha256.iter().map(|sha256| json!({ "alg": "SHA-256", "content": sha256 }));
    json!({
        "type": "library",
        "bom-ref": package.url(),
        "name": package.name,
        "version": package.version,
        "purl": package.url(),
        "licenses": licenses.collect::<Vec<_>>(),
        "hashes": hashes.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests;
