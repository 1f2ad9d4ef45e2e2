//! The tracker: places each segment in a life of its four-tuple and keeps what it shows.

use serde::{Deserialize, Serialize};

use crate::frame::{FrameNo, Timestamp};
use crate::tcp::{Flags, Segment};

use super::case::{Life, Previous};
use super::evicted::{Evicted, LastUse};
use super::eviction::Eviction;
use super::forgetting::FORGET_EVERY;
use super::key::{Lookup, WideKeys};
use super::sighting::is_elsewhere;
use super::table::{Id, Index, Slab};
use super::{Bystanders, EndKeys, Hosts, Incarnation, Interest, Marks, Passed, Past, Seeds, Side, Standing, SynAck};

/// Where a segment belongs.
#[derive(Clone, Copy, Debug)]
pub struct Placed {
    /// The life of the four-tuple.
    pub id: Id,
    /// Which end sent it.
    pub side: Side,
    /// The four-tuple's newest life, which may be a later one.
    newest: Id,
}

/// What tracking noticed of a segment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Observed {
    /// What it is among the segments before.
    pub standing: Standing,
    /// The latest reset of its incarnation that still waits for what follows, by the settle queue's count.
    pub waiting: Option<u32>,
}

/// All connections, and the hosts and ports behind them.
#[derive(Debug, Serialize, Deserialize)]
pub struct Tracker {
    /// Written down for itself.
    #[serde(skip)]
    pub(super) slab: Slab,
    /// Made anew of the slab.
    #[serde(skip)]
    pub(super) index: Index,
    pub(super) wide: WideKeys,
    pub(super) state: Seeds,
    /// How many four-tuples are known that are not followed.
    #[serde(skip)]
    others: usize,
    pub(super) hosts: Hosts,
    /// Four-tuples whose last RST is decided, as far as they must be known: `None` where nobody asks for numbers.
    #[serde(skip)]
    pub(super) retired: Option<Bystanders>,
    /// The next place of the slab to be looked at for forgetting.
    pub(super) hand: u32,
    /// The most incarnations held at the same time.
    pub(super) max: usize,
    /// Who goes first, while there are about as many as that.
    pub(super) eviction: Option<Eviction>,
    /// Who has gone, once somebody has.
    pub(super) evicted: Option<Evicted>,
    /// Whether that is forgotten in time.
    pub(super) endless: bool,
    pub(super) evictions: u64,
    pub(super) connections: u64,
    pub(super) streams: u32,
    pub(super) tracked_max: u64,
    pub(super) latest: FrameNo,
    observed: u64,
}

impl Tracker {
    /// A tracker that has seen nothing, and holds at most `max` incarnations at the same time, but two in any case: one life
    /// and the next.
    pub fn new(max: usize) -> Self {
        Self {
            max: max.max(2),
            eviction: None,
            evicted: None,
            endless: false,
            evictions: 0,
            slab: Slab::default(),
            index: Index::new(),
            wide: WideKeys::default(),
            state: Seeds::default(),
            others: 0,
            hosts: Hosts::new(max),
            retired: None,
            hand: 0,
            connections: 0,
            streams: 0,
            tracked_max: 0,
            latest: FrameNo::default(),
            observed: 0,
        }
    }

    /// The same for a capture that has no end.
    pub fn endless(max: usize) -> Self {
        Self { endless: true, ..Self::new(max) }
    }

    /// A tracker that follows the four-tuples in `interest`, and is told of the others with [`pass`](Self::pass).
    pub fn for_interest(interest: &Interest, max: usize) -> Self {
        let retired = Some(Bystanders::unasked(interest.resets(), max));
        Self { state: interest.state().clone(), retired, ..Self::new(max) }
    }

    /// Takes note of four-tuples that are not followed.
    pub fn pass(&mut self, passed: &Passed) {
        self.connections += passed.four_tuples;
        self.streams = self.streams.saturating_add(passed.streams);
        self.others = passed.known;
        self.tracked_max = self.tracked_max.max(self.tracked() + (passed.most - passed.known) as u64);
    }

    pub(super) fn count_tracked(&mut self) {
        self.tracked_max = self.tracked_max.max(self.tracked());
    }

