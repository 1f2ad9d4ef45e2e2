//! Closed port: an attempt to open a connection, or a probe, was refused.

use crate::tcp::SeqNum;
use crate::track::{Marks, Past, Sight};

use super::form::REORDER_NS;
use super::icmp;
use super::opinion::{Judgement, Opinion};
use super::view::View;
use super::{Cause, Certainty, Class, Fact, FactKind, Form, Missing};

/// From this many refused or odd probes of one host on it is scanning.
const SCANNING: u32 = 3;
/// A port that accepts within this time of a refusal has a listener.
const NEAR_NS: i64 = 10_000_000_000;
/// A host that completes a handshake answers within this time: delayed ACKs take 200 ms (RFC 1122 4.2.3.2 allows 500 ms).
const PENDING_NS: i64 = 500_000_000;

/// The MPTCP option that says why a subflow is reset (RFC 8684 section 8.4).
const MP_TCPRST: u8 = 8;

/// Whether E refused an attempt to open a connection.
pub fn judge(view: &View<'_>) -> Judgement {
    let rules = [probe, refused_syn, refused_ack, unseen_syn];
    if let Some(opinion) = rules.iter().find_map(|rule| rule(view)) {
        return opinion.fits();
    }
    match view.own_before().find(|past| past.flags().syn() && past.flags().ack()) {
        Some(answer) => Judgement::Against(Fact::at(FactKind::SynAckFromSender, answer.frame())),
        None => Judgement::Silent,
    }
}

fn closed(cause: Cause) -> Opinion {
    Opinion::new(Class::ClosedPort, cause)
}

/// A segment that opens nothing and belongs to nothing: FIN, null or Xmas without ACK; SYN with FIN; or a lone ACK of a host that tries many ports.
fn probe(view: &View<'_>) -> Option<Opinion> {
    let trigger = view.trigger().or_else(|| unnumbered(view))?;
    if !view.is_own_silent() {
        return None;
    }
    let flags = trigger.flags();
    let odd = !flags.ack() && (!flags.syn() || flags.fin());
    // Connections that are older than the capture have timestamps, on most systems; probes have none.
    let lone = view.case.life.segments <= 1 && trigger.is_pure_ack() && !trigger.timestamps();
    let scanning = view.case.peer_host.probes >= SCANNING;
    if !(odd || lone && scanning) {
        return None;
    }
    let fan_out = scanning.then(|| Fact::of(FactKind::FanOut).with(i64::from(view.case.peer_host.probes)));
    let opinion = closed(Cause::ProbeAnswered)
        .because(Fact::at(FactKind::Probe, trigger.frame()))
        .because(view.answer_fact())
        .because(fan_out);
    Some(match odd {
        true => opinion,
        false => opinion.sure(Certainty::Possible).or(
            Class::HalfOpenResponse,
            Cause::StrayAck,
            "the sender may have lost connections that began before the capture",
        ),
    })
}

/// P's segment without ACK, where the RST has neither an ACK nor a number (smoltcp rst_reply).
fn unnumbered<'a>(view: &View<'a>) -> Option<&'a Past> {
    let empty = !view.reset().flags.ack() && view.reset().seq == SeqNum(0);
    view.peer_before().next_back().filter(|past| empty && !past.flags().ack() && !past.flags().rst())
}

/// P's SYN, answered by a RST from a side that has shown nothing else.
fn refused_syn(view: &View<'_>) -> Option<Opinion> {
    let syn = refused_trigger(view)?;
    let opinion = closed(syn_cause(view, &syn)).because(view.answer_fact());
    let opinion = support(view, opinion);
    let opinion = match opinion.cause {
        Cause::NoListener => {
            opinion.or(Class::ClosedPort, Cause::RefusedByFirewall, "a firewall's REJECT sends the same segment")
        }
        Cause::RefusedByFirewall if opinion.evidence.iter().any(|fact| fact.kind == FactKind::SamePortAccepts) => {
            opinion.or(Class::ClosedPort, Cause::NoListener, "the service may have been restarting just then")
        }
        Cause::RefusedByFirewall => {
            opinion.or(Class::ClosedPort, Cause::NoListener, "nothing may listen on the port after all")
        }
        _ => opinion,
    };
    Some(opinion)
}

/// The SYN that the RST refuses: by its numbers, or, from stacks that fill the RST in other ways, as the only segment before it.
fn refused_trigger(view: &View<'_>) -> Option<Past> {
    let is_syn = |past: &Past| past.flags().syn() && !past.flags().ack();
    if !view.is_own_silent() {
        return None;
    }
    if let Some(trigger) = view.trigger() {
        return is_syn(trigger).then_some(*trigger);
    }
    let only = view.peer_before().all(|past| is_syn(past) || past.flags().rst());
    let last = view.peer_before().rfind(|past| is_syn(past))?;
    // A RST without ACK carries no number that could fit; with one, it must (RFC 9293 3.10.7.3).
    let unnumbered = !view.reset().flags.ack();
    (only && unnumbered && view.peer().shows(Marks::SYN)).then_some(*last)
}

