//! The pcap file format ("savefile"): microseconds or nanoseconds, either byte order, and the modified record header.

use std::io::Read;

use pcap_parser::nom::{Err as Stop, IResult, Needed};
use pcap_parser::pcap::{parse_pcap_frame, parse_pcap_frame_be, parse_pcap_frame_modified, parse_pcap_header};
use pcap_parser::{LegacyPcapBlock, PcapError, PcapHeader};

use super::buffer::{Buffer, Pause};
use super::error::Damage;
use super::{Next, SourceError};
use crate::frame::{Frame, FrameNo, LinkType, Timestamp};

/// Reads the records of a pcap file.
pub(super) struct Savefile<R> {
    buffer: Buffer<R>,
    parse: ParseRecord,
    record_header: usize,
    nanos_per_tick: i64,
    /// Whether the writer's byte order was big-endian.
    swapped: bool,
    link: LinkType,
    announced: bool,
    input: u16,
    frames: u64,
    /// Length of the record handed out last.
    taken: u64,
}

type ParseRecord = for<'a> fn(&'a [u8]) -> IResult<&'a [u8], LegacyPcapBlock<'a>, PcapError<&'a [u8]>>;

impl<R: Read> Savefile<R> {
    /// The length of the file header.
    pub(super) const HEADER: usize = 24;
    const RECORD_HEADER: usize = 16;
    /// The modified format adds interface, protocol and packet type.
    const MODIFIED_RECORD_HEADER: usize = 24;
    /// More than this no writer captures of a frame; libpcap and Wireshark refuse it as well.
    const MAX_FRAME: usize = 262_144;

    /// Whether these are the first four bytes of a pcap file.
    pub(super) fn is_magic(magic: [u8; 4]) -> bool {
        let is = |magic| matches!(magic, 0xa1b2_c3d4_u32 | 0xa1b2_3c4d | 0xa1b2_cd34);
        is(u32::from_le_bytes(magic)) || matches!(u32::from_be_bytes(magic), 0xa1b2_c3d4 | 0xa1b2_3c4d)
    }

    /// A reader at the start of a file whose [`Savefile::HEADER`] is at hand.
    pub(super) fn new(buffer: Buffer<R>, input: u16) -> Result<Self, SourceError> {
        let (_, header) = parse_pcap_header(buffer.data()).map_err(|_| SourceError::NotACapture)?;
        let modified = header.is_modified_format();
        Ok(Self {
            buffer,
            parse: record_parser(&header),
            record_header: if modified { Self::MODIFIED_RECORD_HEADER } else { Self::RECORD_HEADER },
            nanos_per_tick: if header.is_nanosecond_precision() { 1 } else { 1_000 },
            swapped: header.is_bigendian(),
            // The upper half tells of checksums at the end of frames.
            link: LinkType((header.network.0 & 0xffff) as u16),
            announced: false,
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
    #[inline]
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
                Err(pause) => return pause.into_next(),
            },
        };
        let length = self.record_header + captured;
        self.taken = length as u64;
        self.frames += 1;
        let no = FrameNo::new(self.input, self.frames);
        let data = &self.buffer.data()[self.record_header..length];
        Ok(Next::Frame(Frame { no, time, link: self.link, data, wire_len }))
    }

    /// A record of the common kind that is wholly in the window, its header read at known offsets: a quarter of the
    /// instructions of the parser's way.
    #[inline]
    fn at_hand(&self) -> Option<(Timestamp, usize, u32)> {
        let data = self.buffer.data();
        let header: &[u8; 16] = data.first_chunk()?;
        let [seconds, ticks, captured, wire_len] = words(header);
        let common = !self.swapped && self.record_header == Self::RECORD_HEADER;
        let whole = captured as usize <= Self::MAX_FRAME && data.len() - Self::RECORD_HEADER >= captured as usize;
        let time = Timestamp::new(i64::from(seconds), 0).plus(i64::from(ticks) * self.nanos_per_tick);
        (common && whole).then_some((time, captured as usize, wire_len))
    }

    /// Any record, read by the parser once enough of it is there.
    #[cold]
    fn parsed(&mut self) -> Result<(Timestamp, usize, u32), Pause> {
        loop {
            match (self.parse)(self.buffer.data()) {
                Ok((_, record)) => return Ok((self.time(&record), record.caplen as usize, record.origlen)),
                Err(Stop::Incomplete(Needed::Size(missing))) => self.read_more(missing.get())?,
                Err(_) => return Err(Pause::Failed(self.absurd(self.buffer.data().len()))),
            }
        }
    }

    #[inline]
    fn time(&self, record: &LegacyPcapBlock<'_>) -> Timestamp {
        Timestamp::new(i64::from(record.ts_sec), 0).plus(i64::from(record.ts_usec) * self.nanos_per_tick)
    }

    /// Reads what a record lacks.
    #[cold]
    fn read_more(&mut self, missing: usize) -> Result<(), Pause> {
        let needed = self.buffer.data().len().saturating_add(missing);
        if needed > self.record_header + Self::MAX_FRAME {
            return Err(Pause::Failed(self.absurd(needed)));
        }
        self.buffer.fill(needed)
    }

    fn absurd(&self, length: usize) -> SourceError {
        SourceError::Damaged { offset: self.buffer.offset(), what: Damage::AbsurdLength(length as u64) }
    }
}

/// Four little-endian words.
#[inline]
fn words(bytes: &[u8; 16]) -> [u32; 4] {
    let number = u128::from_le_bytes(*bytes);
    [number as u32, (number >> 32) as u32, (number >> 64) as u32, (number >> 96) as u32]
}

fn record_parser(header: &PcapHeader) -> ParseRecord {
    match (header.is_modified_format(), header.is_bigendian()) {
        (true, _) => parse_pcap_frame_modified,
        (false, true) => parse_pcap_frame_be,
        (false, false) => parse_pcap_frame,
    }
}
