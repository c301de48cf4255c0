//! What is kept of the single functions, requests and lines that an attempt consists of.

use super::kernel_log::ModuleSaid;
use super::stuck::Stuck;
use crate::event::{Holder, Nanos, Read};
use crate::release::Layout;

/// What the module said in the kernel's log.
#[derive(Clone, Copy, Debug, Default)]
pub struct ModuleLog {
    /// Why it refused.
    pub said: Option<ModuleSaid>,
    /// All that it said is known: had it said why, it would be.
    pub whole: bool,
    /// It is known that it said nothing of any refusal.
    pub silent: bool,
}

/// Arguments of `rte_kni_alloc`.
#[derive(Clone, Debug)]
pub struct Arguments {
    /// The mbuf pool; 0 is NULL.
    pub pool: u64,
    /// The configuration; 0 is NULL.
    pub conf: u64,
    /// The name in it.
    pub name: Read,
    /// The pool's name.
    pub pool_name: Read,
}

/// Why the device is busy, as far as that is known.
#[derive(Clone, Debug, Default)]
pub(super) struct Busy {
    /// Who has it open.
    pub(super) holder: Option<Holder>,
    /// Who died with it.
    pub(super) stuck: Option<Stuck>,
}

/// An opening of `/dev/kni`.
#[derive(Clone, Debug, Default)]
pub struct Open {
    /// The errno it failed with; `None`: it succeeded.
    pub errno: Option<i32>,
    /// Who had it open.
    pub holder: Option<Holder>,
    /// Who died with it.
    pub stuck: Option<Stuck>,
}

/// A CREATE request.
#[derive(Clone, Debug)]
pub struct Request {
    /// The descriptor.
    pub fd: i32,
    /// The request's word.
    pub cmd: u32,
    /// What the system call returned; `None`: not seen to return.
    pub returned: Option<i32>,
    /// It was seen to return and never seen to be entered.
    pub unpaired: bool,
    /// How its struct is laid out, as far as that could be read.
    pub layout: Option<Layout>,
}

/// A function entered, and perhaps left.
#[derive(Clone, Copy, Debug)]
pub struct Passage {
    /// When.
    pub entered: Nanos,
    /// What it returned, and when.
    pub returned: Option<(Nanos, i32)>,
}
