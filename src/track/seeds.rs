//! The secret that hashes of what peers choose are made with.

use std::hash::{Hash, Hasher};

use foldhash::SharedSeed;
use foldhash::fast::{FoldHasher, RandomState};
use serde::{Deserialize, Serialize};

/// The seeds of a run, without which nobody can choose keys that fall together.
///
/// As foldhash's `RandomState`, but that they can be written down: what is known by its hash alone can be found again by a
/// run that takes over from this one.
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
}
