//! A sample of all segments at a point, chosen by their numbers, so that every point chooses the same ones.

use std::collections::BTreeMap;

use super::life::TWICE;
use super::sight::Sight;
use crate::frame::{FrameNo, Timestamp};

/// The most segments in a sample.
const KEPT: usize = 1 << 14;

/// The segments with the lowest hashes: of what two points have both seen, both have mostly the same.
#[derive(Debug, Default)]
pub struct Sample {
    marks: BTreeMap<u64, Mark>,
}

/// A segment of the sample.
#[derive(Clone, Copy, Debug)]
struct Mark {
    frame: FrameNo,
    time: Timestamp,
    /// Sent again, so that nobody knows which of them another point saw.
    again: bool,
}

impl Sample {
    /// Takes a segment, if it belongs to the sample.
    pub fn push(&mut self, sight: &Sight) {
        // A SYN has one number only, too few to name it among all connections.
        let Some(numbers) = sight.numbers().filter(|_| sight.flags.ack()) else { return };
        let hash = mixed(numbers);
        if self.marks.len() >= KEPT && self.marks.last_key_value().is_some_and(|(last, _)| *last < hash) {
            return;
        }
        let mark = Mark { frame: sight.frame, time: sight.time, again: false };
        let note = |known: &mut Mark| known.again |= sight.time.since(known.time) > TWICE;
        self.marks.entry(hash).and_modify(note).or_insert(mark);
        if self.marks.len() > KEPT {
            self.marks.pop_last();
        }
    }

    /// What both points have seen: when it was here, and its frame there; in order of time here.
    pub fn shared(&self, there: &Sample) -> Vec<(Timestamp, FrameNo)> {
        let both = self.marks.iter().filter_map(|(hash, here)| Some((here, there.marks.get(hash)?)));
        let mut shared: Vec<_> =
            both.filter(|(a, b)| !a.again && !b.again).map(|(here, there)| (here.time, there.frame)).collect();
        shared.sort_unstable();
        shared
    }
}

/// Spreads a number over all bits, without two that become one (the finaliser of MurmurHash3).
fn mixed(mut bits: u64) -> u64 {
    for factor in [0xff51_afd7_ed55_8ccd, 0xc4ce_b9fe_1a85_ec53] {
        bits = (bits ^ bits >> 33).wrapping_mul(factor);
    }
    bits ^ bits >> 33
}