    /// Four-tuples known now.
    pub fn tracked(&self) -> u64 {
        let retired = self.retired.as_ref().map_or(0, Bystanders::count);
        (self.index.len() + self.others + retired) as u64
    }

    /// Four-tuples seen.
    pub fn connections(&self) -> u64 {
        self.connections
    }

    /// Four-tuples known at the same time, at most.
    pub fn tracked_max(&self) -> u64 {
        self.tracked_max
    }

    /// Incarnations given up to stay within memory.
    pub fn evictions(&self) -> u64 {
        self.evictions + self.retired.as_ref().map_or(0, Bystanders::evictions)
    }

    /// Hosts and ports.
    pub fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    /// Hosts and ports, to be changed.
    pub fn hosts_mut(&mut self) -> &mut Hosts {
        &mut self.hosts
    }

    /// An incarnation.
    pub fn get(&self, id: Id) -> Option<&Incarnation> {
        self.slab.get(id)
    }

    /// Has an incarnation changed in what concerns its resets.
    pub fn change(&mut self, id: Id, change: impl FnOnce(&mut Incarnation)) {
        if let Some(incarnation) = self.slab.get_mut(id) {
            change(incarnation);
            self.refresh(id);
        }
    }

    /// The hash of a four-tuple, the same in both directions.
    #[inline]
    pub fn hash(&self, lookup: &Lookup) -> u64 {
        lookup.hash(&self.state)
    }

    /// Asks for the index slot of `hash`.
    #[inline]
    pub fn prefetch_index(&self, hash: u64) {
        self.index.prefetch(indexed(hash));
    }

    /// The incarnation that `hash` most likely leads to.
    #[inline]
    pub fn guess(&self, hash: u64) -> Option<Id> {
        self.index.peek(indexed(hash))
    }

    /// Asks for an incarnation.
    #[inline]
    pub fn prefetch(&self, id: Id) {
        self.slab.prefetch(id);
    }

    /// Asks for the index slot of an incarnation.
    #[inline]
    pub fn prefetch_slot(&self, id: Id) {
        if let Some(incarnation) = self.slab.get(id) {
            self.index.prefetch(incarnation.hash);
        }
    }

    /// Asks for the incarnation's next place for a segment.
    #[inline]
    pub fn prefetch_history(&self, id: Id) {
        if let Some(incarnation) = self.slab.get(id) {
            incarnation.history.prefetch();
        }
    }

    /// Finds the life that `segment` belongs to, and opens one where needed.
    #[inline]
    pub fn place(&mut self, segment: &Segment, lookup: &Lookup, hash: u64) -> Placed {
        let (id, newest) = self.life_of(segment, lookup, indexed(hash));
        Placed { id, side: lookup.side, newest }
    }

    /// The life that `segment` belongs to, and the newest of its four-tuple.
    fn life_of(&mut self, segment: &Segment, lookup: &Lookup, hash: u32) -> (Id, Id) {
        let side = lookup.side;
        self.latest = segment.frame;
        let (slab, wide) = (&self.slab, &self.wide);
        let found = self.index.find(hash, |id| slab.get(id).is_some_and(|kept| wide.matches(&kept.key, lookup)));
        let Some(id) = found else {
            let id = self.open_first(lookup, hash, segment);
            return (id, id);
        };
        let Some(current) = self.slab.get(id) else { return (id, id) };
        let opens = current.is_succeeded_by(segment, side);
        if let Some(previous) = current.previous
            && let Some(old) = self.slab.get(previous)
            && (current.is_young() && old.history.has_sighted_before(segment, side)
                || !opens && current.leaves_to(old, segment, side))
        {
            return (previous, id);
        }
        if opens {
            let next = self.open_next(id, hash, segment, side);
            return (next, next);
        }
        (id, id)
    }

    fn open_first(&mut self, lookup: &Lookup, hash: u32, segment: &Segment) -> Id {
        self.make_room(segment.time);
        let key = self.wide.pack(lookup);
        let mut incarnation = Incarnation::new(key, hash, (lookup.side, segment.time));
        let from_its_syn = segment.flags.syn() && !segment.flags.ack();
        incarnation.given_up = self.evicted.as_ref().is_some_and(|evicted| evicted.may_matter(hash, from_its_syn));
        self.connections += 1;
        incarnation.number = self.connections;
        incarnation.stream = self.streams;
        self.streams = self.streams.saturating_add(1);
        let id = self.slab.insert(incarnation);
        self.index.insert(hash, id);
        self.count_tracked();
        id
    }

