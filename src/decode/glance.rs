//! A quick look at the most common frames: enough to tell which connection they belong to.

use crate::frame::{Frame, LinkType};
use crate::tcp::{Flags, SeqNum};

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
    /// Control bits.
    pub flags: Flags,
    /// Payload bytes.
    pub len: u32,
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

/// Looks at a frame; `None` for every frame that [`decode`](super::decode()) must look at more closely.
#[inline]
pub fn glance(frame: &Frame<'_>) -> Option<Glance> {
    if frame.link != LinkType::ETHERNET {
        return None;
    }
    match frame.data.get(12..15)? {
        [0x08, 0x00, 0x45] => v4(frame.data),
        [0x86, 0xdd, 0x60..=0x6f] => v6(frame.data),
        _ => None,
    }
}

#[inline]
fn v4(data: &[u8]) -> Option<Glance> {
    const IP: usize = 20;
    let bytes: &[u8; ETHERNET + IP + TCP] = data.first_chunk()?;
    let fragment_or_evil = bytes[20] & 0xbf | bytes[21];
    if bytes[23] != 6 || fragment_or_evil != 0 {
        return None;
    }
    let len = u32::from(u16::from_be_bytes([bytes[16], bytes[17]]));
    let hosts = Hosts::V4(
        u32::from_be_bytes([bytes[26], bytes[27], bytes[28], bytes[29]]),
        u32::from_be_bytes([bytes[30], bytes[31], bytes[32], bytes[33]]),
    );
    tcp(bytes.last_chunk()?, hosts, len.checked_sub(IP as u32)?)
}

#[inline]
fn v6(data: &[u8]) -> Option<Glance> {
    const IP: usize = 40;
    let bytes: &[u8; ETHERNET + IP + TCP] = data.first_chunk()?;
    if bytes[20] != 6 {
        return None;
    }
    let len = u32::from(u16::from_be_bytes([bytes[18], bytes[19]]));
    let address = |at: usize| Some(u128::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
    tcp(bytes.last_chunk()?, Hosts::V6(address(22)?, address(38)?), len)
}

/// What is in `len` bytes that begin with this header.
#[inline]
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
        flags: Flags(header[13]),
        len: len - headers,
    })
}
