//! From a script to segments with the numbers of the wire, and on to the bytes of frames.

use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4};

use etherparse::checksum::Sum16BitWords;
use etherparse::{
    IpFragOffset, IpHeaders, IpNumber, Ipv4Extensions, Ipv4Header, Ipv6Extensions, Ipv6FlowLabel, Ipv6Header,
    LinuxSllPacketType, PacketBuilder, PacketBuilderStep, TcpHeader, VlanId,
};
use rstscan::frame::LinkType;
use rstscan::tcp::Flags;

use super::fragment::fragments;
use super::icmp::Sending;
use super::{Around, Icmp, IpVersion, Number, Packet, Says, Script, Spoiled, TcpOption};

/// Segments in the order of their capture.
pub type Capture = Vec<Sent>;

/// One segment with all its fields decided.
#[derive(Clone, PartialEq, Debug)]
pub struct Sent {
    /// Which segment of the script it is, from 1; `None` for traffic added around it.
    pub number: Option<u64>,
    /// Whether it is the second sighting of a segment.
    pub copy: bool,
    /// Where it was captured.
    pub place: Place,
    /// Nanoseconds since the Unix epoch.
    pub time_ns: i64,
    /// Sender.
    pub from: SocketAddrV4,
    /// Receiver.
    pub to: SocketAddrV4,
    /// Control bits.
    pub flags: Flags,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgment field.
    pub ack: u32,
    /// Window field.
    pub win: u16,
    /// Options; their numbers are absolute.
    pub options: Vec<TcpOption>,
    /// Time to live.
    pub ttl: u8,
    /// Identification.
    pub id: u16,
    /// Type of service.
    pub tos: u8,
    /// Flow label.
    pub label: u32,
    /// How many bytes of the TCP segment were captured, where not all.
    pub cut: Option<usize>,
    /// Which checksum is not right, and how.
    pub sum: Option<Spoiled>,
    /// What is around it.
    pub around: Option<Around>,
    /// The ICMP error that it is, and no segment.
    pub icmp: Option<Sending>,
    /// Payload.
    pub payload: Vec<u8>,
}

/// Where a frame was captured.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Place {
    /// Where all are, if nothing else is said.
    #[default]
    Here,
    /// Where the routers have other link addresses.
    BehindRouter,
    /// In a tunnel (VXLAN).
    InTunnel,
    /// Here, but by somebody else, who wrote another file.
    InOtherFile,
}

/// How frames carry segments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encapsulation {
    /// Ethernet, IPv4, padded to the 60 bytes that Ethernet asks for.
    Ethernet,
    /// Ethernet, IPv6.
    Ipv6,
    /// Linux cooked capture version 1, IPv4.
    Cooked,
    /// Ethernet with two VLAN tags, IPv4.
    Vlan,
    /// Ethernet, IPv4 in fragments.
    Fragments,
    /// Ethernet, IPv6 in fragments.
    Fragments6,
    /// An Ethernet frame with IPv4 in VXLAN.
    Vxlan,
    /// An Ethernet frame with IPv6 in VXLAN.
    Vxlan6,
}

impl Encapsulation {
    /// The frames that it puts into a tunnel.
    fn inner(self) -> Encapsulation {
        match self {
            Encapsulation::Vxlan => Encapsulation::Ethernet,
            Encapsulation::Vxlan6 => Encapsulation::Ipv6,
            other => other,
        }
    }

    /// Whether a segment takes several frames.
    pub fn is_fragmented(self) -> bool {
        matches!(self, Encapsulation::Fragments | Encapsulation::Fragments6)
    }

    /// The IP version of its packets.
    pub fn version(self) -> IpVersion {
        match self {
            Encapsulation::Ipv6 | Encapsulation::Fragments6 | Encapsulation::Vxlan6 => IpVersion::V6,
            _ => IpVersion::V4,
        }
    }
}

/// The time of a script's beginning.
const EPOCH_NS: i64 = 1_700_000_000_000_000_000;

