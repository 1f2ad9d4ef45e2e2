//! The states of RFC 9293 that fit what both sides have shown so far, for display only.

use super::Side;
use crate::analyzer::Seen;
use crate::classify::{OnPeer, Shown};
use crate::tcp::SeqNum;

/// What both sides have shown, and the states last told.
#[derive(Clone, Copy, Debug, Default)]
pub struct States {
    sides: [Numbers; 2],
    told: [Option<&'static str>; 2],
    /// Which side sent the first FIN.
    first_closer: Option<usize>,
}

/// What one side has sent.
#[derive(Clone, Copy, Debug, Default)]
struct Numbers {
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
            self.sides[own] = Numbers::default();
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
        let [first, second] = [self.shown(0), self.shown(1)];
        let now = [first.state(&second), second.state(&first)];
        let told = std::mem::replace(&mut self.told, now);
        [now[0].filter(|_| now[0] != told[0]), now[1].filter(|_| now[1] != told[1])]
    }

    /// What a side has shown by the kept segments.
    fn shown(&self, side: usize) -> Shown {
        let [own, peer] = [self.sides[side], self.sides[1 - side]];
        Shown {
            sent: own.sent,
            reset: own.closed,
            syn: own.syn.is_some(),
            syn_ack: own.syn_ack,
            plain_ack: own.plain_ack,
            acked_opening: own.acked_the_opening_of(&peer),
            fin: own.fin.is_some(),
            fin_acked: own.fin_acked_by(&peer),
            closed_first: self.first_closer == Some(side),
        }
    }
}

impl Numbers {
    fn fin_acked_by(&self, other: &Numbers) -> bool {
        self.fin.is_some_and(|end| other.ack.is_some_and(|ack| !end.is_after(ack)))
    }

    fn acked_the_opening_of(&self, other: &Numbers) -> bool {
        self.syn.is_none() || other.syn.is_some_and(|syn| self.ack.is_some_and(|ack| ack.is_after(syn)))
    }
}
