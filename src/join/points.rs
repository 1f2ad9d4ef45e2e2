//! All points with their lives, and which of these are one connection.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::ByFrame;
use super::clock::{Clock, Delay};
use super::gather::Gathered;
use super::life::Life;
use super::look::{Look, took};
use super::pair::Pair;
use crate::analyzer::Finding;
use crate::classify::{Coverage, Role};
use crate::frame::{FrameNo, Timestamp};
use crate::track::{Ends, Side};

/// The lives that share most numbers are compared segment by segment, so many at most.
const COMPARED: usize = 4;
/// So many segments of a life are compared by the clock, and so many of all lives.
const DELAYS_EACH: usize = 1 << 8;
const DELAYS: usize = 1 << 18;
/// A number that so many lives share names none of them.
const SHARED: usize = 16;

/// The points and what they have in common.
pub struct Net {
    points: Vec<Shown>,
    /// The life of one point at another: `(point, life, other point)`.
    pairs: HashMap<(usize, usize, usize), (usize, Pair)>,
    clocks: BTreeMap<(usize, usize), Clock>,
    shared: HashMap<(usize, usize), Vec<(Timestamp, FrameNo)>>,
}

/// One point.
struct Shown {
    role: Option<Role>,
    gathered: Gathered,
    /// The life that a RST belongs to, and its place there.
    resets: ByFrame<(usize, usize)>,
    by_numbers: HashMap<u64, Vec<usize>>,
    by_ends: HashMap<Ends, Vec<usize>>,
}

impl Shown {
    fn new(role: Option<Role>, gathered: Gathered) -> Self {
        let mut shown =
            Self { role, gathered, resets: HashMap::new(), by_numbers: HashMap::new(), by_ends: HashMap::new() };
        for (number, life) in shown.gathered.lives.iter().enumerate() {
            shown.by_ends.entry(life.ends).or_default().push(number);
            for (place, sight) in life.sights.iter().enumerate() {
                if sight.flags.rst() {
                    shown.resets.insert(sight.frame, (number, place));
                }
                let Some(numbers) = sight.numbers() else { continue };
                let lives = shown.by_numbers.entry(numbers).or_default();
                if lives.last() != Some(&number) && lives.len() < SHARED {
                    lives.push(number);
                }
            }
        }
        shown
    }

    /// The lives that may be this one, those with most numbers in common first.
    fn candidates(&self, life: &Life) -> Vec<usize> {
        let mut votes: BTreeMap<usize, usize> = BTreeMap::new();
        for lives in life.sights.iter().filter_map(|sight| self.by_numbers.get(&sight.numbers()?)) {
            for number in lives {
                *votes.entry(*number).or_default() += 1;
            }
        }
        let mut best: Vec<(usize, usize)> = votes.into_iter().collect();
        best.sort_by_key(|(_, votes)| std::cmp::Reverse(*votes));
        best.truncate(COMPARED);
        let same = self.by_ends.get(&life.ends).into_iter().flatten().copied().take(COMPARED);
        best.into_iter().map(|(number, _)| number).chain(same).collect()
    }
}

impl Net {
    /// From what was gathered at each point.
    pub fn new(gathered: Vec<Gathered>, roles: &[Option<Role>], findings: &[Vec<Finding>]) -> Self {
        let points: Vec<Shown> =
            gathered.into_iter().zip(roles).map(|(gathered, role)| Shown::new(*role, gathered)).collect();
        let mut net = Self { points, pairs: HashMap::new(), clocks: BTreeMap::new(), shared: HashMap::new() };
        for (point, findings) in findings.iter().enumerate() {
            for finding in findings {
                net.compare(point, finding.reset.frame);
            }
        }
        net.set_clocks();
        net
    }

    /// How many points there are.
    pub fn len(&self) -> usize {
        self.points.len()
    }

    /// Finds the life of a RST at the other points.
    fn compare(&mut self, point: usize, frame: FrameNo) {
        let Some((number, life)) = self.life_of(point, frame) else { return };
        let others = self.points.iter().enumerate().filter(|(other, _)| *other != point);
        let mut found = Vec::new();
        for (other, shown) in others.filter(|(other, _)| !self.pairs.contains_key(&(point, number, *other))) {
            let mut pairs = shown
                .candidates(life)
                .into_iter()
                .filter_map(|candidate| Some((candidate, Pair::new(life, shown.gathered.lives.get(candidate)?)?)));
            found.extend(pairs.next().map(|pair| ((point, number, other), pair)));
        }
        self.pairs.extend(found);
    }

    fn life_of(&self, point: usize, frame: FrameNo) -> Option<(usize, &Life)> {
        let shown = self.points.get(point)?;
        let (number, _) = *shown.resets.get(&frame)?;
        Some((number, shown.gathered.lives.get(number)?))
    }

    fn set_clocks(&mut self) {
        for (point, _) in self.points.iter().enumerate() {
            for (other, _) in self.points.iter().enumerate().filter(|(other, _)| *other != point) {
                let delays = self.delays(point, other);
                self.clocks.extend(Clock::estimate(&delays).map(|clock| ((point, other), clock)));
                let shared = self.points.get(point).zip(self.points.get(other));
                let shared = shared.map(|(here, there)| here.gathered.sample.shared(&there.gathered.sample));
                self.shared.insert((point, other), shared.unwrap_or_default());
            }
        }
    }

