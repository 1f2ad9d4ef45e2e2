//! Just enough of a recorded segment to check the shape of a scenario, apart from the decoder under test.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use etherparse::{LaxNetSlice, LaxSlicedPacket, TcpOptionElement, TransportSlice};
use rstscan::tcp::{Flags, SeqNum};

/// A TCP segment as recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Segment {
    /// Sender.
    pub src: SocketAddr,
    /// Receiver.
    pub dst: SocketAddr,
    /// Control bits.
    pub flags: Flags,
    /// Sequence number.
    pub seq: SeqNum,
    /// Acknowledgment field.
    pub ack: SeqNum,
    /// Window field.
    pub window: u16,
    /// Payload bytes, from the IP header.
    pub len: u32,
    /// IPv4 identification.
    pub ip_id: Option<u16>,
    /// TSval and TSecr of RFC 7323.
    pub timestamps: Option<(u32, u32)>,
}

impl Segment {
    /// From an Ethernet frame; `None` where it carries no TCP.
    pub fn parse(frame: &[u8]) -> Option<Self> {
        let packet = LaxSlicedPacket::from_ethernet(frame).ok()?;
        let Some(TransportSlice::Tcp(tcp)) = &packet.transport else { return None };
        let (from, to, ip_id, ip_payload) = match &packet.net {
            Some(LaxNetSlice::Ipv4(ip)) => {
                let header = ip.header();
                let payload = u32::from(header.total_len()).checked_sub(u32::from(header.ihl()) * 4)?;
                (
                    IpAddr::V4(header.source_addr()),
                    IpAddr::V4(header.destination_addr()),
                    Some(header.identification()),
                    payload,
                )
            }
            Some(LaxNetSlice::Ipv6(ip)) => {
                let header = ip.header();
                let payload = u32::from(header.payload_length());
                (IpAddr::V6(header.source_addr()), IpAddr::V6(header.destination_addr()), None, payload)
            }
            _ => return None,
        };
        let flags = u8::from(tcp.fin())
            | u8::from(tcp.syn()) << 1
            | u8::from(tcp.rst()) << 2
            | u8::from(tcp.psh()) << 3
            | u8::from(tcp.ack()) << 4;
        Some(Self {
            src: SocketAddr::new(from, tcp.source_port()),
            dst: SocketAddr::new(to, tcp.destination_port()),
            flags: Flags(flags),
            seq: SeqNum(tcp.sequence_number()),
            ack: SeqNum(tcp.acknowledgment_number()),
            window: tcp.window_size(),
            len: ip_payload.checked_sub(u32::from(tcp.data_offset()) * 4)?,
            ip_id,
            timestamps: tcp.options_iterator().find_map(|option| match option {
                Ok(TcpOptionElement::Timestamp(value, echo)) => Some((value, echo)),
                _ => None,
            }),
        })
    }

    /// Whether one of its ends is this port.
    pub fn has_port(&self, port: u16) -> bool {
        self.src.port() == port || self.dst.port() == port
    }

    /// ACK alone, without data.
    pub fn is_pure_ack(&self) -> bool {
        self.flags == Flags::ACK && self.len == 0
    }
}

impl fmt::Display for Segment {
    /// As tcpdump prints it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} > {}: Flags [{}], seq {}", self.src, self.dst, self.flags, self.seq)?;
        if self.flags.ack() {
            write!(f, ", ack {}", self.ack)?;
        }
        write!(f, ", win {}, length {}", self.window, self.len)
    }
}
