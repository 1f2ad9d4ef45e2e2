//! What the capture at another point shows of one RST and of its moment.

use super::clock::{Clock, median};
use super::life::Life;
use super::pair::Pair;
use super::sight::{Kind, Sight};
use crate::classify::{Coverage, Fact, FactKind};
use crate::frame::{FrameNo, Timestamp};
use crate::track::Side;

/// RSTs further apart than this, beside what the clocks leave open, are not one that was rewritten.
const ONE_INSTANT: i64 = 1_000_000_000;
/// The TTLs that systems send with.
const TTLS: [u8; 3] = [64, 128, 255];

/// A RST here, and the same connection there.
pub struct Look<'a> {
    /// The life that it belongs to, and its place in that.
    pub here: (&'a Life, usize),
    /// The life there.
    pub there: &'a Life,
    /// What both have in common.
    pub pair: &'a Pair,
    /// The clock there.
    pub clock: Option<&'a Clock>,
    /// Other segments that both points have: the time here, the frame there.
    pub shared: &'a [(Timestamp, FrameNo)],
    /// The first and last time there.
    pub span: Option<(Timestamp, Timestamp)>,
}

/// How the RST is seen there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Presence {
    /// The same, at this place.
    Same(usize),
    /// The same numbers from another place, or other numbers from the same side at that instant.
    Changed(usize),
    /// Not at all.
    Absent,
}

/// What the capture there shows around the moment of the RST.
#[derive(Clone, Copy, Debug)]
pub struct Around {
    /// What that is worth.
    pub coverage: Coverage,
    /// The last segment before it and the first after it that the point there has, too.
    pub frames: (Option<FrameNo>, Option<FrameNo>),
    /// Segments of the RST's side that are missing there.
    pub lost: u32,
}

