//! One life of a four-tuple.

use serde::{Deserialize, Serialize};

use crate::frame::{FrameNo, Timestamp};
use crate::tcp::{Segment, SeqNum};

use super::eviction::Place;
use super::key::Key;
use super::table::Id;
use super::{Endpoint, History, Marks, Record, Side, Standing};

/// How long a closed incarnation is kept, in nanoseconds of capture time: no TIME-WAIT in use is longer (RFC 9293: 2 MSL, 4 minutes).
pub const KEPT_AFTER_CLOSE: i64 = 240_000_000_000;
/// How long a silent incarnation that was never closed is kept: the longest idle timers of firewalls are days, most are below this.
pub const KEPT_IDLE: i64 = 24 * 3_600_000_000_000;

/// What the classifier said of an earlier reset, in a code that only it reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Note {
    /// The RST, or the one that it follows from.
    pub frame: FrameNo,
    /// The classifier's code.
    pub code: u16,
}

/// What the classifier said of the resets of an incarnation.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Notes {
    /// Of the latest reset of each end that is an event of its own.
    events: [Option<Note>; 2],
    /// Of the latest resets that `events` does not tell. Few incarnations have so many.
    said: Option<Box<Said>>,
}

/// What the classifier said of the latest of many resets.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Said {
    /// Each with its frame; all places are taken before one is taken again.
    places: Vec<(FrameNo, Note)>,
    /// The next place to be taken.
    cursor: usize,
}

/// Of how many resets the verdicts are kept, for their second sightings.
const SAID_KEPT: usize = 16;

impl Said {
    fn add(&mut self, frame: FrameNo, note: Note) {
        match self.places.get_mut(self.cursor) {
            Some(place) => *place = (frame, note),
            None => self.places.push((frame, note)),
        }
        self.cursor = (self.cursor + 1) % SAID_KEPT;
    }
}

/// One life of a four-tuple: from its SYN, or its first segment captured, to the next one's SYN.
///
/// Laid out for the cache: an ordinary segment touches the first line, one for each end, that of the history's counters and the
/// one it is written to.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[repr(C, align(64))]
pub struct Incarnation {
    /// Which four-tuple.
    pub(super) key: Key,
    /// The life before, while it is remembered.
    pub(super) previous: Option<Id>,
    /// What the classifier said of its resets, once it has said something that may matter later.
    notes: Option<Box<Notes>>,
    /// Counts four-tuples in order of first sight, from 1.
    pub number: u64,
    /// Where it stands among those that may be given up.
    pub(super) place: Place,
    /// What the lower end has shown.
    low: Endpoint,
    /// What the higher end has shown.
    high: Endpoint,
    /// The hash of the four-tuple.
    pub(super) hash: u32,
    /// Counts lives of this four-tuple, from 1.
    pub life: u32,
    /// Wireshark's `tcp.stream`.
    pub stream: u32,
    /// How many of its resets still wait for what follows them.
    waiting: u32,
    /// The latest of them, by the settle queue's count.
    latest_held: u32,
    /// Who sent the SYN; where none was seen, `None`.
    pub opener: Option<Side>,
    /// Who sent the first segment that was captured.
    pub first_sender: Side,
    /// Who sent FIN first.
    pub first_closer: Option<Side>,
    /// Whether the four-tuple has a newer life.
    pub(super) succeeded: bool,
    /// Whether something that belongs to it, or came before it, was given up to stay within memory; perhaps, not surely.
    pub given_up: bool,
    /// The last segments.
    pub history: History,
}

impl Incarnation {
    pub(super) fn new(key: Key, hash: u32, (sender, time): (Side, Timestamp)) -> Self {
        let unseen = Endpoint { last: time, ..Endpoint::default() };
        Self {
            key,
            hash,
            number: 0,
            life: 1,
            stream: 0,
            previous: None,
            opener: None,
            first_sender: sender,
            first_closer: None,
            notes: None,
            waiting: 0,
            latest_held: 0,
            succeeded: false,
            given_up: false,
            place: Place::default(),
            low: unseen,
            high: unseen,
            history: History::default(),
        }
    }

