//! The whole core behind two functions: frames go in, findings come out.

mod ahead;
mod assemble;
mod dull;
mod finding;
mod level;
mod prescan;
mod ready;
mod resets;
mod summary;

pub use finding::{Connection, Finding, Part, Reset, Seen};
pub use level::Level;
pub use prescan::Prescan;
pub use summary::{Summary, Tally};

use ready::Ready;

use std::collections::HashMap;
use std::net::SocketAddr;

use foldhash::fast::RandomState;

use crate::decode::{self, Carried, Reassembler, Skip};
use crate::frame::{Frame, Timestamp};
use crate::settle::{Settle, Settled};
use crate::tcp::{self, Heard, Segment};
use crate::track::{Hints, IcmpErrors, Interest, Lookup, Observed, Past, Placed, Tracker};

/// How an [`Analyzer`] works.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long a reset is held, in nanoseconds of capture time, for what follows it to count.
    pub settle_ns: i64,
    /// How many incarnations are held at the same time, at most; of four-tuples that a first pass saw no RST on, as many
    /// again. One takes up to about 768 bytes. Where there are more, those that are over are given up first, then those that were
    /// never answered, then those that were silent for longest.
    pub max_connections: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { settle_ns: 3_000_000_000, max_connections: 1 << 22 }
    }
}

/// How many segments are decoded before they are tracked: their cache misses overlap.
const BATCH: usize = 128;
/// The most frames whose checksums are looked at beside those of RSTs.
const COMPARED_MAX: u32 = 1 << 16;
/// A capture that cuts frames to so many bytes is one of headers.
const HEADERS: usize = 96;

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
    /// [`BATCH`] places, the first `waiting` of them taken.
    batch: Vec<Waiting>,
    waiting: usize,
    /// Where given, only these four-tuples are followed segment by segment.
    interest: Option<Interest>,
    tracker: Tracker,
    settle: Settle,
    icmp: IcmpErrors,
    hints: Hints,
    /// The checksums of so many frames to come are looked at.
    comparing: u32,
    /// And of so many more if there is a reason to.
    comparable: u32,
    now: Timestamp,
    /// The earliest and the latest capture time, once there is a frame.
    first: Timestamp,
    last: Timestamp,
    summary: Summary,
    skipped: [u64; Skip::ALL.len()],
    fragments: Reassembler,
    /// Resets by service, of those services that came first.
    services: HashMap<SocketAddr, Tally, RandomState>,
    /// Room for resets whose wait is over.
    settled: Vec<Settled>,
    ready: Ready,
}

/// A decoded segment that waits for its batch to be full.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    segment: Segment,
    lookup: Lookup,
    hash: u64,
    /// The latest capture time up to this frame.
    now: Timestamp,
    /// Whether its four-tuple has no RST. Of the lookup only the side may be filled in, and of the segment only time, flags,
    /// sequence number and length; of a SYN|ACK its frame, source, TTL and flow label too.
    dull: bool,
}

impl Waiting {
    const EMPTY: Waiting =
        Waiting { segment: Segment::EMPTY, lookup: Lookup::EMPTY, hash: 0, now: Timestamp::from_nanos(0), dull: false };
}

impl Analyzer {
    /// An analyzer that has seen nothing.
    pub fn new(options: Options) -> Self {
        Self {
            batch: vec![Waiting::EMPTY; BATCH],
            waiting: 0,
            interest: None,
            tracker: Tracker::new(options.max_connections),
            settle: Settle::new(options.settle_ns),
            icmp: IcmpErrors::default(),
            hints: Hints::default(),
            comparing: 0,
            comparable: COMPARED_MAX,
            now: Timestamp::from_nanos(i64::MIN),
            first: Timestamp::from_nanos(i64::MAX),
            last: Timestamp::from_nanos(i64::MIN),
            summary: Summary { max_connections: options.max_connections as u64, ..Summary::default() },
            skipped: [0; Skip::ALL.len()],
            fragments: Reassembler::default(),
            services: HashMap::default(),
            settled: Vec::new(),
            ready: Ready::default(),
        }
    }

    /// An analyzer that follows the four-tuples of `interest` only, which a [`Prescan`] over the same frames has found:
    /// the same findings, sooner.
    pub fn with_interest(options: Options, interest: Interest) -> Self {
        let tracker = Tracker::for_interest(&interest, options.max_connections);
        Self { tracker, interest: Some(interest), ..Self::new(options) }
    }

    /// Takes the next frame of the capture.
    pub fn push(&mut self, frame: &Frame<'_>) {
        self.summary.frames += 1;
        self.first = self.first.min(frame.time);
        self.last = self.last.max(frame.time);
        self.take(frame);
    }

