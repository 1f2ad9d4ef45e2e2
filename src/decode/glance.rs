//! A quick look at the most common frames: enough to tell which connection they belong to.

use crate::frame::{Frame, LinkType};
use crate::tcp::{Flags, SeqNum};

/// What an untagged Ethernet frame with a plain IPv4 header and a TCP header shows at known offsets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Glance {
    /// Source address.
    pub src: u32,
    /// Destination address.
    pub dst: u32,
    /// Source port.
    pub sport: u16,
    /// Destination port.
    pub dport: u16,
    /// Sequence number.
    pub seq: SeqNum,
    /// Acknowledgment field.
    pub ack_field: SeqNum,
    /// Control bits.
    pub flags: Flags,
    /// Payload bytes.
    pub len: u32,
}

/// Looks at a frame; `None` for every frame that [`decode`](super::decode()) must look at more closely.
#[inline]
pub fn glance(frame: &Frame<'_>) -> Option<Glance> {
    const HEADERS: usize = 14 + 20 + 20;
    let bytes: &[u8; HEADERS] = frame.data.first_chunk()?;
    // IPv4 under Ethernet, no options, TCP, and neither a fragment nor the reserved bit.
    let plain = bytes[12..16] == [8, 0, 0x45, bytes[15]] && bytes[23] == 6 && bytes[20] & 0xbf == 0 && bytes[21] == 0;
    let len = u32::from(u16::from_be_bytes([bytes[16], bytes[17]]));
    let headers = 20 + u32::from(bytes[46] >> 4) * 4;
    let long_enough = len >= headers && headers >= 40;
    if frame.link != LinkType::ETHERNET || !plain || !long_enough {
        return None;
    }
    Some(Glance {
        src: u32::from_be_bytes([bytes[26], bytes[27], bytes[28], bytes[29]]),
        dst: u32::from_be_bytes([bytes[30], bytes[31], bytes[32], bytes[33]]),
        sport: u16::from_be_bytes([bytes[34], bytes[35]]),
        dport: u16::from_be_bytes([bytes[36], bytes[37]]),
        seq: SeqNum(u32::from_be_bytes([bytes[38], bytes[39], bytes[40], bytes[41]])),
        ack_field: SeqNum(u32::from_be_bytes([bytes[42], bytes[43], bytes[44], bytes[45]])),
        flags: Flags(bytes[47]),
        len: len - headers,
    })
}
