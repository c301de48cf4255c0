//! Checked decode: bytes of the ring buffer to events.
