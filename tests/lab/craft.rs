//! Hand-made segments: what a socket cannot be made to send, such as an old duplicate or a scanner's probe.

use std::io;
use std::net::{IpAddr, SocketAddr};

use etherparse::TcpHeader;
use rstscan::tcp::{Flags, SeqNum};

use crate::bench::{Bench, Host, INTERFACE};
use crate::segment::Segment;

/// A segment to be sent in somebody's name.
#[derive(Clone, Copy, Debug)]
pub struct Crafted<'a> {
    /// Sender.
    pub src: SocketAddr,
    /// Receiver.
    pub dst: SocketAddr,
    /// Control bits; URG and above are left out.
    pub flags: Flags,
    /// Sequence number.
    pub seq: SeqNum,
    /// Acknowledgment field.
    pub ack: SeqNum,
    /// Options as they stand in the header, padded to four bytes.
    pub options: &'a [u8],
    /// Payload.
    pub payload: &'a [u8],
}

impl Crafted<'_> {
    /// The header and payload with a right checksum.
    fn bytes(&self) -> io::Result<Vec<u8>> {
        let mut header = TcpHeader::new(self.src.port(), self.dst.port(), self.seq.0, 1024);
        header.acknowledgment_number = self.ack.0;
        header.fin = self.flags.fin();
        header.syn = self.flags.syn();
        header.rst = self.flags.rst();
        header.psh = self.flags.has(Flags::PSH);
        header.ack = self.flags.ack();
        header.urg = self.flags.has(Flags::URG);
        header.set_options_raw(self.options).map_err(io::Error::other)?;
        header.checksum = match (self.src.ip(), self.dst.ip()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                header.calc_checksum_ipv4_raw(from.octets(), to.octets(), self.payload)
            }
            (IpAddr::V6(from), IpAddr::V6(to)) => {
                header.calc_checksum_ipv6_raw(from.octets(), to.octets(), self.payload)
            }
            _ => return Err(io::Error::new(io::ErrorKind::InvalidInput, "addresses of two families")),
        }
        .map_err(io::Error::other)?;
        let mut bytes = header.to_bytes().to_vec();
        bytes.extend(self.payload);
        Ok(bytes)
    }
}

impl Host {
    /// Sends it from this host, whose address it bears; the kernel adds the IP header.
    pub fn send(&self, crafted: &Crafted) -> io::Result<()> {
        self.send_raw(&crafted.bytes()?, crafted.dst)
    }
}

impl Bench {
    /// Puts a copy of a recorded frame with another TCP segment in it on the wire, as a third party does: on the way to the
    /// client one in the server's name, from the client's interface one in the client's. `like` gives the Ethernet and IP headers.
    pub fn inject(&self, like: &Segment, crafted: &Crafted, ttl: u8) -> io::Result<()> {
        let frames = self.capture.frames_like(like);
        let frame = frames.first().ok_or(io::ErrorKind::NotFound)?;
        let ethernet = frame.get(..14).ok_or(io::ErrorKind::UnexpectedEof)?;
        let (mut to, mut from) = ([0; 6], [0; 6]);
        to.copy_from_slice(&ethernet[..6]);
        from.copy_from_slice(&ethernet[6..12]);
        let builder = etherparse::PacketBuilder::ethernet2(from, to);
        let segment = crafted.bytes()?;
        let mut bytes = Vec::new();
        let tcp = etherparse::IpNumber::TCP;
        match (crafted.src.ip(), crafted.dst.ip()) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                builder.ipv4(src.octets(), dst.octets(), ttl).write(&mut bytes, tcp, &segment)
            }
            (IpAddr::V6(src), IpAddr::V6(dst)) => {
                builder.ipv6(src.octets(), dst.octets(), ttl).write(&mut bytes, tcp, &segment)
            }
            _ => return Err(io::ErrorKind::InvalidInput.into()),
        }
        .map_err(io::Error::other)?;
        let by_server = self.router.as_ref().map_or((&self.server.namespace, INTERFACE), |router| (router, "left"));
        let by_client = crafted.src.ip() == self.client.address;
        let place = if by_client { (&self.client.namespace, INTERFACE) } else { by_server };
        place.0.enter(|| {
            let mut wire =
                pcap::Capture::from_device(place.1).and_then(pcap::Capture::open).map_err(io::Error::other)?;
            wire.sendpacket(bytes).map_err(io::Error::other)
        })
    }
}
