//! The events of the last seconds, and which of them is that of a RST on the wire.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::IpAddr;
use std::ops::Range;

use super::event::{Event, Kind, Sending};
use crate::analyzer::Reset;
use crate::frame::Timestamp;
use crate::tcp::FourTuple;

/// So many events are kept.
const KEPT_MAX: usize = 1 << 17;
/// How far apart a RST on the wire and its event may be, in nanoseconds. What answers a segment has its event some 15 µs
/// before, what a socket sends of its own up to 150 µs after; a busy machine may run something else in between.
pub const APART: i64 = 50_000_000;
/// The same where only one end of the four-tuple is known.
const APART_BY_ONE_END: i64 = 5_000_000;
/// So many events are looked at for one RST.
const LOOKED_AT_MAX: usize = 4096;
/// So many stretches of time with losses are told apart.
const LOSSES_MAX: usize = 64;

/// The place of an event: its time, and a number of its own.
type Place = (i64, u64);

/// The events of the last seconds.
#[derive(Debug)]
pub struct Events {
    kept: BTreeMap<Place, Held>,
    /// The events of a four-tuple.
    index: HashMap<FourTuple, BTreeSet<Place>>,
    /// Stretches of time in which events were lost.
    losses: VecDeque<(i64, i64)>,
    /// A loss whose end the next event tells.
    losing: bool,
    lost: u64,
    count: u64,
    /// The latest time of an event; before the first, when the trace began.
    latest: i64,
    /// How long events are kept, in nanoseconds.
    keep: i64,
}

#[derive(Debug)]
struct Held {
    event: Event,
    /// Whether a RST has it.
    used: bool,
}

/// What the events say of one side of a RST.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer<T> {
    /// The event.
    Event(T),
    /// There is none.
    NoEvent,
    /// There is none, but some were lost at that time.
    Lost,
}

impl Events {
    /// Of a trace that began at `since`. Events are kept for `keep` nanoseconds.
    pub fn new(since: Timestamp, keep: i64) -> Self {
        Self {
            kept: BTreeMap::new(),
            index: HashMap::new(),
            losses: VecDeque::new(),
            losing: false,
            lost: 0,
            count: 0,
            latest: since.as_nanos(),
            keep,
        }
    }

    /// Takes an event.
    pub fn add(&mut self, event: Event) {
        let time = event.time.as_nanos();
        if std::mem::take(&mut self.losing) {
            self.lost_between(self.latest, time);
        }
        self.count += 1;
        let place = (time, self.count);
        self.index.entry(event.tuple).or_default().insert(place);
        self.kept.insert(place, Held { event, used: false });
        self.latest = self.latest.max(time);
        while let Some((&(oldest, _), _)) = self.kept.first_key_value() {
            let crowded = self.kept.len() > KEPT_MAX;
            if !crowded && oldest >= self.latest.saturating_sub(self.keep) {
                break;
            }
            self.forget_first();
            if crowded {
                self.lost += 1;
                self.lost_between(oldest, oldest);
            }
        }
    }

    /// Notes that events were lost before the next one.
    pub fn add_loss(&mut self, count: u64) {
        self.lost = self.lost.saturating_add(count);
        self.losing = true;
    }

    /// How many were lost in all.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// How this host sent a RST, and whether the event names both of its ends.
    pub fn sent(&mut self, reset: &Reset) -> Answer<(&Sending, bool)> {
        // Only a socket that ends has a number, and acknowledges.
        let answers = reset.ack.is_none() || reset.seq.0 == 0;
        let of_kind = |event: &Event| matches!(&event.kind, Kind::Sent(sending) if sending.answers == answers);
        let time = reset.time.as_nanos();
        let (place, whole) = match self.by_both_ends(reset.tuple, time, of_kind) {
            Some(place) => (Some(place), true),
            None => (self.by_one_end(time, |event| of_kind(event) && is_by_one_end(event.tuple, reset.tuple)), false),
        };
        let none = self.none(time);
        match self.take(place).map(|event| &event.kind) {
            Some(Kind::Sent(sending)) => Answer::Event((sending, whole)),
            _ => none,
        }
    }

    /// Whether a connection of this host ended with a RST.
    pub fn accepted(&mut self, reset: &Reset) -> Answer<()> {
        let time = reset.time.as_nanos();
        let place = self.by_both_ends(reset.tuple, time, |event| event.kind == Kind::Accepted);
        let none = self.none(time);
        self.take(place).map_or(none, |_| Answer::Event(()))
    }

