//! The probes: declared in `spec`, resolved in `plan`, attached in `attach`.
