use std::collections::BTreeSet;

use cyclonedx_bom::models::bom::SpecVersion;
use cyclonedx_bom::prelude::Bom;
use cyclonedx_bom::validation::Validate as _;
use serde_json::Value;

use super::{Package, bill, checksums, linked, select};
use crate::workspace::Workspace;

#[test]
fn the_bill_of_this_program_is_valid_and_whole() {
    let packages = linked(&Workspace::locate().unwrap()).unwrap();
    let text = bill(&packages, "1.2.3", 0).unwrap();
    let bom = Bom::parse_from_json_v1_5(text.as_bytes()).unwrap();
    let result = bom.validate_version(SpecVersion::V1_5);
    assert!(result.passed(), "{result:?}");

    let names: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    for linked in ["kni-user", "kni-ebpf", "aya", "aya-ebpf", "tokio", "libc"] {
        assert!(names.contains(linked), "no {linked}");
    }
    // What tests, builds and the compiler run is no part of it.
    for other in ["proptest", "tempfile", "aya-build", "serde_derive", "xtask", "kniwatch-tests"] {
        assert!(!names.contains(other), "{other}");
    }
    for Package { name, license, sha256, is_own, .. } in &packages {
        assert!(license.is_some(), "{name} has no licence");
        assert_eq!(sha256.is_some(), !is_own, "{name}");
    }
    // Whatever is needed is described, once.
    let parsed: Value = serde_json::from_str(&text).unwrap();
    let list = |key: &str| parsed[key].as_array().unwrap().clone();
    let described: Vec<Value> = list("components").iter().map(|of| of["bom-ref"].clone()).collect();
    assert_eq!(described.len(), packages.len());
    for dependency in list("dependencies") {
        for needed in dependency["dependsOn"].as_array().unwrap() {
            assert_eq!(described.iter().filter(|one| *one == needed).count(), 1, "{needed}");
        }
    }
    assert_eq!(parsed["metadata"]["timestamp"], "1970-01-01T00:00:00Z");
}

#[test]
fn only_what_is_linked_is_selected() {
    let package = |name: &str, kind: &str, source: &str| {
        format!(
            r#"{{"id": "{name}", "name": "{name}", "version": "1.0.0+x", "license": "MIT/Apache-2.0",
                 "source": {source}, "manifest_path": "/s/{name}/Cargo.toml", "targets": [{{"kind": ["{kind}"]}}]}}"#
        )
    };
    let registry = r#""registry+x""#;
    let packages = [
        package("kni-user", "lib", "null"),
        package("kni-ebpf", "lib", "null"),
        package("used", "lib", registry),
        package("deeper", "lib", registry),
        package("tester", "lib", registry),
        package("derive", "proc-macro", registry),
    ];
    let metadata = format!(
        r#"{{"packages": [{}], "resolve": {{"nodes": [
            {{"id": "kni-user", "deps": [
                {{"pkg": "used", "dep_kinds": [{{"kind": "dev"}}, {{"kind": null}}]}},
                {{"pkg": "tester", "dep_kinds": [{{"kind": "dev"}}]}},
                {{"pkg": "derive", "dep_kinds": [{{"kind": null}}]}}]}},
            {{"id": "used", "deps": [{{"pkg": "deeper", "dep_kinds": [{{"kind": null}}]}}]}}
        ]}}}}"#,
        packages.join(",")
    );
    let lock = "version = 4\n\n[[package]]\nname = \"used\"\nversion = \"1.0.0+x\"\nchecksum = \"abc\"\n";
    let selected = select(&serde_json::from_str(&metadata).unwrap(), &checksums(lock)).unwrap();
    let names: Vec<&str> = selected.iter().map(|package| package.name.as_str()).collect();
    assert_eq!(names, ["deeper", "kni-ebpf", "kni-user", "used"]);
    let used = selected.last().unwrap();
    assert_eq!(used.url(), "pkg:cargo/used@1.0.0%2Bx");
    assert_eq!((used.license.as_deref(), used.sha256.as_deref()), (Some("MIT OR Apache-2.0"), Some("abc")));
    assert_eq!(used.needs, BTreeSet::from(["pkg:cargo/deeper@1.0.0%2Bx".to_owned()]));
}
