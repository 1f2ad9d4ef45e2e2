//! Half-open response: the sender has no such connection, the other side believes in one.

use crate::track::{Marks, Past};

use super::form::REORDER_NS;
use super::opinion::{Judgement, Opinion};
use super::time_wait::{old_ack, retry_fact, was_open};
use super::view::View;
use super::{Cause, Certainty, Class, Fact, FactKind, Form, Missing};

/// A host that resets SYN|ACKs this often is scanning.
const SCANNING: u32 = 3;

/// Whether E had no connection for what it received.
pub fn judge(view: &View<'_>) -> Judgement {
    let rules = [syn_discovery, unwanted_syn_ack, bad_handshake_ack, late_segment, stray_ack, restarted, lost_state];
    if let Some(opinion) = rules.iter().find_map(|rule| rule(view)) {
        return opinion.fits();
    }
    if let Some(fin) = view.own_fin_frame() {
        return Judgement::Against(Fact::at(FactKind::FinFromSender, fin));
    }
    if view.form() == Form::Active && !view.has_no_socket_marks() {
        return Judgement::Against(Fact::of(FactKind::LiveSocketMarks));
    }
    Judgement::Silent
}

fn half_open(cause: Cause) -> Opinion {
    Opinion::new(Class::HalfOpenResponse, cause)
}

/// E's SYN met a connection that P still held open: P challenged it (RFC 5961 4.2), E reset it (RFC 9293 3.5.1).
fn syn_discovery(view: &View<'_>) -> Option<Opinion> {
    let ack = old_ack(view)?;
    let opinion = half_open(Cause::SynDiscovery).because(Fact::at(FactKind::OldAckToSyn, ack.frame()));
    let opinion = match &view.case.previous {
        Some(previous) if was_open(previous) => {
            opinion.because(previous.last_segment.map(|past| Fact::at(FactKind::PreviousOpen, past.frame())))
        }
        _ => {
            let running =
                ack.ip_id().is_some_and(|id| id != 0).then(|| Fact::at(FactKind::OldAckIdRunning, ack.frame()));
            opinion.because(running).sure(Certainty::Possible).lacking(Missing::PreviousConnection).or(
                Class::TimeWaitCollision,
                Cause::SynResetByClient,
                "the server may have been in TIME-WAIT",
            )
        }
    };
    Some(opinion.because(retry_fact(view)))
}

/// P's SYN|ACK, and E does not want it.
fn unwanted_syn_ack(view: &View<'_>) -> Option<Opinion> {
    let answer = answered_syn_ack(view)?;
    let asked = view.own().shows(Marks::SYN) && !view.own().shows(Marks::SYN_ACK);
    if !asked {
        let nothing = view.is_own_silent();
        return nothing.then(|| backscatter(view, &answer));
    }
    let right = answer.ack() == Some(view.own().base.plus(1)) || answer.ack() == Some(view.own().snd_max);
    if !right {
        return Some(
            half_open(Cause::StaleSynAck)
                .because(Fact::at(FactKind::WrongSynAckNumber, answer.frame()))
                .because(view.answer_fact()),
        );
    }
    if view.peer().shows(Marks::WRONG_ECHO) && view.form() == Form::AckEcho {
        return Some(
            half_open(Cause::PawsReject)
                .because(Fact::at(FactKind::WrongTimestampEcho, answer.frame()))
                .because(view.answer_fact())
                .or(Class::HalfOpenResponse, Cause::HandshakeAbandoned, "the program may have given up just then"),
        );
    }
    (!has_connected(view)).then(|| abandoned(view, &answer))
}

/// SYN-SENT has no RST of its own (RFC 9293 3.10.5): one with a live socket's timestamps comes from a connection whose ACK was not
/// captured, or was written behind the RST.
fn has_connected(view: &View<'_>) -> bool {
    let close = |past: &&Past| past.time().since(view.reset().time) <= REORDER_NS;
    let acked = view.own_after().take_while(close).any(|past| past.is_pure_ack() && past.ack() == view.reset().ack());
    view.form() == Form::Active && (acked || view.reset().options.timestamps.is_some())
}

/// The SYN|ACK that E reset before acknowledging it.
fn answered_syn_ack(view: &View<'_>) -> Option<Past> {
    if view.own().shows(Marks::PLAIN_ACK) || view.own().shows(Marks::DATA) {
        return None;
    }
    let is_syn_ack = |past: &Past| past.flags().syn() && past.flags().ack();
    match view.trigger() {
        Some(trigger) => is_syn_ack(trigger).then_some(*trigger),
        None => {
            let last = view.peer_before().next_back()?;
            (is_syn_ack(last) && last.ack() == Some(view.reset().seq)).then_some(*last)
        }
    }
}