/// What a script's hosts have been given so far.
#[derive(Default)]
struct Hosts {
    addresses: HashMap<String, SocketAddrV4>,
    initial: HashMap<String, u32>,
    last_id: HashMap<String, u16>,
}

/// Decides every field of a script's segments.
///
/// # Errors
///
/// `line: what is wrong there`.
pub fn segments(script: &Script) -> Result<Capture, String> {
    let mut hosts = Hosts::default();
    hosts.addresses.insert("C".into(), SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 10), 40000));
    hosts.addresses.insert("S".into(), SocketAddrV4::new(Ipv4Addr::new(198, 51, 100, 20), 80));
    let mut capture = Capture::new();
    let mut time_ns = EPOCH_NS;
    for line in &script.lines {
        match &line.says {
            Says::Host(name, address) => drop(hosts.addresses.insert(name.clone(), *address)),
            Says::Isn(name, isn) => drop(hosts.initial.insert(name.clone(), *isn)),
            Says::Packet(packet) => {
                time_ns += packet.gap_ns;
                let number = capture.len() as u64 + 1;
                let sent = match &packet.icmp {
                    None => hosts.send(packet),
                    Some(icmp) => hosts.complain(packet, icmp, &capture),
                };
                let sent = sent.map_err(|error| format!("{}: {error}", line.at.start + 1))?;
                capture.push(Sent { number: Some(number), time_ns, ..sent });
            }
            _ => {}
        }
    }
    Ok(capture)
}

impl Hosts {
    fn address(&self, name: &str) -> Result<SocketAddrV4, String> {
        self.addresses.get(name).copied().ok_or_else(|| format!("no `host {name} ADDRESS:PORT` line"))
    }

    /// A number as it is on the wire.
    fn resolve(&self, name: &str, number: Number) -> u32 {
        match number {
            Number::Absolute(number) => number,
            Number::Relative(number) => self.initial.get(name).copied().unwrap_or(0).wrapping_add(number),
        }
    }

    fn send(&mut self, packet: &Packet) -> Result<Sent, String> {
        let (from, to) = (self.address(&packet.from)?, self.address(&packet.to)?);
        if packet.flags.syn() {
            let fresh = 0x2000_0000_u32.wrapping_mul(self.initial.len() as u32 + 1).wrapping_add(4711);
            self.initial.entry(packet.from.clone()).or_insert(fresh);
        }
        let seq = self.resolve(&packet.from, packet.seq);
        let echo = packet.flags.rst() && (!packet.flags.ack() || seq == 0);
        let options = packet.options.iter().map(|option| self.absolute(&packet.to, option)).collect();
        Ok(Sent {
            number: None,
            copy: false,
            place: if packet.in_tunnel { Place::InTunnel } else { Place::Here },
            time_ns: 0,
            from,
            to,
            flags: packet.flags,
            seq,
            ack: packet.ack.map_or(0, |ack| self.resolve(&packet.to, ack)),
            win: packet.win.unwrap_or(usual_window(packet.flags)),
            options,
            ttl: packet.ttl.unwrap_or(64),
            id: packet.id.unwrap_or_else(|| self.usual_id(packet, echo)),
            tos: packet.tos.unwrap_or(0),
            label: packet.label.unwrap_or(if echo { 0xe_c40e } else { 0x1_0000 + u32::from(from.port()) }),
            cut: packet.cut,
            sum: packet.sum,
            around: packet.around,
            icmp: None,
            payload: match &packet.payload {
                Some(text) => text.clone().into_bytes(),
                None => vec![b'x'; packet.len as usize],
            },
        })
    }