    /// Whether its parts fit together, which are not its own.
    pub(super) fn is_sound(&self) -> bool {
        let said = self.notes.iter().filter_map(|notes| notes.said.as_ref());
        let rings = said.into_iter().all(|said| said.places.len() <= SAID_KEPT && said.cursor < SAID_KEPT);
        rings && self.history.is_sound()
    }

    /// The time of its last segment.
    pub fn last(&self) -> Timestamp {
        self.low.last.max(self.high.last)
    }

    /// What `side` has shown.
    pub fn end(&self, side: Side) -> &Endpoint {
        match side {
            Side::Low => &self.low,
            Side::High => &self.high,
        }
    }

    /// The latest reset that still waits for what follows it, by the settle queue's count.
    pub fn latest_held(&self) -> Option<u32> {
        self.is_waiting().then_some(self.latest_held)
    }

    /// One more reset waits: the settle queue's `count`.
    pub fn hold(&mut self, count: u32) {
        self.waiting = self.waiting.saturating_add(1);
        self.latest_held = count;
    }

    /// One reset waits no longer.
    pub fn release(&mut self) {
        self.waiting = self.waiting.saturating_sub(1);
    }

    /// Whether a reset of it waits for what follows.
    pub fn is_waiting(&self) -> bool {
        self.waiting > 0
    }

    /// What the classifier said of the latest event among the resets of `side`.
    pub fn note(&self, side: Side) -> Option<Note> {
        let [low, high] = self.notes.as_ref()?.events;
        if side == Side::Low { low } else { high }
    }

    /// Keeps what the classifier said of the reset of `side` in `frame`.
    pub fn set_note(&mut self, side: Side, frame: FrameNo, note: Note) {
        let notes = self.notes.get_or_insert_default();
        if note.frame != frame {
            return notes.said.get_or_insert_default().add(frame, note);
        }
        let [low, high] = &mut notes.events;
        let earlier = (if side == Side::Low { low } else { high }).replace(note);
        if let Some(earlier) = earlier {
            notes.said.get_or_insert_default().add(earlier.frame, earlier);
        }
    }

    /// What the classifier said of the reset in `frame`, while that is kept.
    pub fn said_of(&self, frame: FrameNo) -> Option<Note> {
        let notes = self.notes.as_ref()?;
        let event = notes.events.iter().flatten().find(|note| note.frame == frame);
        let mut others = notes.said.iter().flat_map(|said| &said.places);
        event.or_else(|| others.find(|(reset, _)| *reset == frame).map(|(_, note)| note)).copied()
    }

    /// Takes note of a segment of `side`.
    pub(super) fn observe(&mut self, segment: &Segment, side: Side, standing: Standing) {
        let (own, peer) = match side {
            Side::Low => (&mut self.low, &mut self.high),
            Side::High => (&mut self.high, &mut self.low),
        };
        own.observe(segment, peer, standing);
        if segment.flags.syn() && self.opener.is_none() && !segment.flags.rst() {
            self.opener = Some(if segment.flags.ack() { side.other() } else { side });
        }
        if segment.flags.fin() && !segment.flags.rst() {
            // A FIN that the other side's acknowledges, and that does not acknowledge it, came first, wherever it was written.
            let answered = own.fin_acked_by(peer) && !peer.fin_acked_by(own);
            match self.first_closer {
                Some(_) if answered && peer.shows(Marks::FIN) => self.first_closer = Some(side),
                Some(_) => {}
                None => self.first_closer = Some(side),
            }
        }
        self.history.push(|| Record::new(segment, side, standing));
    }

    pub(super) fn observe_copy(&mut self, segment: &Segment, side: Side, doubled: bool) {
        match side {
            Side::Low => self.low.observe_copy(segment, doubled),
            Side::High => self.high.observe_copy(segment, doubled),
        }
    }

