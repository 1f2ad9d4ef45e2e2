//! IPv6 (RFC 8200), with extension headers, fragments and payload lengths of 0.

use etherparse::err::{ip_auth, ipv6};
use etherparse::{
    IpAuthHeaderSlice, IpFragOffset, IpNumber, Ipv6FragmentHeader, Ipv6FragmentHeaderSlice, Ipv6Header,
    Ipv6HeaderSlice, Ipv6RawExtHeaderSlice, ip_number,
};

use super::{Body, Fragment, Miss, PacketId, leads_to_tcp, no_segment, too_short};
use crate::decode::Skip;
use crate::decode::link::Network;
use crate::tcp::IpFields;

/// The TCP segment behind a header without extension headers; `None` for everything that needs a closer look.
#[inline]
pub(in crate::decode) fn at_known_offset(bytes: &[u8]) -> Option<Body<'_>> {
    let header = Ipv6HeaderSlice::from_slice(bytes).ok()?;
    let len = usize::from(header.payload_length());
    if header.next_header() != ip_number::TCP || len == 0 {
        return None;
    }
    let rest = bytes.get(Ipv6Header::LEN..)?;
    Some(Body { bytes: rest.get(..len).unwrap_or(rest), len, ..empty_body(header) })
}

/// What any IPv6 packet carries.
///
/// A payload length of 0 is what segmentation offload leaves there: the option of a jumbogram stands for it, or else the
/// length on the wire. A fragment that the snapshot length cut is not read, as in Wireshark.
pub(super) fn anywhere<'a>(network: &Network<'a>, wire_len: usize) -> Result<Body<'a>, Miss<'a>> {
    let bytes = network.bytes;
    let header = Ipv6HeaderSlice::from_slice(bytes).map_err(|error| match error {
        ipv6::HeaderSliceError::Len(_) => Skip::Truncated,
        ipv6::HeaderSliceError::Content(_) => Skip::Malformed,
    })?;
    let stated = usize::from(header.payload_length());
    let rest = bytes.get(Ipv6Header::LEN..).unwrap_or_default();
    let len = match (stated, header.next_header()) {
        (0, ip_number::IPV6_HOP_BY_HOP) => jumbo_len(rest).unwrap_or(wire_len.saturating_sub(Ipv6Header::LEN)),
        (0, _) => wire_len.saturating_sub(Ipv6Header::LEN),
        _ => stated,
    };
    let end = Ipv6Header::LEN.saturating_add(len);
    let captured = bytes.get(..end).unwrap_or(bytes);
    let cut = captured.len() < end;
    let mut chain = Chain {
        packet: captured,
        next: header.next_header(),
        named_at: NEXT_HEADER_AT,
        at: Ipv6Header::LEN,
        authenticated: false,
    };
    while !leads_to_tcp(chain.next) {
        chain.step().map_err(|stop| match stop {
            Stop::Skip(skip) => skip.into(),
            Stop::TooShort => too_short(cut).into(),
            Stop::Fragment(_) if cut => Skip::Truncated.into(),
            Stop::Fragment(fragment) => Miss::Fragment(chain.fragment(&fragment, header, network)),
        })?;
    }
    let len = end.saturating_sub(chain.at);
    let (protocol, authenticated) = (chain.next, chain.authenticated);
    Ok(Body { protocol, bytes: chain.rest(), len, authenticated, ..empty_body(header) })
}

/// The payload length of a jumbogram: option 0xc2 of its hop-by-hop header, where it has one that says more than the
/// field of the header could (RFC 2675 section 3).
fn jumbo_len(hop_by_hop: &[u8]) -> Option<usize> {
    const PAD: u8 = 0;
    let header = Ipv6RawExtHeaderSlice::from_slice(hop_by_hop).ok()?;
    let mut options = header.slice().get(2..)?;
    loop {
        options = match *options {
            [0xc2, 4, b0, b1, b2, b3, ..] => {
                let len = usize::try_from(u32::from_be_bytes([b0, b1, b2, b3])).ok()?;
                return (len > usize::from(u16::MAX)).then_some(len);
            }
            [PAD, ref rest @ ..] => rest,
            [_, len, ref rest @ ..] => rest.get(usize::from(len)..)?,
            _ => return None,
        };
    }
}

/// Where the IPv6 header says what follows it.
const NEXT_HEADER_AT: usize = 6;

