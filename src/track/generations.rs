//! A map of bounded size that forgets what has not been written to for longest.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;

use foldhash::fast::RandomState;
use serde::{Deserialize, Serialize};

/// A map that keeps at least the `size` entries that were written to last, and at most twice as many.
///
/// Whoever is captured chooses the keys, so no such map may grow with them; and a flood of new keys must not keep out those
/// that come later, nor those that are in use.
#[derive(Debug, Serialize, Deserialize)]
#[serde(bound(deserialize = "K: Eq + Hash + Deserialize<'de>, V: Deserialize<'de>"))]
pub(super) struct Generations<K, V> {
    young: HashMap<K, V, RandomState>,
    /// What was young before.
    old: HashMap<K, V, RandomState>,
    size: usize,
}

impl<K: Copy + Eq + Hash, V: Default> Generations<K, V> {
    /// An empty map.
    pub(super) fn new(size: usize) -> Self {
        Self { young: HashMap::default(), old: HashMap::default(), size }
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    /// Changes the value of a key, and gives what `change` gives.
    ///
    /// A value that is new is changed before it is put in its place: to read from there what was just written has to wait for the
    /// place to come into the cache.
    #[inline]
    pub(super) fn change<R>(&mut self, key: K, change: impl FnOnce(&mut V) -> R) -> R {
        if self.young.len() >= self.size && !self.young.contains_key(&key) {
            self.age(&key);
        }
        match self.young.entry(key) {
            Entry::Occupied(mut place) => change(place.get_mut()),
            Entry::Vacant(place) => {
                let mut value = self.old.remove(&key).unwrap_or_default();
                let result = change(&mut value);
                place.insert(value);
                result
            }
        }
    }

    /// What was young is old from here on. The memory stays, the entries go: unless it is that of `key`, which is carried over.
    #[cold]
    fn age(&mut self, key: &K) {
        std::mem::swap(&mut self.young, &mut self.old);
        let carried = self.young.remove(key);
        self.young.clear();
        self.young.extend(carried.map(|value| (*key, value)));
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
    use super::*;

    #[test]
    fn those_in_use_stay_and_others_go() {
        let mut map: Generations<u32, u32> = Generations::new(100);
        map.change(0, |value| *value = 7);
        for key in 1..10_000 {
            map.change(key, |value| *value = key);
            if key % 90 == 0 {
                map.change(0, |value| *value += 1);
            }
            assert!(map.len() <= 200, "{}", map.len());
            assert!((key.saturating_sub(90).max(1)..=key).all(|recent| map.get(&recent) == Some(&recent)));
        }
        assert_eq!(map.get(&0), Some(&(7 + 111)));
        assert_eq!(map.get(&5000), None);
    }
}
