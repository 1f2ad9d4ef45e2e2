//! The segments of one life of a four-tuple, as one point saw them.

use std::collections::VecDeque;

use super::sight::Sight;
use crate::frame::FrameNo;
use crate::tcp::FourTuple;
use crate::track::{Ends, Side};

/// The first segments that are kept of a life: they tell which connection it is.
const HEAD: usize = 64;
/// The last ones that are kept of it: they tell what happened around its resets.
const TAIL: usize = 1024;

/// What is captured twice at a point comes again within this time, in nanoseconds, and so many segments.
pub const TWICE: i64 = 1_000_000;
const LATEST: usize = 4;

/// One life of a four-tuple.
#[derive(Clone, Debug)]
pub struct Life {
    /// Its four-tuple.
    pub ends: Ends,
    /// Its segments in order of capture.
    pub sights: Vec<Sight>,
    /// From here on none is left out.
    pub whole_from: usize,
}

impl Life {
    /// Who opened it, as far as its segments tell.
    pub fn client(&self) -> Option<Side> {
        let syn = self.sights.iter().find(|sight| sight.flags.syn())?;
        Some(if syn.flags.ack() { syn.side.other() } else { syn.side })
    }

    /// The place of a frame among its segments.
    pub fn place(&self, frame: FrameNo) -> Option<usize> {
        self.sights.iter().position(|sight| sight.frame == frame)
    }

    /// The four-tuple as `side` sends.
    pub fn tuple(&self, side: Side) -> FourTuple {
        self.ends.from(side)
    }
}

/// A life while its segments come.
#[derive(Debug)]
pub struct Gathering {
    head: Vec<Sight>,
    tail: VecDeque<Sight>,
    left_out: bool,
    syn: Option<Sight>,
}

impl Gathering {
    /// Begins with its first segment.
    pub fn new(sight: Sight) -> Self {
        let syn = Some(sight).filter(Sight::opens);
        Self { head: vec![sight], tail: VecDeque::new(), left_out: false, syn }
    }

    /// Whether a segment opens the next life: a SYN with another number than the one that opened this.
    pub fn ends_with(&self, sight: &Sight) -> bool {
        sight.opens() && self.syn.is_none_or(|syn| syn.seq != sight.seq || syn.side != sight.side)
    }

    /// Whether it was just captured, by the same point: on each of several interfaces, say.
    fn has_just_come(&self, sight: &Sight) -> bool {
        let mut latest = self.tail.iter().rev().chain(self.head.iter().rev()).take(LATEST);
        let same = |known: &Sight| sight.time.since(known.time) <= TWICE && known.shows_the_same(sight);
        !sight.flags.rst() && latest.any(same)
    }

    /// Adds a segment; whether it takes new memory.
    pub fn push(&mut self, sight: Sight) -> bool {
        if self.has_just_come(&sight) {
            return false;
        }
        if self.head.len() < HEAD {
            self.head.push(sight);
            return true;
        }
        self.tail.push_back(sight);
        let full = self.tail.len() > TAIL;
        if full {
            self.tail.pop_front();
            self.left_out = true;
        }
        !full
    }

    /// All that was kept.
    pub fn finish(self, ends: Ends) -> Life {
        let whole_from = if self.left_out { self.head.len() } else { 0 };
        let mut sights = self.head;
        sights.extend(self.tail);
        Life { ends, sights, whole_from }
    }
}
