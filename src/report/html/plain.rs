//! Words for somebody who never saw a packet.

use crate::classify::{Certainty, Class};
use crate::report::catalogue;
use crate::report::html::data::Kind;

/// What a reset is.
pub const RESET: &str = "Two programs on a network talk over a connection, as over a telephone line. Normally both say \
    goodbye before they hang up. A reset is the other way to end it: one side slams the receiver down, or says that it \
    does not know the caller. The program at the other end then reports \u{201c}connection reset by peer\u{201d} or \
    \u{201c}connection refused\u{201d}.";

/// What a class is, without words of the trade.
pub fn class(class: Class) -> &'static str {
    match class {
        Class::ClosedPort => "Somebody tried to connect and was turned away at the door.",
        Class::TimeWaitCollision => {
            "A new connection used the same numbers as one that had just ended, and met what was left of it."
        }
        Class::AbortiveClose => "One of the two programs hung up without saying goodbye.",
        Class::HalfOpenResponse => "One side still used a connection that the other side no longer knew.",
        Class::Forged => {
            "Neither of the two computers ended the connection: something between them did, in the name of one of them."
        }
        Class::Undetermined => "The recording does not show enough to say why.",
    }
}

/// How sure a verdict is.
pub fn certainty(certainty: Certainty) -> &'static str {
    match certainty {
        Certainty::Certain => "only this explains what was recorded",
        Certainty::Likely => "this explains it best; what else it could be is named",
        Certainty::Possible => "a hint only",
    }
}

/// What the catalogue says a cause means, its letters spelled out.
pub fn means(kind: Kind) -> String {
    let chapters = catalogue::chapters();
    let sections = chapters.iter().flat_map(|chapter| &chapter.causes);
    let mut own = sections.filter(|section| section.cause == kind.cause);
    own.find_map(|section| section.entry("Means")).map(spelled_out).unwrap_or_default()
}

/// The catalogue's letters as words, see [`catalogue::letters`].
fn spelled_out(text: &str) -> String {
    let mut spelled = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let end = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len()).max(c.len_utf8());
        let (word, after) = rest.split_at(end);
        let begins = spelled.is_empty() || spelled.ends_with(". ");
        spelled.push_str(match (word, begins) {
            ("E", false) => "the sender",
            ("E", true) => "The sender",
            ("P", false) => "the receiver",
            ("P", true) => "The receiver",
            _ => word,
        });
        rest = after;
    }
    spelled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::Cause;

    #[test]
    fn the_letters_of_the_catalogue_are_spelled_out() {
        assert_eq!(
            spelled_out("E had closed, and P still sent to E's end."),
            "The sender had closed, and the receiver still sent to the sender's end."
        );
        assert_eq!(spelled_out("Port 80: UP"), "Port 80: UP");
    }

    #[test]
    fn every_cause_means_something() {
        for cause in Cause::ALL {
            let means = means(Kind { class: Class::Undetermined, cause: *cause });
            assert!(means.ends_with('.') && !means.contains(" E ") && !means.contains(" P "), "{cause}: {means}");
        }
    }
}
