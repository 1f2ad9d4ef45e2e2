//! Which resets are wanted: by class, cause, certainty and host; and the counts of those that are.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use crate::analyzer::{Finding, Summary, Tally};
use crate::classify::{Cause, Certainty, Class};

/// The most services that are counted one by one.
const SERVICES_COUNTED: usize = 1 << 16;

/// What a reset may be chosen by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Term {
    /// Its class.
    Class(Class),
    /// Its cause.
    Cause(Cause),
    /// How sure its verdict is.
    Certainty(Certainty),
    /// Who sent or received it.
    Host(IpAddr),
    /// The same, at one port.
    End(SocketAddr),
}

/// Terms of one kind are alternatives to each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    What,
    Certainty,
    Host,
}

impl Term {
    /// The term with this id or address: `forged`, `lost-state`, `certain`, `192.0.2.7`, `192.0.2.7:443`, `[2001:db8::7]:443`.
    pub fn parse(word: &str) -> Option<Self> {
        let class = Class::from_id(word).map(Term::Class);
        let cause = || Cause::from_id(word).map(Term::Cause);
        let certainty = || Certainty::from_id(word).map(Term::Certainty);
        let host = || word.parse().ok().map(Term::Host);
        let end = || word.parse().ok().map(Term::End);
        class.or_else(cause).or_else(certainty).or_else(host).or_else(end)
    }

    /// The ids of all terms that have one.
    pub fn ids() -> impl Iterator<Item = &'static str> {
        let classes = Class::ALL.iter().map(|class| class.id());
        let causes = Cause::ALL.iter().map(|cause| cause.id());
        classes.chain(causes).chain(Certainty::ALL.iter().map(|certainty| certainty.id()))
    }

    fn kind(self) -> Kind {
        match self {
            Term::Class(_) | Term::Cause(_) => Kind::What,
            Term::Certainty(_) => Kind::Certainty,
            Term::Host(_) | Term::End(_) => Kind::Host,
        }
    }

    fn fits(self, finding: &Finding) -> bool {
        let (verdict, tuple) = (&finding.verdict, &finding.reset.tuple);
        match self {
            Term::Class(class) => verdict.class == class,
            Term::Cause(cause) => verdict.cause == cause,
            Term::Certainty(certainty) => verdict.certainty == certainty,
            Term::Host(host) => [tuple.src.ip(), tuple.dst.ip()].contains(&host),
            Term::End(end) => [tuple.src, tuple.dst].contains(&end),
        }
    }
}

/// Which resets are wanted. What is not is in no output and no count but that of the hidden ones.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Selection {
    only: Vec<Term>,
    not: Vec<Term>,
    resets: Tally,
    hidden: u64,
    by_cause: BTreeMap<(Class, Cause), Tally>,
    by_service: BTreeMap<SocketAddr, Tally>,
}

impl Selection {
    /// Resets that fit one term of each kind that `only` has, and none of `not`. Classes and causes are of one kind.
    pub fn new(only: Vec<Term>, not: Vec<Term>) -> Self {
        Self { only, not, ..Self::default() }
    }

    /// Every reset that is left, where so many were hidden before.
    pub fn hiding(hidden: u64) -> Self {
        Self { hidden, ..Self::default() }
    }

    /// Whether every reset is wanted.
    pub fn is_all(&self) -> bool {
        self.only.is_empty() && self.not.is_empty()
    }

    /// Counts a finding; whether it is wanted.
    pub fn takes(&mut self, finding: &Finding) -> bool {
        if self.is_all() {
            return true;
        }
        let wanted = self.wants(finding);
        if wanted {
            self.count(finding)
        } else {
            self.hidden += 1
        }
        wanted
    }

    /// How many resets so far were not wanted; `None` where all are.
    pub fn hidden(&self) -> Option<u64> {
        (!self.is_all() || self.hidden > 0).then_some(self.hidden)
    }

    /// The summary with the counts of the wanted resets only.
    #[must_use]
    pub fn narrowed(&self, summary: Summary) -> Summary {
        if self.is_all() {
            return summary;
        }
        let Tally { resets, events } = self.resets;
        let (by_cause, by_service) = (self.by_cause.clone(), self.by_service.clone());
        Summary { resets, events, by_cause, by_service, ..summary }
    }

