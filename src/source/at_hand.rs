//! The frames that are at hand: read one after the other, with nothing else in between.

use super::pcapng::{Block, Blocks};
use super::variant::{Variant, words};
use crate::frame::{Frame, FrameNo, LinkType, Timestamp};

/// The next frames of a source, as far as they are at hand and plain. They borrow from its buffer, and each is handed over
/// once: what this does not give, [`Source::next`](super::Source::next) gives afterwards.
///
/// Worth a loop of its own, and each kind one: of a frame of 90 bytes, asking a source for the next one costs as much as looking
/// at it.
#[derive(Debug)]
pub enum AtHand<'a> {
    /// None.
    None,
    /// Of a pcap file of the common kind.
    Pcap(Records<'a>),
    /// Of a pcapng file.
    PcapNg(PacketBlocks<'a>),
}

impl<'a> AtHand<'a> {
    /// The records of a pcap file whose layout [is common](Variant::is_common).
    pub(super) fn of(records: &'a [u8], variant: &Variant, place: &'a mut Place) -> Self {
        let Variant { nanos_per_tick, link, .. } = *variant;
        AtHand::Pcap(Records { rest: Rest::of(records, place), nanos_per_tick, link })
    }

    /// The blocks of a pcapng file.
    pub(super) fn of_blocks(bytes: &'a [u8], blocks: Blocks<'a>, place: &'a mut Place) -> Self {
        AtHand::PcapNg(PacketBlocks { rest: Rest::of(bytes, place), blocks })
    }
}

impl<'a> Iterator for AtHand<'a> {
    type Item = Frame<'a>;

    fn next(&mut self) -> Option<Frame<'a>> {
        match self {
            AtHand::None => None,
            AtHand::Pcap(records) => records.next(),
            AtHand::PcapNg(blocks) => blocks.next(),
        }
    }
}

/// The records of a pcap file that are wholly there.
#[derive(Debug)]
pub struct Records<'a> {
    rest: Rest<'a>,
    nanos_per_tick: i64,
    link: LinkType,
}

impl<'a> Iterator for Records<'a> {
    type Item = Frame<'a>;

    #[inline(always)]
    fn next(&mut self) -> Option<Frame<'a>> {
        let (header, rest) = self.rest.bytes.split_first_chunk::<{ Variant::RECORD_HEADER }>()?;
        let [seconds, ticks, captured, wire_len] = words(header);
        let length = captured as usize;
        // A record of zeros, or damage.
        if seconds | captured | wire_len == 0 || length > Variant::MAX_FRAME {
            return None;
        }
        let (data, rest) = rest.split_at_checked(length)?;
        // No overflow: a year 2106 of seconds is half of what there is room for.
        let time = Timestamp::from_nanos(i64::from(seconds) * 1_000_000_000 + i64::from(ticks) * self.nanos_per_tick);
        let no = self.rest.take(time, rest);
        Some(Frame { no, time, link: self.link, data, wire_len })
    }
}

/// The packet blocks of a pcapng file that are wholly there, as far as they are of the common kind.
#[derive(Debug)]
pub struct PacketBlocks<'a> {
    rest: Rest<'a>,
    blocks: Blocks<'a>,
}

impl<'a> Iterator for PacketBlocks<'a> {
    type Item = Frame<'a>;

    #[inline(always)]
    fn next(&mut self) -> Option<Frame<'a>> {
        let Block { time, link, data, wire_len, rest } = self.blocks.first(self.rest.bytes)?;
        let no = self.rest.take(time, rest);
        Some(Frame { no, time, link, data, wire_len })
    }
}

/// What was not handed out yet.
#[derive(Debug)]
struct Rest<'a> {
    /// Records or blocks, and perhaps the beginning of one more.
    bytes: &'a [u8],
    /// Number of the frame before.
    no: FrameNo,
    /// Its time, if it was given here.
    last: Option<Timestamp>,
    /// How many bytes there were in the beginning.
    length: usize,
    /// Where to leave word of what was taken.
    place: &'a mut Place,
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

impl Place {
    /// Time of the frame before, or of none.
    pub(super) fn time(&self) -> Timestamp {
        self.last.unwrap_or_default()
    }
}

