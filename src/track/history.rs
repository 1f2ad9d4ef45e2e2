//! The last segments of an incarnation, packed.

use crate::frame::{FrameNo, Timestamp};
use crate::tcp::{Flags, Segment, SeqNum};

use super::Side;

/// One segment as remembered: what matching triggers and printing need, in 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record {
    time: Timestamp,
    seq: SeqNum,
    ack: SeqNum,
    /// The frame number modulo 2^32: a history is never longer than that.
    frame: u32,
    input: u16,
    window: u16,
    ip_id: u16,
    ttl: u8,
    flags: Flags,
    /// Payload length in the low 24 bits, saturating; marks above.
    len_and_marks: u32,
}

const LEN_MASK: u32 = 0x00ff_ffff;
const HIGH_SIDE: u32 = 1 << 24;
const HAS_ID: u32 = 1 << 25;
const TIMESTAMPS: u32 = 1 << 26;
const OPTIONS: u32 = 1 << 27;
const PROBE: u32 = 1 << 28;
const COPY: u32 = 1 << 29;
const OLD_DATA: u32 = 1 << 30;

/// What tracking knew of a segment when it came.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Standing {
    /// A keepalive probe.
    pub probe: bool,
    /// The same frame, captured again.
    pub copy: bool,
    /// All its sequence numbers had been sent before.
    pub old_data: bool,
}

impl Record {
    /// Packs a segment of `side`.
    pub fn new(segment: &Segment, side: Side, standing: Standing) -> Self {
        let mark = |on: bool, bit: u32| if on { bit } else { 0 };
        let marks = mark(side == Side::High, HIGH_SIDE)
            | mark(segment.ip.id.is_some(), HAS_ID)
            | mark(segment.options.timestamps.is_some(), TIMESTAMPS)
            | mark(segment.options.any, OPTIONS)
            | mark(standing.probe, PROBE)
            | mark(standing.copy, COPY)
            | mark(standing.old_data, OLD_DATA);
        Self {
            time: segment.time,
            seq: segment.seq,
            ack: segment.ack_field,
            frame: segment.frame.number() as u32,
            input: segment.frame.input(),
            window: segment.window,
            ip_id: segment.ip.id.unwrap_or(0),
            ttl: segment.ip.ttl,
            flags: segment.flags,
            len_and_marks: segment.len.min(LEN_MASK) | marks,
        }
    }

    /// When it was captured.
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// Its frame, given a later frame of the capture: numbers are kept modulo 2^32.
    fn frame_before(&self, later: FrameNo) -> FrameNo {
        const CYCLE: u64 = 1 << 32;
        let low = u64::from(self.frame);
        if later.input() != self.input {
            return FrameNo::new(self.input, low);
        }
        let base = later.number() & !(CYCLE - 1);
        let number = if base + low > later.number() && base > 0 { base - CYCLE + low } else { base + low };
        FrameNo::new(self.input, number)
    }

    /// Takes it out of the history, with its whole frame number; `latest` is the latest frame of the capture.
    pub fn unpack(&self, latest: FrameNo) -> Past {
        Past { record: *self, frame: self.frame_before(latest) }
    }

    /// Who sent it.
    pub fn side(&self) -> Side {
        if self.len_and_marks & HIGH_SIDE != 0 { Side::High } else { Side::Low }
    }

    /// Control bits.
    pub fn flags(&self) -> Flags {
        self.flags
    }

    /// Sequence number.
    pub fn seq(&self) -> SeqNum {
        self.seq
    }

    /// Acknowledgment number, if the ACK flag gives it meaning.
    pub fn ack(&self) -> Option<SeqNum> {
        self.flags.ack().then_some(self.ack)
    }

    /// Acknowledgment field as sent.
    pub fn ack_field(&self) -> SeqNum {
        self.ack
    }

    /// Window field, not scaled.
    pub fn window(&self) -> u16 {
        self.window
    }

    /// Payload bytes, at most 2^24 - 1.
    pub fn len(&self) -> u32 {
        self.len_and_marks & LEN_MASK
    }

    /// Sequence numbers it takes.
    pub fn seq_len(&self) -> u32 {
        self.len() + u32::from(self.flags.syn()) + u32::from(self.flags.fin())
    }

