//! The whole core behind two functions: frames go in, findings come out.

mod assemble;
mod chunk;
mod comparison;
mod core;
mod extent;
mod finding;
mod front;
mod intake;
mod level;
mod losses;
mod piece;
mod prefetch;
mod prescan;
mod ready;
mod resets;
mod state;
mod summary;

pub use chunk::Chunk;
pub use finding::{Connection, Finding, Part, Reset, Seen};
pub use front::Front;
pub use level::Level;
pub use prescan::Prescan;
pub use state::State;
pub use summary::{Summary, Tally};

use self::core::Core;
use self::extent::Extent;
use self::piece::Piece;
use self::state::Share;

use std::ops::RangeInclusive;

use crate::decode::Skip;
use crate::frame::{Frame, Loss, Timestamp};
use crate::tcp::Shard;
use crate::track::Interest;

/// How an [`Analyzer`] works.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long a reset is held, in nanoseconds of capture time, for what follows it to count.
    pub settle_ns: i64,
    /// How many incarnations are held at the same time, at most; of four-tuples that a first pass saw no RST on, as many
    /// again. One takes up to about 768 bytes. Where there are more, those that are over are given up first, then those that were
    /// never answered, then those that were silent for longest.
    pub max_connections: usize,
    /// Only the resets of this part of the connections are decided, with the same verdicts and numbers as in a run over all:
    /// the others are followed as well, for what they show of hosts and ports.
    pub shard: Option<Shard>,
    /// Only the resets captured in these inputs are reported and counted; those of the others matter for what follows from them.
    pub inputs: Option<RangeInclusive<u16>>,
    /// Whether the capture has no end. Which four-tuples were given up is then remembered for as long only as they would have been
    /// held with more memory: the set of all of them would grow until every new one seems to be in it.
    pub endless: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { settle_ns: 3_000_000_000, max_connections: 1 << 22, shard: None, inputs: None, endless: false }
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
    /// Where only some four-tuples are followed: what looks at every frame.
    front: Option<Box<Front>>,
    core: Core,
    /// Where the capture is a piece of a longer one: the numbers that it has alone.
    piece: Option<Box<Piece>>,
    /// Where others go before and after it: which counts are its own.
    share: Share,
}

impl Analyzer {
    /// An analyzer that has seen nothing.
    pub fn new(options: Options) -> Self {
        Self { front: None, core: Core::new(&options), piece: None, share: Share::default() }
    }

    /// An analyzer that follows the four-tuples of `interest` only, which a [`Prescan`] over the same frames has found:
    /// the same findings, sooner.
    pub fn with_interest(options: Options, interest: Interest) -> Self {
        let core = Core::of(&interest, &options);
        let front = Some(Box::new(Front::new(interest, options.max_connections)));
        Self { front, core, piece: None, share: Share::default() }
    }

    /// Takes the next frame of the capture.
    pub fn push(&mut self, frame: &Frame<'_>) {
        if let Some(piece) = &mut self.piece {
            piece.push(frame);
        }
        match &mut self.front {
            Some(front) => front.push(frame, &mut self.core),
            None => self.core.push(frame),
        }
    }

