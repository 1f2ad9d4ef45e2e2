//! The last segments of an incarnation, packed.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::frame::{FrameNo, Timestamp};
use crate::tcp::{Flags, Segment, SeqNum};

use super::sighting::{is_sighted_again, may_be_repeated};
use super::{Side, prefetch};

/// One segment as remembered: what matching triggers and printing need, in 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Record {
    time: Timestamp,
    seq: SeqNum,
    ack: SeqNum,
    /// The frame number modulo 2^32: a history is never longer than that.
    frame: u32,
    input: u16,
    window: u16,
    /// Where it is 0 or absent in a RST: the point of capture.
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
const HAS_POINT: u32 = 1 << 29;
const OLD_DATA: u32 = 1 << 30;
const SEEN_AGAIN: u32 = 1 << 31;

/// What tracking knew of a segment when it came.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Standing {
    /// A keepalive probe.
    pub probe: bool,
    /// All its sequence numbers had been sent before.
    pub old_data: bool,
    /// Where a RST without an IP ID of its own was seen; 0 for all others.
    pub point: u16,
}

impl Record {
    /// A record without meaning, to be written over.
    const EMPTY: Record = Record {
        time: Timestamp::from_nanos(0),
        seq: SeqNum(0),
        ack: SeqNum(0),
        frame: 0,
        input: 0,
        window: 0,
        ip_id: 0,
        ttl: 0,
        flags: Flags(0),
        len_and_marks: 0,
    };

    /// Packs a segment of `side`.
    #[inline(always)]
    pub fn new(segment: &Segment, side: Side, standing: Standing) -> Self {
        let mark = |on: bool, bit: u32| if on { bit } else { 0 };
        let marks = mark(side == Side::High, HIGH_SIDE)
            | mark(segment.ip.id.is_some(), HAS_ID)
            | mark(segment.options.timestamps.is_some(), TIMESTAMPS)
            | mark(segment.options.any, OPTIONS)
            | mark(standing.probe, PROBE)
            | mark(standing.point != 0, HAS_POINT)
            | mark(standing.old_data, OLD_DATA);
        Self {
            time: segment.time,
            seq: segment.seq,
            ack: segment.ack_field,
            frame: segment.frame.number() as u32,
            input: segment.frame.input(),
            window: segment.window,
            ip_id: segment.ip.id.unwrap_or(0) | standing.point,
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
    pub fn payload_len(&self) -> u32 {
        self.len_and_marks & LEN_MASK
    }

    /// Sequence numbers it takes.
    pub fn seq_len(&self) -> u32 {
        self.payload_len() + u32::from(self.flags.syn()) + u32::from(self.flags.fin())
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
        let id = if self.len_and_marks & HAS_POINT != 0 { 0 } else { self.ip_id };
        (self.len_and_marks & HAS_ID != 0).then_some(id)
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

    /// Where it was seen, for a RST without an IP ID of its own.
    pub fn point(&self) -> Option<u16> {
        (self.len_and_marks & HAS_POINT != 0).then_some(self.ip_id)
    }

    /// Which input it came from.
    pub fn input(&self) -> u16 {
        self.input
    }

    /// Whether another sighting of it has come.
    pub fn is_seen_again(&self) -> bool {
        self.len_and_marks & SEEN_AGAIN != 0
    }

    /// Whether all its sequence numbers had been sent before.
    pub fn is_old_data(&self) -> bool {
        self.len_and_marks & OLD_DATA != 0
    }

    /// Whether it only acknowledges: no payload, SYN, FIN or RST.
    pub fn is_pure_ack(&self) -> bool {
        self.flags.ack() && self.seq_len() == 0 && !self.flags.rst()
    }

    /// Worth keeping when newer ones push out the rest.
    #[inline]
    fn is_landmark(&self) -> bool {
        const LANDMARKS: Flags = Flags::SYN.with(Flags::FIN).with(Flags::RST);
        self.flags.any_of(LANDMARKS)
    }
}

/// When a segment came: ordered by frame numbers within an input, and by time between two.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moment {
    frame: FrameNo,
    time: Timestamp,
}

impl PartialOrd for Moment {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(match self.frame.input() == other.frame.input() {
            true => self.frame.cmp(&other.frame),
            false => (self.time, self.frame).cmp(&(other.time, other.frame)),
        })
    }
}

/// A remembered segment with its whole frame number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
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

