//! A hash table of slots of 16 bytes, whose places can be read before they are needed.
//!
//! Written here, because the standard map reads two places for each key and can be asked for neither in advance: in a
//! flood each segment has a key of its own, and waiting for these reads was a fifth of the time of all.

/// A table from hashes to numbers, for which the hash is the whole key. Both lie in one slot, and so in one line of the
/// processor's cache.
#[derive(Debug)]
pub(super) struct Packed {
    /// A power of two of slots: hash and value; a slot with hash 0 is free.
    slots: Vec<[u64; 2]>,
    used: usize,
    /// Where what has no place would go; every key has one.
    nowhere: [u64; 2],
}

/// The slot of a key.
pub(super) struct Place<'a> {
    slot: &'a mut [u64; 2],
    used: &'a mut usize,
    hash: u64,
}

impl Place<'_> {
    /// The value, if there is one.
    #[inline]
    pub(super) fn value(&self) -> Option<u64> {
        (self.slot[0] != 0).then_some(self.slot[1])
    }

    /// Puts a value there.
    #[inline]
    pub(super) fn write(self, value: u64) {
        *self.used += usize::from(self.slot[0] == 0);
        *self.slot = [self.hash, value];
    }
}

/// Slots at least.
const SLOTS: usize = 1 << 12;

impl Packed {
    /// An empty table with room for so many.
    pub(super) fn with_room(room: usize) -> Self {
        let slots = (room / 3 * 4 + 4).next_power_of_two().max(SLOTS);
        Self { slots: vec![[0; 2]; slots], used: 0, nowhere: [0; 2] }
    }

    /// How many values there are.
    pub(super) fn len(&self) -> usize {
        self.used
    }

    /// So many may be there before the table is to be rebuilt; runs are short up to then.
    pub(super) fn room(&self) -> usize {
        self.slots.len() / 4 * 3
    }

    /// Not 0, which stands for none.
    #[inline]
    fn key(hash: u64) -> u64 {
        hash.max(1)
    }

    /// Where a key is looked for first. Other tables take the lowest bits of the same hash.
    #[inline]
    fn home(&self, hash: u64) -> usize {
        (hash >> 16) as usize & (self.slots.len() - 1)
    }

    /// Reads where a key is looked for first.
    #[inline]
    pub(super) fn touch(&self, hash: u64) -> u64 {
        self.slots.get(self.home(Self::key(hash))).map_or(0, |slot| slot[1])
    }

    /// The value of a key.
    #[inline]
    pub(super) fn get(&self, hash: u64) -> Option<u64> {
        let hash = Self::key(hash);
        let mut at = self.home(hash);
        loop {
            match self.slots.get(at) {
                Some([found, value]) if *found == hash => return Some(*value),
                None | Some([0, _]) => return None,
                _ => at = (at + 1) & (self.slots.len() - 1),
            }
        }
    }

    /// The place of a key; there must be [`room`](Self::room).
    #[inline]
    pub(super) fn place(&mut self, hash: u64) -> Place<'_> {
        let hash = Self::key(hash);
        let mut at = self.home(hash);
        let mask = self.slots.len() - 1;
        while self.slots.get(at).is_some_and(|slot| slot[0] != 0 && slot[0] != hash) {
            at = (at + 1) & mask;
        }
        let slot = self.slots.get_mut(at).unwrap_or(&mut self.nowhere);
        Place { slot, used: &mut self.used, hash }
    }

    /// All values, in no order.
    pub(super) fn values(&self) -> impl Iterator<Item = u64> + '_ {
        self.slots.iter().filter(|slot| slot[0] != 0).map(|slot| slot[1])
    }

    /// Keeps the values that `stays` says of, in a table that is twice as large where it is to be `larger`.
    pub(super) fn rebuild(&mut self, larger: bool, mut stays: impl FnMut(u64) -> bool) {
        let slots = if larger { self.slots.len() * 2 } else { self.slots.len() };
        let old = std::mem::replace(&mut self.slots, vec![[0; 2]; slots]);
        self.used = 0;
        for [hash, value] in old {
            if hash != 0 && stays(value) {
                self.place(hash).write(value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        #[test]
        fn it_is_a_map(steps in proptest::collection::vec((0u64..400, any::<u64>(), 0..20), 1..600)) {
            let mut table = Packed::with_room(0);
            let mut model: HashMap<u64, u64> = HashMap::new();
            for (key, value, step) in steps {
                // Few homes, some at the end of the table, so that runs collide and wrap around.
                let hash = ((key % 7).wrapping_sub(3) << 16) ^ (key << 40);
                match step {
                    0 => {
                        let larger = value % 2 == 0 && table.slots.len() < 1 << 13;
                        table.rebuild(larger, |kept| kept % 3 > 0);
                        model.retain(|_, kept| *kept % 3 > 0);
                    }
                    _ => {
                        let place = table.place(hash);
                        let before = place.value();
                        prop_assert_eq!(before, model.get(&hash.max(1)).copied());
                        place.write(value);
                        prop_assert_eq!(table.get(hash), Some(value));
                        model.insert(hash.max(1), value);
                    }
                }
                prop_assert_eq!(table.len(), model.len());
            }
            let sum = |values: &mut dyn Iterator<Item = u64>| values.fold(0, u64::wrapping_add);
            prop_assert_eq!(sum(&mut table.values()), sum(&mut model.values().copied()));
        }
    }
}
