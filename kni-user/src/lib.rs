//! kniwatch: at which boundary did a KNI create attempt stop?
//!
//! The direction of dependencies: `kni_ebpf` (records) <- pure core (`event` to `engine` below) <-
//! shell (`host`, `preflight`, `privileges`, `probe`, `stream`, `sink`) <- `app`, `cli` <- `main`.

pub mod cause;
pub mod check;
pub mod correlate;
pub mod coverage;
pub mod doctor;
pub mod engine;
pub mod event;
pub mod expectation;
pub mod explanation;
pub mod ledger;
pub mod record;
pub mod release;
pub mod report;
pub mod untrusted;
pub mod verdict;
pub mod waterfall;

pub mod host;
pub mod inventory;
pub mod preflight;
pub mod privileges;
pub mod probe;
pub mod sink;
pub mod stream;
pub mod tui;

#[cfg(test)]
mod testing;

pub mod app;
pub mod cli;
