//! Checksums of the IPv4 header (RFC 791) and of the segment (RFC 9293 section 3.1).

use std::net::IpAddr;

use etherparse::checksum::Sum16BitWords;
use etherparse::{Ipv4HeaderSlice, LaxIpSlice, LenSource, TcpSlice, ip_number};

use super::innermost_packet;
use crate::frame::Frame;
use crate::tcp::{Checksums, Sum};

/// Whether the checksums around the segment of a frame are right. Sums up every byte: not for each frame.
#[cold]
pub fn checksums(frame: &Frame<'_>) -> Checksums {
    innermost_packet(frame).and_then(of_packet).unwrap_or_default()
}

fn of_packet(bytes: &[u8]) -> Option<Checksums> {
    let (packet, _) = LaxIpSlice::from_slice(bytes).ok()?;
    let ip = packet.ipv4().map_or(Sum::Unknown, |packet| of_header(&packet.header()));
    // The sum may cover another destination than the header's where extension headers lead to one (RFC 8200 section 8.1).
    let plain = packet.ipv6().is_none_or(|packet| packet.header().next_header() == ip_number::TCP);
    let body = packet.payload();
    // Without a length of its own, the packet cannot be told from what Ethernet pads it with.
    let whole = !body.incomplete && !body.fragmented && body.len_source != LenSource::Slice;
    if !plain || !whole || body.ip_number != ip_number::TCP {
        return Some(Checksums { ip, tcp: Sum::Unknown });
    }
    let segment = TcpSlice::from_slice(body.payload).ok()?;
    Some(Checksums { ip, tcp: of_segment(&segment, packet.source_addr(), packet.destination_addr())? })
}

fn of_header(header: &Ipv4HeaderSlice<'_>) -> Sum {
    match header.header_checksum() {
        _ if is_right(Sum16BitWords::new().add_slice(header.slice())) => Sum::Right,
        0 => Sum::Offloaded,
        _ => Sum::Wrong,
    }
}

/// Whether this is the sum of what a right checksum is in: all bits set (RFC 1071 section 1).
fn is_right(sum: Sum16BitWords) -> bool {
    sum.ones_complement() == 0
}

/// Where hardware is to fill it in, the field holds 0 or the sum of the pseudo-header, with the length (Linux
/// `CHECKSUM_PARTIAL`) or, for a segment to be divided, without.
fn of_segment(segment: &TcpSlice<'_>, src: IpAddr, dst: IpAddr) -> Option<Sum> {
    let len = u32::try_from(segment.slice().len()).ok()?;
    let is_partial = |len| segment.checksum() == !pseudo_header(src, dst, len).ones_complement().to_be();
    Some(match segment.checksum() {
        _ if is_right(pseudo_header(src, dst, len).add_slice(segment.slice())) => Sum::Right,
        0 => Sum::Offloaded,
        _ if is_partial(len) || is_partial(0) => Sum::Offloaded,
        _ => Sum::Wrong,
    })
}

/// The sum of a pseudo-header.
fn pseudo_header(src: IpAddr, dst: IpAddr, len: u32) -> Sum16BitWords {
    let mut sum = Sum16BitWords::new();
    for address in [src, dst] {
        sum = match address {
            IpAddr::V4(address) => sum.add_4bytes(address.octets()),
            IpAddr::V6(address) => sum.add_16bytes(address.octets()),
        };
    }
    sum.add_2bytes([0, ip_number::TCP.0]).add_4bytes(len.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::link::{IPV4, IPV6};
    use crate::decode::testing::{RST_ACK, TCP, cut_frame, ethernet, frame, ipv4, ipv6, segment, with};
    use crate::frame::LinkType;

    fn found(bytes: &[u8]) -> (Sum, Sum) {
        let Checksums { ip, tcp } = checksums(&frame(LinkType::ETHERNET, bytes));
        (ip, tcp)
    }

    fn rst(checksum: u16) -> Vec<u8> {
        with(segment(RST_ACK, &[], b"bye"), 16, &checksum.to_be_bytes())
    }

    /// A RST with three bytes of text, padded; 0x1469 and 0xcc0f are right, computed apart from this.
    fn over_ipv4(ip: u16, tcp: u16) -> Vec<u8> {
        let packet = with(ipv4(TCP, &[], &rst(tcp)), 10, &ip.to_be_bytes());
        [ethernet(IPV4, &packet), vec![0xaa; 3]].concat()
    }

    #[test]
    fn right_ones_wrong_ones_and_those_left_to_hardware_are_told_apart() {
        assert_eq!(found(&over_ipv4(0x1469, 0xcc0f)), (Sum::Right, Sum::Right));
        assert_eq!(found(&over_ipv4(0x1469, 0xcc10)), (Sum::Right, Sum::Wrong));
        assert_eq!(found(&over_ipv4(0x1468, 0xcc0f)), (Sum::Wrong, Sum::Right));
        assert_eq!(found(&over_ipv4(0, 0)), (Sum::Offloaded, Sum::Offloaded));
        assert_eq!(found(&over_ipv4(0x1469, 0x1420)), (Sum::Right, Sum::Offloaded), "with the length");
        assert_eq!(found(&over_ipv4(0x1469, 0x1409)), (Sum::Right, Sum::Offloaded), "without");
    }

    #[test]
    fn ipv6_has_one_checksum() {
        let over_ipv6 = |tcp| ethernet(IPV6, &ipv6(TCP, &rst(tcp)));
        assert_eq!(found(&over_ipv6(0xe60d)), (Sum::Unknown, Sum::Right));
        assert_eq!(found(&over_ipv6(0xe60e)), (Sum::Unknown, Sum::Wrong));
        assert_eq!(found(&over_ipv6(0xfa21)), (Sum::Unknown, Sum::Offloaded));
        let routed = [&[TCP, 0, 0, 0, 0, 0, 0, 0], rst(0xe60e).as_slice()].concat();
        assert_eq!(found(&ethernet(IPV6, &ipv6(43, &routed))), (Sum::Unknown, Sum::Unknown));
    }

    #[test]
    fn what_is_not_all_there_is_not_judged() {
        let whole = over_ipv4(0x1469, 0xcc10);
        let cut = &whole[..14 + 20 + 22];
        let found_cut = checksums(&cut_frame(LinkType::ETHERNET, cut, whole.len()));
        assert_eq!((found_cut.ip, found_cut.tcp), (Sum::Right, Sum::Unknown));
        let unsized_packet = with(over_ipv4(0x1469, 0xcc10), 16, &[0, 0]);
        assert_eq!(found(&unsized_packet).1, Sum::Unknown);
        let first_fragment = with(over_ipv4(0x1469, 0xcc10), 20, &[0x20, 0]);
        assert_eq!(found(&first_fragment).1, Sum::Unknown);
        assert_eq!(checksums(&frame(LinkType::ETHERNET, &[])), Checksums::default());
    }
}
