//! From a RST that comes to its verdict.

use super::core::{Core, Waiting};
use super::summary::SERVICES_COUNTED;
use super::{Tally, assemble};
use crate::classify::{self, Verdict};
use crate::decode::{self, Carried};
use crate::frame::{Frame, Timestamp};
use crate::settle::{End, Held, Settle, TOGETHER};
use crate::tcp::{Checksums, Segment};
use crate::track::{Copied, EndKeys, Id, Incarnation, Marks, ResetCase, ResetSighting, first_of, prefetch_whole};

/// Takes the next reset that is to be decided.
type Next = fn(&mut Settle, Timestamp) -> Option<(Held, End)>;
/// What lies behind no other read is asked for when so many are to be decided before it,
const FAR: usize = 16;
/// and the rest when it are so many.
const NEAR: usize = 8;
/// How much of a RST's payload is kept.
const PAYLOAD_KEPT: usize = 256;

impl Core {
    /// Takes a RST; the frame is the one that it, or its last fragment, came in.
    pub(super) fn reset(
        &mut self,
        reset: &Waiting,
        (frame, carried): (&Frame<'_>, &Carried<'_>),
        checksums: Checksums,
    ) {
        let segment = &reset.segment;
        self.pass_time(reset.now);
        self.summary.resets += u64::from(self.reports(segment));
        let placed = self.tracker.place(segment, &reset.lookup, reset.hash);
        self.summary.segments += 1;
        let mut case = self.ready.blank();
        let keys = self.tracker.hosts().keys(segment.tuple.src, segment.tuple.dst.ip());
        self.describe(&mut case, (segment, &keys), carried);
        if !self.tracker.describe(&placed, &mut case.life) {
            return;
        }
        case.sender = placed.side;
        case.previous = self.tracker.previous(&placed);
        // Where the clock has gone back nobody knows when the wait is over.
        case.cut_short = !self.settle.covers(segment.time, self.now);
        self.tracker.past(placed.id, &mut case.before);
        case.heard =
            self.hints.of_both(reset.hash, (placed.side, &case.life.own), (placed.side.other(), &case.life.peer));
        case.checksums = checksums;
        if checksums.are_right() {
            self.checked.add(segment.tuple.src.ip(), segment.time);
        }
        let point = decode::point(frame, &carried.encap);
        let doubled = [&case.life.own, &case.life.peer].iter().any(|end| end.shows(Marks::DOUBLED));
        let sighting = ResetSighting { reset: segment, side: placed.side, point, doubled };
        if let Some(first) = first_of(&case.before, &sighting) {
            case.copied = Some(Copied { from: first.frame(), note: None });
            self.tracker.observe_reset_again(&placed, segment, first.frame());
        } else {
            let observed = self.tracker.observe_reset(&placed, segment, (&keys, point));
            self.tell_waiting(&placed, segment, observed);
        }
        self.hold(Held { case, port: keys.port, id: placed.id, last: !reset.resets_to_come });
    }

    fn hold(&mut self, held: Held) {
        let id = held.id;
        let earlier = self.tracker.get(id).and_then(Incarnation::latest_held);
        let count = self.settle.hold(held, earlier);
        self.tracker.change(id, |incarnation| incarnation.hold(count));
    }

    /// Writes into a blank case what the RST's frame shows, and what its hosts had shown by then.
    fn describe(&self, case: &mut ResetCase, (segment, keys): (&Segment, &EndKeys), carried: &Carried<'_>) {
        let hosts = self.tracker.hosts();
        case.reset = *segment;
        case.payload.extend_from_slice(carried.payload.get(..PAYLOAD_KEPT).unwrap_or(carried.payload));
        case.layers.extend(carried.encap.layers());
        case.vlans.extend_from_slice(carried.encap.vlans());
        case.host = hosts.host(keys.host);
        case.peer_host = hosts.host(keys.peer);
        case.port = hosts.port(keys.port);
    }

    /// Decides the resets that `next` gives.
    pub(super) fn decide_all(&mut self, next: Next) {
        while self.decide_some(next) {}
    }

    /// Decides some of the resets that `next` gives; whether there was any.
    pub(super) fn decide_some(&mut self, next: Next) -> bool {
        let mut any = false;
        for _ in 0..TOGETHER {
            let Some((held, end)) = next(&mut self.settle, self.now) else { break };
            self.prefetch_held();
            self.decide(held, end);
            any = true;
        }
        any
    }

