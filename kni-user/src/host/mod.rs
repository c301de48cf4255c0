//! One snapshot of the host; each source is parsed from a `Read`.
