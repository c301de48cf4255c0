//! From what was seen of an attempt to its verdict.
