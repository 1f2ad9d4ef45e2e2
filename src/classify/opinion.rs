//! What one rule answers.

use crate::frame::FrameNo;

use super::{Alternative, Cause, Certainty, Class, Fact, FactKind, Missing};

/// What one rule says about a case.
#[derive(Clone, Debug)]
pub enum Judgement {
    /// This is it.
    Fits(Opinion),
    /// It is not my class, and this fact says so.
    Against(Fact),
    /// Not my matter.
    Silent,
}

/// A rule's reading of a case.
#[derive(Clone, Debug)]
pub struct Opinion {
    /// The class.
    pub class: Class,
    /// The cause.
    pub cause: Cause,
    /// How sure.
    pub certainty: Certainty,
    /// On which facts.
    pub evidence: Vec<Fact>,
    /// What else it could be.
    pub alternatives: Vec<Alternative>,
    /// What the capture lacks.
    pub missing: Vec<Missing>,
    /// The RST it merely follows from.
    pub follows: Option<FrameNo>,
}

/// Most verdicts rest on no more facts.
const FACTS: usize = 8;
/// Most verdicts have no more other readings.
const READINGS: usize = 2;

/// Inlined, so that an opinion stays in its place while it is made: each step that hands it on copies more than 100 bytes.
impl Opinion {
    /// A likely cause.
    pub fn new(class: Class, cause: Cause) -> Self {
        Self {
            class,
            cause,
            certainty: Certainty::Likely,
            evidence: Vec::with_capacity(FACTS),
            alternatives: Vec::with_capacity(READINGS),
            missing: Vec::new(),
            follows: None,
        }
    }

    /// With another certainty.
    #[inline(always)]
    pub fn sure(mut self, certainty: Certainty) -> Self {
        self.certainty = certainty;
        self
    }

    /// No more than `certainty`.
    #[inline(always)]
    pub fn at_most(mut self, certainty: Certainty) -> Self {
        self.certainty = self.certainty.min(certainty);
        self
    }

    /// Resting on `fact`, if there is one.
    #[inline(always)]
    pub fn because(mut self, fact: impl Into<Option<Fact>>) -> Self {
        self.evidence.extend(fact.into());
        self
    }

    /// Resting on `kind` where `holds`.
    #[inline(always)]
    pub fn because_if(self, holds: bool, kind: FactKind) -> Self {
        self.because(holds.then(|| Fact::of(kind)))
    }

    /// Or else.
    #[inline(always)]
    pub fn or(mut self, class: Class, cause: Cause, why: &'static str) -> Self {
        self.alternatives.push(Alternative { class, cause, why });
        self
    }

    /// Lacking something.
    #[inline(always)]
    pub fn lacking(self, missing: Missing) -> Self {
        self.lacking_if(true, missing)
    }

    /// Lacking something where `holds`.
    #[inline(always)]
    pub fn lacking_if(mut self, holds: bool, missing: Missing) -> Self {
        if holds && !self.missing.contains(&missing) {
            self.missing.push(missing);
        }
        self
    }

    /// Following from an earlier RST.
    #[inline(always)]
    pub fn following(mut self, frame: FrameNo) -> Self {
        self.follows = Some(frame);
        self
    }

    /// As a judgement.
    #[inline(always)]
    pub fn fits(self) -> Judgement {
        Judgement::Fits(self)
    }
}
