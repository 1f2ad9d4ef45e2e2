//! Headers byte by byte.

use etherparse::{IpNumber, Ipv4Header, Ipv6FlowLabel, Ipv6Header};

use crate::connection::Packet;

/// The ends of every tunnel.
const OUTER: [[u8; 4]; 2] = [[203, 0, 113, 1], [203, 0, 113, 2]];

/// Ethernet II between two stations.
pub fn ethernet(packet: &Packet, ether_type: u16, parts: &[&[u8]]) -> Vec<u8> {
    let [client, server] = stations();
    let (from, to) = if packet.from_client { (client, server) } else { (server, client) };
    [&to, &from, ether_type.to_be_bytes().as_slice(), &parts.concat()].concat()
}

/// The Ethernet addresses of client and server.
pub fn stations() -> [[u8; 6]; 2] {
    [[2, 0, 0, 0, 0, 0x0c], [2, 0, 0, 0, 0, 0x05]]
}

/// The checksum at the end of an Ethernet frame (IEEE 802.3 section 3.2.9).
pub fn checksum(frame: &[u8]) -> [u8; 4] {
    let shifted = |sum: u32, _| if sum & 1 == 0 { sum >> 1 } else { sum >> 1 ^ 0xedb8_8320 };
    let sum = frame.iter().fold(u32::MAX, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), shifted));
    (!sum).to_le_bytes()
}

/// The client's or server's frame on its own network: Ethernet and IPv4.
pub fn frame(packet: &Packet) -> Vec<u8> {
    ethernet(packet, 0x0800, &[&packet.four])
}

/// What follows the type of a tag: priority and id, then the next type.
pub fn tag(id: u16, ether_type: u16) -> [u8; 4] {
    let [[a, b], [c, d]] = [id.to_be_bytes(), ether_type.to_be_bytes()];
    [a, b, c, d]
}

/// LLC and SNAP of IPv4 (RFC 1042).
pub const SNAP: [u8; 8] = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];

/// An IPv4 packet between the ends of the tunnel.
pub fn ipv4(packet: &Packet, protocol: u8, parts: &[&[u8]]) -> Vec<u8> {
    let [a, b] = OUTER;
    let (source, destination) = if packet.from_client { (a, b) } else { (b, a) };
    ipv4_between((source, destination), protocol, &parts.concat())
}

/// An IPv4 packet.
pub fn ipv4_between((source, destination): ([u8; 4], [u8; 4]), protocol: u8, body: &[u8]) -> Vec<u8> {
    let len = u16::try_from(body.len()).expect("a small packet");
    let mut header = Ipv4Header::new(len, 255, IpNumber(protocol), source, destination).expect("a small packet");
    header.header_checksum = header.calc_header_checksum();
    [header.to_bytes().as_slice(), body].concat()
}

/// An IPv6 packet between the ends of the tunnel.
pub fn ipv6(packet: &Packet, next_header: u8, parts: &[&[u8]]) -> Vec<u8> {
    let ends = OUTER.map(|end| [[0xfd; 12].as_slice(), &end].concat().try_into().expect("16 bytes"));
    let [source, destination] = if packet.from_client { ends } else { [ends[1], ends[0]] };
    let body = parts.concat();
    let header = Ipv6Header {
        traffic_class: 0,
        flow_label: Ipv6FlowLabel::ZERO,
        payload_length: u16::try_from(body.len()).expect("a small packet"),
        next_header: IpNumber(next_header),
        hop_limit: 255,
        source,
        destination,
    };
    [header.to_bytes().as_slice(), &body].concat()
}

/// Ethernet, IPv4 and what that carries.
pub fn in_ipv4(packet: &Packet, protocol: u8, parts: &[&[u8]]) -> Vec<u8> {
    ethernet(packet, 0x0800, &[&ipv4(packet, protocol, parts)])
}

/// Ethernet, IPv4, GRE and what that carries.
pub fn in_gre(packet: &Packet, parts: &[&[u8]]) -> Vec<u8> {
    in_ipv4(packet, 47, parts)
}

/// Ethernet, IPv4, UDP to a port of the tunnel, and what that carries.
pub fn in_udp(packet: &Packet, port: u16, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let len = u16::try_from(8 + body.len()).expect("a small packet");
    let header = [49152, port, len, 0].map(u16::to_be_bytes).concat();
    in_ipv4(packet, 17, &[&header, &body])
}

/// IPv4 from and to the ends of the connection itself, around what replaces its TCP segment.
pub fn own_ipv4(packet: &Packet, protocol: u8, body: &[u8]) -> Vec<u8> {
    let address = |at: usize| packet.four[at..at + 4].try_into().expect("four bytes");
    ethernet(packet, 0x0800, &[&ipv4_between((address(12), address(16)), protocol, body)])
}
