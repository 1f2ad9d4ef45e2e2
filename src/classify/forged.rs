//! Forged: neither end's TCP made the RST. Hard evidence decides; soft evidence needs company.

use crate::tcp::SeqNum;
use crate::track::{Endpoint, Marks, Past};

use super::form::{REORDER_NS, own_end};
use super::middlebox;
use super::opinion::{Judgement, Opinion};
use super::suspicion::HEAVY;
use super::view::View;
use super::{Cause, Certainty, Class, Fact, FactKind, Form, Missing};

/// A segment of E this long after its RST is no matter of the capture's order.
const LATER_NS: i64 = 50_000_000;
/// Two RSTs this close belong together.
const TOGETHER_NS: i64 = 200_000_000;
/// A connection silent for this long before is one that a timer may end.
const SILENT_NS: i64 = 1_000_000_000;

/// Whether a third party made the RST.
pub fn judge(view: &View<'_>) -> Judgement {
    let hard = [
        refused,
        syn_ack_after,
        sender_continues,
        middlebox::answered_both_ways,
        burst,
        mirrored,
        middlebox::forgotten,
    ];
    if let Some(opinion) = hard.iter().find_map(|rule| rule(view)) {
        return opinion.fits();
    }
    if view.suspicion.weight >= HEAVY {
        return suspected(view).fits();
    }
    match view.suspicion.trust.first() {
        Some(trust) => Judgement::Against(*trust),
        None => Judgement::Silent,
    }
}

fn forged(view: &View<'_>, cause: Cause) -> Opinion {
    let mut opinion = Opinion::new(Class::Forged, cause);
    opinion.evidence.extend(view.suspicion.facts.iter().copied());
    opinion
}

/// E's real SYN|ACK follows the refusal, and no new SYN lies between them.
fn syn_ack_after(view: &View<'_>) -> Option<Opinion> {
    let refused = view.is_opener() == Some(false) && view.is_own_silent();
    if !refused {
        return None;
    }
    // A SYN|ACK for an older SYN may still be repeated.
    let fits = |past: &&Past| past.ack().is_some_and(|ack| ack.is_after(view.peer().base));
    let answer = view.own_after().filter(fits).find(|past| past.flags().syn() && past.flags().ack())?;
    // Of two SYNs one may have been refused and the other accepted.
    let asked = view.peer_before().filter(|past| past.flags().syn()).count();
    // Before the SYN|ACK, or just behind it in the capture.
    let before = |past: &Past| past.moment() < answer.moment() || past.time().since(answer.time()) <= REORDER_NS;
    let asked_again = view.peer_after().any(|past| past.flags().syn() && before(past));
    if asked > 1 || asked_again {
        return None;
    }
    let fact = Fact::at(FactKind::SynAckAfterReset, answer.frame());
    let cause = if count_together(view) > 1 { Cause::InjectedBurst } else { Cause::Injected };
    Some(forged(view, cause).because(fact))
}

/// Whether E's own state may live on after the RST it sent: in SYN-SENT and SYN-RECEIVED a RST only rejects a segment (RFC 9293 3.10.7.3, 3.10.7.4).
fn is_handshake_reply(view: &View<'_>) -> bool {
    let answers_syn = view.trigger().is_some_and(|trigger| trigger.flags().syn());
    !view.is_established() || answers_syn || view.wrong_handshake_ack().is_some()
}

/// E's first segment after the RST that a destroyed socket could not have sent.
fn continuation<'a>(view: &View<'a>) -> Option<&'a Past> {
    let reset = view.reset();
    let from = if view.form() == Form::Active || view.is_own_silent() { reset.seq } else { view.own().snd_max };
    view.own_after().filter(|past| !view.may_be_copy(past)).find(|past| {
        let ordinary = !past.flags().syn() && !past.flags().rst();
        let carries = past.seq_len() > 0 && ordinary;
        let after = past.time().since(reset.time);
        // What lies below a live socket's number was sent before it; of an echo's number that cannot be said, and data may wait
        // in a queue that the echo passes.
        let beyond = reset.flags.ack() && past.seq().since(reset.seq) >= 0;
        let new = past.seq().since(from) >= 0 && (beyond || after >= REORDER_NS);
        // Only TIME-WAIT and a connection that lives send ACKs.
        let alive = ordinary && !view.own_closed() && after >= LATER_NS;
        carries && (new || after >= LATER_NS) || alive
    })
}

