//! ESP without encryption. Nothing in a packet says that there is none, so only what cannot be chance is taken for it
//! (RFC 5879): the trailer, exact lengths, and a right checksum of the packet inside.

use std::net::IpAddr;

use etherparse::{IpNumber, Ipv4HeaderSlice, Ipv6Header, Ipv6HeaderSlice, TcpSlice, ip_number};

use crate::decode::Skip;
use crate::decode::ip::Body;

/// Lengths of the integrity check value: HMAC-MD5 and -SHA1, HMAC-SHA-256 and AES-GMAC, -384, -512, none (RFC 5879
/// section 8.1 and table 1).
const CHECK_LENS: [usize; 5] = [12, 16, 24, 32, 0];
/// Lengths of the initialization vector: none, and that of AES-GMAC (RFC 4543).
const VECTOR_LENS: [usize; 2] = [0, 8];
/// Security parameters index and sequence number.
const HEADER_LEN: usize = 8;

/// What the payload of an ESP packet is, in the place of ESP itself; [`Skip::Encrypted`] if it may be encrypted or was cut:
/// its end is needed.
pub(super) fn not_encrypted<'a>(body: &Body<'a>) -> Result<Body<'a>, Skip> {
    let whole = body.bytes.len() == body.len;
    let data = body.bytes.get(HEADER_LEN..).filter(|_| whole).ok_or(Skip::Encrypted)?;
    let variants = CHECK_LENS.into_iter().flat_map(|check| VECTOR_LENS.map(|vector| (check, vector)));
    let inside = variants.into_iter().find_map(|(check, vector)| {
        let end = data.len().checked_sub(check)?;
        let (protocol, bytes) = without_trailer(data.get(vector..end)?)?;
        is_sound(body, protocol, bytes).then_some(Body { protocol, bytes, len: bytes.len(), ..*body })
    });
    inside.ok_or(Skip::Encrypted)
}

/// Takes off padding, its length and the next header (RFC 4303 section 2.4): the padding counts from 1, and fills up to
/// four bytes.
fn without_trailer(bytes: &[u8]) -> Option<(IpNumber, &[u8])> {
    let [before @ .., pad_len, next] = bytes else { return None };
    let (payload, padding) = before.split_at_checked(before.len().checked_sub(usize::from(*pad_len))?)?;
    let counts = padding.iter().copied().eq(1..=*pad_len);
    (counts && bytes.len().is_multiple_of(4)).then_some((IpNumber(*next), payload))
}

/// Whether the payload is what the trailer says: all of it one packet or segment, with a right checksum.
fn is_sound(outer: &Body<'_>, protocol: IpNumber, payload: &[u8]) -> bool {
    match protocol {
        ip_number::TCP => tcp_is_right(payload, outer.src, outer.dst),
        ip_number::IPV4 => Ipv4HeaderSlice::from_slice(payload).is_ok_and(|header| {
            usize::from(header.total_len()) == payload.len()
                && header.header_checksum() == header.to_header().calc_header_checksum()
        }),
        ip_number::IPV6 => Ipv6HeaderSlice::from_slice(payload).is_ok_and(|header| {
            let body = payload.get(Ipv6Header::LEN..).unwrap_or_default();
            header.next_header() == ip_number::TCP
                && usize::from(header.payload_length()) == body.len()
                && tcp_is_right(body, header.source_addr().into(), header.destination_addr().into())
        }),
        _ => false,
    }
}

/// Whether this is a TCP segment: its reserved bits are zero and its checksum is right.
fn tcp_is_right(bytes: &[u8], src: IpAddr, dst: IpAddr) -> bool {
    const RESERVED: u8 = 0x0e;
    let Ok(segment) = TcpSlice::from_slice(bytes) else { return false };
    let checksum = match (src, dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => segment.calc_checksum_ipv4(src.octets(), dst.octets()),
        (IpAddr::V6(src), IpAddr::V6(dst)) => segment.calc_checksum_ipv6(src.octets(), dst.octets()),
        _ => return false,
    };
    bytes.get(12).is_some_and(|offset| offset & RESERVED == 0) && checksum == Ok(segment.checksum())
}
