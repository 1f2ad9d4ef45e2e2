//! Which number a connection has in what is written.

use super::notes::Notes;
use crate::analyzer::{Analyzer, Options};
use crate::frame::Frame;

/// Reads along what is written, as somebody will who opens it.
pub(super) struct Numbers {
    analyzer: Analyzer,
    pushed: u64,
    /// `tcp.stream` as read and as written, of connections where these differ.
    moved: Vec<(u64, u64)>,
}

impl Numbers {
    /// Connections whose numbers are told.
    pub(super) const TOLD: usize = 10;
    const LOOK_EVERY: u64 = 1 << 10;

    pub(super) fn new() -> Self {
        Self { analyzer: Analyzer::new(Options { settle_ns: 0, ..Options::default() }), pushed: 0, moved: Vec::new() }
    }

    pub(super) fn push(&mut self, frame: &Frame<'_>) {
        self.analyzer.push(frame);
        self.pushed += 1;
    }

    /// Takes note of connections whose resets have passed by, now and then.
    pub(super) fn compare(&mut self, notes: &Notes) {
        if self.pushed.is_multiple_of(Self::LOOK_EVERY) {
            self.look(notes);
        }
    }

    fn look(&mut self, notes: &Notes) {
        for finding in self.analyzer.findings() {
            let there = finding.connection.stream;
            let Some(here) = notes.stream(finding.reset.frame).filter(|here| *here != there) else { continue };
            if self.moved.len() <= Self::TOLD && !self.moved.contains(&(here, there)) {
                self.moved.push((here, there));
            }
        }
    }

    /// All that differ, the first of them at least.
    pub(super) fn finish(mut self, notes: &Notes) -> Vec<(u64, u64)> {
        self.analyzer.finish();
        self.look(notes);
        self.moved
    }
}