    /// Takes a frame that is counted.
    fn take(&mut self, frame: &Frame<'_>) {
        if self.comparing > 0 {
            self.compare(frame);
        }
        if self.interest.is_none() || !self.push_dull(frame) {
            self.decode(frame);
        }
    }

    #[inline]
    fn decode(&mut self, frame: &Frame<'_>) {
        let Some(slot) = self.batch.get_mut(self.waiting) else { return };
        match decode::decode_into(frame, &mut slot.segment) {
            Ok(carried) => self.push_segment(frame, &carried),
            Err(Skip::Fragment) => self.push_fragment(frame),
            Err(skip) => self.skip(frame, skip),
        }
    }

    /// Takes a frame of a four-tuple that is followed, with this hash, at once; nothing waits in the batch.
    fn decode_now(&mut self, frame: &Frame<'_>, hash: u64) {
        let mut batch = std::mem::take(&mut self.batch);
        if let Some(slot) = batch.first_mut() {
            match decode::decode_into(frame, &mut slot.segment) {
                Ok(carried) => self.take_now(frame, &carried, (slot, hash)),
                Err(skip) => self.skip(frame, skip),
            }
        }
        self.batch = batch;
    }

    fn take_now(&mut self, frame: &Frame<'_>, carried: &Carried<'_>, (slot, hash): (&mut Waiting, u64)) {
        slot.lookup = Lookup::of(&slot.segment.tuple);
        slot.hash = hash;
        self.pass_time(self.last);
        if slot.segment.flags.rst() {
            self.reset(slot, frame, carried);
        } else {
            hear(&mut self.hints, slot, (frame, carried));
            self.track(slot);
        }
    }

    fn track(&mut self, waiting: &Waiting) {
        let segment = &waiting.segment;
        let placed = self.tracker.place(segment, &waiting.lookup, waiting.hash);
        self.summary.segments += 1;
        let observed = self.tracker.observe(&placed, segment);
        self.tell_waiting(&placed, segment, observed);
    }

    /// Tells the resets of its connection that wait for what follows of a segment.
    fn tell_waiting(&mut self, placed: &Placed, segment: &Segment, observed: Observed) {
        if let Some(latest) = observed.waiting {
            self.settle.observe(latest, &Past::new(segment, placed.side, observed.standing));
        }
    }

    /// Counts a frame without a segment. An ICMP error in it is kept for the resets of the connection that it is about.
    #[inline(never)]
    fn skip(&mut self, frame: &Frame<'_>, skip: Skip) {
        if let Some(count) = self.skipped.get_mut(skip as usize) {
            *count += 1;
        }
        if skip == Skip::Icmp
            && let Some(error) = decode::icmp_error(frame)
        {
            self.icmp.add(&error);
        }
    }

    /// One more place of the batch is taken.
    #[inline]
    fn fill_one(&mut self, dull: bool) {
        if let Some(slot) = self.batch.get_mut(self.waiting) {
            slot.now = self.last;
            slot.dull = dull;
        }
        self.waiting += 1;
        if self.waiting == BATCH {
            self.flush();
        }
    }

    /// Takes the segment that was decoded into the batch's next place.
    #[inline]
    fn push_segment(&mut self, frame: &Frame<'_>, carried: &Carried<'_>) {
        let Some(slot) = self.batch.get_mut(self.waiting) else { return };
        slot.lookup = Lookup::of(&slot.segment.tuple);
        slot.hash = self.tracker.hash(&slot.lookup);
        if slot.segment.flags.rst() {
            let reset = *slot;
            self.flush();
            self.reset(&reset, frame, carried);
            return;
        }
        let dull = self.interest.as_ref().is_some_and(|interest| !interest.holds(slot.hash));
        if !dull {
            hear(&mut self.hints, slot, (frame, carried));
        }
        self.fill_one(dull);
    }

    /// Takes a fragment, and with the last one of a packet the segment in that.
    #[cold]
    fn push_fragment(&mut self, frame: &Frame<'_>) {
        let Some(whole) = self.fragments.add(frame) else { return };
        let Some(slot) = self.batch.get_mut(self.waiting) else { return };
        slot.segment = whole.segment;
        self.push_segment(frame, &Carried { payload: &whole.payload, encap: whole.encap });
    }

    /// Tracks what waits in the batch.
    fn flush(&mut self) {
        let whole = std::mem::take(&mut self.batch);
        let batch = whole.get(..self.waiting).unwrap_or_default();
        touch(&self.tracker, batch.iter().map(|waiting| (waiting.hash, !waiting.dull)));
        for waiting in batch {
            self.pass_time(waiting.now);
            if waiting.dull {
                self.summary.segments += 1;
                self.tracker.pass_by(&waiting.segment, waiting.lookup.side, waiting.hash);
            } else {
                self.track(waiting);
            }
        }
        self.batch = whole;
        self.waiting = 0;
    }