    /// An ICMP error that quotes an earlier segment.
    fn complain(&mut self, packet: &Packet, icmp: &Icmp, capture: &Capture) -> Result<Sent, String> {
        let index = usize::try_from(icmp.quote.frame).ok().and_then(|number| number.checked_sub(1));
        let found = index.and_then(|index| capture.get(index));
        let mut quoted = found.ok_or_else(|| format!("there is no segment #{} above", icmp.quote.frame))?.clone();
        if let Some(number) = icmp.quote.seq {
            let sender = self.addresses.iter().find(|(_, address)| **address == quoted.from);
            quoted.seq = self.resolve(sender.map_or("", |(name, _)| name), number);
        }
        let sending =
            Sending { complaint: icmp.complaint, mtu: icmp.mtu, cut: icmp.quote.cut, quoted: Box::new(quoted) };
        Ok(Sent { icmp: Some(sending), ..self.send(packet)? })
    }

    fn absolute(&self, peer: &str, option: &TcpOption) -> TcpOption {
        match option {
            TcpOption::Sack(blocks) => TcpOption::Sack(
                blocks
                    .iter()
                    .map(|(start, end)| {
                        (Number::Absolute(self.resolve(peer, *start)), Number::Absolute(self.resolve(peer, *end)))
                    })
                    .collect(),
            ),
            other => other.clone(),
        }
    }

    /// Linux: 0 for a SYN|ACK and for an answer made without a socket, else one more than the last.
    fn usual_id(&mut self, packet: &Packet, echo: bool) -> u16 {
        if echo || (packet.flags.syn() && packet.flags.ack()) {
            return 0;
        }
        let fresh = 0x3000_u16.wrapping_mul(self.last_id.len() as u16 + 1).wrapping_add(77);
        let id = self.last_id.entry(packet.from.clone()).or_insert(fresh);
        *id = id.wrapping_add(1).max(1);
        *id
    }
}

fn usual_window(flags: Flags) -> u16 {
    match (flags.rst(), flags.syn()) {
        (true, _) => 0,
        (_, true) => 64240,
        _ => 502,
    }
}

/// The frames that carry a segment. What was cut is in one frame, there is no putting it together; and so are ICMP errors,
/// which are small everywhere.
pub fn frames(sent: &Sent, encapsulation: Encapsulation) -> Vec<(LinkType, Vec<u8>, u32)> {
    let (link, bytes, wire_len) = encode(sent, encapsulation);
    match encapsulation {
        Encapsulation::Fragments | Encapsulation::Fragments6 if sent.cut.is_none() && sent.icmp.is_none() => {
            fragments(&bytes).into_iter().map(|bytes| (link, bytes.clone(), bytes.len() as u32)).collect()
        }
        _ => vec![(link, bytes, wire_len)],
    }
}

/// The bytes of one frame that carries a segment: link type, captured bytes, length on the wire.
pub fn encode(sent: &Sent, encapsulation: Encapsulation) -> (LinkType, Vec<u8>, u32) {
    let inner = encapsulation.inner();
    let (link, bytes, wire_len) = encode_inner(sent, inner);
    if inner == encapsulation {
        return (link, bytes, wire_len);
    }
    let outer = outer_headers(wire_len as usize, NETWORK);
    (link, [&outer[..], &bytes].concat(), outer.len() as u32 + wire_len)
}

fn encode_inner(sent: &Sent, encapsulation: Encapsulation) -> (LinkType, Vec<u8>, u32) {
    let mut bytes = Vec::new();
    let mut headers = match &sent.icmp {
        Some(icmp) => {
            icmp.write(with_link(sent, encapsulation), &mut bytes, encapsulation.version() == IpVersion::V6);
            bytes.len()
        }
        None => {
            let tcp = tcp_header(sent);
            let tcp_len = tcp.header_len() + sent.payload.len();
            let written = with_link(sent, encapsulation).tcp_header(tcp).write(&mut bytes, &sent.payload);
            written.expect("a script's segment fits into a frame");
            bytes.len() - tcp_len
        }
    };
    if let Some(spoiled) = sent.sum {
        spoil(&mut bytes, headers, spoiled);
    }
    if let (Some(around), Encapsulation::Ethernet | Encapsulation::Ipv6) = (sent.around, encapsulation) {
        headers += around.put(&mut bytes);
    }
    let link = if encapsulation == Encapsulation::Cooked { LinkType::LINUX_SLL } else { LinkType::ETHERNET };
    if link == LinkType::ETHERNET && bytes.len() < 60 {
        bytes.resize(60, 0);
    }
    let tunneled = sent.place == Place::InTunnel && link == LinkType::ETHERNET;
    let outer = if tunneled { outer_headers(bytes.len(), TUNNEL) } else { Vec::new() };
    let wire_len = (outer.len() + bytes.len()) as u32;
    if let Some(cut) = sent.cut {
        bytes.truncate(headers + cut);
    }
    (link, [outer, bytes].concat(), wire_len)
}

