//! Settles first what the header of a RST shows: which segment it answers, or that a live socket was destroyed.

use crate::tcp::SeqNum;
use crate::track::{Marks, Past, ResetCase};

use super::Form;

/// How long after its trigger a RST may come: hosts answer within a round trip, and a second is longer than most.
const ANSWER_NS: i64 = 1_000_000_000;
/// How much longer than a known round trip: kernels answer at once, but may first have to ask for the link address.
const SLACK_NS: i64 = 500_000_000;
/// How far after its trigger a RST may have been written in front of it: captures on several interfaces mix up what lies this close.
pub const REORDER_NS: i64 = 1_000_000;

/// What the header of a RST shows.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Its form.
    pub form: Form,
    /// The segment it answers.
    pub trigger: Option<Past>,
    /// The trigger stands behind the RST in the capture.
    pub swapped: bool,
}

/// Settles the form of the case's RST.
pub fn shape(case: &ResetCase) -> Shape {
    let reset = &case.reset;
    let bare = !reset.flags.ack();
    let found = if bare {
        find(case, |past| is_ack_trigger(case, past))
    } else {
        find(case, |past| is_syn_trigger(case, past))
    };
    if let Some((trigger, swapped)) = found {
        let classic = bare || reset.seq == SeqNum(0);
        let form = match (bare, classic) {
            (true, _) => Form::AckEcho,
            (false, true) => Form::SynEcho,
            (false, false) => Form::Other,
        };
        return Shape { form, trigger: Some(trigger), swapped };
    }
    let none = Shape { form: Form::Other, trigger: None, swapped: false };
    if bare {
        return if answers_forgotten(case) { Shape { form: Form::AckEcho, ..none } } else { none };
    }
    if is_active(case) {
        return Shape { form: Form::Active, ..none };
    }
    let alone = !case.life.own.shows(Marks::SENT) || !case.life.peer.shows(Marks::SENT);
    if reset.seq == SeqNum(0) && reset.window == 0 && alone {
        return Shape { form: Form::SynEcho, ..none };
    }
    if let Some((trigger, swapped)) = find(case, |past| is_full_echo(case, past)) {
        return Shape { form: Form::Other, trigger: Some(trigger), swapped };
    }
    none
}

/// The newest segment of the peer that fits, and whether it stands behind the RST.
fn find(case: &ResetCase, fits: impl Fn(&Past) -> bool) -> Option<(Past, bool)> {
    let patience = patience(case);
    let timely = |past: &&Past| case.reset.time.since(past.time()) <= patience;
    let peers = |past: &&Past| !case.is_own(past) && !past.flags().rst();
    let before = case.before.iter().rev().filter(peers).filter(timely).find(|past| fits(past));
    if let Some(found) = before {
        return Some((*found, false));
    }
    let close = |past: &&Past| past.time().since(case.reset.time) <= REORDER_NS;
    case.after.iter().filter(peers).take_while(close).find(|past| fits(past)).map(|past| (*past, true))
}

/// How long an answer of E may take.
fn patience(case: &ResetCase) -> i64 {
    let round_trip = i64::from(case.life.own.answer_ns);
    if round_trip > 0 { SLACK_NS + 4 * round_trip } else { ANSWER_NS.max(4 * i64::from(case.life.peer.answer_ns)) }
}

/// RFC 9293 3.5.2 group 1: the trigger has no ACK, so the RST acknowledges its end.
/// Some stacks do not count the data of a SYN.
fn is_syn_trigger(case: &ResetCase, past: &Past) -> bool {
    if past.flags().ack() {
        return false;
    }
    let acked = case.reset.ack_field;
    let without_data = past.flags().syn() && acked == past.seq().plus(1);
    (acked == past.seq_end() || without_data) && !case.life.own.shows(Marks::SYN)
}

/// RFC 9293 3.5.2 groups 1 and 2: the trigger has an ACK, so the RST takes its number.
fn is_ack_trigger(case: &ResetCase, past: &Past) -> bool {
    past.ack() == Some(case.reset.seq) && !was_answered(case, past)
}

/// A bare RST takes its trigger's ACK number. With more segments in flight than are kept its trigger is forgotten, but the number is
/// still one that P may have acknowledged: a third party would take the one that P expects, not an older one.
fn answers_forgotten(case: &ResetCase) -> bool {
    let (own, peer) = (&case.life.own, &case.life.peer);
    let forgotten = (case.before.len() as u32) < case.life.segments;
    let acked = own.shows(Marks::SENT) && peer.shows(Marks::ACKED);
    let number = case.reset.seq;
    // The trigger came before all that is kept, and a socket that has sent since then is alive, unless it was closed meanwhile.
    let kept = |past: &&Past| !past.flags().syn() && !past.flags().fin() && !past.flags().rst();
    let recent = case.before.iter().find(kept).is_none_or(|past| case.reset.time.since(past.time()) <= patience(case));
    let gone = own.shows(Marks::FIN)
        || own.shows(Marks::RST)
        || !case.before.iter().filter(kept).any(|past| case.is_own(past));
    forgotten && acked && recent && gone && number.is_after(own.base) && number.since(peer.max_ack) <= 0
}

