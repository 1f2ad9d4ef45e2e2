//! Which four-tuples matter: those that a first pass over the same frames saw a RST on.

use super::{Lookup, Seeds, prefetch};

/// The most RSTs that are noted one by one. Where there are more, everything matters.
const NOTED_MAX: usize = 1 << 22;
/// Bits of the set for each noted RST. Each sets three in one word, so about one four-tuple in five hundred is followed for
/// nothing.
const BITS_EACH: usize = 16;
/// Counters for each noted RST: about one four-tuple in ten shares one with another.
const COUNTERS_EACH: usize = 8;

/// Collects the four-tuples with a RST.
#[derive(Debug, Default)]
pub struct Notes {
    state: Seeds,
    hashes: Vec<u32>,
    too_many: bool,
}

impl Notes {
    /// Notes a four-tuple.
    pub fn add(&mut self, lookup: &Lookup) {
        if self.hashes.len() == NOTED_MAX {
            self.too_many = true;
        } else {
            self.hashes.push(lookup.hash(&self.state) as u32);
        }
    }

    /// How many were noted.
    pub fn count(&self) -> usize {
        self.hashes.len()
    }

    /// Whether everything matters, because there was too much to note.
    #[inline]
    pub fn are_too_many(&self) -> bool {
        self.too_many
    }

    /// What was noted, in a form that is quick to ask; `others` is about how many other four-tuples there are at a time.
    pub fn finish(self, others: usize) -> Interest {
        let bits = if self.too_many { 0 } else { (self.hashes.len() * BITS_EACH).next_power_of_two().max(1 << 16) };
        let counters = if self.too_many { 0 } else { (self.hashes.len() * COUNTERS_EACH).next_power_of_two() };
        let mut interest =
            Interest { state: self.state, words: vec![0; bits / 64], to_come: vec![0; counters], others };
        for hash in self.hashes {
            let (word, bits) = interest.place(u64::from(hash));
            if let Some(word) = interest.words.get_mut(word) {
                *word |= bits;
            }
            if let Some(to_come) = interest.counter(u64::from(hash)) {
                *to_come = to_come.saturating_add(1);
            }
        }
        interest
    }
}

/// A set of four-tuples that holds all that were noted and few others.
#[derive(Clone, Debug)]
pub struct Interest {
    state: Seeds,
    /// Three bits in one word for each hash; empty where everything matters.
    words: Vec<u64>,
    /// How many RSTs are still to come of the four-tuples that share a counter; [`u8::MAX`] where there are too many to tell.
    /// Empty where everything matters.
    to_come: Vec<u8>,
    /// About how many other four-tuples there are at a time.
    others: usize,
}

impl Interest {
    /// What four-tuples are hashed with.
    pub fn state(&self) -> &Seeds {
        &self.state
    }

    /// About how many other four-tuples there are at a time.
    pub fn others(&self) -> usize {
        self.others
    }

    #[inline]
    fn place(&self, hash: u64) -> (usize, u64) {
        let word = (hash as u32 >> 14) as usize & self.words.len().wrapping_sub(1);
        (word, 1 << (hash & 63) | 1 << (hash >> 6 & 63) | 1 << (hash >> 12 & 63))
    }

    fn counter_of(&self, hash: u64) -> usize {
        // The bits that make a word have much in common with these, but nothing depends on that.
        (hash as u32).wrapping_mul(0x9e37_79b1) as usize >> 3 & self.to_come.len().wrapping_sub(1)
    }

    fn counter(&mut self, hash: u64) -> Option<&mut u8> {
        let counter = self.counter_of(hash);
        self.to_come.get_mut(counter)
    }

    /// A RST of the four-tuple with this hash came by.
    pub fn pass_reset(&mut self, hash: u64) {
        if let Some(to_come) = self.counter(hash).filter(|to_come| **to_come < u8::MAX) {
            *to_come = to_come.saturating_sub(1);
        }
    }

    /// Whether a RST of the four-tuple with this hash may still come.
    #[inline]
    pub fn has_reset_to_come(&self, hash: u64) -> bool {
        self.to_come.get(self.counter_of(hash)).is_none_or(|to_come| *to_come > 0)
    }

    /// About how many four-tuples have had RSTs when all is read, at most.
    pub fn resets(&self) -> usize {
        self.to_come.len() / COUNTERS_EACH
    }

    /// Asks for what tells whether the four-tuple with this hash matters.
    #[inline]
    pub fn prefetch(&self, hash: u64) {
        prefetch(self.words.get(self.place(hash).0));
    }

    /// Asks for what tells whether a RST of the four-tuple with this hash may still come.
    #[inline]
    pub fn prefetch_to_come(&self, hash: u64) {
        prefetch(self.to_come.get(self.counter_of(hash)));
    }

    /// Whether the four-tuple with this hash may matter.
    #[inline]
    pub fn holds(&self, hash: u64) -> bool {
        let (word, bits) = self.place(hash);
        self.words.get(word).is_none_or(|word| word & bits == bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tcp::FourTuple;

    fn lookup(port: u16) -> Lookup {
        Lookup::of(&FourTuple::new(([10, 0, 0, 1].into(), port), ([10, 0, 0, 2].into(), 80)))
    }

    #[test]
    fn it_holds_what_was_noted_and_little_else() {
        let mut notes = Notes::default();
        (0..1000).for_each(|port| notes.add(&lookup(port)));
        let interest = notes.finish(0);
        let held = |port: u16| interest.holds(lookup(port).hash(&interest.state));
        assert!((0..1000).all(held));
        assert!((1000..11_000).filter(|port| held(*port)).count() < 1000, "one in ten");
    }

    #[test]
    fn it_knows_when_no_reset_is_to_come() {
        let mut notes = Notes::default();
        (0..300).for_each(|_| notes.add(&lookup(1)));
        (0..3).for_each(|_| notes.add(&lookup(2)));
        let mut interest = notes.finish(0);
        let [one, two] = [1, 2].map(|port| lookup(port).hash(&interest.state));
        for _ in 0..3 {
            assert!(interest.has_reset_to_come(two));
            interest.pass_reset(two);
        }
        let shared = interest.counter_of(one) == interest.counter_of(two);
        assert_eq!(interest.has_reset_to_come(two), shared);
        (0..400).for_each(|_| interest.pass_reset(one));
        assert!(interest.has_reset_to_come(one), "so many nobody has counted");
    }

    #[test]
    fn it_holds_everything_where_there_was_too_much() {
        let mut notes = Notes { hashes: vec![0; NOTED_MAX], ..Notes::default() };
        assert!(!notes.are_too_many());
        notes.add(&lookup(1));
        assert!(notes.are_too_many());
        assert_eq!(notes.hashes.len(), NOTED_MAX);
        let interest = notes.finish(0);
        assert!((0..1000).all(|port| interest.holds(lookup(port).hash(&interest.state))));
        assert!((0..1000).all(|port| interest.has_reset_to_come(lookup(port).hash(&interest.state))));
    }
}