/// The VXLAN network of segments that a script has in a tunnel.
const TUNNEL: u8 = 42;
/// That of the tunnel that everything is in.
const NETWORK: u8 = 7;

/// Ethernet, IPv4, UDP and VXLAN (RFC 7348) around a frame of `len` bytes.
fn outer_headers(len: usize, network: u8) -> Vec<u8> {
    let vxlan = [0x08, 0, 0, 0, 0, 0, network, 0];
    let mut bytes = Vec::new();
    let payload = [&vxlan[..], &vec![0; len]].concat();
    PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2])
        .ipv4([10, 1, 0, 1], [10, 1, 0, 2], 64)
        .udp(55555, 4789)
        .write(&mut bytes, &payload)
        .expect("a script's frame fits into another");
    bytes.truncate(bytes.len() - len);
    bytes
}

/// The same packet without a link layer.
pub fn packet(sent: &Sent, is_ipv6: bool) -> Vec<u8> {
    let (_, bytes, _) = encode(sent, if is_ipv6 { Encapsulation::Ipv6 } else { Encapsulation::Ethernet });
    let (headers, len_at) = if is_ipv6 { (40, 4) } else { (0, 2) };
    let packet = &bytes[14..];
    let len = headers + usize::from(u16::from_be_bytes([packet[len_at], packet[len_at + 1]]));
    packet[..len].to_vec()
}

/// Spoils a checksum of the frame whose TCP header begins at `tcp`.
fn spoil(bytes: &mut [u8], tcp: usize, spoiled: Spoiled) {
    let at = match spoiled {
        Spoiled::Wrong | Spoiled::Offloaded => tcp + 16,
        Spoiled::IpWrong => tcp - 10,
    };
    let fresh = match spoiled {
        Spoiled::Wrong | Spoiled::IpWrong => [bytes[at] ^ 0x15, bytes[at + 1] ^ 0xa1],
        Spoiled::Offloaded => {
            // The right checksum is the complement of the sum over pseudo-header and segment; the segment's part goes out.
            let mut segment = bytes[tcp..].to_vec();
            let right = u16::from_be_bytes([segment[16], segment[17]]);
            segment[16..18].fill(0);
            let complement = Sum16BitWords::new().add_slice(&segment).ones_complement().to_be();
            let sum = u32::from(!right) + u32::from(complement);
            (((sum & 0xffff) + (sum >> 16)) as u16).to_be_bytes()
        }
    };
    bytes[at..at + 2].copy_from_slice(&fresh);
}

fn with_link(sent: &Sent, encapsulation: Encapsulation) -> PacketBuilderStep<IpHeaders> {
    let (from, to) = match sent.place {
        Place::BehindRouter => ([2, 0, 0, 0, 1, 1], [2, 0, 0, 0, 1, 2]),
        _ => (mac(sent.from), mac(sent.to)),
    };
    let tag = |id: u16| VlanId::try_new(id).expect("a VLAN id has 12 bits");
    match encapsulation {
        Encapsulation::Ethernet | Encapsulation::Fragments | Encapsulation::Vxlan => {
            PacketBuilder::ethernet2(from, to).ip(ipv4_header(sent))
        }
        Encapsulation::Ipv6 | Encapsulation::Fragments6 | Encapsulation::Vxlan6 => {
            PacketBuilder::ethernet2(from, to).ip(ipv6_header(sent))
        }
        Encapsulation::Vlan => PacketBuilder::ethernet2(from, to).double_vlan(tag(7), tag(42)).ip(ipv4_header(sent)),
        Encapsulation::Cooked => {
            let mut address = [0; 8];
            address[..6].copy_from_slice(&from);
            PacketBuilder::linux_sll(LinuxSllPacketType::OUTGOING, 6, address).ip(ipv4_header(sent))
        }
    }
}

