//! Abortive close: the sender had the connection and threw it away, or had already closed it and refuses what still arrives.

use crate::track::{Marks, Past, SAME_INSTANT_NS, Sight};

use super::opinion::{Judgement, Opinion};
use super::time_wait::DRAWN_NS;
use super::view::View;
use super::{Cause, Certainty, Class, Fact, FactKind, Form, Missing};

/// Data that arrived this shortly before an abort had hardly been read.
const JUST_ARRIVED_NS: i64 = 100_000_000;
/// A connection reset without data this soon after its handshake was made only to be tried.
const TRIED_NS: i64 = 5_000_000_000;
/// What a program accepts it has within this time, unless it is overloaded.
const NEW_NS: i64 = 1_000_000_000;
/// The shortest wait for the answer to a keepalive probe: TCP_KEEPINTVL counts in seconds, the clock may be a little off.
const PROBE_NS: i64 = 900_000_000;
/// A window that has opened by two full segments is worth an ACK of its own.
const NEWS_OF_WINDOW: i64 = 2 * 1460;
/// A request this soon after a FIN may have been made before the program looked at its sockets.
const UNNOTICED_NS: i64 = 100_000_000;
/// Silence from which on a FIN is that of an idle connection.
const IDLE_NS: i64 = 1_000_000_000;
/// Silence from which on an abort is rather a timer's or an administrator's than a program's.
const LONG_IDLE_NS: i64 = 10_000_000_000;

/// Whether E threw a connection away.
pub fn judge(view: &View<'_>) -> Judgement {
    let rules = [mptcp, after_close, active, bare];
    if let Some(opinion) = rules.iter().find_map(|rule| rule(view)) {
        return opinion.fits();
    }
    if view.is_own_silent() {
        return Judgement::Against(Fact::of(FactKind::NoSynAckFromSender));
    }
    if view.form() == Form::AckEcho && !view.own_closed() {
        return Judgement::Against(Fact::of(FactKind::NoFinFromSender));
    }
    Judgement::Silent
}

fn abortive(cause: Cause) -> Opinion {
    Opinion::new(Class::AbortiveClose, cause)
}

/// The RST's own MPTCP option names the reason (RFC 8684 3.5 and 3.6).
fn mptcp(view: &View<'_>) -> Option<Opinion> {
    const FAST_CLOSE: u8 = 7;
    const RESET: u8 = 8;
    let subtype = view.reset().options.mptcp?;
    let cause = match subtype {
        FAST_CLOSE => Cause::MptcpFastclose,
        RESET if view.is_own_silent() => return None,
        RESET => Cause::MptcpSubflowReset,
        _ => return None,
    };
    Some(abortive(cause).because(Fact::of(FactKind::MptcpOption).with(i64::from(subtype))))
}

/// E had sent FIN before.
fn after_close(view: &View<'_>) -> Option<Opinion> {
    let hidden = hidden_fin(view);
    if !view.own_closed() && hidden.is_none() {
        return None;
    }
    let fin = view.own_fin_frame().map(|frame| Fact::at(FactKind::FinFromSender, frame));
    let opinion = match (view.form(), view.trigger()) {
        (Form::AckEcho, Some(trigger)) => refused_after_close(view, trigger),
        (Form::Active, _) => active_after_close(view),
        (_, Some(trigger)) => refused_after_close(view, trigger).at_most(Certainty::Likely),
        // macOS: with the FIN's own number, one below what the peer expects.
        _ if view.reset().flags.ack() && view.reset().seq == view.own().fin => active_after_close(view),
        (_, None) => abortive(Cause::DataAfterClose).sure(Certainty::Possible).lacking(Missing::Trigger).or(
            Class::HalfOpenResponse,
            Cause::LateSegment,
            "both sides may have closed, and something late have arrived",
        ),
    };
    Some(opinion.because(fin).because(hidden).lacking_if(hidden.is_some(), Missing::SenderSegments))
}