    /// Whether either side ended it: a RST, or FINs from both.
    pub fn is_over(&self) -> bool {
        let either = |marks| self.low.shows(marks) || self.high.shows(marks);
        either(Marks::RST) || (self.low.shows(Marks::FIN) && self.high.shows(Marks::FIN))
    }

    /// Whether the opener's SYN was never answered by a SYN|ACK, and no data came.
    pub fn is_embryonic(&self) -> bool {
        let none = |marks| !self.low.shows(marks) && !self.high.shows(marks);
        (self.low.shows(Marks::SYN) || self.high.shows(Marks::SYN)) && none(Marks::SYN_ACK) && none(Marks::DATA)
    }

    /// Whether both ends have used it, a handshake that began being over.
    pub(super) fn is_answered(&self) -> bool {
        let both = self.low.shows(Marks::SENT) && self.high.shows(Marks::SENT);
        let one = |marks| self.low.shows(marks) || self.high.shows(marks);
        both && (one(Marks::PLAIN_ACK) || one(Marks::DATA))
    }

    /// Whether it may be forgotten at `now`.
    pub(super) fn is_forgettable(&self, now: Timestamp) -> bool {
        let age = now.since(self.last());
        if age <= KEPT_AFTER_CLOSE {
            return false;
        }
        let brief = self.is_over() || self.is_embryonic();
        !self.is_waiting() && age > if brief { KEPT_AFTER_CLOSE } else { KEPT_IDLE }
    }

    /// Whether `segment` of `side` opens a new life of the four-tuple rather than belonging to this one.
    pub(super) fn is_succeeded_by(&self, segment: &Segment, side: Side) -> bool {
        let own = self.end(side);
        let peer = self.end(side.other());
        match (segment.flags.syn(), segment.flags.ack()) {
            _ if segment.flags.rst() => false,
            // A SYN with another number (RFC 9293 3.10.7.4; Linux tcp_timewait_state_process): a new attempt. The same number: a copy of the SYN.
            (true, false) => {
                let simultaneous = self.is_embryonic() && !own.shows(Marks::SENT);
                let used = own.shows(Marks::SENT) || peer.shows(Marks::SENT);
                // Its SYN|ACK was written first, and acknowledges it with what it carries, or without.
                let acked = peer.max_ack == segment.seq.plus(1) || peer.max_ack == segment.seq_end();
                let answered = !own.shows(Marks::SENT) && peer.shows(Marks::SYN_ACK) && acked;
                used && !simultaneous && !answered && !self.is_syn_of(own, segment)
            }
            // A SYN|ACK whose SYN was not captured: both sides had gone on with other numbers.
            (true, true) => {
                own.shows(Marks::SYN_ACK)
                    && own.base != segment.seq
                    && (self.is_over() || peer.shows(Marks::PLAIN_ACK))
                    && !is_near(segment.ack_field, peer.snd_max)
            }
            // Data far from all numbers of a connection that is over: the next life, its handshake not captured.
            (false, _) => {
                let strange = segment.len > 0 && !is_near(segment.seq, own.snd_max);
                strange && self.is_over() && segment.time.since(self.last()) > 1_000_000_000
            }
        }
    }

    fn is_syn_of(&self, own: &Endpoint, segment: &Segment) -> bool {
        own.shows(Marks::SYN) && own.base == segment.seq
    }

    /// Whether `segment` of `side`, a RST or one that comes while this life is embryonic, belongs to the life before, `old`.
    pub(super) fn leaves_to(&self, old: &Incarnation, segment: &Segment, side: Side) -> bool {
        if segment.flags.rst() {
            return !self.has_drawn(segment, side)
                && old.is_reset_by(segment, side)
                && !self.is_doubted_by(segment, side, old);
        }
        self.is_embryonic() && old.is_continued_by(segment, side)
    }

    /// Whether a life that is so young may still be mixed with second sightings of the one before.
    pub(super) fn is_young(&self) -> bool {
        self.history.total() < 16
    }

