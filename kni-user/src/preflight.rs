//! What is missing here, and what is lost without it.