/// P acknowledges one number more than E was seen to send: E's FIN was not captured.
fn hidden_fin(view: &View<'_>) -> Option<Fact> {
    let trigger = view.echo_trigger().filter(|trigger| trigger.seq_len() > 0)?;
    let beyond = trigger.ack()?.since(view.own().snd_max);
    (!view.own_closed() && !view.is_own_silent() && view.own().shows(Marks::PLAIN_ACK) && beyond == 1)
        .then(|| Fact::at(FactKind::GapInSender, trigger.frame()))
}

/// E's socket had been closed, and T met it (Linux tcp_rcv_state_process: TCP_ABORT_ON_DATA; tcp_timewait_state_process: TCP_TW_RST).
fn refused_after_close(view: &View<'_>, trigger: &Past) -> Opinion {
    let answer = view.answer_fact();
    let pure = trigger.is_pure_ack() && !trigger.is_probe();
    let acks_fin = pure && trigger.ack() == Some(view.own().fin.plus(1)) && !view.peer_closed_before_trigger();
    if acks_fin && was_acked_before(view, trigger) {
        return late_ack(answer);
    }
    if acks_fin {
        return abortive(Cause::Linger2).because(answer).because(Fact::at(FactKind::PureAckOfFin, trigger.frame())).or(
            Class::AbortiveClose,
            Cause::DataAfterClose,
            "its socket may have been gone for another reason",
        );
    }
    let cause = if is_keepalive_race(view, trigger) { Cause::KeepaliveRace } else { Cause::DataAfterClose };
    let bytes = Fact::at(FactKind::DataAfterFin, trigger.frame()).with(i64::from(trigger.payload_len()));
    let opinion = abortive(cause).because(answer).because((trigger.payload_len() > 0).then_some(bytes));
    let opinion = opinion.sure(certainty_after_close(view, trigger));
    match cause {
        Cause::KeepaliveRace => opinion.or(
            Class::AbortiveClose,
            Cause::DataAfterClose,
            "the server may have closed for another reason than idleness",
        ),
        _ if view.both_closed() => {
            opinion.or(Class::HalfOpenResponse, Cause::LateSegment, "it may be a copy from the network")
        }
        _ if comes_after_idle_close(view, trigger, UNNOTICED_NS) => opinion.or(
            Class::AbortiveClose,
            Cause::KeepaliveRace,
            "the server had closed the idle connection just before, and the client's program may not have noticed yet",
        ),
        // Linux gives an orphan up in silence (tcp_orphan_retries).
        _ if view.own().shows(Marks::FIN_REPEATED) && !view.own().fin_acked_by(view.peer()) => opinion.or(
            Class::HalfOpenResponse,
            Cause::LostState,
            "its socket may have given up waiting for an acknowledgment of its FIN, which the peer never got",
        ),
        _ => opinion,
    }
}

/// Whether E had left the same ACK of its FIN unanswered long before T.
fn was_acked_before(view: &View<'_>, trigger: &Past) -> bool {
    view.peer_before().any(|past| past.ack() == trigger.ack() && trigger.time().since(past.time()) > DRAWN_NS)
}

/// E's socket went after the first ACK of its FIN, which P, whose own FIN was not captured, repeats: with TCP_LINGER2 the first had been refused.
fn late_ack(answer: Option<Fact>) -> Opinion {
    abortive(Cause::DataAfterClose)
        .because(answer)
        .sure(Certainty::Possible)
        .or(
            Class::TimeWaitCollision,
            Cause::Assassination,
            "the peer may have closed, too, and repeat the ACK from TIME-WAIT",
        )
        .or(Class::HalfOpenResponse, Cause::LateSegment, "both sides may have closed, and a copy may have come late")
}

