//! The connection of a finding as a ladder: rows between two lifelines. One model for every drawing of it, in the terminal
//! and on the page.

mod numbers;
mod states;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;

use serde::Serialize;

use self::numbers::{Numbers, Probe};
use self::states::States;
use super::Context;
use super::amount;
use super::kept::{self, decides, part};
use super::words::{self, Speaker};
use crate::analyzer::{Finding, Part, Seen};
use crate::classify::{Certainty, Class, Missing};
use crate::frame::{FrameNo, Timestamp};
use crate::tcp::Flags;

/// A silence longer than this is a row of its own, in nanoseconds.
const SILENCE: i64 = 1_000_000_000;
/// So many of the segments after the reset are drawn, unless all are asked for.
const AFTER: usize = 6;

/// A connection between two lifelines.
#[derive(Clone, PartialEq, Debug)]
pub struct Ladder {
    /// The lifelines: the client's on the left, the server's on the right; see [`Connection::tuple`](crate::analyzer::Connection).
    pub ends: [SocketAddr; 2],
    /// Whether the left one is known to have opened the connection.
    pub opener_known: bool,
    /// When the first segment drawn was captured.
    pub begin: Timestamp,
    /// What lies between the lifelines, from top to bottom.
    pub rows: Vec<Row>,
}

/// One row of a ladder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Row {
    /// A segment.
    Arrow(Arrow),
    /// What is not drawn: silence, or segments that were not kept or are left out.
    Gap(String),
}

/// A segment on its way from one lifeline to the other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Arrow {
    /// Its frame.
    pub frame: FrameNo,
    /// Nanoseconds since the first segment drawn; negative where a clock went back.
    pub after_ns: i64,
    /// Which lifeline it leaves.
    pub side: Side,
    /// What it is to the connection.
    pub kind: Kind,
    /// What it carries.
    pub label: String,
    /// What is to be said of it.
    pub notes: Vec<String>,
    /// The states of the client and of the server that begin with it, as far as the capture shows them.
    pub states: [Option<&'static str>; 2],
    /// Whether the verdict rests on it.
    pub decides: bool,
    /// Whether nobody acknowledged it.
    pub is_lost: bool,
    /// Whether, by the verdict, neither end sent it.
    pub is_foreign: bool,
}

/// One of the two lifelines.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The left one.
    Client,
    /// The right one.
    Server,
}

impl Side {
    /// Who sent a segment.
    fn of(seen: &Seen) -> Self {
        if seen.from_client { Self::Client } else { Self::Server }
    }

    fn index(self) -> usize {
        match self {
            Self::Client => 0,
            Self::Server => 1,
        }
    }
}

/// What a segment is to the connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// It opens the connection: SYN.
    Open,
    /// It acknowledges, or asks whether anybody is there.
    Ack,
    /// It carries data.
    Data,
    /// It closes its side: FIN.
    Close,
    /// It is another reset of this connection.
    OtherReset,
    /// It is the reset that the finding is about.
    Reset,
}

impl Kind {
    fn of(seen: &Seen, part: Option<Part>) -> Self {
        let flags = seen.flags;
        match part {
            Some(Part::Reset) => Self::Reset,
            _ if flags.rst() => Self::OtherReset,
            _ if flags.syn() => Self::Open,
            _ if flags.fin() => Self::Close,
            _ if seen.len > 0 => Self::Data,
            _ => Self::Ack,
        }
    }
}

