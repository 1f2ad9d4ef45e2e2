//! The bytes of frames, and the file they go into.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::net::{Ipv4Addr, Ipv6Addr};

use etherparse::{
    IpHeaders, IpNumber, Ipv4Extensions, Ipv4Header, Ipv6Extensions, Ipv6Header, PacketBuilder, TcpHeader,
    TcpOptionElement, VlanId,
};

use crate::connection::{Connection, Ending, Segment};

/// The bytes of a segment's frame.
pub fn encode(connection: &mut Connection, segment: &Segment, time_ns: u64, frame: &mut Vec<u8>) {
    let payload = [0x78; 104];
    let ip = if connection.ipv6 { ipv6_header(connection, segment) } else { ipv4_header(connection, segment) };
    frame.clear();
    PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2])
        .ip(ip)
        .tcp_header(tcp_header(connection, segment, time_ns))
        .write(frame, &payload[..segment.len])
        .expect("a vector takes every frame");
}

/// A client has 50000 ports, a server the ports of four services, of which the last has no listener.
fn ports(connection: &Connection) -> (u16, u16) {
    let server =
        if connection.ending == Ending::ClosedPort { 8443 } else { [80, 443, 5432][connection.number as usize % 3] };
    (10_000 + (connection.number % 50_000) as u16, server)
}

fn hosts(connection: &Connection) -> (Ipv4Addr, Ipv4Addr) {
    let client = u32::from(Ipv4Addr::new(10, 0, 0, 0))
        + (connection.number / 50_000) as u32 * 256
        + (connection.number % 251) as u32;
    let server = u32::from(Ipv4Addr::new(198, 18, 0, 0)) + (connection.number % 64) as u32;
    (client.into(), server.into())
}

fn ipv4_header(connection: &mut Connection, segment: &Segment) -> IpHeaders {
    let (client, server) = hosts(connection);
    let (source, destination) = if segment.from_client { (client, server) } else { (server, client) };
    let id = identification(connection, segment);
    let mut header = Ipv4Header { identification: id, dont_fragment: true, time_to_live: 64, ..Ipv4Header::default() };
    header.protocol = IpNumber::TCP;
    header.source = source.octets();
    header.destination = destination.octets();
    IpHeaders::Ipv4(header, Ipv4Extensions::default())
}

/// As Linux counts: 0 for a SYN|ACK and for what is made without a socket, else one more than the last.
fn identification(connection: &mut Connection, segment: &Segment) -> u16 {
    if segment.bare || segment.flags == "S." {
        return 0;
    }
    let side = if segment.from_client { &mut connection.client } else { &mut connection.server };
    side.id = side.id.wrapping_add(1).max(1);
    side.id
}

fn ipv6_header(connection: &Connection, segment: &Segment) -> IpHeaders {
    let within = |host: Ipv4Addr| Ipv6Addr::from_bits((0x2001_0db8 << 96) | u128::from(host.to_bits())).octets();
    let (client, server) = hosts(connection);
    let (source, destination) = if segment.from_client { (client, server) } else { (server, client) };
    let label = (connection.number as u32 & 0xf_ffff).max(1);
    let header = Ipv6Header {
        flow_label: label.try_into().unwrap_or_default(),
        next_header: IpNumber::TCP,
        hop_limit: 64,
        source: within(source),
        destination: within(destination),
        ..Ipv6Header::default()
    };
    IpHeaders::Ipv6(header, Ipv6Extensions::default())
}

fn tcp_header(connection: &Connection, segment: &Segment, time_ns: u64) -> TcpHeader {
    let (client, server) = ports(connection);
    let (from, to) = if segment.from_client { (client, server) } else { (server, client) };
    let mut header = TcpHeader::new(from, to, segment.seq, segment.window);
    let has = |letter| segment.flags.contains(letter);
    (header.syn, header.fin, header.rst) = (has('S'), has('F'), has('R'));
    (header.psh, header.ack) = (has('P'), has('.'));
    header.acknowledgment_number = segment.ack;
    if segment.bare {
        return header;
    }
    let clock = (time_ns / 1_000_000) as u32;
    let echo = if segment.flags == "S" { 0 } else { clock.wrapping_sub(1) };
    let timestamps = || connection.timestamps.then_some(TcpOptionElement::Timestamp(clock, echo));
    // Aligned as RFC 7323 appendix A recommends and every stack does.
    let aligned = timestamps().map(|stamps| [TcpOptionElement::Noop, TcpOptionElement::Noop, stamps]);
    let of_syn = [TcpOptionElement::MaximumSegmentSize(1460), TcpOptionElement::SelectiveAcknowledgementPermitted];
    let options: Vec<TcpOptionElement> = match header.syn {
        true => of_syn.into_iter().chain(timestamps()).chain([TcpOptionElement::WindowScale(7)]).collect(),
        false => aligned.into_iter().flatten().collect(),
    };
    header.set_options(&options).expect("at most 19 bytes of options");
    header
}

/// Writes a frame in VXLAN (RFC 7348), in a VLAN.
fn tunnel(frame: &[u8], outer: &mut Vec<u8>) -> io::Result<()> {
    const HEADER: [u8; 8] = [8, 0, 0, 0, 0, 0, 100, 0];
    outer.clear();
    PacketBuilder::ethernet2([2, 0, 0, 0, 1, 1], [2, 0, 0, 0, 1, 2])
        .single_vlan(VlanId::try_new(42).unwrap_or_default())
        .ipv4([192, 0, 2, 1], [192, 0, 2, 2], 64)
        .udp(50_000, 4789)
        .write(outer, &[&HEADER, frame].concat())
        .map_err(io::Error::other)
}

/// A pcap file with nanosecond times.
pub struct PcapWriter {
    pub file: BufWriter<File>,
    pub time_ns: u64,
    pub frames: u64,
    pub bytes: u64,
    /// Whether each frame goes into a tunnel.
    vxlan: bool,
    buffer: Vec<u8>,
}

impl PcapWriter {
    pub fn new(mut file: BufWriter<File>, vxlan: bool) -> io::Result<Self> {
        const NANOSECONDS: u32 = 0xa1b2_3c4d;
        const ETHERNET: u32 = 1;
        file.write_all(&NANOSECONDS.to_le_bytes())?;
        file.write_all(&[2, 0, 4, 0])?;
        for word in [0, 0, 65535, ETHERNET] {
            file.write_all(&word.to_le_bytes())?;
        }
        let time_ns = 1_700_000_000_000_000_000;
        Ok(Self { file, time_ns, frames: 0, bytes: 24, vxlan, buffer: Vec::with_capacity(256) })
    }

    pub fn write(&mut self, frame: &[u8]) -> io::Result<()> {
        if !self.vxlan {
            return self.record(frame);
        }
        let mut outer = std::mem::take(&mut self.buffer);
        tunnel(frame, &mut outer)?;
        let written = self.record(&outer);
        self.buffer = outer;
        written
    }

    fn record(&mut self, frame: &[u8]) -> io::Result<()> {
        let (seconds, nanos, len) = (self.time_ns / 1_000_000_000, self.time_ns % 1_000_000_000, frame.len() as u32);
        for word in [seconds as u32, nanos as u32, len, len] {
            self.file.write_all(&word.to_le_bytes())?;
        }
        self.frames += 1;
        self.bytes += 16 + u64::from(len);
        self.file.write_all(frame)
    }
}
