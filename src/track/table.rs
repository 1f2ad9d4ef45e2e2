//! The connection table: a dense slab of incarnations and a small index over it.
//!
//! Written here, because the index must tell where a four-tuple's slot lies before it is needed
//! (so that it can be asked for), which the standard map does not.

use serde::{Deserialize, Serialize};

use super::{Incarnation, prefetch, prefetch_whole};

/// Names an incarnation in a slab.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Id(u32);

const CHUNK_BITS: u32 = 12;
const CHUNK: usize = 1 << CHUNK_BITS;
/// How many places the first chunk begins with.
const FIRST: usize = 1 << 8;

/// Incarnations in chunks, so that growing moves nothing but the first few.
#[derive(Debug, Default)]
pub struct Slab {
    chunks: Vec<Vec<Option<Incarnation>>>,
    free: Vec<u32>,
    len: usize,
}

impl Slab {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// How many places there are, free ones included.
    pub fn places(&self) -> u32 {
        let last = self.chunks.last().map_or(0, Vec::len);
        ((self.chunks.len().saturating_sub(1) * CHUNK) + last) as u32
    }

    /// Stores an incarnation.
    pub fn insert(&mut self, incarnation: Incarnation) -> Id {
        self.len += 1;
        if let Some(free) = self.free.pop()
            && let Some(place) = self.place(free)
        {
            *place = Some(incarnation);
            return Id(free);
        }
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            // The first grows by itself: few captures fill it.
            let room = if self.chunks.is_empty() { FIRST } else { CHUNK };
            self.chunks.push(Vec::with_capacity(room));
        }
        let id = self.places();
        if let Some(chunk) = self.chunks.last_mut() {
            chunk.push(Some(incarnation));
        }
        Id(id)
    }

    fn place(&mut self, id: u32) -> Option<&mut Option<Incarnation>> {
        self.chunks.get_mut((id >> CHUNK_BITS) as usize)?.get_mut(id as usize & (CHUNK - 1))
    }

    /// The incarnation `id`, if it is still there.
    pub fn get(&self, id: Id) -> Option<&Incarnation> {
        self.chunks.get((id.0 >> CHUNK_BITS) as usize)?.get(id.0 as usize & (CHUNK - 1))?.as_ref()
    }

    /// Asks for the place of `id`, without a look at whether it is taken.
    #[inline]
    pub fn prefetch(&self, id: Id) {
        let chunk = self.chunks.get((id.0 >> CHUNK_BITS) as usize);
        prefetch_whole(chunk.and_then(|chunk| chunk.get(id.0 as usize & (CHUNK - 1))));
    }

    /// The incarnation `id`, to be changed.
    pub fn get_mut(&mut self, id: Id) -> Option<&mut Incarnation> {
        self.place(id.0)?.as_mut()
    }

    /// Takes an incarnation out.
    pub fn remove(&mut self, id: Id) {
        if let Some(place) = self.place(id.0).filter(|place| place.is_some()) {
            *place = None;
            self.free.push(id.0);
            self.len -= 1;
        }
    }

    /// Whether each place that is not taken is free once; there are as many.
    fn is_sound(&self) -> bool {
        let mut free = self.free.clone();
        free.sort_unstable();
        let empty = (0..).zip(self.chunks.iter().flatten()).filter(|(_, place)| place.is_none());
        empty.map(|(at, _): (u32, _)| at).eq(free)
    }

    /// All ids of places that are taken.
    pub(super) fn ids(&self) -> impl Iterator<Item = Id> {
        let ids = (0..).zip(self.chunks.iter().flatten());
        ids.filter(|(_, place)| place.is_some()).map(|(at, _)| Id(at))
    }

    /// The `place`-th place's id.
    pub fn id_at(&self, place: u32) -> Id {
        Id(place)
    }
}

/// What is in a slab, to be written down.
#[derive(Debug, Serialize, Deserialize)]
pub struct Lives {
    places: u32,
    /// Of each chunk the places that are taken.
    chunks: Vec<Vec<(u16, Incarnation)>>,
    free: Vec<u32>,
}

impl From<Slab> for Lives {
    /// Chunk by chunk, so that little is there twice.
    fn from(slab: Slab) -> Self {
        let places = slab.places();
        let taken =
            |chunk: Vec<Option<Incarnation>>| (0..).zip(chunk).filter_map(|(at, life)| Some((at, life?))).collect();
        Self { places, chunks: slab.chunks.into_iter().map(taken).collect(), free: slab.free }
    }
}

impl Lives {
    /// The slab, with so many places at most; `None` where these are none of one.
    pub(super) fn into_slab(self, max: usize) -> Option<Slab> {
        let places = self.places as usize;
        let taken = self.chunks.iter().map(Vec::len).sum::<usize>();
        if places > max || self.chunks.len() != places.div_ceil(CHUNK) || taken + self.free.len() != places {
            return None;
        }
        let mut slab = Slab { free: self.free, len: taken, chunks: Vec::with_capacity(self.chunks.len()) };
        for (at, lives) in self.chunks.into_iter().enumerate() {
            let len = (places - at * CHUNK).min(CHUNK);
            let mut chunk = Vec::with_capacity(if at == 0 { len } else { CHUNK });
            chunk.resize_with(len, || None);
            for (at, life) in lives {
                *chunk.get_mut(usize::from(at)).filter(|place| place.is_none())? = Some(life);
            }
            slab.chunks.push(chunk);
        }
        slab.is_sound().then_some(slab)
    }
}

