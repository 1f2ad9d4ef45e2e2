//! What a RST did: whether its receiver acted on it, what the application saw, what was lost.

use crate::track::{Endpoint, Marks, Past};

use super::checksum;
use super::form::REORDER_NS;
use super::icmp;
use super::middlebox;
use super::state::Shown;
use super::time_wait::old_ack;
use super::view::View;
use super::{Application, Class, Effect, Fact, FactKind, Form, OnPeer, States};

/// Judges the effect of a RST of `class` by RFC 9293 3.10.7 and RFC 5961 section 3.2, and by what followed; with what
/// shows it.
pub fn effect(view: &View<'_>, class: Class) -> (Effect, Vec<Fact>) {
    let (on_peer, facts) = on_peer(view, class);
    // Whoever holds a TIME-WAIT has closed its socket before.
    let application = match class {
        Class::TimeWaitCollision if on_peer != OnPeer::Unknown && view.is_opener() == Some(true) => {
            Some(Application::Nothing)
        }
        _ => application(view, on_peer),
    };
    // P answered a SYN with numbers of an older life: nothing of this one was sent yet.
    if old_ack(view).is_some() {
        let none = Effect { on_peer, application, bytes_lost_to_sender: None, bytes_lost_to_peer: Some(0) };
        return (none, facts);
    }
    let effect = Effect {
        on_peer,
        application,
        bytes_lost_to_sender: view.peer().unacknowledged(&acknowledging(view)),
        bytes_lost_to_peer: view.own().unacknowledged(view.peer()),
    };
    (effect, facts)
}

/// E with what the RST itself acknowledges.
fn acknowledging(view: &View<'_>) -> Endpoint {
    let mut own = *view.own();
    if let Some(ack) = view.reset().ack()
        && view.form() == Form::Active
        && own.shows(Marks::ACKED)
    {
        own.max_ack = own.max_ack.max(ack);
    }
    own
}

fn on_peer(view: &View<'_>, class: Class) -> (OnPeer, Vec<Fact>) {
    if view.is_peer_silent() {
        return (OnPeer::Unknown, Vec::new());
    }
    if had_reset(view, class) || (view.both_closed() && view.case.life.first_closer == Some(view.case.sender)) {
        return (OnPeer::TooLate, Vec::new());
    }
    if let Some(answer) = challenge(view) {
        return (OnPeer::Challenged, vec![Fact::at(FactKind::ChallengeAck, answer.frame())]);
    }
    let went_on =
        continuation(view).or_else(|| lingers_on(view)).map(|next| Fact::at(FactKind::PeerContinues, next.frame()));
    let dropped = checksum::wrong(view.case);
    let ignored: Vec<Fact> = [icmp::undelivered(view), dropped, went_on].into_iter().flatten().collect();
    if !ignored.is_empty() {
        return (OnPeer::Ignored, ignored);
    }
    (acceptance(view), Vec::new())
}

/// Whether P's connection had ended with a RST of its own. Who speaks on did not send "its" RST, nor did who was reset at both
/// ends by one hand; and a new SYN after a RST is another attempt.
fn had_reset(view: &View<'_>, class: Class) -> bool {
    let last = view.peer_before().rfind(|past| past.flags().rst());
    let spoke = |last: &Past| {
        let mut later = view.peer_before().filter(|past| !past.flags().rst());
        later.any(|past| past.time().since(last.time()) > REORDER_NS)
    };
    let alive = last.is_some_and(spoke) || class == Class::Forged && middlebox::mirror(view).is_some();
    view.peer().shows(Marks::RST) && !alive
}

/// P's old ACK once more: its TIME-WAIT outlived the RST (Linux tcp_rfc1337; RFC 1337 section 3).
fn lingers_on<'a>(view: &View<'a>) -> Option<&'a Past> {
    let old = old_ack(view)?;
    let same = |past: &&Past| past.is_pure_ack() && past.ack() == old.ack() && past.seq() == old.seq();
    view.peer_after().filter(|past| !view.may_be_copy(past)).find(same)
}

/// Whether the numbers are acceptable to P, and how sure the silence after makes it.
fn acceptance(view: &View<'_>) -> OnPeer {
    let (own, peer, reset) = (view.own(), view.peer(), view.reset());
    let watched = !view.case.capture_ended && !view.case.cut_short;
    let accepted = if watched { OnPeer::Accepted } else { OnPeer::ProbablyAccepted };
    let connecting = peer.shows(Marks::SYN) && !peer.shows(Marks::SYN_ACK) && !peer.shows(Marks::PLAIN_ACK);
    if connecting && !own.shows(Marks::SYN_ACK) {
        // SYN-SENT: only a RST that acknowledges the SYN counts (RFC 9293 3.10.7.3).
        let acks_syn = reset.ack().is_some_and(|ack| ack.since(peer.base) > 0 && ack.since(peer.snd_max) <= 0);
        return if acks_syn { accepted } else { OnPeer::Ignored };
    }
    if !peer.shows(Marks::ACKED) {
        return OnPeer::Unknown;
    }
    // RCV.NXT lies between what P acknowledged and what E had sent; P may have had E's last data, too.
    let lowest = peer.max_ack;
    let highest = if own.shows(Marks::SENT) { own.snd_max.max(lowest) } else { lowest };
    let exact = reset.seq.since(lowest) >= 0 && reset.seq.since(highest) <= 0;
    let in_window = is_in_window(view);
    // Behind E's FIN, Linux takes the FIN's own number, too (tcp_reset_check); RFC 5961 3.2 does not.
    let of_fin = own.fin_acked_by(peer) && reset.seq == own.fin;
    match exact {
        true => accepted,
        false if of_fin => OnPeer::ProbablyAccepted,
        false if in_window => OnPeer::Unknown,
        false => OnPeer::Ignored,
    }
}

