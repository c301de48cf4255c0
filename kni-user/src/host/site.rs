//! What the kernel does with the instruction that a uprobe displaces, which decides what a hit costs.

use std::fmt;
use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// How the kernel gets past a uprobe's trap.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Class {
    /// It performs the instruction itself.
    Emulated,
    /// From the second hit on there is no trap any more, but a call.
    Optimised,
    /// It has the processor execute the instruction elsewhere and stop behind it: a second trap.
    SingleStepped,
    /// It can't be read, or is of a processor whose instructions this module doesn't know.
    Unknown,
}

impl Class {
    /// The class's stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Emulated => "emulated",
            Self::Optimised => "optimised",
            Self::SingleStepped => "single-stepped",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Bytes that an instruction has at most.
const LONGEST: usize = 15;

/// The class of the code at `offset` in the file at `path`, on the running kernel.
#[must_use]
pub fn at(path: &Path, offset: u64) -> Class {
    if !cfg!(target_arch = "x86_64") {
        return Class::Unknown;
    }
    let mut code = [0; LONGEST];
    let read = File::open(path).and_then(|file| file.read_at(&mut code, offset));
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    match (read, version(&release)) {
        (Ok(length), Some(kernel)) => x86_64(code.get(..length).unwrap_or_default(), offset, kernel),
        _ => Class::Unknown,
    }
}

/// The first two numbers of a kernel's release.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// The class of an x86-64 instruction that `code` begins with and that lies at `offset` in its file, on Linux `kernel`.
///
/// By arch/x86/kernel/uprobes.c: `branch_setup_xol_ops` and `push_setup_xol_ops` in 5.10 to 6.18, `can_optimize` and
/// the nops of several bytes as noted below.
#[must_use]
pub fn x86_64(code: &[u8], offset: u64, kernel: (u32, u32)) -> Class {
    let legacy = code.iter().take_while(|byte| is_legacy_prefix(**byte)).count();
    let (prefixes, rest) = code.split_at_checked(legacy).unwrap_or((code, &[]));
    let (rex, opcode) = match rest {
        [rex @ 0x40..=0x4f, opcode @ ..] => (Some(*rex), opcode),
        opcode => (None, opcode),
    };
    if is_long_nop(code) && kernel >= MULTI_BYTE_NOPS {
        let of_five = code.starts_with(&NOP5) && kernel >= OPTIMISED && offset % PAGE <= PAGE - 5;
        return if of_five { Class::Optimised } else { Class::Emulated };
    }
    match opcode {
        // nop; `pause` too, which is one with a prefix.
        [0x90, ..] => Class::Emulated,
        // push of a register: without a prefix but the one that makes it r8 to r15.
        [0x50..=0x57, ..] if prefixes.is_empty() && matches!(rex, None | Some(0x41)) => Class::Emulated,
        // jmp, call, and conditional jumps, relative. With a prefix that shortens the distance they can't be probed.
        [0xe8 | 0xe9 | 0xeb | 0x70..=0x7f, ..] | [0x0f, 0x80..=0x8f, ..] if !prefixes.contains(&0x66) => {
            Class::Emulated
        }
        [] | [0xe8 | 0xe9 | 0xeb | 0x70..=0x7f, ..] | [0x0f, 0x80..=0x8f, ..] => Class::Unknown,
        _ => Class::SingleStepped,
    }
}

/// Since "uprobes/x86: Add support to emulate NOP instructions".
const MULTI_BYTE_NOPS: (u32, u32) = (6, 16);
/// Since "uprobes/x86: Add support to optimize uprobes".
const OPTIMISED: (u32, u32) = (6, 18);
/// The call is written at once, and so must not lie on two pages.
const PAGE: u64 = 4096;
const NOP5: [u8; 5] = [0x0f, 0x1f, 0x44, 0x00, 0x00];

/// Whether it is one of the nops of 2 to 8 bytes that the kernel itself uses (arch/x86/include/asm/nops.h).
fn is_long_nop(code: &[u8]) -> bool {
    const NOPS: [&[u8]; 7] = [
        &[0x66, 0x90],
        &[0x0f, 0x1f, 0x00],
        &[0x0f, 0x1f, 0x40, 0x00],
        &NOP5,
        &[0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00],
        &[0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00],
        &[0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
    ];
    NOPS.iter().any(|nop| code.starts_with(nop))
}

const fn is_legacy_prefix(byte: u8) -> bool {
    matches!(byte, 0x66 | 0x67 | 0xf0 | 0xf2 | 0xf3 | 0x26 | 0x2e | 0x36 | 0x3e | 0x64 | 0x65)
}

#[cfg(test)]
mod tests {
    use super::{Class, version, x86_64};

    const OLD: (u32, u32) = (6, 1);
    const NEW: (u32, u32) = (6, 18);

    #[test]
    fn the_first_instruction_decides() {
        use Class::{Emulated, SingleStepped, Unknown};
        for (instruction, code, class) in [
            ("push %r15 (rte_kni_alloc, Debian's 22.11)", &[0x41, 0x57, 0x41, 0x56][..], Emulated),
            ("push %rbp", &[0x55, 0x48, 0x89, 0xe5], Emulated),
            ("push %rbx (__rte_panic)", &[0x53, 0x48, 0x89, 0xf3], Emulated),
            ("push %rax with a prefix that means nothing", &[0x48, 0x50], SingleStepped),
            ("pushw %ax", &[0x66, 0x50], SingleStepped),
            ("nop", &[0x90], Emulated),
            ("pause", &[0xf3, 0x90], Emulated),
            ("jmp rel32 (rte_memzone_reserve_bounded)", &[0xe9, 0x7b, 0xfb, 0xff, 0xff], Emulated),
            ("jmp rel8", &[0xeb, 0xfe], Emulated),
            ("call rel32", &[0xe8, 0, 0, 0, 0], Emulated),
            ("bnd jmp rel32", &[0xf2, 0xe9, 0, 0, 0, 0], Emulated),
            ("je rel8", &[0x74, 0x05], Emulated),
            ("je rel32", &[0x0f, 0x84, 0xda, 0x01, 0x00, 0x00], Emulated),
            ("jmpw rel16, which can't be probed", &[0x66, 0xe9, 0, 0], Unknown),
            ("jmp *disp(%rip)", &[0xff, 0x25, 0xba, 0x3f, 0x00, 0x00], SingleStepped),
            ("jrcxz", &[0xe3, 0x00], SingleStepped),
            ("endbr64", &[0xf3, 0x0f, 0x1e, 0xfa], SingleStepped),
            ("sub $8,%rsp (rte_eal_iova_mode)", &[0x48, 0x83, 0xec, 0x08], SingleStepped),
            ("sub $0xd8,%rsp (rte_log)", &[0x48, 0x81, 0xec, 0xd8, 0, 0, 0], SingleStepped),
            ("xor %r9d,%r9d (rte_memzone_reserve)", &[0x45, 0x31, 0xc9], SingleStepped),
            ("test %rdi,%rdi (rte_kni_release)", &[0x48, 0x85, 0xff], SingleStepped),
            ("lea x(%rip),%rdx (rte_kni_init)", &[0x48, 0x8d, 0x15, 0xbe, 0x1f, 0, 0], SingleStepped),
            ("ret", &[0xc3], SingleStepped),
            ("nothing", &[], Unknown),
            ("prefixes and nothing", &[0x66, 0x48], Unknown),
        ] {
            for kernel in [OLD, NEW] {
                assert_eq!(x86_64(code, 0x1000, kernel), class, "{instruction} on {kernel:?}");
            }
        }
    }

    #[test]
    fn nops_of_several_bytes_are_as_fast_as_the_kernel_is_new() {
        use Class::{Emulated, Optimised, SingleStepped};
        let nop5 = [0x0f, 0x1f, 0x44, 0x00, 0x00];
        for (kernel, class) in
            [((6, 15), SingleStepped), ((6, 16), Emulated), (NEW, Optimised), ((7, 0), Optimised)]
        {
            assert_eq!(x86_64(&nop5, 0x1ffb, kernel), class, "{kernel:?}");
        }
        assert_eq!(x86_64(&nop5, 0x1ffc, NEW), Emulated, "on two pages");
        assert_eq!(x86_64(&[0x0f, 0x1f, 0x00], 0, NEW), Emulated, "of three");
        assert_eq!(x86_64(&[0x0f, 0x1f, 0x00], 0, OLD), SingleStepped);
        // `data16 cs nopw`, what compilers pad with.
        let padding = [0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0];
        assert_eq!(x86_64(&padding, 0, NEW), SingleStepped);
    }

    #[test]
    fn a_release_begins_with_its_version() {
        for (release, expected) in [
            ("6.1.0-56-amd64\n", Some((6, 1))),
            ("6.18.44", Some((6, 18))),
            ("5.10", Some((5, 10))),
            ("", None),
            ("linux", None),
        ] {
            assert_eq!(version(release), expected, "{release:?}");
        }
    }
}
