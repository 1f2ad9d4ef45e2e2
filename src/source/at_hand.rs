//! The frames that are at hand: read one after the other, with nothing else in between.

use super::variant::{Variant, words};
use crate::frame::{Frame, FrameNo, LinkType, Timestamp};

/// The next frames of a source, as far as they are at hand and plain. They borrow from its buffer, and each is handed over
/// once: what this does not give, [`Source::next`](super::Source::next) gives afterwards.
///
/// Worth a loop of its own: of a frame of 90 bytes, asking a source for the next one costs as much as looking at it.
#[derive(Debug)]
pub struct AtHand<'a> {
    /// Of a pcap file of the common kind: the records that are wholly there, and perhaps the beginning of one more.
    records: &'a [u8],
    nanos_per_tick: i64,
    link: LinkType,
    /// Number of the frame before.
    no: FrameNo,
    /// Where to leave word of what was taken.
    place: Option<&'a mut Place>,
    /// Header of the record before.
    header: Option<&'a [u8; Variant::RECORD_HEADER]>,
    /// Bytes of records at the beginning.
    length: usize,
}

/// How far a file was read.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// Number of the frame before.
    pub(super) no: FrameNo,
    /// Time of the frame before.
    pub(super) last: Option<Timestamp>,
    /// Bytes that were handed out.
    pub(super) taken: u64,
}

impl<'a> AtHand<'a> {
    /// No frames.
    pub fn none() -> Self {
        Self {
            records: &[],
            nanos_per_tick: 1,
            link: LinkType::NULL,
            no: FrameNo::NONE,
            place: None,
            header: None,
            length: 0,
        }
    }

    /// The records of a pcap file whose layout [is common](Variant::is_common).
    pub(super) fn of(records: &'a [u8], variant: &Variant, place: &'a mut Place) -> Self {
        let Variant { nanos_per_tick, link, .. } = *variant;
        Self { records, nanos_per_tick, link, no: place.no, place: Some(place), header: None, length: records.len() }
    }

    #[inline]
    fn time(&self, seconds: u32, ticks: u32) -> Timestamp {
        // No overflow: a year 2106 of seconds is half of what there is room for.
        Timestamp::from_nanos(i64::from(seconds) * 1_000_000_000 + i64::from(ticks) * self.nanos_per_tick)
    }
}

impl<'a> Iterator for AtHand<'a> {
    type Item = Frame<'a>;

    #[inline(always)]
    fn next(&mut self) -> Option<Frame<'a>> {
        let (header, rest) = self.records.split_first_chunk::<{ Variant::RECORD_HEADER }>()?;
        let [seconds, ticks, captured, wire_len] = words(header);
        let length = captured as usize;
        // A record of zeros, or damage.
        if seconds | captured | wire_len == 0 || length > Variant::MAX_FRAME {
            return None;
        }
        let (data, rest) = rest.split_at_checked(length)?;
        self.records = rest;
        self.header = Some(header);
        self.no = self.no.following();
        Some(Frame { no: self.no, time: self.time(seconds, ticks), link: self.link, data, wire_len })
    }
}

impl Drop for AtHand<'_> {
    /// Leaves word of what was taken, once: for each frame it would take as long as reading it.
    #[inline]
    fn drop(&mut self) {
        let time = self.header.map(words).map(|[seconds, ticks, ..]| self.time(seconds, ticks));
        let taken = self.length - self.records.len();
        if let Some(place) = self.place.as_deref_mut() {
            *place = Place { no: self.no, last: time.or(place.last), taken: place.taken + taken as u64 };
        }
    }
}
