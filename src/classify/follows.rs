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

/// The same RST, captured again: it has the class of the first sighting and follows from what that one follows from.
fn duplicate(view: &View<'_>) -> Option<Opinion> {
    let copied = view.case.copied?;
    let note = copied.note?;
    let (class, _) = unpack(note.code)?;
    let same = Fact::at(FactKind::SameReset, copied.from);
    Some(Opinion::new(class, Cause::Duplicate).because(same).following(note.frame))
}

/// E had reset before and sent nothing else since: its socket is gone, and more segments of P met nothing.
fn repeated(view: &View<'_>) -> Option<Opinion> {
    let earlier = view.own_resets().next_back()?;
    let (class, cause, note) = event_of(view, earlier)?;
    // What the capture wrote behind the earlier RST was sent before it.
    let swapped =
        |past: &Past| past.time().since(earlier.time()) <= REORDER_NS && past.seq_end().since(earlier.seq()) <= 0;
    let spoke = view.own_before().any(|past| !past.flags().rst() && past.moment() > earlier.moment() && !swapped(past));
    // To an event that nothing explains nothing else belongs.
    let unclear = class == Class::Undetermined && view.trigger().is_some();
    if spoke || class == Class::Forged || unclear {
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
    // Behind T in the capture, where P sent T before: only a host without the socket sends a RST without ACK, and that sends no T.
    let written_behind =
        |past: &Past| !past.flags().ack() && past.time().since(trigger.time()) <= REORDER_NS && trigger.is_pure_ack();
    let earlier = |past: &&Past| past.moment() < trigger.moment() || written_behind(past);
    let resets = view.peer_before().filter(|past| past.flags().rst()).filter(earlier);
    let killer = resets.rev().find(acceptable)?;
    // What came this soon after it crossed it, or was written in the wrong order.
    let later = |past: &Past| past.moment() > killer.moment() && past.time().since(killer.time()) > REORDER_NS;
    let spoke = view.own_before().any(|past| !past.flags().rst() && later(past));
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
