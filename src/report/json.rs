//! JSON Lines, schema 1: one object a line for each reset, then one for each pattern, and one summary at the end. `docs/schema.json` describes them.
//!
//! A key that is absent is unknown; `null` does not apply. The structures here are twins of the analyzer's own types,
//! so that those can change without the output changing in silence.
//!
//! Other styles ([`JsonStyle`]) have one object for each reset and nothing else.

mod ecs;
mod kernel;
mod otel;
mod patterns;
mod points;
mod style;
#[cfg(test)]
mod tests;
mod twins;
mod writer;
mod zeek;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};

use serde::{Serialize, Serializer};

use kernel::KernelTwin;
use patterns::PatternLine;
use points::{JointTwin, PointsTwin};
use twins::Twins;

use super::address::{push_end, push_ip};
use super::time::rfc3339;
use super::words::{self, Speaker};
use super::{Context, Finished, JsonStyle, Named, Sink, community_id};
use crate::analyzer::{Finding, Reset, Tally};
use crate::classify::{Alternative, Class, Fact, Missing, Trigger, Verdict};
use crate::frame::{FrameNo, Timestamp};
use crate::pattern::benign;
use crate::tcp::{Heard, IcmpError};

/// Changes when a key changes its meaning or goes away; additions do not count.
pub const SCHEMA: u32 = 1;

/// Writes JSON Lines.
pub struct JsonLines {
    style: JsonStyle,
    out: Box<dyn Write>,
    /// The line at hand.
    line: Vec<u8>,
}

impl JsonLines {
    /// In this style, to `out`.
    pub fn new(style: JsonStyle, out: Box<dyn Write>) -> Self {
        Self { style, out, line: Vec::new() }
    }

    fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.line, value)?;
        self.end_line()
    }

    /// The same, faster, of what there may be millions of.
    fn reset_line(&mut self, line: &ResetLine<'_>) -> io::Result<()> {
        writer::append(&mut self.line, line)?;
        self.end_line()
    }

    fn end_line(&mut self) -> io::Result<()> {
        self.line.push(b'\n');
        let written = self.out.write_all(&self.line);
        self.line.clear();
        written
    }
}

impl Sink for JsonLines {
    fn begin(&mut self, _: &Context) -> io::Result<()> {
        Ok(())
    }