/// Whether the RST's number may lie in P's window.
fn is_in_window(view: &View<'_>) -> bool {
    let peer = view.peer();
    // Without P's SYN the scale of its window is unknown (RFC 7323 2.2: at most 14).
    let scale = if peer.shows(Marks::SYN) { peer.wscale.min(14) } else { 14 };
    view.reset().seq.is_within(peer.max_ack, u32::from(peer.window.max(1)) << u32::from(scale))
}

/// The pure ACK with P's own next numbers that RFC 5961 3.2 asks for when the number is not exact.
fn challenge<'a>(view: &View<'a>) -> Option<&'a Past> {
    let peer = view.peer();
    let exact = peer.shows(Marks::ACKED) && view.reset().seq == peer.max_ack;
    let answer = view.peer_after().next()?;
    let fits = answer.is_pure_ack() && answer.seq() == peer.snd_max && answer.ack() == Some(peer.max_ack);
    let soon = answer.time().since(view.reset().time) < 1_000_000_000;
    (fits && soon && !exact && is_in_window(view) && view.is_established()).then_some(answer)
}

/// P's segment that shows its connection lives on: it came a while after the RST, and no new attempt lies between.
fn continuation<'a>(view: &View<'a>) -> Option<&'a Past> {
    let reset = view.reset();
    let round_trip = i64::from(view.own().answer_ns) + i64::from(view.peer().answer_ns);
    let patience = (2 * round_trip).max(1_000_000);
    let mut same_attempt = view.case.after.iter().take_while(|past| !past.flags().syn());
    same_attempt.find(|past| {
        let late = past.time().since(reset.time) > patience;
        !view.case.is_own(past) && late && !past.flags().rst() && !view.may_be_copy(past)
    })
}

fn application(view: &View<'_>, on_peer: OnPeer) -> Option<Application> {
    let peer = view.peer();
    match on_peer {
        OnPeer::Ignored | OnPeer::Challenged | OnPeer::TooLate => Some(Application::Nothing),
        OnPeer::Unknown => None,
        OnPeer::Accepted | OnPeer::ProbablyAccepted => Some(if is_connecting(view) {
            Application::ConnRefused
        } else if peer.shows(Marks::SYN_ACK) && !view.own().shows(Marks::PLAIN_ACK) && !peer.shows(Marks::DATA) {
            // SYN-RECEIVED: the connection never reached accept().
            Application::Nothing
        } else if peer.shows(Marks::FIN) {
            Application::Nothing
        } else if view.own_closed() && peer.shows(Marks::DATA) && view.form() == Form::AckEcho {
            Application::BrokenPipe
        } else {
            Application::ConnReset
        }),
    }
}

fn is_connecting(view: &View<'_>) -> bool {
    let peer = view.peer();
    peer.shows(Marks::SYN)
        && !peer.shows(Marks::SYN_ACK)
        && !peer.shows(Marks::PLAIN_ACK)
        && !view.own().shows(Marks::SYN_ACK)
}

/// The RFC 9293 states that fit what both sides have shown.
pub fn states(view: &View<'_>, class: Class) -> States {
    // The numbers of P's old ACK are all that the capture shows of its state.
    if class == Class::TimeWaitCollision && old_ack(view).is_some() {
        return States { client: Some("SYN-SENT"), server: Some("TIME-WAIT") };
    }
    let closed_first = |side| view.case.life.first_closer == Some(side);
    let own = shown(view.own(), view.peer(), closed_first(view.case.sender));
    let peer = shown(view.peer(), view.own(), closed_first(view.case.sender.other()));
    let connected = view.is_in_place_of_ack().then_some("ESTABLISHED");
    let (own, peer) = (connected.or_else(|| own.state(&peer)), peer.state(&own));
    match view.is_opener() {
        Some(true) => States { client: own, server: peer },
        Some(false) => States { client: peer, server: own },
        None => States::default(),
    }
}

fn shown(own: &Endpoint, peer: &Endpoint, closed_first: bool) -> Shown {
    Shown {
        sent: own.shows(Marks::SENT),
        reset: own.shows(Marks::RST),
        syn: own.shows(Marks::SYN),
        syn_ack: own.shows(Marks::SYN_ACK),
        plain_ack: own.shows(Marks::PLAIN_ACK),
        acked_opening: own.max_ack.is_after(peer.base) || !own.shows(Marks::SYN),
        fin: own.shows(Marks::FIN),
        fin_acked: own.fin_acked_by(peer),
        closed_first,
    }
}
