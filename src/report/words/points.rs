//! What captures at several points say together, in words.

use super::{Speaker, file_name, input, visible};
use crate::classify::{Certainty, Coverage, Passage, Points, Role, Sighting, TriggerPassage};
use crate::frame::FrameNo;
use crate::join::{Clock, Joint};
use crate::report::{Context, amount};

impl Speaker<'_> {
    /// Where the reset came from and how far it got, where that is known: a sentence of its own.
    pub fn passage(&self) -> Option<String> {
        let points = self.finding.points.as_deref()?;
        if points.certainty == Certainty::Possible {
            return None;
        }
        let hedge = if points.certainty == Certainty::Certain { "" } else { "most likely " };
        let (s, r) = (self.sender(), self.receiver());
        let between = self.between(points);
        let said = match points.passage {
            Passage::Sent => format!("{s} truly sent it: it is in {} captures", self.present(points)),
            Passage::BornBetween => format!("{hedge}{s} never sent this reset: it was born between {between}"),
            Passage::LostBetween => {
                format!("{s} sent it, but {hedge}it never reached {r}: it was lost between {between}")
            }
            Passage::Rewritten => {
                format!("{s} sent a reset, and what arrived is another one: rewritten between {between}")
            }
            Passage::Unknown | Passage::NotJoined => return None,
        };
        let trigger = match points.trigger {
            Some(TriggerPassage::NeverArrived) => {
                format!("; the segment that provoked it{} never reached {s}", self.provoked())
            }
            Some(TriggerPassage::NeverSent) => {
                format!("; the segment that provoked it{} was never sent by {r}", self.provoked())
            }
            _ => String::new(),
        };
        Some(super::capitalized(format!("{said}{trigger}.")))
    }

    /// How it came by the points, in a word, where that is more than a possibility.
    pub fn passage_id(&self) -> Option<&'static str> {
        let points = self.finding.points.as_deref()?;
        (points.certainty > Certainty::Possible).then(|| points.passage.id())
    }

    fn provoked(&self) -> String {
        let trigger = self.finding.verdict.trigger;
        trigger.map_or(String::new(), |trigger| format!(" ({})", self.frame(trigger.frame)))
    }

    fn present(&self, points: &Points) -> String {
        match points.sightings.iter().filter(|sighting| sighting.frame.is_some()).count() {
            2 => "both".to_owned(),
            count => count.to_string(),
        }
    }

    fn between(&self, points: &Points) -> String {
        let (near, far) = (points.near(), points.far());
        let name = |sighting: Option<&Sighting>| {
            sighting.map(|sighting| point(self.context, sighting.point)).unwrap_or_default()
        };
        format!("{} and {}", name(near), name(far))
    }

    /// What each point shows of the reset.
    pub fn points(&self) -> Vec<String> {
        let Some(points) = self.finding.points.as_deref() else { return Vec::new() };
        points.sightings.iter().map(|sighting| self.sighting(sighting)).collect()
    }

    fn sighting(&self, sighting: &Sighting) -> String {
        let named = point(self.context, sighting.point);
        let other = sighting.tuple.filter(|tuple| *tuple != self.finding.reset.tuple);
        let other = other.map_or(String::new(), |tuple| format!("; named {tuple} there"));
        let alone = sighting
            .alone
            .map_or(String::new(), |(class, cause, certainty)| format!("; alone it says {class}/{cause} {certainty}"));
        let what = match sighting.frame {
            Some(frame) => format!("{frame}{alone}"),
            None => self.absence(sighting),
        };
        format!("{}: {what}{other}", named.trim_start_matches("the "))
    }

    fn absence(&self, sighting: &Sighting) -> String {
        let lost = || amount::counted(u64::from(sighting.lost), "other segment");
        match sighting.coverage {
            Coverage::Seen => String::new(),
            Coverage::Bracketed => format!("no reset, though it has {}", around(sighting.around)),
            Coverage::Running => "no reset; it goes on, but with nothing that the other has, too".to_owned(),
            Coverage::Lossy => format!("no reset, and it lacks {} that came by, too", lost()),
            Coverage::Ended => {
                "no reset, but nothing at that moment or later, either: it may have ended before".to_owned()
            }
            Coverage::NotBegun => {
                "no reset, but nothing before that moment, either: it may have begun later".to_owned()
            }
            Coverage::OneSided => format!("no reset, but nothing else that {} sent, either", self.sender()),
            other => apart(other).to_owned(),
        }
    }
}

