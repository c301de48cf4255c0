//! The struct behind a request, as its caller claims it.

use kni_ebpf::kni::request_size;

use crate::event::Read;
use crate::untrusted::Untrusted;

/// Bytes of the name in the layout of DPDK 19.11 and later.
const SHORT_NAME: usize = 16;
/// Bytes of the name in all layouts before.
const LONG_NAME: usize = 32;
/// Size of the struct of two layouts: up to 17.11, and from 19.11 on.
const SHARED_SIZE: u32 = 136;

/// The interface's name in the struct `info` behind the request `cmd`, if one can be read there.
///
/// The size says how long the name's field is, but for 136 bytes: there, addresses may follow after
/// 16 bytes of name. A name that runs on into them is cut where they begin.
#[must_use]
pub(super) fn claimed_name(cmd: u32, info: &Read) -> Option<Untrusted> {
    let Read::Bytes(info) = info else { return None };
    let info = info.as_bytes();
    let field = info.get(..LONG_NAME).unwrap_or(info);
    let name = Untrusted::until_nul(field);
    let (short, tail) = name.as_bytes().split_at_checked(SHORT_NAME).unwrap_or((name.as_bytes(), &[]));
    let addresses = request_size(cmd) == SHARED_SIZE && !tail.iter().all(u8::is_ascii_graphic);
    let name = if addresses { short.into() } else { name };
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::claimed_name;
    use crate::event::Read;

    #[test]
    fn the_name_ends_where_its_layout_ends_it() {
        let create = |size: u32| 0xc000_0002 | size << 16;
        let info = |head: &[u8]| {
            let mut bytes = head.to_vec();
            bytes.resize(136, 0);
            Read::Bytes(bytes.as_slice().into())
        };
        let addresses = b"vEth0_0123456789\x80\x40\xc6\x0a\x01";
        for (what, cmd, info, name) in [
            ("short, all layouts", create(136), info(b"vEth0_0\0\0\0\0\0\0\0\0\0\x80\x40"), Some("vEth0_0")),
            ("32 bytes of 18.11", create(152), info(b"vEth0_0123456789abc"), Some("vEth0_0123456789abc")),
            ("32 bytes of 16.04", create(136), info(b"vEth0_0123456789abc"), Some("vEth0_0123456789abc")),
            ("16 bytes of 22.11 without a NUL", create(136), info(addresses), Some("vEth0_0123456789")),
            ("cut short", create(136), Read::Bytes("vEth".into()), Some("vEth")),
            ("empty", create(136), info(b""), None),
            ("unreadable", create(136), Read::Failed(-14), None),
        ] {
            assert_eq!(claimed_name(cmd, &info), name.map(Into::into), "{what}");
        }
    }
}