impl Look<'_> {
    fn reset(&self) -> Option<&Sight> {
        self.here.0.sights.get(self.here.1)
    }

    /// Who sent the RST, as the point here names the sides.
    pub fn sender(&self) -> Side {
        self.reset().map_or(Side::Low, |reset| reset.side)
    }

    /// The moment of the RST by the clock there, and how far from it what counts as before or after has to be.
    fn moment(&self) -> Option<(Timestamp, i64)> {
        let (clock, reset) = (self.clock?, self.reset()?);
        let agrees = |(here, there): &(usize, usize)| {
            let times = self.here.0.sights.get(*here).zip(self.there.sights.get(*there));
            times.is_some_and(|(one, other)| other.time.since(clock.there(one.time)).saturating_abs() <= clock.slack())
        };
        // A clock that was set meanwhile is no witness of what came first.
        let before = self.pair.matched.iter().rev().find(|(here, _)| *here < self.here.1);
        before.is_none_or(agrees).then(|| (clock.there(reset.time), clock.slack()))
    }

    fn frame_there(&self, place: usize) -> Option<FrameNo> {
        self.there.sights.get(place).map(|sight| sight.frame)
    }

    /// Whether the RST is seen there.
    pub fn presence(&self) -> Presence {
        let (life, place) = self.here;
        if let Some(there) = self.pair.place(place) {
            let usual = self.usual_hops();
            let ttls = life.sights.get(place).zip(self.there.sights.get(there));
            let hops = ttls.map(|(one, other)| i64::from(one.ttl) - i64::from(other.ttl));
            let same = usual.is_none() || hops.is_none() || usual == hops;
            return if same { Presence::Same(there) } else { Presence::Changed(there) };
        }
        let is_other = |sight: &Sight| {
            let near = self.moment().is_none_or(|(moment, slack)| {
                sight.time.since(moment).saturating_abs() <= ONE_INSTANT.saturating_add(slack)
            });
            sight.flags.rst() && self.pair.side(sight) == self.sender() && near
        };
        let mut others = self.there.sights.iter().enumerate().filter(|(_, sight)| is_other(sight));
        others
            .find(|(place, _)| !self.pair.is_counterpart(*place))
            .map_or(Presence::Absent, |(place, _)| Presence::Changed(place))
    }

    /// By how much TTLs differ between the points for what the RST's sender sends, where that is always the same.
    fn usual_hops(&self) -> Option<i64> {
        let hops: Vec<i64> = self.hops(self.sender()).collect();
        let first = *hops.first()?;
        (hops.len() > 1 && hops.iter().all(|other| *other == first)).then_some(first)
    }

    /// TTL here less TTL there, of each segment of a side that both have.
    pub fn hops(&self, side: Side) -> impl Iterator<Item = i64> + '_ {
        let both =
            |(here, there): &(usize, usize)| Some((self.here.0.sights.get(*here)?, self.there.sights.get(*there)?));
        let own = self.pair.matched.iter().filter_map(both).filter(move |(here, _)| here.side == side);
        own.map(|(here, there)| i64::from(here.ttl) - i64::from(there.ttl))
    }

    /// What the capture there shows around a place here, for what a side sent.
    pub fn around(&self, place: usize, side: Side) -> Around {
        let before = self.pair.matched.iter().rev().find(|(here, _)| *here < place);
        let after = self.pair.matched.iter().find(|(here, _)| *here > place);
        let time = self.here.0.sights.get(place).map(|sight| sight.time);
        let frame = |found: Option<&(usize, usize)>| found.and_then(|(_, there)| self.frame_there(*there));
        let before = frame(before).or_else(|| self.shared_before(time?));
        let after = frame(after).or_else(|| self.later()).or_else(|| self.shared_after(time?));
        let lost = self.lost(side, place);
        let coverage = self.coverage((before, after), (side, lost));
        Around { coverage, frames: (before, after), lost }
    }

    fn shared_before(&self, time: Timestamp) -> Option<FrameNo> {
        let at = self.shared.partition_point(|(here, _)| *here < time);
        self.shared.get(at.checked_sub(1)?).map(|(_, frame)| *frame)
    }

    fn shared_after(&self, time: Timestamp) -> Option<FrameNo> {
        let at = self.shared.partition_point(|(here, _)| *here <= time);
        self.shared.get(at).map(|(_, frame)| *frame)
    }

    /// A segment of the connection there that is later than the RST, by the clocks.
    fn later(&self) -> Option<FrameNo> {
        let (moment, slack) = self.moment()?;
        self.there.sights.iter().find(|sight| sight.time.since(moment) > slack).map(|sight| sight.frame)
    }

    /// How many segments of a side came by here before a place and not there, from the first on that is in both. Copies of
    /// the segment at that place have its fate.
    fn lost(&self, side: Side, place: usize) -> u32 {
        let (life, at) = (self.here.0, self.here.0.sights.get(place));
        let own = life.sights.iter().enumerate().take(place).skip(life.whole_from);
        let mut own = own.filter(|(_, sight)| sight.side == side && sight.kind() != Kind::Reset);
        let all = own.clone().count();
        let first = own.find(|(place, _)| self.pair.has(*place));
        let is_copy = |sight: &Sight| at.is_some_and(|at| at.seq == sight.seq && at.kind() == sight.kind());
        let missing = own.filter(|(place, sight)| !self.pair.has(*place) && !is_copy(sight));
        let lost = if first.is_none() { all } else { missing.count() };
        lost as u32
    }

    fn coverage(&self, around: (Option<FrameNo>, Option<FrameNo>), (side, lost): (Side, u32)) -> Coverage {
        let speaks = |life: &Life, side| life.sights.iter().any(|sight| sight.side == side && !sight.flags.rst());
        let one_sided = speaks(self.here.0, side) && !speaks(self.there, self.pair.side_there(side));
        let goes_on =
            self.moment().zip(self.span).is_some_and(|((moment, slack), (_, last))| last.since(moment) > slack);
        match around {
            _ if one_sided => Coverage::OneSided,
            (None, _) => Coverage::NotBegun,
            _ if lost > 0 => Coverage::Lossy,
            (_, Some(_)) => Coverage::Bracketed,
            (_, None) if goes_on => Coverage::Running,
            (_, None) => Coverage::Ended,
        }
    }

    /// What shows, beside the absence of the RST from its sender's side, that the sender did not make it.
    pub fn marks(&self) -> Vec<Fact> {
        let mut marks = Vec::new();
        marks.extend(self.continues().map(|frame| Fact::at(FactKind::SenderContinues, frame)));
        marks.extend(self.foreign_hops().map(|hops| Fact::of(FactKind::TtlDiffers).with(hops)));
        marks
    }

    /// The sender goes on there after the RST: a socket that had sent it would be gone.
    fn continues(&self) -> Option<FrameNo> {
        self.clock?.way?;
        let (moment, slack) = self.moment()?;
        let later = self.there.sights.iter().filter(|sight| sight.time.since(moment) > slack);
        let mut own = later.filter(|sight| {
            self.pair.side(sight) == self.sender()
                && !sight.flags.any_of(crate::tcp::Flags::RST.with(crate::tcp::Flags::SYN))
        });
        own.next().map(|sight| sight.frame)
    }

    /// By how many hops the RST came from nearer or further than all else that its sender sent.
    fn foreign_hops(&self) -> Option<i64> {
        let reset = self.reset()?;
        let own = self.here.0.sights.iter().filter(|sight| sight.side == reset.side && !sight.flags.rst());
        let ttls: Vec<i64> = own.map(|sight| i64::from(hops(sight.ttl))).collect();
        let (count, usual) = (ttls.len(), median(ttls.clone())?);
        let differs = usual - i64::from(hops(reset.ttl));
        (count > 1 && ttls.iter().all(|ttl| *ttl == usual) && differs != 0).then_some(differs)
    }

    /// A RST in the other direction there, at that instant, that is not seen here.
    pub fn mirrored(&self) -> Option<FrameNo> {
        let (moment, slack) = self.moment()?;
        let near = |sight: &Sight| sight.time.since(moment).saturating_abs() <= ONE_INSTANT.saturating_add(slack);
        let other = |sight: &Sight| sight.flags.rst() && self.pair.side(sight) != self.sender() && near(sight);
        let mut others = self.there.sights.iter().enumerate().filter(|(_, sight)| other(sight));
        others.find(|(place, _)| !self.pair.is_counterpart(*place)).map(|(_, sight)| sight.frame)
    }

    /// Whether the point here is the nearer one to a side, as TTLs tell, or the times that segments took both ways.
    pub fn is_nearer_to(&self, side: Side) -> Option<bool> {
        let votes =
            self.hops(side).map(i64::signum).sum::<i64>() - self.hops(side.other()).map(i64::signum).sum::<i64>();
        if votes != 0 {
            return Some(votes > 0);
        }
        const TELLS: i64 = 20_000;
        let (on, back) = (self.took(side)?, self.took(side.other())?);
        let way = on.saturating_sub(back) / 2;
        (way.saturating_abs() >= TELLS).then_some(way > 0)
    }

    /// How much later what a side sent comes by there than here, by the clocks.
    fn took(&self, side: Side) -> Option<i64> {
        median(
            took(self.here.0, self.there, self.pair)
                .filter(|(_, _, by)| *by == side)
                .map(|(_, later, _)| later)
                .collect(),
        )
    }
}

/// Of each segment that both points have: when it was here, how much later there, and who sent it.
pub fn took<'a>(here: &'a Life, there: &'a Life, pair: &'a Pair) -> impl Iterator<Item = (Timestamp, i64, Side)> + 'a {
    let both = |(one, other): &(usize, usize)| Some((here.sights.get(*one)?, there.sights.get(*other)?));
    pair.matched.iter().filter_map(both).map(|(one, other)| (one.time, other.time.since(one.time), one.side))
}

/// How many hops a segment has behind it, if its TTL began at one that systems use.
fn hops(ttl: u8) -> u8 {
    TTLS.into_iter().find(|start| *start >= ttl).map_or(0, |start| start - ttl)
}
