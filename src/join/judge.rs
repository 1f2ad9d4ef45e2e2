//! What becomes of each RST when the points are laid side by side.

use std::collections::HashMap;

use super::ByFrame;
use super::look::{Around, Look, Presence};
use super::points::Net;
use crate::analyzer::Finding;
use crate::classify::{
    Cause, Certainty, Class, Coverage, Fact, FactKind, Passage, Points, Role, Sighting, TriggerPassage, with_points,
};
use crate::frame::{FrameNo, Timestamp};

/// What one capture says alone.
type Alone = (Class, Cause, Certainty);

/// Each RST once, with what all points say of it, in order of time at the first point.
pub fn judge(net: &Net, findings: Vec<Vec<Finding>>) -> Vec<Finding> {
    let verdicts = findings.iter().flatten().map(|finding| (finding.reset.frame, alone(finding)));
    let alone: ByFrame<Alone> = verdicts.collect();
    let mut told: Vec<(Timestamp, Finding)> = Vec::new();
    for (point, finding) in
        findings.into_iter().enumerate().flat_map(|(point, all)| all.into_iter().map(move |it| (point, it)))
    {
        let bench = Bench::new(net, (point, &finding), &alone);
        if !bench.is_told_here() {
            continue;
        }
        let (time, points) = (bench.time_at_first(), bench.points());
        told.push((time, with_verdict(finding, points)));
    }
    // Of equal times in the order of points and frames, in which they are.
    told.sort_by_key(|(time, _)| *time);
    let mut told: Vec<Finding> = told.into_iter().map(|(_, finding)| finding).collect();
    follow(&mut told, &alone);
    told
}

fn alone(finding: &Finding) -> Alone {
    (finding.verdict.class, finding.verdict.cause, finding.verdict.certainty)
}

fn with_verdict(mut finding: Finding, points: Points) -> Finding {
    finding.verdict = with_points(finding.verdict, &points);
    let named = |frame| finding.verdict.evidence.iter().any(|fact| fact.frame == Some(frame));
    for seen in &mut finding.segments {
        seen.deciding |= named(seen.frame);
    }
    finding.points = Some(Box::new(points));
    finding
}

/// What follows from a reset whose class is another one now has that class, too.
fn follow(told: &mut [Finding], alone: &ByFrame<Alone>) {
    let mut changed: HashMap<FrameNo, Class> = HashMap::new();
    for finding in told.iter() {
        let frames = finding.points.iter().flat_map(|points| &points.sightings).filter_map(|sighting| sighting.frame);
        let class = finding.verdict.class;
        changed.extend(
            frames.filter(|frame| alone.get(frame).is_some_and(|was| was.0 != class)).map(|frame| (frame, class)),
        );
    }
    for finding in told {
        let repeats = matches!(finding.verdict.cause, Cause::EchoAfterReset | Cause::Duplicate);
        if let Some(class) = finding.verdict.follows.and_then(|event| changed.get(&event)).filter(|_| repeats) {
            finding.verdict.class = *class;
        }
    }
}

/// One RST, and every point from its sender to its receiver.
struct Bench<'a> {
    net: &'a Net,
    point: usize,
    finding: &'a Finding,
    alone: &'a ByFrame<Alone>,
    /// In order from the sender.
    way: Vec<Stand<'a>>,
    /// Points without the connection, or nobody knows where on the way.
    aside: Vec<Stand<'a>>,
}

/// A point as it looks on.
struct Stand<'a> {
    point: usize,
    /// `None` for the point of the finding itself, and where the connection is not.
    look: Option<Look<'a>>,
    presence: Option<Presence>,
    around: Around,
}

impl Stand<'_> {
    fn has_reset(&self) -> bool {
        matches!(self.presence, Some(Presence::Same(_) | Presence::Changed(_)))
    }

    fn place(&self) -> Option<usize> {
        match self.presence? {
            Presence::Same(place) | Presence::Changed(place) => Some(place),
            Presence::Absent => None,
        }
    }
}

const NOTHING: (Option<FrameNo>, Option<FrameNo>) = (None, None);

