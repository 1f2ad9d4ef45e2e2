//! TIME-WAIT collision: a four-tuple was used again while its previous incarnation lingered at one end.

use crate::tcp::SeqNum;
use crate::track::{Endpoint, KEPT_AFTER_CLOSE, Marks, Past, Previous};

use super::form::REORDER_NS;
use super::opinion::{Judgement, Opinion};
use super::view::View;
use super::{Cause, Certainty, Class, Fact, FactKind, Form, Missing};

/// How long FIN-WAIT-2 lasts without the peer's FIN on Linux (tcp_fin_timeout, and its timer's slack).
const FIN_WAIT_2_NS: i64 = 62_000_000_000;
/// A stray segment draws an ACK, and that a RST, in less than this.
pub const DRAWN_NS: i64 = 1_000_000_000;

/// Whether a previous life of the four-tuple was in the way.
pub fn judge(view: &View<'_>) -> Judgement {
    let rules = [reset_by_client, reset_by_server, assassination, refused_unseen_syn, killed_unseen];
    if let Some(opinion) = rules.iter().find_map(|rule| rule(view)) {
        return opinion.fits();
    }
    match &view.case.previous {
        Some(previous) if !previous.over && was_open(previous) => match previous.last_segment {
            Some(last) => Judgement::Against(Fact::at(FactKind::PreviousOpen, last.frame())),
            None => Judgement::Silent,
        },
        _ => Judgement::Silent,
    }
}

fn collision(cause: Cause) -> Opinion {
    Opinion::new(Class::TimeWaitCollision, cause)
}

/// The ACK with foreign numbers that answered E's SYN, if that is what provoked the RST (Linux tcp_rcv_synsent_state_process).
pub fn old_ack<'a>(view: &'a View<'_>) -> Option<&'a Past> {
    let trigger = view.trigger()?;
    let asked =
        view.own().shows(Marks::SYN) && !view.own().shows(Marks::SYN_ACK) && !view.own().shows(Marks::PLAIN_ACK);
    let foreign = trigger.is_pure_ack() && trigger.ack() != Some(view.own().snd_max);
    (asked && foreign && !view.peer().shows(Marks::SYN_ACK)).then_some(trigger)
}

/// E's SYN met P's TIME-WAIT: P repeated its last ACK (RFC 9293 3.10.7.4), E, in SYN-SENT, reset it.
fn reset_by_client(view: &View<'_>) -> Option<Opinion> {
    let ack = old_ack(view)?;
    let fact = Fact::at(FactKind::OldAckToSyn, ack.frame());
    let opinion = collision(Cause::SynResetByClient).because(fact);
    let opinion = match &view.case.previous {
        Some(previous) if lingers(previous, ack) => opinion.because(closed_fact(view, previous)),
        // IP ID 0 is how a TIME-WAIT bucket of Linux answers; a live socket's ID runs on.
        previous if ack.ip_id() == Some(0) && !previous.as_deref().is_some_and(was_open) => opinion
            .because(Fact::at(FactKind::OldAckIdZero, ack.frame()))
            .sure(Certainty::Possible)
            .lacking(Missing::PreviousConnection)
            .or(Class::HalfOpenResponse, Cause::SynDiscovery, "the server may still hold the old connection open"),
        _ => return None,
    };
    Some(opinion.because(retry_fact(view)))
}

/// Whether P had closed, and E's side of the close was seen or P's ACK is a TIME-WAIT bucket's: else its FIN waits in a live socket.
fn lingers(previous: &Previous, ack: &Past) -> bool {
    let answered = previous.peer.fin_acked_by(&previous.own) || previous.own.shows(Marks::FIN);
    previous.peer.shows(Marks::FIN) && !was_reset(previous) && (answered || ack.ip_id() == Some(0))
}

/// Whether enough of the previous life was captured to tell that P had not closed before: its handshake, or what P does not send once
/// it has closed.
pub fn was_open(previous: &Previous) -> bool {
    let shows = |marks| previous.own.shows(marks) || previous.peer.shows(marks);
    shows(Marks::SYN) || previous.peer.shows(Marks::DATA) || previous.peer.shows(Marks::FIN)
}

fn was_reset(previous: &Previous) -> bool {
    previous.own.shows(Marks::RST) || previous.peer.shows(Marks::RST)
}

/// How the previous life ended: the first FIN, and how long before the RST's SYN its last segment came.
fn closed_fact(view: &View<'_>, previous: &Previous) -> Option<Fact> {
    let ago = view.reset().time.since(previous.last);
    let frame = previous.first_fin.or(previous.last_segment)?.frame();
    Some(Fact::at(FactKind::PreviousClosed, frame).with(ago))
}

/// What the repeated SYN got, if E tried again.
pub fn retry_fact(view: &View<'_>) -> Option<Fact> {
    let retry = view.own_after().find(|past| past.flags().syn())?;
    let accepted =
        view.peer_after().find(|past| past.flags().syn() && past.flags().ack() && past.moment() > retry.moment());
    Some(match accepted {
        Some(answer) => Fact::at(FactKind::RetryAccepted, answer.frame()),
        None => Fact::at(FactKind::SynRetried, retry.frame()),
    })
}