    fn open_next(&mut self, old: Id, hash: u32, segment: &Segment, side: Side) -> Id {
        let Some(before) = self.slab.get_mut(old) else { return old };
        let oldest = before.previous.take();
        before.succeeded = true;
        let mut incarnation = Incarnation::new(before.key, hash, (side, segment.time));
        incarnation.number = before.number;
        incarnation.life = before.life.saturating_add(1);
        incarnation.stream = before.stream;
        incarnation.previous = Some(old);
        // Wireshark counts a new stream for a SYN with another number only.
        if segment.flags.syn() && !segment.flags.ack() {
            incarnation.stream = self.streams;
            self.streams = self.streams.saturating_add(1);
        }
        if let Some(oldest) = oldest {
            self.slab.remove(oldest);
        }
        if let Some(eviction) = &mut self.eviction {
            eviction.remove(&mut self.slab, old);
        }
        self.make_room(segment.time);
        let id = self.slab.insert(incarnation);
        self.index.replace(hash, old, id);
        self.count_tracked();
        id
    }

    /// One more segment of an incarnation has come.
    #[inline]
    fn count(&mut self, id: Id, now: Timestamp) {
        self.observed = self.observed.wrapping_add(1);
        if self.observed.is_multiple_of(FORGET_EVERY) {
            self.forget_some(now);
        }
        self.refresh(id);
    }

    /// An incarnation may have another place among those that may be given up.
    #[inline]
    fn refresh(&mut self, id: Id) {
        if let Some(eviction) = &mut self.eviction {
            eviction.refresh(&mut self.slab, id);
        }
    }

    /// Has room for one more incarnation.
    #[inline]
    fn make_room(&mut self, now: Timestamp) {
        if self.slab.len() >= self.max {
            self.evict(now);
        }
    }

    #[cold]
    #[inline(never)]
    fn evict(&mut self, now: Timestamp) {
        let mut eviction = self.eviction.take().unwrap_or_else(|| Eviction::of(&mut self.slab));
        while self.slab.len() >= self.max
            && let Some(id) = eviction.first()
        {
            eviction.remove(&mut self.slab, id);
            if let Some(life) = self.slab.get(id) {
                let (max, endless) = (self.max, self.endless);
                let evicted = self.evicted.get_or_insert_with(|| Evicted::new(max, endless));
                let last_use = match (life.is_answered() || life.previous.is_some(), life.is_over()) {
                    (false, _) => LastUse::Unanswered,
                    (true, true) => LastUse::Over,
                    (true, false) => LastUse::Open,
                };
                evicted.add(life.hash, last_use, now);
            }
            let before = self.slab.len();
            self.remove(id);
            self.evictions += (before - self.slab.len()) as u64;
        }
        self.eviction = Some(eviction);
    }

    /// Takes out a life that has no successor, and the one before it.
    pub(super) fn remove(&mut self, id: Id) {
        let Some(&Incarnation { previous, hash, key, .. }) = self.slab.get(id) else { return };
        self.slab.remove(id);
        if let Some(previous) = previous {
            self.slab.remove(previous);
        }
        self.index.remove(hash, id);
        self.wide.release(key);
    }

    /// Takes note of a placed segment that is no RST.
    pub fn observe(&mut self, placed: &Placed, segment: &Segment) -> Observed {
        let observed = self.show(placed, segment);
        self.count(placed.id, segment.time);
        observed
    }

