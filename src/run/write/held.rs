//! Frames of an input that cannot be read twice, until it is known what to write of them, or beside them.

use std::collections::{HashMap, VecDeque};
use std::io;

use super::capture::{Capture, Packet};
use super::files::WriteError;
use super::notes::{Notes, Part};
use super::spool::Spool;
use crate::frame::Timestamp;
use crate::source::Original;

/// What waits.
pub(super) enum Hold {
    /// Every frame will be written: it waits for comments only.
    All(Line),
    /// Frames of connections that have a reset.
    Some(Box<Chosen>),
}

impl Hold {
    pub(super) fn take(&mut self, original: &Original<'_>, to: &mut Writing<'_>) -> Result<(), WriteError> {
        match self {
            Self::All(line) => line.take(to.capture.packet(original)?, to),
            Self::Some(chosen) => chosen.take(original, to),
        }
    }

    /// A connection had a reset.
    pub(super) fn matter(&mut self, key: u64, now: Timestamp) {
        if let Self::Some(chosen) = self {
            chosen.matter(key, now);
            chosen.matter(FRAGMENTS, now);
        }
    }

    /// Writes what can wait no longer, as it is this time.
    pub(super) fn pass(&mut self, now: Timestamp, to: &mut Writing<'_>) -> Result<(), WriteError> {
        match self {
            Self::All(line) => line.pass(now, to),
            Self::Some(chosen) => chosen.pass(now, to),
        }
    }

    /// Writes all that is to be written.
    pub(super) fn finish(&mut self, to: &mut Writing<'_>) -> Result<(), WriteError> {
        match self {
            Self::All(line) => line.finish(to),
            Self::Some(chosen) => chosen.finish(to),
        }
    }

    /// Connections that begin before what was held of them.
    pub(super) fn beheaded(&self) -> usize {
        match self {
            Self::All(_) => 0,
            Self::Some(chosen) => chosen.matters.values().filter(|state| state.beheaded).count(),
        }
    }
}

/// Where frames go, and what goes with them.
pub(super) struct Writing<'a> {
    pub(super) capture: &'a mut Capture,
    pub(super) notes: &'a mut Notes,
}

impl Writing<'_> {
    /// A frame of which all is known.
    pub(super) fn write_at_once(&mut self, original: &Original<'_>) -> Result<(), WriteError> {
        let packet = self.capture.packet(original)?;
        self.write(packet)
    }

    pub(super) fn write(&mut self, packet: Packet) -> Result<(), WriteError> {
        let comments = self.notes.take(packet.no);
        self.capture.write(packet, &comments)?;
        if let Some(numbers) = &mut self.capture.numbers {
            numbers.compare(self.notes);
        }
        Ok(())
    }
}

/// Frames in their order, each for as long as a comment on it may come.
pub(super) struct Line {
    frames: VecDeque<Packet>,
    bytes: usize,
    patience_ns: i64,
}

impl Line {
    /// Frames wait in at most so many bytes.
    const BYTES_MAX: usize = 64 << 20;
    /// A segment is taken to have provoked a reset that comes within this time.
    const PROVOKES_NS: i64 = 1_000_000_000;

    /// Where resets are explained this long after they came.
    pub(super) fn new(settle_ns: i64) -> Self {
        Self { frames: VecDeque::new(), bytes: 0, patience_ns: settle_ns.saturating_add(Self::PROVOKES_NS) }
    }

    fn take(&mut self, packet: Packet, to: &mut Writing<'_>) -> Result<(), WriteError> {
        self.bytes += packet.block.len();
        self.frames.push_back(packet);
        while self.bytes > Self::BYTES_MAX {
            self.give(to)?;
        }
        Ok(())
    }

    fn give(&mut self, to: &mut Writing<'_>) -> Result<(), WriteError> {
        let Some(packet) = self.frames.pop_front() else { return Ok(()) };
        self.bytes -= packet.block.len();
        to.notes.forget_before(packet.no);
        to.write(packet)
    }

    fn pass(&mut self, now: Timestamp, to: &mut Writing<'_>) -> Result<(), WriteError> {
        while self.frames.front().is_some_and(|packet| now.since(packet.time) > self.patience_ns) {
            self.give(to)?;
        }
        Ok(())
    }

    fn finish(&mut self, to: &mut Writing<'_>) -> Result<(), WriteError> {
        while !self.frames.is_empty() {
            self.give(to)?;
        }
        Ok(())
    }
}

/// Fragments are held as if they were of one connection.
const FRAGMENTS: u64 = 0;

/// Frames of all connections, for those that turn out to matter.
pub(super) struct Chosen {
    spool: Spool,
    settle_ns: i64,
    matters: HashMap<u64, Mattering, foldhash::fast::RandomState>,
    /// When which of them are looked at again.
    due: VecDeque<(Timestamp, u64)>,
}

/// A connection that had a reset.
#[derive(Clone, Copy, Default)]
struct Mattering {
    /// Up to where its frames were written.
    written: Option<u64>,
    is_due: bool,
    beheaded: bool,
}

impl Chosen {
    /// More connections than this are remembered only while frames of theirs are held.
    const MATTERS_MAX: usize = 1 << 20;

    pub(super) fn new(spool: Spool, settle_ns: i64) -> Self {
        Self { spool, settle_ns, matters: HashMap::default(), due: VecDeque::new() }
    }

    fn take(&mut self, original: &Original<'_>, to: &mut Writing<'_>) -> Result<(), WriteError> {
        let key = match to.notes.part(&original.frame) {
            Part::Of(key) => key,
            Part::Fragment => FRAGMENTS,
            Part::None => return Ok(()),
        };
        self.spool.push(key, &to.capture.packet(original)?).map_err(cannot_hold)?;
        if self.matters.contains_key(&key) {
            self.matter(key, original.frame.time.plus(self.settle_ns));
        }
        Ok(())
    }

