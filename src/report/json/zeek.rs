//! A reset as a line of a Zeek log in JSON (Zeek 8.2), to lie beside its `conn.log`:
//! <https://docs.zeek.org/en/v8.2.0/scripts/base/protocols/conn/main.zeek.html>,
//! <https://docs.zeek.org/en/v8.2.0/scripts/base/frameworks/notice/main.zeek.html>,
//! <https://docs.zeek.org/en/v8.2.0/scripts/policy/tuning/json-logs.zeek.html>. `_path` is the name of the log, as
//! <https://github.com/corelight/json-streaming-logs> adds it.
//!
//! As there, times are seconds since 1970, what is not known is left out, records within records become names with dots,
//! and vectors hold plain values only. `conn_state` and `history` are Zeek's judgement of a whole connection and are left
//! to it.

use std::net::IpAddr;

use foldhash::quality::FixedState;
use serde::Serialize;
use serde_json::{Map, Value};
use std::hash::BuildHasher;

use super::style::Native;
use crate::analyzer::Finding;
use crate::tcp::FourTuple;

/// The native keys that have a column of Zeek's.
const MAPPED: [&str; 9] = ["type", "time", "src", "sport", "dst", "dport", "community_id", "summary", "advice"];

/// One line.
#[derive(Serialize)]
pub struct Record<'a> {
    _path: &'static str,
    ts: f64,
    uid: String,
    #[serde(rename = "id.orig_h")]
    orig_h: IpAddr,
    #[serde(rename = "id.orig_p")]
    orig_p: u16,
    #[serde(rename = "id.resp_h")]
    resp_h: IpAddr,
    #[serde(rename = "id.resp_p")]
    resp_p: u16,
    proto: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    community_id: Option<&'a str>,
    /// Whether the originator sent the reset.
    is_orig: bool,
    /// The names of `notice.log`.
    note: String,
    msg: &'a str,
    sub: &'a str,
    #[serde(flatten)]
    own: Map<String, Value>,
}

impl<'a> Record<'a> {
    /// The record of a line.
    pub fn new(line: &'a Native<'_>) -> Self {
        let Finding { reset, verdict, connection, .. } = line.finding;
        let FourTuple { src, dst } = reset.tuple;
        let service = connection.tuple.dst;
        let is_orig = (service.ip(), service.port()) == (dst.ip(), dst.port());
        let (orig, resp) = if is_orig { (src, dst) } else { (dst, src) };
        Self {
            _path: "rstscan",
            // To the microsecond, as Zeek writes it.
            ts: (reset.time.as_nanos() / 1_000) as f64 / 1e6,
            uid: uid(line),
            orig_h: orig.ip(),
            orig_p: orig.port(),
            resp_h: resp.ip(),
            resp_p: resp.port(),
            proto: "tcp",
            service: line.protocol().map(|protocol| if protocol == "tls" { "ssl" } else { protocol }),
            community_id: line.text("community_id"),
            is_orig,
            note: format!("RSTScan::{}", note(verdict.cause.id())),
            msg: line.text("summary").unwrap_or_default(),
            sub: line.text("advice").unwrap_or_default(),
            own: line.flat(&MAPPED).into_iter().map(|(key, value)| (key, plain(value))).collect(),
        }
    }
}

/// Words of ids that are abbreviations.
const ABBREVIATIONS: [&str; 9] = ["ack", "ecn", "fin", "ids", "mptcp", "nat", "paws", "rst", "syn"];

/// The words of an id as Zeek writes the names of notices, abbreviations in capitals: `Lost_State`, `SYN_Conflict`.
fn note(id: &str) -> String {
    let words = id.split('-').map(|word| {
        let capitals = if ABBREVIATIONS.contains(&word) { word.len() } else { 1 };
        let (first, rest) = word.split_at_checked(capitals).unwrap_or((word, ""));
        first.to_uppercase() + rest
    });
    words.collect::<Vec<_>>().join("_")
}

/// A vector of records becomes one of the ids that they begin with.
fn plain(value: Value) -> Value {
    let Value::Array(values) = value else { return value };
    let words = values.into_iter().map(|value| match value {
        Value::Object(keys) => {
            let of = |key: &str| keys.get(key).and_then(Value::as_str);
            let words = [of("class"), of("cause").or(of("fact")).or(of("says"))];
            Value::String(words.into_iter().flatten().collect::<Vec<_>>().join("/"))
        }
        value => value,
    });
    Value::Array(words.collect())
}

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The same for all resets of one life of a connection, and for the same input again; it looks like Zeek's, but is none.
fn uid(line: &Native<'_>) -> String {
    let Finding { reset, connection, .. } = line.finding;
    let [src, dst] = [reset.tuple.src, reset.tuple.dst].map(|end| (end.ip(), end.port()));
    let ends = (src.min(dst), src.max(dst));
    let mut rest = FixedState::with_seed(0).hash_one((ends, connection.number, connection.incarnation, line.file));
    let mut uid = String::from("C");
    while rest > 0 {
        uid.extend(DIGITS.get((rest % 62) as usize).map(|digit| char::from(*digit)));
        rest /= 62;
    }
    uid
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_have_abbreviations_in_capitals() {
        let notes = [
            ("lost-state", "Lost_State"),
            ("rst-after-fin", "RST_After_FIN"),
            ("mptcp-join-refused", "MPTCP_Join_Refused"),
            ("linger2", "Linger2"),
        ];
        for (cause, expected) in notes {
            assert_eq!(note(cause), expected);
        }
    }
}