fn abandoned(view: &View<'_>, answer: &Past) -> Opinion {
    let crafted = view.own().shows(Marks::CRAFTED_SYN);
    let fan_out = view.case.host.half_opened >= SCANNING;
    let cause = if crafted || fan_out { Cause::SynScan } else { Cause::HandshakeAbandoned };
    let opinion = half_open(cause)
        .because(Fact::at(FactKind::SynAckFromPeer, answer.frame()))
        .because(view.answer_fact())
        .because(view.own_syn_frame().filter(|_| crafted).map(|frame| Fact::at(FactKind::CraftedSyn, frame)))
        .because(fan_out.then(|| Fact::of(FactKind::FanOut).with(i64::from(view.case.host.half_opened))));
    match cause {
        Cause::SynScan => opinion.or(
            Class::HalfOpenResponse,
            Cause::HandshakeAbandoned,
            "a load balancer's half-open health check looks the same",
        ),
        _ if view.reset().flags.ack() => {
            opinion.or(Class::AbortiveClose, Cause::ConnectThenReset, "the program may have aborted at once")
        }
        _ => opinion,
    }
}

fn backscatter(view: &View<'_>, answer: &Past) -> Opinion {
    half_open(Cause::Backscatter)
        .because(view.answer_fact())
        .because(Fact::at(FactKind::SynAckFromPeer, answer.frame()))
        .sure(Certainty::Possible)
        .lacking(Missing::Handshake)
        .or(Class::HalfOpenResponse, Cause::HandshakeAbandoned, "the SYN may not have been captured")
}

/// The third segment of the handshake acknowledges what E never sent (RFC 9293 3.5.2 group 2; a SYN cookie that does not check).
fn bad_handshake_ack(view: &View<'_>) -> Option<Opinion> {
    let (trigger, number) = view.wrong_handshake_ack()?;
    Some(
        half_open(Cause::BadHandshakeAck)
            .because(
                Fact::at(FactKind::WrongHandshakeAck, trigger.frame())
                    .with(i64::from(number.since(view.own().snd_max))),
            )
            .because(view.answer_fact()),
    )
}

/// Both sides had closed, and a copy of something old arrived.
fn late_segment(view: &View<'_>) -> Option<Opinion> {
    let trigger = view.echo_trigger()?;
    let late = view.both_closed() && (trigger.is_old_data() || trigger.is_pure_ack() || trigger.is_probe());
    let acked_before =
        trigger.is_old_data() && view.own().shows(Marks::ACKED) && view.own().max_ack.since(trigger.seq_end()) >= 0;
    if !late || !(acked_before || trigger.seq_len() == 0 || trigger.is_probe()) {
        return None;
    }
    Some(
        half_open(Cause::LateSegment)
            .because(Fact::at(FactKind::LateCopy, trigger.frame()))
            .because(view.answer_fact())
            .because(view.own_fin_frame().map(|frame| Fact::at(FactKind::BothClosed, frame))),
    )
}

/// A lone ACK without a connection around it: a probe, or the tail of something older.
fn stray_ack(view: &View<'_>) -> Option<Opinion> {
    let trigger = view.echo_trigger()?;
    let alone = view.is_own_silent() && view.peer_before().all(|past| past.is_pure_ack() && !past.is_probe());
    (alone && trigger.is_pure_ack()).then(|| {
        half_open(Cause::StrayAck)
            .because(view.answer_fact())
            .sure(Certainty::Possible)
            .lacking(Missing::Handshake)
            .or(
                Class::HalfOpenResponse,
                Cause::LostState,
                "the sender may have lost a connection that began before the capture",
            )
            .or(Class::ClosedPort, Cause::ProbeAnswered, "a scanner sends such ACKs, too")
    })
}

