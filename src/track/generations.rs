//! A map of bounded size that forgets what has not been written to for longest.

use serde::{Deserialize, Serialize};

use super::hashed::Hashed;

/// A map by hashes that keeps at least the `size` entries that were written to last, and at most twice as many.
///
/// Whoever is captured chooses the keys, so no such map may grow with them; and a flood of new keys must not keep out those
/// that come later, nor those that are in use. Their hashes are made with a secret ([`Seeds`](super::Seeds)).
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Generations<V> {
    young: Hashed<V>,
    /// What was young before.
    old: Hashed<V>,
    size: usize,
}

impl<V: Default> Generations<V> {
    /// An empty map.
    pub(super) fn new(size: usize) -> Self {
        Self { young: Hashed::default(), old: Hashed::default(), size }
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.young.len() == 0
    }

    /// The value of a key.
    #[inline]
    pub(super) fn get(&self, hash: u64) -> Option<&V> {
        self.young.get(hash).or_else(|| self.old.get(hash))
    }

    /// Asks for where a key is looked for.
    #[inline]
    pub(super) fn prefetch(&self, hash: u64) {
        self.young.prefetch(hash);
        self.old.prefetch(hash);
    }

    /// Changes the value of a key, and gives what `change` gives.
    ///
    /// A value that is new is changed before it is put in its place: to read from there what was just written has to wait for the
    /// place to come into the cache.
    #[inline]
    pub(super) fn change<R>(&mut self, hash: u64, change: impl FnOnce(&mut V) -> R) -> R {
        if let Some(value) = self.young.get_mut(hash) {
            return change(value);
        }
        let mut value = self.old.get_mut(hash).map(std::mem::take).unwrap_or_default();
        if self.young.len() >= self.size {
            self.age();
        }
        let result = change(&mut value);
        self.young.add(hash, value, self.size);
        result
    }

    /// What was young is old from here on; the memory stays.
    #[cold]
    fn age(&mut self) {
        std::mem::swap(&mut self.young, &mut self.old);
        self.young.clear();
    }

    /// Whether it holds no more than `other`, an empty map, may hold.
    pub(super) fn fits(&self, other: &Self) -> bool {
        self.size == other.size && self.young.len().max(self.old.len()) <= self.size
    }

    /// How many there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::hashed::spread;
    use super::*;

    #[test]
    fn those_in_use_stay_and_others_go() {
        let mut map: Generations<u64> = Generations::new(100);
        map.change(spread(0), |value| *value = 7);
        for key in 1..10_000 {
            map.change(spread(key), |value| *value = key);
            if key % 90 == 0 {
                map.change(spread(0), |value| *value += 1);
            }
            assert!(map.len() <= 200, "{}", map.len());
            assert!((key.saturating_sub(90).max(1)..=key).all(|recent| map.get(spread(recent)) == Some(&recent)));
        }
        assert_eq!(map.get(spread(0)), Some(&(7 + 111)));
        assert_eq!(map.get(spread(5000)), None);
    }
}