    /// The event nearest in time, one that no other RST has before one that is taken: a RST may be captured twice.
    fn by_both_ends(&self, tuple: FourTuple, time: i64, fits: impl Fn(&Event) -> bool) -> Option<Place> {
        let near = self.index.get(&tuple)?.range(around(time, APART)).take(LOOKED_AT_MAX);
        let held = near.filter_map(|place| self.kept.get(place).map(|held| (*place, held)));
        let fitting = held.filter(|(_, held)| fits(&held.event));
        fitting.min_by_key(|((at, _), held)| (held.used, at.abs_diff(time))).map(|(place, _)| place)
    }

    fn by_one_end(&self, time: i64, fits: impl Fn(&Event) -> bool) -> Option<Place> {
        let near = self.kept.range(around(time, APART_BY_ONE_END)).take(LOOKED_AT_MAX);
        let fitting = near.filter(|(_, held)| fits(&held.event));
        fitting.min_by_key(|((at, _), held)| (held.used, at.abs_diff(time))).map(|(place, _)| *place)
    }

    fn take(&mut self, place: Option<Place>) -> Option<&Event> {
        let held = self.kept.get_mut(&place?)?;
        held.used = true;
        Some(&held.event)
    }

    fn none<T>(&self, time: i64) -> Answer<T> {
        let lost = |&(from, to): &(i64, i64)| (from.saturating_sub(APART)..=to.saturating_add(APART)).contains(&time);
        let losing = self.losing && time >= self.latest.saturating_sub(APART);
        if losing || self.losses.iter().any(lost) { Answer::Lost } else { Answer::NoEvent }
    }

    fn lost_between(&mut self, from: i64, to: i64) {
        let crowded = self.losses.len() >= LOSSES_MAX;
        match self.losses.back_mut() {
            Some(last) if crowded || last.1.saturating_add(APART) >= from => {
                last.1 = last.1.max(to);
            }
            _ => self.losses.push_back((from, to)),
        }
        while self.losses.front().is_some_and(|(_, end)| *end < self.latest.saturating_sub(self.keep)) {
            self.losses.pop_front();
        }
    }

    fn forget_first(&mut self) {
        let Some((place, held)) = self.kept.pop_first() else { return };
        let tuple = held.event.tuple;
        let Some(places) = self.index.get_mut(&tuple) else { return };
        places.remove(&place);
        if places.is_empty() {
            self.index.remove(&tuple);
        }
    }
}

/// The places of the events that are not further from `time` than this.
fn around(time: i64, apart: i64) -> Range<Place> {
    (time.saturating_sub(apart), 0)..(time.saturating_add(apart), u64::MAX)
}

