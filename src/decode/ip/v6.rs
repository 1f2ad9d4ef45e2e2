//! IPv6 (RFC 8200), with extension headers, fragments and payload lengths of 0.

use etherparse::err::{ip_auth, ipv6};
use etherparse::{
    IpAuthHeaderSlice, IpNumber, Ipv6FragmentHeaderSlice, Ipv6Header, Ipv6HeaderSlice, Ipv6RawExtHeaderSlice, ip_number,
};

use super::{Body, leads_to_tcp, rarely_leads_to_tcp, too_short};
use crate::decode::Skip;
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
/// length on the wire.
pub(super) fn anywhere(bytes: &[u8], wire_len: usize) -> Result<Body<'_>, Skip> {
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
    let captured = rest.get(..len).unwrap_or(rest);
    let mut extensions =
        Extensions { next: header.next_header(), rest: captured, fragment: false, authenticated: false };
    while !leads_to_tcp(extensions.next) {
        extensions.step().map_err(|stop| match stop {
            Stop::Skip(skip) => skip,
            Stop::TooShort => too_short(captured.len() < len, extensions.fragment),
        })?;
    }
    let len = len.saturating_sub(captured.len() - extensions.rest.len());
    let Extensions { next: protocol, rest: bytes, fragment, authenticated } = extensions;
    Ok(Body { protocol, bytes, len, fragment, authenticated, ..empty_body(header) })
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

/// The chain of extension headers, at one of its links.
///
/// The links are etherparse's, the chain is not: its own goes on into the data of a later fragment, and its iterator may
/// not be used on a chain that was cut.
struct Extensions<'a> {
    /// What `rest` begins with.
    next: IpNumber,
    rest: &'a [u8],
    /// A fragment header said that more fragments follow.
    fragment: bool,
    /// One of them was an authentication header.
    authenticated: bool,
}

/// Why a chain leads to no TCP header.
enum Stop {
    Skip(Skip),
    /// The bytes end within an extension header.
    TooShort,
}

impl Extensions<'_> {
    /// Takes one extension header off. A hop-by-hop header counts wherever it stands, as in Wireshark.
    fn step(&mut self) -> Result<(), Stop> {
        let (next, header_len) = match self.next {
            ip_number::IPV6_HOP_BY_HOP | ip_number::IPV6_ROUTE | ip_number::IPV6_DEST_OPTIONS | ip_number::SHIM6 => {
                let header = Ipv6RawExtHeaderSlice::from_slice(self.rest).map_err(|_| Stop::TooShort)?;
                (header.next_header(), header.slice().len())
            }
            ip_number::AUTH => {
                let header = IpAuthHeaderSlice::from_slice(self.rest).map_err(|error| match error {
                    ip_auth::HeaderSliceError::Len(_) => Stop::TooShort,
                    ip_auth::HeaderSliceError::Content(_) => Stop::Skip(Skip::Malformed),
                })?;
                self.authenticated = true;
                (header.next_header(), header.slice().len())
            }
            ip_number::IPV6_FRAG => {
                let header = Ipv6FragmentHeaderSlice::from_slice(self.rest).map_err(|_| Stop::TooShort)?;
                if header.fragment_offset().value() != 0 {
                    return Err(Stop::Skip(later_fragment(header.next_header())));
                }
                self.fragment |= header.more_fragments();
                (header.next_header(), header.slice().len())
            }
            _ => return Err(Stop::Skip(Skip::NotTcp)),
        };
        (self.next, self.rest) = (next, self.rest.get(header_len..).unwrap_or_default());
        Ok(())
    }
}

/// A later fragment says what the first one begins with: when that is another extension header, it may still be TCP's.
fn later_fragment(carried: IpNumber) -> Skip {
    let whole = !rarely_leads_to_tcp(carried) && leads_to_tcp(carried);
    if whole || carried.is_ipv6_ext_header_value() { Skip::Fragment } else { Skip::NotTcp }
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
        fragment: false,
        authenticated: false,
    }
}