impl<'a> Bench<'a> {
    fn new(net: &'a Net, (point, finding): (usize, &'a Finding), alone: &'a ByFrame<Alone>) -> Self {
        let seen = Around { coverage: Coverage::Seen, frames: NOTHING, lost: 0 };
        let own = Stand { point, look: None, presence: Some(Presence::Same(0)), around: seen };
        let (mut way, mut aside) = (vec![(0, own)], Vec::new());
        for other in (0..net.len()).filter(|other| *other != point) {
            let Some(look) = net.look((point, finding.reset.frame), other) else {
                let coverage = net.absence((point, finding.reset.frame), other);
                let around = Around { coverage, frames: NOTHING, lost: 0 };
                aside.push(Stand { point: other, look: None, presence: None, around });
                continue;
            };
            let presence = look.presence();
            let sender = look.sender();
            let around = if presence == Presence::Absent { look.around(look.here.1, sender) } else { seen };
            let nearer = net.nearer(&look, (point, other), sender);
            let stand = Stand { point: other, presence: Some(presence), around, look: Some(look) };
            // Where nobody knows the order, two sightings are still of one RST, and the first point tells it.
            let untold = || if point < other { -1 } else { 1 };
            match nearer.or_else(|| stand.has_reset().then(untold)) {
                Some(nearer) => way.push((nearer, stand)),
                None => aside.push(stand),
            }
        }
        way.sort_by_key(|(nearer, _)| std::cmp::Reverse(*nearer));
        Self { net, point, finding, alone, way: way.into_iter().map(|(_, stand)| stand).collect(), aside }
    }

    /// Whether the finding of this point is the one to tell: that nearest to the sender, unless it lacks what others have.
    fn is_told_here(&self) -> bool {
        let frame = |stand: &Stand<'_>| self.frame(stand);
        let mut known = self.way.iter().filter(|stand| stand.has_reset());
        let determined = |stand: &&Stand<'_>| {
            let said = frame(stand).and_then(|frame| self.alone.get(&frame));
            said.is_some_and(|(class, ..)| *class != Class::Undetermined)
        };
        let best = known.clone().find(determined).or_else(|| known.next());
        best.is_none_or(|stand| stand.point == self.point)
    }

    /// The RST at a point.
    fn frame(&self, stand: &Stand<'_>) -> Option<FrameNo> {
        match &stand.look {
            None if stand.point == self.point => Some(self.finding.reset.frame),
            None => None,
            Some(look) => Some(look.there.sights.get(stand.place()?)?.frame),
        }
    }

    fn time(&self, stand: &Stand<'_>) -> Option<Timestamp> {
        match &stand.look {
            None if stand.point == self.point => Some(self.finding.reset.time),
            None => None,
            Some(look) => Some(look.there.sights.get(stand.place()?)?.time),
        }
    }

    /// When it came by, as far as one can tell by the clock of the first point.
    fn time_at_first(&self) -> Timestamp {
        let first = self.way.iter().find(|stand| stand.point == 0);
        let by_clock = || Some(first?.look.as_ref()?.clock?.there(self.finding.reset.time));
        first.and_then(|stand| self.time(stand)).or_else(by_clock).unwrap_or(self.finding.reset.time)
    }

    fn points(&self) -> Points {
        let (passage, between) = self.passage();
        let near = between.and_then(|(near, _)| self.way.get(near));
        let far = between.and_then(|(_, far)| self.way.get(far));
        let mut marks = near.and_then(|stand| stand.look.as_ref()).map(Look::marks).unwrap_or_default();
        let (passage, certainty) = match passage {
            Passage::BornBetween => proven(passage, near, !marks.is_empty()),
            Passage::LostBetween => proven(passage, far, false),
            _ => (passage, Certainty::Certain),
        };
        let trigger = self.trigger(passage, near);
        let mut facts = self.facts(passage, (near, far));
        facts.extend(self.trigger_fact(trigger, near));
        if passage == Passage::BornBetween && certainty > Certainty::Possible {
            facts.append(&mut marks);
            let mirrored = near.and_then(|stand| stand.look.as_ref()?.mirrored());
            facts.extend(mirrored.map(|frame| Fact::at(FactKind::MirroredReset, frame)));
        }
        let mut sightings: Vec<Sighting> = self.way.iter().map(|stand| self.sighting(stand)).collect();
        let mut between = between.filter(|_| passage != Passage::Unknown);
        if self.finding.verdict.sender_role != Some(Role::Client) {
            let last = sightings.len().saturating_sub(1);
            sightings.reverse();
            between = between.map(|(near, far)| (last - near, last - far));
        }
        sightings.extend(self.aside.iter().map(|stand| self.sighting(stand)));
        Points { passage, certainty, trigger, sightings, between, facts }
    }

    /// How it came by the points, were all captures without loss, and between which two places on the way.
    fn passage(&self) -> (Passage, Option<(usize, usize)>) {
        let first = self.way.iter().position(Stand::has_reset).unwrap_or(0);
        let last = self.way.iter().rposition(Stand::has_reset).unwrap_or(0);
        let own = self.way.iter().position(|stand| stand.point == self.point).unwrap_or(0);
        let changed = self.way.iter().position(|stand| matches!(stand.presence, Some(Presence::Changed(_))));
        let unplaced = self.aside.iter().any(|stand| stand.around.coverage.has_connection());
        match changed {
            _ if first > 0 => (Passage::BornBetween, Some((first - 1, first))),
            Some(changed) => (Passage::Rewritten, Some((changed.min(own), changed.max(own)))),
            None if last + 1 < self.way.len() => (Passage::LostBetween, Some((last, last + 1))),
            None if self.way.len() > 1 => (Passage::Sent, None),
            None if unplaced => (Passage::Unknown, None),
            None => (Passage::NotJoined, None),
        }
    }

    fn sighting(&self, stand: &Stand<'_>) -> Sighting {
        let frame = self.frame(stand);
        let reset = self.finding.reset.tuple;
        let own = (stand.point == self.point).then_some(reset);
        let there = stand.look.as_ref().map(|look| look.there.tuple(look.pair.side_there(look.sender())));
        Sighting {
            point: stand.point as u16,
            coverage: stand.around.coverage,
            frame,
            time: self.time(stand),
            trigger: self.trigger_at(stand),
            tuple: own.or(there),
            around: stand.around.frames,
            lost: stand.around.lost,
            alone: frame.and_then(|frame| self.alone.get(&frame)).copied(),
        }
    }

    fn trigger_place(&self) -> Option<usize> {
        let trigger = self.finding.verdict.trigger?.frame;
        self.net.place((self.point, self.finding.reset.frame), trigger)
    }

    fn trigger_at(&self, stand: &Stand<'_>) -> Option<FrameNo> {
        match &stand.look {
            None if stand.point == self.point => self.finding.verdict.trigger.map(|trigger| trigger.frame),
            None => None,
            Some(look) => look.there.sights.get(look.pair.place(self.trigger_place()?)?).map(|sight| sight.frame),
        }
    }

    /// What became of the segment that the RST answers: whether it came to the sender's side, or ever left the receiver's.
    fn trigger(&self, passage: Passage, near: Option<&Stand<'_>>) -> Option<TriggerPassage> {
        let place = self.trigger_place()?;
        let (witness, lacking) = match passage {
            Passage::BornBetween => (near?, TriggerPassage::NeverArrived),
            Passage::Sent | Passage::LostBetween | Passage::Rewritten => (self.way.last()?, TriggerPassage::NeverSent),
            Passage::Unknown | Passage::NotJoined => return None,
        };
        let look = witness.look.as_ref()?;
        if look.pair.has(place) {
            return Some(TriggerPassage::Reached);
        }
        let around = look.around(place, look.sender().other());
        let whole = look.around(look.here.1, look.sender()).lost == 0;
        (around.coverage == Coverage::Bracketed && whole).then_some(lacking)
    }

    fn trigger_fact(&self, trigger: Option<TriggerPassage>, near: Option<&Stand<'_>>) -> Option<Fact> {
        let own = self.finding.verdict.trigger?.frame;
        match trigger? {
            // Where the RST was sent, that it was provoked is no news.
            TriggerPassage::Reached => {
                Some(Fact { kind: FactKind::TriggerSeenAtPoint, frame: self.trigger_at(near?), value: None })
            }
            TriggerPassage::NeverArrived => Some(Fact::at(FactKind::TriggerAbsentAtPoint, own)),
            TriggerPassage::NeverSent => Some(Fact::at(FactKind::TriggerNeverSent, own)),
        }
    }

    fn facts(&self, passage: Passage, (near, far): (Option<&Stand<'_>>, Option<&Stand<'_>>)) -> Vec<Fact> {
        let shown = |stand: Option<&Stand<'_>>| stand.and_then(|stand| stand.around.frames.1);
        let one = |kind, frame| vec![Fact { kind, frame, value: None }];
        let elsewhere = self.way.iter().filter(|stand| stand.point != self.point).filter_map(|stand| self.frame(stand));
        match passage {
            Passage::BornBetween => one(FactKind::AbsentAtPoint, shown(near)),
            Passage::LostBetween => one(FactKind::NotArrivedAtPoint, shown(far)),
            Passage::Sent => elsewhere.map(|frame| Fact::at(FactKind::SeenAtPoint, frame)).collect(),
            Passage::Rewritten => elsewhere.map(|frame| Fact::at(FactKind::RewrittenOnTheWay, frame)).collect(),
            Passage::Unknown | Passage::NotJoined => Vec::new(),
        }
    }
}

/// How sure it is that a RST never came by a point. One segment that is missing in a capture which has all others may still
/// have been dropped there; so something else has to say it too for it to be certain.
fn proven(passage: Passage, witness: Option<&Stand<'_>>, marked: bool) -> (Passage, Certainty) {
    match witness.map(|stand| stand.around.coverage) {
        Some(Coverage::Bracketed) if marked => (passage, Certainty::Certain),
        Some(Coverage::Bracketed) => (passage, Certainty::Likely),
        Some(Coverage::Running | Coverage::Lossy) => (passage, Certainty::Possible),
        _ => (Passage::Unknown, Certainty::Possible),
    }
}
