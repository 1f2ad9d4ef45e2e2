//! How an analyzer is doing while it runs: numbers for somebody who watches it for a month.

use super::Analyzer;
use crate::decode::Skip;
use crate::frame::Timestamp;

/// Counts so far that cost nothing to ask for, unlike the whole [`Summary`](super::Summary).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Level {
    /// Frames pushed.
    pub frames: u64,
    /// TCP segments found in them; those of an unfinished batch are not in it.
    pub segments: u64,
    /// Frames without a usable TCP segment, by reason.
    pub skipped: [(Skip, u64); Skip::ALL.len()],
    /// Four-tuples seen.
    pub connections: u64,
    /// Incarnations held now; of four-tuples that a first pass saw no RST on, one each.
    pub tracked: u64,
    /// The most incarnations that are to be held at the same time.
    pub max_connections: u64,
    /// Incarnations given up to stay within memory.
    pub evictions: u64,
    /// Resets that were classified before their settle time was over, because too many were held.
    pub settled_early: u64,
    /// The earliest capture time.
    pub first: Option<Timestamp>,
    /// The latest capture time.
    pub last: Option<Timestamp>,
}

impl Analyzer {
    /// The counts so far.
    pub fn level(&self) -> Level {
        let (core, span) = (&self.core, self.extent().span());
        Level {
            frames: self.extent().frames(),
            segments: self.segments(),
            skipped: Skip::ALL.map(|skip| (skip, self.skipped(skip))),
            connections: self.connections(),
            tracked: core.tracker.tracked(),
            max_connections: core.summary.max_connections,
            evictions: self.evictions(),
            settled_early: core.summary.settled_early,
            first: span.map(|(first, _)| first),
            last: span.map(|(_, last)| last),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyzer::Options;
    use crate::frame::{Frame, FrameNo, LinkType};

    #[test]
    fn the_level_is_that_of_the_summary() {
        let mut analyzer = Analyzer::new(Options { max_connections: 9, ..Options::default() });
        assert_eq!(analyzer.level().last, None);
        let time = Timestamp::from_nanos(7);
        let frame = Frame { no: FrameNo::new(0, 1), time, link: LinkType::ETHERNET, data: &[0; 60], wire_len: 60 };
        analyzer.push(&frame);
        let (level, summary) = (analyzer.level(), analyzer.summary());
        assert_eq!((level.frames, level.segments, level.max_connections), (1, 0, 9));
        assert_eq!((level.connections, level.tracked, level.evictions, level.settled_early), (0, 0, 0, 0));
        assert_eq!((level.first, level.last), (Some(time), Some(time)));
        let named: Vec<_> = level.skipped.iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(named.len(), 1);
        assert!(named.iter().all(|(skip, count)| summary.skipped.get(skip.id()) == Some(count)));
    }
}
