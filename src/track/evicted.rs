//! Which four-tuples were given up: a set of fixed size that forgets none of them, and may hold others by chance.

/// The sets are no smaller, in bits.
const BITS_MIN: usize = 1 << 16;
/// And no larger: 16 MiB each.
const BITS_MAX: usize = 1 << 27;
/// Bits for each connection that there is memory for.
const BITS_EACH: usize = 8;

/// The four-tuples that were given up, those of floods and scans apart from those that both ends had used.
#[derive(Debug)]
pub(super) struct Evicted {
    used: Set,
    unanswered: Set,
}

impl Evicted {
    /// An empty set, for a table of so many connections.
    pub(super) fn new(connections: usize) -> Self {
        let bits = connections.saturating_mul(BITS_EACH).clamp(BITS_MIN, BITS_MAX).next_power_of_two();
        let empty = || Set { words: vec![0; bits / 64] };
        Self { used: empty(), unanswered: empty() }
    }

    /// Notes a four-tuple, and whether both ends had used it.
    pub(super) fn add(&mut self, hash: u32, used: bool) {
        if used { self.used.add(hash) } else { self.unanswered.add(hash) }
    }

    /// Whether something that matters to a life of this four-tuple was given up, perhaps. Of one that begins with its SYN only
    /// an earlier life that both ends had used matters.
    pub(super) fn may_matter(&self, hash: u32, from_its_syn: bool) -> bool {
        self.used.may_hold(hash) || !from_its_syn && self.unanswered.may_hold(hash)
    }
}

/// Two bits in one word for each hash.
#[derive(Debug)]
struct Set {
    words: Vec<u64>,
}

impl Set {
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

    #[test]
    fn none_is_forgotten_and_few_are_held_by_chance() {
        let mut evicted = Evicted::new(100_000);
        let hash = |number: u32| number.wrapping_mul(0x85eb_ca6b) ^ number << 7;
        (0..100_000).for_each(|number| evicted.add(hash(number), true));
        assert!((0..100_000).all(|number| evicted.may_matter(hash(number), true)));
        let strangers = (100_000..200_000).filter(|number| evicted.may_matter(hash(*number), true));
        assert!(strangers.count() < 5000, "one in twenty");
    }

    #[test]
    fn a_flood_does_not_speak_against_what_begins_anew() {
        let mut evicted = Evicted::new(100);
        (0..1 << 20).for_each(|hash| evicted.add(hash, false));
        assert!(!evicted.may_matter(7, true));
        assert!(evicted.may_matter(7, false));
    }

    #[test]
    fn its_size_is_bounded() {
        assert_eq!(Evicted::new(1).used.words.len() * 64, BITS_MIN);
        assert_eq!(Evicted::new(usize::MAX).used.words.len() * 64, BITS_MAX);
    }
}
