//! One snapshot of the host; each source is parsed from what a `Read` gives.

pub mod clock;
pub mod interface;
pub mod kmsg;
pub mod modules;
pub mod procfs;
pub mod system;