    /// When it came, to be compared.
    pub fn moment(&self) -> Moment {
        Moment { frame: self.frame, time: self.record.time }
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

/// The last segments of an incarnation; SYN, FIN and RST stay when others go.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct History {
    total: u32,
    len: u8,
    /// Where the next record goes once all places are taken.
    cursor: u8,
    /// How many of the records are landmarks.
    landmarks: u8,
    /// The first records: a connection that is refused, or reset in its handshake, has no more.
    first: [Record; FIRST],
    rest: Vec<Record>,
}

/// How many segments an incarnation keeps.
const KEPT: usize = 10;
/// How many of them have a place in the incarnation itself.
const FIRST: usize = 4;
/// For how many more there is room at first.
const SECOND: usize = 2;
/// How many of them may be kept for being landmarks.
const LANDMARKS_KEPT: u8 = 6;

/// The place after `at`, around the ring.
#[inline]
fn after(at: usize) -> usize {
    if at + 1 == KEPT { 0 } else { at + 1 }
}

impl Default for History {
    fn default() -> Self {
        Self { total: 0, len: 0, cursor: 0, landmarks: 0, first: [Record::EMPTY; FIRST], rest: Vec::new() }
    }
}

impl History {
    fn len(&self) -> usize {
        usize::from(self.len)
    }

    #[inline]
    fn get(&self, at: usize) -> Option<&Record> {
        match at.checked_sub(FIRST) {
            None => self.first.get(at).filter(|_| at < self.len()),
            Some(at) => self.rest.get(at),
        }
    }

    #[inline]
    fn get_mut(&mut self, at: usize) -> Option<&mut Record> {
        match at.checked_sub(FIRST) {
            None => self.first.get_mut(at),
            Some(at) => self.rest.get_mut(at),
        }
    }

    /// Adds a segment, dropping the oldest that is no landmark.
    ///
    /// The first ones are made where they stay: what was just written field by field can only be read as a whole, to be copied,
    /// when all that was written before has reached the cache.
    #[inline(always)]
    pub fn push(&mut self, record: impl FnOnce() -> Record) {
        self.total = self.total.saturating_add(1);
        match self.first.get_mut(usize::from(self.len)) {
            Some(place) => {
                *place = record();
                self.landmarks += u8::from(place.is_landmark());
                self.len += 1;
            }
            None => self.push_rest(record()),
        }
    }

    #[inline(never)]
    fn push_rest(&mut self, record: Record) {
        self.landmarks += u8::from(record.is_landmark());
        if self.len() < KEPT {
            return self.append(record);
        }
        let at = self.oldest_ordinary();
        if let Some(place) = self.get_mut(at) {
            let gone = std::mem::replace(place, record);
            self.landmarks -= u8::from(gone.is_landmark());
        }
        self.cursor = after(at) as u8;
    }

    fn append(&mut self, record: Record) {
        match self.first.get_mut(usize::from(self.len)) {
            Some(place) => *place = record,
            None => {
                // Where there are many connections most of them are short.
                if self.rest.len() == self.rest.capacity() {
                    let room = if self.rest.is_empty() { SECOND } else { KEPT - FIRST - self.rest.len() };
                    self.rest.reserve_exact(room);
                }
                self.rest.push(record);
            }
        }
        self.len += 1;
    }

    /// The place of the oldest record that may go.
    #[inline]
    fn oldest_ordinary(&self) -> usize {
        let from = usize::from(self.cursor);
        let mut at = from;
        if self.landmarks > LANDMARKS_KEPT {
            return from;
        }
        while self.get(at).is_some_and(Record::is_landmark) {
            at = after(at);
            if at == from {
                break;
            }
        }
        at
    }

