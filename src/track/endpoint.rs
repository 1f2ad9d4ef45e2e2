//! What one side of an incarnation has shown.

use serde::{Deserialize, Deserializer, Serialize};

use crate::frame::Timestamp;
use crate::tcp::{Flags, Segment, SeqNum};

use super::Standing;

/// One of the two ends of a four-tuple; which is which is fixed by the order of their addresses.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Side {
    /// The end with the lower address and port.
    Low,
    /// The other one.
    High,
}

impl Side {
    /// The other end.
    pub fn other(self) -> Side {
        match self {
            Side::Low => Side::High,
            Side::High => Side::Low,
        }
    }
}

/// A set of yes-or-no facts about an endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Marks(u32);

impl Marks {
    /// It sent at least one segment.
    pub const SENT: Marks = Marks(1);
    /// It sent a SYN, with or without ACK; `base` is its initial sequence number.
    pub const SYN: Marks = Marks(1 << 1);
    /// It sent a SYN|ACK.
    pub const SYN_ACK: Marks = Marks(1 << 2);
    /// It acknowledged something; `max_ack` counts.
    pub const ACKED: Marks = Marks(1 << 3);
    /// It sent payload.
    pub const DATA: Marks = Marks(1 << 4);
    /// It sent FIN; `fin` is the FIN's sequence number.
    pub const FIN: Marks = Marks(1 << 5);
    /// It sent RST.
    pub const RST: Marks = Marks(1 << 6);
    /// Its SYN offered timestamps.
    pub const TIMESTAMPS: Marks = Marks(1 << 7);
    /// Its last segment, RSTs left out, carried timestamps.
    pub const TIMESTAMPS_LAST: Marks = Marks(1 << 8);
    /// It sent IPv4 segments with ID 0.
    pub const ID_ZERO: Marks = Marks(1 << 9);
    /// It sent IPv4 segments with another ID; `last_id` is the latest.
    pub const ID_SET: Marks = Marks(1 << 10);
    /// Its IDs grew by small steps.
    pub const ID_COUNTS: Marks = Marks(1 << 11);
    /// Its TTL was not always the same.
    pub const TTL_VARIES: Marks = Marks(1 << 12);
    /// A stretch of its sequence numbers was not captured: `hole_start` to `hole_end`.
    pub const HOLE: Marks = Marks(1 << 13);
    /// It acknowledged bytes that the capture does not show.
    pub const ACKS_UNSEEN: Marks = Marks(1 << 14);
    /// Its SYN asked for ECN (RFC 3168 section 6.1.1).
    pub const ECN_SYN: Marks = Marks(1 << 15);
    /// Its SYN's header is no operating system's: no options at all, or an MSS and nothing else with a tiny window.
    pub const CRAFTED_SYN: Marks = Marks(1 << 16);
    /// It sent its SYN more than once.
    pub const SYN_REPEATED: Marks = Marks(1 << 17);
    /// Some header's options were cut by the snapshot length.
    pub const OPTIONS_CUT: Marks = Marks(1 << 18);
    /// It sent a segment without SYN, FIN or RST that carries ACK: its side of a handshake is over.
    pub const PLAIN_ACK: Marks = Marks(1 << 19);
    /// It sent an option of MPTCP.
    pub const MPTCP: Marks = Marks(1 << 20);
    /// Its FIN was sent more than once.
    pub const FIN_REPEATED: Marks = Marks(1 << 21);
    /// Its SYN carried a window scale option.
    pub const WSCALE: Marks = Marks(1 << 22);
    /// Its SYN|ACK echoed a timestamp that the peer never sent.
    pub const WRONG_ECHO: Marks = Marks(1 << 23);
    /// It shut its window (sent window 0 outside SYN and RST) and has not opened it since.
    pub const WINDOW_SHUT: Marks = Marks(1 << 24);
    /// Segments of it were captured twice; `copy_ttl` is set.
    pub const COPIES: Marks = Marks(1 << 25);
    /// Some of them at one point, as far as TTL and input tell.
    pub const DOUBLED: Marks = Marks(1 << 26);

    /// The bits of both.
    pub const fn with(self, other: Marks) -> Marks {
        Marks(self.0 | other.0)
    }

