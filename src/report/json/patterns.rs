//! The lines of patterns.

use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

use super::SCHEMA;
use crate::classify::{Class, Role};
use crate::frame::FrameNo;
use crate::pattern::{Pattern, Span, Timer, What};
use crate::report::time::rfc3339;
use crate::report::{Context, words};

/// What several resets have in common.
#[derive(Serialize)]
pub struct PatternLine<'a> {
    r#type: &'static str,
    schema: u32,
    pattern: &'static str,
    resets: u64,
    frames: Vec<FrameTwin<'a>>,
    first: String,
    last: String,
    #[serde(flatten)]
    what: WhatTwin<'a>,
    summary: String,
    advice: String,
}

impl<'a> PatternLine<'a> {
    pub fn new(context: &'a Context, pattern: &'a Pattern) -> Self {
        let Pattern { what, members } = pattern;
        Self {
            r#type: "pattern",
            schema: SCHEMA,
            pattern: what.id(),
            resets: members.resets,
            frames: members.frames.iter().map(|frame| FrameTwin::new(context, *frame)).collect(),
            first: rfc3339(members.first),
            last: rfc3339(members.last),
            what: WhatTwin::new(what),
            summary: words::patterns::summary(what),
            advice: words::patterns::advice(what),
        }
    }
}

#[derive(Serialize)]
struct FrameTwin<'a> {
    frame: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
}

impl<'a> FrameTwin<'a> {
    fn new(context: &'a Context, frame: FrameNo) -> Self {
        Self { frame: frame.number(), file: words::input(context, frame) }
    }
}

/// What belongs to the kind of the pattern.
#[derive(Serialize, Default)]
struct WhatTwin<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<SocketAddr>,
    /// Who tried, checks, or aborted.
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender_role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_ns: Option<SpanTwin>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_idle_ns: Option<SpanTwin>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timers: Option<Vec<TimerTwin<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    targets: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ports: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hosts: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peers: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    period_ns: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    together: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    within_ns: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    per_second: Option<u64>,
}

impl<'a> WhatTwin<'a> {
    fn new(what: &'a What) -> Self {
        let service = words::patterns::service(what);
        let twin = Self { service, ..Self::default() };
        match what {
            What::IdleTimer { sender, class, idle, timers, .. } => Self {
                sender_role: sender.map(Role::id),
                class: Some(Class::id(*class)),
                idle_ns: Some(SpanTwin::new(*idle)),
                timers: Some(TimerTwin::all(timers)),
                ..twin
            },
            What::KeepaliveRace { close, request, timers, .. } => Self {
                idle_ns: Some(SpanTwin::new(*close)),
                request_idle_ns: Some(SpanTwin::new(*request)),
                timers: Some(TimerTwin::all(timers)),
                ..twin
            },
            What::Scan { source, targets, ports, hosts } => {
                Self { host: Some(*source), targets: Some(*targets), ports: Some(*ports), hosts: Some(*hosts), ..twin }
            }
            What::HealthCheck { client, period_ns, .. } => Self { host: Some(*client), period_ns: *period_ns, ..twin },
            What::Backscatter { from, to } => Self { hosts: Some(*from), peers: Some(*to), ..twin },
            What::Restart { host, together, within_ns, .. } => {
                Self { host: Some(*host), together: Some(*together), within_ns: Some(*within_ns), ..twin }
            }
            What::ManyAborts { host, per_second, .. } => {
                Self { host: Some(*host), per_second: Some(*per_second), ..twin }
            }
            What::Benign => twin,
        }
    }
}

#[derive(Serialize)]
struct SpanTwin {
    min: i64,
    max: i64,
}

impl SpanTwin {
    fn new(span: Span) -> Self {
        Self { min: span.min, max: span.max }
    }
}

#[derive(Serialize)]
struct TimerTwin<'a> {
    idle_ns: i64,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'static str>,
}

impl<'a> TimerTwin<'a> {
    fn all(timers: &'a [Timer]) -> Vec<Self> {
        timers.iter().map(|timer| Self { idle_ns: timer.idle_ns, name: &timer.name, source: timer.source }).collect()
    }
}