fn syn_cause(view: &View<'_>, syn: &Past) -> Cause {
    let pending = view.case.previous.as_ref().is_some_and(|previous| {
        let half = previous.own.shows(Marks::SYN_ACK) && !previous.peer.shows(Marks::PLAIN_ACK);
        half && !previous.over
    });
    if pending {
        return Cause::SynConflict;
    }
    if let Some(cause) = retried_cause(view, syn) {
        return cause;
    }
    if refuses_join(view) {
        return Cause::MptcpJoinRefused;
    }
    if !firewall_hints(view).is_empty() { Cause::RefusedByFirewall } else { Cause::NoListener }
}

/// Whether a listener says that it knows no MPTCP connection with the token of the SYN's MP_JOIN (RFC 8684 3.2 and 3.6; Linux
/// subflow_check_req). Without a listener nothing looks at the token.
fn refuses_join(view: &View<'_>) -> bool {
    let asked = view.is_peer_silent() || view.peer().shows(Marks::MPTCP) || view.peer().shows(Marks::OPTIONS_CUT);
    view.reset().options.mptcp == Some(MP_TCPRST) && asked
}

fn join_fact() -> Fact {
    Fact::of(FactKind::MptcpOption).with(i64::from(MP_TCPRST))
}

fn no_socket_fact(view: &View<'_>) -> Option<Fact> {
    let bare = view.has_no_socket_marks() && view.reset().options.mptcp.is_none();
    bare.then(|| Fact::of(FactKind::NoSocketMarks))
}

/// The same SYN, sent again, was accepted: without ECN (RFC 3168 6.1.1.1), or once the queue had room.
fn retried_cause(view: &View<'_>, syn: &Past) -> Option<Cause> {
    let retry = view.peer_after().find(|past| past.flags().syn() && !past.flags().ack() && past.seq() == syn.seq())?;
    let accepted =
        view.own_after().any(|past| past.flags().syn() && past.flags().ack() && past.moment() > retry.moment());
    let ecn = |past: &Past| past.flags().has(crate::tcp::Flags::ECE);
    accepted.then_some(if ecn(syn) && !ecn(retry) { Cause::EcnSynRefused } else { Cause::BacklogFull })
}

/// What speaks for a firewall as the one that refused.
fn firewall_hints(view: &View<'_>) -> Vec<Fact> {
    let reset = view.reset();
    let mut hints = Vec::new();
    if let Some(usual) = view.case.host.ttl
        && !view.case.host.shows_ttl(reset.ip.ttl)
    {
        hints.push(Fact::of(FactKind::TtlDiffers).with(i64::from(reset.ip.ttl) - i64::from(usual)));
    }
    // The kernel copies the SYN's type of service into the RST, netfilter's REJECT does not.
    if view.peer().tos & !3 != 0 && reset.ip.tos & !3 == 0 {
        hints.push(Fact::of(FactKind::TosNotCopied).with(i64::from(view.peer().tos)));
    }
    // Linux labels its own answers (tcp_v6_send_response), netfilter's REJECT does not (nf_send_reset6).
    if reset.ip.flow_label == Some(0) && view.case.host.labels {
        hints.push(Fact::of(FactKind::FlowLabelZero));
    }
    hints.extend(icmp::refusal(view));
    hints.extend(accepts_around(view));
    hints
}

/// The port accepted others shortly before and shortly after: its listener was there. Before alone, it may have gone; after
/// alone, come.
fn accepts_around(view: &View<'_>) -> Option<Fact> {
    let since = |sight: &Sight| view.reset().time.since(sight.time);
    let port = &view.case.port;
    let before = port.last_accepted.filter(|sight| (0..=NEAR_NS).contains(&since(sight)))?;
    // Its listener was closed in between, with connections that nobody had accepted.
    if port.aborted >= 2 && port.last_aborted.is_some_and(|sight| sight.time.since(before.time) > 0) {
        return None;
    }
    let after = view.case.port_later.last_accepted.filter(|sight| (-NEAR_NS..0).contains(&since(sight)));
    after.map(|_| Fact::at(FactKind::SamePortAccepts, before.frame))
}

