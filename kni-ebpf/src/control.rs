//! What user space tells the eBPF object: words of the map `CONTROL`, flags of the map `USERS`, and
//! constants that are set before loading.

/// Word of `CONTROL`: not 0 once all hooks are attached. Until then every run is filtered.
pub const ARMED: u32 = 0;
/// Word of `CONTROL`: whether the object has warned of a full table, one of `WARNING_*`.
pub const WARNING: u32 = 1;
/// Word of `CONTROL`: how many threads are in flight. While it is 0, nothing need be looked up.
pub const IN_FLIGHT: u32 = 2;
/// Entries of `CONTROL`.
pub const WORDS: u32 = 3;

/// No table has been full yet.
pub const WARNING_NONE: u32 = 0;
/// A table was full, and that has not been told yet.
pub const WARNING_DUE: u32 = 1;
/// It has been told.
pub const WARNING_TOLD: u32 = 2;

/// Flag of `USERS`: the process has entered the library, opened the device or issued a request.
pub const USER_KNOWN: u32 = 1;
/// Flag of `USERS`: the process is followed because user space asked for it.
pub const USER_FOLLOWED: u32 = 2;

/// An offset in a kernel structure that could not be found out.
pub const UNKNOWN_OFFSET: u32 = u32::MAX;
