//! Frames made byte by byte, for the tests of the decoder.

use etherparse::{Ipv4HeaderSlice, Ipv6HeaderSlice, TcpSlice};

use crate::frame::{Frame, FrameNo, LinkType, Timestamp};

pub(super) const TCP: u8 = 6;
pub(super) const RST_ACK: u8 = 0x14;
pub(super) const SYN: u8 = 0x02;

/// What a SYN of Linux carries: mss 1460, sackOK, TS val 7 ecr 0, nop, wscale 9.
pub(super) const SYN_OPTIONS: [u8; 20] = [2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0, 0, 0, 7, 0, 0, 0, 0, 1, 3, 3, 9];

/// A frame of these bytes, wholly captured.
pub(super) fn frame(link: LinkType, data: &[u8]) -> Frame<'_> {
    cut_frame(link, data, data.len())
}

/// A frame of which these bytes were captured.
pub(super) fn cut_frame(link: LinkType, data: &[u8], wire_len: usize) -> Frame<'_> {
    let wire_len = u32::try_from(wire_len).unwrap();
    Frame { no: FrameNo::new(0, 1), time: Timestamp::from_nanos(5), link, data, wire_len }
}

/// Port 1234 to 80, sequence number 100, acknowledgment 200, window 500.
pub(super) fn segment(flags: u8, options: &[u8], payload: &[u8]) -> Vec<u8> {
    assert_eq!(options.len() % 4, 0);
    let offset = u8::try_from(5 + options.len() / 4).unwrap() << 4;
    let header = [0x04, 0xd2, 0, 80, 0, 0, 0, 100, 0, 0, 0, 200, offset, flags, 0x01, 0xf4, 0, 0, 0, 0];
    [&header, options, payload].concat()
}

/// 10.0.0.1 to 10.0.0.2, TTL 64, ToS 0x2e, identification 0x1234, don't fragment.
pub(super) fn ipv4(protocol: u8, options: &[u8], body: &[u8]) -> Vec<u8> {
    assert_eq!(options.len() % 4, 0);
    let first = 0x45 + u8::try_from(options.len() / 4).unwrap();
    let [hi, lo] = be16(20 + options.len() + body.len());
    let header = [first, 0x2e, hi, lo, 0x12, 0x34, 0x40, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    [&header, options, body].concat()
}

/// fd00::1 to fd00::2, hop limit 64, traffic class 0x2e, flow label 0x12345.
pub(super) fn ipv6(next_header: u8, body: &[u8]) -> Vec<u8> {
    let [hi, lo] = be16(body.len());
    let mut packet = vec![0x62, 0xe1, 0x23, 0x45, hi, lo, next_header, 64];
    for last in [1, 2] {
        packet.extend([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
    }
    packet.extend_from_slice(body);
    packet
}

pub(super) fn ethernet(ether_type: u16, rest: &[u8]) -> Vec<u8> {
    [&[2; 12], ether_type.to_be_bytes().as_slice(), rest].concat()
}

/// What follows the type of a VLAN tag: id (with priority 5) and inner ether type.
pub(super) fn vlan(id: u16, ether_type: u16, rest: &[u8]) -> Vec<u8> {
    [(0xa000 | id).to_be_bytes().as_slice(), ether_type.to_be_bytes().as_slice(), rest].concat()
}

pub(super) fn be16(number: usize) -> [u8; 2] {
    u16::try_from(number).unwrap().to_be_bytes()
}

/// The same bytes with others from `at` on.
pub(super) fn with(mut bytes: Vec<u8>, at: usize, other: &[u8]) -> Vec<u8> {
    bytes[at..at + other.len()].copy_from_slice(other);
    bytes
}

/// An IP packet without options that holds a TCP segment, with right checksums.
pub(super) fn with_checksums(packet: &[u8]) -> Vec<u8> {
    if packet[0] >> 4 == 6 {
        let header = Ipv6HeaderSlice::from_slice(packet).unwrap();
        let segment = TcpSlice::from_slice(&packet[40..]).unwrap();
        let sum = segment.calc_checksum_ipv6(header.source(), header.destination()).unwrap();
        return with(packet.to_vec(), 40 + 16, &sum.to_be_bytes());
    }
    let header = Ipv4HeaderSlice::from_slice(packet).unwrap();
    let segment = TcpSlice::from_slice(&packet[20..]).unwrap();
    let sum = segment.calc_checksum_ipv4(header.source(), header.destination()).unwrap();
    let packet = with(packet.to_vec(), 10, &header.to_header().calc_header_checksum().to_be_bytes());
    with(packet, 20 + 16, &sum.to_be_bytes())
}
