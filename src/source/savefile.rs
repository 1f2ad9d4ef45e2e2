//! The pcap file format ("savefile"), in all its variants.

use std::borrow::Cow;
use std::io::Read;

use super::at_hand::{AtHand, Place};
use super::buffer::{Buffer, Pause};
use super::error::Damage;
use super::original::{Description, Original, interface_option, push_option};
use super::variant::{Record, Variant, words};
use super::{Next, SourceError};
use crate::frame::{Frame, FrameNo, Timestamp};

/// Reads the records of a pcap file.
pub(super) struct Savefile<R> {
    buffer: Buffer<R>,
    variant: Variant,
    /// Whether the variant is the most common one.
    common: bool,
    announced: bool,
    /// Damage whose end is looked for.
    lost: Option<Lost>,
    /// Behind the records handed out; the window is still where the last of them can be borrowed.
    place: Place,
    /// The most bytes captured of a frame, as the file header says.
    snap_len: u32,
}

/// Where a record should have been.
#[derive(Clone, Copy)]
struct Lost {
    offset: u64,
    what: Damage,
}

impl<R: Read> Savefile<R> {
    const RECORD_HEADER: usize = Variant::RECORD_HEADER;
    const MAX_FRAME: usize = Variant::MAX_FRAME;
    /// Records before and behind damage are at most this far apart in time: a day.
    const NEAR_NS: i64 = 86_400_000_000_000;

    /// A reader at the start of a file whose [`Variant::HEADER`] is at hand.
    ///
    /// Layouts that look alike are told apart by the second record, which is not waited for where it does not come at once.
    pub(super) fn new(mut buffer: Buffer<R>, input: u16) -> Result<Self, SourceError> {
        buffer.look_ahead(Variant::HEADER + Self::RECORD_HEADER);
        let enough = Variant::first_records(buffer.data());
        buffer.look_ahead(enough);
        // No more than that: which layout it is must not depend on how much comes at once.
        let first = buffer.data().get(..enough).unwrap_or(buffer.data());
        let (header, rest) = first.split_first_chunk().ok_or(SourceError::NotACapture)?;
        let variant = Variant::of(header, rest).ok_or(SourceError::NotACapture)?;
        let snap_len = first.get(16..).and_then(<[u8]>::first_chunk).copied().unwrap_or_default();
        Ok(Self {
            buffer,
            snap_len: if variant.big_endian { u32::from_be_bytes(snap_len) } else { u32::from_le_bytes(snap_len) },
            common: variant.is_common(),
            announced: false,
            lost: None,
            place: Place { no: FrameNo::new(input, 0), last: None, taken: variant.file_header as u64 },
            variant,
        })
    }

    /// Reads no more: the input ends with what was read already.
    pub(super) fn close(&mut self) {
        self.buffer.close();
    }

