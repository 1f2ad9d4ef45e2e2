//! A reset as a line of a Zeek log in JSON (Zeek 8.2), to lie beside its `conn.log`:
//! <https://docs.zeek.org/en/v8.2.0/scripts/base/protocols/conn/main.zeek.html>,
//! <https://docs.zeek.org/en/v8.2.0/scripts/policy/tuning/json-logs.zeek.html>.
//!
//! As there, times are seconds since 1970, what is not known is left out, records within records become names with dots,
//! and vectors hold plain values only. `conn_state` and `history` are Zeek's judgement of a whole connection and are left
//! to it.

use std::net::IpAddr;

use foldhash::quality::FixedState;
use serde::Serialize;
use serde_json::{Map, Value};
use std::hash::BuildHasher;

use super::ResetLine;

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
    pub fn new(line: &'a ResetLine<'_>) -> serde_json::Result<Self> {
        let (src, dst) = ((line.src, line.sport), (line.dst, line.dport));
        let is_orig = (line.service.ip(), line.service.port()) == dst;
        let (orig, resp) = if is_orig { (src, dst) } else { (dst, src) };
        Ok(Self {
            _path: "rstscan",
            // To the microsecond, as Zeek writes it.
            ts: (line.time.as_nanos() / 1_000) as f64 / 1e6,
            uid: uid(line),
            orig_h: orig.0,
            orig_p: orig.1,
            resp_h: resp.0,
            resp_p: resp.1,
            proto: "tcp",
            service: line.protocol().map(|protocol| if protocol == "tls" { "ssl" } else { protocol }),
            community_id: line.community_id.as_deref(),
            is_orig,
            note: format!("RSTScan::{}", note(line.cause)),
            msg: &line.summary,
            sub: &line.advice,
            own: line.flat(&MAPPED)?.into_iter().map(|(key, value)| (key, plain(value))).collect(),
        })
    }
}

/// The words of an id as Zeek writes the values of an enumeration: `Lost_State`.
fn note(id: &str) -> String {
    let words = id.split('-').map(|word| {
        let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
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
fn uid(line: &ResetLine<'_>) -> String {
    let ends = ((line.src, line.sport), (line.dst, line.dport));
    let ends = (ends.0.min(ends.1), ends.0.max(ends.1));
    let mut rest = FixedState::with_seed(0).hash_one((ends, line.connection, line.incarnation, line.file));
    let mut uid = String::from("C");
    while rest > 0 {
        uid.extend(DIGITS.get((rest % 62) as usize).map(|digit| char::from(*digit)));
        rest /= 62;
    }
    uid
}
