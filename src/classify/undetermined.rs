//! What is left when no rule fits, with the name of what is missing; and segments that are no RST in their receiver's eyes.

use crate::tcp::Flags;
use crate::track::Marks;

use super::opinion::{Judgement, Opinion};
use super::view::View;
use super::{Cause, Certainty, Class, Fact, FactKind, Form, Missing};

/// A RST whose data the peer acknowledges, or whose sender goes on behind it as if it were data: a damaged header.
pub fn contradiction(view: &View<'_>) -> Judgement {
    let reset = view.reset();
    if reset.len == 0 {
        return Judgement::Silent;
    }
    let end = reset.seq_end();
    let taken = view.peer_after().find(|past| !past.flags().rst() && past.ack().is_some_and(|ack| ack.since(end) >= 0));
    let goes_on =
        view.own_after().find(|past| !past.flags().rst() && past.payload_len() > 0 && past.seq().since(reset.seq) >= 0);
    if taken.is_none() && (goes_on.is_none() || !reset.flags.has(Flags::PSH)) {
        return Judgement::Silent;
    }
    Opinion::new(Class::Undetermined, Cause::Conflicting)
        .because(goes_on.map(|past| Fact::at(FactKind::SenderContinues, past.frame())))
        .because(taken.map(|past| Fact::at(FactKind::PeerContinues, past.frame())))
        .or(Class::Forged, Cause::Injected, "somebody may have set the RST flag in a segment of the sender")
        .fits()
}

/// The last word: names what is missing.
pub fn rest(view: &View<'_>) -> Opinion {
    let opinion = if view.case.before.is_empty() {
        Opinion::new(Class::Undetermined, Cause::StartsMidConnection)
            .because(Fact::of(FactKind::NothingBefore))
            .lacking(Missing::Handshake)
            .lacking(Missing::Trigger)
    } else if view.is_peer_silent() {
        Opinion::new(Class::Undetermined, Cause::OneSided)
            .because(Fact::of(FactKind::OneDirection))
            .lacking(Missing::OtherDirection)
            .lacking(Missing::Trigger)
            .lacking_if(!view.own().shows(Marks::SYN), Missing::Handshake)
    } else if view.is_own_silent() && !view.peer().shows(Marks::SYN) {
        Opinion::new(Class::Undetermined, Cause::StartsMidConnection)
            .because(Fact::of(FactKind::NoHandshake))
            .lacking(Missing::Handshake)
            .lacking(Missing::Trigger)
    } else {
        Opinion::new(Class::Undetermined, Cause::TriggerMissing).lacking(Missing::Trigger)
    };
    let opinion = opinion.sure(Certainty::Possible);
    match view.form() {
        Form::Active => opinion.or(
            Class::AbortiveClose,
            Cause::Abort,
            "RST|ACK with a sequence number is how a live socket is aborted",
        ),
        _ if view.reset().flags.ack() => opinion.or(
            Class::AbortiveClose,
            Cause::Abort,
            "RST|ACK with a sequence number is how a live socket is aborted",
        ),
        _ => opinion
            .or(
                Class::HalfOpenResponse,
                Cause::LostState,
                "a bare RST is how a host answers for a connection it does not know",
            )
            .or(Class::AbortiveClose, Cause::DataAfterClose, "the sender may have closed before the capture began"),
    }
}
