//! A hash table of slots of 16 bytes, whose places can be asked for before they are needed.
//!
//! Written here, because the standard map reads two places for each key and can be asked for neither in advance: in a
//! flood each segment has a key of its own, and waiting for these reads was a fifth of the time of all.

use super::prefetch;

/// A table from hashes to numbers, for which the hash is the whole key. Both lie in one slot; a key is looked for in one line of
/// the processor's cache, and in the next ones where that is full.
#[derive(Debug)]
pub(super) struct Packed {
    /// None before the first value is written.
    lines: Vec<Line>,
    /// How many lines there are to be then.
    planned: usize,
    used: usize,
    /// Where what has no place would go; every key has one.
    nowhere: Slot,
}

/// Hash and value; a slot with hash 0 is free.
type Slot = [u64; 2];

/// The slots of a line, taken from the first on.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Line([Slot; 4]);

/// The slot of a key.
pub(super) struct Place<'a> {
    slot: &'a mut Slot,
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

/// Slots of a line that are taken when the table is full, on average: one line in seven is full then, and who looks for a key in
/// that has to go on to the next one, which nobody has asked for.
const USED: usize = 2;
/// Lines at least.
const LINES: usize = 1 << 10;

impl Packed {
    /// An empty table with room for so many. It takes memory with its first value only.
    pub(super) fn with_room(room: usize) -> Self {
        Self { lines: Vec::new(), planned: (room / USED + 1).max(LINES), used: 0, nowhere: [0; 2] }
    }

    /// How many values there are.
    pub(super) fn len(&self) -> usize {
        self.used
    }

    /// So many may be there before the table is to be rebuilt.
    pub(super) fn room(&self) -> usize {
        self.planned * USED
    }

    /// Not 0, which stands for none.
    #[inline]
    fn key(hash: u64) -> u64 {
        hash.max(1)
    }

    /// The line where a key is looked for first: its hash as a fraction of all lines.
    #[inline]
    fn home(&self, hash: u64) -> usize {
        ((u128::from(hash) * self.lines.len() as u128) >> 64) as usize
    }

    /// The line after this one, round and round.
    #[inline]
    fn after(&self, at: usize) -> usize {
        if at + 1 < self.lines.len() { at + 1 } else { 0 }
    }

    /// Asks for the line where a key is looked for first.
    #[inline]
    pub(super) fn prefetch(&self, hash: u64) {
        prefetch(self.lines.get(self.home(Self::key(hash))));
    }

    /// The value of a key.
    #[inline]
    pub(super) fn get(&self, hash: u64) -> Option<u64> {
        let hash = Self::key(hash);
        let (line, slot) = self.find(hash);
        self.lines.get(line)?.0.get(slot).filter(|slot| slot[0] == hash).map(|slot| slot[1])
    }

    /// The slot that has a key, or else the one where it belongs.
    #[inline]
    fn find(&self, hash: u64) -> (usize, usize) {
        let mut at = self.home(hash);
        loop {
            let Some(line) = self.lines.get(at) else { return (at, 0) };
            if let Some(slot) = line.0.iter().position(|slot| slot[0] == hash || slot[0] == 0) {
                return (at, slot);
            }
            at = self.after(at);
        }
    }

    /// The place of a key; there must be [`room`](Self::room).
    #[inline]
    pub(super) fn place(&mut self, hash: u64) -> Place<'_> {
        if self.lines.is_empty() {
            self.make();
        }
        let hash = Self::key(hash);
        let (line, slot) = self.find(hash);
        let slot = self.lines.get_mut(line).and_then(|line| line.0.get_mut(slot)).unwrap_or(&mut self.nowhere);
        Place { slot, used: &mut self.used, hash }
    }

    #[cold]
    fn make(&mut self) {
        self.lines = vec![Line([[0; 2]; 4]); self.planned];
    }

    fn taken(&self) -> impl Iterator<Item = Slot> + '_ {
        self.lines.iter().flat_map(|line| line.0).filter(|slot| slot[0] != 0)
    }

    /// All keys with their values, in no order.
    pub(super) fn all(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.taken().map(|[hash, value]| (hash, value))
    }

    /// All values, in no order.
    pub(super) fn values(&self) -> impl Iterator<Item = u64> + '_ {
        self.taken().map(|slot| slot[1])
    }

    /// Makes a table of twice the room of this one, or of room for `most` where that is less and more than now.
    #[cold]
    pub(super) fn grow(&mut self, most: usize) {
        let enough = (most / USED + 1).max(LINES);
        let twice = self.planned * 2;
        self.rebuild_as(if enough > self.planned { enough.min(twice) } else { twice }, |_| true);
    }

    /// Takes out all values; the memory stays.
    pub(super) fn clear(&mut self) {
        self.lines.fill(Line([[0; 2]; 4]));
        self.used = 0;
    }

    /// Keeps the values that `stays` says of, in a table that is twice as large where it is to be `larger`.
    pub(super) fn rebuild(&mut self, larger: bool, stays: impl FnMut(u64) -> bool) {
        self.rebuild_as(if larger { self.planned * 2 } else { self.planned }, stays);
    }

    fn rebuild_as(&mut self, planned: usize, mut stays: impl FnMut(u64) -> bool) {
        let fresh = Self { lines: Vec::new(), planned, used: 0, nowhere: [0; 2] };
        let old = std::mem::replace(self, fresh);
        for [hash, value] in old.taken().filter(|slot| stays(slot[1])) {
            self.place(hash).write(value);
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
                let hash = (key % 7).wrapping_sub(3).rotate_right(8) ^ key << 16;
                match step {
                    0 => {
                        let larger = value % 2 == 0 && table.planned < 1 << 11;
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
