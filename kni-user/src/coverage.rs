//! Which hooks were live when.
