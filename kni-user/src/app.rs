//! The commands: each runs the same pipeline over another source or sink.