    fn finding(&mut self, context: &Context, finding: &Finding) -> io::Result<()> {
        let line = ResetLine::new(Speaker::new(context, finding), finding);
        match self.style {
            JsonStyle::Native => match finding.kernel.as_deref() {
                Some(word) => self.line(&Asked { line: &line, kernel: KernelTwin::new(word) }),
                None => self.reset_line(&line),
            },
            JsonStyle::Ecs => self.line(&ecs::Document::new(&line)?),
            JsonStyle::Otel => self.line(&otel::logs_data(&line)?),
            JsonStyle::Zeek => self.line(&zeek::Record::new(&line)?),
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

/// A reset that the kernel was asked about.
#[derive(Serialize)]
struct Asked<'a> {
    #[serde(flatten)]
    line: &'a ResetLine<'a>,
    kernel: KernelTwin<'a>,
}

/// One reset.
#[derive(Serialize)]
struct ResetLine<'a> {
    r#type: &'static str,
    schema: u32,
    frame: u64,
    #[serde(serialize_with = "as_rfc3339")]
    time: Timestamp,
    #[serde(serialize_with = "as_ip")]
    src: IpAddr,
    sport: u16,
    #[serde(serialize_with = "as_ip")]
    dst: IpAddr,
    dport: u16,
    flags: String,
    seq: u32,
    ack: Option<u32>,
    win: u16,
    len: u32,
    ttl: u8,
    ip_id: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encap: Option<Encap<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    says: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    names: Option<Named<'a>>,
    class: &'static str,
    cause: &'static str,
    certainty: &'static str,
    form: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender_role: Option<&'static str>,
    connection: u64,
    incarnation: u32,
    stream: u64,
    #[serde(serialize_with = "as_end")]
    service: SocketAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    community_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trigger: Option<Option<TriggerTwin<'a>>>,
    follows: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_ns: Option<i64>,
    effect: EffectTwin,
    #[serde(skip_serializing_if = "Option::is_none")]
    benign: Option<bool>,
    state: StatesTwin,
    #[serde(skip_serializing_if = "Option::is_none")]
    application: Option<TalkTwin<'a>>,
    #[serde(skip_serializing_if = "Twins::is_empty")]
    icmp: Twins<'a, IcmpError, IcmpTwin<'a>>,
    evidence: Twins<'a, Fact, FactTwin<'a>>,
    against: Twins<'a, (Class, Fact), FactTwin<'a>>,
    alternatives: Twins<'a, Alternative, AlternativeTwin>,
    missing: Twins<'a, Missing, &'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    points: Option<PointsTwin<'a>>,
    summary: String,
    advice: String,
}

impl<'a> ResetLine<'a> {
    fn new(speaker: Speaker<'a>, finding @ Finding { reset, verdict, connection, .. }: &'a Finding) -> Self {
        Self {
            r#type: "reset",
            schema: SCHEMA,
            frame: reset.frame.number(),
            time: reset.time,
            src: reset.tuple.src.ip(),
            sport: reset.tuple.src.port(),
            dst: reset.tuple.dst.ip(),
            dport: reset.tuple.dst.port(),
            flags: reset.flags.to_string(),
            seq: reset.seq.0,
            ack: reset.ack.map(|ack| ack.0),
            win: reset.window,
            len: reset.len,
            ttl: reset.ip.ttl,
            ip_id: reset.ip.id,
            file: words::input(speaker.context(), reset.frame),
            encap: Encap::new(reset),
            payload: words::payload(&reset.payload),
            says: speaker.says(),
            comment: speaker.comment(reset.frame),
            names: speaker.context().names.of(finding),
            class: verdict.class.id(),
            cause: verdict.cause.id(),
            certainty: verdict.certainty.id(),
            form: verdict.form.id(),
            sender_role: verdict.sender_role.map(|role| role.id()),
            connection: connection.number,
            incarnation: connection.incarnation,
            stream: connection.stream,
            service: connection.tuple.dst,
            community_id: community_id(connection.tuple),
            trigger: trigger(verdict, &speaker),
            follows: verdict.follows.map(FrameNo::number),
            idle_ns: verdict.idle_ns,
            effect: EffectTwin::new(verdict),
            benign: benign(finding),
            state: StatesTwin { client: verdict.state.client, server: verdict.state.server },
            application: TalkTwin::new(finding, &speaker),
            icmp: Twins::new(&finding.icmp, speaker, IcmpTwin::new),
            evidence: Twins::new(&verdict.evidence, speaker, FactTwin::new),
            against: Twins::new(&verdict.against, speaker, FactTwin::against),
            alternatives: Twins::new(&verdict.alternatives, speaker, AlternativeTwin::new),
            missing: Twins::new(&verdict.missing, speaker, |missing, _| missing.id()),
            points: finding.points.as_deref().map(|points| PointsTwin::new(points, speaker.context())),
            summary: speaker.sentence(),
            advice: speaker.check(),
        }
    }
}

fn as_rfc3339<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339(*time))
}

fn as_ip<S: Serializer>(ip: &IpAddr, serializer: S) -> Result<S::Ok, S::Error> {
    let mut text = String::with_capacity(40);
    push_ip(&mut text, *ip);
    serializer.serialize_str(&text)
}

fn as_end<S: Serializer>(end: &SocketAddr, serializer: S) -> Result<S::Ok, S::Error> {
    let mut text = String::with_capacity(48);
    push_end(&mut text, *end);
    serializer.serialize_str(&text)
}

/// Outer layers.
#[derive(Serialize)]
struct Encap<'a> {
    #[serde(skip_serializing_if = "<[u16]>::is_empty")]
    vlan: &'a [u16],
    layers: Vec<String>,
}

impl<'a> Encap<'a> {
    fn new(reset: &'a Reset) -> Option<Self> {
        let layers = words::layers(reset);
        (!layers.is_empty()).then_some(Self { vlan: &reset.vlans, layers })
    }
}

#[derive(Serialize)]
struct TriggerTwin<'a> {
    frame: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    after_ns: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'a str>,
}

