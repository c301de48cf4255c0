//! The programs, by what they observe.

mod bench;
mod call;
mod function;
mod library;
mod module;
mod netcore;
mod process;
mod registers;
