//! From events to attempts: one state machine, with time passed in.
