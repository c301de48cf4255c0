//! Rules of the kernel that a refusal is checked against.

/// Whether the network core takes `name` for an interface's: `dev_valid_name` and `__dev_alloc_name` in
/// `net/core/dev.c` (Linux 5.10 to 6.12). A `%` begins a number to be filled in: `%d`, once.
pub(super) fn is_interface_name(name: &[u8]) -> bool {
    const MAX: usize = 15;
    let is_bad = |byte: &u8| matches!(*byte, b'/' | b':' | b' ' | 0x09..=0x0d | 0xa0);
    let mut numbers = name.iter().enumerate().filter(|(_, byte)| **byte == b'%');
    let number = numbers.next().is_none_or(|(at, _)| name.get(at + 1) == Some(&b'd'));
    !name.is_empty()
        && name.len() <= MAX
        && name != b"."
        && name != b".."
        && !name.iter().any(is_bad)
        && number
        && numbers.next().is_none()
}

/// Whether `cpu` is in a list such as `0-3,8`; `None`: that is no list.
pub(super) fn is_online(cpus: &[u8], cpu: u32) -> Option<bool> {
    let cpus = std::str::from_utf8(cpus).ok()?.trim();
    let mut online = false;
    for part in cpus.split(',') {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let (from, to): (u32, u32) = (from.parse().ok()?, to.parse().ok()?);
        online |= (from..=to).contains(&cpu);
    }
    Some(online)
}

#[cfg(test)]
mod tests {
    use super::{is_interface_name, is_online};

    #[test]
    fn names_that_the_kernel_takes_and_does_not() {
        for name in ["vEth0", "a", "x%d", "123456789012345", "...", "a.b-c"] {
            assert!(is_interface_name(name.as_bytes()), "{name}");
        }
        for name in ["", ".", "..", "a/b", "a:b", "a b", "a\tb", "1234567890123456", "x%s", "x%", "%d%d"] {
            assert!(!is_interface_name(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn cpus_are_looked_up_in_the_kernel_s_list() {
        for (list, cpu, online) in [
            ("0-1", 1, Some(true)),
            ("0-1", 2, Some(false)),
            ("0,4-7", 5, Some(true)),
            ("0", u32::MAX, Some(false)),
            ("", 0, None),
            ("none", 0, None),
        ] {
            assert_eq!(is_online(list.as_bytes(), cpu), online, "{list} {cpu}");
        }
    }
}
