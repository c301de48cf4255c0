//! Reading other memory into a record.

use core::mem::MaybeUninit;

use aya_ebpf::helpers::generated::{
    bpf_probe_read_kernel, bpf_probe_read_kernel_str, bpf_probe_read_user, bpf_probe_read_user_str,
};
use kni_ebpf::control::UNKNOWN_OFFSET;
use kni_ebpf::kni::DEVICE_INFO_MAX;

/// A string's place. No enumeration: what one leaves undefined in its empty variant, the verifier refuses to
/// have passed on.
#[derive(Clone, Copy)]
pub(crate) struct Text {
    address: u64,
    of_kernel: bool,
}

impl Text {
    /// There is none.
    pub(crate) const NONE: Self = Self { address: 0, of_kernel: false };

    /// In the current process's memory.
    #[inline(always)]
    pub(crate) const fn user(address: u64) -> Self {
        Self { address, of_kernel: false }
    }

    /// In the kernel's memory.
    #[inline(always)]
    pub(crate) const fn kernel(address: u64) -> Self {
        Self { address, of_kernel: true }
    }

    /// In a structure of the kernel's; nowhere if its offset is not known.
    #[inline(always)]
    pub(crate) const fn kernel_at(structure: u64, offset: u32) -> Self {
        if offset == UNKNOWN_OFFSET { Self::NONE } else { Self::kernel(structure + offset as u64) }
    }

    /// Where it is; 0: nowhere.
    #[inline(always)]
    pub(crate) const fn address(self) -> u64 {
        self.address
    }

    /// Whether its first byte can be read: what is not in memory, a probe can't bring there.
    #[inline(always)]
    pub(crate) fn is_in_memory(self) -> bool {
        let mut first = MaybeUninit::<u8>::uninit();
        // SAFETY: `first` has one byte.
        unsafe { self.read(first.as_mut_ptr(), 1) >= 0 }
    }

    /// Copies it; the number of bytes with the NUL, or a negative errno.
    ///
    /// # Safety
    /// `to` must have `size` bytes.
    #[inline(always)]
    unsafe fn read(self, to: *mut u8, size: u32) -> i64 {
        let from = self.address as *const _;
        // SAFETY: the caller's promise; the helpers check the source themselves.
        unsafe {
            if self.of_kernel {
                bpf_probe_read_kernel_str(to.cast(), size, from)
            } else {
                bpf_probe_read_user_str(to.cast(), size, from)
            }
        }
    }
}

/// Copies a string; its length without the NUL, or a negative errno.
#[inline(always)]
pub(crate) fn read_text<const N: usize>(to: &mut [u8; N], from: Text) -> i32 {
    if from.address == 0 {
        return 0;
    }
    // SAFETY: `to` has that many bytes.
    let read = unsafe { from.read(to.as_mut_ptr(), N as u32) };
    // The NUL counts. An empty string is 1, or 0 on some kernels.
    if read > 0 { read as i32 - 1 } else { read as i32 }
}

/// Copies the first `length` bytes of the caller's struct; how many, or a negative errno.
#[inline(always)]
pub(crate) fn read_info(to: &mut [u8; DEVICE_INFO_MAX], from: u64, length: u32) -> i32 {
    let length = if length < DEVICE_INFO_MAX as u32 { length } else { DEVICE_INFO_MAX as u32 };
    if length == 0 {
        return 0;
    }
    // SAFETY: `to` has at least `length` bytes; the helper checks the source itself.
    let status = unsafe { bpf_probe_read_user(to.as_mut_ptr().cast(), length, from as *const _) };
    if status < 0 { status as i32 } else { length as i32 }
}

/// Whether the string at `from` is `wanted`, of at most eight bytes; a negative errno if it can't be read.
#[inline(always)]
pub(crate) fn is_text(from: Text, wanted: &'static [u8]) -> Result<bool, i32> {
    let mut head = MaybeUninit::<[u64; 2]>::uninit();
    // SAFETY: `head` has 16 bytes.
    let read = unsafe { from.read(head.as_mut_ptr().cast(), 16) };
    if read < 0 {
        return Err(read as i32);
    }
    // SAFETY: the helper has written as many bytes as it says, and the mask leaves the others out.
    let first = unsafe { head.assume_init_ref()[0] };
    // The helper's count holds the NUL.
    Ok(read == wanted.len() as i64 + 1 && first & mask(wanted.len()) == first_word(wanted))
}

/// The bytes of a word that a text of that length fills.
#[inline(always)]
const fn mask(length: usize) -> u64 {
    if length >= 8 { u64::MAX } else { (1 << (8 * length)) - 1 }
}

/// A text's first eight bytes as the word that they are in memory.
#[inline(always)]
const fn first_word(text: &[u8]) -> u64 {
    let mut word = 0;
    let mut byte = 0;
    while byte < text.len() && byte < 8 {
        word |= (text[byte] as u64) << (8 * byte);
        byte += 1;
    }
    word
}

/// Four bytes of a structure of the kernel's; `None` where they can't be had.
#[inline(always)]
pub(crate) fn kernel_word(structure: u64, offset: u32) -> Option<u32> {
    let mut word = 0u32;
    // SAFETY: four bytes into a u32.
    unsafe { read_kernel((&raw mut word).cast(), 4, structure, offset) }?;
    Some(word)
}

/// Eight bytes of a structure of the kernel's; `None` where they can't be had.
#[inline(always)]
pub(crate) fn kernel_pointer(structure: u64, offset: u32) -> Option<u64> {
    let mut pointer = 0u64;
    // SAFETY: eight bytes into a u64.
    unsafe { read_kernel((&raw mut pointer).cast(), 8, structure, offset) }?;
    Some(pointer)
}

/// Copies `size` bytes of a structure of the kernel's; `None` where that can't be done.
///
/// # Safety
/// `to` must have `size` bytes.
#[inline(always)]
unsafe fn read_kernel(to: *mut u8, size: u32, structure: u64, offset: u32) -> Option<()> {
    if offset == UNKNOWN_OFFSET {
        return None;
    }
    // SAFETY: the caller's promise; the helper checks the source.
    let status =
        unsafe { bpf_probe_read_kernel(to.cast(), size, (structure + u64::from(offset)) as *const _) };
    (status == 0).then_some(())
}
