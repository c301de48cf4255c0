//! One snapshot of the host; each source is parsed from what a `Read` gives.

pub mod btf;
pub mod clock;
mod debug_file;
mod device_info;
pub mod doctor;
pub mod elf;
pub mod files;
pub mod interface;
pub mod inventory;
pub mod kallsyms;
pub mod kmsg;
pub mod libraries;
pub mod links;
pub mod mappings;
mod module_code;
mod module_file;
pub mod module_functions;
pub mod modules;
pub mod namespaces;
pub mod needed;
pub mod procfs;
pub mod site;
pub mod stacks;
pub mod system;
pub mod tls;
pub mod tracefs;