impl Ladder {
    /// Of a finding; with all segments that were kept, or with the first that follow the reset only.
    pub fn new(context: &Context, finding: &Finding, shows_all: bool) -> Self {
        let segments = kept::with_reset(finding);
        let reset = segments.iter().position(|seen| seen.frame == finding.reset.frame).unwrap_or(0);
        let begin = segments.first().map_or(finding.reset.time, |seen| seen.time);
        let unkept = kept::unkept(finding, &segments);
        let end = if shows_all { segments.len() } else { segments.len().min(reset + 1 + AFTER) };

        let is_one_sided = finding.verdict.missing.contains(&Missing::OtherDirection);
        let numbers = Numbers::of(&segments, if is_one_sided { 0 } else { reset });
        let speaker = Speaker::new(context, finding);
        let mut builder = Builder { speaker, finding, begin, numbers, states: States::new() };
        let mut rows = Vec::new();
        let mut previous: Option<&Seen> = None;
        for (index, seen) in segments.iter().enumerate().take(end) {
            if let Some(unkept) = unkept.filter(|unkept| unkept.place == index) {
                let gone = format!("{} more {} not kept", unkept.count, amount::noun(unkept.count, "segment"));
                rows.push(Row::Gap(with_silence(gone, previous, seen)));
            } else if let Some(silence) = silence(previous, seen) {
                rows.push(Row::Gap(format!("{silence} idle")));
            }
            let next_is_reset = index + 1 == reset;
            rows.push(Row::Arrow(builder.arrow(seen, (index, next_is_reset))));
            previous = Some(seen);
        }
        if let Some(text) = left_out(segments.get(end..).unwrap_or_default()) {
            rows.push(Row::Gap(text));
        }
        let tuple = finding.connection.tuple;
        Self { ends: [tuple.src, tuple.dst], opener_known: finding.connection.opener_known, begin, rows }
    }

    /// The names of the lifelines.
    pub fn names(&self) -> [String; 2] {
        let [client, server] = self.ends;
        match self.opener_known {
            true => [format!("{client} (client)"), format!("{server} (server)")],
            false => [client.to_string(), server.to_string()],
        }
    }

    /// Its segments.
    pub fn arrows(&self) -> impl Iterator<Item = &Arrow> {
        self.rows.iter().filter_map(|row| match row {
            Row::Arrow(arrow) => Some(arrow),
            Row::Gap(_) => None,
        })
    }
}

fn silence(previous: Option<&Seen>, seen: &Seen) -> Option<String> {
    let passed = seen.time.since(previous?.time);
    (passed >= SILENCE).then(|| amount::duration(passed))
}

fn with_silence(text: String, previous: Option<&Seen>, seen: &Seen) -> String {
    previous.map_or(text.clone(), |previous| format!("{text}, {}", amount::duration(seen.time.since(previous.time))))
}

fn left_out(segments: &[Seen]) -> Option<String> {
    let bytes: u64 = segments.iter().map(|seen| u64::from(seen.len)).sum();
    let count = segments.len() as u64;
    (count > 0).then(|| format!("{count} more {}, {}", amount::noun(count, "segment"), amount::bytes(bytes)))
}

/// Makes the arrows of a ladder, from top to bottom.
struct Builder<'a> {
    speaker: Speaker<'a>,
    finding: &'a Finding,
    begin: Timestamp,
    numbers: Numbers,
    states: States,
}

