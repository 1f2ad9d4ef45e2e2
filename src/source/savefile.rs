//! The pcap file format ("savefile"): microseconds or nanoseconds, either byte order, and the modified record header.

use std::io::Read;

use super::buffer::{Buffer, Pause};
use super::error::Damage;
use super::{Next, SourceError};
use crate::frame::{Frame, FrameNo, LinkType, Timestamp};

/// Reads the records of a pcap file.
pub(super) struct Savefile<R> {
    buffer: Buffer<R>,
    record_header: usize,
    nanos_per_tick: i64,
    /// Whether the writer's byte order was big-endian.
    swapped: bool,
    link: LinkType,
    announced: bool,
    /// Damage whose end is looked for.
    lost: Option<Lost>,
    /// Time of the record before.
    last: Option<Timestamp>,
    input: u16,
    frames: u64,
    /// Length of the record handed out last.
    taken: u64,
}

/// Where a record should have been.
#[derive(Clone, Copy)]
struct Lost {
    offset: u64,
    what: Damage,
}

/// A record header.
#[derive(Clone, Copy)]
struct Record {
    seconds: u32,
    ticks: u32,
    captured: u32,
    wire_len: u32,
}

impl<R: Read> Savefile<R> {
    /// The length of the file header.
    pub(super) const HEADER: usize = 24;
    const RECORD_HEADER: usize = 16;
    /// The modified format adds interface, protocol and packet type.
    const MODIFIED_RECORD_HEADER: usize = 24;
    /// More than this no writer captures of a frame; libpcap and Wireshark refuse it as well.
    const MAX_FRAME: usize = 262_144;

    /// No frame is longer on the wire, offloads included.
    const WIRE_MAX: u32 = 16 << 20;
    /// Records before and behind damage are at most this far apart in time: a day.
    const NEAR_NS: i64 = 86_400_000_000_000;

    /// Whether these are the first four bytes of a pcap file.
    pub(super) fn is_magic(magic: [u8; 4]) -> bool {
        Self::kind(u32::from_le_bytes(magic)).or(Self::kind(u32::from_be_bytes(magic))).is_some()
    }

    /// Nanoseconds a tick and the length of record headers, by the magic number.
    fn kind(magic: u32) -> Option<(i64, usize)> {
        match magic {
            0xa1b2_c3d4 => Some((1_000, Self::RECORD_HEADER)),
            0xa1b2_3c4d => Some((1, Self::RECORD_HEADER)),
            0xa1b2_cd34 => Some((1_000, Self::MODIFIED_RECORD_HEADER)),
            _ => None,
        }
    }

    /// A reader at the start of a file whose [`Savefile::HEADER`] is at hand.
    pub(super) fn new(buffer: Buffer<R>, input: u16) -> Result<Self, SourceError> {
        let header: [u8; 24] = *buffer.data().first_chunk().ok_or(SourceError::NotACapture)?;
        let [magic, network] = [0, 20].map(|at| [header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let swapped = Self::kind(u32::from_le_bytes(magic)).is_none();
        let number = |bytes| if swapped { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
        let (nanos_per_tick, record_header) = Self::kind(number(magic)).ok_or(SourceError::NotACapture)?;
        Ok(Self {
            buffer,
            record_header,
            nanos_per_tick,
            swapped,
            // The upper half tells of checksums at the end of frames, which the lengths of IP leave out.
            link: LinkType((number(network) & 0xffff) as u16),
            announced: false,
            lost: None,
            last: None,
            input,
            frames: 0,
            taken: Self::HEADER as u64,
        })
    }

    /// Reads no more: the input ends with what was read already.
    pub(super) fn close(&mut self) {
        self.buffer.close();
    }

    /// The next record.
    #[inline(always)]
    pub(super) fn next(&mut self) -> Result<Next<'_>, SourceError> {
        if !self.announced {
            self.announced = true;
            return Ok(Next::Interface(self.link));
        }
        self.buffer.consume(std::mem::take(&mut self.taken));
        let (time, captured, wire_len) = match self.at_hand() {
            Some(record) => record,
            None => match self.parsed() {
                Ok(record) => record,
                Err(pause) => return self.paused(pause),
            },
        };
        self.last = Some(time);
        let length = self.record_header + captured;
        self.taken = length as u64;
        self.frames += 1;
        let no = FrameNo::new(self.input, self.frames);
        let data = &self.buffer.data()[self.record_header..length];
        Ok(Next::Frame(Frame { no, time, link: self.link, data, wire_len }))
    }

    /// A record of the common kind that is wholly in the window, its header read at known offsets.
    #[inline]
    fn at_hand(&self) -> Option<(Timestamp, usize, u32)> {
        let data = self.buffer.data();
        let header: &[u8; 16] = data.first_chunk()?;
        let [seconds, ticks, captured, wire_len] = words(header);
        let common = !self.swapped && self.record_header == Self::RECORD_HEADER;
        let sound = self.lost.is_none() && seconds | captured | wire_len != 0;
        let whole =
            sound && captured as usize <= Self::MAX_FRAME && data.len() - Self::RECORD_HEADER >= captured as usize;
        let time = Timestamp::new(i64::from(seconds), 0).plus(i64::from(ticks) * self.nanos_per_tick);
        (common && whole).then_some((time, captured as usize, wire_len))
    }

    /// Any record, once all of it is there.
    #[cold]
    fn parsed(&mut self) -> Result<(Timestamp, usize, u32), Pause> {
        if self.lost.is_some() {
            return Err(self.search());
        }
        self.buffer.fill(self.record_header)?;
        let Some(record) = self.record_at(0) else { return Err(Pause::End) };
        let captured = record.captured as usize;
        if captured > Self::MAX_FRAME {
            return Err(self.lose(Damage::AbsurdLength(self.record_header as u64 + captured as u64)));
        }
        if record.seconds | record.captured | record.wire_len == 0 {
            return Err(self.lose(Damage::Zeros));
        }
        self.buffer.fill(self.record_header + captured)?;
        Ok((self.time(record), captured, record.wire_len))
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
        self.buffer.fill(self.record_header)?;
        let near = |record: Record, last: Option<Timestamp>| {
            let frame = 1..=Self::MAX_FRAME as u32;
            let second = 1_000_000_000 / self.nanos_per_tick;
            let apart = last.map_or(0, |last| self.time(record).since(last).saturating_abs());
            frame.contains(&record.captured)
                && (record.captured..=Self::WIRE_MAX).contains(&record.wire_len)
                && i64::from(record.ticks) < second
                && apart <= Self::NEAR_NS
        };
        let Some(first) = self.record_at(0).filter(|record| near(*record, self.last)) else { return Ok(false) };
        let (time, end) = (self.time(first), self.record_header + first.captured as usize);
        match self.buffer.fill(end + self.record_header) {
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
        let header: &[u8; 16] = self.buffer.data().get(at..)?.first_chunk()?;
        let [seconds, ticks, captured, wire_len] =
            words(header).map(|word| if self.swapped { word.swap_bytes() } else { word });
        Some(Record { seconds, ticks, captured, wire_len })
    }

    fn time(&self, record: Record) -> Timestamp {
        Timestamp::new(i64::from(record.seconds), 0).plus(i64::from(record.ticks) * self.nanos_per_tick)
    }
}

/// Four little-endian words.
#[inline]
fn words(bytes: &[u8; 16]) -> [u32; 4] {
    let number = u128::from_le_bytes(*bytes);
    [number as u32, (number >> 32) as u32, (number >> 64) as u32, (number >> 96) as u32]
}
