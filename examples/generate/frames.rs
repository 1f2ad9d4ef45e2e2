//! The bytes of frames.

use std::net::IpAddr;

use etherparse::{
    IpHeaders, IpNumber, Ipv4Extensions, Ipv4Header, Ipv6Extensions, Ipv6Header, PacketBuilder, TcpHeader,
    TcpOptionElement, VlanId,
};

use crate::connection::{Options, Segment};

/// The most that a segment carries.
const PAYLOAD: [u8; 1460] = [0x78; 1460];
const HERE: [u8; 6] = [2, 0, 0, 0, 0, 1];
const THERE: [u8; 6] = [2, 0, 0, 0, 0, 2];

/// Makes the frame of a segment.
pub fn encode(segment: &Segment, time_ns: u64, frame: &mut Vec<u8>) {
    frame.clear();
    PacketBuilder::ethernet2(HERE, THERE)
        .ip(ip_header(segment))
        .tcp_header(tcp_header(segment, time_ns))
        .write(frame, &PAYLOAD[..usize::from(segment.len)])
        .expect("a vector takes every frame");
}

fn ip_header(segment: &Segment) -> IpHeaders {
    match (segment.source.0, segment.destination.0) {
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let header = Ipv6Header {
                flow_label: segment.label.try_into().unwrap_or_default(),
                next_header: IpNumber::TCP,
                hop_limit: segment.ttl,
                source: source.octets(),
                destination: destination.octets(),
                ..Ipv6Header::default()
            };
            IpHeaders::Ipv6(header, Ipv6Extensions::default())
        }
        (source, destination) => {
            let octets = |address| if let IpAddr::V4(address) = address { address.octets() } else { [0; 4] };
            let header = Ipv4Header {
                identification: segment.id,
                dont_fragment: true,
                time_to_live: segment.ttl,
                protocol: IpNumber::TCP,
                source: octets(source),
                destination: octets(destination),
                ..Ipv4Header::default()
            };
            IpHeaders::Ipv4(header, Ipv4Extensions::default())
        }
    }
}

fn tcp_header(segment: &Segment, time_ns: u64) -> TcpHeader {
    let mut header = TcpHeader::new(segment.source.1, segment.destination.1, segment.seq, segment.window);
    let has = |letter| segment.flags.contains(letter);
    (header.syn, header.fin, header.rst) = (has('S'), has('F'), has('R'));
    (header.psh, header.ack) = (has('P'), has('.'));
    header.acknowledgment_number = segment.ack;
    let clock = (time_ns / 1_000_000) as u32;
    let echo = if segment.flags == "S" { 0 } else { clock.wrapping_sub(1) };
    let stamps = TcpOptionElement::Timestamp(clock, echo);
    let mss = TcpOptionElement::MaximumSegmentSize(1460);
    let sack = TcpOptionElement::SelectiveAcknowledgementPermitted;
    let scale = TcpOptionElement::WindowScale(7);
    let set = match (segment.options, header.syn) {
        (Options::None, _) => Ok(()),
        (Options::Mss, _) => header.set_options(&[mss]),
        (Options::Usual { timestamps: true }, true) => header.set_options(&[mss, sack, stamps, scale]),
        (Options::Usual { timestamps: false }, true) => header.set_options(&[mss, sack, scale]),
        // Aligned as RFC 7323 appendix A recommends and every stack does.
        (Options::Usual { timestamps: true }, false) => {
            header.set_options(&[TcpOptionElement::Noop, TcpOptionElement::Noop, stamps])
        }
        (Options::Usual { timestamps: false }, false) => Ok(()),
    };
    set.expect("at most 19 bytes of options");
    header
}

/// Makes a frame of another protocol: in turn an ARP request, a question to a name server, a ping.
pub fn noise(number: u64, frame: &mut Vec<u8>) {
    const ARP: [u8; 42] = *b"\xff\xff\xff\xff\xff\xff\x02\0\0\0\0\x01\x08\x06\0\x01\x08\0\x06\x04\0\x01\
        \x02\0\0\0\0\x01\x0a\0\0\x01\0\0\0\0\0\0\x0a\0\0\x02";
    frame.clear();
    let ip = |host| PacketBuilder::ethernet2(HERE, THERE).ipv4([10, 0, 0, 1], [198, 18, 0, host], 64);
    let written = match number % 3 {
        0 => {
            frame.extend(ARP);
            Ok(())
        }
        1 => ip(53).udp(40_000 + (number % 20_000) as u16, 53).write(frame, &PAYLOAD[..40]),
        _ => ip(1).icmpv4_echo_request(1, number as u16).write(frame, &PAYLOAD[..56]),
    };
    written.expect("a vector takes every frame");
}

/// Puts a frame into VXLAN (RFC 7348), in a VLAN.
pub fn tunnel(frame: &[u8], outer: &mut Vec<u8>) {
    const HEADER: [u8; 8] = [8, 0, 0, 0, 0, 0, 100, 0];
    outer.clear();
    PacketBuilder::ethernet2([2, 0, 0, 0, 1, 1], [2, 0, 0, 0, 1, 2])
        .single_vlan(VlanId::try_new(42).unwrap_or_default())
        .ipv4([192, 0, 2, 1], [192, 0, 2, 2], 64)
        .udp(50_000, 4789)
        .write(outer, &[&HEADER, frame].concat())
        .expect("a vector takes every frame");
}
