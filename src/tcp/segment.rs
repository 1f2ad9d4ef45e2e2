//! One TCP segment, as decoded from a frame.

use serde::{Deserialize, Serialize};

use super::{Flags, FourTuple, Options, SeqNum};
use crate::frame::{FrameNo, Timestamp};

/// What the innermost IP header says of the segment that carries habits of the sending stack.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct IpFields {
    /// Time to live, or hop limit.
    pub ttl: u8,
    /// Type of service, or traffic class.
    pub tos: u8,
    /// The IPv4 identification; `None` for IPv6.
    pub id: Option<u16>,
    /// The IPv4 don't-fragment flag; `false` for IPv6.
    pub dont_fragment: bool,
    /// The IPv6 flow label; `None` for IPv4.
    pub flow_label: Option<u32>,
}

/// One TCP segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Segment {
    /// The frame it came in.
    pub frame: FrameNo,
    /// When that was captured.
    pub time: Timestamp,
    /// From where to where.
    pub tuple: FourTuple,
    /// Control bits.
    pub flags: Flags,
    /// Sequence number of the first byte (or of the SYN).
    pub seq: SeqNum,
    /// The acknowledgment field as sent, whatever the ACK flag says; use [`ack`](Segment::ack) unless the raw field matters.
    pub ack_field: SeqNum,
    /// The window field, not scaled.
    pub window: u16,
    /// Payload bytes on the wire, by the IP header's length (by the capture's where that is 0).
    pub len: u32,
    /// Options.
    pub options: Options,
    /// IP header fields.
    pub ip: IpFields,
}

impl Segment {
    /// A segment without meaning, to be written over.
    pub const EMPTY: Segment = Segment {
        frame: FrameNo::NONE,
        time: Timestamp::from_nanos(0),
        tuple: FourTuple::NONE,
        flags: Flags(0),
        seq: SeqNum(0),
        ack_field: SeqNum(0),
        window: 0,
        len: 0,
        options: Options::NONE,
        ip: IpFields { ttl: 0, tos: 0, id: None, dont_fragment: false, flow_label: None },
    };

    /// The acknowledgment number, if the ACK flag gives it meaning.
    pub fn ack(&self) -> Option<SeqNum> {
        self.flags.ack().then_some(self.ack_field)
    }

    /// The sequence space it takes: payload, plus one each for SYN and FIN (RFC 9293's SEG.LEN).
    pub fn seq_len(&self) -> u32 {
        self.len.wrapping_add(u32::from(self.flags.syn())).wrapping_add(u32::from(self.flags.fin()))
    }

    /// The sequence number after its last.
    pub fn seq_end(&self) -> SeqNum {
        self.seq.plus(self.seq_len())
    }
}