/// With E's FIN, T's data beyond it and the marks of an answer without a socket nothing else fits.
fn certainty_after_close(view: &View<'_>, trigger: &Past) -> Certainty {
    let plain = view.form() == Form::AckEcho && view.has_no_socket_marks() && !view.shape.swapped;
    let new_data = trigger.payload_len() > 0 && !trigger.is_old_data() && view.own_fin_frame().is_some();
    let same_host = view.reset().ip.ttl == view.own().ttl && view.suspicion.weight == 0;
    let quiet = view.own_after().all(|past| past.flags().rst()) && !view.case.capture_ended && !view.case.cut_short;
    let whole = view.saw_handshake() && !view.own_gap();
    if plain && new_data && same_host && quiet && whole { Certainty::Certain } else { Certainty::Likely }
}

/// E closed an idle connection, and P's next request, sent before it knew, crossed the FIN.
fn is_keepalive_race(view: &View<'_>, trigger: &Past) -> bool {
    let crossed = trigger.ack().is_some_and(|ack| ack.since(view.own().fin) <= 0);
    crossed && comes_after_idle_close(view, trigger, IDLE_NS)
}

/// Whether E, a server that has answered before, closed an idle connection, and T is data less than `soon` nanoseconds later.
fn comes_after_idle_close(view: &View<'_>, trigger: &Past, soon: i64) -> bool {
    let Some(fin) = view.own_before().find(|past| past.flags().fin()) else { return false };
    let before = view.case.before.iter().rev().find(|past| past.moment() < fin.moment());
    let idle = before.is_some_and(|past| fin.time().since(past.time()) >= IDLE_NS);
    let serving = view.is_opener() == Some(false) && view.own().shows(Marks::DATA);
    trigger.payload_len() > 0 && idle && serving && trigger.time().since(fin.time()) < soon
}

/// E, having sent FIN, destroyed its socket.
fn active_after_close(view: &View<'_>) -> Opinion {
    let unanswered = view.own().retransmissions;
    let waited = view.own().shows(Marks::FIN_REPEATED) || unanswered >= 2 || view.own().probes >= 2;
    if waited {
        let count = i64::from(unanswered.max(view.own().probes));
        return abortive(Cause::OrphanTimeout).because(Fact::of(FactKind::RetransmissionsUnanswered).with(count)).or(
            Class::AbortiveClose,
            Cause::RstAfterFin,
            "the program may have aborted while it waited",
        );
    }
    let unread = unread_fact(view);
    abortive(Cause::RstAfterFin).because(number_facts(view)).because(unread).or(
        Class::AbortiveClose,
        Cause::UnreadData,
        "data of the peer may have lain unread",
    )
}

/// E's live socket was destroyed.
fn active(view: &View<'_>) -> Option<Opinion> {
    if view.form() != Form::Active || view.own_closed() {
        return None;
    }
    if view.is_own_silent() && view.is_peer_silent() {
        return None;
    }
    let timers = [keepalive_timeout, zero_window, user_timeout];
    let rules = [listener_closed, connect_then_reset, instead_of_fin, unread_data, long_idle, linger_zero];
    let opinion = timers.iter().chain(&rules).find_map(|rule| rule(view)).unwrap_or_else(|| motive_unseen(view));
    let opinion = opinion.because(number_facts(view)).because(socket_marks(view));
    let opinion = match view.maybe_full_echo() {
        Some(echoed) => opinion.because(Fact::at(FactKind::FullEcho, echoed.frame())).at_most(Certainty::Possible).or(
            Class::HalfOpenResponse,
            Cause::LostState,
            "a small stack that restarted answers with the same numbers",
        ),
        None => opinion,
    };
    Some(weaken(view, opinion))
}

/// Nothing shows why; what E never answered it may not have read.
fn motive_unseen(view: &View<'_>) -> Opinion {
    let opinion = abortive(Cause::Abort);
    match view.unanswered_bytes() {
        0 => opinion,
        bytes => opinion.because(Fact::of(FactKind::UnansweredData).with(i64::from(bytes))).or(
            Class::AbortiveClose,
            Cause::UnreadData,
            "the last data of the peer may have lain unread",
        ),
    }
}

