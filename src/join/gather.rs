//! What a second and third look at a capture gather: the connections with resets, here or at another point.

use std::collections::{HashMap, HashSet};

use super::common::Sample;
use super::life::{Gathering, Life};
use super::sight::{Sight, numbers};
use crate::analyzer::Finding;
use crate::frame::Timestamp;
use crate::tcp::Segment;
use crate::track::Ends;

/// The most segments that are kept of one point, 64 bytes each.
const ROOM: usize = 1 << 20;
/// The most four-tuples that may turn out to be those of another point.
const FOUND: usize = 1 << 16;

/// Gathers what one point shows of the connections that have resets at any point.
///
/// Give it all segments of the point once, and once more if [`look_again`](Gather::look_again) says so.
#[derive(Debug)]
pub struct Gather {
    wanted: HashMap<Ends, Vec<Gathering>>,
    /// Those of the look before.
    done: HashMap<Ends, Vec<Gathering>>,
    /// Numbers of connections that have resets elsewhere.
    numbers: HashSet<u64>,
    /// Four-tuples that have such numbers here, and are not wanted yet.
    found: HashSet<Ends>,
    again: bool,
    sample: Sample,
    room: usize,
    span: Option<(Timestamp, Timestamp)>,
}

/// What one point shows.
#[derive(Debug)]
pub struct Gathered {
    /// Lives of four-tuples.
    pub lives: Vec<Life>,
    /// Other traffic.
    pub sample: Sample,
    /// The first and the last time of a segment.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Whether there was no room for all.
    pub full: bool,
}

impl Gather {
    /// For a point with these findings, the others having those.
    pub fn new<'a>(own: &[Finding], others: impl Iterator<Item = &'a Finding> + Clone) -> Self {
        let ends = |finding: &Finding| Ends::of(&finding.reset.tuple).0;
        let same = others.clone().map(ends);
        let wanted = own.iter().map(ends).chain(same).map(|ends| (ends, Vec::new())).collect();
        let named = others.flat_map(|finding| &finding.segments);
        Self {
            wanted,
            done: HashMap::new(),
            numbers: named.filter_map(|seen| numbers(seen.flags, seen.seq, seen.ack_field)).collect(),
            found: HashSet::new(),
            again: false,
            sample: Sample::default(),
            room: ROOM,
            span: None,
        }
    }

    /// Takes the next segment.
    pub fn push(&mut self, segment: &Segment) {
        let (ends, sight) = Sight::of(segment);
        if !self.again {
            self.sample.push(&sight);
            let (first, last) = self.span.unwrap_or((sight.time, sight.time));
            self.span = Some((first.min(sight.time), last.max(sight.time)));
        }
        let Some(lives) = self.wanted.get_mut(&ends) else { return self.look_for(ends, &sight) };
        let taken = match lives.last_mut() {
            Some(life) if !life.ends_with(&sight) => self.room > 0 && life.push(sight),
            _ if self.room == 0 => false,
            _ => {
                lives.push(Gathering::new(sight));
                true
            }
        };
        self.room -= usize::from(taken);
    }

    fn look_for(&mut self, ends: Ends, sight: &Sight) {
        let known = |numbers| self.numbers.contains(&numbers);
        if !self.again && self.found.len() < FOUND && sight.numbers().is_some_and(known) {
            self.found.insert(ends);
        }
    }

    /// Whether all segments are wanted once more: some connection of another point has other addresses here.
    pub fn look_again(&mut self) -> bool {
        if self.again || self.found.is_empty() || self.room == 0 {
            return false;
        }
        self.again = true;
        let done = std::mem::take(&mut self.wanted);
        self.wanted = self.found.drain().map(|ends| (ends, Vec::new())).collect();
        self.done = done;
        true
    }

    /// All that was gathered.
    pub fn finish(self) -> Gathered {
        let full = self.room == 0;
        let all = self.done.into_iter().chain(self.wanted);
        let mut lives: Vec<Life> =
            all.flat_map(|(ends, lives)| lives.into_iter().map(move |life| life.finish(ends))).collect();
        // The order of a map is nobody's; that of frames is the capture's.
        lives.sort_by_key(|life| life.sights.first().map(|sight| sight.frame));
        Gathered { lives, sample: self.sample, span: self.span, full }
    }
}
