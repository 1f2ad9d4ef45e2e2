//! A quick look at the most common frames: enough to tell which connection they belong to.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::options;
use crate::frame::{Frame, LinkType};
use crate::tcp::{Flags, FourTuple, IpFields, Options, Segment, SeqNum};

/// What an untagged Ethernet frame with a plain IP header and a TCP header shows at known offsets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Glance {
    /// Source and destination address.
    pub hosts: Hosts,
    /// Source port.
    pub sport: u16,
    /// Destination port.
    pub dport: u16,
    /// Sequence number.
    pub seq: SeqNum,
    /// Acknowledgment field.
    pub ack: SeqNum,
    /// Control bits.
    pub flags: Flags,
    /// Payload bytes.
    pub len: u32,
    /// Time to live, or hop limit.
    pub ttl: u8,
    /// Flow label of IPv6.
    pub flow_label: Option<u32>,
}

impl Glance {
    /// Who sent it.
    pub fn source(&self) -> SocketAddr {
        let address = match self.hosts {
            Hosts::V4(src, _) => IpAddr::V4(src.into()),
            Hosts::V6(src, _) => IpAddr::V6(src.into()),
        };
        SocketAddr::new(address, self.sport)
    }

    /// The host it goes to.
    pub fn destination(&self) -> IpAddr {
        match self.hosts {
            Hosts::V4(_, dst) => IpAddr::V4(dst.into()),
            Hosts::V6(_, dst) => IpAddr::V6(dst.into()),
        }
    }
}

/// Source and destination address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hosts {
    /// Of IPv4.
    V4(u32, u32),
    /// Of IPv6.
    V6(u128, u128),
}

const ETHERNET: usize = 14;
const TCP: usize = 20;
/// Up to the end of a TCP header behind an IPv4 header without options.
const V4: usize = ETHERNET + 20 + TCP;
/// The same for IPv6 without extension headers.
const V6: usize = ETHERNET + 40 + TCP;

/// Looks at a frame; `None` for every frame that [`decode`](super::decode()) must look at more closely.
#[inline]
pub fn glance(frame: &Frame<'_>) -> Option<Glance> {
    if frame.link != LinkType::ETHERNET {
        return None;
    }
    match frame.data.first_chunk() {
        Some(bytes) if is_plain_v4(bytes) => v4(bytes),
        _ => v6(frame.data),
    }
}

/// The flags of the segment in a frame without a RST; `None` where a look does not show that it has none.
#[inline(always)]
pub fn flags_without_reset(frame: &Frame<'_>) -> Option<Flags> {
    const FLAGS: usize = V4 - 7;
    let flags = match frame.data.first_chunk() {
        Some(bytes) if frame.link == LinkType::ETHERNET && is_plain_v4(bytes) => Some(Flags(bytes[FLAGS])),
        _ => flags_elsewhere(frame),
    };
    flags.filter(|flags| !flags.rst())
}

#[inline(never)]
fn flags_elsewhere(frame: &Frame<'_>) -> Option<Flags> {
    glance(frame).map(|glance| glance.flags)
}

/// The IPv4 packet of a frame that holds it, without options and with TCP in it, at the most common place.
pub(super) fn plain_v4<'a>(frame: &Frame<'a>) -> Option<&'a [u8]> {
    let plain = frame.link == LinkType::ETHERNET && frame.data.first_chunk().is_some_and(is_plain_v4);
    frame.data.get(ETHERNET..).filter(|_| plain)
}

/// Whether there is an IPv4 header without options, and TCP behind it. Two comparisons.
#[inline]
fn is_plain_v4(bytes: &[u8; V4]) -> bool {
    let word = |at: usize| bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |word| u32::from_ne_bytes(*word));
    let of = u32::from_ne_bytes;
    // EtherType, version and header length; not the type of service.
    let start = word(12) & of([0xff, 0xff, 0xff, 0]) == of([0x08, 0x00, 0x45, 0]);
    // No fragment and no reserved flag, whatever "don't fragment" says; the protocol, not the TTL.
    let middle = word(20) & of([0xbf, 0xff, 0, 0xff]) == of([0, 0, 0, 6]);
    start & middle
}

