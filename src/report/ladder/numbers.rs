//! What the sequence numbers of the kept segments say: what was sent again, what only asked, what was never acknowledged.

use super::Side;
use crate::analyzer::Seen;
use crate::frame::FrameNo;
use crate::tcp::SeqNum;

/// What is known of each kept segment, in their order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Numbers(Vec<Known>);

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Known {
    /// All its sequence numbers had been sent before; the frame that was sent as it is, where it was kept.
    again: Option<Option<FrameNo>>,
    probe: Option<Probe>,
    is_lost: bool,
}

/// What a segment with nothing new asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Probe {
    /// Whether the peer is still there.
    Keepalive,
    /// Whether the peer has opened its window.
    Window,
}

/// What one side has shown so far.
#[derive(Clone, Copy, Default)]
struct Shown {
    /// The number after its last.
    end: Option<SeqNum>,
    /// The highest number it acknowledged.
    ack: Option<SeqNum>,
    /// Whether its window is shut.
    is_shut: bool,
}

impl Numbers {
    /// Of these segments. Only of the first `judged` ones it is said that nobody acknowledged them: what comes later may be
    /// acknowledged when nobody looks any more.
    pub fn of(segments: &[Seen], judged: usize) -> Self {
        let mut sides = [Shown::default(); 2];
        let mut known = Vec::new();
        for (index, seen) in segments.iter().enumerate() {
            let (own, peer) = (Side::of(seen).index(), 1 - Side::of(seen).index());
            let earlier = segments.get(..index).unwrap_or_default();
            let later = segments.get(index + 1..).unwrap_or_default();
            let [shown, other] = [sides[own], sides[peer]];
            let probe = probe(seen, (shown, other), earlier);
            let is_old = takes_numbers(seen) && shown.end.is_some_and(|known| !end(seen).is_after(known));
            known.push(Known {
                again: (is_old && probe.is_none()).then(|| first_copy(seen, earlier)),
                probe,
                is_lost: index < judged && is_lost(seen, (later, probe)),
            });
            sides[own] = Shown {
                end: later_of(shown.end, advance(seen)),
                ack: later_of(shown.ack, ack(seen)),
                is_shut: seen.window == 0 && !seen.flags.rst(),
            };
        }
        Self(known)
    }

    /// Whether the segment only repeats what had been sent, and if so as which frame, where that is known.
    pub fn sent_before(&self, index: usize) -> Option<Option<FrameNo>> {
        self.0.get(index).and_then(|known| known.again)
    }

    /// What it asks for, where it brings nothing new.
    pub fn probe(&self, index: usize) -> Option<Probe> {
        self.0.get(index).and_then(|known| known.probe)
    }

    /// Whether its sequence numbers were never acknowledged, and it is the last that was sent with them; or whether nothing
    /// answered it, if it is a probe.
    pub fn is_lost(&self, index: usize) -> bool {
        self.0.get(index).is_some_and(|known| known.is_lost)
    }
}

fn takes_numbers(seen: &Seen) -> bool {
    end(seen) != seen.seq && !seen.flags.rst()
}

fn end(seen: &Seen) -> SeqNum {
    seen.seq.plus(seen.len + u32::from(seen.flags.syn()) + u32::from(seen.flags.fin()))
}

/// How far a segment brings its sender; a reset's numbers may be anybody's.
fn advance(seen: &Seen) -> Option<SeqNum> {
    takes_numbers(seen).then(|| end(seen))
}

fn ack(seen: &Seen) -> Option<SeqNum> {
    seen.flags.ack().then_some(seen.ack_field)
}

fn later_of(known: Option<SeqNum>, new: Option<SeqNum>) -> Option<SeqNum> {
    match (known, new) {
        (Some(known), Some(new)) => Some(known.max(new)),
        (known, new) => known.or(new),
    }
}

/// One number below the sender's next, with at most one byte, when all had been acknowledged (RFC 9293 section 3.8.4).
fn probe(seen: &Seen, (own, peer): (Shown, Shown), earlier: &[Seen]) -> Option<Probe> {
    let flags = seen.flags;
    let is_plain = flags.ack() && !flags.syn() && !flags.fin() && !flags.rst() && seen.len <= 1;
    let next = own.end.or(peer.ack).filter(|next| seen.seq.plus(1) == *next)?;
    let is_acknowledged = peer.ack.is_some_and(|ack| !next.is_after(ack));
    let is_probe = is_plain && is_acknowledged && (seen.len == 0 || first_copy(seen, earlier).is_none());
    is_probe.then_some(if peer.is_shut { Probe::Window } else { Probe::Keepalive })
}

/// The earliest frame of the same sender with the same numbers.
fn first_copy(seen: &Seen, earlier: &[Seen]) -> Option<FrameNo> {
    let is_same =
        |other: &&Seen| other.from_client == seen.from_client && other.seq == seen.seq && other.len == seen.len;
    earlier.iter().filter(|other| takes_numbers(other)).find(is_same).map(|other| other.frame)
}

/// Whether nothing later acknowledges its end, and nothing later sends it again.
fn is_lost(seen: &Seen, (later, probe): (&[Seen], Option<Probe>)) -> bool {
    let own_end = end(seen);
    let mut answers = later.iter().filter(|other| other.from_client != seen.from_client);
    if probe.is_some() {
        return !answers.any(|other| !other.flags.rst());
    }
    let mut repeats = later.iter().filter(|other| other.from_client == seen.from_client && takes_numbers(other));
    takes_numbers(seen)
        && !answers.any(|other| ack(other).is_some_and(|ack| !own_end.is_after(ack)))
        && !repeats.any(|other| !own_end.is_after(end(other)) && !other.seq.is_after(seen.seq))
}
