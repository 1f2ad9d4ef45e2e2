//! IP headers: from the network layer to the bytes of a TCP segment.
//!
//! `v4` and `v6` read the common headers at known offsets and all others with a closer look. Both ways give the same
//! body for whatever the first accepts.

pub(super) mod v4;
pub(super) mod v6;

use std::net::IpAddr;

use etherparse::{IpFragOffset, IpNumber, Ipv6Header, ip_number};

use super::link::{IPV4, IPV6, Network};
use super::{Encap, Skip};
use crate::tcp::IpFields;

/// What IP carries: a TCP segment, or something that may have one inside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Body<'a> {
    /// Source address.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// What else the header says.
    pub fields: IpFields,
    /// What it is; one of those that [`leads_to_tcp`].
    pub protocol: IpNumber,
    /// The captured bytes from its header on, without link-layer padding: never more than `len`.
    pub bytes: &'a [u8],
    /// How many bytes that were on the wire.
    pub len: usize,
    /// It had an authentication header.
    pub authenticated: bool,
}

/// Why there is no body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Miss<'a> {
    Skip(Skip),
    /// The packet is a part of another.
    Fragment(Fragment<'a>),
}

impl From<Skip> for Miss<'_> {
    fn from(skip: Skip) -> Self {
        Miss::Skip(skip)
    }
}

impl From<Miss<'_>> for Skip {
    fn from(miss: Miss<'_>) -> Self {
        match miss {
            Miss::Skip(skip) => skip,
            Miss::Fragment(_) => Skip::Fragment,
        }
    }
}

/// A wholly captured part of an IP packet that was sent as several.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Fragment<'a> {
    /// Which packet it is a part of.
    pub packet: PacketId,
    /// Where in that packet its data belongs.
    pub offset: IpFragOffset,
    /// Whether data follows in other fragments.
    pub more: bool,
    pub data: &'a [u8],
    /// Of the first fragment: the headers of the whole packet, but for their length field.
    pub headers: Option<Vec<u8>>,
}

/// What all fragments of a packet, and no other packets of the time, have in common (RFC 791 section 3.2, RFC 8200
/// section 4.5).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct PacketId {
    pub src: IpAddr,
    pub dst: IpAddr,
    pub id: u32,
    /// IPv4 only: fragments of an IPv6 packet may differ in what they say of it.
    pub protocol: Option<IpNumber>,
    /// The networks that VLANs and tunnels make of one have addresses of their own.
    pub encap: Encap,
}

/// A whole packet of the headers and the data of its fragments; `None` if it is longer than a packet can be. A checksum in
/// the headers remains that of the first fragment.
pub(super) fn whole(mut headers: Vec<u8>, data: &[u8]) -> Option<Vec<u8>> {
    let total = headers.len() + data.len();
    match headers.as_mut_slice() {
        [0x40..=0x4f, _, hi, lo, ..] => [*hi, *lo] = u16::try_from(total).ok()?.to_be_bytes(),
        [_, _, _, _, hi, lo, ..] => {
            [*hi, *lo] = u16::try_from(total.checked_sub(Ipv6Header::LEN)?).ok()?.to_be_bytes();
        }
        _ => return None,
    }
    headers.extend_from_slice(data);
    Some(headers)
}

/// What is behind any IP header; `wire_len` is what the capture says the packet's length was, padding included.
///
/// An IPv6 header under the ether type of IPv4 (or a link type of raw IP) is read as such, as Wireshark reads it; the
/// opposite is malformed.
pub(super) fn anywhere<'a>(network: &Network<'a>, wire_len: usize) -> Result<Body<'a>, Miss<'a>> {
    let version = network.bytes.first().map(|first| first >> 4);
    match (network.ether_type, version) {
        (IPV4 | IPV6, None) => Err(Skip::Truncated.into()),
        (IPV4, Some(4)) => v4::anywhere(network, wire_len),
        (IPV4 | IPV6, Some(6)) => v6::anywhere(network, wire_len),
        (IPV4 | IPV6, Some(_)) => Err(Skip::Malformed.into()),
        _ => Err(Skip::NotIp.into()),
    }
}

/// TCP, or a protocol that a tunnel may be made of.
#[inline]
fn leads_to_tcp(protocol: IpNumber) -> bool {
    use ip_number::{ENCAP_SEC, ETHER_IP, GRE, IPV4, IPV6, LAYER2_TUNNELING_PROTOCOL as L2TP, TCP, UDP};
    matches!(protocol, TCP | UDP | IPV4 | IPV6 | GRE | ETHER_IP | ENCAP_SEC | L2TP)
}

/// Why a packet of a protocol that does not lead to TCP gives no segment.
fn no_segment(protocol: IpNumber) -> Skip {
    if matches!(protocol, ip_number::ICMP | ip_number::IPV6_ICMP) { Skip::Icmp } else { Skip::NotTcp }
}

/// Why a header that does not fit gives no segment: `cut` by the capture, or by IP's own length.
fn too_short(cut: bool) -> Skip {
    if cut { Skip::Truncated } else { Skip::Malformed }
}
