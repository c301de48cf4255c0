//! The messages of rtnetlink that tell of interfaces (`include/uapi/linux/rtnetlink.h`, `if_link.h`).
//!
//! Attributes are taken as bytes: an interface's name need not be text.

use netlink_packet_core::{
    Emitable as _, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR, NetlinkBuffer, NetlinkHeader, NlaBuffer,
    NlasIterator,
};

use crate::event::LinkState;
use crate::untrusted::Untrusted;

const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_GETLINK: u16 = 18;
const RTM_NEWNSID: u16 = 88;
const RTM_GETNSID: u16 = 90;
/// A list is not of one moment.
const NLM_F_DUMP_INTR: u16 = 0x10;

const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_LINKINFO: u16 = 18;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_CARRIER: u16 = 33;
/// Since Linux 4.15: where one went that leaves its namespace (`dev_change_net_namespace` of net/core/dev.c).
const IFLA_NEW_NETNSID: u16 = 45;
const IFLA_NEW_IFINDEX: u16 = 49;
const NETNSA_NSID: u16 = 1;
const NETNSA_FD: u16 = 3;

/// `struct ifinfomsg`: family, padding, type, index, flags, change.
const HEADER_BYTES: usize = 16;
const ARPHRD_ETHER: u16 = 1;
const IFF_UP: u32 = 1;

/// What rtnetlink tells of an interface.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sighting {
    /// Its index.
    pub ifindex: u32,
    /// Its name.
    pub name: Untrusted,
    /// Its MTU.
    pub mtu: Option<u32>,
    /// How it is.
    pub now: Now,
    /// It may be one of the module's: an Ethernet device of no kind that rtnetlink itself could have made.
    pub may_be_kni: bool,
}

/// How an interface is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Now {
    /// Here.
    Is(LinkState),
    /// Gone.
    Gone,
    /// In another network namespace: the number by which this one knows that, and the index there.
    Moved {
        /// The number.
        nsid: i32,
        /// The index.
        ifindex: Option<u32>,
    },
}

/// A message of the kernel's.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Reply {
    Link(Sighting),
    Nsid(i32),
    Done,
    /// What has been listed is not of one moment.
    Interrupted,
    /// A positive errno.
    Error(i32),
}

/// The messages of a datagram. What is broken, or of no interest, is left out.
pub(super) fn replies(datagram: &[u8]) -> impl Iterator<Item = Reply> {
    let mut rest = datagram;
    let mut messages = Vec::new();
    while let Ok(message) = NetlinkBuffer::new_checked(rest) {
        if message.flags() & NLM_F_DUMP_INTR != 0 {
            messages.push(Reply::Interrupted);
        }
        messages.extend(reply(message.message_type(), message.payload()));
        let length = usize::try_from(message.length()).unwrap_or(usize::MAX).next_multiple_of(4);
        rest = rest.get(length..).unwrap_or_default();
    }
    messages.into_iter()
}

fn reply(kind: u16, payload: &[u8]) -> Option<Reply> {
    match kind {
        RTM_NEWLINK | RTM_DELLINK => link(kind, payload).map(Reply::Link),
        RTM_NEWNSID => attributes(payload.get(4..)?)
            .find(|(kind, _)| *kind == NETNSA_NSID)
            .and_then(|(_, value)| Some(Reply::Nsid(word(&value)?.cast_signed()))),
        NLMSG_DONE => Some(Reply::Done),
        NLMSG_ERROR => match word(payload)?.cast_signed() {
            0 => None,
            errno => Some(Reply::Error(errno.saturating_neg())),
        },
        _ => None,
    }
}