/// Whether E's numbers show that T acknowledged what E had sent. Where the capture begins between T and the RST, T may
/// have been the wrong ACK of a handshake, and E's own numbers lie elsewhere.
fn is_of_one_stream(view: &View<'_>, next: &Past) -> bool {
    let Some(trigger) = view.echo_trigger().filter(|_| view.is_own_silent()) else { return true };
    let ahead = next.seq().since(view.reset().seq);
    (0..=i64::from(trigger.window())).contains(&i64::from(ahead))
}

/// E goes on after its own RST (Weaver et al. 2009: RST_SEQ_DATA).
fn sender_continues(view: &View<'_>) -> Option<Opinion> {
    if is_handshake_reply(view) || view.reset().len > 0 {
        return None;
    }
    let next = continuation(view).filter(|next| is_of_one_stream(view, next))?;
    let acked = view
        .peer_after()
        .any(|past| past.moment() > next.moment() && past.ack().is_some_and(|ack| ack.since(next.seq_end()) >= 0));
    let after = next.time().since(view.reset().time);
    let proven = acked && after >= if view.form() == Form::Active { REORDER_NS } else { LATER_NS };
    let fact = Fact::at(FactKind::SenderContinues, next.frame());
    let cause = if count_together(view) > 1 { Cause::InjectedBurst } else { Cause::Injected };
    Some(forged(view, cause).because(fact).sure(if proven { Certainty::Certain } else { Certainty::Likely }))
}

/// A device between both ends refused T.
fn refused(view: &View<'_>) -> Option<Opinion> {
    if is_handshake_reply(view) {
        return None;
    }
    middlebox::refused(view, continuation(view))
}

/// RSTs of E around this one that answer nothing: their sequence numbers and windows.
fn unprovoked<'a>(view: &'a View<'_>) -> impl Iterator<Item = &'a Past> {
    let close = |past: &&Past| past.time().since(view.reset().time).abs() <= TOGETHER_NS;
    let resets = view.own_before().chain(view.own_after()).filter(|past| past.flags().rst()).filter(close);
    resets.filter(move |past| !is_provoked(view, past))
}

fn is_provoked(view: &View<'_>, reset: &Past) -> bool {
    // With many segments in flight the trigger is forgotten; its number is one that P had acknowledged.
    let acked = view.peer().shows(Marks::ACKED) && reset.seq().since(view.peer().max_ack) <= 0;
    if acked && !reset.flags().ack() && reset.seq().is_after(view.own().base) {
        return true;
    }
    let all = view.peer_before().chain(view.peer_after());
    all.filter(|past| !past.flags().rst()).any(|past| match reset.flags().ack() {
        false => past.ack() == Some(reset.seq()),
        true => reset.seq() == SeqNum(0) && !past.flags().ack() && past.seq_end() == reset.ack_field(),
    })
}

fn count_together(view: &View<'_>) -> usize {
    let close = |past: &&Past| past.time().since(view.reset().time).abs() <= TOGETHER_NS;
    1 + view.own_before().chain(view.own_after()).filter(|past| past.flags().rst()).filter(close).count()
}

/// RSTs with numbers that climb beyond what E had sent, or with windows that climb: no stack sends those (Weaver et al. 2009: RST_SEQ_CHANGE).
fn burst(view: &View<'_>) -> Option<Opinion> {
    let own = view.own();
    if is_of_live_socket(view) {
        return None;
    }
    let mut numbers: Vec<u32> = unprovoked(view).map(|past| past.seq().0).collect();
    if view.form() == Form::Active || view.trigger().is_none() {
        numbers.push(view.reset().seq.0);
    }
    let end = own_end(view.case);
    let beyond = numbers.iter().any(|seq| SeqNum(*seq).since(end) > 1);
    numbers.sort_unstable();
    numbers.dedup();
    // With one direction only, what they answer cannot be seen.
    let climbs = numbers.len() >= 2 && beyond && own.shows(Marks::SENT) && !view.is_peer_silent();
    let windows = count_windows(view);
    if !climbs && windows < 3 {
        return None;
    }
    let count = count_together(view);
    let swept = count >= 5 && numbers.len() >= 5;
    let fact = Fact::of(FactKind::Burst).with(count as i64);
    Some(forged(view, if swept { Cause::BlindAttack } else { Cause::InjectedBurst }).because(fact))
}

