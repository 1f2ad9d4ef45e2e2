//! Whether two lives, seen at two points, are one connection, and which segments of one the other has too.

use std::collections::{HashMap, HashSet};

use super::life::{Life, TWICE};
use super::sight::{Kind, Sight};
use crate::tcp::SeqNum;
use crate::track::Side;

/// A value for each end of a four-tuple.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Both<T> {
    low: T,
    high: T,
}

impl<T> Both<T> {
    fn of(&self, side: Side) -> &T {
        match side {
            Side::Low => &self.low,
            Side::High => &self.high,
        }
    }
}

/// One life as another point sees it.
#[derive(Debug)]
pub struct Pair {
    /// Whether the lower end here is the higher one there.
    flipped: bool,
    /// What a device adds to the sequence numbers of either side here, to make those there.
    shift: Both<u32>,
    /// Segments that are the same and were sent once: places here and there.
    pub matched: Vec<(usize, usize)>,
    /// What of the life here is seen there, by places here.
    seen: Vec<Seen>,
}

/// Whether a segment is seen at the other point.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Seen {
    No,
    /// As a part of others: merged, or cut in another way.
    Within,
    At(usize),
}

/// A segment by what address translation leaves.
type Name = (Side, SeqNum, SeqNum, Kind);
/// Places of segments by their names.
type Names = HashMap<Name, Vec<usize>>;

impl Pair {
    /// Compares two lives by their numbers.
    pub fn new(here: &Life, there: &Life) -> Option<Pair> {
        let with = |flipped, shift| Pair { flipped, shift, matched: Vec::new(), seen: Vec::new() };
        let same = |flipped| with(flipped, Both::default()).compare(here, there);
        same(false).or_else(|| same(true)).or_else(|| {
            let (flipped, shift) = shifted(here, there)?;
            with(flipped, shift).compare(here, there)
        })
    }

    /// The place there of a segment here.
    pub fn place(&self, place: usize) -> Option<usize> {
        match self.seen.get(place) {
            Some(Seen::At(there)) => Some(*there),
            _ => None,
        }
    }

    /// Whether a segment here is seen there, alone or as a part of others.
    pub fn has(&self, place: usize) -> bool {
        self.seen.get(place).is_some_and(|seen| *seen != Seen::No)
    }

    /// Which side here sent a segment there.
    pub fn side(&self, there: &Sight) -> Side {
        if self.flipped { there.side.other() } else { there.side }
    }

    /// Which side there is this one here.
    pub fn side_there(&self, here: Side) -> Side {
        if self.flipped { here.other() } else { here }
    }

    /// Whether a device on the way changes sequence numbers.
    pub fn is_shifted(&self) -> bool {
        self.shift != Both::default()
    }

    /// Whether a RST there has a counterpart here.
    pub fn is_counterpart(&self, there: usize) -> bool {
        self.seen.contains(&Seen::At(there))
    }

    fn name_there(&self, sight: &Sight) -> Name {
        let side = self.side(sight);
        let ack = if sight.flags.ack() { sight.ack.minus(*self.shift.of(side.other())) } else { sight.ack };
        (side, sight.seq.minus(*self.shift.of(side)), ack, sight.kind())
    }

    fn compare(mut self, here: &Life, there: &Life) -> Option<Pair> {
        let names = named(there, |sight| self.name_there(sight));
        let own = named(here, name);
        let known = |sight: &&Sight| sight.kind() != Kind::Reset && names.contains_key(&name(sight));
        let strong = here.sights.iter().filter(known).any(|sight| sight.flags.ack());
        // Relative numbers are alike wherever the same is carried: where a device shifts them, only clocks tell.
        let syn = same_syn(here, there, self.is_shifted());
        let is_same = if self.is_shifted() {
            strong && syn
        } else {
            strong || syn && here.sights.iter().any(|sight| known(&sight))
        };
        if !is_same {
            return None;
        }
        for (place, sight) in here.sights.iter().enumerate().filter(|(_, sight)| sight.kind() != Kind::Reset) {
            if let (Some([other]), Some([_])) = (at(&names, sight), at(&own, sight)) {
                self.matched.push((place, *other));
            }
        }
        self.seen = self.look((here, there), &names);
        Some(self)
    }

