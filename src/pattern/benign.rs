//! Resets that did no harm.

use crate::analyzer::Finding;
use crate::classify::{Application, Cause, Certainty, Class, FactKind, Missing, OnPeer, Role, Verdict};

/// Whether everything was delivered both ways before the reset, and its receiver had closed, so that nobody noticed.
///
/// `Some(false)` where something is known to be lost or to have failed; `None` where the capture does not show enough, and
/// of resets that follow from others.
pub fn benign(finding: &Finding) -> Option<bool> {
    let verdict = &finding.verdict;
    if verdict.follows.is_some() {
        None
    } else if is_harmful(verdict) {
        Some(false)
    } else {
        (is_harmless(verdict) && receiver_had_closed(finding)).then_some(true)
    }
}

fn is_harmful(verdict: &Verdict) -> bool {
    let effect = &verdict.effect;
    let lost = [effect.bytes_lost_to_sender, effect.bytes_lost_to_peer].into_iter().flatten().any(|bytes| bytes > 0);
    let failing = [Application::ConnRefused, Application::ConnReset, Application::BrokenPipe];
    let failed = effect.application.is_some_and(|application| failing.contains(&application));
    lost || (failed && effect.on_peer == OnPeer::Accepted)
}

/// Whether all bytes were acknowledged and read, as far as can be seen, and the receiving program noticed nothing.
fn is_harmless(verdict: &Verdict) -> bool {
    let effect = &verdict.effect;
    let whole = effect.bytes_lost_to_sender == Some(0) && effect.bytes_lost_to_peer == Some(0);
    let unnoticed = matches!(effect.application, Some(Application::Nothing | Application::Eof));
    let took_part = verdict.class == Class::AbortiveClose || verdict.cause == Cause::LateSegment;
    let gaps = [Missing::SenderSegments, Missing::PeerSegments, Missing::OtherDirection];
    let seen = verdict.certainty >= Certainty::Likely && !verdict.missing.iter().any(|missing| gaps.contains(missing));
    whole && unnoticed && took_part && seen && !verdict.evidence.iter().any(|fact| is_unread(verdict, fact.kind))
}

/// Whether a fact shows data that somebody did not read. The last answer of a server is never answered.
fn is_unread(verdict: &Verdict, kind: FactKind) -> bool {
    match kind {
        FactKind::WindowJump | FactKind::WindowShort | FactKind::OwnDataInFlight | FactKind::PeerDataInFlight => true,
        FactKind::UnansweredData => verdict.sender_role != Some(Role::Client),
        _ => false,
    }
}

/// Whether the receiver had sent FIN: the end of its data was part of what it delivered.
fn receiver_had_closed(finding: &Finding) -> bool {
    let (reset, connection) = (&finding.reset, &finding.connection);
    let from_client = connection.tuple.src == reset.tuple.dst;
    let mut before = finding.segments.iter().take_while(|seen| seen.frame != reset.frame);
    before.any(|seen| seen.from_client == from_client && seen.flags.fin())
}