    /// The segments that two points have both seen, of the connections that were found at both.
    fn delays(&self, point: usize, other: usize) -> Vec<Delay> {
        let mut done: HashSet<(usize, usize)> = HashSet::new();
        let (mut delays, mut one_way) = (Vec::new(), Vec::new());
        let mut pairs: Vec<_> = self.pairs.iter().collect();
        pairs.sort_unstable_by_key(|(key, _)| **key);
        for ((from, number, to), (there, pair)) in pairs {
            let (here, place) = match (*from, *to) {
                (from, to) if (from, to) == (point, other) => (false, (*number, *there)),
                (from, to) if (from, to) == (other, point) => (true, (*there, *number)),
                _ => continue,
            };
            let lives = self.life(*from, *number).zip(self.life(*to, *there));
            let enough = delays.len() + one_way.len() >= DELAYS;
            if let Some((one, two)) = lives.filter(|_| !enough && done.insert(place)) {
                let step = pair.matched.len().div_ceil(DELAYS_EACH).max(1);
                let took: Vec<_> = took(one, two, pair).step_by(step).collect();
                let both = [Side::Low, Side::High].iter().all(|side| took.iter().any(|(.., by)| by == side));
                if both { &mut delays } else { &mut one_way }.extend(directed(took, here));
            }
        }
        // Of what goes one way only nobody knows which.
        if delays.is_empty() { one_way } else { delays }
    }

    fn life(&self, point: usize, number: usize) -> Option<&Life> {
        self.points.get(point)?.gathered.lives.get(number)
    }

    /// The clocks of the points after the first, as it sees them; of points that it shares nothing with, as others do.
    pub fn clocks(&self) -> Vec<(u16, u16, Clock)> {
        let mut known: HashSet<usize> = HashSet::new();
        let upward = self.clocks.iter().filter(|((point, other), _)| point < other);
        let first = upward.filter(|((_, other), _)| known.insert(*other));
        first.map(|((point, other), clock)| (*point as u16, *other as u16, *clock)).collect()
    }

    /// A RST of a point as another point sees it.
    pub fn look(&self, (point, frame): (usize, FrameNo), other: usize) -> Option<Look<'_>> {
        let (number, place) = *self.points.get(point)?.resets.get(&frame)?;
        let (there, pair) = self.pairs.get(&(point, number, other))?;
        Some(Look {
            here: (self.life(point, number)?, place),
            there: self.life(other, *there)?,
            pair,
            clock: self.clocks.get(&(point, other)),
            shared: self.shared.get(&(point, other)).map(Vec::as_slice).unwrap_or_default(),
            span: self.points.get(other)?.gathered.span,
        })
    }

    /// The place of a frame in the life of a RST.
    pub fn place(&self, (point, reset): (usize, FrameNo), frame: FrameNo) -> Option<usize> {
        self.life_of(point, reset)?.1.place(frame)
    }

    /// Why another point has no connection to compare with.
    pub fn absence(&self, (point, frame): (usize, FrameNo), other: usize) -> Coverage {
        let Some(there) = self.points.get(other) else { return Coverage::NotFound };
        match self.life_of(point, frame) {
            _ if there.gathered.full => Coverage::NotKept,
            None => Coverage::NotKept,
            Some((_, life)) if there.by_ends.contains_key(&life.ends) => Coverage::OtherNumbers,
            Some(_) => Coverage::NotFound,
        }
    }

    /// How much nearer another point is to a side than the point here: by what segments show, or else by what was said of the
    /// points; negative where it is further away.
    pub fn nearer(&self, look: &Look<'_>, (point, other): (usize, usize), side: Side) -> Option<i64> {
        let role = |point: usize| self.points.get(point).and_then(|shown| shown.role);
        let told = || match (role(point), role(other)) {
            (Some(here), Some(there)) if here != there => {
                let client = look.here.0.client()?;
                Some((here == Role::Client) == (side == client))
            }
            _ => None,
        };
        let here = look.is_nearer_to(side).or_else(told)?;
        let far = look.clock.and_then(|clock| clock.way).map_or(1, |way| way.saturating_abs().max(1));
        Some(if here { -far } else { far })
    }
}

/// The delays of one connection; what takes longer by the clocks goes onward. `back`: seen from the other point.
fn directed(took: Vec<(Timestamp, i64, Side)>, back: bool) -> Vec<Delay> {
    let middle =
        |side| super::clock::median(took.iter().filter(|(.., by)| *by == side).map(|(_, later, _)| *later).collect());
    let (low, high) = (middle(Side::Low), middle(Side::High));
    let onward = if low >= high { Side::Low } else { Side::High };
    let delay = |(time, later, by): (Timestamp, i64, Side)| match back {
        false => Delay { time, later, onward: by == onward },
        true => Delay { time: time.plus(later), later: later.saturating_neg(), onward: by != onward },
    };
    took.into_iter().map(delay).collect()
}