/// What the capture lacks makes the motive, then the class, less sure.
fn weaken(view: &View<'_>, mut opinion: Opinion) -> Opinion {
    if view.is_own_silent() || view.is_peer_silent() {
        opinion.cause = Cause::Abort;
        opinion = opinion.at_most(Certainty::Possible);
    }
    opinion
        .lacking_if(!view.saw_handshake(), Missing::Handshake)
        .lacking_if(view.is_peer_silent(), Missing::OtherDirection)
        .lacking_if(view.acks_unseen_bytes(), Missing::PeerSegments)
        .lacking_if(view.case.capture_ended && view.case.after.is_empty(), Missing::Aftermath)
}

fn number_facts(view: &View<'_>) -> Option<Fact> {
    match view.seq_offset() {
        _ if view.is_own_silent() => None,
        0 => Some(Fact::of(FactKind::SeqIsNext)),
        below if below < 0 => Some(Fact::of(FactKind::SeqBelowNext).with(-i64::from(below))),
        above => Some(Fact::of(FactKind::SeqAboveNext).with(i64::from(above))),
    }
}

fn socket_marks(view: &View<'_>) -> Option<Fact> {
    let next_id = view.suspicion.trust.iter().find(|fact| fact.kind == FactKind::NextIpId).copied();
    next_id.or_else(|| (!view.has_no_socket_marks()).then(|| Fact::of(FactKind::LiveSocketMarks)))
}

/// E's keepalive probes stayed unanswered (Linux tcp_keepalive_timer); with TCP_USER_TIMEOUT one may be enough.
fn keepalive_timeout(view: &View<'_>) -> Option<Opinion> {
    let probes = view.own().probes;
    let shut = view.peer().shows(Marks::WINDOW_SHUT);
    let waited = view.reset().time.since(view.own().last) >= PROBE_NS;
    let opinion =
        abortive(Cause::KeepaliveTimeout).because(Fact::of(FactKind::ProbesUnanswered).with(i64::from(probes)));
    match probes {
        _ if shut => None,
        0 => None,
        1 => waited.then(|| {
            let other = "the program may have aborted before an answer came";
            opinion.at_most(Certainty::Likely).or(Class::AbortiveClose, Cause::Abort, other)
        }),
        _ => Some(opinion),
    }
}

/// P kept its window shut.
fn zero_window(view: &View<'_>) -> Option<Opinion> {
    let shut = view.peer_before().rev().find(|past| !past.flags().rst() && past.window() == 0);
    let shut = shut.filter(|_| view.peer().shows(Marks::WINDOW_SHUT))?;
    Some(abortive(Cause::ZeroWindowAbort).because(Fact::at(FactKind::PeerWindowShut, shut.frame())).or(
        Class::AbortiveClose,
        Cause::LingerZero,
        "the program may have aborted for another reason",
    ))
}

/// E's retransmissions stayed unanswered.
fn user_timeout(view: &View<'_>) -> Option<Opinion> {
    let count = view.own().retransmissions;
    (count >= 3).then(|| {
        abortive(Cause::UserTimeout).because(Fact::of(FactKind::RetransmissionsUnanswered).with(i64::from(count))).or(
            Class::AbortiveClose,
            Cause::Abort,
            "the program may have given up by itself",
        )
    })
}

/// Several connections that a server never answered end at one instant: their listener was closed (Linux inet_csk_listen_stop).
fn listener_closed(view: &View<'_>) -> Option<Opinion> {
    let together = aborted_together(view);
    let unaccepted = view.is_opener() == Some(false) && !view.own().shows(Marks::DATA) && view.is_established();
    (unaccepted && together >= 2 && !listens_on(view)).then(|| {
        let opinion = abortive(Cause::ListenerClosed)
            .because(Fact::of(FactKind::SameInstant).with(i64::from(together)))
            .because(unread_fact(view))
            .because(handshake_fact(view));
        match view.unanswered_bytes() {
            0 => opinion.or(Class::AbortiveClose, Cause::Abort, "the program may have aborted all of them"),
            _ => opinion.or(
                Class::AbortiveClose,
                Cause::UnreadData,
                "the program may have accepted them, and ended before it read anything",
            ),
        }
    })
}