    /// Whether all bits of `other` are set.
    pub const fn has(self, other: Marks) -> bool {
        self.0 & other.0 == other.0
    }

    fn set(&mut self, other: Marks) {
        self.0 |= other.0;
    }

    fn set_to(&mut self, other: Marks, on: bool) {
        if on { self.0 |= other.0 } else { self.0 &= !other.0 }
    }
}

/// What one side of an incarnation has shown. Facts only: its host's state is inferred elsewhere.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Endpoint {
    /// Yes-or-no facts.
    pub marks: Marks,
    /// Initial sequence number where `SYN` is marked, else the first sequence number seen.
    pub base: SeqNum,
    /// After the highest sequence number sent.
    pub snd_max: SeqNum,
    /// The highest acknowledgment number sent.
    pub max_ack: SeqNum,
    /// The sequence number of its FIN.
    pub fin: SeqNum,
    /// What it had acknowledged when it last sent data, SYN or FIN: what it had a chance to answer.
    pub acked_at_last_data: SeqNum,
    /// Start of the latest stretch of its numbers that was not captured.
    pub hole_start: SeqNum,
    /// End of that stretch.
    pub hole_end: SeqNum,
    /// Timestamp value of its SYN.
    pub syn_tsval: u32,
    /// Shortest time from a segment of the peer to this side's handshake answer, nanoseconds; 0 when unknown.
    pub answer_ns: u32,
    /// Window field of its last segment, not scaled.
    pub window: u16,
    /// Largest window field outside SYN and RST.
    pub max_window: u16,
    /// The latest IPv4 ID other than 0.
    pub last_id: u16,
    /// Window scale of its SYN, 0 where it had none.
    #[serde(deserialize_with = "shift")]
    pub wscale: u8,
    /// TTL of its last segment, RSTs left out.
    pub ttl: u8,
    /// Type of service of its last segment, RSTs left out.
    pub tos: u8,
    /// TTL of the latest second sighting of one of its segments.
    pub copy_ttl: u8,
    /// Retransmissions since the peer's last progress.
    pub retransmissions: u8,
    /// Keepalive or window probes since the peer's last segment.
    pub probes: u8,
    /// When it last sent; before it did, when the incarnation began.
    pub last: Timestamp,
}

impl Endpoint {
    /// Whether `marks` are all set.
    pub fn shows(&self, marks: Marks) -> bool {
        self.marks.has(marks)
    }

    /// Whether the peer's highest acknowledgment covers this side's FIN.
    pub fn fin_acked_by(&self, peer: &Endpoint) -> bool {
        self.shows(Marks::FIN) && peer.shows(Marks::ACKED) && peer.max_ack.is_after(self.fin)
    }

    /// Payload bytes sent and not acknowledged by `peer`; `None` where a number was never shown.
    pub fn unacknowledged(&self, peer: &Endpoint) -> Option<u32> {
        if !self.shows(Marks::SENT) {
            return None;
        }
        if !peer.shows(Marks::ACKED) {
            return (!self.shows(Marks::DATA)).then_some(0);
        }
        let open = self.snd_max.since(peer.max_ack).max(0) as u32;
        let fin = u32::from(self.shows(Marks::FIN) && !self.fin_acked_by(peer));
        Some(open.saturating_sub(fin))
    }

    /// Whether `segment`, sent by this side to `peer`, is a keepalive probe: nothing, or one byte of garbage, just below what
    /// was sent (RFC 9293 section 3.8.4). A byte that is not acknowledged there is sent again.
    pub fn is_probe(&self, segment: &Segment, peer: &Endpoint) -> bool {
        let below = segment.seq.plus(1) == self.snd_max && segment.len <= 1;
        let plain = segment.flags.ack() && !segment.flags.any_of(Flags::SYN.with(Flags::FIN).with(Flags::RST));
        let open = segment.len > 0 && peer.shows(Marks::ACKED) && self.snd_max.is_after(peer.max_ack);
        below && plain && !open && self.shows(Marks::SENT)
    }

