//! Follows connections and decides resets.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;

use foldhash::fast::RandomState;

use super::front::{Follow, Followed};
use super::intake::Intake;
use super::losses::Losses;
use super::prefetch::{BATCH, prefetch};
use super::ready::Ready;
use super::{Finding, Options, Summary, Tally};
use crate::decode::{self, Carried, Skip, Whole};
use crate::frame::{Frame, Timestamp};
use crate::settle::Settle;
use crate::tcp::{self, Checksums, Heard, IcmpError, Segment, Shard};
use crate::track::{Checked, Hints, IcmpErrors, Interest, Lookup, Observed, Passed, Past, Placed, SynAck, Tracker};

/// A capture that cuts frames to so many bytes is one of headers.
const HEADERS: usize = 96;

/// Follows connections and decides their resets: all of a capture frame by frame, or those that a
/// [`Front`](super::front::Front) hands on.
#[derive(Debug)]
pub(super) struct Core {
    /// [`BATCH`] places, the first `waiting` of them taken.
    pub(super) batch: Vec<Waiting>,
    pub(super) waiting: usize,
    /// Whose resets are decided, if not all.
    pub(super) shard: Option<Shard>,
    /// Where resets are captured that are reported, if not everywhere.
    pub(super) inputs: Option<RangeInclusive<u16>>,
    pub(super) tracker: Tracker,
    pub(super) settle: Settle,
    pub(super) icmp: IcmpErrors,
    pub(super) hints: Hints,
    pub(super) checked: Checked,
    pub(super) losses: Losses,
    pub(super) now: Timestamp,
    /// Of the frames that it was given one by one.
    pub(super) intake: Intake,
    pub(super) summary: Summary,
    /// Resets by service, of those services that came first; `None` where nobody asks for them.
    pub(super) services: Option<HashMap<SocketAddr, Tally, RandomState>>,
    pub(super) ready: Ready,
}

/// A decoded segment that waits for its batch to be full.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    pub(super) segment: Segment,
    pub(super) lookup: Lookup,
    pub(super) hash: u64,
    /// The latest capture time up to this frame.
    pub(super) now: Timestamp,
    /// Whether a RST of the four-tuple may come after it.
    pub(super) resets_to_come: bool,
}

impl Waiting {
    const EMPTY: Waiting = Waiting {
        segment: Segment::EMPTY,
        lookup: Lookup::EMPTY,
        hash: 0,
        now: Timestamp::from_nanos(0),
        resets_to_come: true,
    };
}

impl Core {
    /// One that follows everything.
    pub(super) fn new(options: &Options) -> Self {
        Self {
            batch: vec![Waiting::EMPTY; BATCH],
            waiting: 0,
            shard: options.shard,
            inputs: options.inputs.clone(),
            tracker: match options.endless {
                true => Tracker::endless(options.max_connections),
                false => Tracker::new(options.max_connections),
            },
            settle: Settle::new(options.settle_ns),
            icmp: IcmpErrors::default(),
            hints: Hints::default(),
            checked: Checked::default(),
            losses: Losses::default(),
            now: Timestamp::from_nanos(i64::MIN),
            intake: Intake::default(),
            summary: Summary { max_connections: options.max_connections as u64, ..Summary::default() },
            services: Some(HashMap::default()),
            ready: Ready::default(),
        }
    }

    /// One that follows these four-tuples, as a front tells of them.
    pub(super) fn of(interest: &Interest, options: &Options) -> Self {
        Self { tracker: Tracker::for_interest(interest, options.max_connections), ..Self::new(options) }
    }

    /// Takes the next frame of the capture.
    pub(super) fn push(&mut self, frame: &Frame<'_>) {
        self.intake.extent.add(frame.time);
        if self.intake.comparison.is_due()
            && let Some((host, time)) = self.intake.comparison.look(frame)
        {
            self.checked.add(host, time);
        }
        let Some(slot) = self.batch.get_mut(self.waiting) else { return };
        match decode::decode_into(frame, &mut slot.segment) {
            Ok(carried) => self.push_segment(frame, &carried),
            Err(Skip::Fragment) => self.push_fragment(frame),
            Err(skip) => self.skip(frame, skip),
        }
    }

