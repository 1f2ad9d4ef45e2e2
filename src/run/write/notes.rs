//! What is known of frames that are still to be written: their comments, and which connections matter.

use std::collections::{BTreeMap, HashSet};

use crate::analyzer::Finding;
use crate::decode::{self, Skip};
use crate::frame::{Frame, FrameNo};
use crate::report::{Context, remarks};
use crate::tcp::FourTuple;
use crate::track::{Lookup, Seeds};

/// Comments of frames, and the connections that they are about.
#[derive(Default)]
pub(super) struct Notes {
    state: Seeds,
    connections: HashSet<u64>,
    comments: BTreeMap<FrameNo, Vec<String>>,
    bytes: usize,
    /// Whether frames are written as they come: then the comments of early ones make room, and no connection is remembered.
    passing: bool,
    /// Findings whose comments found no room.
    pub(super) omitted: u64,
    /// The `tcp.stream` of RSTs that were found first.
    streams: BTreeMap<FrameNo, u64>,
}

/// What a frame has to do with connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    /// It has a segment of this one, or an ICMP error about it.
    Of(u64),
    /// A piece of an IP packet with TCP: of which connection shows once the packet is whole.
    Fragment,
    /// Nothing.
    None,
}

impl Notes {
    /// For comments that wait for their frame.
    const BYTES_MAX: usize = 128 << 20;
    /// What a comment takes beside its text.
    const ENTRY: usize = 96;
    /// A frame can provoke thousands of resets.
    const EACH_MAX: usize = 4;
    const STREAMS_MAX: usize = 1 << 10;

    /// For an input that is read once.
    pub(super) fn passing() -> Self {
        Self { passing: true, ..Self::default() }
    }

    /// Takes note of a reset; the connection that it ended.
    pub(super) fn add(&mut self, context: &Context, finding: &Finding) -> u64 {
        let key = self.key(&finding.reset.tuple);
        if !self.passing {
            self.connections.insert(key);
        }
        if self.streams.len() < Self::STREAMS_MAX {
            self.streams.insert(finding.reset.frame, finding.connection.stream);
        }
        while self.bytes > Self::BYTES_MAX {
            if !self.passing || !self.forget_first() {
                self.omitted += 1;
                return key;
            }
        }
        for (frame, text) in remarks(context, finding) {
            let comments = self.comments.entry(frame).or_default();
            if comments.len() < Self::EACH_MAX && !comments.contains(&text) {
                self.bytes += text.len() + Self::ENTRY;
                comments.push(text);
            }
        }
        key
    }

    /// What to write beside a frame, which is asked for once.
    pub(super) fn take(&mut self, frame: FrameNo) -> Vec<String> {
        let comments = self.comments.remove(&frame).unwrap_or_default();
        self.bytes -= comments.iter().map(|text| text.len() + Self::ENTRY).sum::<usize>();
        comments
    }

    /// The comments of frames before this one, which were written before anything was known of them, have no place to go.
    pub(super) fn forget_before(&mut self, frame: FrameNo) {
        while self.comments.first_key_value().is_some_and(|(first, _)| *first < frame) && self.forget_first() {}
    }

    fn forget_first(&mut self) -> bool {
        let Some((_, gone)) = self.comments.pop_first() else { return false };
        self.bytes -= gone.iter().map(|text| text.len() + Self::ENTRY).sum::<usize>();
        true
    }

    /// The `tcp.stream` of a RST in what is read, if it was among the first.
    pub(super) fn stream(&self, reset: FrameNo) -> Option<u64> {
        self.streams.get(&reset).copied()
    }

    /// Whether the input is read once.
    pub(super) fn is_passing(&self) -> bool {
        self.passing
    }

    /// How many connections had a reset.
    pub(super) fn connections(&self) -> usize {
        self.connections.len()
    }

    pub(super) fn part(&self, frame: &Frame<'_>) -> Part {
        match decode::decode(frame) {
            Ok(decoded) => Part::Of(self.key(&decoded.segment.tuple)),
            Err(Skip::Fragment) => Part::Fragment,
            Err(Skip::Icmp) => decode::icmp_error(frame).map_or(Part::None, |error| Part::Of(self.key(&error.tuple))),
            Err(_) => Part::None,
        }
    }

    /// Whether a frame is of a connection that had a reset, or may be.
    pub(super) fn matters(&self, frame: &Frame<'_>) -> bool {
        match self.part(frame) {
            Part::Of(key) => self.connections.contains(&key),
            Part::Fragment => !self.connections.is_empty(),
            Part::None => false,
        }
    }

    /// Stands for a four-tuple, all of its lives and both directions.
    fn key(&self, tuple: &FourTuple) -> u64 {
        Lookup::of(tuple).hash(&self.state)
    }
}