    /// The segment of this life that `segment` of `side` is another sighting of.
    pub(super) fn sighted(&self, segment: &Segment, side: Side) -> Option<&Record> {
        self.history.sighted(segment, side)
    }

    /// Whether the RST's numbers fit this life: those of a live socket, or of an answer to a segment that was kept.
    fn has_drawn(&self, reset: &Segment, side: Side) -> bool {
        let own = self.end(side);
        let mut peers = self.history.records().filter(|record| record.side() != side);
        match reset.ack() {
            None => self.has_acknowledged(reset, side) || peers.any(|record| record.ack() == Some(reset.seq)),
            Some(_) => reset.seq == SeqNum(0) || own.shows(Marks::SYN) && is_near(reset.seq, own.snd_max),
        }
    }

    /// Whether `side`, in SYN-SENT, may have sent the RST for an ACK that was not captured: such an ACK has the old life's last
    /// number. Another number, or data or a FIN that was in flight when the SYN left, speaks for the old life.
    fn is_doubted_by(&self, reset: &Segment, side: Side, old: &Incarnation) -> bool {
        let asking = self.is_embryonic() && self.end(side).shows(Marks::SYN);
        let in_flight = |record: &&Record| reset.time.since(record.time()) < 1_000_000_000;
        let drew = |record: &Record| match record.side() == side {
            true => record.flags().rst() && record.seq() == reset.seq,
            false => record.seq_len() > 0 && record.ack() == Some(reset.seq),
        };
        let last = reset.seq == old.end(side.other()).max_ack;
        asking && last && !old.history.records().filter(in_flight).any(drew)
    }

    /// Whether the number of the RST of `side` is one that its peer had acknowledged in this life.
    fn has_acknowledged(&self, reset: &Segment, side: Side) -> bool {
        let (own, peer) = (self.end(side), self.end(side.other()));
        let known = own.shows(Marks::SENT) && peer.shows(Marks::ACKED);
        known && reset.seq.is_after(own.base) && reset.seq.since(peer.max_ack) <= 0
    }

    /// Whether the RST of `side` has this life's numbers: a live socket's, or one that the peer had acknowledged.
    fn is_reset_by(&self, reset: &Segment, side: Side) -> bool {
        let (own, peer) = (self.end(side), self.end(side.other()));
        let shown = own.shows(Marks::SENT) && peer.shows(Marks::SENT);
        let fits = match reset.ack() {
            None => self.has_acknowledged(reset, side),
            Some(ack) => (0..=1).contains(&reset.seq.since(own.snd_max)) && is_near(ack, peer.snd_max),
        };
        shown && fits
    }

    /// Whether `segment` of `side` carries on this life although a newer SYN was seen: its numbers fit here.
    pub(super) fn is_continued_by(&self, segment: &Segment, side: Side) -> bool {
        let own = self.end(side);
        let peer = self.end(side.other());
        let carries = segment.len > 0 || segment.flags.fin();
        let fits = own.shows(Marks::SENT) && is_near(segment.seq, own.snd_max);
        let acks = segment.ack().is_some_and(|ack| !peer.shows(Marks::SENT) || is_near(ack, peer.snd_max));
        // A SYN|ACK for the old SYN while a newer one is on its way (Linux tcp_check_req keeps the old request).
        let old_syn = segment.flags.syn() && peer.shows(Marks::SYN) && segment.ack() == Some(peer.base.plus(1));
        old_syn || carries && !segment.flags.syn() && fits && acks
    }
}

/// Within a megabyte, the largest window of most stacks.
fn is_near(number: SeqNum, of: SeqNum) -> bool {
    number.since(of).unsigned_abs() < 1 << 20
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordinary_segment_needs_few_cache_lines() {
        assert_eq!(size_of::<Incarnation>(), 384);
        assert_eq!(std::mem::offset_of!(Incarnation, low), 64);
        assert_eq!(std::mem::offset_of!(Incarnation, high), 128);
    }
}