/// Whether an event without the peer, or with addresses before translation, can be that of a RST.
fn is_by_one_end(event: FourTuple, reset: FourTuple) -> bool {
    let any = |ip: IpAddr| ip.is_unspecified();
    let listener = event.dst.port() == 0 && event.src.port() == reset.src.port();
    listener && (event.src.ip() == reset.src.ip() || any(event.src.ip()))
        || event.dst == reset.dst
        || event.src == reset.src && event.dst.port() == reset.dst.port()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tcp::SeqNum;

    const SECOND: i64 = 1_000_000_000;

    /// The first reset of a sample, an answer, sent at this time.
    fn reset(time: i64) -> Reset {
        let sample = crate::open(concat!(env!("CARGO_MANIFEST_DIR"), "/samples/half-open.pcap")).unwrap();
        let mut reset = sample.map(Result::unwrap).next().unwrap().reset;
        reset.time = Timestamp::from_nanos(time);
        reset.tuple = tuple("192.0.2.1:80", "192.0.2.2:4000");
        reset
    }

    fn tuple(src: &str, dst: &str) -> FourTuple {
        FourTuple { src: src.parse().unwrap(), dst: dst.parse().unwrap() }
    }

    fn sent(time: i64, tuple: FourTuple, (reason, answers): (&str, bool)) -> Event {
        let sending = Sending { reason: reason.to_owned(), state: None, answers, process: None };
        Event { time: Timestamp::from_nanos(time), tuple, kind: Kind::Sent(sending) }
    }

    fn reason(events: &mut Events, reset: &Reset) -> Option<(String, bool)> {
        match events.sent(reset) {
            Answer::Event((sending, whole)) => Some((sending.reason.clone(), whole)),
            Answer::NoEvent | Answer::Lost => None,
        }
    }

    fn events() -> Events {
        Events::new(Timestamp::from_nanos(SECOND), 10 * SECOND)
    }

    #[test]
    fn each_reset_has_the_nearest_event_of_its_kind_that_is_free() {
        let (mut events, tuple) = (events(), reset(0).tuple);
        events.add(sent(2 * SECOND, tuple, ("ONE", true)));
        events.add(sent(2 * SECOND + 1000, tuple, ("TWO", true)));
        events.add(sent(2 * SECOND + 500, tuple, ("THREE", false)));
        assert_eq!(reason(&mut events, &reset(2 * SECOND + 400)), Some(("ONE".to_owned(), true)));
        assert_eq!(reason(&mut events, &reset(2 * SECOND + 401)), Some(("TWO".to_owned(), true)));
        assert_eq!(reason(&mut events, &reset(2 * SECOND + 402)), Some(("ONE".to_owned(), true)), "captured twice");
        let mut active = reset(2 * SECOND + 400);
        (active.ack, active.seq) = (Some(SeqNum(1)), SeqNum(1));
        assert_eq!(reason(&mut events, &active), Some(("THREE".to_owned(), true)));
        assert_eq!(reason(&mut events, &reset(3 * SECOND)), None);
    }

    #[test]
    fn a_listener_and_a_translated_host_are_known_by_one_end_and_the_instant() {
        for known in [tuple("0.0.0.0:80", "0.0.0.0:0"), tuple("10.0.0.1:8080", "192.0.2.2:4000")] {
            let mut events = events();
            events.add(sent(2 * SECOND, known, ("TCP_FLAGS", true)));
            assert_eq!(reason(&mut events, &reset(2 * SECOND + 10_000_000)), None);
            assert_eq!(reason(&mut events, &reset(2 * SECOND + 1000)), Some(("TCP_FLAGS".to_owned(), false)));
        }
        let mut events = events();
        events.add(sent(2 * SECOND, tuple("192.0.2.1:80", "192.0.2.3:4001"), ("NO_SOCKET", true)));
        assert_eq!(events.sent(&reset(2 * SECOND)), Answer::NoEvent);
    }

    #[test]
    fn what_may_have_been_lost_is_not_denied() {
        let (mut events, other) = (events(), tuple("192.0.2.9:9", "192.0.2.8:8"));
        events.add(sent(2 * SECOND, other, ("ONE", true)));
        events.add_loss(3);
        assert_eq!(events.sent(&reset(3 * SECOND)), Answer::Lost, "the loss has no end yet");
        events.add(sent(4 * SECOND, other, ("TWO", true)));
        assert_eq!(events.sent(&reset(3 * SECOND)), Answer::Lost);
        assert_eq!(events.accepted(&reset(3 * SECOND)), Answer::Lost);
        assert_eq!(events.sent(&reset(5 * SECOND)), Answer::NoEvent);
        assert_eq!(events.lost(), 3);
    }

    #[test]
    fn an_accepted_reset_is_not_one_that_was_sent() {
        let mut events = events();
        let event = Event { kind: Kind::Accepted, ..sent(2 * SECOND, reset(0).tuple, ("", true)) };
        events.add(event);
        assert_eq!(events.sent(&reset(2 * SECOND)), Answer::NoEvent);
        assert_eq!(events.accepted(&reset(2 * SECOND)), Answer::Event(()));
    }

    #[test]
    fn what_is_kept_is_bounded_by_time_and_number() {
        let (mut events, tuple) = (events(), reset(0).tuple);
        events.add(sent(2 * SECOND, tuple, ("OLD", true)));
        events.add(sent(13 * SECOND, tuple, ("NEW", true)));
        assert_eq!((events.kept.len(), events.index[&tuple].len(), events.lost()), (1, 1, 0));
        for n in 0..KEPT_MAX as i64 + 5 {
            let own = FourTuple { src: ([10, 0, (n >> 14) as u8, 1], (n & 0x3fff) as u16).into(), dst: tuple.dst };
            events.add(sent(14 * SECOND + n, own, ("MANY", true)));
        }
        assert_eq!((events.kept.len(), events.lost()), (KEPT_MAX, 6));
        assert!(events.index.len() <= KEPT_MAX && events.losses.len() <= LOSSES_MAX);
        assert_eq!(events.sent(&reset(13 * SECOND)), Answer::Lost, "forgotten, not denied");
    }
}