    /// Takes note of a segment of this side.
    pub fn observe(&mut self, segment: &Segment, peer: &mut Endpoint, standing: Standing) {
        peer.probes = 0;
        self.last = segment.time;
        if segment.flags.rst() {
            self.observe_reset(segment);
            return;
        }
        self.observe_ip(segment);
        if segment.flags.syn() {
            self.observe_syn(segment, peer);
        }
        self.observe_numbers(segment, standing);
        self.observe_ack(segment, peer);
        self.observe_window(segment);
        self.marks.set(Marks::SENT);
    }

    fn observe_reset(&mut self, segment: &Segment) {
        if !self.shows(Marks::SENT) {
            self.base = segment.seq;
            self.snd_max = segment.seq;
        }
        self.marks.set(Marks::RST);
    }

    fn observe_ip(&mut self, segment: &Segment) {
        if self.shows(Marks::SENT) && self.ttl != segment.ip.ttl {
            self.marks.set(Marks::TTL_VARIES);
        }
        self.ttl = segment.ip.ttl;
        self.tos = segment.ip.tos;
        match segment.ip.id {
            Some(0) => self.marks.set(Marks::ID_ZERO),
            Some(id) => {
                let step = id.wrapping_sub(self.last_id);
                if self.shows(Marks::ID_SET) && (1..=64).contains(&step) {
                    self.marks.set(Marks::ID_COUNTS);
                }
                self.marks.set(Marks::ID_SET);
                self.last_id = id;
            }
            None => {}
        }
        self.marks.set_to(Marks::TIMESTAMPS_LAST, segment.options.timestamps.is_some());
        if !segment.options.complete {
            self.marks.set(Marks::OPTIONS_CUT);
        }
        if segment.options.mptcp.is_some() {
            self.marks.set(Marks::MPTCP);
        }
    }

    fn observe_syn(&mut self, segment: &Segment, peer: &Endpoint) {
        if self.shows(Marks::SYN) && self.base == segment.seq {
            self.marks.set(Marks::SYN_REPEATED);
        } else {
            // Numbers shown before belong to an older life (an ACK from TIME-WAIT, a challenge ACK).
            self.base = segment.seq;
            self.snd_max = segment.seq;
            self.marks.set_to(Marks::ACKED, false);
            self.marks.set_to(Marks::HOLE, false);
            self.marks.set_to(Marks::ACKS_UNSEEN, false);
            self.marks.set_to(Marks::PLAIN_ACK, false);
            self.marks.set(Marks::SYN);
        }
        if let Some(shift) = segment.options.wscale {
            self.wscale = shift.min(WSCALE_MAX);
            self.marks.set(Marks::WSCALE);
        }
        if let Some(stamps) = segment.options.timestamps {
            self.syn_tsval = stamps.val;
            self.marks.set(Marks::TIMESTAMPS);
        }
        if segment.flags.ack() {
            self.observe_syn_ack(segment, peer);
        } else {
            self.marks.set_to(Marks::ECN_SYN, segment.flags.has(Flags::ECE.with(Flags::CWR)));
            self.marks.set_to(Marks::CRAFTED_SYN, is_crafted(segment));
        }
    }

    fn observe_syn_ack(&mut self, segment: &Segment, peer: &Endpoint) {
        self.marks.set(Marks::SYN_ACK);
        if peer.shows(Marks::SENT) && self.answer_ns == 0 {
            self.answer_ns = span(segment.time.since(peer.last));
        }
        let echo = segment.options.timestamps.map(|stamps| stamps.ecr);
        if let Some(echo) = echo
            && peer.shows(Marks::TIMESTAMPS)
        {
            // The clock may have ticked between copies of the SYN, so only what lies outside a generous span is impossible.
            let distance = echo.wrapping_sub(peer.syn_tsval) as i32;
            self.marks.set_to(Marks::WRONG_ECHO, !(-1..=200_000).contains(&distance));
        }
    }

    fn observe_numbers(&mut self, segment: &Segment, standing: Standing) {
        let plain = !segment.flags.any_of(Flags::SYN.with(Flags::FIN));
        if plain && segment.seq == self.snd_max && self.shows(Marks::SENT) {
            self.observe_next(segment);
        } else {
            self.observe_any(segment, standing);
        }
    }