/// Whether the RST's sender sent something after `past` that shows it had accepted it: then it did not provoke the RST.
fn was_answered(case: &ResetCase, past: &Past) -> bool {
    let round_trip = i64::from(case.life.own.answer_ns);
    // What `past` acknowledges was sent before it, wherever the capture wrote it.
    let known = |own: &Past| {
        own.seq_len() > 0 && !own.is_probe() && past.ack().is_some_and(|ack| ack.since(own.seq_end()) >= 0)
    };
    let later = case.before.iter().filter(|other| case.is_own(other) && other.moment() > past.moment());
    later.filter(|own| !own.flags().rst() && !known(own)).any(|own| match past.seq_len() {
        // What comes within the round trip may have crossed it.
        0 => (!past.is_probe() || own.ack().is_some()) && own.time().since(past.time()) >= round_trip,
        _ => own.ack().is_some_and(|ack| ack.since(past.seq_end()) >= 0),
    })
}

/// RST|ACK that takes both numbers from its trigger: lwIP, Suricata's reject, some middleboxes.
fn is_full_echo(case: &ResetCase, past: &Past) -> bool {
    // An ACK that carries nothing draws a RST where it is a probe, or where E has not come to ESTABLISHED (RFC 9293 3.5.2 groups 1 and 2).
    let draws = past.seq_len() > 0 || past.is_probe() || !case.life.own.shows(Marks::PLAIN_ACK);
    // Without the socket no stack knows which timestamp is next.
    draws && case.reset.options.timestamps.is_none() && repeats(case, past)
}

fn repeats(case: &ResetCase, past: &Past) -> bool {
    past.ack() == Some(case.reset.seq) && case.reset.ack_field == past.seq_end()
}

/// The segment of P just before the RST whose numbers it repeats, whether or not they are those of a live socket, too.
pub fn repeated(case: &ResetCase) -> Option<Past> {
    let newest = case.before.iter().rev().find(|past| !past.flags().rst())?;
    let timely = case.reset.time.since(newest.time()) <= patience(case);
    (timely && case.reset.flags.ack() && !case.is_own(newest) && repeats(case, newest)).then_some(*newest)
}

/// A live socket's reset (Linux tcp_send_active_reset, RFC 9293 3.10.5 ABORT): seq = SND.NXT, ack = RCV.NXT.
fn is_active(case: &ResetCase) -> bool {
    let (own, peer) = (&case.life.own, &case.life.peer);
    let reset = &case.reset;
    let ack_fits = if peer.shows(Marks::SENT) {
        let from = if own.shows(Marks::ACKED) { own.max_ack } else { peer.base };
        // Beyond what the peer was seen to send where the capture lost some of it.
        let unseen = reset.ack_field.since(peer.snd_max);
        let exact = reset.seq == own_end(case) && unseen < 1 << 16;
        reset.ack_field.since(from) >= 0 && (unseen <= 1 || exact)
    } else {
        !own.shows(Marks::ACKED) || reset.ack_field.since(own.max_ack) >= 0
    };
    ack_fits && seq_fits(case)
}

/// E's last data was lost before the capture point: the number is ahead but in P's window, the ack exact, and all else is E's live socket's
/// (Linux tcp_send_active_reset takes TTL, timestamps and the IP ID counter from it).
fn is_ahead_of_capture(case: &ResetCase) -> bool {
    let (own, peer, reset) = (&case.life.own, &case.life.peer, &case.reset);
    let window = u32::from(peer.window) << u32::from(peer.wscale.min(14));
    // Before the handshake is over there is nothing to lose.
    let sending = !own.shows(Marks::SYN) || own.shows(Marks::PLAIN_ACK);
    let exact = sending && own.shows(Marks::ACKED) && reset.ack_field == own.max_ack && reset.window > 0;
    let stamped = reset.options.timestamps.is_some() == own.shows(Marks::TIMESTAMPS_LAST);
    let counted = reset.ip.id.is_none_or(|id| (1..=64).contains(&id.wrapping_sub(own.last_id)));
    exact && stamped && counted && reset.ip.ttl == own.ttl && reset.seq.is_within(own.snd_max, window.max(1))
}

/// After the highest number E had sent, with what the capture wrote behind the RST.
pub fn own_end(case: &ResetCase) -> SeqNum {
    let close = |past: &&Past| past.time().since(case.reset.time) <= REORDER_NS;
    let swapped = case.after.iter().take_while(close).filter(|past| case.is_own(past) && !past.flags().rst());
    swapped.filter(|past| !past.flags().syn()).fold(case.life.own.snd_max, |end, past| end.max(past.seq_end()))
}

fn seq_fits(case: &ResetCase) -> bool {
    let (own, peer) = (&case.life.own, &case.life.peer);
    let reset = &case.reset;
    if own.shows(Marks::SENT) {
        let lowest = if peer.shows(Marks::ACKED) { peer.max_ack } else { own.base };
        if is_ahead_of_capture(case) {
            return true;
        }
        // One beyond: a FIN that was queued, or lost before the capture point.
        return reset.seq.since(lowest) >= 0 && reset.seq.since(own_end(case)) <= 1;
    }
    peer.shows(Marks::ACKED) && reset.seq.since(peer.max_ack).unsigned_abs() < 1 << 16
}