    /// The kept segments in no order.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.first.iter().take(self.len()).chain(&self.rest)
    }

    /// Writes the kept segments to `out`, oldest first, with whole frame numbers; `latest` is the latest frame of the capture.
    pub fn past(&self, latest: FrameNo, out: &mut Vec<Past>) {
        out.clear();
        out.extend(self.records().map(|record| record.unpack(latest)));
        // A clock that goes back counts for nothing within one input.
        match out.iter().all(|past| past.frame.input() == latest.input()) {
            true if out.is_sorted_by_key(Past::frame) => {}
            true => out.sort_by_key(Past::frame),
            false => out.sort_by_key(|past| (past.time, past.frame)),
        }
    }

    /// Keeps the landmarks and the two newest segments, and gives the rest of its memory back.
    pub fn condense(&mut self, latest: FrameNo) {
        if self.len() <= FIRST || self.len() <= usize::from(self.landmarks) + 2 {
            return;
        }
        let mut past = Vec::with_capacity(KEPT);
        self.past(latest, &mut past);
        let newest = past.len().saturating_sub(2);
        let (total, landmarks) = (self.total, self.landmarks);
        *self = Self { total, landmarks, ..Self::default() };
        let kept = past.iter().enumerate().filter(|(at, past)| past.is_landmark() || *at >= newest);
        kept.for_each(|(_, past)| self.append(past.record()));
        self.rest.shrink_to_fit();
    }

    /// The kept segment that `segment` of `side` is another sighting of.
    #[cold]
    #[inline(never)]
    pub fn sighted(&self, segment: &Segment, side: Side) -> Option<&Record> {
        let answers_reset = |first: &Record| {
            let reset = |other: &&Record| other.side() != side && other.flags().rst();
            self.records().filter(reset).any(|reset| reset.time >= first.time)
        };
        let mut sighted = self.alike(segment, side);
        // A challenge ACK (RFC 5961 3.2) repeats the ACK before the RST, number by number.
        sighted.find(|first| !may_be_repeated(first, segment) || !answers_reset(first))
    }

    /// As [`sighted`](Self::sighted), where a newer life has begun since: its SYN, too, may draw the last ACK again.
    #[cold]
    #[inline(never)]
    pub fn has_sighted_before(&self, segment: &Segment, side: Side) -> bool {
        self.alike(segment, side).any(|first| !may_be_repeated(first, segment))
    }

    fn alike(&self, segment: &Segment, side: Side) -> impl Iterator<Item = &Record> {
        self.records().filter(move |record| record.side() == side && is_sighted_again(record, segment))
    }

    /// Marks the RST in `frame` as one of which another sighting has come.
    pub fn mark_seen_again(&mut self, frame: FrameNo) {
        let is_it = |record: &&mut Record| record.frame == frame.number() as u32 && record.input == frame.input();
        let mut records = self.first.iter_mut().take(usize::from(self.len)).chain(&mut self.rest);
        if let Some(record) = records.find(is_it) {
            record.len_and_marks |= SEEN_AGAIN;
        }
    }

    /// Asks for the place of the next record.
    #[inline]
    pub fn prefetch(&self) {
        let at = if self.len() < KEPT { self.len().saturating_sub(1) } else { usize::from(self.cursor) };
        prefetch(self.get(at));
    }

    /// Whether its counts are those of its records, which are not its own.
    pub(super) fn is_sound(&self) -> bool {
        let landmarks = self.records().filter(|record| record.is_landmark()).count();
        let ring = self.len() <= KEPT && usize::from(self.cursor) < KEPT;
        ring && self.rest.len() == self.len().saturating_sub(FIRST) && usize::from(self.landmarks) == landmarks
    }

