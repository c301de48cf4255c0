//! What user space tells the eBPF object: words of the map `CONTROL`, flags of the map `USERS`, and
//! constants that are set before loading.

/// Word of `CONTROL`: not 0 once all hooks are attached. Until then every run is filtered.
pub const ARMED: u32 = 0;
/// Word of `CONTROL`: not 0 once the object has warned of a full table.
pub const WARNED: u32 = 1;
/// Entries of `CONTROL`.
pub const WORDS: u32 = 2;

/// Flag of `USERS`: the process has entered the library, opened the device or issued a request.
pub const USER_KNOWN: u32 = 1;
/// Flag of `USERS`: the process is followed because user space asked for it.
pub const USER_FOLLOWED: u32 = 2;

/// An offset in a kernel structure that could not be found out.
pub const UNKNOWN_OFFSET: u32 = u32::MAX;