    #[inline]
    fn show(&mut self, placed: &Placed, segment: &Segment) -> Observed {
        if segment.flags.syn() && segment.flags.ack() {
            self.hosts.observe_syn_ack(&SynAck::from(segment));
        }
        let Some(incarnation) = self.slab.get_mut(placed.id) else { return Observed::default() };
        let own = incarnation.end(placed.side);
        let same_numbers = !segment.flags.syn() || own.base == segment.seq;
        let sent = own.shows(Marks::SENT) && same_numbers && !segment.seq_end().is_after(own.snd_max);
        let brings_nothing = sent && segment.ack().is_none_or(|ack| !ack.is_after(own.max_ack));
        if brings_nothing && let Some(first) = incarnation.sighted(segment, placed.side) {
            let doubled = !is_elsewhere(first, segment);
            incarnation.observe_copy(segment, placed.side, doubled);
            return Observed::default();
        }
        let standing = Standing {
            probe: own.is_probe(segment, incarnation.end(placed.side.other())),
            old_data: segment.seq_len() > 0 && sent,
            point: 0,
        };
        let waiting = incarnation.latest_held();
        incarnation.observe(segment, placed.side, standing);
        Observed { standing, waiting }
    }

    /// Takes note of a placed RST that was seen at `point`.
    pub fn observe_reset(&mut self, placed: &Placed, segment: &Segment, (keys, point): (&EndKeys, u16)) -> Observed {
        self.observe_answer(placed, segment, keys);
        let Some(incarnation) = self.slab.get_mut(placed.id) else { return Observed::default() };
        let nameless = segment.ip.id.unwrap_or(0) == 0;
        let standing = Standing { point: if nameless { point } else { 0 }, ..Standing::default() };
        let waiting = incarnation.latest_held();
        incarnation.observe(segment, placed.side, standing);
        self.count(placed.id, segment.time);
        Observed { standing, waiting }
    }

    /// Takes note that a placed RST is another sighting of the one in `first`.
    pub fn observe_reset_again(&mut self, placed: &Placed, segment: &Segment, first: FrameNo) {
        if let Some(incarnation) = self.slab.get_mut(placed.id) {
            incarnation.observe_copy(segment, placed.side, false);
            incarnation.history.mark_seen_again(first);
        }
        self.count(placed.id, segment.time);
    }

    /// Takes note of a RST for its host and port, before its incarnation shows it.
    fn observe_answer(&mut self, placed: &Placed, segment: &Segment, keys: &EndKeys) {
        let Some(incarnation) = self.slab.get(placed.id) else { return };
        let own = incarnation.end(placed.side);
        let peer = incarnation.end(placed.side.other());
        let refuses = !own.shows(Marks::SENT) && peer.shows(Marks::SYN) && !peer.shows(Marks::SYN_ACK);
        let answers_syn_ack = peer.shows(Marks::SYN_ACK) && !own.shows(Marks::PLAIN_ACK);
        let unanswered = !own.shows(Marks::DATA) && !own.shows(Marks::FIN);
        // The first segment of all, with nothing that a connection older than the capture would have.
        let alone = !own.shows(Marks::SENT) && incarnation.history.total() <= 1;
        let usual = [Marks::SYN, Marks::DATA, Marks::TIMESTAMPS_LAST, Marks::FIN.with(Marks::ACKED)];
        let odd = alone && !usual.into_iter().any(|marks| peer.shows(marks));
        let accepted = own.shows(Marks::SYN_ACK) && peer.shows(Marks::PLAIN_ACK);
        if refuses {
            self.hosts.observe_refusal(keys, segment);
        } else if answers_syn_ack {
            self.hosts.observe_half_open(keys);
        } else if odd {
            self.hosts.observe_probe(keys);
        } else if accepted && unanswered && segment.flags.has(Flags::RST.with(Flags::ACK)) {
            self.hosts.observe_abort(keys, segment);
        }
    }

    /// Writes to `life` what was known of the segment's life, seen from its sender; whether there is one.
    pub fn describe(&self, placed: &Placed, life: &mut Life) -> bool {
        let Some(incarnation) = self.slab.get(placed.id) else { return false };
        life.number = incarnation.number;
        life.life = incarnation.life;
        // Wireshark gives what belongs to an earlier life to the newest.
        life.stream = self.slab.get(placed.newest).map_or(incarnation.stream, |newest| newest.stream);
        life.opener = incarnation.opener;
        life.first_sender = incarnation.first_sender;
        life.first_closer = incarnation.first_closer;
        life.segments = incarnation.history.total();
        life.given_up = incarnation.given_up;
        life.own = *incarnation.end(placed.side);
        life.peer = *incarnation.end(placed.side.other());
        true
    }

