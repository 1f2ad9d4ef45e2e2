//! What captures at several points say together.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use crate::classify::{Points, Sighting};
use crate::frame::FrameNo;
use crate::join::{Clock, Joint};
use crate::report::time::rfc3339;
use crate::report::{Context, words};

/// How a reset came by the points.
#[derive(Serialize)]
pub struct PointsTwin<'a> {
    passage: &'static str,
    certainty: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    trigger: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    between: Option<[u16; 2]>,
    sightings: Vec<SightingTwin<'a>>,
}

impl<'a> PointsTwin<'a> {
    pub fn new(points: &Points, context: &'a Context) -> Self {
        let between = points.near().zip(points.far());
        Self {
            passage: points.passage.id(),
            certainty: points.certainty.id(),
            trigger: points.trigger.map(|trigger| trigger.id()),
            between: between.map(|(near, far)| [near.point, far.point]),
            sightings: points.sightings.iter().map(|sighting| SightingTwin::new(sighting, context)).collect(),
        }
    }
}

#[derive(Serialize)]
struct SightingTwin<'a> {
    point: u16,
    coverage: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    frame: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trigger: Option<u64>,
    #[serde(flatten)]
    ends: Option<EndsTwin>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<u64>,
    lost: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    alone: Option<AloneTwin>,
}

#[derive(Serialize)]
struct EndsTwin {
    src: IpAddr,
    sport: u16,
    dst: IpAddr,
    dport: u16,
}

#[derive(Serialize)]
struct AloneTwin {
    class: &'static str,
    cause: &'static str,
    certainty: &'static str,
}

impl<'a> SightingTwin<'a> {
    fn new(sighting: &Sighting, context: &'a Context) -> Self {
        let (before, after) = sighting.around;
        let named = sighting.frame.or(before).or(after);
        Self {
            point: sighting.point,
            coverage: sighting.coverage.id(),
            frame: sighting.frame.map(FrameNo::number),
            file: named.and_then(|frame| words::input(context, frame)),
            time: sighting.time.map(rfc3339),
            trigger: sighting.trigger.map(FrameNo::number),
            ends: sighting.tuple.map(|tuple| EndsTwin {
                src: tuple.src.ip(),
                sport: tuple.src.port(),
                dst: tuple.dst.ip(),
                dport: tuple.dst.port(),
            }),
            before: before.map(FrameNo::number),
            after: after.map(FrameNo::number),
            lost: sighting.lost,
            alone: sighting.alone.map(|(class, cause, certainty)| AloneTwin {
                class: class.id(),
                cause: cause.id(),
                certainty: certainty.id(),
            }),
        }
    }
}

/// What is known of the points together.
#[derive(Serialize)]
pub struct JointTwin<'a> {
    captured: Vec<PointTwin<'a>>,
    passages: BTreeMap<&'static str, u64>,
    apart: BTreeMap<&'static str, u64>,
    clocks: Vec<ClockTwin>,
}

#[derive(Serialize)]
struct PointTwin<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    side: Option<&'static str>,
    files: Vec<&'a str>,
}

#[derive(Serialize)]
struct ClockTwin {
    seen_from: u16,
    point: u16,
    offset_ns: i64,
    drift_ppb: i64,
    since: String,
    residual_ns: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    round_trip_ns: Option<i64>,
    samples: u64,
}

impl<'a> JointTwin<'a> {
    pub fn new(joint: &Joint, context: &'a Context) -> Self {
        let file = |input: &u16| words::input(context, FrameNo::new(*input, 0));
        let captured = joint.points.iter().map(|(side, inputs)| PointTwin {
            side: side.map(|side| side.id()),
            files: inputs.iter().filter_map(file).collect(),
        });
        Self {
            captured: captured.collect(),
            passages: joint.passages.iter().map(|(passage, count)| (passage.id(), *count)).collect(),
            apart: joint.apart.iter().map(|(why, count)| (why.id(), *count)).collect(),
            clocks: joint.clocks.iter().map(ClockTwin::new).collect(),
        }
    }
}

impl ClockTwin {
    fn new((seen_from, point, clock): &(u16, u16, Clock)) -> Self {
        Self {
            seen_from: *seen_from,
            point: *point,
            offset_ns: clock.offset,
            drift_ppb: clock.drift,
            since: rfc3339(clock.since),
            residual_ns: clock.residual,
            round_trip_ns: clock.way.map(|way| way.saturating_abs().saturating_mul(2)),
            samples: clock.samples,
        }
    }
}
