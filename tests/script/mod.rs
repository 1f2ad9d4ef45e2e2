//! Packet scripts: a sequence of segments and the verdicts expected of its resets, in one file.
//!
//! ```text
//! // A SYN to a port nobody listens on (RFC 9293 3.10.7.1).
//! +0        C > S  S   0:0(0) win 64240 <mss 1460>
//! +.000210  S > C  R.  0:0(0) ack 1 win 0
//! => #2 closed-port/no-listener likely
//!    answers #1 after 210us
//! ```
//!
//! * A segment is its time since the line above (seconds, `+-1` goes back), sender, receiver, tcpdump's flags,
//!   `seq:end(payload bytes)`, and then any of `ack N`, `win N`, `<options>`, `ttl N`, `id N`, `tos N`, `label N`,
//!   `cut N` (only N bytes of the TCP segment were captured), `sum wrong` (the TCP checksum; `sum offloaded` leaves it to
//!   hardware, `sum ip-wrong` is the IPv4 header's), `in vlan N`, `in extensions`, `in no-length` (see [`Around`]), `in tunnel`
//!   and `payload "text"`.
//!   What is left out is what Linux would have sent.
//! * `+.01 R > C icmp too-big mtu 1400 [#4]` is an ICMP error that quotes segment 4, by the ids of `Complaint`; its sender
//!   is a host without a port of its own. `[#4 cut 8]` quotes only 8 bytes of TCP, `[#4 seq 99]` another number, which
//!   counts as those of a segment do.
//! * Numbers count from their side's initial sequence number once a SYN or an `isn` line gave it one; before that they
//!   are the numbers on the wire, as is a number after `abs` always.
//! * `isn C 4294967290` sets the initial number from there on; a SYN after it opens the next incarnation.
//! * `host D 192.0.2.11:40001` names an endpoint; `C` and `S` need no such line.
//! * `only ipv4` or `only ipv6`: the verdict rests on a field that the other lacks.
//! * Comments of a fixed form say which scenario a script is, and what it is to a cause: see `tests/scenarios.rs`.
//! * `=>` says what is expected of a reset, every reset has one, and `=> none` says that there is none.
//!   Class, cause and certainty take alternatives: `=> #4 abortive-close/abort|linger-zero possible|likely`.
//!   The indented lines below are checked where they are there: see [`Detail`].

mod around;
mod change;
mod check;
mod expect;
mod format;
mod fragment;
mod icmp;
mod options;
mod parse;
mod passes;
mod run;
mod sample;
mod wire;

pub use around::Around;
pub use change::{Change, Copies, Whose};
pub use check::{check, check_copies, check_order, rewritten};
pub use expect::{Detail, Expect, Pattern};
pub use icmp::Icmp;
pub use options::TcpOption;
pub use parse::parse;
pub use passes::passes_agree;
pub use run::judge;
pub use sample::segments_of;
pub use wire::{Capture, Encapsulation, Place, encode, pcap, segments};

use std::net::SocketAddrV4;
use std::ops::Range;

use rstscan::tcp::Flags;

/// A script as read.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Script {
    /// Its lines in order; an expectation with its details is one.
    pub lines: Vec<Line>,
}

/// One line, and which lines of the file it takes (from 0).
#[derive(Clone, PartialEq, Debug)]
pub struct Line {
    /// Which lines of the file.
    pub at: Range<usize>,
    /// What they say.
    pub says: Says,
}

/// What a line says.
#[derive(Clone, PartialEq, Debug)]
pub enum Says {
    /// A comment or an empty line.
    Text(String),
    /// The address of an endpoint.
    Host(String, SocketAddrV4),
    /// An endpoint's initial sequence number from here on.
    Isn(String, u32),
    /// The IP version the script makes sense in.
    Only(IpVersion),
    /// A segment.
    Packet(Packet),
    /// What is expected of one reset.
    Expect(Expect),
    /// That there is no reset.
    NoReset,
}

/// The version of the Internet Protocol.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IpVersion {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// A sequence number as written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Number {
    /// Counted from the side's initial sequence number, where it has one.
    Relative(u32),
    /// As on the wire.
    Absolute(u32),
}

/// A segment as written.
#[derive(Clone, PartialEq, Debug)]
pub struct Packet {
    /// Nanoseconds since the segment above.
    pub gap_ns: i64,
    /// Sender.
    pub from: String,
    /// Receiver.
    pub to: String,
    /// Control bits.
    pub flags: Flags,
    /// First sequence number.
    pub seq: Number,
    /// Payload bytes.
    pub len: u32,
    /// Acknowledgment number.
    pub ack: Option<Number>,
    /// Window field.
    pub win: Option<u16>,
    /// TCP options.
    pub options: Vec<TcpOption>,
    /// Time to live or hop limit.
    pub ttl: Option<u8>,
    /// IPv4 identification.
    pub id: Option<u16>,
    /// Type of service or traffic class.
    pub tos: Option<u8>,
    /// IPv6 flow label.
    pub label: Option<u32>,
    /// How many bytes of the TCP segment were captured, where not all.
    pub cut: Option<usize>,
    /// Which checksum is not right, and how.
    pub sum: Option<Spoiled>,
    /// What is around it.
    pub around: Option<Around>,
    /// Whether it was captured in a tunnel.
    pub in_tunnel: bool,
    /// The payload itself, where it matters.
    pub payload: Option<String>,
    /// The ICMP error that it is, and no segment.
    pub icmp: Option<Icmp>,
}

/// A checksum that is not right.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Spoiled {
    /// That of TCP is wrong.
    Wrong,
    /// That of TCP is the sum of the pseudo-header, for hardware to go on with.
    Offloaded,
    /// That of the IPv4 header is wrong.
    IpWrong,
}

impl Spoiled {
    /// All, with their names.
    pub const ALL: [(Spoiled, &'static str); 3] =
        [(Spoiled::Wrong, "wrong"), (Spoiled::Offloaded, "offloaded"), (Spoiled::IpWrong, "ip-wrong")];
}

impl Script {
    /// The segments.
    pub fn packets(&self) -> impl Iterator<Item = &Packet> {
        self.lines.iter().filter_map(|line| match &line.says {
            Says::Packet(packet) => Some(packet),
            _ => None,
        })
    }

    /// The expectations, with the line of the file each begins at (from 1).
    pub fn expects(&self) -> impl Iterator<Item = (usize, &Expect)> {
        self.lines.iter().filter_map(|line| match &line.says {
            Says::Expect(expect) => Some((line.at.start + 1, expect)),
            _ => None,
        })
    }

    /// The IP version the script is confined to.
    pub fn only(&self) -> Option<IpVersion> {
        self.lines.iter().find_map(|line| match line.says {
            Says::Only(version) => Some(version),
            _ => None,
        })
    }
}
