//! A case with the questions that several rules ask of it.

use crate::frame::FrameNo;
use crate::tcp::{Segment, SeqNum};
use crate::track::{ELSEWHERE_NS, Endpoint, Marks, Past, ResetCase};

use super::form::{Shape, repeated, shape};
use super::suspicion::{FRESH_NS, Suspicion, suspicion};
use super::{Fact, FactKind, Form, Role};

/// Who sent anything this shortly before has neither restarted nor moved since: that takes longer even in clusters.
const JUST_ALIVE_NS: i64 = 500_000_000;

/// A case with the questions that several rules ask of it. `E` in comments is the RST's sender, `P` its peer, `T` the trigger.
#[derive(Debug)]
pub struct View<'a> {
    /// The case.
    pub case: &'a ResetCase,
    /// What the RST's header shows.
    pub shape: Shape,
    /// What speaks for a third party.
    pub suspicion: Suspicion,
}

impl<'a> View<'a> {
    /// Looks at a case.
    pub fn new(case: &'a ResetCase) -> Self {
        let shape = shape(case);
        Self { case, shape, suspicion: suspicion(case, &shape) }
    }

    /// The RST.
    pub fn reset(&self) -> &'a Segment {
        &self.case.reset
    }

    /// What E has shown.
    pub fn own(&self) -> &'a Endpoint {
        &self.case.life.own
    }

    /// What P has shown.
    pub fn peer(&self) -> &'a Endpoint {
        &self.case.life.peer
    }

    /// The form.
    pub fn form(&self) -> Form {
        self.shape.form
    }

    /// T.
    pub fn trigger(&self) -> Option<&Past> {
        self.shape.trigger.as_ref()
    }

    /// T, where the RST is a bare one that takes T's ACK number.
    pub fn echo_trigger(&self) -> Option<&Past> {
        self.trigger().filter(|_| self.form() == Form::AckEcho)
    }

    /// The segment whose numbers a live socket's RST repeats, where E's stack is unknown, or one that may make all its resets like
    /// that and give them its whole window (lwIP tcp_rst): its SYN had neither timestamps nor a window scale. Where its IP ID goes on,
    /// it has not restarted.
    pub fn maybe_full_echo(&self) -> Option<Past> {
        let (own, reset) = (self.own(), self.reset());
        let rich = [Marks::TIMESTAMPS, Marks::WSCALE, Marks::OPTIONS_CUT].iter().any(|mark| own.shows(*mark));
        let small = own.shows(Marks::SYN) && !rich;
        let whole = reset.window > 0 && reset.window >= own.max_window && reset.options.timestamps.is_none();
        let counted = self.suspicion.trust.iter().any(|fact| fact.kind == FactKind::NextIpId);
        let unclear = self.form() == Form::Active && whole && !counted && (small || self.is_own_silent());
        if unclear { repeated(self.case) } else { None }
    }

    /// Whether T only acknowledges what E, of a stack that numbers all its packets alike, had sent a moment before: a host that had lost
    /// the connection would have lost it in that moment. Linux and BSD answer without a socket with IP ID 0 or a random one.
    pub fn is_alive_at_trigger(&self) -> bool {
        let Some(trigger) = self.echo_trigger().filter(|past| past.is_pure_ack() && !past.is_probe()) else {
            return false;
        };
        let counted = self.suspicion.trust.iter().any(|fact| fact.kind == FactKind::NextIpId);
        let sent = |past: &Past| past.payload_len() > 0 && past.seq_end() == self.reset().seq;
        let fresh = |past: &Past| trigger.time().since(past.time()) <= FRESH_NS;
        let established = self.is_established() && !self.own_closed() && !self.own_gap();
        counted
            && established
            && trigger.ack() == Some(self.own().snd_max)
            && self.own_before().any(|past| sent(past) && fresh(past))
    }

    /// Whether E opened the connection; `None` where no SYN was seen.
    pub fn is_opener(&self) -> Option<bool> {
        self.case.life.opener.map(|side| side == self.case.sender)
    }

    /// E's part.
    pub fn role(&self) -> Option<Role> {
        self.is_opener().map(|opener| if opener { Role::Client } else { Role::Server })
    }

    /// The trigger, where it acknowledges what E, in SYN-RECEIVED, never sent, and that number. The RST rejects this
    /// segment only; E's state stays (RFC 9293 3.5.2 group 2).
    pub fn wrong_handshake_ack(&self) -> Option<(&Past, SeqNum)> {
        let trigger = self.trigger().filter(|trigger| trigger.is_pure_ack())?;
        let own = self.own();
        let waiting = own.shows(Marks::SYN_ACK) && !own.shows(Marks::PLAIN_ACK) && !own.shows(Marks::DATA);
        let number = trigger.ack().filter(|&number| number != own.snd_max)?;
        (waiting && !self.own_closed()).then_some((trigger, number))
    }

    /// Whether the capture shows nothing of E in this life, other RSTs left out. An ACK that answers P's SYN with other numbers
    /// belongs to an older life (RFC 5961 4.2, RFC 9293 3.10.7.4 TIME-WAIT).
    pub fn is_own_silent(&self) -> bool {
        let (own, peer) = (self.own(), self.peer());
        let took_part = [Marks::SYN, Marks::DATA, Marks::FIN].iter().any(|mark| own.shows(*mark));
        let asking = peer.shows(Marks::SYN) && !peer.shows(Marks::SYN_ACK) && !peer.shows(Marks::PLAIN_ACK);
        !own.shows(Marks::SENT) || asking && !took_part && own.shows(Marks::ACKED) && own.max_ack != peer.snd_max
    }

    /// Whether the capture shows nothing of P before, RSTs left out.
    pub fn is_peer_silent(&self) -> bool {
        !self.peer().shows(Marks::SENT)
    }

    /// Whether both SYNs were seen.
    pub fn saw_handshake(&self) -> bool {
        self.own().shows(Marks::SYN) && self.peer().shows(Marks::SYN)
    }

    /// Whether the opener's SYN|ACK was answered, or both sides have shown numbers of a connection.
    pub fn is_established(&self) -> bool {
        let (own, peer) = (self.own(), self.peer());
        match self.is_opener() {
            Some(true) => own.shows(Marks::PLAIN_ACK) && peer.shows(Marks::SENT) && own.max_ack.is_after(peer.base),
            Some(false) => peer.shows(Marks::PLAIN_ACK) && own.shows(Marks::SENT) && peer.max_ack.is_after(own.base),
            None => own.shows(Marks::PLAIN_ACK) || peer.shows(Marks::PLAIN_ACK),
        }
    }

    /// Whether the RST of E, which opened the connection, takes the place of its ACK of P's SYN|ACK: connected sockets hold that back where
    /// their program asks for it (Linux TCP_QUICKACK, as HAProxy does for its checks).
    pub fn is_in_place_of_ack(&self) -> bool {
        let (own, peer) = (self.own(), self.peer());
        let asked = self.is_opener() == Some(true) && peer.shows(Marks::SYN_ACK) && !own.shows(Marks::PLAIN_ACK);
        asked && self.form() == Form::Active && self.reset().ack() == Some(peer.snd_max)
    }

    /// Whether neither side sent payload.
    pub fn is_without_data(&self) -> bool {
        !self.own().shows(Marks::DATA) && !self.peer().shows(Marks::DATA) && !self.acks_unseen_bytes()
    }

    /// Whether E had sent FIN.
    pub fn own_closed(&self) -> bool {
        self.own().shows(Marks::FIN)
    }

    /// Whether P had sent FIN before T (or before the RST, where there is no T).
    pub fn peer_closed_before_trigger(&self) -> bool {
        let closed = self.peer().shows(Marks::FIN);
        let first =
            self.trigger().is_some_and(|trigger| trigger.flags().fin() && trigger.seq_end() == self.peer().fin.plus(1));
        closed && !(first && !self.peer().shows(Marks::FIN_REPEATED) && !self.peer().fin_acked_by(self.own()))
    }

    /// Whether both sides had closed, and each had acknowledged the other's FIN as far as the capture shows.
    pub fn both_closed(&self) -> bool {
        let (own, peer) = (self.own(), self.peer());
        own.fin_acked_by(peer) && peer.fin_acked_by(own)
    }

    /// E's segments before the RST, oldest first.
    pub fn own_before(&self) -> impl DoubleEndedIterator<Item = &'a Past> + '_ {
        self.case.before.iter().filter(|past| self.case.is_own(past))
    }

    /// P's segments before the RST, oldest first.
    pub fn peer_before(&self) -> impl DoubleEndedIterator<Item = &'a Past> + '_ {
        self.case.before.iter().filter(|past| !self.case.is_own(past))
    }

    /// E's segments after the RST.
    pub fn own_after(&self) -> impl Iterator<Item = &'a Past> + '_ {
        self.case.after.iter().filter(|past| self.case.is_own(past))
    }

    /// P's segments after the RST.
    pub fn peer_after(&self) -> impl Iterator<Item = &'a Past> + '_ {
        self.case.after.iter().filter(|past| !self.case.is_own(past))
    }

    /// Whether a segment after the RST brings nothing new, and comes so soon that it may be the second sighting of one before
    /// the RST which is no longer kept.
    pub fn may_be_copy(&self, past: &Past) -> bool {
        let end = if self.case.is_own(past) { self.own() } else { self.peer() };
        let soon = past.time().since(self.reset().time) <= ELSEWHERE_NS;
        let old = !past.seq_end().is_after(end.snd_max) && past.ack().is_none_or(|ack| !ack.is_after(end.max_ack));
        soon && old
    }

    /// The frame of E's SYN, while kept.
    pub fn own_syn_frame(&self) -> Option<FrameNo> {
        self.own_before().find(|past| past.flags().syn()).map(Past::frame)
    }

    /// The frame of E's FIN, while kept.
    pub fn own_fin_frame(&self) -> Option<FrameNo> {
        self.own_before().find(|past| past.flags().fin()).map(Past::frame)
    }

    /// The frame of P's FIN, while kept.
    pub fn peer_fin_frame(&self) -> Option<FrameNo> {
        self.peer_before().find(|past| past.flags().fin()).map(Past::frame)
    }

    /// E's earlier RSTs of this life, oldest first.
    pub fn own_resets(&self) -> impl DoubleEndedIterator<Item = &'a Past> + '_ {
        self.own_before().filter(|past| past.flags().rst())
    }

    /// How long the connection had been silent before T, or before the RST where there is no T, in nanoseconds.
    pub fn idle_ns(&self) -> Option<i64> {
        let last = self.trigger().map_or(self.reset().time, |trigger| trigger.time());
        let anchor = self.trigger().map(Past::moment);
        let mut earlier = self.case.before.iter().rev();
        let previous = earlier.find(|past| anchor.is_none_or(|moment| past.moment() < moment));
        previous.map(|past| last.since(past.time()).max(0))
    }

    /// Nanoseconds from the first segment of this life to the RST.
    pub fn age_ns(&self) -> Option<i64> {
        self.case.before.first().map(|past| self.reset().time.since(past.time()))
    }

    /// Whether E, which has not closed, had sent something of its own shortly before T: it has not restarted since, and no
    /// process leaves a connection without FIN or RST.
    pub fn was_just_alive(&self) -> bool {
        let Some(trigger) = self.trigger() else { return false };
        let fresh = |past: &Past| (0..=JUST_ALIVE_NS).contains(&trigger.time().since(past.time()));
        let spoke = |past: &Past| !past.flags().rst() && past.moment() < trigger.moment() && fresh(past);
        self.is_established() && !self.own_closed() && self.own_before().any(spoke)
    }

    /// Nanoseconds from T to the RST.
    pub fn after_trigger_ns(&self) -> Option<i64> {
        self.trigger().map(|trigger| self.reset().time.since(trigger.time()))
    }

    /// Payload bytes of P that E acknowledged after it last sent anything of its own: E never answered them.
    pub fn unanswered_bytes(&self) -> u32 {
        let (own, peer) = (self.own(), self.peer());
        if !peer.shows(Marks::DATA) {
            return 0;
        }
        let acked = if own.shows(Marks::ACKED) { own.max_ack } else { peer.base };
        let acked = match self.reset().ack() {
            Some(ack) if ack.since(peer.snd_max) <= 0 => acked.max(ack),
            _ => acked,
        };
        // What a SYN carried is acknowledged before a program can have read it (RFC 7413 section 3).
        let spoke = own.shows(Marks::DATA) || own.shows(Marks::FIN);
        let answered = if spoke { own.acked_at_last_data } else { self.first_data_number() };
        let open = acked.since(answered.max(self.first_data_number())).max(0) as u32;
        open.saturating_sub(u32::from(peer.shows(Marks::FIN) && acked.is_after(peer.fin)))
    }

    fn first_data_number(&self) -> SeqNum {
        let peer = self.peer();
        if peer.shows(Marks::SYN) { peer.base.plus(1) } else { peer.base }
    }

    /// The sequence number the RST ought to have if E's socket lived, and by how much it differs.
    pub fn seq_offset(&self) -> i32 {
        self.reset().seq.since(self.own().snd_max)
    }

    /// The fact that the RST answers T.
    pub fn answer_fact(&self) -> Option<Fact> {
        let trigger = self.trigger()?;
        let kind = match self.reset().flags.ack() {
            true if self.form() == Form::SynEcho || !trigger.flags().ack() => FactKind::AcksEndOf,
            true => FactKind::FullEcho,
            false => FactKind::SeqEqualsAckOf,
        };
        Some(Fact::at(kind, trigger.frame()))
    }

    /// Whether the header looks built from T alone: window 0 and no options but MD5's or MPTCP's (Linux tcp_v4_send_reset).
    pub fn has_no_socket_marks(&self) -> bool {
        self.reset().window == 0 && self.reset().options.timestamps.is_none()
    }

    /// Whether something of the connection speaks of E's segments missing from the capture.
    pub fn own_gap(&self) -> bool {
        self.own().shows(Marks::HOLE)
            || (self.peer().shows(Marks::ACKS_UNSEEN) && self.peer().max_ack.is_after(self.own().snd_max))
    }

    /// Whether the RST acknowledges more than P was seen to send.
    pub fn acks_unseen_bytes(&self) -> bool {
        let ack = self.reset().ack().filter(|_| !self.is_peer_silent());
        ack.is_some_and(|ack| ack.is_after(self.peer().snd_max))
    }

    /// Nanoseconds since P's last data.
    pub fn since_peer_data_ns(&self) -> Option<i64> {
        let data = self.peer_before().rev().find(|past| past.payload_len() > 0 && !past.is_probe());
        data.map(|past| self.reset().time.since(past.time()))
    }

    /// The handshake's segments, for evidence.
    pub fn syn_ack(&self) -> Option<&'a Past> {
        self.case.before.iter().find(|past| past.flags().syn() && past.flags().ack())
    }
}
