//! Where reports and events go. Only these write to stdout.
