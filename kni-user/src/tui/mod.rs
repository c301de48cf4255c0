//! The full-screen view: a pure state, its picture, and the terminal they are for.

pub mod input;
pub mod state;
pub mod term;
pub mod view;
