//! Four-tuples without a RST: what the numbering of connections needs of them, and no more.

use crate::frame::Timestamp;
use crate::tcp::{Segment, SeqNum};

use super::packed::Packed;
use super::{Endpoint, Incarnation, KEPT_AFTER_CLOSE, Marks, Side};

/// What a segment of a bystander opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Opened {
    /// Nothing: it belongs to what is known.
    Nothing,
    /// A new life of a known four-tuple.
    Life,
    /// A four-tuple that was not known.
    FourTuple,
}

/// Four-tuples of bystanders that came by, and lives of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Passed {
    /// How many were new.
    pub four_tuples: u64,
    /// How many lives of them there were: as many streams.
    pub streams: u32,
    /// How many are known.
    pub known: usize,
    /// How many were at the same time, at most.
    pub most: usize,
}

impl Passed {
    /// Adds what a segment was, with which so many are known.
    #[inline]
    pub fn add(&mut self, opened: Opened, known: usize) {
        if opened != Opened::Nothing {
            self.streams += 1;
        }
        if opened == Opened::FourTuple {
            self.four_tuples += 1;
            self.known = known;
            self.most = self.most.max(known);
        }
    }
}

/// One of them, unpacked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Bystander {
    /// First sequence number of each end, modulo 2^20: with another one that is the same there, a new life is missed.
    bases: [u32; 2],
    /// When its last SYN or FIN came, in units of four seconds, modulo 2^17: six days.
    last: u32,
    marks: u8,
}

/// Bits of the lower end; those of the higher end follow.
const SENT: u8 = 1;
const SYN: u8 = 1 << 1;
const FIN: u8 = 1 << 2;
const BOTH_FIN: u8 = FIN | FIN << 3;
const BOTH_SYN: u8 = SYN | SYN << 3;
/// A SYN|ACK or data came: it is no longer embryonic.
const WENT_ON: u8 = 1 << 6;

const BASE_BITS: u32 = 20;
const LAST_BITS: u32 = 17;
const MARK_BITS: u32 = 7;
/// Whole seconds of a unit of time.
const UNIT: i64 = 4;

/// The lower `bits` of a number.
fn low(number: u64, bits: u32) -> u32 {
    (number & ((1 << bits) - 1)) as u32
}

/// What is kept of a sequence number.
fn folded(number: SeqNum) -> u32 {
    low(u64::from(number.0), BASE_BITS)
}

impl Bystander {
    fn new(segment: &Segment, side: Side) -> Self {
        let mut new = Self { bases: [0; 2], last: 0, marks: 0 };
        new.observe(segment, side);
        new
    }

    /// What is left of a life that a RST has ended.
    fn of(life: &Incarnation) -> Self {
        let ends = [life.end(Side::Low), life.end(Side::High)];
        let either = |marks| ends.iter().any(|end| end.shows(marks));
        let mark = |marks, mark| if either(marks) { mark } else { 0 };
        let mut marks = BOTH_FIN | mark(Marks::SYN_ACK, WENT_ON) | mark(Marks::DATA, WENT_ON);
        for (end, shift) in ends.iter().zip([0, 3]) {
            let own = if end.shows(Marks::SENT) { SENT } else { 0 } | if end.shows(Marks::SYN) { SYN } else { 0 };
            marks |= own << shift;
        }
        let [low, high] = ends;
        // The SYN of an end that sent nothing else is known from what its peer acknowledged.
        let base = |own: &Endpoint, peer: &Endpoint| match own.shows(Marks::SENT) {
            false if peer.shows(Marks::SYN_ACK) => folded(peer.max_ack.plus(u32::MAX)),
            _ => folded(own.base),
        };
        Self { bases: [base(low, high), base(high, low)], last: units(life.last()), marks }
    }

    fn pack(self) -> u64 {
        let [low, high] = self.bases.map(u64::from);
        let numbers = low << BASE_BITS | high;
        (numbers << LAST_BITS | u64::from(self.last)) << MARK_BITS | u64::from(self.marks)
    }

