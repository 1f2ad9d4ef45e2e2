//! Captures of real sockets as scripts' segments, so that all that is done to scripts can be done to them.

use std::net::SocketAddrV4;

use etherparse::{LaxNetSlice, LaxSlicedPacket, TcpOptionElement, TcpSlice, TransportSlice};
use rstscan::frame::Frame;
use rstscan::source::{CaptureFile, Next, Source};
use rstscan::tcp::Flags;

use super::wire::{Capture, Place, Sent};
use super::{Number, TcpOption};

/// The segments of a capture file: Ethernet, IPv4 and TCP in every frame, as in `samples/`.
pub fn segments_of(bytes: &[u8]) -> Capture {
    let mut file = CaptureFile::new(bytes, 0);
    let mut capture = Capture::new();
    loop {
        match file.next().expect("a whole capture") {
            Next::Frame(frame) => capture.push(segment_of(&frame)),
            Next::End => return capture,
            _ => {}
        }
    }
}

fn segment_of(frame: &Frame<'_>) -> Sent {
    const ETHERNET: usize = 14;
    let packet = LaxSlicedPacket::from_ethernet(frame.data).expect("an Ethernet frame");
    let (Some(LaxNetSlice::Ipv4(ip)), Some(TransportSlice::Tcp(tcp))) = (&packet.net, &packet.transport) else {
        panic!("frame {} holds no TCP over IPv4", frame.no.number())
    };
    let ip = ip.header();
    let headers = ETHERNET + ip.slice().len();
    let len = usize::from(ip.total_len()) - ip.slice().len() - tcp.header_slice().len();
    let captured = frame.data.len() - headers;
    let mut payload = tcp.payload().to_vec();
    payload.resize(len, b'x');
    Sent {
        number: Some(frame.no.number()),
        copy: false,
        place: Place::Here,
        time_ns: frame.time.as_nanos(),
        from: SocketAddrV4::new(ip.source_addr(), tcp.source_port()),
        to: SocketAddrV4::new(ip.destination_addr(), tcp.destination_port()),
        flags: Flags(tcp.slice()[13]),
        seq: tcp.sequence_number(),
        ack: tcp.acknowledgment_number(),
        win: tcp.window_size(),
        options: options_of(tcp),
        ttl: ip.ttl(),
        id: ip.identification(),
        tos: ip.slice()[1],
        label: 0,
        cut: (frame.wire_len as usize > frame.data.len()).then_some(captured),
        sum: None,
        around: None,
        icmp: None,
        payload,
    }
}

fn options_of(tcp: &TcpSlice<'_>) -> Vec<TcpOption> {
    let option = |element| match element {
        TcpOptionElement::Noop => TcpOption::Nop,
        TcpOptionElement::MaximumSegmentSize(mss) => TcpOption::Mss(mss),
        TcpOptionElement::WindowScale(shift) => TcpOption::Wscale(shift),
        TcpOptionElement::SelectiveAcknowledgementPermitted => TcpOption::SackOk,
        TcpOptionElement::SelectiveAcknowledgement(first, others) => {
            let blocks = std::iter::once(first).chain(others.into_iter().flatten());
            TcpOption::Sack(blocks.map(|(start, end)| (Number::Absolute(start), Number::Absolute(end))).collect())
        }
        TcpOptionElement::Timestamp(val, ecr) => TcpOption::Ts { val, ecr },
    };
    tcp.options_iterator().map(|element| option(element.expect("options that scripts know"))).collect()
}
