//! Captures of the same connections at several points on their way: what they say together about each RST.
//!
//! Each point is analysed alone first. Then [`Gather`] collects, in a second look at each capture, what is there of the
//! connections that have a RST at any point; [`join`] finds which of them are one, by their numbers, and judges.

mod clock;
mod common;
mod gather;
mod judge;
mod life;
mod look;
mod pair;
mod points;
mod sight;

pub use clock::{Clock, Delay};
pub use gather::{Gather, Gathered};
pub use life::Life;

use std::collections::{BTreeMap, HashMap};

use self::points::Net;
use crate::analyzer::{Finding, Summary, Tally};
use crate::classify::{Certainty, Coverage, Passage, Role};
use crate::frame::FrameNo;

/// One point of capture.
#[derive(Debug)]
pub struct Point {
    /// Which end it is said to be near to; what segments show counts for more.
    pub role: Option<Role>,
    /// What it shows of connections with resets.
    pub gathered: Gathered,
    /// What it says alone.
    pub findings: Vec<Finding>,
}

/// What is known of the points together.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Joint {
    /// Which end each point is said to be near to, and the inputs that it consists of, by number.
    pub points: Vec<(Option<Role>, Vec<u16>)>,
    /// The clock of one point, as another one sees it: that one's number, its own, and how it stands.
    pub clocks: Vec<(u16, u16, Clock)>,
    /// Resets, each counted once, by how they came by; where that is possible at most it is unknown.
    pub passages: BTreeMap<Passage, u64>,
    /// Resets whose connection another point does not have, by what that has instead.
    pub apart: BTreeMap<Coverage, u64>,
}

/// Joins what the points say: each RST once, in order of time at the first point.
pub fn join(points: Vec<Point>) -> (Vec<Finding>, Joint) {
    let (mut gathered, mut findings, mut roles) = (Vec::new(), Vec::new(), Vec::new());
    for point in points {
        gathered.push(point.gathered);
        findings.push(point.findings);
        roles.push(point.role);
    }
    let net = Net::new(gathered, &roles, &findings);
    let mut joint = Joint { clocks: net.clocks(), ..Joint::default() };
    let told = judge::judge(&net, findings);
    for finding in &told {
        let Some(points) = &finding.points else { continue };
        let passage = if points.certainty > Certainty::Possible { points.passage } else { Passage::Unknown };
        *joint.passages.entry(passage).or_default() += 1;
        if points.passage == Passage::NotJoined {
            let why = points.sightings.iter().map(|sighting| sighting.coverage).find(|seen| !seen.has_connection());
            *joint.apart.entry(why.unwrap_or(Coverage::NotFound)).or_default() += 1;
        }
    }
    (told, joint)
}

/// The summary of all points: frames and connections as each counts them, resets each once.
pub fn summary(alone: &[Summary], findings: &[Finding]) -> Summary {
    let mut all = Summary::default();
    for one in alone {
        all.frames += one.frames;
        all.segments += one.segments;
        all.connections += one.connections;
        all.tracked_max = all.tracked_max.max(one.tracked_max);
        all.evictions += one.evictions;
        all.max_connections = all.max_connections.max(one.max_connections);
        all.settled_early += one.settled_early;
        all.first = all.first.into_iter().chain(one.first).min();
        all.last = all.last.into_iter().chain(one.last).max();
        for (reason, count) in &one.skipped {
            *all.skipped.entry(reason).or_default() += count;
        }
    }
    for finding in findings {
        let event = u64::from(finding.verdict.follows.is_none());
        let add = |tally: &mut Tally| {
            tally.resets += 1;
            tally.events += event;
        };
        add(all.by_cause.entry((finding.verdict.class, finding.verdict.cause)).or_default());
        add(all.by_service.entry(finding.connection.tuple.dst).or_default());
        all.resets += 1;
        all.events += event;
    }
    all
}

/// The places of things by the frame that they are in.
type ByFrame<T> = HashMap<FrameNo, T>;
