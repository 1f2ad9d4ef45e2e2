//! What a reset did to its receiver.

use crate::classify::{Application, Effect, OnPeer};
use crate::report::amount;

/// What it did, what the application saw, what was lost.
pub fn words(effect: &Effect, receiver: &str) -> String {
    let mut text = match effect.on_peer {
        OnPeer::Accepted => "accepted".to_owned(),
        OnPeer::ProbablyAccepted => "probably accepted".to_owned(),
        OnPeer::Challenged => format!("not at once: {receiver} answered with a challenge ACK (RFC 5961)"),
        OnPeer::Ignored => format!("ignored: {receiver}'s connection went on"),
        OnPeer::TooLate => format!("none: {receiver} had closed or reset before"),
        OnPeer::Unknown => "the capture does not show whether it was accepted".to_owned(),
    };
    if let Some(application) = effect.application {
        let join = match effect.on_peer {
            OnPeer::Accepted => ": ",
            OnPeer::ProbablyAccepted => "; if so, ",
            _ => "; ",
        };
        text.push_str(join);
        text.push_str(&application_words(application, receiver));
    }
    if let Some(loss) = loss(effect, receiver) {
        text.push_str("; ");
        text.push_str(&loss);
    }
    text
}

/// What the program of the receiver saw.
fn application_words(application: Application, receiver: &str) -> String {
    match application {
        Application::ConnRefused => format!("{receiver}'s connect() fails with ECONNREFUSED"),
        Application::ConnReset => format!("{receiver}'s next call fails with ECONNRESET"),
        Application::BrokenPipe => format!("{receiver}'s next write fails with EPIPE"),
        Application::Eof => format!("{receiver}'s program reads an orderly end-of-file"),
        Application::Nothing => format!("{receiver}'s program notices nothing"),
    }
}

/// The bytes that were under way and never acknowledged.
fn loss(effect: &Effect, receiver: &str) -> Option<String> {
    let counted = |count: Option<u32>| count.filter(|count| *count > 0).map(|count| amount::bytes(u64::from(count)));
    let lost = match (counted(effect.bytes_lost_to_sender), counted(effect.bytes_lost_to_peer)) {
        (Some(from), Some(to)) => format!("{from} from {receiver} and {to} to it"),
        (Some(from), None) => format!("{from} from {receiver}"),
        (None, Some(to)) => format!("{to} to {receiver}"),
        (None, None) => return is_known_lossless(effect).then(|| "no bytes left unacknowledged".to_owned()),
    };
    Some(format!("{lost} lost (never acknowledged)"))
}

/// Whether there was a connection that ended, and all bytes of it were acknowledged.
fn is_known_lossless(effect: &Effect) -> bool {
    effect.bytes_lost_to_sender == Some(0)
        && effect.bytes_lost_to_peer == Some(0)
        && matches!(effect.on_peer, OnPeer::Accepted | OnPeer::ProbablyAccepted)
        && effect.application != Some(Application::ConnRefused)
}
