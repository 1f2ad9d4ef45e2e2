//! One segment as a point of capture saw it, and what names it at every other point.

use crate::frame::{FrameNo, Timestamp};
use crate::tcp::{Flags, Segment, SeqNum};
use crate::track::{Ends, Side};

/// What is kept of a segment to find it again at another point.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sight {
    /// Its frame.
    pub frame: FrameNo,
    /// When it was captured.
    pub time: Timestamp,
    /// Which end of its four-tuple sent it.
    pub side: Side,
    /// Control bits.
    pub flags: Flags,
    /// Sequence number.
    pub seq: SeqNum,
    /// Acknowledgment number, 0 without ACK flag.
    pub ack: SeqNum,
    /// Payload bytes.
    pub len: u32,
    /// Time to live.
    pub ttl: u8,
    /// The timestamp option's value.
    pub clock: Option<u32>,
}

/// Segments with the same numbers may be of different kinds: a pure ACK and the data behind it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// No payload, SYN, FIN or RST.
    Pure,
    /// Payload, with FIN or without: a FIN may be merged with the data before it.
    Data,
    /// SYN.
    Syn,
    /// A FIN alone.
    Fin,
    /// RST.
    Reset,
}

impl Sight {
    /// Of a segment.
    pub fn of(segment: &Segment) -> (Ends, Sight) {
        let (ends, side) = Ends::of(&segment.tuple);
        let sight = Sight {
            frame: segment.frame,
            time: segment.time,
            side,
            flags: segment.flags,
            seq: segment.seq,
            ack: segment.ack().unwrap_or_default(),
            len: segment.len,
            ttl: segment.ip.ttl,
            clock: segment.options.timestamps.map(|stamps| stamps.val),
        };
        (ends, sight)
    }

    /// What kind of segment it is.
    pub fn kind(&self) -> Kind {
        match () {
            () if self.flags.rst() => Kind::Reset,
            () if self.flags.syn() => Kind::Syn,
            () if self.len > 0 => Kind::Data,
            () if self.flags.fin() => Kind::Fin,
            () => Kind::Pure,
        }
    }

    /// Whether both are sightings of one segment, or of copies of it.
    pub fn shows_the_same(&self, other: &Sight) -> bool {
        let fields = |sight: &Sight| (sight.side, sight.flags, sight.seq, sight.ack, sight.len, sight.clock);
        fields(self) == fields(other)
    }

    /// The first segment of a connection.
    pub fn opens(&self) -> bool {
        self.flags.syn() && !self.flags.ack()
    }

    /// The number after its last.
    pub fn seq_end(&self) -> SeqNum {
        self.seq.plus(self.len).plus(u32::from(self.flags.syn())).plus(u32::from(self.flags.fin()))
    }

    /// The numbers that no address translation changes; `None` for a RST, which may be made up.
    pub fn numbers(&self) -> Option<u64> {
        numbers(self.flags, self.seq, self.ack)
    }
}

/// Both numbers of a segment in one. Where it is merged with those behind it, or cut into several, they stay those of its
/// beginning.
pub fn numbers(flags: Flags, seq: SeqNum, ack: SeqNum) -> Option<u64> {
    let names = !flags.rst() && (flags.ack() || flags.syn());
    let ack = if flags.ack() { ack.0 } else { 0 };
    names.then_some(u64::from(seq.0) << 32 | u64::from(ack))
}
