//! Takes out of the eBPF object what only a debugger reads.

use std::path::Path;

use anyhow::Context as _;
use object::build::elf::{Builder, SectionData};
use object::elf::SHT_STRTAB;

/// Removes debug information and the description of types (BTF), nine tenths of the object.
///
/// No program here needs its types described, and kernels refuse some that closures have: a member
/// without a size at the very end of its struct ("Member exceeds `struct_size`", Linux 6.1).
pub(crate) fn thin(path: &Path) -> anyhow::Result<()> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut object = Builder::read(bytes.as_slice()).context("the eBPF object is no ELF file")?;
    for section in &mut object.sections {
        let name = section.name.strip_prefix(b".rel").unwrap_or(&section.name);
        section.delete = name.starts_with(b".debug") || name.starts_with(b".BTF");
    }
    object.delete_orphans();
    // The linker keeps the sections' names among the symbols'; what writes the object keeps them apart.
    let names = object.sections.add();
    names.name = b".shstrtab".as_slice().into();
    names.sh_type = SHT_STRTAB;
    names.sh_addralign = 1;
    names.data = SectionData::SectionString;
    let mut thin = Vec::new();
    object.write(&mut thin).context("cannot write the eBPF object")?;
    std::fs::write(path, thin).with_context(|| format!("cannot write {}", path.display()))
}