    fn unpack(packed: u64) -> Self {
        let marks = low(packed, MARK_BITS) as u8;
        let last = low(packed >> MARK_BITS, LAST_BITS);
        let numbers = packed >> (MARK_BITS + LAST_BITS);
        Self { bases: [low(numbers >> BASE_BITS, BASE_BITS), low(numbers, BASE_BITS)], last, marks }
    }

    fn observe(&mut self, segment: &Segment, side: Side) {
        let [low, high] = &mut self.bases;
        let (base, other, shift) = if side == Side::Low { (low, high, 0) } else { (high, low, 3) };
        let flags = segment.flags;
        if flags.syn() && flags.ack() && self.marks & SENT << (3 - shift) == 0 {
            *other = folded(segment.ack_field.plus(u32::MAX));
        }
        if flags.syn() || self.marks & SENT << shift == 0 {
            *base = folded(segment.seq);
        }
        let own = SENT | if flags.syn() { SYN } else { 0 } | if flags.fin() { FIN } else { 0 };
        let went_on = flags.syn() && flags.ack() || segment.len > 0;
        self.marks |= own << shift | if went_on { WENT_ON } else { 0 };
        self.last = units(segment.time);
    }

    fn meet(&mut self, segment: &Segment, side: Side) -> Opened {
        if self.is_succeeded_by(segment, side) {
            *self = Self::new(segment, side);
            return Opened::Life;
        }
        if self.is_embryonic() || segment.flags.syn() || segment.flags.fin() {
            self.observe(segment, side);
        }
        Opened::Nothing
    }

    fn is_embryonic(self) -> bool {
        self.marks & BOTH_SYN != 0 && self.marks & WENT_ON == 0
    }

    /// As [`Incarnation::is_succeeded_by`](super::Incarnation), for a SYN.
    fn is_succeeded_by(self, segment: &Segment, side: Side) -> bool {
        let [low, high] = self.bases;
        let (base, own, peer) =
            if side == Side::Low { (low, self.marks, self.marks >> 3) } else { (high, self.marks >> 3, self.marks) };
        let simultaneous = self.is_embryonic() && own & SENT == 0;
        let answered = own & SENT == 0 && peer & SYN != 0;
        let known = (own & SYN != 0 || answered) && base == folded(segment.seq);
        segment.flags.syn() && !segment.flags.ack() && !simultaneous && !known
    }

    fn is_brief(self) -> bool {
        self.marks & BOTH_FIN == BOTH_FIN || self.is_embryonic()
    }

    /// Units of time since its last SYN or FIN; 0 where the clock went back.
    fn age(self, now: u32) -> u32 {
        let age = low(u64::from(now.wrapping_sub(self.last)), LAST_BITS);
        if age < 1 << (LAST_BITS - 1) { age } else { 0 }
    }

    /// When its turn to be given up comes, the lowest first: what is over or never began, then the rest; the older the sooner.
    fn turn(self, now: u32) -> usize {
        let younger = self.age(now).leading_zeros() as usize;
        if self.is_brief() { younger } else { TURNS / 2 + younger }
    }

    fn is_forgettable(self, now: u32) -> bool {
        self.is_brief() && i64::from(self.age(now)) * UNIT > KEPT_AFTER_CLOSE / 1_000_000_000
    }
}

/// How many turns there are.
const TURNS: usize = 2 * (u32::BITS as usize + 1);

fn units(time: Timestamp) -> u32 {
    let units = time.as_nanos().max(0) / (UNIT * 1_000_000_000);
    low(units as u64, LAST_BITS)
}

/// All four-tuples without a RST, by their hashes: two with the same one are taken for one, a pair in 2^64.
///
/// They are told of SYNs and FINs, of a plain segment where none was before, and of any while a SYN waits for its answer.
/// How long ago they were used they do not know, so they are kept until they are over.
#[derive(Debug)]
pub struct Bystanders {
    known: Packed,
    recent: Recent,
    /// The most that are held.
    max: usize,
    /// With so many something is to be done.
    room: usize,
    /// How many were given up to stay below `max`.
    evictions: u64,
}

