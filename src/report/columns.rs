//! The columns of tables: one list, from which CSV, Parquet and the table in `docs/formats.md` derive.
//!
//! Names and meanings are those of the JSON keys where there is such a key. No text begins with what somebody else wrote,
//! so that no spreadsheet takes a cell for a formula.

use super::community::community_id;
use super::words::{self, Speaker};
use super::{Context, Named};
use crate::analyzer::Finding;
use crate::classify::{Origin, Sent};
use crate::frame::{FrameNo, Timestamp};
use crate::pattern::benign;
use crate::tcp::Heard;

/// One column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name, the same everywhere.
    pub name: &'static str,
    /// What it means, with its unit.
    pub meaning: &'static str,
    /// What stands in it.
    pub value: Value,
}

/// How the value of a column is found, by its type; what is unknown or does not apply has none.
#[derive(Clone, Copy, Debug)]
pub enum Value {
    /// UTF-8 without control characters.
    Text(fn(&Row<'_>) -> Option<String>),
    /// Fits into 64 bits with sign.
    Integer(fn(&Row<'_>) -> Option<i64>),
    /// True or false.
    Boolean(fn(&Row<'_>) -> Option<bool>),
    /// UTC, to the nanosecond.
    Time(fn(&Row<'_>) -> Option<Timestamp>),
}

impl Value {
    /// The name of its type.
    pub fn kind(self) -> &'static str {
        match self {
            Value::Text(_) => "text",
            Value::Integer(_) => "integer",
            Value::Boolean(_) => "boolean",
            Value::Time(_) => "time",
        }
    }
}

/// A finding as a row.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    context: &'a Context,
    finding: &'a Finding,
    speaker: Speaker<'a>,
}

impl<'a> Row<'a> {
    /// The row of `finding`.
    pub fn new(context: &'a Context, finding: &'a Finding) -> Self {
        Self { context, finding, speaker: Speaker::new(context, finding) }
    }

    /// The file or interface of the reset.
    fn file(&self) -> Option<String> {
        words::input(self.context, self.finding.reset.frame).map(name)
    }

    fn named(&self, choose: fn(&Named<'a>) -> Option<&'a str>) -> Option<String> {
        self.context.names.of(self.finding).as_ref().and_then(choose).map(name)
    }

    /// What the kernel noted when it sent the reset.
    fn origin(&self) -> Option<&'a Origin> {
        match self.finding.kernel.as_deref()?.sent.as_ref()? {
            Sent::ByTcp(origin) => Some(origin),
            Sent::NotByTcp | Sent::EventsLost => None,
        }
    }

    fn heard(&self, heard: Option<Heard>) -> Option<String> {
        heard.map(|heard| format!("{} {}", heard.hint.protocol, heard.hint.text()))
    }
}

/// What a spreadsheet takes for the beginning of a formula.
const FORMULA: [char; 4] = ['=', '+', '-', '@'];

const fn text(name: &'static str, meaning: &'static str, value: fn(&Row<'_>) -> Option<String>) -> Column {
    Column { name, meaning, value: Value::Text(value) }
}

const fn integer(name: &'static str, meaning: &'static str, value: fn(&Row<'_>) -> Option<i64>) -> Column {
    Column { name, meaning, value: Value::Integer(value) }
}

const fn boolean(name: &'static str, meaning: &'static str, value: fn(&Row<'_>) -> Option<bool>) -> Column {
    Column { name, meaning, value: Value::Boolean(value) }
}

const fn time(name: &'static str, meaning: &'static str, value: fn(&Row<'_>) -> Option<Timestamp>) -> Column {
    Column { name, meaning, value: Value::Time(value) }
}

/// All columns in their order. New ones are added at the end.
pub const COLUMNS: [Column; 53] = [
    text("file", "file name or interface", |row| row.file()),
    integer("frame", "number of the frame in its file, from 1", |row| number(row.finding.reset.frame)),
    time("time", "capture time", |row| Some(row.finding.reset.time)),
    text("src", "address of the sender", |row| Some(row.finding.reset.tuple.src.ip().to_string())),
    integer("sport", "port of the sender", |row| Some(row.finding.reset.tuple.src.port().into())),
    text("dst", "address of the receiver", |row| Some(row.finding.reset.tuple.dst.ip().to_string())),
    integer("dport", "port of the receiver", |row| Some(row.finding.reset.tuple.dst.port().into())),
    text("service", "address and port of the server end; without a SYN the end with the lower port", |row| {
        Some(row.finding.connection.tuple.dst.to_string())
    }),
    integer("service_port", "port of the server end", |row| Some(row.finding.connection.tuple.dst.port().into())),
    text("class", "class of the verdict", |row| id(row.finding.verdict.class.id())),
    text("cause", "cause of the verdict", |row| id(row.finding.verdict.cause.id())),
    text("certainty", "certainty of the class: possible, likely, certain", |row| {
        id(row.finding.verdict.certainty.id())
    }),
    text("form", "what the header shows: syn-echo, ack-echo, active, other", |row| id(row.finding.verdict.form.id())),
    text("sender_role", "client or server, where known", |row| {
        row.finding.verdict.sender_role.and_then(|r| id(r.id()))
    }),
    integer("follows", "frame of the earlier reset that this one follows from; empty for an event of its own", |row| {
        row.finding.verdict.follows.and_then(number)
    }),
    boolean("benign", "true: nothing was lost and nobody noticed; false: something was lost or failed", |row| {
        benign(row.finding)
    }),
    text("on_peer", "what the receiver did with it", |row| id(row.finding.verdict.effect.on_peer.id())),
    text("application", "what the receiving program most likely saw", |row| {
        row.finding.verdict.effect.application.and_then(|application| id(application.id()))
    }),
    integer("bytes_lost_to_sender", "bytes sent to the sender of the reset and never acknowledged", |row| {
        row.finding.verdict.effect.bytes_lost_to_sender.map(i64::from)
    }),
    integer("bytes_lost_to_peer", "bytes that the sender of the reset sent and that were never acknowledged", |row| {
        row.finding.verdict.effect.bytes_lost_to_peer.map(i64::from)
    }),
    integer("trigger_frame", "frame of the segment that provoked it", |row| {
        row.finding.verdict.trigger.and_then(|trigger| number(trigger.frame))
    }),
    text("trigger_file", "file of that frame, where it is another one", |row| {
        row.speaker.foreign_input(row.finding.verdict.trigger?.frame).map(name)
    }),
    integer("trigger_after_ns", "nanoseconds from that segment to the reset", |row| {
        row.finding.verdict.trigger.map(|trigger| trigger.after_ns)
    }),
    integer("idle_ns", "nanoseconds of silence before the trigger, or before the reset where there is none", |row| {
        row.finding.verdict.idle_ns
    }),
    text("client_state", "state of the client just before, as RFC 9293 calls it, where it can be inferred", |row| {
        row.finding.verdict.state.client.and_then(id)
    }),
    text("server_state", "the same of the server", |row| row.finding.verdict.state.server.and_then(id)),
    integer("connection", "number of the four-tuple, from 1, in the order of first sight", |row| {
        i64::try_from(row.finding.connection.number).ok()
    }),
    integer("incarnation", "number of the life of that four-tuple, from 1", |row| {
        Some(row.finding.connection.incarnation.into())
    }),
    integer("stream", "Wireshark's tcp.stream", |row| i64::try_from(row.finding.connection.stream).ok()),
    text("community_id", "Community ID version 1, seed 0", |row| community_id(row.finding.connection.tuple)),
    text("flags", "control bits in tcpdump's letters", |row| Some(row.finding.reset.flags.to_string())),
    integer("seq", "sequence number as on the wire", |row| Some(row.finding.reset.seq.0.into())),
    integer("ack", "acknowledgment number as on the wire; empty without ACK flag", |row| {
        row.finding.reset.ack.map(|ack| ack.0.into())
    }),
    integer("win", "window field, not scaled", |row| Some(row.finding.reset.window.into())),
    integer("len", "payload bytes", |row| Some(row.finding.reset.len.into())),
    integer("ttl", "time to live, or hop limit", |row| Some(row.finding.reset.ip.ttl.into())),
    integer("ip_id", "IPv4 identification; empty for IPv6", |row| row.finding.reset.ip.id.map(i64::from)),
    text("layers", "outer layers, outermost first, between commas", |row| {
        joined(words::layers(&row.finding.reset), ", ")
    }),
    text("client_said", "what the client said last: protocol, and the beginning of the message", |row| {
        row.heard(row.finding.from_client)
    }),
    text("server_said", "the same of the server", |row| row.heard(row.finding.from_server)),
    text("says", "what the sender of the reset says of it itself, in words", |row| joined(row.speaker.says(), "; ")),
    text("evidence", "ids of the facts that the verdict rests on, between spaces", |row| {
        joined(row.finding.verdict.evidence.iter().map(|fact| fact.kind.id()).collect(), " ")
    }),
    text("alternatives", "what else it could be: class/cause, between spaces", |row| {
        let alternatives = row.finding.verdict.alternatives.iter();
        joined(alternatives.map(|other| format!("{}/{}", other.class, other.cause)).collect(), " ")
    }),
    text("missing", "ids of what the capture lacks, between spaces", |row| {
        joined(row.finding.verdict.missing.iter().map(|missing| missing.id()).collect(), " ")
    }),
    text("summary", "who reset whom, and why: one sentence", |row| Some(row.speaker.sentence())),
    text("advice", "what to check or to change", |row| Some(row.speaker.check())),
    text("src_name", "what the sender's host is called, with --names", |row| row.named(|named| named.src)),
    text("dst_name", "what the receiver's host is called, with --names", |row| row.named(|named| named.dst)),
    text("service_name", "what the server's port is called, with --names", |row| row.named(|named| named.service)),
    text(
        "passage",
        "with several points: sent, born-between, lost-between or rewritten, where that is likely",
        |row| row.speaker.passage_id().and_then(id),
    ),
    text("kernel_reason", "with --kernel: Linux's reason for a reset that this host sent", |row| {
        Some(row.origin()?.reason.clone())
    }),
    text("process", "with --kernel: the command of the process that sent it", |row| {
        Some(name(&row.origin()?.process.as_ref()?.command))
    }),
    integer("pid", "with --kernel: the number of that process", |row| Some(row.origin()?.process.as_ref()?.pid.into())),
];

/// A name that somebody else chose. One that a spreadsheet would compute gets a folder before it, as a file's may have.
fn name(name: &str) -> String {
    let name = words::visible(name);
    if name.starts_with(FORMULA) { format!("./{name}") } else { name }
}

fn id(id: &'static str) -> Option<String> {
    Some(id.to_owned())
}

fn number(frame: FrameNo) -> Option<i64> {
    i64::try_from(frame.number()).ok()
}

fn joined<T: AsRef<str>>(parts: Vec<T>, between: &str) -> Option<String> {
    let parts: Vec<&str> = parts.iter().map(AsRef::as_ref).collect();
    (!parts.is_empty()).then(|| parts.join(between))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixtures;

    fn texts<'a>(row: &'a Row<'a>) -> impl Iterator<Item = (&'static str, String)> + 'a {
        COLUMNS.iter().filter_map(|column| match column.value {
            Value::Text(value) => Some((column.name, value(row)?)),
            _ => None,
        })
    }

    #[test]
    fn names_are_unique_and_plain() {
        let names: std::collections::BTreeSet<&str> = COLUMNS.iter().map(|column| column.name).collect();
        assert_eq!(names.len(), COLUMNS.len());
        assert!(names.iter().all(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '_')));
    }

    #[test]
    fn no_text_is_a_formula_or_holds_a_control_character() {
        let inputs = ["=cmd|' /C calc'!A0", "-\x1b[2J"].map(str::to_owned).to_vec();
        let context = Context { inputs, ..Context::default() };
        let mut findings = fixtures::all();
        for finding in &mut findings {
            finding.reset.payload = b"=1+1\r\n\x1b[2J".to_vec();
            finding.reset.len = 10;
            if let Some(trigger) = &mut finding.verdict.trigger {
                trigger.frame = FrameNo::new(1, 4);
            }
        }
        for finding in &findings {
            for (name, text) in texts(&Row::new(&context, finding)) {
                assert!(!text.starts_with(FORMULA) && !text.chars().any(char::is_control), "{name}: {text:?}");
            }
        }
    }
}