/// The flags and the four-tuple of a frame that holds them at the most common places, and nothing of other frames.
#[inline(always)]
pub fn glance_v4(frame: &Frame<'_>) -> Option<([(u32, u16); 2], Flags)> {
    let bytes = frame.data.first_chunk().filter(|bytes| is_plain_v4(bytes))?;
    let glance = v4(bytes).filter(|_| frame.link == LinkType::ETHERNET)?;
    let Hosts::V4(src, dst) = glance.hosts else { return None };
    Some(([(src, glance.sport), (dst, glance.dport)], glance.flags))
}

/// Reads the segment of a frame that holds it at the most common places, options and all; the captured part of its payload.
/// `None` for every frame that needs a closer look.
#[inline]
pub(super) fn segment_v4<'a>(frame: &Frame<'a>, out: &mut Segment) -> Option<&'a [u8]> {
    const DONT_FRAGMENT: u8 = 0x40;
    let bytes = frame.data.first_chunk().filter(|bytes| is_plain_v4(bytes))?;
    let glance = v4(bytes).filter(|_| frame.link == LinkType::ETHERNET)?;
    let Hosts::V4(src, dst) = glance.hosts else { return None };
    let header: &[u8; TCP] = bytes.last_chunk()?;
    let end = V4 - TCP + usize::from(header[12] >> 4) * 4;
    let options = match frame.data.get(V4..end)? {
        [] => Options::NONE,
        bytes => options::parse(bytes),
    };
    let payload = frame.data.get(end..)?;
    *out = Segment {
        frame: frame.no,
        time: frame.time,
        tuple: FourTuple::new((Ipv4Addr::from(src).into(), glance.sport), (Ipv4Addr::from(dst).into(), glance.dport)),
        flags: glance.flags,
        seq: glance.seq,
        ack_field: glance.ack,
        window: u16::from_be_bytes([header[14], header[15]]),
        len: glance.len,
        options,
        ip: IpFields {
            ttl: glance.ttl,
            tos: bytes[15],
            id: Some(u16::from_be_bytes([bytes[18], bytes[19]])),
            dont_fragment: bytes[20] & DONT_FRAGMENT != 0,
            flow_label: None,
        },
    };
    Some(payload.get(..glance.len as usize).unwrap_or(payload))
}

#[inline(always)]
fn v4(bytes: &[u8; V4]) -> Option<Glance> {
    let len = u32::from(u16::from_be_bytes([bytes[16], bytes[17]]));
    let hosts = Hosts::V4(
        u32::from_be_bytes([bytes[26], bytes[27], bytes[28], bytes[29]]),
        u32::from_be_bytes([bytes[30], bytes[31], bytes[32], bytes[33]]),
    );
    let glance = tcp(bytes.last_chunk()?, hosts, len.checked_sub(20)?)?;
    Some(Glance { ttl: bytes[22], ..glance })
}

#[inline(never)]
fn v6(data: &[u8]) -> Option<Glance> {
    let bytes: &[u8; V6] = data.first_chunk()?;
    if bytes[12..14] != [0x86, 0xdd] || bytes[14] >> 4 != 6 || bytes[20] != 6 {
        return None;
    }
    let len = u32::from(u16::from_be_bytes([bytes[18], bytes[19]]));
    let address = |at: usize| Some(u128::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
    let glance = tcp(bytes.last_chunk()?, Hosts::V6(address(22)?, address(38)?), len)?;
    let label = u32::from_be_bytes([0, bytes[15] & 0xf, bytes[16], bytes[17]]);
    Some(Glance { ttl: bytes[21], flow_label: Some(label), ..glance })
}

/// What is in `len` bytes that begin with this header.
#[inline(always)]
fn tcp(header: &[u8; TCP], hosts: Hosts, len: u32) -> Option<Glance> {
    let headers = u32::from(header[12] >> 4) * 4;
    if headers < TCP as u32 || headers > len {
        return None;
    }
    Some(Glance {
        hosts,
        sport: u16::from_be_bytes([header[0], header[1]]),
        dport: u16::from_be_bytes([header[2], header[3]]),
        seq: SeqNum(u32::from_be_bytes([header[4], header[5], header[6], header[7]])),
        ack: SeqNum(u32::from_be_bytes([header[8], header[9], header[10], header[11]])),
        flags: Flags(header[13]),
        len: len - headers,
        ttl: 0,
        flow_label: None,
    })
}