impl<'a> Rest<'a> {
    fn of(bytes: &'a [u8], place: &'a mut Place) -> Self {
        Self { bytes, no: place.no, last: None, length: bytes.len(), place }
    }

    /// A frame of this time is handed out, behind which this is left; its number.
    #[inline(always)]
    fn take(&mut self, time: Timestamp, rest: &'a [u8]) -> FrameNo {
        self.bytes = rest;
        self.last = Some(time);
        self.no = self.no.following();
        self.no
    }
}

impl Drop for Rest<'_> {
    /// Leaves word of what was taken, once: for each frame it would take as long as reading it.
    #[inline]
    fn drop(&mut self) {
        let taken = self.length - self.bytes.len();
        *self.place =
            Place { no: self.no, last: self.last.or(self.place.last), taken: self.place.taken + taken as u64 };
    }
}

#[cfg(test)]
mod tests {
    use crate::source::sample::{BIG, LITTLE};
    use crate::source::{CaptureFile, Next, Source};

    /// All that a file says, its frames one by one or as many as there are at hand after each.
    fn told(bytes: &[u8], at_hand: bool) -> Vec<String> {
        let mut file = CaptureFile::new(bytes, 3);
        let mut told = Vec::new();
        loop {
            let next = file.next();
            told.push(format!("{next:?}"));
            match next {
                Ok(Next::End) | Err(_) => return told,
                Ok(Next::Frame(_)) if at_hand => {
                    told.extend(file.at_hand().map(|frame| format!("{:?}", Ok::<_, ()>(Next::Frame(frame)))));
                }
                Ok(_) => {}
            }
        }
    }

    fn pcapng() -> Vec<u8> {
        let comment = [LITTLE.option(2, &[0; 4]), LITTLE.option(1, b"why")].concat();
        [
            LITTLE.section(),
            LITTLE.interface(1, 0, &LITTLE.option(9, &[9])),
            LITTLE.interface(
                113,
                0,
                &[LITTLE.option(9, &[0x80 | 20]), LITTLE.option(14, &[1, 0, 0, 0, 0, 0, 0, 0])].concat(),
            ),
            LITTLE.enhanced(0, 1, b"a"),
            LITTLE.enhanced(1, 1 << 33, b"of another clock"),
            LITTLE.enhanced_with(&comment, b"commented"),
            LITTLE.enhanced_with(b"", b"none"),
            LITTLE.enhanced_with(&[LITTLE.option(0, b""), comment.clone()].concat(), b"behind the end"),
            LITTLE.old_packet(0, 1, b"old"),
            LITTLE.enhanced(2, 1, b"of no interface"),
            LITTLE.enhanced(0, u64::MAX, b"late"),
            LITTLE.simple(4, b"abcd"),
            LITTLE.enhanced(0, 5, b""),
            BIG.section(),
            BIG.interface(1, 0, b""),
            BIG.enhanced(0, 1, b"big"),
        ]
        .concat()
    }

    fn pcap() -> Vec<u8> {
        let records = [(1, b"abc".to_vec()), (2, vec![]), (3, vec![7; 90])];
        let records = records.map(|(second, data)| LITTLE.record((second, 5), 90, &data));
        [LITTLE.pcap(1), records.concat()].concat()
    }

    #[test]
    fn frames_at_hand_are_those_that_come_one_by_one() {
        for bytes in [pcapng(), pcap()] {
            let expected = told(&bytes, false);
            assert!(expected.len() > 4 && expected.iter().all(|told| told.starts_with("Ok")), "{expected:?}");
            assert_eq!(told(&bytes, true), expected);
        }
    }

    #[test]
    fn damage_is_met_at_the_same_place() {
        for bytes in [pcapng(), pcap()] {
            for at in 0..bytes.len() {
                for value in [0, 1, 0x7f, 0x80, 0xff] {
                    let mut changed = bytes.clone();
                    changed[at] = value;
                    assert_eq!(told(&changed, true), told(&changed, false), "byte {at} is {value}");
                }
                assert_eq!(told(&bytes[..at], true), told(&bytes[..at], false), "cut at {at}");
            }
        }
    }
}