    /// What was known of the life before, seen from the segment's sender.
    pub fn previous(&self, placed: &Placed) -> Option<Box<Previous>> {
        let incarnation = self.slab.get(self.slab.get(placed.id)?.previous?)?;
        let mut past = Vec::new();
        incarnation.history.past(self.latest, &mut past);
        let first_fin = past.iter().find(|past| past.flags().fin() && Some(past.side()) == incarnation.first_closer);
        Some(Box::new(Previous {
            own: *incarnation.end(placed.side),
            peer: *incarnation.end(placed.side.other()),
            first_closer: incarnation.first_closer,
            over: incarnation.is_over(),
            last: incarnation.last(),
            last_segment: past.last().copied(),
            first_fin: first_fin.copied(),
        }))
    }

    /// Writes the kept segments of a life to `out`, oldest first.
    pub fn past(&self, id: Id, out: &mut Vec<Past>) {
        if let Some(incarnation) = self.slab.get(id) {
            incarnation.history.past(self.latest, out);
        }
    }

    /// Takes out a life that has no successor, of its own accord.
    pub(super) fn drop_life(&mut self, id: Id) {
        if let Some(eviction) = &mut self.eviction {
            eviction.remove(&mut self.slab, id);
        }
        self.remove(id);
        // There is room again: time not to keep an order that nobody asks for.
        if self.slab.len() < self.max / 2 {
            self.eviction = None;
        }
    }
}