/// The chain of extension headers, at one of its links.
///
/// The links are etherparse's, the chain is not: its own goes on into the data of a later fragment, and its iterator may
/// not be used on a chain that was cut.
struct Chain<'a> {
    /// The captured bytes of the packet, without padding.
    packet: &'a [u8],
    /// What comes next.
    next: IpNumber,
    /// Where the packet says so.
    named_at: usize,
    /// Where it begins.
    at: usize,
    /// An authentication header has been among them.
    authenticated: bool,
}

/// Why a chain leads to no TCP header.
enum Stop {
    Skip(Skip),
    /// The bytes end within an extension header.
    TooShort,
    /// What follows belongs into another packet.
    Fragment(Ipv6FragmentHeader),
}

impl<'a> Chain<'a> {
    fn rest(&self) -> &'a [u8] {
        self.packet.get(self.at..).unwrap_or_default()
    }

    /// Takes one extension header off. A hop-by-hop header counts wherever it stands, as in Wireshark.
    fn step(&mut self) -> Result<(), Stop> {
        let (next, header_len) = match self.next {
            ip_number::IPV6_HOP_BY_HOP | ip_number::IPV6_ROUTE | ip_number::IPV6_DEST_OPTIONS | ip_number::SHIM6 => {
                let header = Ipv6RawExtHeaderSlice::from_slice(self.rest()).map_err(|_| Stop::TooShort)?;
                (header.next_header(), header.slice().len())
            }
            ip_number::AUTH => {
                let header = IpAuthHeaderSlice::from_slice(self.rest()).map_err(|error| match error {
                    ip_auth::HeaderSliceError::Len(_) => Stop::TooShort,
                    ip_auth::HeaderSliceError::Content(_) => Stop::Skip(Skip::Malformed),
                })?;
                self.authenticated = true;
                (header.next_header(), header.slice().len())
            }
            ip_number::IPV6_FRAG => {
                let header = Ipv6FragmentHeaderSlice::from_slice(self.rest()).map_err(|_| Stop::TooShort)?;
                // One that is all of its packet (RFC 6946) is no fragment.
                if header.is_fragmenting_payload() {
                    return Err(fragmented(header.to_header()));
                }
                (header.next_header(), header.slice().len())
            }
            other => return Err(Stop::Skip(no_segment(other))),
        };
        (self.next, self.named_at, self.at) = (next, self.at, self.at + header_len);
        Ok(())
    }

    /// The fragment whose header comes next.
    fn fragment(&self, own: &Ipv6FragmentHeader, header: Ipv6HeaderSlice<'_>, network: &Network<'a>) -> Fragment<'a> {
        let packet = PacketId {
            src: header.source_addr().into(),
            dst: header.destination_addr().into(),
            id: own.identification,
            protocol: None,
            encap: network.encap,
        };
        Fragment {
            packet,
            offset: own.fragment_offset,
            more: own.more_fragments,
            data: self.rest().get(Ipv6FragmentHeader::LEN..).unwrap_or_default(),
            headers: (own.fragment_offset == IpFragOffset::ZERO).then(|| self.headers_without(own)),
        }
    }

    /// The headers so far, as they were before the fragment header got among them.
    fn headers_without(&self, own: &Ipv6FragmentHeader) -> Vec<u8> {
        let mut headers = self.packet.get(..self.at).unwrap_or_default().to_vec();
        if let Some(named) = headers.get_mut(self.named_at) {
            *named = own.next_header.0;
        }
        headers
    }
}

/// A fragment says what the first one begins with: when that is another extension header, it may still be TCP's.
fn fragmented(header: Ipv6FragmentHeader) -> Stop {
    let carried = header.next_header;
    if leads_to_tcp(carried) || carried.is_ipv6_ext_header_value() {
        Stop::Fragment(header)
    } else {
        Stop::Skip(no_segment(carried))
    }
}

/// What the header itself says.
#[inline]
fn empty_body<'a>(header: Ipv6HeaderSlice<'_>) -> Body<'a> {
    Body {
        src: header.source_addr().into(),
        dst: header.destination_addr().into(),
        fields: IpFields {
            ttl: header.hop_limit(),
            tos: header.traffic_class(),
            id: None,
            dont_fragment: false,
            flow_label: Some(header.flow_label().value()),
        },
        protocol: ip_number::TCP,
        bytes: &[],
        len: 0,
        authenticated: false,
    }
}