    /// Asks for resets that are decided soon, and for what is known of their connections: nobody may have asked for it in a while.
    #[inline]
    fn prefetch_held(&self) {
        let hosts = self.tracker.hosts();
        if let Some(held) = self.settle.next_but(FAR) {
            prefetch_whole(Some(&*held.case));
            self.tracker.prefetch(held.id);
            hosts.prefetch_port(held.port);
        }
        if let Some(held) = self.settle.next_but(NEAR) {
            held.case.prefetch_before();
            self.tracker.prefetch_slot(held.id);
            hosts.prefetch_record(held.port);
            if held.last {
                self.tracker.prefetch_retired(&held.case.reset.tuple);
            }
        }
    }

    fn decide(&mut self, held: Held, end: End) {
        let Held { mut case, port, id, last } = held;
        if !self.decides(&case.reset) {
            return self.leave(case, (id, last));
        }
        case.cut_short |= end == End::CutShort;
        case.capture_ended = end == End::CaptureEnded;
        case.port_later = self.tracker.hosts().port(port);
        if case.checksums.is_any_wrong() {
            let right = self.checked.since(case.reset.tuple.src.ip());
            case.right_checksums = right.is_some_and(|since| self.settle.covers(case.reset.time, since));
        }
        let errors = self.icmp.about(&case.reset.tuple).iter();
        case.icmp.extend(errors.filter(|error| self.settle.covers(case.reset.time, error.time)));
        let same_life = |number, life| number == case.life.number && life == case.life.life;
        let life = self.tracker.get(id).filter(|found| same_life(found.number, found.life));
        let is_kept = life.is_some();
        case.given_up = !is_kept && self.tracker.evictions() > 0;
        case.lossy = self.losses.touch(&case, &self.settle);
        if let Some(incarnation) = life {
            case.note = incarnation.note(case.sender);
            if let Some(copied) = &mut case.copied {
                copied.note = incarnation.said_of(copied.from);
            }
        }
        let verdict = classify::classify(&case);
        if is_kept {
            self.tracker.change(id, Incarnation::release);
            if !(last && self.tracker.retire(id, &case.reset.tuple)) {
                let note = classify::note(&case, &verdict);
                self.tracker.change(id, |incarnation| incarnation.set_note(case.sender, case.reset.frame, note));
            }
        }
        if !self.reports(&case.reset) {
            return self.ready.keep(case);
        }
        self.count(&case, &verdict);
        self.ready.push(case, verdict);
    }

    /// Whether a reset is one of those that are decided here.
    fn decides(&self, reset: &Segment) -> bool {
        self.shard.is_none_or(|shard| shard.holds(&reset.tuple))
    }

    /// Whether a reset is one of those that are reported and counted.
    pub(super) fn reports(&self, reset: &Segment) -> bool {
        let is_here = self.inputs.as_ref().is_none_or(|inputs| inputs.contains(&reset.frame.input()));
        is_here && self.decides(reset)
    }

    /// Gives up a reset that is decided elsewhere.
    #[cold]
    fn leave(&mut self, case: Box<ResetCase>, (id, last): (Id, bool)) {
        let life = self.tracker.get(id).map(|found| (found.number, found.life));
        if life == Some((case.life.number, case.life.life)) {
            self.tracker.change(id, Incarnation::release);
            if last {
                self.tracker.retire(id, &case.reset.tuple);
            }
        }
        self.ready.keep(case);
    }

    fn count(&mut self, case: &ResetCase, verdict: &Verdict) {
        let event = u64::from(verdict.follows.is_none());
        let summary = &mut self.summary;
        let add = |tally: &mut Tally| {
            tally.resets += 1;
            tally.events += event;
        };
        add(summary.by_cause.entry((verdict.class, verdict.cause)).or_default());
        if let Some(services) = &mut self.services {
            // A scan has as many services as targets: the most affected are among those that came first.
            let service = assemble::service(case);
            if services.len() < SERVICES_COUNTED || services.contains_key(&service) {
                add(services.entry(service).or_default());
            }
        }
        summary.events += event;
        summary.settled_early += u64::from(case.cut_short);
    }
}
