//! JSON Lines, schema 1: one object a line for each reset, then one for each pattern, and one summary at the end. `docs/schema.json` describes them.
//!
//! A key that is absent is unknown; `null` does not apply. The structures here are twins of the analyzer's own types,
//! so that those can change without the output changing in silence.
//!
//! Other styles ([`JsonStyle`]) have one object for each reset and nothing else.

mod ecs;
mod kernel;
mod object;
mod otel;
mod patterns;
mod points;
mod reset;
mod style;
#[cfg(test)]
mod tests;
mod zeek;

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use patterns::PatternLine;
use points::JointTwin;
use reset::Resets;
use style::Native;

use super::time::rfc3339;
use super::{Context, Finished, JsonStyle, Sink};
use crate::analyzer::{Finding, Tally};
use crate::tcp::Shard;

/// Changes when a key changes its meaning or goes away; additions do not count.
pub const SCHEMA: u32 = 1;

/// Writes JSON Lines.
pub struct JsonLines {
    style: JsonStyle,
    out: Box<dyn Write>,
    /// The line at hand.
    line: String,
    resets: Resets,
}

impl JsonLines {
    /// In this style, to `out`.
    pub fn new(style: JsonStyle, out: Box<dyn Write>) -> Self {
        Self { style, out, line: String::new(), resets: Resets::default() }
    }

    fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        self.line = serde_json::to_string(value)?;
        self.end_line()
    }

    fn end_line(&mut self) -> io::Result<()> {
        self.line.push('\n');
        let written = self.out.write_all(self.line.as_bytes());
        self.line.clear();
        written
    }
}

impl Sink for JsonLines {
    fn begin(&mut self, _: &Context) -> io::Result<()> {
        Ok(())
    }

    fn finding(&mut self, context: &Context, finding: &Finding) -> io::Result<()> {
        self.resets.append(&mut self.line, context, finding)?;
        let native = || Native::new(context, finding, &self.line);
        match self.style {
            JsonStyle::Native => self.end_line(),
            JsonStyle::Ecs => self.line(&ecs::Document::new(&native()?)),
            JsonStyle::Otel => self.line(&otel::logs_data(&native()?)),
            JsonStyle::Zeek => self.line(&zeek::Record::new(&native()?)),
        }?;
        if context.live { self.out.flush() } else { Ok(()) }
    }

    fn finish(&mut self, context: &Context, finished: &Finished<'_>) -> io::Result<()> {
        if self.style == JsonStyle::Native {
            for pattern in context.patterns.all() {
                self.line(&PatternLine::new(context, &pattern))?;
            }
            self.line(&SummaryLine::new(context, finished))?;
        }
        self.out.flush()
    }
}

/// The last line.
#[derive(Serialize)]
struct SummaryLine<'a> {
    r#type: &'static str,
    schema: u32,
    frames: u64,
    segments: u64,
    resets: u64,
    events: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    brought: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    carried: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shard: Option<ShardTwin>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hidden: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sampled_out: Option<u64>,
    by_class: BTreeMap<&'static str, TallyTwin>,
    by_cause: BTreeMap<String, TallyTwin>,
    connections: u64,
    tracked_max: u64,
    skipped: &'a BTreeMap<&'static str, u64>,
    max_connections: u64,
    evictions: u64,
    settled_early: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    kernel_drops: Option<Option<u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue_drops: Option<u64>,
    first: Option<String>,
    last: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    points: Option<JointTwin<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wall_seconds: Option<f64>,
}

impl<'a> SummaryLine<'a> {
    fn new(context: &'a Context, finished: &Finished<'a>) -> Self {
        let summary = finished.summary;
        let mut by_class: BTreeMap<&'static str, TallyTwin> = BTreeMap::new();
        let mut by_cause = BTreeMap::new();
        for ((class, cause), tally) in &summary.by_cause {
            by_class.entry(class.id()).or_default().add(tally);
            by_cause.insert(format!("{class}/{cause}"), TallyTwin::from(tally));
        }
        Self {
            r#type: "summary",
            schema: SCHEMA,
            frames: summary.frames,
            segments: summary.segments,
            resets: summary.resets,
            events: summary.events,
            brought: Some(summary.brought).filter(|count| *count > 0),
            carried: Some(summary.carried).filter(|count| *count > 0),
            shard: context.shard.map(ShardTwin::from),
            hidden: context.selection.hidden(),
            sampled_out: finished.sampled_out,
            by_class,
            by_cause,
            connections: summary.connections,
            tracked_max: summary.tracked_max,
            skipped: &summary.skipped,
            max_connections: summary.max_connections,
            evictions: summary.evictions,
            settled_early: summary.settled_early,
            kernel_drops: if context.live { finished.kernel_drops.map(Some) } else { Some(None) },
            queue_drops: finished.queue_drops,
            first: summary.first.map(rfc3339),
            last: summary.last.map(rfc3339),
            points: context.joint.as_ref().map(|joint| JointTwin::new(joint, context)),
            wall_seconds: finished.wall_seconds,
        }
    }
}

/// Which part of the connections the resets are of.
#[derive(Serialize)]
struct ShardTwin {
    number: u32,
    of: u32,
}

impl From<Shard> for ShardTwin {
    fn from(shard: Shard) -> Self {
        Self { number: shard.number(), of: shard.of() }
    }
}

#[derive(Clone, Copy, Default, Serialize)]
struct TallyTwin {
    resets: u64,
    events: u64,
}

impl TallyTwin {
    fn add(&mut self, tally: &Tally) {
        self.resets += tally.resets;
        self.events += tally.events;
    }
}

impl From<&Tally> for TallyTwin {
    fn from(tally: &Tally) -> Self {
        Self { resets: tally.resets, events: tally.events }
    }
}
