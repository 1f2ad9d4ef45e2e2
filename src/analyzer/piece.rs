//! Where a capture is one piece of a longer one: its numbers are those that it has alone.

use std::collections::VecDeque;

use super::{Analyzer, Finding, Options, Summary};
use crate::frame::{Frame, FrameNo};

/// Reads along the piece, as somebody does who opens it alone, and decides nothing.
#[derive(Debug)]
pub(super) struct Piece {
    alone: Analyzer,
    is_over: bool,
    /// The RSTs that have passed by, and `tcp.stream` of each.
    streams: VecDeque<(FrameNo, u64)>,
}

impl Piece {
    fn new(options: Options) -> Self {
        let options = Options { settle_ns: 0, inputs: None, ..options };
        Self { alone: Analyzer::new(options), is_over: false, streams: VecDeque::new() }
    }

    pub(super) fn push(&mut self, frame: &Frame<'_>) {
        if self.is_over {
            return;
        }
        self.alone.push(frame);
        self.pass();
    }

    fn pass(&mut self) {
        let found = self.alone.findings().map(|finding| (finding.reset.frame, finding.connection.stream));
        self.streams.extend(found);
    }

    /// Gives a finding the stream that its connection has in the piece. Both come in the order of the RSTs.
    pub(super) fn number(&mut self, finding: &mut Finding) {
        while let Some((frame, stream)) = self.streams.pop_front() {
            if frame == finding.reset.frame {
                finding.connection.stream = stream;
                return;
            }
        }
    }

    /// The summary with the counts of the piece's frames.
    pub(super) fn of(&self, all: Summary) -> Summary {
        let Summary { frames, segments, connections, skipped, first, last, .. } = self.alone.summary();
        Summary { frames, segments, connections, skipped, first, last, ..all }
    }
}

impl Analyzer {
    /// The piece begins: frames, segments, connections and streams are counted as by somebody who opens a capture that begins
    /// here, which costs as much again as to follow connections. Which resets are reported,
    /// [`Options::inputs`](super::Options::inputs) says.
    pub fn begin_piece(&mut self, options: Options) {
        self.piece = Some(Box::new(Piece::new(options)));
    }

    /// The piece is over: what follows is for the resets in it that wait.
    pub fn end_piece(&mut self) {
        if let Some(piece) = &mut self.piece {
            piece.is_over = true;
            piece.alone.finish();
            piece.pass();
        }
    }
}