/// Open addressing with linear probing over 8-byte slots: the hash in the upper half, id + 1 in the lower, 0 for empty.
#[derive(Debug)]
pub struct Index {
    slots: Vec<u64>,
    used: usize,
}

impl Default for Index {
    fn default() -> Self {
        Self::new()
    }
}

impl Index {
    /// An empty index.
    pub fn new() -> Self {
        Self { slots: vec![0; 1 << 10], used: 0 }
    }

    /// How many ids it holds.
    pub fn len(&self) -> usize {
        self.used
    }

    fn mask(&self) -> usize {
        self.slots.len() - 1
    }

    fn slot(&self, at: usize) -> u64 {
        self.slots.get(at).copied().unwrap_or(0)
    }

    /// Asks for the first slot that `hash` leads to.
    #[inline]
    pub fn prefetch(&self, hash: u32) {
        prefetch(self.slots.get(hash as usize & self.mask()));
    }

    /// The first id that has this hash, most likely the one that [`find`](Self::find) will give.
    pub fn peek(&self, hash: u32) -> Option<Id> {
        self.find(hash, |_| true)
    }

    /// The id with this `hash` for which `is_it` holds.
    pub fn find(&self, hash: u32, mut is_it: impl FnMut(Id) -> bool) -> Option<Id> {
        let mut at = hash as usize & self.mask();
        loop {
            let slot = self.slot(at);
            if slot == 0 {
                return None;
            }
            let id = Id(slot as u32 - 1);
            if (slot >> 32) as u32 == hash && is_it(id) {
                return Some(id);
            }
            at = (at + 1) & self.mask();
        }
    }

    /// Adds an id that is not there.
    pub fn insert(&mut self, hash: u32, id: Id) {
        // With more than a half taken a key would often be in a line that nobody has asked for.
        if (self.used + 1) * 2 > self.slots.len() {
            self.grow();
        }
        self.place((u64::from(hash) << 32) | u64::from(id.0 + 1));
        self.used += 1;
    }

    fn place(&mut self, slot: u64) {
        let mut at = (slot >> 32) as usize & self.mask();
        while self.slot(at) != 0 {
            at = (at + 1) & self.mask();
        }
        if let Some(place) = self.slots.get_mut(at) {
            *place = slot;
        }
    }

    fn grow(&mut self) {
        let larger = vec![0; self.slots.len() * 2];
        for slot in std::mem::replace(&mut self.slots, larger) {
            if slot != 0 {
                self.place(slot);
            }
        }
    }

    /// Puts `new` where `old` was.
    pub fn replace(&mut self, hash: u32, old: Id, new: Id) {
        if let Some(at) = self.position(hash, old)
            && let Some(place) = self.slots.get_mut(at)
        {
            *place = (u64::from(hash) << 32) | u64::from(new.0 + 1);
        }
    }

    fn position(&self, hash: u32, id: Id) -> Option<usize> {
        let wanted = (u64::from(hash) << 32) | u64::from(id.0 + 1);
        let mut at = hash as usize & self.mask();
        loop {
            match self.slot(at) {
                0 => return None,
                slot if slot == wanted => return Some(at),
                _ => at = (at + 1) & self.mask(),
            }
        }
    }

    /// Takes an id out, moving later slots of the same run back so that none becomes unreachable.
    pub fn remove(&mut self, hash: u32, id: Id) {
        let Some(mut gap) = self.position(hash, id) else { return };
        self.used -= 1;
        let mut at = gap;
        loop {
            at = (at + 1) & self.mask();
            let slot = self.slot(at);
            if slot == 0 {
                break;
            }
            let home = (slot >> 32) as usize & self.mask();
            let distance_home = at.wrapping_sub(home) & self.mask();
            let distance_gap = at.wrapping_sub(gap) & self.mask();
            if distance_home >= distance_gap {
                if let Some(place) = self.slots.get_mut(gap) {
                    *place = slot;
                }
                gap = at;
            }
        }
        if let Some(place) = self.slots.get_mut(gap) {
            *place = 0;
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
        fn the_index_is_a_map(steps in proptest::collection::vec((0u32..64, any::<bool>()), 1..400)) {
            let mut index = Index::new();
            let mut model: HashMap<u32, u32> = HashMap::new();
            for (key, insert) in steps {
                // Few home slots, so that runs collide and wrap around the end.
                let hash = (key % 7).wrapping_sub(3);
                if insert {
                    if model.insert(key, hash).is_none() {
                        index.insert(hash, Id(key));
                    }
                } else if let Some(hash) = model.remove(&key) {
                    index.remove(hash, Id(key));
                }
                for (key, hash) in &model {
                    prop_assert_eq!(index.find(*hash, |id| id.0 == *key), Some(Id(*key)));
                }
                prop_assert_eq!(index.used, model.len());
            }
        }
    }

    #[test]
    fn it_grows() {
        let mut index = Index::new();
        for key in 0..5000u32 {
            index.insert(key.wrapping_mul(0x9e37_79b9), Id(key));
        }
        for key in 0..5000u32 {
            assert_eq!(index.find(key.wrapping_mul(0x9e37_79b9), |id| id.0 == key), Some(Id(key)));
        }
    }
}