fn link(kind: u16, payload: &[u8]) -> Option<Sighting> {
    let (header, rest) = payload.split_at_checked(HEADER_BYTES)?;
    // With a family, it is of something that concerns interfaces: of a bridge's ports, which come and go as such.
    if *header.first()? != 0 {
        return None;
    }
    let device = u16::from_ne_bytes(header.get(2..4)?.try_into().ok()?);
    let flags = word(header.get(8..)?)?;
    let mut sighting = Sighting {
        ifindex: word(header.get(4..)?)?,
        name: Untrusted::default(),
        mtu: None,
        now: Now::Gone,
        may_be_kni: device == ARPHRD_ETHER,
    };
    let (mut carrier, mut nsid, mut new_index) = (false, None, None);
    for (attribute, value) in attributes(rest) {
        match attribute {
            IFLA_IFNAME => sighting.name = Untrusted::until_nul(&value),
            IFLA_MTU => sighting.mtu = word(&value),
            IFLA_CARRIER => carrier = value.first().is_some_and(|carrier| *carrier != 0),
            IFLA_LINKINFO => {
                sighting.may_be_kni &= !attributes(&value).any(|(kind, _)| kind == IFLA_INFO_KIND);
            }
            IFLA_NEW_NETNSID => nsid = word(&value).map(u32::cast_signed),
            IFLA_NEW_IFINDEX => new_index = word(&value),
            _ => {}
        }
    }
    sighting.now = match (kind, nsid) {
        (RTM_NEWLINK, _) => Now::Is(LinkState { up: flags & IFF_UP != 0, carrier }),
        (_, Some(nsid)) => Now::Moved { nsid, ifindex: new_index },
        (_, None) => Now::Gone,
    };
    Some(sighting)
}

fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, Vec<u8>)> {
    NlasIterator::new(bytes)
        .map_while(Result::ok)
        .map(|attribute: NlaBuffer<&[u8]>| (attribute.kind(), attribute.value().to_vec()))
}

/// The 32-bit number at the beginning.
fn word(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.first_chunk()?))
}

/// Asks for interfaces.
pub(super) fn get_link(flags: u16) -> Vec<u8> {
    message(RTM_GETLINK, flags, &[0; HEADER_BYTES])
}

/// Asks by which number the namespace is known that the descriptor is of.
pub(super) fn get_nsid(descriptor: i32) -> Vec<u8> {
    // A family in 4 bytes; an attribute of 8: its length, its kind, the descriptor.
    let attribute = [8_u16.to_ne_bytes(), NETNSA_FD.to_ne_bytes()].concat();
    let body = [&[0; 4], attribute.as_slice(), &descriptor.to_ne_bytes()].concat();
    message(RTM_GETNSID, NLM_F_REQUEST, &body)
}