/// How many connections of the port were aborted at the instant of this one.
fn aborted_together(view: &View<'_>) -> u32 {
    let (time, later) = (view.reset().time, &view.case.port_later);
    let longest = SAME_INSTANT_NS * i64::from(later.aborted);
    let covers = later.last_aborted.is_some_and(|last| (0..=longest).contains(&last.time.since(time)));
    let since = if covers { later.aborted } else { 0 };
    since.max(view.case.port.group_of_aborts(time).saturating_add(1))
}

/// Whether the port accepts others right after it ended a connection that was new, and refuses nobody: its listener is there.
fn listens_on(view: &View<'_>) -> bool {
    let port = &view.case.port_later;
    let later = |sight: &Sight| sight.time.since(view.reset().time) > 0;
    let new = view.age_ns().is_some_and(|age| age < NEW_NS);
    new && port.last_accepted.is_some_and(|sight| later(&sight))
        && !port.last_refused.is_some_and(|sight| later(&sight))
}

fn handshake_fact(view: &View<'_>) -> Option<Fact> {
    view.syn_ack().map(|past| Fact::at(FactKind::HandshakeComplete, past.frame()))
}

/// Connected and reset without a byte: a health check, a connect scan, a proxy without a backend.
fn connect_then_reset(view: &View<'_>) -> Option<Opinion> {
    if !view.is_without_data() || !view.saw_handshake() || view.peer().shows(Marks::FIN) {
        return None;
    }
    let age = view.age_ns()?;
    let connected = view.is_established() || view.is_in_place_of_ack();
    (age <= TRIED_NS && connected).then(|| {
        abortive(Cause::ConnectThenReset).because(Fact::of(FactKind::NoData)).because(handshake_fact(view)).or(
            Class::AbortiveClose,
            Cause::LingerZero,
            "the program may have wanted more and failed",
        )
    })
}

/// P's FIN was answered with a reset.
fn instead_of_fin(view: &View<'_>) -> Option<Opinion> {
    let fin = view.peer_fin_frame()?;
    Some(
        abortive(Cause::RstInsteadOfFin)
            .because(Fact::at(FactKind::FinFromPeer, fin))
            .because(unread_fact(view))
            .or(Class::AbortiveClose, Cause::UnreadData, "data of the peer may have lain unread")
            .or(Class::AbortiveClose, Cause::LingerZero, "SO_LINGER with zero timeout sends the same segment"),
    )
}

/// What of P's data E can not have read.
fn unread_fact(view: &View<'_>) -> Option<Fact> {
    window_fact(view).or_else(|| {
        let bytes = view.unanswered_bytes();
        (bytes > 0).then(|| Fact::of(FactKind::UnansweredData).with(i64::from(bytes)))
    })
}

/// Without window scaling the window lacks exactly what lies unread.
fn shortfall_fact(view: &View<'_>) -> Option<Fact> {
    let own = view.own();
    let short = u32::from(own.max_window.saturating_sub(view.reset().window)) << u32::from(own.wscale);
    let bytes = view.unanswered_bytes();
    let unscaled = own.wscale == 0 && own.shows(Marks::SYN);
    (unscaled && bytes > 0 && short == bytes).then(|| Fact::of(FactKind::WindowShort).with(i64::from(short)))
}

