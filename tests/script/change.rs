//! Changes to a capture that no verdict's class may depend on.

use std::net::{Ipv4Addr, SocketAddrV4};

use rstscan::tcp::Flags;

use super::wire::{Capture, Place, Sent};
use super::{Number, TcpOption};

/// Second sightings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Copies {
    /// Of whose segments.
    pub of: Whose,
    /// Where they are captured.
    pub place: Place,
    /// How long after the first, in nanoseconds: what lies between comes between.
    pub after_ns: i64,
    /// By how much the TTL is lower then, or was lower before.
    pub hops: i8,
}

/// Whose segments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whose {
    /// Everybody's.
    All,
    /// Those of the first segment's sender.
    First,
    /// All others.
    Second,
}

/// A change after which every reset keeps its class.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// All numbers of the host that sent the first segment are greater by a constant.
    NumbersOfFirst(u32),
    /// All numbers of the host that it was sent to are greater by a constant.
    NumbersOfSecond(u32),
    /// Everything happened so many nanoseconds later.
    Later(i64),
    /// Segments were captured twice.
    Twice(Copies),
    /// Healthy connections of other hosts lie between the frames.
    AmongOthers,
    /// This frame, from 0, and the next changed places.
    Swapped(usize, Stamp),
}

/// What becomes of the times of two frames that change places.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stamp {
    /// Each frame keeps its time, so that the capture steps back: the card stamped them, and queues were read in turn.
    OfCard,
    /// Each place keeps its time: whoever wrote the frames stamped them.
    OfWriter,
}

/// How close two frames are that may change places: a card with several queues writes what is this close in any order.
const NEIGHBOURS_NS: i64 = 1_000_000;

impl Change {
    /// The changed capture.
    pub fn apply(self, capture: &Capture) -> Capture {
        let Some(first) = capture.first() else { return Capture::new() };
        match self {
            Change::NumbersOfFirst(by) => renumber(capture, |end| is_at(end, first.from, first.to), by),
            Change::NumbersOfSecond(by) => renumber(capture, |end| is_at(end, first.to, first.from), by),
            Change::Later(ns) => {
                capture.iter().map(|sent| Sent { time_ns: sent.time_ns + ns, ..sent.clone() }).collect()
            }
            Change::Twice(copies) => copies.apply(capture),
            Change::AmongOthers => among_others(capture),
            Change::Swapped(index, stamp) => swapped(capture, index, stamp),
        }
    }

    /// Each pair of neighbours less than a millisecond apart changes places, one pair at a time, unless they are alike.
    pub fn swaps(capture: &Capture) -> impl Iterator<Item = Change> {
        let apart = |pair: &[Sent]| (pair[1].time_ns - pair[0].time_ns).abs();
        let alike = |pair: &[Sent]| {
            let Sent { number, time_ns, .. } = pair[0];
            pair[0] == Sent { number, time_ns, ..pair[1].clone() }
        };
        let pairs = capture.windows(2).enumerate();
        let close = pairs.filter(move |(_, pair)| apart(pair) < NEIGHBOURS_NS && !alike(pair));
        close.flat_map(|(index, _)| [Stamp::OfCard, Stamp::OfWriter].map(|stamp| Change::Swapped(index, stamp)))
    }
}

fn swapped(capture: &Capture, index: usize, stamp: Stamp) -> Capture {
    let mut capture = capture.clone();
    let Some([first, second]) = capture.get_mut(index..index + 2) else { return capture };
    std::mem::swap(first, second);
    if stamp == Stamp::OfWriter {
        std::mem::swap(&mut first.time_ns, &mut second.time_ns);
    }
    capture
}

/// Whether `end` is on the host of `own`, or is `own` itself where that host talks to itself.
fn is_at(end: SocketAddrV4, own: SocketAddrV4, peer: SocketAddrV4) -> bool {
    if own.ip() == peer.ip() { end == own } else { end.ip() == own.ip() }
}

fn renumber(capture: &Capture, is_side: impl Fn(SocketAddrV4) -> bool, by: u32) -> Capture {
    capture.iter().map(|sent| renumbered(sent, &is_side, by)).collect()
}