impl Bystanders {
    /// Holds at most `max` of them, and has room for so many from the beginning.
    pub fn with_room(room: usize, max: usize) -> Self {
        Self { recent: Recent::new(), ..Self::unasked(room, max) }
    }

    /// The same where nobody asks which of them [are recent](Self::is_recent).
    pub fn unasked(room: usize, max: usize) -> Self {
        let max = max.max(2);
        let known = Packed::with_room(room.min(max));
        let recent = Recent { sets: Vec::new() };
        Self { room: known.room().min(max), known, recent, max, evictions: 0 }
    }

    /// How many were given up.
    pub fn evictions(&self) -> u64 {
        self.evictions
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.known.len()
    }

    /// Whether a segment of the four-tuple came a short while ago; if not, it may be known nevertheless.
    #[inline]
    pub fn is_recent(&self, hash: u64) -> bool {
        self.recent.holds(hash)
    }

    /// Whether a segment that opens and closes nothing changes nothing of what is known of the four-tuple.
    #[inline]
    pub fn is_open(&self, hash: u64) -> bool {
        self.known.get(hash).is_some_and(|packed| !Bystander::unpack(packed).is_embryonic())
    }

    /// Asks for what is known of `hash`.
    #[inline]
    pub fn prefetch(&self, hash: u64) {
        self.known.prefetch(hash);
    }

    /// Takes note of a segment.
    pub fn meet(&mut self, hash: u64, segment: &Segment, side: Side) -> Opened {
        let place = self.known.place(hash);
        let Some(packed) = place.value() else {
            self.add(hash, segment, side);
            return Opened::FourTuple;
        };
        let mut known = Bystander::unpack(packed);
        let opened = known.meet(segment, side);
        place.write(known.pack());
        if known.is_embryonic() {
            self.recent.remove(hash);
        } else {
            self.recent.add(hash);
        }
        opened
    }

    /// Takes over a four-tuple whose last life was followed and has had its last RST.
    pub fn take_over(&mut self, hash: u64, life: &Incarnation) {
        self.write(hash, Bystander::of(life), life.last());
    }

    fn add(&mut self, hash: u64, segment: &Segment, side: Side) {
        self.write(hash, Bystander::new(segment, side), segment.time);
    }

    fn write(&mut self, hash: u64, known: Bystander, now: Timestamp) {
        if self.known.len() >= self.room {
            self.make_room(now);
        }
        self.known.place(hash).write(known.pack());
        if !known.is_embryonic() {
            self.recent.add(hash);
        }
    }

    /// Forgets what is over, and grows where that is less than half.
    #[cold]
    fn make_room(&mut self, now: Timestamp) {
        let now = units(now);
        let is_forgettable = |packed| Bystander::unpack(packed).is_forgettable(now);
        let going = self.known.values().filter(|packed| is_forgettable(*packed)).count();
        let left = self.known.len() - going;
        let larger = left > self.known.room() / 2 && self.known.room() < self.max;
        self.known.rebuild(larger, |packed| !is_forgettable(packed));
        self.recent.clear();
        if self.known.len() > self.max / 4 * 3 {
            self.evict(now);
        }
        self.room = self.known.room().min(self.max);
    }

    /// Gives up all above three quarters of what may be held, by turns: in one go, as that costs a walk over all.
    fn evict(&mut self, now: u32) {
        let turn = |packed| Bystander::unpack(packed).turn(now);
        let mut going = [0; TURNS];
        for packed in self.known.values() {
            if let Some(count) = going.get_mut(turn(packed)) {
                *count += 1;
            }
        }
        let mut left = self.known.len().saturating_sub(self.max / 4 * 3);
        self.evictions += left as u64;
        for count in &mut going {
            *count = left.min(*count);
            left -= *count;
        }
        self.known.rebuild(false, |packed| match going.get_mut(turn(packed)) {
            None | Some(0) => true,
            Some(count) => {
                *count -= 1;
                false
            }
        });
    }
}

