//! The first of two passes over a file: which connections have a RST at all.

use crate::decode::{self, Reassembler, Skip};
use crate::frame::{Frame, Timestamp};
use crate::tcp::Segment;
use crate::track::{Interest, KEPT_AFTER_CLOSE, Lookup, Notes};

/// Notes the four-tuples that have a RST, so that [`Analyzer::with_interest`](super::Analyzer::with_interest) need not
/// follow the others.
///
/// The verdicts are the same as without: of the other connections, verdicts know only what SYN|ACKs show of a host, and these
/// are always looked at.
#[derive(Debug)]
pub struct Prescan {
    notes: Notes,
    frames: u64,
    /// Bytes of them that were captured.
    bytes: u64,
    /// SYNs without ACK among those that had not to be decoded.
    openings: u64,
    first: Timestamp,
    last: Timestamp,
    /// Frames that had to be decoded in full.
    decoded: u64,
    fragments: Reassembler,
}

impl Default for Prescan {
    fn default() -> Self {
        Self::new()
    }
}

impl Prescan {
    /// After so many frames it can be told whether the scan pays.
    pub const SAMPLE: u64 = 1 << 16;
    /// To decompress so many bytes a second time takes longer than to follow the connection of the frame that they are.
    const SLOW_TO_READ: u64 = 256;

    /// A scan that has seen nothing.
    pub fn new() -> Self {
        Self {
            notes: Notes::default(),
            frames: 0,
            bytes: 0,
            openings: 0,
            first: Timestamp::from_nanos(i64::MAX),
            last: Timestamp::from_nanos(i64::MIN),
            decoded: 0,
            fragments: Reassembler::default(),
        }
    }

    /// Takes the next frame.
    #[inline(always)]
    pub fn push(&mut self, frame: &Frame<'_>) {
        self.frames += 1;
        self.bytes += frame.data.len() as u64;
        match decode::flags_without_reset(frame) {
            Some(flags) => self.openings += u64::from(flags.syn() && !flags.ack()),
            None => self.look_closer(frame),
        }
        (self.first, self.last) = (self.first.min(frame.time), self.last.max(frame.time));
    }

    /// Takes these frames, the next ones.
    pub fn push_all<'a>(&mut self, frames: impl Iterator<Item = Frame<'a>>) {
        frames.for_each(|frame| self.push(&frame));
    }

    #[inline(never)]
    fn look_closer(&mut self, frame: &Frame<'_>) {
        self.decoded += 1;
        match decode::decode(frame) {
            Ok(decoded) => self.note(&decoded.segment),
            Err(Skip::Fragment) => {
                if let Some(whole) = self.fragments.add(frame) {
                    self.note(&whole.segment);
                }
            }
            Err(_) => {}
        }
    }

    fn note(&mut self, segment: &Segment) {
        if segment.flags.rst() {
            self.notes.add(&Lookup::of(&segment.tuple));
        }
    }

    /// How many frames it has seen.
    #[inline]
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// How many RSTs were among them.
    pub fn resets(&self) -> u64 {
        self.notes.count() as u64
    }

    /// Whether the scan also holds for the same frames in another order, or for some of them: not where IP fragments were
    /// left over, which may then find each other.
    pub fn holds_in_any_order(&self) -> bool {
        !self.fragments.left_any()
    }

    /// Whether a second pass will be the quicker for this one: not where most frames (tunnels, IPv6, cooked captures) have to
    /// be decoded in both, nor where there are more RSTs than can be noted.
    #[inline]
    pub fn pays(&self) -> bool {
        self.frames < Self::SAMPLE || self.decoded < self.frames / 2 && !self.notes.are_too_many()
    }

    /// Whether a second pass will be the quicker for this one where what is read has to be decompressed each time, with some 600
    /// MB/s: not where frames are large.
    pub fn pays_decompressing(&self) -> bool {
        self.bytes < self.frames * Self::SLOW_TO_READ
    }

    /// About how many connections without a RST are to be kept at the same time: those that began in the time for which one
    /// that is over is kept.
    fn openings_at_once(&self) -> usize {
        let span = self.last.since(self.first).max(KEPT_AFTER_CLOSE);
        let share = i128::from(self.openings) * i128::from(KEPT_AFTER_CLOSE) / i128::from(span);
        usize::try_from(share).unwrap_or(usize::MAX)
    }

    /// The four-tuples that had a RST.
    pub fn finish(self) -> Interest {
        let others = self.openings_at_once();
        self.notes.finish(others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{FrameNo, LinkType, Timestamp};

    fn pays_after(link: LinkType, frames: u64) -> bool {
        let mut data = [0; 54];
        data[12..16].copy_from_slice(&[8, 0, 0x45, 0]);
        (data[17], data[23], data[46]) = (40, 6, 0x50);
        let mut scan = Prescan::new();
        for number in 1..=frames {
            let no = FrameNo::new(0, number);
            scan.push(&Frame { no, time: Timestamp::from_nanos(0), link, data: &data, wire_len: 54 });
        }
        scan.pays()
    }

    #[test]
    fn fragments_without_the_others_may_find_them_elsewhere() {
        let mut fragment = [0; 44];
        (fragment[0], fragment[3], fragment[6], fragment[9]) = (0x45, 44, 0x20, 6);
        let mut rest = fragment;
        (rest[6], rest[7]) = (0, 3);
        let mut scan = Prescan::new();
        let mut push = |data: &[u8]| {
            let time = Timestamp::from_nanos(0);
            scan.push(&Frame { no: FrameNo::new(0, 1), time, link: LinkType::RAW, data, wire_len: 44 });
            scan.holds_in_any_order()
        };
        assert!(!push(&fragment));
        assert!(push(&rest));
    }

    #[test]
    fn it_pays_to_decompress_small_frames_again() {
        let mut scan = Prescan::new();
        let mut push = |len: usize| {
            let (no, time, data) = (FrameNo::new(0, 1), Timestamp::from_nanos(0), &[0; 512][..len]);
            scan.push(&Frame { no, time, link: LinkType::RAW, data, wire_len: 1514 });
            scan.pays_decompressing()
        };
        assert!(push(255) && push(256));
        assert!(!push(257));
    }

    #[test]
    fn it_pays_where_frames_are_common() {
        assert!(pays_after(LinkType::ETHERNET, 70_000));
        assert!(pays_after(LinkType::RAW, 60_000));
        assert!(!pays_after(LinkType::RAW, 70_000));
    }
}