/// tcp_close empties the receive queue before it resets, so the RST's window shows the space of what was unread.
fn window_fact(view: &View<'_>) -> Option<Fact> {
    let own = view.own();
    let shift = u32::from(own.wscale);
    let jump = i64::from(view.reset().window) - i64::from(own.window);
    // A program that reads makes its system tell P before the window has doubled (Linux tcp_cleanup_rbuf).
    let doubled = view.reset().window / 2 >= own.window && jump << shift >= NEWS_OF_WINDOW;
    let left = view.unanswered_bytes() > 0 || doubled && view.peer().shows(Marks::DATA);
    let grew = own.shows(Marks::PLAIN_ACK) && jump > 0 && left;
    grew.then(|| Fact::of(FactKind::WindowJump).with(jump << shift))
}

/// E closed with received data unread (RFC 2525 2.17; Linux tcp_close: TCP_ABORT_ON_CLOSE).
fn unread_data(view: &View<'_>) -> Option<Opinion> {
    let bytes = view.unanswered_bytes();
    let window = window_fact(view).or_else(|| shortfall_fact(view));
    let fresh = view.since_peer_data_ns().is_some_and(|nanos| nanos <= JUST_ARRIVED_NS);
    if window.is_none() && (bytes == 0 || !fresh) {
        return None;
    }
    Some(
        abortive(Cause::UnreadData)
            .because(window)
            .because((bytes > 0).then(|| Fact::of(FactKind::UnansweredData).with(i64::from(bytes))))
            .or(Class::AbortiveClose, Cause::LingerZero, "SO_LINGER with zero timeout sends the same segment"),
    )
}

/// After a long silence: an administrator, a timer of the program or of a proxy.
fn long_idle(view: &View<'_>) -> Option<Opinion> {
    let idle = view.idle_ns().filter(|idle| *idle >= LONG_IDLE_NS)?;
    Some(
        abortive(Cause::Abort)
            .because(Fact::of(FactKind::Idle).with(idle))
            .or(Class::AbortiveClose, Cause::LingerZero, "the program may close all its connections this way")
            .or(Class::Forged, Cause::MiddleboxTimeout, "a device on the path may have timed the connection out"),
    )
}

/// Nothing was unread, so the program asked for the abort (Linux tcp_disconnect).
fn linger_zero(view: &View<'_>) -> Option<Opinion> {
    let known = view.saw_handshake() && view.unanswered_bytes() == 0;
    let flying = view.own().unacknowledged(view.peer()).filter(|bytes| *bytes > 0);
    known.then(|| {
        abortive(Cause::LingerZero)
            .because(Fact::of(FactKind::NothingUnread))
            .because(flying.map(|bytes| Fact::of(FactKind::OwnDataInFlight).with(i64::from(bytes))))
            .or(
                Class::AbortiveClose,
                Cause::Abort,
                "connect(AF_UNSPEC), ss -K or a proxy passing an abort on send the same segment",
            )
    })
}

/// A RST without ACK that answers nothing, at E's own next number: some stacks and programs abort so.
fn bare(view: &View<'_>) -> Option<Opinion> {
    let unprovoked = view.form() == Form::Other && view.trigger().is_none() && !view.reset().flags.ack();
    if !unprovoked && !view.is_alive_at_trigger()
        || view.is_own_silent()
        || view.is_peer_silent()
        || view.own_gap()
        || view.seq_offset() != 0
    {
        return None;
    }
    // Where the peer had not acknowledged that number yet, its ACK is more likely to be missing.
    if view.peer().max_ack != view.reset().seq {
        return None;
    }
    let tried = connect_then_reset(view);
    let opinion = tried.unwrap_or_else(|| abortive(Cause::Abort));
    Some(
        opinion
            .because(number_facts(view))
            .sure(Certainty::Possible)
            .lacking_if(!view.saw_handshake(), Missing::Handshake)
            .or(Class::HalfOpenResponse, Cause::LostState, "the segment that provoked it may not have been captured")
            .or(Class::Forged, Cause::Injected, "a third party can send such a segment"),
    )
}
