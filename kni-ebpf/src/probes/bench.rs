//! The least that any program on a tracepoint costs: what kniwatch's own are measured beside
//! (`cargo xtask bench ioctl`). Never attached otherwise.

use aya_ebpf::macros::tracepoint;
use aya_ebpf::programs::TracePointContext;

#[tracepoint]
pub(crate) fn empty(_ctx: TracePointContext) -> u32 {
    0
}
