//! Resets whose verdicts are made, until they are fetched; and the memory of their cases, to be used again.

use std::collections::VecDeque;

use crate::classify::Verdict;
use crate::track::ResetCase;

use super::{Finding, assemble};

/// The most cases whose memory waits to be used again.
const SPARE_MAX: usize = 1 << 10;

/// Verdicts in the order of their RSTs.
///
/// A finding is put together when it is fetched only: whoever just counts does without.
#[derive(Debug, Default)]
pub(super) struct Ready {
    decided: VecDeque<(Box<ResetCase>, Verdict)>,
    #[expect(clippy::vec_box, reason = "the boxes go on to other places as they are")]
    spare: Vec<Box<ResetCase>>,
    /// Nobody will ask for findings.
    unwanted: bool,
}

impl Ready {
    /// A case to be written over.
    pub(super) fn blank(&mut self) -> Box<ResetCase> {
        self.spare.pop().unwrap_or_else(|| Box::new(ResetCase::empty()))
    }

    /// Keeps a case and its verdict.
    pub(super) fn push(&mut self, case: Box<ResetCase>, verdict: Verdict) {
        if self.unwanted {
            return self.keep(case);
        }
        self.decided.push_back((case, verdict));
    }

    /// Whether there is a finding.
    #[inline]
    pub(super) fn any(&self) -> bool {
        !self.decided.is_empty()
    }

    /// Writes the next finding over another one; whether there was one.
    pub(super) fn next_into(&mut self, finding: &mut Finding) -> bool {
        let Some((mut case, verdict)) = self.decided.pop_front() else { return false };
        assemble::fill(finding, &mut case, verdict);
        self.keep(case);
        true
    }

    /// Drops all of them, and those to come.
    pub(super) fn drop_all(&mut self) {
        self.unwanted = true;
        while let Some((case, _)) = self.decided.pop_front() {
            self.keep(case);
        }
    }

    /// Keeps the memory of a case whose verdict nobody asks for.
    pub(super) fn keep(&mut self, mut case: Box<ResetCase>) {
        if self.spare.len() < SPARE_MAX {
            case.reuse();
            self.spare.push(case);
        }
    }
}