    /// The number after its last.
    pub fn seq_end(&self) -> SeqNum {
        self.seq.plus(self.seq_len())
    }

    /// Time to live.
    pub fn ttl(&self) -> u8 {
        self.ttl
    }

    /// IPv4 identification.
    pub fn ip_id(&self) -> Option<u16> {
        (self.len_and_marks & HAS_ID != 0).then_some(self.ip_id)
    }

    /// Whether it carried timestamps.
    pub fn timestamps(&self) -> bool {
        self.len_and_marks & TIMESTAMPS != 0
    }

    /// Whether it carried options.
    pub fn options(&self) -> bool {
        self.len_and_marks & OPTIONS != 0
    }

    /// Whether it is a keepalive probe.
    pub fn is_probe(&self) -> bool {
        self.len_and_marks & PROBE != 0
    }

    /// Whether it is another capture of the segment before.
    pub fn is_copy(&self) -> bool {
        self.len_and_marks & COPY != 0
    }

    /// Whether all its sequence numbers had been sent before.
    pub fn is_old_data(&self) -> bool {
        self.len_and_marks & OLD_DATA != 0
    }

    /// Whether it only acknowledges: no payload, SYN, FIN or RST.
    pub fn is_pure_ack(&self) -> bool {
        self.flags.ack() && self.seq_len() == 0 && !self.flags.rst()
    }

    /// Whether `segment` from the same side looks like the same frame captured again: a switch's mirror port, `any`, both sides of a router.
    pub fn is_captured_again_as(&self, segment: &Segment) -> bool {
        self.seq == segment.seq
            && self.ack == segment.ack_field
            && self.flags == segment.flags
            && self.len() == segment.len
            && self.window == segment.window
            && self.ip_id() == segment.ip.id
            && segment.time.since(self.time).abs() <= self.copied_within()
    }

    /// An IP ID tells two sendings apart; without one (IPv6, or ID 0) only what comes at once is taken for a copy.
    fn copied_within(&self) -> i64 {
        if self.ip_id != 0 { 10_000_000 } else { 1_000_000 }
    }

    /// Worth keeping when newer ones push out the rest.
    fn is_landmark(&self) -> bool {
        self.flags.syn() || self.flags.fin() || self.flags.rst()
    }
}

/// A remembered segment with its whole frame number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Past {
    record: Record,
    frame: FrameNo,
}

impl Past {
    /// A segment of `side` that has just come.
    pub fn new(segment: &Segment, side: Side, standing: Standing) -> Self {
        Self { record: Record::new(segment, side, standing), frame: segment.frame }
    }

    /// Its frame.
    pub fn frame(&self) -> FrameNo {
        self.frame
    }

    /// Packed for a history.
    pub fn record(&self) -> Record {
        self.record
    }
}

impl std::ops::Deref for Past {
    type Target = Record;

    fn deref(&self) -> &Record {
        &self.record
    }
}

/// The last segments of an incarnation, oldest first; SYN, FIN and RST stay when others go.
#[derive(Clone, Debug, Default)]
pub struct History {
    records: Vec<Record>,
    total: u32,
}

/// How many segments an incarnation keeps.
const KEPT: usize = 10;

impl History {
    /// Adds a segment, dropping the oldest that is no landmark.
    pub fn push(&mut self, record: Record) {
        self.total = self.total.saturating_add(1);
        if self.records.len() < KEPT {
            if self.records.len() == self.records.capacity() {
                let more = if self.records.is_empty() { 4 } else { KEPT - self.records.len() };
                self.records.reserve_exact(more);
            }
            self.records.push(record);
            return;
        }
        let landmarks = self.records.iter().filter(|kept| kept.is_landmark()).count();
        let oldest = if landmarks > KEPT / 2 { 2 } else { self.first_ordinary() };
        self.records.remove(oldest.min(KEPT - 1));
        self.records.push(record);
    }

    fn first_ordinary(&self) -> usize {
        self.records.iter().position(|kept| !kept.is_landmark()).unwrap_or(0)
    }

    /// The kept segments, oldest first.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// How many there were in all.
    pub fn total(&self) -> u32 {
        self.total
    }
}