/// The trigger; `null` where nothing provoked the reset, absent where the capture lacks it.
fn trigger<'a>(verdict: &Verdict, speaker: &Speaker<'a>) -> Option<Option<TriggerTwin<'a>>> {
    match verdict.trigger {
        Some(Trigger { frame, after_ns }) => {
            let (file, comment) = (speaker.foreign_input(frame), speaker.comment(frame));
            Some(Some(TriggerTwin { frame: frame.number(), file, after_ns, comment }))
        }
        None if verdict.missing.contains(&Missing::Trigger) => None,
        None => Some(None),
    }
}

#[derive(Serialize)]
struct EffectTwin {
    on_peer: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    application: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_lost_to_sender: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_lost_to_peer: Option<u32>,
}

impl EffectTwin {
    fn new(verdict: &Verdict) -> Self {
        let effect = &verdict.effect;
        Self {
            on_peer: effect.on_peer.id(),
            application: effect.application.map(|application| application.id()),
            bytes_lost_to_sender: effect.bytes_lost_to_sender,
            bytes_lost_to_peer: effect.bytes_lost_to_peer,
        }
    }
}

#[derive(Serialize)]
struct StatesTwin {
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<&'static str>,
}

/// What both ends said last in an application protocol.
#[derive(Serialize)]
struct TalkTwin<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    from_client: Option<HeardTwin<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_server: Option<HeardTwin<'a>>,
}

impl<'a> TalkTwin<'a> {
    fn new(finding: &Finding, speaker: &Speaker<'a>) -> Option<Self> {
        let twin = |heard: Option<Heard>| heard.map(|heard| HeardTwin::new(&heard, speaker));
        let twins = Self { from_client: twin(finding.from_client), from_server: twin(finding.from_server) };
        (twins.from_client.is_some() || twins.from_server.is_some()).then_some(twins)
    }
}

#[derive(Serialize)]
struct HeardTwin<'a> {
    frame: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    protocol: &'static str,
    text: String,
}

impl<'a> HeardTwin<'a> {
    fn new(heard: &Heard, speaker: &Speaker<'a>) -> Self {
        Self {
            frame: heard.frame.number(),
            file: speaker.foreign_input(heard.frame),
            protocol: heard.hint.protocol.id(),
            text: heard.hint.text(),
        }
    }
}

/// An ICMP error that the evidence names.
#[derive(Serialize)]
struct IcmpTwin<'a> {
    frame: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    from: IpAddr,
    says: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    mtu: Option<u32>,
    /// Whose segment it quotes: that of the reset's sender or that of its receiver.
    about: &'static str,
    seq: u32,
}

impl<'a> IcmpTwin<'a> {
    fn new(error: &IcmpError, speaker: &Speaker<'a>) -> Self {
        Self {
            frame: error.frame.number(),
            file: speaker.foreign_input(error.frame),
            from: error.from,
            says: error.complaint.id(),
            mtu: error.mtu,
            about: if error.tuple.src == speaker.finding().reset.tuple.src { "sender" } else { "receiver" },
            seq: error.seq.0,
        }
    }
}

#[derive(Serialize)]
struct FactTwin<'a> {
    /// Which class it speaks against, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<&'static str>,
    fact: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    frame: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'a str>,
}

impl<'a> FactTwin<'a> {
    fn new(fact: &Fact, speaker: &Speaker<'a>) -> Self {
        Self {
            class: None,
            fact: fact.kind.id(),
            frame: fact.frame.map(FrameNo::number),
            file: fact.frame.and_then(|frame| speaker.foreign_input(frame)),
            value: fact.value,
            comment: fact.frame.and_then(|frame| speaker.comment(frame)),
        }
    }

    fn against((class, fact): &(Class, Fact), speaker: &Speaker<'a>) -> Self {
        Self { class: Some(class.id()), ..Self::new(fact, speaker) }
    }
}

#[derive(Serialize)]
struct AlternativeTwin {
    class: &'static str,
    cause: &'static str,
    why: &'static str,
}

impl AlternativeTwin {
    fn new(alternative: &Alternative, _: &Speaker<'_>) -> Self {
        Self { class: alternative.class.id(), cause: alternative.cause.id(), why: alternative.why }
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
    first: Option<String>,
    last: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    points: Option<JointTwin<'a>>,
    wall_seconds: f64,
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
            first: summary.first.map(rfc3339),
            last: summary.last.map(rfc3339),
            points: context.joint.as_ref().map(|joint| JointTwin::new(joint, context)),
            wall_seconds: finished.wall_seconds,
        }
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