    /// Takes note of a segment with right checksums.
    #[cold]
    #[inline(never)]
    fn compare(&mut self, frame: &Frame<'_>) {
        self.comparing -= 1;
        if let Ok(decoded) = decode::decode(frame)
            && !decoded.segment.flags.rst()
            && decode::checksums(frame).are_right()
        {
            self.tracker.hosts_mut().observe_right_checksums(&decoded.segment);
        }
    }

    /// Time has come to `now` without a frame: what was waiting for that becomes final.
    pub fn tick(&mut self, now: Timestamp) {
        self.flush();
        self.pass_time(now);
    }

    /// Decides what is due. A clock that goes back, within a file or from one to the next, holds nothing up.
    fn pass_time(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        if !self.settle.is_due(self.now) {
            return;
        }
        self.decide_all(Settle::due);
    }

    /// The input is over: everything still held is decided.
    pub fn finish(&mut self) {
        self.flush();
        self.pass_time(self.last);
        self.decide_all(Settle::drain);
    }

    /// The findings that have become final since the last call, in the order of their RSTs.
    pub fn findings(&mut self) -> impl Iterator<Item = Finding> + '_ {
        std::iter::from_fn(|| self.ready.next())
    }

    /// Drops the findings that have become final since the last call, and all to come: for those who want the [`Summary`]
    /// only.
    pub fn drop_findings(&mut self) {
        self.ready.drop_all();
    }

    /// How many resets there were so far.
    pub fn resets(&self) -> u64 {
        self.summary.resets
    }

    /// The counts so far; segments of an unfinished batch are not in them.
    pub fn summary(&self) -> Summary {
        let counts =
            Skip::ALL.iter().zip(self.skipped).map(|(skip, count)| (skip, count + self.fragments.skipped(*skip)));
        let named = counts.filter(|(_, count)| *count > 0);
        Summary {
            skipped: named.map(|(skip, count)| (skip.id(), count)).collect(),
            connections: self.tracker.connections(),
            tracked_max: self.tracker.tracked_max(),
            evictions: self.tracker.evictions(),
            first: (self.summary.frames > 0).then_some(self.first),
            last: (self.summary.frames > 0).then_some(self.last),
            by_service: self.services.iter().map(|(service, tally)| (*service, *tally)).collect(),
            ..self.summary.clone()
        }
    }
}

/// Reads what is known of these four-tuples, each a hash and whether it is followed: independent reads, so that their cache
/// misses overlap, first of where the incarnations are and then of these. [`BATCH`] of them at most.
fn touch(tracker: &Tracker, four_tuples: impl Iterator<Item = (u64, bool)> + Clone) {
    let place = |(hash, followed)| match followed {
        true => tracker.touch_index(hash),
        false => tracker.touch_bystander(hash),
    };
    std::hint::black_box(four_tuples.clone().fold(0, |sum, four_tuple| sum ^ place(four_tuple)));
    let mut ids = [None; BATCH];
    let mut count = 0;
    for (id, (hash, _)) in ids.iter_mut().zip(four_tuples.filter(|(_, followed)| *followed)) {
        *id = tracker.guess(hash);
        count += 1;
    }
    let ids = || ids.iter().take(count).flatten();
    std::hint::black_box(ids().fold(0, |sum, id| sum ^ tracker.touch(*id)));
    std::hint::black_box(ids().fold(0, |sum, id| sum ^ tracker.touch_history(*id)));
}

/// Keeps what an application gives away in its first bytes.
#[inline]
fn hear(hints: &mut Hints, waiting: &Waiting, (frame, carried): (&Frame<'_>, &Carried<'_>)) {
    if !carried.payload.is_empty()
        && has_beginning(frame)
        && let Some(hint) = tcp::hint(carried.payload)
    {
        let Segment { frame, seq, .. } = waiting.segment;
        hints.add(waiting.hash, waiting.lookup.side, Heard { frame, seq, hint });
    }
}

/// Whether more of a frame was captured than headers.
#[inline]
fn has_beginning(frame: &Frame<'_>) -> bool {
    frame.data.len() > HEADERS || frame.data.len() as u64 >= u64::from(frame.wire_len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{FrameNo, LinkType};

    #[test]
    fn captures_of_headers_have_no_beginnings() {
        let frame = |len, wire_len| {
            let data = &[0; 200][..len];
            let (no, time) = (FrameNo::new(0, 1), Timestamp::from_nanos(0));
            has_beginning(&Frame { no, time, link: LinkType::ETHERNET, data, wire_len })
        };
        assert!(frame(61, 61) && frame(96, 96) && frame(97, 1514));
        assert!(!frame(96, 1514) && !frame(68, 69));
    }
}