/// What else the capture shows of the refusing host.
fn support(view: &View<'_>, mut opinion: Opinion) -> Opinion {
    let case = view.case;
    if opinion.cause == Cause::MptcpJoinRefused {
        opinion.evidence.push(join_fact());
    }
    if opinion.cause == Cause::RefusedByFirewall {
        opinion.evidence.extend(firewall_hints(view));
    } else if case.host.shows_ttl(view.reset().ip.ttl) {
        opinion.evidence.push(Fact::of(FactKind::TtlAsUsual));
    }
    opinion.evidence.extend(no_socket_fact(view).filter(|_| view.form() == Form::SynEcho));
    opinion.evidence.push(Fact::of(FactKind::NoSynAckFromSender));
    let sender_port = view.reset().tuple.src.port();
    match case.host.accepted {
        Some((port, sight)) if port != sender_port => {
            opinion.evidence.push(Fact::at(FactKind::OtherPortAccepts, sight.frame).with(i64::from(port)));
        }
        _ => {}
    }
    if let (Some(sight), Cause::NoListener) = (case.port_later.last_accepted, opinion.cause) {
        opinion.evidence.push(Fact::at(FactKind::SamePortAccepts, sight.frame));
        opinion = opinion.or(Class::ClosedPort, Cause::BacklogFull, "the listener may only have been full");
    }
    let unknown_host = case.host.ttl.is_none();
    let opinion = opinion.lacking_if(unknown_host, Missing::ReferenceTtl);
    if view.trigger().is_none() { opinion.sure(Certainty::Possible) } else { opinion }
}

/// E's SYN|ACK was out, P's ACK had the right number, and E reset it: the queue was full, or the listener went away (Linux tcp_check_req).
fn refused_ack(view: &View<'_>) -> Option<Opinion> {
    let trigger = view.echo_trigger()?;
    let waiting =
        view.is_opener() == Some(false) && view.own().shows(Marks::SYN_ACK) && !view.own().shows(Marks::PLAIN_ACK);
    // E has shown nothing since its SYN|ACK: what comes while that is fresh meets SYN-RECEIVED.
    let fresh = trigger.time().since(view.own().last) <= PENDING_NS;
    let plain = trigger.is_pure_ack() && !trigger.is_probe();
    let right = trigger.ack() == Some(view.own().snd_max) && (plain || fresh);
    // Linux drops the ACK first and refuses the one that answers its repeated SYN|ACK.
    let repeated = view.own().shows(Marks::SYN_REPEATED);
    let earlier = |past: &Past| past.moment() < trigger.moment() && past.is_pure_ack();
    let first = repeated || fresh || !view.peer_before().any(earlier);
    if !waiting || !right || !first {
        return None;
    }
    let later = &view.case.port_later;
    let refuses = later.last_refused.filter(|sight| sight.time.since(view.reset().time) > 0);
    let cause = if refuses.is_some() { Cause::ListenerGone } else { Cause::AcceptQueueOverflow };
    let other = if refuses.is_some() { Cause::AcceptQueueOverflow } else { Cause::ListenerGone };
    Some(
        doubted_by_ttl(view, closed(cause))
            .because(view.answer_fact())
            .because(view.syn_ack().map(|past| Fact::at(FactKind::SynAckFromSender, past.frame())))
            .because(
                refuses.map(|sight| Fact::at(FactKind::SamePortRefuses, sight.frame).with(i64::from(later.refused))),
            )
            .or(Class::ClosedPort, other, "the wire shows the same segments for both")
            .or(Class::HalfOpenResponse, Cause::LostState, "the pending connection may have expired or been killed"),
    )
}

/// A SYN|ACK and the reset of its connection are built without the program's socket, so with one TTL (Linux
/// ip_build_and_send_pkt, ip_send_unicast_reply).
fn doubted_by_ttl(view: &View<'_>, opinion: Opinion) -> Opinion {
    if !view.suspicion.facts.iter().any(|fact| fact.kind == FactKind::TtlDiffers) {
        return opinion;
    }
    opinion.sure(Certainty::Possible).or(
        Class::Forged,
        Cause::FirewallReject,
        "its TTL is not that of the SYN|ACK: a firewall on the way may have refused the segment",
    )
}

/// The form of a refusal (RST|ACK, seq 0, window 0), but the SYN was not captured.
fn unseen_syn(view: &View<'_>) -> Option<Opinion> {
    // A SYN that the capture wrote behind the RST would be the one, and its number does not fit.
    let close = |past: &&Past| past.time().since(view.reset().time) <= REORDER_NS;
    let other = view.peer_after().take_while(close).any(|past| past.flags().syn());
    let fits = view.form() == Form::SynEcho && view.trigger().is_none() && view.is_peer_silent();
    (fits && !other).then(|| {
        let join = refuses_join(view);
        closed(if join { Cause::MptcpJoinRefused } else { Cause::NoListener })
            .because(no_socket_fact(view))
            .because(join.then(join_fact))
            .sure(Certainty::Possible)
            .lacking(Missing::Trigger)
            .or(Class::ClosedPort, Cause::ProbeAnswered, "a probe without ACK draws the same segment")
            .or(
                Class::TimeWaitCollision,
                Cause::SynResetByServer,
                "the port may still have been held by an older connection",
            )
    })
}
