//! How a verdict was composed: its form, what kept other classes from it, and what another capture would decide.

use super::Speaker;
use crate::classify::{Cause, Certainty, Class, Missing, Verdict};
use crate::report::amount;

impl Speaker<'_> {
    /// What the header shows, and what provoked it.
    pub fn form(&self) -> String {
        let verdict = &self.finding.verdict;
        let drew = match verdict.trigger {
            Some(trigger) => {
                format!("drawn by {}, {} before", self.frame(trigger.frame), amount::duration(trigger.after_ns))
            }
            None if verdict.missing.contains(&Missing::Trigger) => "what drew it is not in the capture".to_owned(),
            None => "no segment drew it".to_owned(),
        };
        format!("{}: {}; {drew}", verdict.form, super::form(verdict.form))
    }

    /// Of each other class what kept it from being the verdict.
    pub fn against_each(&self) -> Vec<String> {
        let verdict = &self.finding.verdict;
        let others = Class::ALL.iter().filter(|class| **class != verdict.class);
        others.flat_map(|class| self.against_one(*class)).collect()
    }

    fn against_one(&self, class: Class) -> Vec<String> {
        let verdict = &self.finding.verdict;
        let facts = verdict.against.iter().filter(|(own, _)| *own == class).map(|(_, fact)| self.fact(fact));
        let fits = verdict.outranked.iter().filter(|(own, _)| *own == class);
        let fits = fits.map(|(_, cause)| format!("would fit, as {cause}, but {} goes first", verdict.class));
        let mut said: Vec<String> = facts.chain(fits).map(|text| format!("{class}: {text}")).collect();
        if said.is_empty() {
            said.push(match class {
                Class::Undetermined => format!("{class}: another class fits"),
                _ => format!("{class}: nothing in the capture suggests it"),
            });
        }
        said
    }

    /// What another capture would decide.
    pub fn further(&self) -> Vec<String> {
        let words = further(&self.finding.verdict);
        words.into_iter().map(|words| self.filled(words)).collect()
    }
}

/// What to capture so that nothing is missing and no other reading remains, with gaps.
fn further(verdict: &Verdict) -> Vec<&'static str> {
    let mut words: Vec<&'static str> = verdict.missing.iter().map(|missing| showing(*missing)).collect();
    let open = verdict.certainty != Certainty::Certain;
    let classes = || verdict.alternatives.iter().map(|other| other.class).filter(|class| *class != verdict.class);
    if open && (verdict.class == Class::Forged || classes().any(|class| class == Class::Forged)) {
        words.push("on {sender-host} too: a RST that does not leave there was made on the way");
    }
    if verdict.alternatives.iter().any(|other| other.cause == Cause::RefusedByFirewall) {
        words.push("on {sender-host} too: if the SYN does not arrive there, a device before it answered");
    }
    if classes().any(|class| !matches!(class, Class::Forged | Class::Undetermined)) {
        words.push("near {sender-host} and from before the connection: it shows what {s} sent and this capture lacks");
    }
    let same = |cause: Cause| cause != Cause::RefusedByFirewall;
    if verdict.alternatives.iter().any(|other| other.class == verdict.class && same(other.cause)) {
        words.push(
            "none tells apart causes of one class that look the same; the log of the program on {sender-host} may",
        );
    }
    if words.is_empty() {
        words.push(match verdict.certainty {
            Certainty::Certain => "nothing is open",
            _ => "on {sender-host} too, to see the RST leave there",
        });
    }
    words.dedup();
    words
}

/// What would show what is missing.
fn showing(missing: Missing) -> &'static str {
    match missing {
        Missing::Handshake => "from before the connection is opened",
        Missing::Trigger | Missing::SenderSegments | Missing::PeerSegments | Missing::DroppedFrames => {
            "without drops, with a larger buffer (-B) and a filter on hosts and ports only"
        }
        Missing::OtherDirection => "where both directions pass, or on one of the two hosts",
        Missing::PreviousConnection => "from before the previous connection on these ports ends",
        Missing::Aftermath => "for some seconds after the reset",
        Missing::Options => "with at least 128 bytes of each frame (tcpdump -s 128), so that no header is cut",
        Missing::ReferenceTtl => "other traffic of {sender-host} too, at the same place",
        Missing::Memory => "of this connection alone: a filter on both hosts and ports",
        Missing::Evicted => {
            "of fewer connections, with a filter on hosts or ports; or give more memory (--max-connections)"
        }
    }
}
