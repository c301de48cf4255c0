//! The account of everything that was produced, received, lost or missed.
