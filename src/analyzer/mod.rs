//! The whole core behind two functions: frames go in, findings come out.

mod ahead;
mod assemble;
mod dull;
mod finding;
mod prescan;
mod summary;

pub use finding::{Connection, Finding, Part, Reset, Seen};
pub use prescan::Prescan;
pub use summary::{Summary, Tally};

use std::collections::VecDeque;

use crate::classify::{self, Verdict};
use crate::decode::{self, Carried, Reassembler, Skip};
use crate::frame::{Frame, Timestamp};
use crate::settle::{Settle, Settled};
use crate::tcp::{self, Checksums, Heard, Segment};
use crate::track::{
    Copied, Ends, Hints, IcmpErrors, Id, Incarnation, Interest, Lookup, Marks, Past, Placed, ResetCase, ResetSighting,
    Tracker, first_of,
};

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
/// The checksums of so many frames are looked at after a RST with a wrong one.
const COMPARED_EACH: u32 = 1 << 10;
/// The most frames whose checksums are looked at beside those of RSTs.
const COMPARED_MAX: u32 = 1 << 16;
/// The most services that are counted one by one.
const SERVICES_COUNTED: usize = 1 << 16;
/// How much of a RST's payload is kept.
const PAYLOAD_KEPT: usize = 256;
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
    ready: VecDeque<Finding>,
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
            ready: VecDeque::new(),
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

    /// Takes a frame of a four-tuple that is followed.
    fn take_followed(&mut self, frame: &Frame<'_>) {
        if self.comparing > 0 {
            self.compare(frame);
        }
        self.decode(frame);
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
        if !dull
            && !carried.payload.is_empty()
            && has_beginning(frame)
            && let Some(hint) = tcp::hint(carried.payload)
        {
            let Segment { frame, seq, .. } = slot.segment;
            self.hints.add(slot.hash, slot.lookup.side, Heard { frame, seq, hint });
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
        // Independent reads whose cache misses overlap: first the index slots, then the incarnations.
        let tracker = &self.tracker;
        let touch = |waiting: &Waiting| match waiting.dull {
            true => u64::from(tracker.touch_bystander(waiting.hash)),
            false => tracker.touch_index(waiting.hash),
        };
        std::hint::black_box(batch.iter().fold(0, |sum, waiting| sum ^ touch(waiting)));
        let mut ids = [None; BATCH];
        for (id, waiting) in ids.iter_mut().zip(batch).filter(|(_, waiting)| !waiting.dull) {
            *id = tracker.guess(waiting.hash);
        }
        std::hint::black_box(ids.iter().flatten().fold(0, |sum, id| sum ^ tracker.touch(*id)));
        std::hint::black_box(ids.iter().flatten().fold(0, |sum, id| sum ^ tracker.touch_history(*id)));
        for waiting in batch {
            self.pass_time(waiting.now);
            if waiting.dull {
                self.summary.segments += 1;
                self.tracker.pass_by(&waiting.segment, waiting.lookup.side, waiting.hash);
            } else {
                let placed = self.tracker.place(&waiting.segment, &waiting.lookup, waiting.hash);
                self.observe(&placed, &waiting.segment);
            }
        }
        self.batch = whole;
        self.waiting = 0;
    }

    fn observe(&mut self, placed: &Placed, segment: &Segment) {
        self.summary.segments += 1;
        let observed = self.tracker.observe(placed, segment);
        if let Some(latest) = observed.waiting {
            self.settle.observe(latest, &Past::new(segment, placed.side, observed.standing));
        }
    }

    /// Takes a RST; `frame` is the one that it, or its last fragment, came in.
    fn reset(&mut self, reset: &Waiting, frame: &Frame<'_>, carried: &Carried<'_>) {
        let segment = &reset.segment;
        self.pass_time(self.last);
        self.summary.resets += 1;
        let placed = self.tracker.place(segment, &reset.lookup, reset.hash);
        self.summary.segments += 1;
        let Some(mut case) = self.case(segment, carried, &placed) else { return };
        case.heard = [(placed.side, &case.life.own), (placed.side.other(), &case.life.peer)]
            .map(|(side, end)| self.hints.of(reset.hash, side, end));
        case.checksums = decode::checksums(frame);
        self.judge_checksums(segment, case.checksums);
        let point = decode::point(frame, &carried.encap);
        let doubled = [&case.life.own, &case.life.peer].iter().any(|end| end.shows(Marks::DOUBLED));
        let sighting = ResetSighting { reset: segment, side: placed.side, point, doubled };
        if let Some(first) = first_of(&case.before, &sighting) {
            case.copied = Some(Copied { from: first.frame(), note: None });
            self.tracker.observe_reset_again(&placed, segment, first.frame());
        } else {
            let observed = self.tracker.observe_reset(&placed, segment, point);
            if let Some(latest) = observed.waiting {
                self.settle.observe(latest, &Past::new(segment, placed.side, observed.standing));
            }
        }
        self.hold(case, placed.id);
    }

    /// Where a checksum is wrong, those of the next frames say whether it is so as a rule.
    fn judge_checksums(&mut self, segment: &Segment, checksums: Checksums) {
        let known = self.tracker.hosts().host(segment.tuple.src.ip()).right_checksums.is_some();
        if checksums.are_right() {
            self.tracker.hosts_mut().observe_right_checksums(segment);
        } else if checksums.is_any_wrong() && !known {
            let more = COMPARED_EACH.saturating_sub(self.comparing).min(self.comparable);
            self.comparing += more;
            self.comparable -= more;
        }
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

    fn hold(&mut self, case: Box<ResetCase>, id: Id) {
        let earlier = self.tracker.get(id).and_then(Incarnation::latest_held);
        let count = self.settle.hold(case, id, earlier);
        self.tracker.change(id, |incarnation| incarnation.hold(count));
    }

    fn case(&self, segment: &Segment, carried: &Carried<'_>, placed: &Placed) -> Option<Box<ResetCase>> {
        let hosts = self.tracker.hosts();
        let port = hosts.port(segment.tuple.src);
        Some(Box::new(ResetCase {
            reset: *segment,
            payload: carried.payload.iter().copied().take(PAYLOAD_KEPT).collect(),
            layers: carried.encap.layers().collect(),
            vlans: carried.encap.vlans().to_vec(),
            checksums: Checksums::default(),
            sender: placed.side,
            ends: Ends::of(&segment.tuple).0,
            life: self.tracker.life(placed)?,
            previous: self.tracker.previous(placed),
            before: self.tracker.past(placed.id),
            after: Vec::new(),
            icmp: Vec::new(),
            heard: [None; 2],
            cut_short: false,
            given_up: false,
            capture_ended: false,
            note: None,
            copied: None,
            host: hosts.host(segment.tuple.src.ip()),
            right_checksums: false,
            peer_host: hosts.host(segment.tuple.dst.ip()),
            port,
            port_later: port,
        }))
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
        while let Some(settled) = self.settle.due(self.now) {
            self.decide(settled);
        }
    }

    /// The input is over: everything still held is decided.
    pub fn finish(&mut self) {
        self.flush();
        self.pass_time(self.last);
        while let Some(settled) = self.settle.drain(self.now) {
            self.decide(settled);
        }
    }

    fn decide(&mut self, settled: Settled) {
        let Settled { mut case, id } = settled;
        case.port_later = self.tracker.hosts().port(case.reset.tuple.src);
        let right = self.tracker.hosts().host(case.reset.tuple.src.ip()).right_checksums;
        case.right_checksums = right.is_some_and(|since| self.settle.covers(case.reset.time, since));
        let errors = self.icmp.about(&case.ends).iter();
        case.icmp = errors.filter(|error| self.settle.covers(case.reset.time, error.time)).copied().collect();
        let same_life = |number, life| number == case.life.number && life == case.life.life;
        let life = self.tracker.get(id).filter(|found| same_life(found.number, found.life));
        let is_kept = life.is_some();
        case.given_up = !is_kept && self.tracker.evictions() > 0;
        if let Some(incarnation) = life {
            case.note = incarnation.note(case.sender);
            if let Some(copied) = &mut case.copied {
                copied.note = incarnation.said_of(copied.from);
            }
        }
        let verdict = classify::classify(&case);
        if is_kept {
            let note = classify::note(&case, &verdict);
            self.tracker.change(id, |incarnation| {
                incarnation.release();
                incarnation.set_note(case.sender, case.reset.frame, note);
            });
        }
        self.count(&case, &verdict);
        self.ready.push_back(assemble::finding(*case, verdict));
    }

    fn count(&mut self, case: &ResetCase, verdict: &Verdict) {
        let event = u64::from(verdict.follows.is_none());
        let service = assemble::service(case);
        let summary = &mut self.summary;
        let add = |tally: &mut Tally| {
            tally.resets += 1;
            tally.events += event;
        };
        add(summary.by_cause.entry((verdict.class, verdict.cause)).or_default());
        // A scan has as many services as targets: the most affected are among those that came first.
        if summary.by_service.len() < SERVICES_COUNTED || summary.by_service.contains_key(&service) {
            add(summary.by_service.entry(service).or_default());
        }
        summary.events += event;
        summary.settled_early += u64::from(case.cut_short);
    }

    /// The findings that have become final since the last call, in the order of their RSTs.
    pub fn findings(&mut self) -> impl Iterator<Item = Finding> + '_ {
        self.ready.drain(..)
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
            ..self.summary.clone()
        }
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