    /// How many there were in all.
    pub fn total(&self) -> u32 {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tcp::{FourTuple, IpFields, Options};

    fn segment(number: u64, flags: Flags) -> Segment {
        Segment {
            frame: FrameNo::new(0, number),
            time: Timestamp::from_nanos(number as i64 * 1_000_000_000),
            tuple: FourTuple::new(([10, 0, 0, 1].into(), 1), ([10, 0, 0, 2].into(), 2)),
            flags,
            seq: SeqNum(number as u32),
            ack_field: SeqNum(0),
            window: 1,
            len: 1,
            options: Options::NONE,
            ip: IpFields { ttl: 64, tos: 0, id: Some(0), dont_fragment: true, flow_label: None },
        }
    }

    fn past(history: &History, latest: u64) -> Vec<Past> {
        let mut past = Vec::new();
        history.past(FrameNo::new(0, latest), &mut past);
        past
    }

    fn filled(flags: impl Fn(u64) -> Flags, count: u64) -> Vec<u64> {
        let mut history = History::default();
        for number in 1..=count {
            history.push(|| Record::new(&segment(number, flags(number)), Side::Low, Standing::default()));
        }
        past(&history, count).iter().map(|past| past.frame().number()).collect()
    }

    #[test]
    fn the_newest_stay_and_so_do_landmarks() {
        let syn_first = |number| if number <= 2 { Flags::SYN } else { Flags::ACK };
        assert_eq!(filled(syn_first, 3), [1, 2, 3]);
        assert_eq!(filled(syn_first, 30), [1, 2, 23, 24, 25, 26, 27, 28, 29, 30]);
    }

    #[test]
    fn landmarks_alone_do_not_fill_it() {
        let resets = |number: u64| if number > 20 { Flags::ACK } else { Flags::RST };
        assert!(filled(resets, 24).ends_with(&[21, 22, 23, 24]));
    }

    #[test]
    fn what_is_condensed_keeps_its_landmarks_and_the_newest_and_goes_on() {
        let flags = |number| if number <= 2 { Flags::SYN } else { Flags::ACK };
        let mut history = History::default();
        let push = |history: &mut History, number| {
            history.push(|| Record::new(&segment(number, flags(number)), Side::Low, Standing::default()));
        };
        let kept = |history: &History, latest| -> Vec<u64> {
            past(history, latest).iter().map(|past| past.frame().number()).collect()
        };
        (1..=9).for_each(|number| push(&mut history, number));
        history.condense(FrameNo::new(0, 9));
        assert_eq!(kept(&history, 9), [1, 2, 8, 9]);
        (10..=12).for_each(|number| push(&mut history, number));
        assert_eq!(kept(&history, 12), [1, 2, 8, 9, 10, 11, 12]);
        assert_eq!(history.total(), 12);
    }

    #[test]
    fn segments_of_two_inputs_are_in_the_order_of_time() {
        let at = |input, number, second: i64| Segment {
            frame: FrameNo::new(input, number),
            time: Timestamp::from_nanos(second * 1_000_000_000),
            ..segment(number, Flags::ACK)
        };
        let mut history = History::default();
        for segment in [at(1, 7, 1), at(0, 3, 2), at(1, 8, 3), at(0, 4, 4)] {
            history.push(|| Record::new(&segment, Side::Low, Standing::default()));
        }
        let past = past(&history, 4);
        assert_eq!(past.iter().map(|past| past.frame().number()).collect::<Vec<_>>(), [7, 3, 8, 4]);
        assert!(past.is_sorted_by(|a, b| a.moment() < b.moment()));
        let moment = |segment: Segment| Past::new(&segment, Side::Low, Standing::default()).moment();
        assert!(moment(at(0, 1, 9)) < moment(at(0, 2, 5)));
        assert!(moment(at(1, 1, 5)) < moment(at(0, 2, 9)));
    }

    #[test]
    fn frame_numbers_survive_the_wrap() {
        let past = Record::new(&segment((1 << 32) - 1, Flags::ACK), Side::Low, Standing::default());
        assert_eq!(past.unpack(FrameNo::new(0, (1 << 32) + 5)).frame().number(), (1 << 32) - 1);
        let past = Record::new(&segment((1 << 32) + 3, Flags::ACK), Side::Low, Standing::default());
        assert_eq!(past.unpack(FrameNo::new(0, (1 << 32) + 5)).frame().number(), (1 << 32) + 3);
    }
}
