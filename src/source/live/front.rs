//! The frames of each interface that come next, and which of them comes first.

use std::time::{Duration, Instant};

use super::super::SourceError;
use super::super::at_hand::{AtHand, Place};
use super::super::variant::{Lengths, Variant, words};
use super::chunk::Chunk;
use super::open::BLOCK_TIMEOUT;
use super::queue::State;
use crate::frame::{Frame, FrameNo, LinkType, Timestamp};

/// The chunk of an interface whose frames are being handed out.
pub(super) struct Front {
    pub(super) input: u16,
    pub(super) link: LinkType,
    chunk: Chunk,
    /// How far its chunk was handed out.
    place: Place,
    /// Where in it the frame is that was handed out last.
    given: usize,
    /// When the ring was last known to be empty, and all of it here.
    drained: Option<Instant>,
    /// No frame after this is wanted.
    until: Option<Timestamp>,
    /// No more will come.
    over: bool,
}

/// Which interface has the next frame.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Choice {
    Give(usize),
    /// Perhaps one that has shown nothing yet.
    Unknown,
    End,
}

/// The interface whose next frame is the earliest, once no other can have an earlier one.
#[inline]
pub(super) fn choose(fronts: &[Front]) -> Choice {
    if let [only] = fronts {
        return match (only.is_spent(), only.over) {
            (false, _) => Choice::Give(0),
            (true, false) => Choice::Unknown,
            (true, true) => Choice::End,
        };
    }
    let heads = fronts.iter().enumerate().filter_map(|(lane, front)| Some((front.head()?.time, lane)));
    let Some((_, lane)) = heads.min() else {
        return if fronts.iter().all(|front| front.over) { Choice::End } else { Choice::Unknown };
    };
    let taken = fronts.get(lane).and_then(|front| front.chunk.taken());
    match fronts.iter().all(|front| front.is_known_since(taken)) {
        true => Choice::Give(lane),
        false => Choice::Unknown,
    }
}

impl Front {
    /// What came before a chunk was taken from one ring lies this long in another one at most: the kernel's timeout, which its
    /// own timer may overrun.
    const RETIRED: Duration = Duration::from_millis(BLOCK_TIMEOUT.as_millis() as u64 + 20);

    pub(super) fn new(input: u16, link: LinkType) -> Self {
        let place = Place { no: FrameNo::new(input, 0), last: None, taken: 0 };
        Self { input, link, chunk: Chunk::empty(), place, given: 0, drained: None, until: None, over: false }
    }

    /// Whether no more frames will come.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// Takes the next chunk, if the one at hand is spent; the error that its capture ended with, once.
    pub(super) fn refresh(&mut self, state: &mut State, lane: usize, until: Option<Timestamp>) -> Option<SourceError> {
        if self.over || !self.is_spent() {
            return None;
        }
        let spent = std::mem::replace(&mut self.chunk, Chunk::empty());
        (self.place.taken, self.given) = (0, 0);
        if let Some(chunk) = state.exchange(lane, spent) {
            self.chunk = chunk;
        }
        if let Some(until) = until {
            self.end_at(until);
        }
        let lane = state.lanes.get_mut(lane)?;
        if !self.chunk.is_empty() || self.over {
            return None;
        }
        self.drained = lane.drained;
        let ended = lane.ended.take()?;
        self.over = true;
        ended.err()
    }

    /// Frames after this are not wanted.
    pub(super) fn end_at(&mut self, until: Timestamp) {
        self.until = Some(until);
        self.over |= self.head().is_some_and(|head| head.time > until);
    }

    #[inline]
    fn is_spent(&self) -> bool {
        self.over || self.place.taken as usize >= self.chunk.records().len()
    }

    /// Whether all that came before a chunk was taken elsewhere is here.
    fn is_known_since(&self, taken: Option<Instant>) -> bool {
        let waited = || self.drained.zip(taken).is_some_and(|(drained, taken)| drained >= taken + Self::RETIRED);
        self.over || !self.is_spent() || waited()
    }