/// P's SYN met E's FIN-WAIT-2 bucket (Linux tcp_timewait_state_process: TCP_TW_RST), or a TIME-WAIT that answers with RST (lwIP).
fn reset_by_server(view: &View<'_>) -> Option<Opinion> {
    let trigger = view.trigger().filter(|trigger| trigger.flags().syn() && !trigger.flags().ack())?;
    let previous = view.case.previous.as_ref()?;
    let closed_here = previous.own.shows(Marks::FIN) && previous.first_closer == Some(view.case.sender);
    let fresh = view.reset().time.since(previous.last) < linger_of(previous);
    if !view.is_own_silent() || !closed_here || !fresh || was_reset(previous) || !is_in_old_window(trigger, previous) {
        return None;
    }
    let listening = view.case.port_later.last_accepted.is_some_and(|sight| sight.time.since(previous.last) > 0);
    Some(
        collision(Cause::SynResetByServer)
            .because(view.answer_fact())
            .because(closed_fact(view, previous))
            .because(Fact::at(FactKind::SynInOldWindow, trigger.frame()))
            .because_if(listening, FactKind::SamePortAccepts)
            .because(retry_fact(view))
            .or(Class::ClosedPort, Cause::NoListener, "the service may have stopped since"),
    )
}

/// TIME-WAIT lasts up to four minutes, FIN-WAIT-2 without the peer's FIN one.
fn linger_of(previous: &Previous) -> i64 {
    if previous.peer.shows(Marks::FIN) { KEPT_AFTER_CLOSE } else { FIN_WAIT_2_NS }
}

fn is_in_old_window(syn: &Past, previous: &Previous) -> bool {
    let own: &Endpoint = &previous.own;
    let next = if own.shows(Marks::ACKED) { own.max_ack } else { previous.peer.snd_max };
    syn.seq().is_within(next, window_of(own))
}

/// Without its SYN the scale of the window is unknown; a megabyte is what most stacks offer at most.
fn window_of(own: &Endpoint) -> u32 {
    let scaled = u32::from(own.window.max(1)) << u32::from(own.wscale.min(14));
    if own.shows(Marks::SYN) { scaled } else { 1 << 20 }
}

/// RFC 1337: a stray segment made P, in TIME-WAIT, repeat its ACK; E, which had closed for good, reset it.
fn assassination(view: &View<'_>) -> Option<Opinion> {
    let trigger = view.echo_trigger().filter(|trigger| trigger.is_pure_ack() && !trigger.is_probe())?;
    let first_closer = view.case.life.first_closer?;
    if view.form() != Form::AckEcho || !view.both_closed() || first_closer == view.case.sender {
        return None;
    }
    // The ACK that ends LAST-ACK is no answer to a stray segment.
    let again = |past: &Past| past.ack() == trigger.ack() && past.is_pure_ack();
    let close = |past: &&Past| past.time().since(view.reset().time) <= REORDER_NS;
    let repeated = view.peer_before().any(|past| past.moment() < trigger.moment() && again(past))
        || view.peer_after().take_while(close).any(again);
    let stray = view.own_before().rev().find(|past| past.moment() < trigger.moment() && past.is_old_data());
    if !repeated {
        return None;
    }
    Some(
        collision(Cause::Assassination)
            .because(view.answer_fact())
            .because(stray.map(|past| Fact::at(FactKind::LateCopy, past.frame())))
            .because(view.own_fin_frame().map(|frame| Fact::at(FactKind::BothClosed, frame))),
    )
}

/// One direction only: E had closed, and refuses a SYN whose number lies in its window: a FIN-WAIT-2 bucket does that (Linux
/// tcp_timewait_state_process: TCP_TW_RST), or a TIME-WAIT that answers with RST.
fn refused_unseen_syn(view: &View<'_>) -> Option<Opinion> {
    let (own, reset) = (view.own(), view.reset());
    let one_sided = view.is_peer_silent() && own.shows(Marks::FIN) && own.shows(Marks::ACKED);
    let syn = reset.ack().filter(|_| one_sided && reset.seq == SeqNum(0) && reset.window == 0)?.plus(u32::MAX);
    let fresh = reset.time.since(own.last) < FIN_WAIT_2_NS;
    let in_window = syn.is_within(own.max_ack, window_of(own));
    (fresh && in_window && view.own_resets().next().is_none()).then(|| {
        collision(Cause::SynResetByServer)
            .because(view.own_fin_frame().map(|frame| Fact::at(FactKind::FinFromSender, frame)))
            .because(Fact::of(FactKind::SynInOldWindow))
            .sure(Certainty::Possible)
            .lacking(Missing::OtherDirection)
            .lacking(Missing::Trigger)
            .or(Class::ClosedPort, Cause::NoListener, "the service may have stopped since")
    })
}

/// One direction only: E had closed, then a copy of something that it had sent before came late, and E reset. A copy that E's
/// stack made then would acknowledge all that E had acknowledged.
fn killed_unseen(view: &View<'_>) -> Option<Opinion> {
    let (own, reset) = (view.own(), view.reset());
    let one_sided = view.is_peer_silent() && own.shows(Marks::FIN) && own.shows(Marks::ACKED);
    if !one_sided || reset.flags.ack() || reset.seq != own.fin.plus(1) {
        return None;
    }
    let close = |past: &&Past| reset.time.since(past.time()) <= DRAWN_NS;
    let stale = |past: &&Past| past.is_old_data() && past.ack().is_some_and(|ack| own.max_ack.is_after(ack));
    let stray = view.own_before().rev().take_while(close).find(stale)?;
    Some(
        collision(Cause::Assassination)
            .because(Fact::at(FactKind::LateCopy, stray.frame()))
            .because(view.own_fin_frame().map(|frame| Fact::at(FactKind::FinFromSender, frame)))
            .sure(Certainty::Possible)
            .lacking(Missing::OtherDirection)
            .lacking(Missing::Trigger)
            .or(
                Class::AbortiveClose,
                Cause::DataAfterClose,
                "the peer may have sent data that the sender no longer took",
            ),
    )
}
