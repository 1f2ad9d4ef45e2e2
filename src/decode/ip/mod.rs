//! IP headers: from the network layer to the bytes of a TCP segment.
//!
//! `v4` and `v6` read the common headers at known offsets and all others with a closer look. Both ways give the same
//! body for whatever the first accepts.

pub(super) mod v4;
pub(super) mod v6;

use std::net::IpAddr;

use etherparse::{IpNumber, ip_number};

use super::Skip;
use super::link::{IPV4, IPV6};
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
    /// It is the first fragment of several.
    pub fragment: bool,
    /// It had an authentication header.
    pub authenticated: bool,
}

/// What is behind any IP header; `wire_len` is what the capture says the packet's length was, padding included.
///
/// An IPv6 header under the ether type of IPv4 (or a link type of raw IP) is read as such, as Wireshark reads it; the
/// opposite is malformed.
pub(super) fn anywhere(ether_type: u16, bytes: &[u8], wire_len: usize) -> Result<Body<'_>, Skip> {
    let version = bytes.first().map(|first| first >> 4);
    match (ether_type, version) {
        (IPV4 | IPV6, None) => Err(Skip::Truncated),
        (IPV4, Some(4)) => v4::anywhere(bytes, wire_len),
        (IPV4 | IPV6, Some(6)) => v6::anywhere(bytes, wire_len),
        (IPV4 | IPV6, Some(_)) => Err(Skip::Malformed),
        _ => Err(Skip::NotIp),
    }
}

/// TCP, or a protocol that a tunnel may be made of.
#[inline]
fn leads_to_tcp(protocol: IpNumber) -> bool {
    use ip_number::{ENCAP_SEC, ETHER_IP, GRE, IPV4, IPV6, LAYER2_TUNNELING_PROTOCOL as L2TP, TCP, UDP};
    matches!(protocol, TCP | UDP | IPV4 | IPV6 | GRE | ETHER_IP | ENCAP_SEC | L2TP)
}

/// Whether a later fragment is none of TCP's: tunnels in UDP and ESP without encryption are few among all of these.
fn rarely_leads_to_tcp(protocol: IpNumber) -> bool {
    matches!(protocol, ip_number::UDP | ip_number::ENCAP_SEC)
}

/// Why a header that does not fit gives no segment: `cut` by the capture, or in a `fragment`, or by IP's own length.
fn too_short(cut: bool, fragment: bool) -> Skip {
    match (cut, fragment) {
        (true, _) => Skip::Truncated,
        (false, true) => Skip::Fragment,
        (false, false) => Skip::Malformed,
    }
}
