//! kniwatch's end-to-end scenarios: what happens in the guest, and what kniwatch must say of it.
//!
//! Declarations and pure functions alone. `xtask` boots the guest, runs [`script`]'s script there and hands
//! what it left to [`judge`].

pub mod guest;
pub mod judge;
pub mod scenario;
pub mod schema;
pub mod script;
pub mod table;
pub mod view;
