//! Resets that only follow from an earlier one: copies, echoes, consequences.

use crate::track::{Marks, Note, Past};

use super::form::REORDER_NS;
use super::note::unpack;
use super::opinion::{Judgement, Opinion};
use super::suspicion::HEAVY;
use super::view::View;
use super::{Cause, Certainty, Class, Fact, FactKind, Form};

/// Whether the RST merely follows from an earlier one of the same life.
pub fn judge(view: &View<'_>) -> Judgement {
    if let Some(opinion) = duplicate(view) {
        return opinion.fits();
    }
    if view.suspicion.weight >= HEAVY {
        return Judgement::Silent;
    }
    if let Some(opinion) = repeated(view) {
        return opinion.fits();
    }
    consequence(view).map_or(Judgement::Silent, Opinion::fits)
}

/// The class and cause of the event an earlier RST of E belongs to.
fn event_of(view: &View<'_>, earlier: &Past) -> Option<(Class, Cause, Note)> {
    let note =
        view.case.note.filter(|note| note.frame.input() != earlier.frame().input() || note.frame <= earlier.frame())?;
    let (class, cause) = unpack(note.code)?;
    Some((class, cause, note))
}

/// The same frame, captured twice: a mirror port, `any`, both sides of a router.
fn duplicate(view: &View<'_>) -> Option<Opinion> {
    let earlier = view.own_resets().next_back()?;
    if !earlier.is_captured_again_as(view.reset()) {
        return None;
    }
    // Echoes carry IP ID 0 (IPv6: none), so two of them are told from one by their triggers.
    let unique = view.reset().ip.id.is_some_and(|id| id != 0) && view.reset().ip.id == earlier.ip_id();
    let mut between = view.peer_before().filter(|past| past.moment() > earlier.moment());
    let new_trigger = between.any(|past| !past.is_copy());
    let triggers = count_triggers(view, earlier);
    let answers = view.own_resets().filter(|past| !past.is_copy()).count();
    let second_answer = triggers > answers && view.form() == Form::AckEcho;
    if !unique && (new_trigger || second_answer) {
        return None;
    }
    let (class, _, note) = event_of(view, earlier)?;
    let same = Fact::at(FactKind::SameReset, earlier.frame());
    Some(Opinion::new(class, Cause::Duplicate).because(same).following(note.frame))
}

/// How many segments before `earlier` may have drawn a RST like this one each. A pure ACK counts only where nothing else does:
/// mostly it just acknowledges what E had sent.
fn count_triggers(view: &View<'_>, earlier: &Past) -> usize {
    let fits = |past: &&Past| !past.is_copy() && past.moment() < earlier.moment() && is_trigger_like(view, past);
    let carrying = view.peer_before().filter(fits).filter(|past| past.seq_len() > 0 || past.is_probe()).count();
    if carrying > 0 { carrying } else { view.peer_before().filter(fits).count() }
}

/// Whether `past` may have drawn this RST: it has its number, and E sent nothing since but RSTs.
fn is_trigger_like(view: &View<'_>, past: &Past) -> bool {
    let spoke = view.own_before().any(|own| !own.flags().rst() && own.moment() > past.moment());
    past.ack() == Some(view.reset().seq) && !spoke
}

/// E had reset before and sent nothing else since: its socket is gone, and more segments of P met nothing.
fn repeated(view: &View<'_>) -> Option<Opinion> {
    let earlier = view.own_resets().next_back()?;
    let (class, cause, note) = event_of(view, earlier)?;
    // What the capture wrote behind the earlier RST was sent before it.
    let swapped =
        |past: &Past| past.time().since(earlier.time()) <= REORDER_NS && past.seq_end().since(earlier.seq()) <= 0;
    let spoke = view.own_before().any(|past| !past.flags().rst() && past.moment() > earlier.moment() && !swapped(past));
    if spoke || class == Class::Forged {
        return None;
    }
    let fact = Fact::at(FactKind::EarlierReset, note.frame);
    let opinion = |cause| Opinion::new(class, cause).because(fact).because(view.answer_fact()).following(note.frame);
    // A repeated attempt that is refused again, or more late data: the same thing once more.
    let refused_again = view.trigger().is_some_and(|trigger| trigger.flags().syn() && !trigger.flags().ack());
    let same_again = refused_again || cause == Cause::DataAfterClose;
    match view.form() {
        Form::Other if refused_again => Some(opinion(cause)),
        Form::SynEcho | Form::AckEcho => Some(opinion(if same_again { cause } else { Cause::EchoAfterReset })),
        Form::Active | Form::Other if class == Class::AbortiveClose => Some(opinion(Cause::EchoAfterReset)),
        _ => None,
    }
}

/// P's own RST, real or forged, had ended E's connection; P's next segment met nothing.
fn consequence(view: &View<'_>) -> Option<Opinion> {
    let trigger = view.echo_trigger()?;
    let (own, peer) = (view.own(), view.peer());
    let lowest = if own.shows(Marks::ACKED) { own.max_ack } else { peer.base };
    let acceptable = |past: &&Past| past.seq().since(lowest) >= 0 && past.seq().since(peer.snd_max) <= 1;
    let resets = view.peer_before().filter(|past| past.flags().rst() && past.moment() < trigger.moment());
    let killer = resets.rev().find(acceptable)?;
    let spoke = view.own_before().any(|past| !past.flags().rst() && past.moment() > killer.moment());
    if spoke || view.own_closed() {
        return None;
    }
    let opinion = Opinion::new(Class::HalfOpenResponse, Cause::Consequence)
        .because(Fact::at(FactKind::KilledBy, killer.frame()))
        .because(view.answer_fact())
        .sure(Certainty::Likely)
        .following(killer.frame());
    Some(opinion)
}