    /// Has the frames of a connection written, at this time.
    fn matter(&mut self, key: u64, when: Timestamp) {
        let state = self.matters.entry(key).or_default();
        if !std::mem::replace(&mut state.is_due, true) {
            self.due.push_back((when, key));
        }
        if self.matters.len() > Self::MATTERS_MAX {
            self.matters.retain(|key, state| state.is_due || self.spool.knows(*key));
        }
    }

    fn pass(&mut self, now: Timestamp, to: &mut Writing<'_>) -> Result<(), WriteError> {
        // Of later frames of it there may be more to say.
        let until = now.plus(-self.settle_ns);
        while let Some((_, key)) = self.due.front().copied().filter(|(when, _)| *when <= now) {
            self.due.pop_front();
            if let Some(state) = self.matters.get_mut(&key) {
                state.is_due = false;
            }
            if self.give((key, until), to)? {
                self.matter(key, now.plus(self.settle_ns));
            }
        }
        Ok(())
    }

    /// Writes the frames of a connection up to the first that is too young; whether there is one.
    fn give(&mut self, (key, until): (u64, Timestamp), to: &mut Writing<'_>) -> Result<bool, WriteError> {
        let Some(state) = self.matters.get_mut(&key) else { return Ok(false) };
        let (frames, gone) = self.spool.frames(key, state.written).map_err(cannot_hold)?;
        state.beheaded |= gone;
        for held in &frames {
            if held.time > until {
                return Ok(true);
            }
            to.write(self.spool.packet(held).map_err(cannot_hold)?)?;
            state.written = Some(held.at);
        }
        Ok(false)
    }

    fn finish(&mut self, to: &mut Writing<'_>) -> Result<(), WriteError> {
        while let Some((_, key)) = self.due.pop_front() {
            self.give((key, Timestamp::from_nanos(i64::MAX)), to)?;
        }
        Ok(())
    }
}

fn cannot_hold(error: io::Error) -> WriteError {
    WriteError::new("cannot hold frames in a temporary file".to_owned(), error)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::path::Path;

    use super::super::files::Files;
    use super::*;
    use crate::frame::{Frame, FrameNo, LinkType};

    const SECOND: i64 = 1_000_000_000;

    /// An IPv4 packet with an ACK from one of two ports to a third.
    fn packet(port: u8) -> Vec<u8> {
        let ip = [0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
        [&ip[..], &[0, port, 0, 80, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 0xfa, 0xf0, 0, 0, 0, 0]].concat()
    }

    struct Story {
        chosen: Chosen,
        capture: Capture,
        notes: Notes,
        folder: tempfile::TempDir,
        frames: u64,
    }

    impl Story {
        fn new(capacity: u64) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let files = Files::new(crate::cli::Writing::to(folder.path().join("out")), &[]);
            Self {
                chosen: Chosen::new(Spool::new(folder.path(), capacity).unwrap(), SECOND),
                capture: Capture::new(files, None),
                notes: Notes::passing(),
                folder,
                frames: 0,
            }
        }

        /// A frame of a connection comes at so many seconds; the key of the connection.
        fn comes(&mut self, port: u8, seconds: i64) -> u64 {
            self.frames += 1;
            let (data, time) = (packet(port), Timestamp::new(seconds, 0));
            let frame =
                Frame { no: FrameNo::new(0, self.frames), time, link: LinkType::RAW, data: &data, wire_len: 40 };
            let Part::Of(key) = self.notes.part(&frame) else { panic!("no segment") };
            let ticks = seconds as u64 * 1_000_000;
            let options = Cow::default();
            let original = Original { frame, interface: 0, ticks, timeless: false, big_endian: false, options };
            let mut to = Writing { capture: &mut self.capture, notes: &mut self.notes };
            self.chosen.take(&original, &mut to).unwrap();
            key
        }

        /// How many frames are written by now.
        fn passes(&mut self, seconds: i64) -> u64 {
            let mut to = Writing { capture: &mut self.capture, notes: &mut self.notes };
            self.chosen.pass(Timestamp::new(seconds, 0), &mut to).unwrap();
            self.capture.frames
        }

        fn ends(mut self) -> (u64, bool) {
            let mut to = Writing { capture: &mut self.capture, notes: &mut self.notes };
            self.chosen.finish(&mut to).unwrap();
            self.capture.files.close().unwrap();
            assert!(Path::exists(&self.folder.path().join("out")));
            let beheaded = self.chosen.matters.values().any(|state| state.beheaded);
            (self.capture.frames, beheaded)
        }
    }

    #[test]
    fn connections_that_matter_are_written_once_more_can_be_said_of_their_frames() {
        let mut story = Story::new(1 << 20);
        let key = story.comes(1, 10);
        story.comes(2, 10);
        story.comes(1, 11);
        assert_eq!(story.passes(12), 0);
        story.comes(1, 13);
        story.chosen.matter(key, Timestamp::new(13, 0));
        assert_eq!(story.passes(13), 2, "the third may still get a comment");
        assert_eq!(story.passes(14), 3);
        story.comes(1, 20);
        assert_eq!(story.passes(20), 3);
        assert_eq!(story.passes(21), 4);
        story.comes(1, 22);
        assert_eq!(story.ends(), (5, false));
    }

    #[test]
    fn what_was_pushed_out_is_missing_and_told() {
        let mut story = Story::new(1 << 19);
        let key = story.comes(1, 1);
        for _ in 0..10_000 {
            story.comes(2, 2);
        }
        story.comes(1, 3);
        story.chosen.matter(key, Timestamp::new(4, 0));
        assert_eq!(story.ends(), (1, true));
    }
}
