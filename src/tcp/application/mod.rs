//! What an application protocol says at the beginning of a segment's payload: a hint for readers, which decides nothing.
//!
//! Only what a protocol's first bytes give away is read, and never more than [`Hint::SHOWN`] bytes of it kept. A segment, or
//! what a capture has of it, may end anywhere.

mod binary;
mod lines;
mod tls;

#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};

use super::SeqNum;
use crate::frame::FrameNo;

/// A protocol that its first bytes give away.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Protocol {
    /// HTTP/1 (RFC 9112).
    Http,
    /// HTTP/2 without TLS (RFC 9113).
    Http2,
    /// TLS (RFC 8446, RFC 5246).
    Tls,
    /// SSH (RFC 4253 section 4.2).
    Ssh,
    /// Replies of three digits: SMTP (RFC 5321 section 4.2), FTP (RFC 959 section 4.2) and their like.
    Reply,
    /// PostgreSQL.
    Postgresql,
    /// MySQL.
    Mysql,
    /// Redis.
    Redis,
}

impl Protocol {
    /// All of them.
    pub const ALL: [Protocol; 8] = [
        Protocol::Http,
        Protocol::Http2,
        Protocol::Tls,
        Protocol::Ssh,
        Protocol::Reply,
        Protocol::Postgresql,
        Protocol::Mysql,
        Protocol::Redis,
    ];

    /// The stable id.
    pub fn id(self) -> &'static str {
        match self {
            Protocol::Http => "http",
            Protocol::Http2 => "http2",
            Protocol::Tls => "tls",
            Protocol::Ssh => "ssh",
            Protocol::Reply => "reply",
            Protocol::Postgresql => "postgresql",
            Protocol::Mysql => "mysql",
            Protocol::Redis => "redis",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

/// What a payload says by its first bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(from = "Words", into = "Words")]
pub struct Hint {
    /// In which protocol.
    pub protocol: Protocol,
    bytes: [u8; Hint::SHOWN],
    len: u8,
    cut: bool,
}

impl Hint {
    /// The most bytes that are kept.
    pub const SHOWN: usize = 64;

    /// Without words yet.
    fn of(protocol: Protocol) -> Self {
        Self { protocol, bytes: [0; Hint::SHOWN], len: 0, cut: false }
    }

    /// With more words behind.
    fn with(mut self, words: &[u8]) -> Self {
        let free = self.bytes.iter_mut().skip(usize::from(self.len));
        let taken = free.zip(words).map(|(place, byte)| *place = *byte).count();
        self.len = self.len.saturating_add(taken as u8);
        self.cut |= taken < words.len();
        self
    }

    /// Cut here, though there is more.
    fn cut_if(mut self, cut: bool) -> Self {
        self.cut |= cut;
        self
    }

    /// What it says: printable ASCII as it is, all else escaped, `...` behind what was cut.
    pub fn text(&self) -> String {
        format!("{}{}", self.said().escape_ascii(), if self.cut { "..." } else { "" })
    }

    fn said(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

/// A hint as it is written down.
#[derive(Serialize, Deserialize)]
struct Words {
    protocol: Protocol,
    bytes: Vec<u8>,
    cut: bool,
}

impl From<Words> for Hint {
    fn from(words: Words) -> Self {
        Hint::of(words.protocol).with(&words.bytes).cut_if(words.cut)
    }
}

impl From<Hint> for Words {
    fn from(hint: Hint) -> Self {
        let Hint { protocol, cut, .. } = hint;
        Self { protocol, bytes: hint.said().to_vec(), cut }
    }
}

/// A hint that was captured, with its segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Heard {
    /// The frame.
    pub frame: FrameNo,
    /// The segment's sequence number.
    pub seq: SeqNum,
    /// What it says.
    pub hint: Hint,
}

/// What a payload says by its first bytes, if these are known.
///
/// Most payloads are the middle of something: their first two bytes tell.
#[inline]
pub fn hint(payload: &[u8]) -> Option<Hint> {
    match *payload {
        [0x15 | 0x16, 3, ..] => tls::hint(payload),
        [b'A'..=b'Z', ..] => lines::words(payload).or_else(|| binary::postgresql(payload)),
        [b'1'..=b'5', b'0'..=b'9', ..] => lines::reply(payload),
        [b'-', b'A'..=b'Z', ..] => lines::redis(payload),
        [0, _, _, 7, ..] => binary::http2(payload),
        [_, _, 0, _, 0xff, ..] => binary::mysql(payload),
        _ => None,
    }
}