    /// Whether a finding is wanted, which is not counted.
    pub fn wants(&self, finding: &Finding) -> bool {
        let allowed = |kind| {
            let mut terms = self.only.iter().filter(|term| term.kind() == kind).peekable();
            terms.peek().is_none() || terms.any(|term| term.fits(finding))
        };
        let kinds = [Kind::What, Kind::Certainty, Kind::Host];
        kinds.into_iter().all(allowed) && !self.not.iter().any(|term| term.fits(finding))
    }

    fn count(&mut self, finding: &Finding) {
        let (verdict, service) = (&finding.verdict, finding.connection.tuple.dst);
        let event = u64::from(verdict.follows.is_none());
        let add = |tally: &mut Tally| {
            tally.resets += 1;
            tally.events += event;
        };
        add(&mut self.resets);
        add(self.by_cause.entry((verdict.class, verdict.cause)).or_default());
        if self.by_service.len() < SERVICES_COUNTED || self.by_service.contains_key(&service) {
            add(self.by_service.entry(service).or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixtures;

    fn terms(words: &str) -> Vec<Term> {
        words.split_whitespace().map(|word| Term::parse(word).unwrap()).collect()
    }

    /// The causes that are chosen of all fixtures.
    fn chosen(only: &str, not: &str) -> Vec<&'static str> {
        let mut selection = Selection::new(terms(only), terms(not));
        let all = fixtures::all();
        all.iter().filter(|finding| selection.takes(finding)).map(|finding| finding.verdict.cause.id()).collect()
    }

    #[test]
    fn no_two_terms_have_one_id() {
        let ids: Vec<_> = Term::ids().collect();
        let different: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(ids.len(), different.len());
        assert!(ids.iter().all(|id| Term::parse(id).is_some()));
        for wrong in ["", "lost", "192.0.2.300", "192.0.2.1:x", ":443", "Forged"] {
            assert_eq!(Term::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn terms_of_one_kind_are_alternatives_and_kinds_narrow() {
        let all = fixtures::all();
        assert_eq!(chosen("", "").len(), all.len());
        let forged = chosen("forged", "");
        assert!(!forged.is_empty() && forged.len() < all.len());
        assert_eq!(chosen("forged lost-state", ""), chosen("lost-state forged", ""));
        assert_eq!(chosen("forged lost-state", "").len(), forged.len() + chosen("lost-state", "").len());
        let likely = all.iter().filter(|finding| finding.verdict.certainty == Certainty::Likely).count();
        assert_eq!(chosen("likely", "").len(), likely);
        assert_eq!(chosen("", "likely").len(), all.len() - likely);
        assert_eq!(chosen("lost-state", "forged"), chosen("lost-state", ""));
        assert!(chosen("lost-state", "lost-state").is_empty());
    }

    #[test]
    fn hosts_are_either_end_of_the_reset() {
        let finding = fixtures::half_open();
        let takes = |only: &str| Selection::new(terms(only), Vec::new()).takes(&finding);
        assert!(takes("192.168.1.109") && takes("192.168.1.108") && takes("192.168.1.108:55100"));
        assert!(takes("10.0.0.1 192.168.1.109:12345 half-open-response"));
        assert!(!takes("192.168.1.109:55100") && !takes("192.168.1.109 forged") && !takes("2001:db8::1"));
    }

    #[test]
    fn the_summary_counts_what_was_taken() {
        let summary = fixtures::summary();
        assert_eq!(Selection::default().narrowed(summary.clone()), summary);
        let mut selection = Selection::new(terms("half-open-response"), Vec::new());
        for finding in std::iter::once(fixtures::forged()).chain(fixtures::follow_ups()).chain([fixtures::half_open()])
        {
            selection.takes(&finding);
        }
        let narrowed = selection.narrowed(summary.clone());
        assert_eq!((narrowed.resets, narrowed.events, selection.hidden()), (3, 1, Some(1)));
        assert_eq!((narrowed.frames, narrowed.connections), (summary.frames, summary.connections));
        assert_eq!(narrowed.by_cause.len(), 3);
        assert_eq!(narrowed.by_service.values().map(|tally| tally.resets).sum::<u64>(), 3);
    }
}
