//! The secret that hashes of what peers choose are made with.

use std::hash::{Hash, Hasher};

use foldhash::SharedSeed;
use foldhash::fast::RandomState;
use foldhash::quality::FoldHasher;
use serde::{Deserialize, Serialize};

/// The seeds of a run, without which nobody can choose keys that fall together.
///
/// As foldhash's `RandomState`, but that they can be written down: what is known by its hash alone can be found again by a
/// run that takes over from this one. Tables take any bits of a hash, so all of them are mixed at the end: without that one seed
/// in some hundreds puts the four-tuples of a scan into few places.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "[u64; 2]", into = "[u64; 2]")]
pub struct Seeds {
    own: u64,
    /// What the others are made of.
    root: u64,
    others: SharedSeed,
}

impl Default for Seeds {
    /// Some that nobody knows.
    fn default() -> Self {
        let [one, other] = [0, 1].map(|_| std::hash::BuildHasher::hash_one(&RandomState::default(), 0_u64));
        Self::from([one, other])
    }
}

impl Seeds {
    /// The hash of a value.
    #[inline]
    pub fn hash_one(&self, value: impl Hash) -> u64 {
        let mut hasher = FoldHasher::with_seed(self.own, &self.others);
        value.hash(&mut hasher);
        hasher.finish()
    }
}

impl From<[u64; 2]> for Seeds {
    fn from([own, root]: [u64; 2]) -> Self {
        Self { own, root, others: SharedSeed::from_u64(root) }
    }
}

impl From<Seeds> for [u64; 2] {
    fn from(seeds: Seeds) -> Self {
        [seeds.own, seeds.root]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_down_they_are_the_same_and_anew_others() {
        let seeds = Seeds::default();
        let again = Seeds::from(<[u64; 2]>::from(seeds.clone()));
        assert_eq!(seeds.hash_one((1_u64, 2_u32)), again.hash_one((1_u64, 2_u32)));
        assert_ne!(seeds.hash_one((1_u64, 2_u32)), Seeds::default().hash_one((1_u64, 2_u32)));
        assert_ne!(seeds.hash_one((1_u64, 2_u32)), seeds.hash_one((1_u64, 3_u32)));
    }

    /// Steps that a table of linear probing, twice as large, takes beyond the first for these keys.
    fn steps(keys: &[(u64, u32)], hash: impl Fn(&(u64, u32)) -> u64) -> usize {
        let mut slots = vec![false; (2 * keys.len()).next_power_of_two()];
        let mut steps = 0;
        for key in keys {
            let mut at = (hash(key) >> 32) as usize % slots.len();
            while std::mem::replace(&mut slots[at], true) {
                (at, steps) = ((at + 1) % slots.len(), steps + 1);
            }
        }
        steps
    }

    #[test]
    fn no_seed_puts_a_scan_into_few_places() {
        // One source and its ports, 64 hosts and theirs, as a scan counts them.
        let pair = |host: u64| (0x0a00_0001 << 32) | (0xc612_0000 + host);
        let keys: Vec<(u64, u32)> =
            (0..8192).map(|at| (pair(at % 64), ((40_000 + at as u32) << 16) | (at as u32 / 64))).collect();
        let worst = (0..400).map(|_| Seeds::default()).map(|seeds| steps(&keys, |key| seeds.hash_one(key))).max();
        assert!(worst.is_some_and(|worst| worst < keys.len()), "{worst:?}");
    }
}