    /// What nearly every segment is: it begins where the last one ended.
    #[inline]
    fn observe_next(&mut self, segment: &Segment) {
        if segment.len == 0 {
            return;
        }
        self.marks.set(Marks::DATA);
        self.snd_max = self.snd_max.plus(segment.len);
        if let Some(ack) = segment.ack() {
            self.acked_at_last_data = ack;
        }
    }

    /// All others: handshakes, probes, retransmissions, holes and the segments that fill them.
    fn observe_any(&mut self, segment: &Segment, standing: Standing) {
        if !self.shows(Marks::SENT) && !segment.flags.syn() {
            self.base = segment.seq;
            self.snd_max = segment.seq;
        }
        let probe = standing.probe;
        let takes_numbers = segment.seq_len() > 0;
        if probe {
            self.probes = self.probes.saturating_add(1);
        } else if segment.seq.is_after(self.snd_max) {
            self.marks.set(Marks::HOLE);
            self.hole_start = self.snd_max;
            self.hole_end = segment.seq;
        } else if self.shows(Marks::HOLE) && segment.seq == self.hole_start {
            self.hole_start = self.hole_start.plus(segment.len);
            let filled = !self.hole_end.is_after(self.hole_start);
            self.marks.set_to(Marks::HOLE, !filled);
        }
        if standing.old_data && !probe {
            self.retransmissions = self.retransmissions.saturating_add(1);
        }
        if segment.flags.fin() {
            let repeated = self.shows(Marks::FIN);
            self.marks.set(if repeated { Marks::FIN_REPEATED } else { Marks::FIN });
            self.fin = segment.seq.plus(segment.len);
        }
        if segment.len > 0 && !probe {
            self.marks.set(Marks::DATA);
        }
        if takes_numbers && let Some(ack) = segment.ack() {
            self.acked_at_last_data = ack;
        }
        if !probe {
            self.snd_max = self.snd_max.max(segment.seq_end());
        }
    }

    fn observe_ack(&mut self, segment: &Segment, peer: &mut Endpoint) {
        let Some(ack) = segment.ack() else { return };
        if !self.shows(Marks::ACKED) {
            self.max_ack = ack;
            self.marks.set(Marks::ACKED);
            peer.retransmissions = 0;
        } else if ack.is_after(self.max_ack) {
            self.max_ack = ack;
            peer.retransmissions = 0;
        }
        if !peer.shows(Marks::SENT) || ack.is_after(peer.snd_max) {
            self.marks.set(Marks::ACKS_UNSEEN);
        }
        if !segment.flags.syn() {
            if !self.shows(Marks::PLAIN_ACK) && self.answer_ns == 0 && peer.shows(Marks::SYN_ACK) {
                self.answer_ns = span(segment.time.since(peer.last));
            }
            self.marks.set(Marks::PLAIN_ACK);
        }
    }

    fn observe_window(&mut self, segment: &Segment) {
        self.window = segment.window;
        if !segment.flags.syn() {
            self.max_window = self.max_window.max(segment.window);
            self.marks.set_to(Marks::WINDOW_SHUT, segment.window == 0);
        }
    }

    /// Takes note that a segment of this side was captured again; `doubled` where TTL and input are those of the first sighting.
    pub fn observe_copy(&mut self, segment: &Segment, doubled: bool) {
        self.copy_ttl = segment.ip.ttl;
        self.marks.set(if doubled { Marks::COPIES.with(Marks::DOUBLED) } else { Marks::COPIES });
    }
}

/// No window is scaled by more (RFC 7323 section 2.3).
const WSCALE_MAX: u8 = 14;

/// A window scale that may be anything.
fn shift<'de, D: Deserializer<'de>>(from: D) -> Result<u8, D::Error> {
    u8::deserialize(from).map(|shift| shift.min(WSCALE_MAX))
}

/// Scanners build SYNs that no operating system sends: none of the usual options, or MSS alone (nmap: window 1024, masscan, zmap: 65535 or 1024).
fn is_crafted(segment: &Segment) -> bool {
    let options = &segment.options;
    if !options.complete {
        return false;
    }
    let modern = options.sack_ok || options.timestamps.is_some() || options.wscale.is_some();
    !modern && (options.mss.is_none() || segment.window <= 1024)
}

fn span(nanos: i64) -> u32 {
    u32::try_from(nanos.max(1)).unwrap_or(u32::MAX)
}
