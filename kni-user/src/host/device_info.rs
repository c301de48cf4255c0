//! How the loaded `rte_kni` lays out `struct rte_kni_device_info`, from what it shows of itself: its type
//! information, else the code of the file that it was loaded from.

use std::path::Path;

use super::{btf, module_code, module_file};
use crate::event::DeviceInfo;

const STRUCTURE: &str = "rte_kni_device_info";
/// What the module that is loaded, with its directory in `/sys/module`, shows.
pub(super) fn shown_by(module: &Path) -> Option<DeviceInfo> {
    from_types().or_else(|| from_code(module))
}

fn from_types() -> Option<DeviceInfo> {
    let structure = btf::structure_in_module("rte_kni", STRUCTURE)?;
    // The name comes first, and what follows it is aligned.
    let name_bytes = match structure.offsets.as_slice() {
        [0, second, ..] => Some(*second),
        _ => None,
    };
    Some(DeviceInfo { size: structure.size, name_bytes, source: "its type information (BTF)".to_owned() })
}

fn from_code(module: &Path) -> Option<DeviceInfo> {
    let shown = module_code::shown_by(&module_file::of_loaded(module)?)?;
    Some(DeviceInfo { size: shown.size, name_bytes: shown.name_bytes, source: "its code".to_owned() })
}
