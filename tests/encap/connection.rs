//! The connection that every capture holds: the server closes, the client goes on to write, and the server resets.

use std::net::{Ipv4Addr, Ipv6Addr};

use etherparse::{IpHeaders, Ipv4Extensions, Ipv4Header, PacketBuilder, PacketBuilderStep, TcpHeader, ip_number};

/// How many frames it has; the last one is the reset.
pub const FRAMES: u64 = 6;
/// The time of its first frame in nanoseconds since the Unix epoch, a whole second.
pub const START_NS: u64 = 1_700_000_000_000_000_000;
/// The time between two frames in nanoseconds: an eighth of a second, which clocks of all resolutions can tell.
pub const GAP_NS: u64 = 125_000_000;

const CLIENT: (Ipv4Addr, u16) = (Ipv4Addr::new(192, 0, 2, 10), 40000);
const SERVER: (Ipv4Addr, u16) = (Ipv4Addr::new(198, 51, 100, 20), 80);

/// One segment of the connection, as a packet of either version.
pub struct Packet {
    /// Over IPv4, with right checksums.
    pub four: Vec<u8>,
    /// Over IPv6, with right checksums.
    pub six: Vec<u8>,
    /// Whether the client sent it.
    pub from_client: bool,
    /// Nanoseconds since the Unix epoch.
    pub time_ns: u64,
}

/// What a segment says beside its ports.
struct Says {
    flags: &'static str,
    seq: u32,
    ack: u32,
    window: u16,
    id: u16,
    payload: &'static [u8],
}

/// The segments in order.
pub fn packets() -> Vec<Packet> {
    const C: u32 = 1_000_000;
    const S: u32 = 2_000_000;
    let says = |flags, seq, ack, id| Says { flags, seq, ack, window: 502, id, payload: b"" };
    let segments = [
        (true, Says { window: 64240, ..says("S", C, 0, 101) }),
        (false, Says { window: 65160, ..says("SA", S, C + 1, 0) }),
        (true, says("A", C + 1, S + 1, 102)),
        (false, says("FA", S + 1, C + 1, 201)),
        (true, Says { payload: b"one more request\r\n\r\n", ..says("PA", C + 1, S + 2, 103) }),
        (false, Says { window: 0, ..says("R", S + 2, 0, 0) }),
    ];
    let timed = segments.into_iter().zip(0..);
    timed.map(|((from_client, says), at)| packet(from_client, &says, START_NS + at * GAP_NS)).collect()
}

fn packet(from_client: bool, says: &Says, time_ns: u64) -> Packet {
    let (from, to) = if from_client { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
    let mut tcp = TcpHeader::new(from.1, to.1, says.seq, says.window);
    tcp.acknowledgment_number = says.ack;
    tcp.syn = says.flags.contains('S');
    tcp.ack = says.flags.contains('A');
    tcp.fin = says.flags.contains('F');
    tcp.psh = says.flags.contains('P');
    tcp.rst = says.flags.contains('R');
    let built = |step: PacketBuilderStep<IpHeaders>| {
        let mut bytes = Vec::new();
        step.tcp_header(tcp.clone()).write(&mut bytes, says.payload).expect("a segment fits into a packet");
        bytes
    };
    let header = Ipv4Header {
        identification: says.id,
        dont_fragment: true,
        time_to_live: 64,
        protocol: ip_number::TCP,
        source: from.0.octets(),
        destination: to.0.octets(),
        ..Ipv4Header::default()
    };
    let six = |address: Ipv4Addr| {
        let [a, b, c, d] = address.octets().map(u16::from);
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, a << 8 | b, c << 8 | d).octets()
    };
    Packet {
        four: built(PacketBuilder::ip(IpHeaders::Ipv4(header, Ipv4Extensions::default()))),
        six: built(PacketBuilder::ipv6(six(from.0), six(to.0), 64)),
        from_client,
        time_ns,
    }
}
