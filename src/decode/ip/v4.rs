//! IPv4 (RFC 791), with options, fragments, authentication headers and total lengths of 0.

use etherparse::err::{ip_auth, ipv4};
use etherparse::{IpFragOffset, Ipv4Header, Ipv4HeaderSlice, LaxIpv4Slice, ip_number};

use super::{Body, Fragment, Miss, PacketId, leads_to_tcp, no_segment, too_short};
use crate::decode::Skip;
use crate::decode::link::Network;
use crate::tcp::IpFields;

/// The TCP segment behind a header without options or fragmentation; `None` for everything that needs a closer look.
#[inline]
pub(in crate::decode) fn at_known_offset(bytes: &[u8]) -> Option<Body<'_>> {
    let header = Ipv4HeaderSlice::from_slice(bytes).ok()?;
    let plain = header.slice().len() == Ipv4Header::MIN_LEN && !header.is_fragmenting_payload();
    if !plain || header.protocol() != ip_number::TCP {
        return None;
    }
    let len = usize::from(header.total_len()).checked_sub(Ipv4Header::MIN_LEN)?;
    let rest = bytes.get(Ipv4Header::MIN_LEN..)?;
    Some(Body { bytes: rest.get(..len).unwrap_or(rest), len, ..empty_body(header) })
}

/// What any IPv4 packet carries.
///
/// A total length of 0 is what segmentation offload leaves there: the length on the wire stands for it. A first fragment
/// that the snapshot length cut cannot be put together with others, so it is read alone, as in Wireshark: the length of its
/// segment is then that of the fragment.
pub(super) fn anywhere<'a>(network: &Network<'a>, wire_len: usize) -> Result<Body<'a>, Miss<'a>> {
    let bytes = network.bytes;
    let (packet, stopped) = LaxIpv4Slice::from_slice(bytes).map_err(|error| match error {
        ipv4::HeaderSliceError::Len(_) => Skip::Truncated,
        ipv4::HeaderSliceError::Content(_) => Skip::Malformed,
    })?;
    let header = packet.header();
    if !leads_to_tcp(header.protocol()) && header.protocol() != ip_number::AUTH {
        return Err(no_segment(header.protocol()).into());
    }
    let stated = usize::from(header.total_len());
    let total = if stated == 0 { wire_len } else { stated };
    let len = total.checked_sub(header.slice().len()).ok_or(Skip::Malformed)?;
    if header.is_fragmenting_payload() {
        match bytes.get(header.slice().len()..total) {
            Some(data) => return Err(Miss::Fragment(fragment(header, data, network))),
            None if header.fragments_offset() != IpFragOffset::ZERO => return Err(Skip::Truncated.into()),
            None => {}
        }
    }
    match stopped {
        Some(ip_auth::HeaderSliceError::Len(_)) => return Err(too_short(bytes.len() < total).into()),
        Some(ip_auth::HeaderSliceError::Content(_)) => return Err(Skip::Malformed.into()),
        None => {}
    }
    let protocol = packet.payload_ip_number();
    if !leads_to_tcp(protocol) {
        return Err(no_segment(protocol).into());
    }
    let authentication = packet.extensions().auth.map_or(0, |header| header.slice().len());
    let len = len.saturating_sub(authentication);
    let authenticated = authentication != 0;
    Ok(Body { protocol, bytes: packet.payload().payload, len, authenticated, ..empty_body(header) })
}

fn fragment<'a>(header: Ipv4HeaderSlice<'_>, data: &'a [u8], network: &Network<'_>) -> Fragment<'a> {
    let offset = header.fragments_offset();
    let headers = (offset == IpFragOffset::ZERO)
        .then(|| Ipv4Header { more_fragments: false, ..header.to_header() }.to_bytes().to_vec());
    let packet = PacketId {
        src: header.source_addr().into(),
        dst: header.destination_addr().into(),
        id: header.identification().into(),
        protocol: Some(header.protocol()),
        encap: network.encap,
    };
    Fragment { packet, offset, more: header.more_fragments(), data, headers }
}

/// What the header itself says.
#[inline]
fn empty_body<'a>(header: Ipv4HeaderSlice<'_>) -> Body<'a> {
    Body {
        src: header.source_addr().into(),
        dst: header.destination_addr().into(),
        fields: IpFields {
            ttl: header.ttl(),
            tos: header.dcp().value() << 2 | header.ecn().value(),
            id: Some(header.identification()),
            dont_fragment: header.dont_fragment(),
            flow_label: None,
        },
        protocol: ip_number::TCP,
        bytes: &[],
        len: 0,
        authenticated: false,
    }
}
