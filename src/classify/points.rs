//! What captures at several points between the two ends say together about one RST, and what that makes of its verdict.

use super::{Alternative, Application, Cause, Certainty, Class, Fact, FactKind, Form, OnPeer, Role, Verdict};
use crate::frame::{FrameNo, Timestamp};
use crate::tcp::FourTuple;

super::cause::vocabulary! {
    /// How a RST came by the points of capture.
    Passage {
        /// It came by all points that know its connection, so it was sent on its sender's side of them.
        Sent = "sent",
        /// A point on its sender's side never saw it: it was made between two points.
        BornBetween = "born-between",
        /// It left its sender's side and never came to a point on the other.
        LostBetween = "lost-between",
        /// It came by with other numbers, or as another packet.
        Rewritten = "rewritten",
        /// The other points cannot tell: their captures do not show that they would have seen it.
        Unknown = "unknown",
        /// No other point has the connection.
        NotJoined = "not-joined",
    }
}

super::cause::vocabulary! {
    /// What the capture at one point shows of the moment of a RST.
    Coverage {
        /// The RST itself.
        Seen = "seen",
        /// Segments that other points have too, before and after that moment, and none is missing.
        Bracketed = "bracketed",
        /// It went on behind that moment, but with nothing that another point has too.
        Running = "running",
        /// Other segments of the connection are missing as well.
        Lossy = "lossy",
        /// Nothing at or behind that moment: it may have ended.
        Ended = "ended",
        /// Nothing before that moment: it may not have begun.
        NotBegun = "not-begun",
        /// Nothing that the sender of the RST sent.
        OneSided = "one-sided",
        /// A connection between the same addresses and ports, with other numbers.
        OtherNumbers = "other-numbers",
        /// No connection with these numbers.
        NotFound = "not-found",
        /// More connections than are compared.
        NotKept = "not-kept",
    }
}

impl Coverage {
    /// Whether the point has the connection.
    pub fn has_connection(self) -> bool {
        !matches!(self, Coverage::OtherNumbers | Coverage::NotFound | Coverage::NotKept)
    }
}

super::cause::vocabulary! {
    /// What became of the segment that provoked a RST.
    TriggerPassage {
        /// It came by every point on its way to the RST's sender.
        Reached = "reached",
        /// It never came to a point before the RST's sender.
        NeverArrived = "never-arrived",
        /// The side that it names as its sender never sent it.
        NeverSent = "never-sent",
    }
}

/// A RST at one point.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sighting {
    /// Which point, from 0.
    pub point: u16,
    /// What the capture there shows of its moment.
    pub coverage: Coverage,
    /// The RST there.
    pub frame: Option<FrameNo>,
    /// When it was captured, by the clock there.
    pub time: Option<Timestamp>,
    /// What provoked it, there.
    pub trigger: Option<FrameNo>,
    /// From the sender of the RST to its receiver, as that point names them.
    pub tuple: Option<FourTuple>,
    /// The last segment before the moment of the RST, and the first one after it, that show that the point captures.
    pub around: (Option<FrameNo>, Option<FrameNo>),
    /// Segments of the connection that came by and are missing in this capture.
    pub lost: u32,
    /// What this capture alone says.
    pub alone: Option<(Class, Cause, Certainty)>,
}

/// What the captures say together about one RST.
#[derive(Clone, PartialEq, Debug)]
pub struct Points {
    /// How it came by.
    pub passage: Passage,
    /// How sure that is, where the passage is one; absence is proved only by a capture that would have shown it.
    pub certainty: Certainty,
    /// What became of the segment that provoked it, as far as that is known.
    pub trigger: Option<TriggerPassage>,
    /// One a point, from that nearest to the client of the connection to that nearest to its server; those without the
    /// connection last.
    pub sightings: Vec<Sighting>,
    /// The two places in `sightings` between which it was made, lost or rewritten: nearer to its sender, and further.
    pub between: Option<(usize, usize)>,
    /// The facts that this rests on, each with the frame that shows it.
    pub facts: Vec<Fact>,
}