fn renumbered(sent: &Sent, is_side: &impl Fn(SocketAddrV4) -> bool, by: u32) -> Sent {
    let mut sent = sent.clone();
    if let Some(icmp) = &mut sent.icmp {
        *icmp.quoted = renumbered(&icmp.quoted, is_side, by);
        return sent;
    }
    // A reset that answers a segment without ACK has seq 0 whatever the sender's numbers are (RFC 9293 3.5.2).
    if is_side(sent.from) && !(sent.flags.rst() && sent.seq == 0) {
        sent.seq = sent.seq.wrapping_add(by);
    }
    if is_side(sent.to) {
        if sent.flags.ack() {
            sent.ack = sent.ack.wrapping_add(by);
        }
        for option in &mut sent.options {
            move_blocks(option, by);
        }
    }
    sent
}

fn move_blocks(option: &mut TcpOption, by: u32) {
    let TcpOption::Sack(blocks) = option else { return };
    for number in blocks.iter_mut().flat_map(|(start, end)| [start, end]) {
        if let Number::Absolute(number) = number {
            *number = number.wrapping_add(by);
        }
    }
}

impl Copies {
    /// Second sightings a moment after the first, alike in everything: a bridge, the `any` device, a mirror port.
    pub const AT_ONCE: Copies = Copies { of: Whose::All, place: Place::Here, after_ns: 3_000, hops: 0 };

    fn apply(self, capture: &Capture) -> Capture {
        let Some(first) = capture.first() else { return Capture::new() };
        let mut waiting = std::collections::VecDeque::new();
        let mut all = Capture::new();
        let mut now_ns = first.time_ns;
        for sent in capture {
            // Where the clock is set back, nothing waits for the old time to come.
            let set_back = sent.time_ns < now_ns - self.after_ns;
            now_ns = sent.time_ns;
            while waiting.front().is_some_and(|copy: &Sent| set_back || copy.time_ns <= now_ns) {
                all.extend(waiting.pop_front());
            }
            let lower = |by: i8| sent.ttl.saturating_sub(u8::try_from(by).unwrap_or(0));
            let copied = self.of == Whose::All || (self.of == Whose::First) == (sent.from == first.from);
            if copied {
                let (time_ns, place) = (sent.time_ns + self.after_ns, self.place);
                all.push(Sent { ttl: lower(self.hops.saturating_neg()), ..sent.clone() });
                waiting.push_back(Sent { copy: true, time_ns, place, ttl: lower(self.hops), ..sent.clone() });
            } else {
                all.push(sent.clone());
            }
        }
        all.extend(waiting);
        all
    }
}

/// Before each frame the next segment of one of four connections that open, exchange data and close in order.
fn among_others(capture: &Capture) -> Capture {
    let connections = [0, 1, 2, 3].map(healthy);
    let steps = 0..connections[0].len();
    let mut others = steps.flat_map(|step| connections.iter().filter_map(move |sent| sent.get(step)));
    let mut mixed = Capture::new();
    for sent in capture {
        mixed.extend(others.next().map(|other| Sent { time_ns: sent.time_ns, ..other.clone() }));
        mixed.push(sent.clone());
    }
    mixed
}

/// One healthy connection from SYN to the last ACK.
fn healthy(connection: u8) -> Vec<Sent> {
    let client = SocketAddrV4::new(Ipv4Addr::new(203, 0, 113, 10 + connection), 50000);
    let server = SocketAddrV4::new(Ipv4Addr::new(203, 0, 113, 200), 443);
    let (syn, ack, fin) = (Flags::SYN, Flags::ACK, Flags::FIN);
    let steps = [
        (true, syn, 99, 0, 0),
        (false, syn.with(ack), 499, 100, 0),
        (true, ack, 100, 500, 0),
        (true, ack, 100, 500, 120),
        (false, ack, 500, 220, 900),
        (true, fin.with(ack), 220, 1400, 0),
        (false, fin.with(ack), 1400, 221, 0),
        (true, ack, 221, 1401, 0),
    ];
    let sent = |(from_client, flags, seq, ack, len)| Sent {
        number: None,
        copy: false,
        place: Place::Here,
        time_ns: 0,
        from: if from_client { client } else { server },
        to: if from_client { server } else { client },
        flags,
        seq,
        ack,
        win: 502,
        options: Vec::new(),
        ttl: 57,
        id: 7,
        tos: 0,
        label: 9,
        cut: None,
        sum: None,
        around: None,
        icmp: None,
        payload: vec![b'y'; len],
    };
    steps.map(sent).to_vec()
}
