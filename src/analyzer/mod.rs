//! The whole core behind two functions: frames go in, findings come out.

mod finding;
mod summary;

pub use finding::{Connection, Finding, Part, Reset, Seen};
pub use summary::{Summary, Tally};

use crate::frame::{Frame, Timestamp};

/// How an [`Analyzer`] works.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long a reset is held, in nanoseconds of capture time, for what follows it to count.
    pub settle_ns: i64,
}

impl Default for Options {
    fn default() -> Self {
        Self { settle_ns: 3_000_000_000 }
    }
}

/// Tracks connections and explains resets. No I/O, no clock, no failure: time is the frames' own.
///
/// ```
/// use rstscan::analyzer::{Analyzer, Options};
/// let mut analyzer = Analyzer::new(Options::default());
/// // for each frame: analyzer.push(&frame);
/// analyzer.finish();
/// for finding in analyzer.findings() {
///     println!("{} {}", finding.reset.frame, finding.verdict.cause);
/// }
/// ```
#[derive(Debug)]
pub struct Analyzer {
    summary: Summary,
    ready: Vec<Finding>,
}

impl Analyzer {
    /// An analyzer that has seen nothing.
    pub fn new(options: Options) -> Self {
        let _ = options;
        Self { summary: Summary::default(), ready: Vec::new() }
    }

    /// Takes the next frame of the capture.
    pub fn push(&mut self, frame: &Frame<'_>) {
        let _ = frame;
        self.summary.frames += 1;
    }

    /// Time passes without frames: resets that have waited long enough by `now` are decided.
    pub fn tick(&mut self, now: Timestamp) {
        let _ = now;
    }

    /// The input is over: everything still held is decided.
    pub fn finish(&mut self) {}

    /// The findings that have become final since the last call, in the order of their RSTs.
    pub fn findings(&mut self) -> impl Iterator<Item = Finding> + '_ {
        self.ready.drain(..)
    }

    /// The counts so far.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }
}