    fn frame_at(&self, at: usize, no: FrameNo) -> Option<Frame<'_>> {
        let (header, rest) = self.chunk.records().get(at..)?.split_first_chunk::<{ Variant::RECORD_HEADER }>()?;
        let [seconds, nanos, captured, wire_len] = words(header);
        let data = rest.get(..captured as usize)?;
        Some(Frame { no, time: Timestamp::new(i64::from(seconds), nanos), link: self.link, data, wire_len })
    }

    fn head(&self) -> Option<Frame<'_>> {
        if self.over { None } else { self.frame_at(self.place.taken as usize, self.place.no.following()) }
    }

    /// The next frame.
    pub(super) fn give(&mut self) -> Option<Frame<'_>> {
        let head = self.head()?;
        let (no, time, length) = (head.no, head.time, Variant::RECORD_HEADER + head.data.len());
        if self.until.is_some_and(|until| time > until) {
            self.over = true;
            return None;
        }
        self.given = self.place.taken as usize;
        self.place = Place { no, last: Some(time), taken: self.place.taken + length as u64 };
        self.given()
    }

    /// The frame that was handed out last, alone.
    pub(super) fn given(&self) -> Option<Frame<'_>> {
        self.frame_at(self.given, self.place.no)
    }

    /// The frames of the chunk at hand.
    pub(super) fn at_hand(&mut self) -> AtHand<'_> {
        let link = self.link;
        let lengths = Lengths::CapturedFirst;
        let layout = Variant {
            big_endian: false,
            file_header: 0,
            record_header: Variant::RECORD_HEADER,
            nanos_per_tick: 1,
            lengths,
            link,
        };
        let records = self.chunk.records().get(self.place.taken as usize..).unwrap_or_default();
        AtHand::of(records, &layout, &mut self.place)
    }
}

#[cfg(test)]
mod tests {
    use super::super::queue::Queue;
    use super::*;

    fn chunk(seconds: &[u32]) -> Chunk {
        let mut chunk = Chunk::empty();
        seconds.iter().for_each(|second| chunk.push((*second, 0), &[7; 60], 60));
        chunk
    }

    fn fronts() -> [Front; 2] {
        [0, 1].map(|input| Front::new(input, LinkType::ETHERNET))
    }

    /// Takes frames as long as it is known which comes next: the interface and the second of each.
    fn taken(queue: &Queue, fronts: &mut [Front]) -> Vec<(usize, i64)> {
        let mut taken = Vec::new();
        loop {
            for (lane, front) in fronts.iter_mut().enumerate() {
                assert!(front.refresh(&mut queue.lock(), lane, None).is_none());
            }
            let Choice::Give(lane) = choose(fronts) else { return taken };
            let frame = fronts[lane].give();
            taken.extend(frame.map(|frame| (lane, frame.time.as_nanos() / 1_000_000_000)));
        }
    }

    #[test]
    fn frames_of_two_interfaces_come_in_the_order_of_time() {
        let (queue, mut fronts) = (Queue::new(2, 1 << 20), fronts());
        queue.put(0, chunk(&[5, 7, 9]), None);
        queue.put(1, chunk(&[6, 8]), None);
        // The second interface may still have one before the last.
        assert_eq!(taken(&queue, &mut fronts), [(0, 5), (1, 6), (0, 7), (1, 8)]);
        queue.put(1, Chunk::empty(), Some(Instant::now()));
        assert_eq!(taken(&queue, &mut fronts), []);
        queue.put(1, Chunk::empty(), Some(Instant::now() + Front::RETIRED));
        assert_eq!(taken(&queue, &mut fronts), [(0, 9)]);
        assert_eq!(choose(&fronts), Choice::Unknown);
    }

    #[test]
    fn an_interface_that_has_ended_keeps_nobody_waiting() {
        let (queue, mut fronts) = (Queue::new(2, 1 << 20), fronts());
        queue.put(0, chunk(&[5]), None);
        queue.put(1, chunk(&[4]), None);
        queue.end(1, Ok(()));
        assert_eq!(taken(&queue, &mut fronts), [(1, 4), (0, 5)]);
        queue.end(0, Err(SourceError::Empty));
        assert!(fronts[0].refresh(&mut queue.lock(), 0, None).is_some());
        assert_eq!(choose(&fronts), Choice::End);
    }

    #[test]
    fn frames_after_the_end_are_left() {
        let (queue, mut fronts) = (Queue::new(2, 1 << 20), fronts());
        queue.put(0, chunk(&[5, 6, 7]), None);
        queue.put(1, chunk(&[7]), None);
        for (lane, front) in fronts.iter_mut().enumerate() {
            assert!(front.refresh(&mut queue.lock(), lane, Some(Timestamp::new(6, 0))).is_none());
        }
        assert_eq!(taken(&queue, &mut fronts), [(0, 5), (0, 6)]);
        assert_eq!(choose(&fronts), Choice::End);
    }

    #[test]
    fn what_is_at_hand_is_not_given_twice() {
        let (queue, mut fronts) = (Queue::new(1, 1 << 20), fronts());
        queue.put(0, chunk(&[1, 2, 3]), None);
        let front = &mut fronts[0];
        assert!(front.refresh(&mut queue.lock(), 0, None).is_none());
        assert_eq!(front.give().map(|frame| frame.no), Some(FrameNo::new(0, 1)));
        assert_eq!(front.at_hand().map(|frame| frame.no.number()).collect::<Vec<_>>(), [2, 3]);
        assert!(front.is_spent() && front.give().is_none());
    }
}
