//! `check`: are the expected interfaces there, and if not, which status says why?