/// P uses a connection that E, which never closed it, does not know (RFC 9293 3.5.1).
fn lost_state(view: &View<'_>) -> Option<Opinion> {
    let Some(trigger) = view.echo_trigger().or_else(|| full_echo(view)) else { return forgotten_trigger(view) };
    let hidden_fin = view.peer().shows(Marks::ACKS_UNSEEN) && beyond_by_one(view, trigger) && trigger.seq_len() > 0;
    if view.own_closed() || trigger.flags().syn() || hidden_fin || view.is_alive_at_trigger() {
        return None;
    }
    let silent = view.is_own_silent();
    let gap = view.own_gap();
    let began_before = !view.saw_handshake();
    let mut opinion = half_open(Cause::LostState)
        .because(view.answer_fact())
        .because_if(view.has_no_socket_marks(), FactKind::NoSocketMarks)
        .because_if(!silent, FactKind::NoFinFromSender)
        .because_if(!silent && !gap, FactKind::NoGapInSender)
        .because(trigger.is_probe().then(|| Fact::at(FactKind::KeepaliveProbe, trigger.frame())))
        .because(retransmissions(view))
        .lacking_if(began_before, Missing::Handshake)
        .lacking_if(gap, Missing::SenderSegments);
    let may_have_closed = silent && trigger.payload_len() == 0;
    let numbers_unseen = !silent && beyond_by_one(view, trigger);
    if view.shape.swapped || may_have_closed || numbers_unseen || view.form() != Form::AckEcho {
        opinion = opinion.at_most(Certainty::Possible);
    }
    Some(with_other_readings(view, trigger, opinion))
}

/// What else may have made E's socket go.
fn with_other_readings(view: &View<'_>, trigger: &Past, mut opinion: Opinion) -> Opinion {
    if view.was_just_alive() {
        opinion = opinion.or(
            Class::HalfOpenResponse,
            Cause::Consequence,
            "it was alive a moment before, so a reset from the path that the capture does not show may have ended its connection",
        );
    }
    if trigger.is_old_data() {
        opinion = opinion.or(
            Class::HalfOpenResponse,
            Cause::LateSegment,
            "it answers a copy of something old, and both sides may have closed without that being captured",
        );
    }
    if view.peer().shows(Marks::FIN) && view.is_established() && !view.is_own_silent() {
        opinion = opinion.or(
            Class::AbortiveClose,
            Cause::DataAfterClose,
            "the sender may have shut its socket down without a FIN being captured",
        );
    } else {
        opinion = opinion.or(
            Class::AbortiveClose,
            Cause::DataAfterClose,
            "its FIN or RST may have been lost before the capture point",
        );
    }
    opinion
}

/// E's stack makes all its resets alike, so the numbers do not tell, but its IP IDs began anew: it does not know T's connection.
fn restarted(view: &View<'_>) -> Option<Opinion> {
    let trigger = view.maybe_full_echo()?;
    let anew = view.suspicion.facts.iter().find(|fact| fact.kind == FactKind::ForeignIpId)?;
    (!view.own_closed()).then(|| {
        half_open(Cause::LostState)
            .because(Fact::at(FactKind::FullEcho, trigger.frame()))
            .because(*anew)
            .because(Fact::of(FactKind::NoFinFromSender))
            .sure(Certainty::Possible)
            .or(Class::AbortiveClose, Cause::Abort, "a live socket of such a stack is reset with the same numbers")
    })
}

/// T was one of more segments in flight than are kept.
fn forgotten_trigger(view: &View<'_>) -> Option<Opinion> {
    let fits = view.form() == Form::AckEcho && view.trigger().is_none() && !view.own_closed();
    fits.then(|| {
        half_open(Cause::LostState)
            .because_if(view.has_no_socket_marks(), FactKind::NoSocketMarks)
            .because(Fact::of(FactKind::NoFinFromSender))
            .sure(Certainty::Possible)
            .lacking(Missing::Trigger)
            .or(
                Class::AbortiveClose,
                Cause::DataAfterClose,
                "its FIN or RST may have been lost before the capture point",
            )
    })
}

/// RST|ACK with both numbers of T (lwIP, middleboxes), from a side that has shown nothing else; or of a probe, whose number is below
/// what a live socket would acknowledge.
fn full_echo<'a>(view: &'a View<'_>) -> Option<&'a Past> {
    let made_from = |trigger: &&Past| {
        trigger.flags().ack() && (view.is_own_silent() || trigger.is_probe() && view.reset().flags.ack())
    };
    view.trigger().filter(|_| view.form() == Form::Other).filter(made_from)
}

/// P acknowledges one number more than E was seen to send: a FIN that was not captured.
fn beyond_by_one(view: &View<'_>, trigger: &Past) -> bool {
    !view.is_own_silent() && trigger.ack().is_some_and(|ack| ack.since(view.own().snd_max) == 1)
}

/// P's segments had gone unanswered before.
fn retransmissions(view: &View<'_>) -> Option<Fact> {
    let count = view.peer().retransmissions;
    (count > 0).then(|| Fact::of(FactKind::RetransmissionsUnanswered).with(i64::from(count)))
}
