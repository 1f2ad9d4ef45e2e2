//! Which number a connection has in what is written.

use super::notes::Notes;
use crate::analyzer::{Analyzer, Options};
use crate::frame::{Frame, FrameNo};

/// Reads along what is written, as somebody will who opens it.
pub(super) struct Numbers {
    analyzer: Analyzer,
    pushed: u64,
    /// `tcp.stream` as read and as written, of connections where these differ.
    moved: Vec<(u64, u64)>,
    /// The RSTs that passed by since the last look, and `tcp.stream` of each as written.
    passed: Vec<(FrameNo, u64)>,
}

impl Numbers {
    /// Connections whose numbers are told.
    pub(super) const TOLD: usize = 10;
    const LOOK_EVERY: u64 = 1 << 10;

    pub(super) fn new() -> Self {
        Self {
            analyzer: Analyzer::new(Options { settle_ns: 0, ..Options::default() }),
            pushed: 0,
            moved: Vec::new(),
            passed: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, frame: &Frame<'_>) {
        self.analyzer.push(frame);
        self.pushed += 1;
    }

    /// `tcp.stream` as written of the RST in the frame that was pushed last.
    pub(super) fn stream(&mut self, frame: &Frame<'_>) -> Option<u64> {
        self.analyzer.tick(frame.time);
        self.pass();
        self.passed.last().filter(|(reset, _)| *reset == frame.no).map(|(_, stream)| *stream)
    }

    fn pass(&mut self) {
        let found = self.analyzer.findings().map(|finding| (finding.reset.frame, finding.connection.stream));
        self.passed.extend(found);
    }

    /// Takes note of connections whose resets have passed by, now and then.
    pub(super) fn compare(&mut self, notes: &Notes) {
        if self.pushed.is_multiple_of(Self::LOOK_EVERY) {
            self.look(notes);
        }
    }

    fn look(&mut self, notes: &Notes) {
        self.pass();
        for (reset, there) in self.passed.drain(..) {
            let Some(here) = notes.stream(reset).filter(|here| *here != there) else { continue };
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
