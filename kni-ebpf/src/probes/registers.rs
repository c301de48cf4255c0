//! The registers that a probe of user space's code finds, beside arguments and results.

use aya_ebpf::bindings::pt_regs;

/// The stack pointer at a function's entry, as its caller gets it back.
#[inline(always)]
pub(super) fn stack(registers: *const pt_regs) -> u64 {
    // The call has pushed the address to return to.
    #[cfg(bpf_target_arch = "x86_64")]
    const PUSHED: u64 = 8;
    #[cfg(not(bpf_target_arch = "x86_64"))]
    const PUSHED: u64 = 0;
    callers_stack(registers) + PUSHED
}

/// The stack pointer behind a function's return.
#[inline(always)]
pub(super) fn callers_stack(registers: *const pt_regs) -> u64 {
    // SAFETY: the registers that the kernel hands to the program.
    unsafe {
        #[cfg(bpf_target_arch = "x86_64")]
        return (*registers).rsp;
        #[cfg(bpf_target_arch = "aarch64")]
        return (*registers).sp;
    }
}

/// Where the probed instruction is.
#[inline(always)]
pub(super) fn instruction(registers: *const pt_regs) -> u64 {
    // SAFETY: as above.
    unsafe {
        #[cfg(bpf_target_arch = "x86_64")]
        return (*registers).rip;
        #[cfg(bpf_target_arch = "aarch64")]
        return (*registers).pc;
    }
}