impl Builder<'_> {
    fn arrow(&mut self, seen: &Seen, (index, next_is_reset): (usize, bool)) -> Arrow {
        let (finding, part) = (self.finding, part(self.finding, seen));
        let kind = Kind::of(seen, part);
        let decides = kind == Kind::Reset || decides_alone(finding, seen, part);
        let is_foreign = decides && self.is_foreign(seen, kind);
        let on_peer = finding.verdict.effect.on_peer;
        let mut states = match (kind, is_foreign) {
            (Kind::Reset, true) => self.states.forged(seen, on_peer),
            (Kind::Reset, false) => self.states.reset(seen, on_peer),
            (_, true) => [None; 2],
            (_, false) => self.states.segment(seen),
        };
        if next_is_reset {
            let known = finding.verdict.state;
            let corrected = self.states.known([known.client, known.server]);
            states = [corrected[0].or(states[0]), corrected[1].or(states[1])];
        }
        Arrow {
            frame: seen.frame,
            after_ns: seen.time.since(self.begin),
            side: Side::of(seen),
            kind,
            label: self.label(seen, index),
            notes: self.notes(seen, (index, part)),
            states,
            decides,
            is_lost: self.numbers.is_lost(index),
            is_foreign,
        }
    }

    /// Whether the verdict says of a reset that neither end sent it; that holds for those in the same name, too, that its
    /// evidence names.
    fn is_foreign(&self, seen: &Seen, kind: Kind) -> bool {
        let is_in_the_same_name =
            seen.from_client == (self.finding.reset.tuple.src == self.finding.connection.tuple.src);
        let is_reset = matches!(kind, Kind::Reset | Kind::OtherReset);
        self.finding.verdict.class == Class::Forged && is_reset && is_in_the_same_name
    }

    fn label(&self, seen: &Seen, index: usize) -> String {
        match self.numbers.probe(index) {
            Some(Probe::Keepalive) => return "keepalive probe".to_owned(),
            Some(Probe::Window) => return "window probe".to_owned(),
            None => {}
        }
        let flags = seen.flags;
        let bits = [
            ("SYN", flags.syn()),
            ("RST", flags.rst()),
            ("ACK", flags.ack() && (flags.syn() || flags.rst())),
            ("ECN", flags.syn() && flags.any_of(Flags::ECE)),
        ];
        let mut words: Vec<String> =
            bits.iter().filter(|(_, is_set)| *is_set).map(|(bit, _)| (*bit).to_owned()).collect();
        if seen.len > 0 {
            words.push(amount::bytes(u64::from(seen.len)));
        }
        if flags.fin() {
            words.push("FIN".to_owned());
        }
        if words.is_empty() {
            words.push(if flags.ack() { "ACK" } else { "no flags" }.to_owned());
        }
        if seen.window == 0 && !flags.rst() && !flags.syn() {
            words.push("window 0".to_owned());
        }
        words.join(", ")
    }

    fn notes(&self, seen: &Seen, (index, part): (usize, Option<Part>)) -> Vec<String> {
        let trigger = self.finding.verdict.trigger;
        let said = match part {
            Some(Part::Reset) => trigger.map(|trigger| kept::after(trigger.after_ns)),
            Some(Part::Trigger) => Some("provoked it".to_owned()),
            Some(Part::ChallengeAck) => Some("challenge ACK".to_owned()),
            Some(Part::OtherReset) => Some("another reset".to_owned()),
            None => None,
        };
        let again = self.numbers.sent_before(index).map(|first| match first {
            Some(frame) => format!("sent again (as {frame})"),
            None => "sent again".to_owned(),
        });
        let asks = seen.flags.syn() || self.numbers.probe(index).is_some();
        let unanswered = if asks { "never answered" } else { "never acknowledged" };
        let forged = (part == Some(Part::Reset) && self.finding.verdict.class == Class::Forged).then(|| self.forged());
        let lost = self.numbers.is_lost(index).then(|| unanswered.to_owned());
        let is_foreign = seen.frame.input() != self.finding.reset.frame.input();
        let input = words::short_input(self.speaker.context(), seen.frame).filter(|_| is_foreign);
        let input = input.map(|name| format!("in {}", words::visible(name)));
        [said, forged, again, lost, input].into_iter().flatten().collect()
    }

    fn forged(&self) -> String {
        let hedge = match self.finding.verdict.certainty {
            Certainty::Certain => "",
            Certainty::Likely => ", most likely",
            Certainty::Possible => ", perhaps",
        };
        format!("from a third party{hedge}")
    }
}

/// Whether a segment is marked: it provoked the reset, or the evidence names it. That the handshake and the close are shown
/// in every finding does not mark them.
fn decides_alone(finding: &Finding, seen: &Seen, part: Option<Part>) -> bool {
    let is_named = finding.verdict.evidence.iter().any(|fact| fact.frame == Some(seen.frame));
    decides(finding, seen) && (is_named || part.is_some())
}
