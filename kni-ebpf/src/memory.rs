//! Reading other memory into a record.

use aya_ebpf::helpers::generated::{bpf_probe_read_kernel_str, bpf_probe_read_user, bpf_probe_read_user_str};
use kni_ebpf::kni::DEVICE_INFO_MAX;
use kni_ebpf::record::TEXT_MAX;

/// A string's place.
#[derive(Clone, Copy)]
pub(crate) enum Text {
    /// There is none.
    None,
    /// In the current process's memory.
    User(u64),
    /// In the kernel's.
    Kernel(u64),
}

/// Copies a string; its length without the NUL, or a negative errno.
#[inline(always)]
pub(crate) fn read_text(to: &mut [u8; TEXT_MAX], from: Text) -> i32 {
    let size = TEXT_MAX as u32;
    let to = to.as_mut_ptr().cast();
    // SAFETY: `to` has `size` bytes; the helpers check the source themselves.
    let read = unsafe {
        match from {
            Text::None => return 0,
            Text::User(from) => bpf_probe_read_user_str(to, size, from as *const _),
            Text::Kernel(from) => bpf_probe_read_kernel_str(to, size, from as *const _),
        }
    };
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
    let mut head = [0u64; 2];
    let to = head.as_mut_ptr().cast();
    // SAFETY: `to` has 16 bytes; the helpers check the source themselves.
    let read = unsafe {
        match from {
            Text::None => return Ok(false),
            Text::User(from) => bpf_probe_read_user_str(to, 16, from as *const _),
            Text::Kernel(from) => bpf_probe_read_kernel_str(to, 16, from as *const _),
        }
    };
    if read < 0 {
        return Err(read as i32);
    }
    // The helper's count holds the NUL.
    Ok(read == wanted.len() as i64 + 1 && head[0] & mask(wanted.len()) == first_word(wanted))
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