fn around((before, after): (Option<FrameNo>, Option<FrameNo>)) -> String {
    let before = before.map(|frame| format!("{frame} before"));
    let after = after.map(|frame| format!("{frame} after that moment"));
    before.into_iter().chain(after).collect::<Vec<_>>().join(" and ")
}

/// Why two captures of a connection are not joined.
pub fn apart(coverage: Coverage) -> &'static str {
    match coverage {
        Coverage::OtherNumbers => {
            "not joined: the same addresses and ports, but other sequence numbers (a proxy that ends the connection, or a \
             firewall that changes them)"
        }
        Coverage::NotKept => "not joined: more segments than are compared",
        _ => "not joined: no connection with these numbers (a proxy that ends it, another way, or not captured)",
    }
}

/// A point by its side and its file; of several files the first.
pub fn point(context: &Context, number: u16) -> String {
    let Some((role, inputs)) = context.joint.as_ref().and_then(|joint| joint.points.get(usize::from(number))) else {
        return String::new();
    };
    let file =
        inputs.first().and_then(|first| input(context, FrameNo::new(*first, 0))).map(|name| visible(file_name(name)));
    let file = file.unwrap_or_default();
    match role {
        Some(Role::Client) => format!("the client side ({file})"),
        Some(Role::Server) => format!("the server side ({file})"),
        None => file,
    }
}

/// What the points say together: the counts, and how their clocks stand.
pub fn joint(context: &Context) -> Vec<String> {
    let Some(joint) = &context.joint else { return Vec::new() };
    let mut said =
        vec![format!("{} joined: {}", amount::counted(joint.points.len() as u64, "capture point"), counts(joint))];
    let others = joint.apart.iter().filter(|(_, count)| **count > 0);
    said.extend(others.map(|(why, count)| format!("{} {}", amount::counted(*count, "reset"), apart(*why))));
    said.extend(
        joint
            .clocks
            .iter()
            .map(|(here, there, clock)| stands((&point(context, *here), &point(context, *there)), clock)),
    );
    said
}

fn counts(joint: &Joint) -> String {
    let named = joint
        .passages
        .iter()
        .map(|(passage, count)| format!("{} {}", amount::counted(*count, "reset"), passed(*passage)));
    let named: Vec<String> = named.collect();
    if named.is_empty() { "no reset".to_owned() } else { named.join(", ") }
}

fn passed(passage: Passage) -> &'static str {
    match passage {
        Passage::Sent => "truly sent",
        Passage::BornBetween => "born between them",
        Passage::LostBetween => "lost between them",
        Passage::Rewritten => "rewritten between them",
        Passage::Unknown => "undecided, as one capture lacks it and does not prove that it would show it",
        Passage::NotJoined => "not joined",
    }
}

fn stands((here, there): (&str, &str), clock: &Clock) -> String {
    let by = amount::duration(clock.offset.saturating_abs());
    let order = match clock.offset.signum() {
        0 => format!("agrees with that at {here}"),
        -1 => format!("is {by} behind that at {here}"),
        _ => format!("is {by} ahead of that at {here}"),
    };
    let drift = match clock.drift {
        0 => String::new(),
        drift => format!(", gaining {:.1} ms an hour", drift as f64 * 3.6e-3),
    };
    let sure = match clock.way {
        Some(way) => {
            format!("give or take {} (half the round trip between them)", amount::duration(way.saturating_abs()))
        }
        None => "less or more by the time that segments take, as only one direction is known".to_owned(),
    };
    let (samples, rest) = (amount::counted(clock.samples, "segment"), amount::duration(clock.residual));
    format!("the clock at {there} {order}{drift}, {sure}; residual {rest} over {samples}")
}
