//! What kniwatch's eBPF object and its user space agree on: hooks, records, counters and
//! the facts about KNI that both sides filter and decode by.
//!
//! `no_std` and free of dependencies, so that the same source is compiled for the
//! `bpfel` target and unit-tested on the host.
#![no_std]

pub mod control;
pub mod counter;
pub mod hook;
pub mod kni;
pub mod record;
pub mod tls;