    /// Which segments of the life here are seen there.
    fn look(&self, (here, there): (&Life, &Life), names: &Names) -> Vec<Seen> {
        let bases = Both { low: base(here, Side::Low), high: base(here, Side::High) };
        let spans =
            Both { low: self.spans(there, (Side::Low, bases.low)), high: self.spans(there, (Side::High, bases.high)) };
        let mut used: HashSet<usize> = HashSet::new();
        let mut latest: Option<(Sight, Seen)> = None;
        let mut look = |sight: &Sight| {
            let mut places = at(names, sight).unwrap_or_default().iter().copied();
            // Each RST has one counterpart only, the first with the first; what is captured twice here has the same.
            if sight.kind() == Kind::Reset {
                let twice =
                    |(known, _): &(Sight, Seen)| known.shows_the_same(sight) && sight.time.since(known.time) <= TWICE;
                let again = latest.filter(twice).map(|(_, seen)| seen);
                let own = places.find(|place| again.is_none() && !used.contains(place));
                used.extend(own);
                let seen = again.unwrap_or_else(|| own.map_or(Seen::No, Seen::At));
                latest = Some((*sight, seen));
                return seen;
            }
            let (start, end) = span(sight, *bases.of(sight.side));
            let covered = |(from, to): &(i64, i64)| *from <= start && end <= *to;
            match places.next() {
                Some(place) => Seen::At(place),
                None if start < end && spans.of(sight.side).iter().any(covered) => Seen::Within,
                None => Seen::No,
            }
        };
        here.sights.iter().map(&mut look).collect()
    }

    /// The sequence numbers that one side here sends there, as ranges in order that do not touch.
    fn spans(&self, there: &Life, (side, base): (Side, SeqNum)) -> Vec<(i64, i64)> {
        let own = there.sights.iter().skip(there.whole_from).filter(|sight| self.side(sight) == side);
        let base = base.plus(*self.shift.of(side));
        let mut all: Vec<_> = own.filter(|sight| !sight.flags.rst()).map(|sight| span(sight, base)).collect();
        all.sort_unstable();
        let mut spans: Vec<(i64, i64)> = Vec::new();
        for (start, end) in all.into_iter().filter(|(start, end)| start < end) {
            match spans.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => spans.push((start, end)),
            }
        }
        spans
    }
}

fn name(sight: &Sight) -> Name {
    (sight.side, sight.seq, sight.ack, sight.kind())
}

fn named(life: &Life, name: impl Fn(&Sight) -> Name) -> Names {
    let mut names = Names::new();
    for (place, sight) in life.sights.iter().enumerate() {
        names.entry(name(sight)).or_default().push(place);
    }
    names
}

fn at<'a>(names: &'a Names, sight: &Sight) -> Option<&'a [usize]> {
    names.get(&name(sight)).map(Vec::as_slice)
}

/// The sequence numbers that a segment takes, counted from `base`.
fn span(sight: &Sight, base: SeqNum) -> (i64, i64) {
    let start = i64::from(sight.seq.since(base));
    (start, start + i64::from(sight.seq_end().0.wrapping_sub(sight.seq.0)))
}

/// The latest number of a side: all others that count are within half the circle of it.
fn base(life: &Life, side: Side) -> SeqNum {
    let own = life.sights.iter().rev().filter(|sight| sight.side == side);
    own.clone().find(|sight| !sight.flags.rst()).map(|sight| sight.seq).unwrap_or_default()
}

fn opening(life: &Life) -> Option<&Sight> {
    life.sights.iter().find(|sight| sight.opens())
}

/// Whether both lives were opened by one SYN: a number of 32 bits, and the sender's clock or an address or port beside it.
/// Where a device changes numbers, the clock alone has to tell.
fn same_syn(here: &Life, there: &Life, shifted: bool) -> bool {
    let (Some(one), Some(other)) = (opening(here), opening(there)) else { return false };
    let clock = one.clock.is_some() && one.clock == other.clock;
    let (own, others) = (here.tuple(one.side), there.tuple(other.side));
    let partly = own.src.ip() == others.src.ip() || own.dst == others.dst || own.src.port() == others.src.port();
    if shifted { clock && partly } else { one.seq == other.seq && (clock || partly) }
}

/// How the numbers of two lives differ that were opened by SYNs with one clock.
fn shifted(here: &Life, there: &Life) -> Option<(bool, Both<u32>)> {
    let (one, other) = (opening(here)?, opening(there)?);
    let answer =
        |life: &Life| life.sights.iter().find(|sight| sight.flags.syn() && sight.flags.ack()).map(|sight| sight.seq);
    let client = other.seq.0.wrapping_sub(one.seq.0);
    let server = answer(here).zip(answer(there)).map_or(0, |(one, other)| other.0.wrapping_sub(one.0));
    let shift = match one.side {
        Side::Low => Both { low: client, high: server },
        Side::High => Both { low: server, high: client },
    };
    Some((one.side != other.side, shift)).filter(|_| one.clock.is_some() && one.clock == other.clock)
}
