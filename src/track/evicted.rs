//! Which four-tuples were given up: sets of fixed size that miss none of them, and may hold others by chance.

use serde::{Deserialize, Serialize};

use crate::frame::Timestamp;

use super::incarnation::{KEPT_AFTER_CLOSE, KEPT_IDLE};

/// The sets are no smaller, in bits.
const BITS_MIN: usize = 1 << 16;
/// And no larger: 16 MiB each.
const BITS_MAX: usize = 1 << 27;
/// Bits for each connection that there is memory for.
const BITS_EACH: usize = 8;
/// The same where the capture has no end: several times as many come while a set is in use.
const BITS_EACH_ENDLESS: usize = 64;

/// How the life of a four-tuple stood that was given up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum LastUse {
    /// One end never answered, as in floods and scans.
    Unanswered,
    /// It had ended.
    Over,
    /// Both ends used it.
    Open,
}

/// The four-tuples that were given up, those of floods and scans apart from those that both ends had used.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Evicted {
    unanswered: Remembered,
    over: Remembered,
    open: Remembered,
}

impl Evicted {
    /// Nothing yet, for a table of so many connections. Of a capture without end it is remembered for about as long as the life
    /// would have been kept with more memory.
    pub(super) fn new(connections: usize, endless: bool) -> Self {
        let each = if endless { BITS_EACH_ENDLESS } else { BITS_EACH };
        let bits = connections.saturating_mul(each).clamp(BITS_MIN, BITS_MAX).next_power_of_two();
        let remembered = |for_ns| Remembered {
            bits,
            for_ns: endless.then_some(for_ns),
            since: None,
            young: Set::default(),
            old: Set::default(),
        };
        Self {
            unanswered: remembered(KEPT_AFTER_CLOSE),
            over: remembered(KEPT_AFTER_CLOSE),
            open: remembered(KEPT_IDLE),
        }
    }

    /// Whether its sets are as large as those of `other`, which holds nothing.
    pub(super) fn fits(&self, other: &Self) -> bool {
        let pairs = [(&self.unanswered, &other.unanswered), (&self.over, &other.over), (&self.open, &other.open)];
        pairs.iter().all(|(one, other)| one.fits(other))
    }

    /// Notes a four-tuple that is given up at `now`.
    pub(super) fn add(&mut self, hash: u32, last_use: LastUse, now: Timestamp) {
        let remembered = match last_use {
            LastUse::Unanswered => &mut self.unanswered,
            LastUse::Over => &mut self.over,
            LastUse::Open => &mut self.open,
        };
        remembered.add(hash, now);
    }

    /// Whether something that matters to a life of this four-tuple was given up, perhaps. Of one that begins with its SYN only
    /// an earlier life that both ends had used matters.
    pub(super) fn may_matter(&self, hash: u32, from_its_syn: bool) -> bool {
        let used = self.over.may_hold(hash) || self.open.may_hold(hash);
        used || !from_its_syn && self.unanswered.may_hold(hash)
    }
}

/// Four-tuples, those of the last while in any case.
#[derive(Debug, Serialize, Deserialize)]
struct Remembered {
    /// The size of a set.
    bits: usize,
    /// For how long at least, and at most twice as long, in nanoseconds; for ever without it.
    for_ns: Option<i64>,
    /// When the young set began.
    since: Option<Timestamp>,
    young: Set,
    /// What was young before.
    old: Set,
}

impl Remembered {
    fn add(&mut self, hash: u32, now: Timestamp) {
        let since = *self.since.get_or_insert(now);
        // A clock that is set back begins anew as well.
        if self.for_ns.is_some_and(|for_ns| now.since(since).saturating_abs() > for_ns) {
            self.since = Some(now);
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
        }
        if self.young.words.is_empty() {
            self.make();
        }
        self.young.add(hash);
    }

    fn fits(&self, other: &Self) -> bool {
        let is_set = |set: &Set| set.words.is_empty() || set.words.len() == self.bits / 64;
        self.bits == other.bits && self.for_ns == other.for_ns && is_set(&self.young) && is_set(&self.old)
    }

    #[cold]
    fn make(&mut self) {
        self.young.make(self.bits);
        if self.for_ns.is_some() {
            self.old.make(self.bits);
        }
    }

    fn may_hold(&self, hash: u32) -> bool {
        self.young.may_hold(hash) || self.old.may_hold(hash)
    }
}

/// Two bits in one word for each hash.
#[derive(Default, Debug, Serialize, Deserialize)]
struct Set {
    /// Empty until something is added to this one or its like.
    words: Vec<u64>,
}