fn mac(address: SocketAddrV4) -> [u8; 6] {
    let [a, b, c, d] = address.ip().octets();
    [0x02, 0x00, a, b, c, d]
}

fn ipv4_header(sent: &Sent) -> IpHeaders {
    let header = Ipv4Header {
        dscp: (sent.tos >> 2).try_into().expect("six bits"),
        ecn: (sent.tos & 3).try_into().expect("two bits"),
        identification: sent.id,
        dont_fragment: true,
        more_fragments: false,
        fragment_offset: IpFragOffset::ZERO,
        time_to_live: sent.ttl,
        protocol: IpNumber::TCP,
        source: sent.from.ip().octets(),
        destination: sent.to.ip().octets(),
        ..Ipv4Header::default()
    };
    IpHeaders::Ipv4(header, Ipv4Extensions::default())
}

fn ipv6_header(sent: &Sent) -> IpHeaders {
    let header = Ipv6Header {
        traffic_class: sent.tos,
        flow_label: Ipv6FlowLabel::try_new(sent.label).expect("a flow label has 20 bits"),
        payload_length: 0,
        next_header: IpNumber::TCP,
        hop_limit: sent.ttl,
        source: as_ipv6(*sent.from.ip()).octets(),
        destination: as_ipv6(*sent.to.ip()).octets(),
    };
    IpHeaders::Ipv6(header, Ipv6Extensions::default())
}

/// The address that stands for an IPv4 one: 2001:db8::/96 and its 32 bits.
fn as_ipv6(address: Ipv4Addr) -> Ipv6Addr {
    let [.., high, low] = address.to_ipv6_compatible().segments();
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, high, low)
}

fn tcp_header(sent: &Sent) -> TcpHeader {
    let mut header = TcpHeader::new(sent.from.port(), sent.to.port(), sent.seq, sent.win);
    header.acknowledgment_number = sent.ack;
    header.fin = sent.flags.fin();
    header.syn = sent.flags.syn();
    header.rst = sent.flags.rst();
    header.psh = sent.flags.has(Flags::PSH);
    header.ack = sent.flags.ack();
    header.urg = sent.flags.has(Flags::URG);
    header.ece = sent.flags.has(Flags::ECE);
    header.cwr = sent.flags.has(Flags::CWR);
    let mut options = Vec::new();
    for option in &sent.options {
        options.extend(option.bytes(|number| match number {
            Number::Absolute(number) | Number::Relative(number) => number,
        }));
    }
    header.set_options_raw(&options).expect("options take at most 40 bytes");
    header
}

/// A pcap file with nanosecond times that holds the capture.
pub fn pcap(capture: &Capture, encapsulation: Encapsulation) -> Vec<u8> {
    const NANOSECONDS: u32 = 0xa1b2_3c4d;
    let frames: Vec<_> = capture
        .iter()
        .flat_map(|sent| frames(sent, encapsulation).into_iter().map(|frame| (sent.time_ns, frame)))
        .collect();
    let link = frames.first().map_or(LinkType::ETHERNET, |(_, (link, ..))| *link);
    let mut file = NANOSECONDS.to_le_bytes().to_vec();
    file.extend([2, 0, 4, 0]);
    file.extend([0, 0, 65535, u32::from(link.0)].into_iter().flat_map(u32::to_le_bytes));
    for (time_ns, (_, bytes, wire_len)) in frames {
        let (seconds, nanos) = (time_ns.div_euclid(1_000_000_000) as u32, time_ns.rem_euclid(1_000_000_000) as u32);
        file.extend([seconds, nanos, bytes.len() as u32, wire_len].into_iter().flat_map(u32::to_le_bytes));
        file.extend(bytes);
    }
    file
}