impl Points {
    /// The sighting nearer to the RST's sender, of the two between which something happened to it.
    pub fn near(&self) -> Option<&Sighting> {
        self.sightings.get(self.between?.0)
    }

    /// The one further from it.
    pub fn far(&self) -> Option<&Sighting> {
        self.sightings.get(self.between?.1)
    }
}

/// The verdict of one capture in the light of the others.
pub fn with_points(mut verdict: Verdict, points: &Points) -> Verdict {
    match points.passage {
        Passage::BornBetween => born_between(&mut verdict, points),
        Passage::LostBetween if points.certainty > Certainty::Possible => {
            verdict.effect.on_peer = OnPeer::Ignored;
            verdict.effect.application = Some(Application::Nothing);
        }
        Passage::Sent => verdict.alternatives.retain(|other| other.class != Class::Forged),
        _ => {}
    }
    let told = |fact: &Fact| points.facts.iter().any(|known| known.kind == fact.kind);
    verdict.evidence.retain(|fact| !told(fact));
    verdict.evidence.splice(0..0, points.facts.iter().copied());
    verdict
}

/// The sender's side never sent it. A class that was certain before is no witness against what a capture there shows.
fn born_between(verdict: &mut Verdict, points: &Points) {
    if verdict.follows.is_some() {
        return;
    }
    let (own, certainty) = ((verdict.class, verdict.cause), points.certainty);
    let (class, cause) = made_on_the_way(verdict, points);
    if certainty == Certainty::Possible {
        if class != own.0 {
            verdict.certainty = verdict.certainty.min(Certainty::Likely);
            let why = "the capture on the sender's side lacks it, but does not prove that it would show it";
            verdict.alternatives.insert(0, Alternative { class, cause, why });
        }
        return;
    }
    (verdict.class, verdict.cause) = (class, cause);
    verdict.certainty = if class == own.0 { verdict.certainty.max(certainty) } else { certainty };
    verdict.against.retain(|(against, _)| *against != class);
    verdict.outranked.retain(|(other, _)| *other != class);
    verdict.evidence.retain(|fact| !speaks_for_an_end(fact.kind));
    verdict.missing.clear();
    if class != own.0 || certainty == Certainty::Certain {
        verdict.alternatives.clear();
    }
    if class != own.0 && certainty < Certainty::Certain {
        let why = "the capture on the sender's side may have lost this one segment";
        verdict.alternatives.push(Alternative { class: own.0, cause: own.1, why });
    }
}

/// What one capture takes for the marks of an end that sent a RST.
fn speaks_for_an_end(kind: FactKind) -> bool {
    use FactKind as F;
    matches!(
        kind,
        F::NoFinFromSender | F::NoGapInSender | F::GapInSender | F::NoSocketMarks | F::LiveSocketMarks | F::TtlAsUsual
    )
}

/// The class and cause of a RST that a device made in the name of an end.
fn made_on_the_way(verdict: &Verdict, points: &Points) -> (Class, Cause) {
    const LONG_IDLE: i64 = 60_000_000_000;
    let idle = verdict.idle_ns.is_some_and(|idle| idle >= LONG_IDLE);
    let mirrored = points.facts.iter().any(|fact| fact.kind == FactKind::MirroredReset);
    let answers = matches!(verdict.form, Form::AckEcho | Form::SynEcho);
    let cause = match verdict.class {
        Class::ClosedPort if verdict.form == Form::SynEcho => return (Class::ClosedPort, Cause::RefusedByFirewall),
        Class::Forged => verdict.cause,
        _ if mirrored && !idle => Cause::BothDirections,
        _ if idle && answers && verdict.sender_role == Some(Role::Client) => Cause::NatStateLost,
        _ if idle => Cause::MiddleboxTimeout,
        _ if answers => Cause::FirewallReject,
        _ => Cause::Injected,
    };
    (Class::Forged, cause)
}