impl Set {
    /// Has room for so many bits, and that memory at once: what comes bit by bit over hours looks like a leak.
    fn make(&mut self, bits: usize) {
        self.words = vec![0; bits / 64];
        std::hint::black_box(&mut self.words).fill(0);
    }

    fn clear(&mut self) {
        self.words.fill(0);
    }

    fn place(&self, hash: u32) -> (usize, u64) {
        // The multiplier of Fibonacci hashing: the table's index takes the lower bits as they are.
        let mixed = u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let word = (mixed >> 32) as usize & self.words.len().wrapping_sub(1);
        (word, 1 << (mixed >> 26 & 63) | 1 << (mixed >> 20 & 63))
    }

    fn add(&mut self, hash: u32) {
        let (word, bits) = self.place(hash);
        if let Some(word) = self.words.get_mut(word) {
            *word |= bits;
        }
    }

    fn may_hold(&self, hash: u32) -> bool {
        let (word, bits) = self.place(hash);
        self.words.get(word).is_some_and(|word| word & bits == bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_nanos(1_700_000_000_000_000_000);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_nanos(START.as_nanos() + seconds * 1_000_000_000)
    }

    #[test]
    fn none_is_forgotten_and_few_are_held_by_chance() {
        let mut evicted = Evicted::new(100_000, false);
        let hash = |number: u32| number.wrapping_mul(0x85eb_ca6b) ^ number << 7;
        (0..100_000).for_each(|number| evicted.add(hash(number), LastUse::Over, at(i64::from(number))));
        assert!((0..100_000).all(|number| evicted.may_matter(hash(number), true)));
        let strangers = (100_000..200_000).filter(|number| evicted.may_matter(hash(*number), true));
        assert!(strangers.count() < 5000, "one in twenty");
    }

    #[test]
    fn a_flood_does_not_speak_against_what_begins_anew() {
        let mut evicted = Evicted::new(100, false);
        (0..1 << 20).for_each(|hash| evicted.add(hash, LastUse::Unanswered, START));
        assert!(!evicted.may_matter(7, true));
        assert!(evicted.may_matter(7, false));
    }

    #[test]
    fn its_size_is_bounded() {
        let words = |connections, endless| {
            let mut evicted = Evicted::new(connections, endless);
            evicted.add(7, LastUse::Open, START);
            evicted.open.young.words.len() * 64
        };
        assert_eq!(words(1, false), BITS_MIN);
        assert_eq!((words(usize::MAX, false), words(usize::MAX, true)), (BITS_MAX, BITS_MAX));
    }

    #[test]
    fn without_an_end_what_has_ended_is_remembered_for_minutes_and_what_was_open_for_a_day() {
        const DAY: i64 = 86_400;
        let mut evicted = Evicted::new(1000, true);
        evicted.add(1, LastUse::Over, at(0));
        evicted.add(2, LastUse::Open, at(0));
        evicted.add(3, LastUse::Unanswered, at(0));
        for second in (0..=480).step_by(10) {
            (10..13).for_each(|hash| evicted.add(hash, LastUse::Over, at(second)));
            evicted.add(13, LastUse::Unanswered, at(second));
            if second <= 240 {
                assert!(evicted.may_matter(1, true) && evicted.may_matter(3, false), "{second}");
            }
        }
        evicted.add(10, LastUse::Over, at(500));
        evicted.add(13, LastUse::Unanswered, at(500));
        assert!(!evicted.may_matter(1, true) && !evicted.may_matter(3, false), "twice four minutes are over");
        evicted.add(14, LastUse::Open, at(DAY));
        assert!(evicted.may_matter(2, true));
        for day in 2..4 {
            evicted.add(14, LastUse::Open, at(day * (DAY + 1)));
        }
        assert!(!evicted.may_matter(2, true));
    }

    #[test]
    fn a_month_of_churn_leaves_few_held_by_chance() {
        let connections = 1 << 16;
        let mut evicted = Evicted::new(connections, true);
        // As many as there is room for in a minute, each minute for three hours.
        let hash = |number: u64| (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32;
        for number in 0..180 * connections as u64 {
            evicted.add(hash(number), LastUse::Over, at((number * 60 / connections as u64) as i64));
        }
        let strangers = (1 << 40..(1 << 40) + 100_000).filter(|number| evicted.may_matter(hash(*number), true));
        assert!(strangers.count() < 5000, "one in twenty");
    }
}
