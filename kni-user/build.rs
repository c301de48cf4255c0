//! Builds the eBPF object, so that `cargo build` alone makes all of kniwatch.

use std::path::PathBuf;

use aya_build::{Package, Toolchain};

#[path = "build/thin.rs"]
mod thin;
#[path = "build/toolchain.rs"]
mod toolchain;

use toolchain::{Compiler, Found};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build/thin.rs");
    println!("cargo::rerun-if-changed=build/toolchain.rs");
    let built = toolchain::find().map_err(|missing| missing.to_string()).and_then(|found| {
        build(&found)
            .map_err(|error| format!("the eBPF object does not build (with {}): {error:#}", found.compiler))
    });
    // cargo fails the build for these lines alone; a failing status would have it print them twice.
    for line in built.err().iter().flat_map(|error| error.lines()) {
        println!("cargo::error={line}");
    }
}

fn build(found: &Found) -> anyhow::Result<()> {
    set_environment(found);
    let toolchain = match &found.compiler {
        Compiler::Rustup(name) => Toolchain::Custom(name),
        // aya-build does not use the name where there is no rustup.
        Compiler::InPath => Toolchain::Nightly,
    };
    let object =
        Package { name: "kni-ebpf", root_dir: "../kni-ebpf", features: &["object"], ..Package::default() };
    aya_build::build_ebpf([object], toolchain)?;
    thin::thin(&out_dir().join("kniwatch-probes"))
}

fn out_dir() -> PathBuf {
    std::env::var_os("OUT_DIR").map(PathBuf::from).unwrap_or_default()
}

/// What the inner cargo inherits.
fn set_environment(found: &Found) {
    // The inner cargo's progress would come out as warnings of this package.
    let mut variables = vec![("CARGO_TERM_QUIET", "true".into())];
    if let Some(path) = toolchain::path_with(&found.linker) {
        variables.push(("PATH", path));
    }
    if found.compiler.needs_bootstrap() {
        variables.push(("RUSTC_BOOTSTRAP", "1".into()));
    }
    // OUT_DIR is TARGET/PROFILE/build/PACKAGE/out. One place for all profiles, so that core is compiled
    // once and not again for release, debug and clippy.
    if let Some(target) = out_dir().ancestors().nth(4) {
        variables.push(("CARGO_BUILD_BUILD_DIR", target.join("ebpf").into()));
    }
    for (name, value) in variables {
        // SAFETY: a build script's main thread, before any other is started.
        unsafe { std::env::set_var(name, value) };
    }
}