fn message(message_type: u16, flags: u16, body: &[u8]) -> Vec<u8> {
    let mut header = NetlinkHeader::default();
    (header.message_type, header.flags) = (message_type, flags);
    let mut bytes = vec![0; header.buffer_len()];
    header.length = u32::try_from(bytes.len() + body.len()).unwrap_or(u32::MAX);
    header.emit(&mut bytes);
    bytes.extend_from_slice(body);
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        IFLA_CARRIER, IFLA_IFNAME, IFLA_INFO_KIND, IFLA_LINKINFO, IFLA_MTU, IFLA_NEW_IFINDEX,
        IFLA_NEW_NETNSID, NETNSA_NSID, NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, Now, RTM_DELLINK,
        RTM_NEWLINK, RTM_NEWNSID, Reply, Sighting, message, replies,
    };
    use crate::event::LinkState;

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(4 + value.len()).unwrap();
        let mut bytes = [&length.to_ne_bytes(), &kind.to_ne_bytes(), value].concat();
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn of_link(kind: u16, family: u8, flags: u32, attributes: &[Vec<u8>]) -> Vec<u8> {
        let header = [&[family, 0, 1, 0], &9_u32.to_ne_bytes()[..], &flags.to_ne_bytes(), &[0; 4]].concat();
        message(kind, 0, &[header, attributes.concat()].concat())
    }

    fn seen(name: &[u8], now: Now) -> Sighting {
        Sighting { ifindex: 9, name: name.into(), mtu: None, now, may_be_kni: true }
    }

    #[test]
    fn an_interface_comes_changes_moves_and_goes() {
        let name = || attribute(IFLA_IFNAME, b"vEth0\xff\0");
        let up = Now::Is(LinkState { up: true, carrier: true });
        let down = Now::Is(LinkState { up: false, carrier: false });
        let mtu = attribute(IFLA_MTU, &1400_u32.to_ne_bytes());
        let carrier = attribute(IFLA_CARRIER, &[1]);
        let kind = attribute(IFLA_LINKINFO, &attribute(IFLA_INFO_KIND, b"veth\0"));
        let port = attribute(IFLA_LINKINFO, &attribute(4, b"bridge\0"));
        let nsid = || attribute(IFLA_NEW_NETNSID, &3_u32.to_ne_bytes());
        let index = attribute(IFLA_NEW_IFINDEX, &2_u32.to_ne_bytes());
        let vlan = of_link(RTM_NEWLINK, 0, 0, &[name(), kind]);
        let name_of = b"vEth0\xff";
        for (what, bytes, expected) in [
            ("down", of_link(RTM_NEWLINK, 0, 0, &[name()]), seen(name_of, down)),
            (
                "up",
                of_link(RTM_NEWLINK, 0, 1, &[name(), carrier, mtu]),
                Sighting { mtu: Some(1400), ..seen(name_of, up) },
            ),
            ("of a kind", vlan, Sighting { may_be_kni: false, ..seen(name_of, down) }),
            ("a bridge's port", of_link(RTM_NEWLINK, 0, 0, &[name(), port]), seen(name_of, down)),
            ("gone", of_link(RTM_DELLINK, 0, 0, &[name()]), seen(name_of, Now::Gone)),
            (
                "moved",
                of_link(RTM_DELLINK, 0, 0, &[name(), nsid(), index]),
                seen(name_of, Now::Moved { nsid: 3, ifindex: Some(2) }),
            ),
            (
                "moved, to nobody knows which index",
                of_link(RTM_DELLINK, 0, 0, &[name(), nsid()]),
                seen(name_of, Now::Moved { nsid: 3, ifindex: None }),
            ),
        ] {
            assert_eq!(replies(&bytes).collect::<Vec<_>>(), [Reply::Link(expected)], "{what}");
        }
    }

    #[test]
    fn a_port_that_leaves_its_bridge_is_not_gone() {
        let bytes = of_link(RTM_DELLINK, 7, 0, &[attribute(IFLA_IFNAME, b"vEth0\0")]);
        assert_eq!(replies(&bytes).next(), None);
    }

    #[test]
    fn a_datagram_may_hold_several_messages_of_several_kinds() {
        let name = attribute(IFLA_IFNAME, b"a\0");
        let mut interrupted = of_link(RTM_NEWLINK, 0, 0, &[name]);
        interrupted[6..8].copy_from_slice(&NLM_F_DUMP_INTR.to_ne_bytes());
        let nsid = [vec![0; 4], attribute(NETNSA_NSID, &(-1_i32).to_ne_bytes())].concat();
        let datagram = [
            interrupted,
            message(RTM_NEWNSID, 0, &nsid),
            message(NLMSG_ERROR, 0, &(-95_i32).to_ne_bytes()),
            message(NLMSG_ERROR, 0, &[0; 4]),
            message(99, 0, b"what"),
            message(NLMSG_DONE, 0, &[0; 4]),
        ]
        .concat();
        let all: Vec<_> = replies(&datagram).collect();
        let link = seen(b"a", Now::Is(LinkState { up: false, carrier: false }));
        assert_eq!(
            all,
            [Reply::Interrupted, Reply::Link(link), Reply::Nsid(-1), Reply::Error(95), Reply::Done]
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..96), cut in 0_usize..96) {
            assert!(replies(&bytes).count() <= bytes.len());
            let whole = of_link(RTM_NEWLINK, 0, 1, &[attribute(IFLA_IFNAME, b"vEth0_0\0"), attribute(IFLA_CARRIER, &bytes)]);
            assert!(replies(whole.get(..cut).unwrap_or(&whole)).count() <= 1);
        }
    }
}