/// Hashes that are known, in the second-level cache of a processor: most segments end here.
///
/// Four places for those with the same lower bits, each for an upper half: with as many four-tuples as a third of the places,
/// few are driven out while they are used.
#[derive(Debug)]
struct Recent {
    sets: Vec<[u32; 4]>,
}

impl Recent {
    /// 256 KiB.
    const SETS: usize = 1 << 14;

    fn new() -> Self {
        Self { sets: vec![[0; 4]; Self::SETS] }
    }

    fn set(hash: u64) -> usize {
        hash as usize & (Self::SETS - 1)
    }

    /// Not 0, which stands for none.
    fn half(hash: u64) -> u32 {
        ((hash >> 32) as u32).max(1)
    }

    #[inline]
    fn holds(&self, hash: u64) -> bool {
        // All four are compared: no branch to be guessed.
        let half = Self::half(hash);
        self.sets.get(Self::set(hash)).is_some_and(|set| set.iter().fold(false, |any, place| any | (*place == half)))
    }

    /// Puts a hash in the place of the one that has been there longest.
    fn add(&mut self, hash: u64) {
        let half = Self::half(hash);
        if let Some(set) = self.sets.get_mut(Self::set(hash))
            && !set.contains(&half)
        {
            set.rotate_right(1);
            set[0] = half;
        }
    }

    fn remove(&mut self, hash: u64) {
        let half = Self::half(hash);
        let set = self.sets.get_mut(Self::set(hash)).into_iter().flatten();
        set.filter(|place| **place == half).for_each(|place| *place = 0);
    }