/// Whether the RST continues E's own counters, which whoever resets in bulk does not trouble to do.
fn is_of_live_socket(view: &View<'_>) -> bool {
    let counted = view.suspicion.trust.iter().any(|fact| fact.kind == FactKind::NextIpId);
    let stamped = view.reset().options.timestamps.is_some();
    view.form() == Form::Active && view.suspicion.weight == 0 && (counted || stamped)
}

/// How many different windows, 0 left out, the RSTs around this one show.
fn count_windows(view: &View<'_>) -> usize {
    let close = |past: &&Past| past.time().since(view.reset().time).abs() <= TOGETHER_NS;
    let resets = view.own_before().chain(view.own_after()).filter(|past| past.flags().rst()).filter(close);
    let mut windows: Vec<u16> = resets.map(|past| past.window()).filter(|window| *window > 0).collect();
    windows.extend((view.reset().window > 0).then_some(view.reset().window));
    windows.sort_unstable();
    windows.dedup();
    windows.len()
}

/// After a silence both ends are reset at one instant, and neither RST answers anything.
fn mirrored(view: &View<'_>) -> Option<Opinion> {
    if is_of_live_socket(view) || view.trigger().is_some() || view.own_closed() || view.peer().shows(Marks::FIN) {
        return None;
    }
    let other = middlebox::mirror(view)?;
    let spoke = |past: &Past| !past.flags().rst() && view.reset().time.since(past.time()).abs() < SILENT_NS;
    // The other one may answer what the capture wrote behind this one.
    let drew = |past: &Past| !past.flags().rst() && !other.flags().ack() && past.ack() == Some(other.seq());
    if view.own_after().take_while(|past| past.moment() < other.moment()).any(drew) {
        return None;
    }
    // Suricata's reject gives both RSTs the window of the segment it acts on.
    let same_window = other.window() == view.reset().window && other.window() > 0;
    // Two live sockets would show their windows; hosts that start at TTL 128 (Windows) leave them 0.
    let hides = |end: &Endpoint| end.window > 0 && end.ttl <= 64;
    let active = other.flags().ack() && view.reset().flags.ack();
    let empty = active && other.window() == 0 && view.reset().window == 0;
    let no_window = empty && hides(view.own()) && hides(view.peer());
    let one_hand = same_window && view.own().window != view.peer().window || no_window;
    if !view.is_established() || (view.case.before.iter().any(spoke) && !one_hand) {
        return None;
    }
    let idle =
        view.case.before.iter().rfind(|past| !past.flags().rst()).map(|past| view.reset().time.since(past.time()));
    let fact = Fact::at(FactKind::MirroredReset, other.frame());
    let opinion = forged(view, Cause::BothDirections)
        .because(fact)
        .because(idle.filter(|nanos| *nanos >= SILENT_NS).map(|nanos| Fact::of(FactKind::Idle).with(nanos)));
    let opinion = match middlebox::is_long(idle) {
        true => {
            opinion.or(Class::Forged, Cause::MiddleboxTimeout, "a device that keeps time resets both ends like this")
        }
        false => opinion,
    };
    Some(opinion.or(Class::AbortiveClose, Cause::Abort, "both programs may have aborted at the same instant"))
}

/// Several soft facts at once.
fn suspected(view: &View<'_>) -> Opinion {
    forged(view, Cause::Injected)
        .sure(Certainty::Possible)
        .or(Class::AbortiveClose, Cause::Abort, "the path or the sender's settings may have changed just then")
        .lacking_if(view.case.after.is_empty(), Missing::Aftermath)
}