    /// Takes these frames until there are findings; how many it took.
    pub(super) fn push_all<'a>(&mut self, frames: &mut impl Iterator<Item = Frame<'a>>) -> u64 {
        let mut total = 0;
        for frame in frames {
            self.push(&frame);
            total += 1;
            if self.ready.any() {
                break;
            }
        }
        total
    }

    /// Counts a frame without a segment. An ICMP error in it is kept for the resets of the connection that it is about.
    fn skip(&mut self, frame: &Frame<'_>, skip: Skip) {
        if let Some(error) = self.intake.skip(frame, skip) {
            self.icmp.add(&error);
        }
    }

    /// Takes the segment that was decoded into the batch's next place.
    #[inline]
    fn push_segment(&mut self, frame: &Frame<'_>, carried: &Carried<'_>) {
        let Some(slot) = self.batch.get_mut(self.waiting) else { return };
        slot.lookup = Lookup::of(&slot.segment.tuple);
        slot.hash = self.tracker.hash(&slot.lookup);
        slot.now = self.intake.extent.last();
        if slot.segment.flags.rst() {
            let reset = *slot;
            let checksums = self.intake.checksums(frame, reset.segment.tuple.src.ip());
            self.flush();
            self.reset(&reset, (frame, carried), checksums);
            return;
        }
        hear(&mut self.hints, slot, (frame, carried));
        self.waiting += 1;
        if self.waiting == BATCH {
            self.flush();
        }
    }

    /// Takes a fragment, and with the last one of a packet the segment in that.
    #[cold]
    fn push_fragment(&mut self, frame: &Frame<'_>) {
        let Some(whole) = self.intake.fragments.add(frame) else { return };
        let Some(slot) = self.batch.get_mut(self.waiting) else { return };
        slot.segment = whole.segment;
        self.push_segment(frame, &Carried { payload: &whole.payload, encap: whole.encap });
    }

    /// Tracks what waits in the batch.
    fn flush(&mut self) {
        let whole = std::mem::take(&mut self.batch);
        let batch = whole.get(..self.waiting).unwrap_or_default();
        prefetch(&self.tracker, batch.iter().map(|waiting| waiting.hash), std::iter::empty());
        for waiting in batch {
            self.pass_time(waiting.now);
            self.track(waiting);
        }
        self.batch = whole;
        self.waiting = 0;
    }

    fn track(&mut self, waiting: &Waiting) {
        let segment = &waiting.segment;
        let placed = self.tracker.place(segment, &waiting.lookup, waiting.hash);
        self.summary.segments += 1;
        let observed = self.tracker.observe(&placed, segment);
        self.tell_waiting(&placed, segment, observed);
    }

    /// Tells the resets of its connection that wait for what follows of a segment.
    pub(super) fn tell_waiting(&mut self, placed: &Placed, segment: &Segment, observed: Observed) {
        if let Some(latest) = observed.waiting {
            self.settle.observe(latest, &Past::new(segment, placed.side, observed.standing));
        }
    }

    /// Takes the segment in the first place of the batch, which is that of a frame handed on, at once.
    fn take(&mut self, (frame, carried): (&Frame<'_>, &Carried<'_>), slot: &mut Waiting, checksums: Checksums) {
        slot.lookup = Lookup::of(&slot.segment.tuple);
        self.pass_time(slot.now);
        if slot.segment.flags.rst() {
            self.reset(slot, (frame, carried), checksums);
        } else if !slot.resets_to_come && self.tracker.pass_retired(&slot.segment, &slot.lookup, slot.hash) {
            self.summary.segments += 1;
        } else {
            hear(&mut self.hints, slot, (frame, carried));
            self.track(slot);
        }
    }

    /// Lends the first place of the batch: nothing waits in it where a front hands frames on.
    fn with_place(&mut self, of: &Followed, take: impl FnOnce(&mut Self, &mut Waiting)) {
        let mut batch = std::mem::take(&mut self.batch);
        if let Some(slot) = batch.first_mut() {
            (slot.hash, slot.now, slot.resets_to_come) = (of.hash, of.now, of.resets_to_come);
            take(self, slot);
        }
        self.batch = batch;
    }

    /// Time has come to `now` without a frame: what was waiting for that becomes final.
    pub(super) fn tick(&mut self, now: Timestamp) {
        self.flush();
        self.pass_time(now);
    }

    /// Decides what is due. A clock that goes back, within a file or from one to the next, holds nothing up.
    pub(super) fn pass_time(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        if self.settle.is_due(self.now) {
            self.decide_all(Settle::due);
        }
    }

    /// The input is over, and its latest time was `last`: some of what is still held is decided; whether there was any.
    pub(super) fn finish_some(&mut self, last: Timestamp) -> bool {
        self.tick(last);
        self.decide_some(Settle::drain)
    }

    /// Writes the next finding that is final over another one; whether there was one.
    pub(super) fn next_into(&mut self, finding: &mut Finding) -> bool {
        self.ready.next_into(finding)
    }
}

impl Follow for Core {
    fn passed(&mut self, passed: Passed) {
        self.tracker.pass(&passed);
    }

    #[inline]
    fn frame(&mut self, frame: &Frame<'_>, of: &Followed) {
        self.with_place(of, |core, slot| match decode::decode_into(frame, &mut slot.segment) {
            Ok(carried) => core.take((frame, &carried), slot, of.checksums),
            Err(skip) => core.skip(frame, skip),
        });
    }

    fn whole(&mut self, frame: &Frame<'_>, whole: &Whole, of: &Followed) {
        self.with_place(of, |core, slot| {
            slot.segment = whole.segment;
            let carried = Carried { payload: &whole.payload, encap: whole.encap };
            core.take((frame, &carried), slot, of.checksums);
        });
    }

    fn syn_ack(&mut self, syn_ack: &SynAck, now: Timestamp) {
        self.pass_time(now);
        self.tracker.hosts_mut().observe_syn_ack(syn_ack);
    }

    fn right_checksums(&mut self, host: IpAddr, time: Timestamp) {
        self.checked.add(host, time);
    }

    fn icmp_error(&mut self, error: &IcmpError) {
        self.icmp.add(error);
    }

    #[inline]
    fn is_enough(&self) -> bool {
        self.ready.any()
    }

    #[inline]
    fn prefetch(&self, hashes: impl Iterator<Item = u64> + Clone, telling: impl Iterator<Item = (SocketAddr, IpAddr)>) {
        prefetch(&self.tracker, hashes, telling);
    }
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
