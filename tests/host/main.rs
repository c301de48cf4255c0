//! Real eBPF on this machine's kernel. Needs root and a mounted tracefs, and for DPDK's own libraries the
//! guest's root: `cargo xtask test host` sees to all of it. One at a time: they watch the whole machine.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

mod arming;
mod attached;
mod check;
mod dpdk;
mod law;
mod least_privilege;
mod library;
mod links;
mod live;
mod objects;
mod privileges;
mod processes;
mod program;
mod requests;
mod sites;
mod standin;
mod terminal;
mod view;
mod watch;