/// The part of a hash that the index takes.
#[inline]
pub(super) fn indexed(hash: u64) -> u32 {
    (hash >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::super::forgetting::{FORGET_TOGETHER, ROOM};
    use super::*;
    use crate::tcp::{FourTuple, SeqNum};
    use crate::track::ResetCase;

    /// Shows one segment of the `number`-th four-tuple; the segments it had before.
    fn show(tracker: &mut Tracker, number: u32, flags: Flags, second: i64) -> u32 {
        let tuple = FourTuple::new((number.to_be_bytes().into(), 1), ([10, 0, 0, 1].into(), 80));
        let segment = Segment { tuple, flags, seq: SeqNum(1), time: Timestamp::new(second, 0), ..Segment::EMPTY };
        let lookup = Lookup::of(&tuple);
        let placed = tracker.place(&segment, &lookup, tracker.hash(&lookup));
        let before = tracker.get(placed.id).map_or(0, |life| life.history.total());
        tracker.observe(&placed, &segment);
        before
    }

    /// Shows the segments of a connection up to its first data, client first.
    fn open(tracker: &mut Tracker, number: u32, second: i64) {
        const SYN_ACK: Flags = Flags::SYN.with(Flags::ACK);
        for (client, flags) in [(true, Flags::SYN), (false, SYN_ACK), (true, Flags::ACK), (false, Flags::ACK)] {
            show_side(tracker, number, client, (flags, second));
        }
    }

    fn show_side(tracker: &mut Tracker, number: u32, client: bool, (flags, second): (Flags, i64)) -> Life {
        let there = FourTuple::new((number.to_be_bytes().into(), 1), ([200, 0, 0, 1].into(), 80));
        let tuple = if client { there } else { there.reversed() };
        let segment = Segment { tuple, flags, seq: SeqNum(1), time: Timestamp::new(second, 0), ..Segment::EMPTY };
        let lookup = Lookup::of(&tuple);
        let placed = tracker.place(&segment, &lookup, tracker.hash(&lookup));
        let mut life = ResetCase::empty().life;
        assert!(tracker.describe(&placed, &mut life));
        tracker.observe(&placed, &segment);
        life
    }

    #[test]
    fn a_flood_leaves_what_was_there_before() {
        let mut tracker = Tracker::new(100);
        (0..50).for_each(|number| open(&mut tracker, number, 1));
        for number in 1000..50_000 {
            show_side(&mut tracker, number, true, (Flags::SYN, 2));
            assert!(tracker.slab.len() <= 100);
        }
        for number in 0..50 {
            let life = show_side(&mut tracker, number, true, (Flags::ACK, 3));
            assert_eq!((life.segments, life.given_up), (4, false), "{number}");
        }
        assert_eq!(tracker.evictions(), 49_000 - 50);
        assert_eq!(tracker.tracked_max(), 100);
        assert!(tracker.slab.places() <= 100);
    }

    #[test]
    fn the_longest_idle_go_and_say_so_when_they_come_back() {
        let mut tracker = Tracker::new(100);
        (0..150).for_each(|number| open(&mut tracker, number, i64::from(number)));
        let life = show_side(&mut tracker, 149, true, (Flags::ACK, 150));
        assert_eq!((life.segments, life.given_up), (4, false));
        let life = show_side(&mut tracker, 0, true, (Flags::ACK, 150));
        assert_eq!((life.segments, life.given_up), (0, true));
        assert!(!show_side(&mut tracker, 1000, true, (Flags::ACK, 150)).given_up, "never seen before");
        assert!(show_side(&mut tracker, 1, true, (Flags::SYN, 150)).given_up, "an earlier life");
        (2..50).for_each(|number| assert!(show_side(&mut tracker, number, true, (Flags::ACK, 151)).given_up));
    }

    #[test]
    fn a_life_goes_with_the_one_before_it() {
        for max in [1, 2, 3, 7] {
            let mut tracker = Tracker::new(max);
            for round in 0..100 {
                for number in 0..5 {
                    let tuple = FourTuple::new(([1, 0, 0, number].into(), 1), ([200, 0, 0, 1].into(), 80));
                    let time = Timestamp::new(round, 0);
                    let segment =
                        Segment { tuple, flags: Flags::SYN, seq: SeqNum(round as u32), time, ..Segment::EMPTY };
                    let lookup = Lookup::of(&tuple);
                    let placed = tracker.place(&segment, &lookup, tracker.hash(&lookup));
                    assert!(tracker.get(placed.id).is_some());
                    tracker.observe(&placed, &segment);
                    assert!(tracker.slab.len() <= max.max(2), "{max}");
                }
            }
            let ids = (0..tracker.slab.places()).map(|place| tracker.slab.id_at(place));
            let current = ids.filter(|id| tracker.slab.get(*id).is_some_and(|life| !life.succeeded)).count();
            assert_eq!(tracker.index.len(), current, "{max}");
        }
    }

    #[test]
    fn order_is_kept_only_while_memory_is_short() {
        let many = 3 * ROOM as u32;
        let mut tracker = Tracker::new(many as usize);
        (0..=many).for_each(|number| _ = show(&mut tracker, number, Flags::RST, 0));
        assert!(tracker.eviction.is_some());
        (0..many * (FORGET_EVERY as u32 / FORGET_TOGETHER)).for_each(|_| _ = show(&mut tracker, 7, Flags::ACK, 300));
        assert!(tracker.slab.len() < many as usize / 2 && tracker.eviction.is_none());
        (0..=many).for_each(|number| _ = show(&mut tracker, number, Flags::RST, 301));
        assert_eq!(tracker.slab.len(), many as usize);
    }

    #[test]
    fn nothing_is_forgotten_while_there_is_room() {
        let mut tracker = Tracker::new(usize::MAX);
        (0..1000).for_each(|number| assert_eq!(show(&mut tracker, number, Flags::RST, 0), 0));
        (0..20_000).for_each(|_| _ = show(&mut tracker, 7, Flags::ACK, 300));
        assert_eq!(show(&mut tracker, 8, Flags::ACK, 300), 1);
    }

    #[test]
    fn what_is_over_is_forgotten_where_there_are_many() {
        let mut tracker = Tracker::new(usize::MAX);
        let many = 2 * ROOM as u32;
        (0..many).for_each(|number| _ = show(&mut tracker, number, Flags::RST, 0));
        let rounds = many * (FORGET_EVERY as u32 / FORGET_TOGETHER);
        (0..rounds).for_each(|_| _ = show(&mut tracker, 7, Flags::ACK, 239));
        assert_eq!(tracker.slab.len(), many as usize, "four minutes are not over");
        (0..rounds).for_each(|_| _ = show(&mut tracker, 7, Flags::ACK, 241));
        assert_eq!(tracker.slab.len(), ROOM);
        assert_eq!(tracker.tracked_max(), u64::from(many));
    }
}
