//! From the ring buffer, the kernel log and `/proc` to one stream of events.
