//! The states of RFC 9293 that fit what both sides have shown so far, for display only.

use super::Side;
use crate::analyzer::Seen;
use crate::classify::OnPeer;
use crate::tcp::SeqNum;

/// What both sides have shown, and the states last told.
#[derive(Clone, Copy, Debug, Default)]
pub struct States {
    sides: [Shown; 2],
    told: [Option<&'static str>; 2],
    /// Which side sent the first FIN.
    first_closer: Option<usize>,
}

/// What one side has shown.
#[derive(Clone, Copy, Debug, Default)]
struct Shown {
    sent: bool,
    syn: Option<SeqNum>,
    syn_ack: bool,
    plain_ack: bool,
    /// The number after its FIN.
    fin: Option<SeqNum>,
    ack: Option<SeqNum>,
    /// A reset has ended it.
    closed: bool,
}

impl States {
    /// Before the first segment.
    pub fn new() -> Self {
        Self::default()
    }

    /// A segment that its sender sent: the states that begin with it.
    pub fn segment(&mut self, seen: &Seen) -> [Option<&'static str>; 2] {
        self.note(seen);
        self.changes()
    }

    /// The reset of the finding, sent by an end.
    pub fn reset(&mut self, seen: &Seen, on_peer: OnPeer) -> [Option<&'static str>; 2] {
        self.note(seen);
        self.forged(seen, on_peer)
    }

    /// The reset of the finding, sent by a third party: its sender's state is not touched.
    pub fn forged(&mut self, seen: &Seen, on_peer: OnPeer) -> [Option<&'static str>; 2] {
        if matches!(on_peer, OnPeer::Accepted | OnPeer::ProbablyAccepted) {
            self.sides[1 - Side::of(seen).index()].closed = true;
        }
        self.changes()
    }

    /// What the verdict knows of more than the kept segments replaces what was told: the states that differ. That an earlier
    /// reset had closed a side is no such knowledge, as that reset may be forged or the side may have begun anew.
    pub fn known(&mut self, states: [Option<&'static str>; 2]) -> [Option<&'static str>; 2] {
        let told = self.told;
        let differs = |side: usize| states[side].filter(|state| told[side] != Some(*state) && *state != "CLOSED");
        let corrected = [differs(0), differs(1)];
        self.told = [corrected[0].or(told[0]), corrected[1].or(told[1])];
        corrected
    }

    fn note(&mut self, seen: &Seen) {
        let own = Side::of(seen).index();
        let flags = seen.flags;
        let end = seen.seq.plus(seen.len + u32::from(flags.syn()) + u32::from(flags.fin()));
        if flags.syn() && self.sides[own].closed {
            self.sides[own] = Shown::default();
        }
        let side = &mut self.sides[own];
        side.sent = true;
        if flags.rst() {
            side.closed = true;
            return;
        }
        if flags.syn() {
            side.syn = Some(seen.seq);
            side.syn_ack |= flags.ack();
        }
        if flags.ack() {
            side.plain_ack |= !flags.syn();
            side.ack = Some(side.ack.map_or(seen.ack_field, |ack| ack.max(seen.ack_field)));
        }
        if flags.fin() {
            side.fin = Some(end);
            self.first_closer.get_or_insert(own);
        }
    }

    /// The states that differ from those told last.
    fn changes(&mut self) -> [Option<&'static str>; 2] {
        let now = [self.state(0), self.state(1)];
        let told = std::mem::replace(&mut self.told, now);
        [now[0].filter(|_| now[0] != told[0]), now[1].filter(|_| now[1] != told[1])]
    }

    /// The same rules as those of the verdict's states, over the kept segments.
    fn state(&self, side: usize) -> Option<&'static str> {
        let [own, peer] = [self.sides[side], self.sides[1 - side]];
        if own.closed {
            return Some("CLOSED");
        }
        if !own.sent {
            return None;
        }
        let closed_first = self.first_closer == Some(side);
        Some(match (own.fin.is_some(), own.fin_acked_by(&peer), peer.fin_acked_by(&own)) {
            (true, true, true) if closed_first => "TIME-WAIT",
            (true, true, true) => "CLOSED",
            (true, false, true) if closed_first => "CLOSING",
            (true, false, true) => "LAST-ACK",
            (true, true, false) => "FIN-WAIT-2",
            (true, false, false) => "FIN-WAIT-1",
            (false, _, true) => "CLOSE-WAIT",
            (false, _, false) if own.plain_ack && own.acked_the_opening_of(&peer) => "ESTABLISHED",
            (false, _, false) if own.syn_ack && peer.plain_ack => "ESTABLISHED",
            (false, _, false) if own.syn_ack => "SYN-RECEIVED",
            (false, _, false) if own.syn.is_some() => "SYN-SENT",
            (false, _, false) => "ESTABLISHED",
        })
    }
}

impl Shown {
    fn fin_acked_by(&self, other: &Shown) -> bool {
        self.fin.is_some_and(|end| other.ack.is_some_and(|ack| !end.is_after(ack)))
    }

    fn acked_the_opening_of(&self, other: &Shown) -> bool {
        self.syn.is_none() || other.syn.is_some_and(|syn| self.ack.is_some_and(|ack| ack.is_after(syn)))
    }
}