    /// Takes these frames, the next ones of the capture, until there are findings, and says how many it took: none when there
    /// are no more.
    ///
    /// As [`push`](Analyzer::push) for each of them; sooner, where only some four-tuples are followed. Findings that are
    /// fetched while their resets were just decided are in the processor's caches, and so is the memory that they give back.
    pub fn push_all<'a>(&mut self, frames: &mut impl Iterator<Item = Frame<'a>>) -> u64 {
        if self.piece.is_some() {
            return self.push_each(frames);
        }
        match &mut self.front {
            Some(front) => front.push_all(frames, &mut self.core),
            None => self.core.push_all(frames),
        }
    }

    /// The same, one by one.
    #[cold]
    fn push_each<'a>(&mut self, frames: &mut impl Iterator<Item = Frame<'a>>) -> u64 {
        let mut total = 0;
        for frame in frames {
            self.push(&frame);
            total += 1;
            if self.core.ready.any() {
                break;
            }
        }
        total
    }

    /// The capture lost frames. To be said before the frames that came later.
    #[cold]
    pub fn lose(&mut self, loss: &Loss) {
        self.core.losses.add(loss);
    }

    /// Time has come to `now` without a frame: what was waiting for that becomes final.
    pub fn tick(&mut self, now: Timestamp) {
        self.core.tick(now);
    }

    /// The input is over: everything still held is decided.
    pub fn finish(&mut self) {
        while self.finish_some() {}
    }

    /// The same for some of what is held; whether there was any. Findings that are fetched in between need not all be kept
    /// at the same time.
    pub fn finish_some(&mut self) -> bool {
        if let Some(front) = &mut self.front {
            front.finish(&mut self.core);
        }
        let last = self.extent().last();
        self.core.finish_some(last)
    }

    /// Takes off what looks at every frame, to be used elsewhere, as on another thread: what it hands on is then to be
    /// [taken](Self::take) here, and in the end it is to be [given back](Self::join). `None` where there is none: everything is
    /// followed.
    pub fn split(&mut self) -> Option<Box<Front>> {
        self.front.take()
    }

    /// Takes what a front has handed on, until there are findings; whether there is more of it.
    pub fn take(&mut self, chunk: &mut Chunk) -> bool {
        chunk.give(&mut self.core)
    }

    /// Puts back what was [taken off](Self::split); all that it handed on has been taken.
    pub fn join(&mut self, front: Box<Front>) {
        self.front = Some(front);
    }

    fn extent(&self) -> &Extent {
        &self.front.as_ref().map_or(&self.core.intake, |front| &front.intake).extent
    }

    /// The findings that have become final since the last call, in the order of their RSTs.
    pub fn findings(&mut self) -> impl Iterator<Item = Finding> + '_ {
        std::iter::from_fn(move || {
            if !self.core.ready.any() {
                return None;
            }
            let mut finding = Finding::empty();
            self.next_into(&mut finding).then_some(finding)
        })
    }

    /// Writes the next of the [`findings`](Self::findings) over another one, whose memory is used again; whether there was one.
    pub fn next_into(&mut self, finding: &mut Finding) -> bool {
        let any = self.core.next_into(finding);
        if let Some(piece) = self.piece.as_mut().filter(|_| any) {
            piece.number(finding);
        }
        any
    }

    /// Drops the findings that have become final since the last call, and all to come: for those who want to know how many
    /// resets there are of what cause only, as [`Summary`] has it. Services are no longer counted from here on.
    ///
    /// Where only some four-tuples are followed the others are no longer numbered from here on, nor counted among
    /// [`Summary::connections`].
    pub fn drop_findings(&mut self) {
        self.core.ready.drop_all();
        self.core.services = None;
        if let Some(front) = &mut self.front {
            front.number_nothing();
            self.core.tracker.number_nothing();
        }
    }

    /// How many resets there were so far.
    pub fn resets(&self) -> u64 {
        self.core.summary.resets
    }

    fn skipped(&self, skip: Skip) -> u64 {
        let core = self.share.skipped(skip, (self.core.intake.skipped(skip), &self.core.intake.fragments));
        core + self.front.as_ref().map_or(0, |front| front.intake.skipped(skip))
    }

    fn segments(&self) -> u64 {
        self.core.summary.segments + self.front.as_ref().map_or(0, |front| front.segments())
    }

    fn evictions(&self) -> u64 {
        self.share.evictions(self.core.tracker.evictions()) + self.front.as_ref().map_or(0, |front| front.evictions())
    }

    fn connections(&self) -> u64 {
        self.share.connections(self.core.tracker.connections())
    }

    /// The counts so far; segments of an unfinished batch are not in them.
    pub fn summary(&self) -> Summary {
        let counts = self.share.of(&self.core, self.counts());
        match &self.piece {
            Some(piece) => piece.of(counts),
            None => counts,
        }
    }

    /// The same of all that was pushed.
    fn counts(&self) -> Summary {
        let (core, extent) = (&self.core, self.extent());
        let counts = Skip::ALL.iter().map(|skip| (skip.id(), self.skipped(*skip)));
        let by_service = core.services.iter().flatten().map(|(service, tally)| (*service, *tally));
        Summary {
            frames: extent.frames(),
            segments: self.segments(),
            skipped: counts.filter(|(_, count)| *count > 0).collect(),
            connections: self.connections(),
            tracked_max: core.tracker.tracked_max(),
            evictions: self.evictions(),
            first: extent.span().map(|(first, _)| first),
            last: extent.span().map(|(_, last)| last),
            by_service: by_service.collect(),
            ..core.summary.clone()
        }
    }
}