    /// The frame handed out last.
    pub(super) fn original(&self) -> Option<Original<'_>> {
        let (record, time) = (self.record_at(0)?, self.place.last?);
        let end = usize::try_from(self.place.taken).ok()?;
        let data = self.buffer.data().get(self.variant.record_header..end)?;
        let no = self.place.no;
        Some(Original {
            frame: Frame { no, time, link: self.variant.link, data, wire_len: record.wire_len },
            interface: 0,
            ticks: u64::try_from(time.as_nanos() / self.variant.nanos_per_tick).ok()?,
            timeless: false,
            big_endian: self.variant.big_endian,
            options: Cow::default(),
        })
    }

    /// The only interface, as pcapng would describe it.
    pub(super) fn description(&self) -> Description {
        let Variant { big_endian, link, nanos_per_tick, .. } = self.variant;
        let mut options = Vec::new();
        if nanos_per_tick == 1 {
            push_option(&mut options, big_endian, (interface_option::TIME_RESOLUTION, &[9]));
        }
        Description { input: self.place.no.input(), interface: 0, link, snap_len: self.snap_len, big_endian, options }
    }

    /// The next record.
    #[inline(always)]
    pub(super) fn next(&mut self) -> Result<Next<'_>, SourceError> {
        if !self.announced {
            self.announced = true;
            return Ok(Next::Interface(self.variant.link));
        }
        self.buffer.consume(std::mem::take(&mut self.place.taken));
        let (time, captured, wire_len) = match self.record_at_hand() {
            Some(record) => record,
            None => match self.parsed() {
                Ok(record) => record,
                Err(pause) => return self.paused(pause),
            },
        };
        let length = self.variant.record_header + captured;
        let no = self.place.no.following();
        self.place = Place { no, last: Some(time), taken: length as u64 };
        let data = &self.buffer.data()[self.variant.record_header..length];
        Ok(Next::Frame(Frame { no, time, link: self.variant.link, data, wire_len }))
    }

    /// The records from here on, as far as they are of the common kind and wholly in the window.
    pub(super) fn at_hand(&mut self) -> AtHand<'_> {
        if !self.announced || !self.common || self.lost.is_some() {
            return AtHand::None;
        }
        self.buffer.consume(std::mem::take(&mut self.place.taken));
        AtHand::of(self.buffer.data(), &self.variant, &mut self.place)
    }

    /// A record of the common kind that is wholly in the window, its header read at known offsets.
    #[inline]
    fn record_at_hand(&self) -> Option<(Timestamp, usize, u32)> {
        let data = self.buffer.data();
        let header: &[u8; 16] = data.first_chunk()?;
        let [seconds, ticks, captured, wire_len] = words(header);
        let sound = self.lost.is_none() && seconds | captured | wire_len != 0;
        let whole =
            sound && captured as usize <= Self::MAX_FRAME && data.len() - Self::RECORD_HEADER >= captured as usize;
        let time = Timestamp::new(i64::from(seconds), 0).plus(i64::from(ticks) * self.variant.nanos_per_tick);
        (self.common && whole).then_some((time, captured as usize, wire_len))
    }

    /// Any record, once all of it is there.
    #[cold]
    fn parsed(&mut self) -> Result<(Timestamp, usize, u32), Pause> {
        if self.lost.is_some() {
            return Err(self.search());
        }
        self.buffer.fill(self.variant.record_header)?;
        let Some(record) = self.record_at(0) else { return Err(Pause::End) };
        let captured = record.captured as usize;
        if captured > Self::MAX_FRAME {
            return Err(self.lose(Damage::AbsurdLength(self.variant.record_header as u64 + captured as u64)));
        }
        if record.is_zeros() {
            return match self.empty_frame()? {
                Some(time) => Ok((time, 0, 0)),
                None => Err(self.lose(Damage::Zeros)),
            };
        }
        self.buffer.fill(self.variant.record_header + captured)?;
        Ok((self.time(record), captured, record.wire_len))
    }

    /// The time to give to a record that is all zeros, where it stands alone: between records, or at the end. Some writers
    /// leave one, and tcpdump and Wireshark count it as a frame. It has no time, so it gets that of a neighbour.
    fn empty_frame(&mut self) -> Result<Option<Timestamp>, Pause> {
        let header = self.variant.record_header;
        match self.buffer.fill(2 * header) {
            Ok(()) => {}
            Err(Pause::Failed(SourceError::Truncated { .. })) if self.buffer.data().len() == header => {
                return Ok(Some(self.place.last.unwrap_or_default()));
            }
            Err(Pause::Failed(SourceError::Truncated { .. })) => return Ok(None),
            Err(pause) => return Err(pause),
        }
        let next = self.record_at(header).filter(|record| self.is_plausible(*record));
        Ok(next.map(|record| self.place.last.unwrap_or(self.time(record))))
    }

    /// Remembers where records cannot be told any more, and goes on to where they can.
    fn lose(&mut self, what: Damage) -> Pause {
        self.lost = Some(Lost { offset: self.buffer.offset(), what });
        self.buffer.widen(4 * Self::MAX_FRAME);
        self.buffer.consume(1);
        self.search()
    }

    /// Goes to the next place where two records follow each other; [`Pause::End`] is the end of the damage.
    fn search(&mut self) -> Pause {
        loop {
            match self.is_record() {
                Ok(true) => return Pause::End,
                Ok(false) => self.buffer.consume(1),
                Err(pause) => return pause,
            }
        }
    }

    /// Whether a record starts here: a sound header, and behind its frame another one or the end of the input.
    fn is_record(&mut self) -> Result<bool, Pause> {
        self.buffer.fill(self.variant.record_header)?;
        let Some(first) = self.record_at(0).filter(|record| self.is_plausible(*record)) else { return Ok(false) };
        let (time, end) = (self.time(first), self.variant.record_header + first.captured as usize);
        match self.buffer.fill(end + self.variant.record_header) {
            Ok(()) => {}
            Err(Pause::Failed(SourceError::Truncated { .. })) => return Ok(self.buffer.data().len() == end),
            Err(pause) => return Err(pause),
        }
        let near_first = |record: Record| {
            record.captured as usize <= Self::MAX_FRAME
                && self.time(record).since(time).saturating_abs() <= Self::NEAR_NS
        };
        Ok(self.record_at(end).is_some_and(near_first))
    }

    /// Whether a record header fits the record before.
    fn is_plausible(&self, record: Record) -> bool {
        let apart = self.place.last.map_or(0, |last| self.time(record).since(last).saturating_abs());
        self.variant.is_sound(record)
            && record.captured > 0
            && record.captured <= record.wire_len
            && apart <= Self::NEAR_NS
    }

    /// What to say of a pause: while damage is being passed over its end is the news.
    #[cold]
    fn paused<'a>(&mut self, pause: Pause) -> Result<Next<'a>, SourceError> {
        let Some(Lost { offset, what }) = self.lost else { return pause.into_next() };
        let error = SourceError::Damaged { offset, what };
        match pause {
            Pause::Idle => Ok(Next::Idle),
            Pause::End => {
                self.lost = None;
                Ok(Next::Damaged(error))
            }
            Pause::Failed(SourceError::Io(error)) => Err(SourceError::Io(error)),
            Pause::Failed(_) => Err(error),
        }
    }

    fn record_at(&self, at: usize) -> Option<Record> {
        self.variant.record(self.buffer.data(), at)
    }

    fn time(&self, record: Record) -> Timestamp {
        Timestamp::new(i64::from(record.seconds), 0).plus(i64::from(record.ticks) * self.variant.nanos_per_tick)
    }
}