    fn clear(&mut self) {
        self.sets.fill([0; 4]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tcp::Flags;

    fn segment(flags: Flags, seq: u32, second: i64) -> Segment {
        Segment { flags, seq: SeqNum(seq), time: Timestamp::new(second, 0), ..Segment::EMPTY }
    }

    /// A number as a hash has it.
    fn spread(number: u64) -> u64 {
        number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(24)
    }

    const SYN_ACK: Flags = Flags::SYN.with(Flags::ACK);
    const FIN_ACK: Flags = Flags::FIN.with(Flags::ACK);

    /// What each segment of one four-tuple opens.
    fn story(segments: &[(Side, Flags, u32)]) -> Vec<Opened> {
        let mut all = Bystanders::with_room(0, usize::MAX);
        segments.iter().map(|(side, flags, seq)| all.meet(7, &segment(*flags, *seq, 1), *side)).collect()
    }

    #[test]
    fn a_syn_with_another_number_opens_a_life() {
        use Opened::{FourTuple, Life, Nothing};
        let (there, back) = (Side::Low, Side::High);
        let first = [(there, Flags::SYN, 1), (there, Flags::SYN, 1), (back, SYN_ACK, 9), (there, Flags::ACK, 2)];
        assert_eq!(story(&first), [FourTuple, Nothing, Nothing, Nothing]);
        let again = [&first[..], &[(there, FIN_ACK, 2), (back, FIN_ACK, 10), (there, Flags::SYN, 70)]].concat();
        assert_eq!(story(&again)[4..], [Nothing, Nothing, Life]);
        assert_eq!(story(&[(there, Flags::SYN, 1), (back, Flags::SYN, 5)]), [FourTuple, Nothing], "simultaneous");
        assert_eq!(story(&[(there, Flags::ACK, 1), (back, Flags::SYN, 5)]), [FourTuple, Life]);
    }

    #[test]
    fn packed_and_unpacked_it_is_the_same() {
        for known in [
            Bystander { bases: [0xf_ffff, 0], last: 0x1_ffff, marks: 0 },
            Bystander { bases: [0, 0xf_ffff], last: 0, marks: 0x7f },
            Bystander { bases: [0x12345, 0x6789a], last: 0x1_0001, marks: WENT_ON | SYN },
        ] {
            assert_eq!(Bystander::unpack(known.pack()), known);
        }
    }

    #[test]
    fn time_that_goes_back_makes_nothing_old() {
        let known = Bystander::new(&segment(Flags::SYN, 1, 5_000_000), Side::Low);
        assert_eq!(known.age(units(Timestamp::new(5_000_000 + 240, 0))), 60);
        assert_eq!(known.age(units(Timestamp::new(5_000_000 - 240, 0))), 0);
        let late = units(Timestamp::new(5_000_000 + 244, 0));
        assert!(known.is_forgettable(late) && !known.is_forgettable(late - 1));
    }

    #[test]
    fn what_is_over_makes_room_for_others() {
        let mut all = Bystanders::with_room(0, usize::MAX);
        for hash in 0..100_000 {
            let second = hash as i64;
            for (side, flags) in [(Side::Low, FIN_ACK), (Side::High, FIN_ACK)] {
                all.meet(spread(hash), &segment(flags, 1, second), side);
            }
        }
        assert!(all.count() < 2000, "{} are kept", all.count());
        assert!(!all.is_recent(spread(5)));
        assert!(all.is_recent(spread(99_999)));
        assert_eq!(all.meet(spread(5), &segment(Flags::ACK, 1, 100_000), Side::Low), Opened::FourTuple);
    }

    #[test]
    fn a_new_life_is_told_of_its_segments_until_it_goes_on() {
        let mut all = Bystanders::with_room(0, 1000);
        let hash = 5 << 32 | 5;
        all.meet(hash, &segment(Flags::ACK, 1, 1), Side::Low);
        assert!(all.is_recent(hash));
        all.meet(hash, &segment(Flags::SYN, 9, 2), Side::Low);
        assert!(!all.is_recent(hash));
        all.meet(hash, &segment(SYN_ACK, 3, 2), Side::High);
        assert!(all.is_recent(hash));
    }

    #[test]
    fn four_with_the_same_lower_bits_are_recent_at_a_time() {
        let mut recent = Recent::new();
        (1..=5).for_each(|high| recent.add(high << 32 | 7));
        assert_eq!((1..=5).filter(|high| recent.holds(high << 32 | 7)).collect::<Vec<u64>>(), [2, 3, 4, 5]);
        recent.remove(3 << 32 | 7);
        assert!(!recent.holds(3 << 32 | 7) && recent.holds(4 << 32 | 7));
    }

    #[test]
    fn a_flood_makes_room_for_itself_and_what_is_open_stays() {
        let mut all = Bystanders::with_room(0, 1000);
        for hash in 0..500 {
            all.meet(spread(hash), &segment(Flags::SYN, 1, 1), Side::Low);
            all.meet(spread(hash), &segment(SYN_ACK, 1, 1), Side::High);
        }
        for hash in 1000..100_000 {
            assert_eq!(
                all.meet(spread(hash), &segment(Flags::SYN, 1, 2 + hash as i64 / 10_000), Side::Low),
                Opened::FourTuple
            );
            assert!(all.count() <= 1000);
        }
        assert!((0..500).all(|hash| all.meet(spread(hash), &segment(FIN_ACK, 2, 20), Side::Low) == Opened::Nothing));
        assert_eq!(all.meet(spread(99_999), &segment(Flags::SYN, 1, 20), Side::Low), Opened::Nothing);
        assert_eq!(all.evictions() as usize + all.count(), 99_500);
    }

    #[test]
    fn what_is_open_stays() {
        let mut all = Bystanders::with_room(0, usize::MAX);
        for hash in 0..5000 {
            all.meet(spread(hash), &segment(Flags::ACK, 1, hash as i64), Side::Low);
        }
        assert_eq!(all.count(), 5000);
    }
}
