//! Values by the hash of their key, whose places can be asked for before they are needed.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::packed::Packed;

/// A map for which the hash is the whole key: two keys with the same one are taken for one, a pair in 2^64.
///
/// What is new goes behind all that is there, so nothing waits until its place has come into the processor's caches.
#[derive(Debug)]
pub(super) struct Hashed<V> {
    /// Where the value of a hash is.
    places: Packed,
    values: Vec<V>,
}

impl<V> Default for Hashed<V> {
    fn default() -> Self {
        Self { places: Packed::with_room(0), values: Vec::new() }
    }
}

impl<V> Hashed<V> {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// The value of a hash.
    #[inline]
    pub(super) fn get(&self, hash: u64) -> Option<&V> {
        self.values.get(self.places.get(hash)? as usize)
    }

    /// The value of a hash, to be changed.
    #[inline]
    pub(super) fn get_mut(&mut self, hash: u64) -> Option<&mut V> {
        self.values.get_mut(self.places.get(hash)? as usize)
    }

    /// Asks for where a hash is looked for.
    #[inline]
    pub(super) fn prefetch(&self, hash: u64) {
        self.places.prefetch(hash);
    }

    /// Adds the value of a hash that has none. `most` is how many there will ever be.
    #[inline]
    pub(super) fn add(&mut self, hash: u64, value: V, most: usize) {
        if self.places.len() >= self.places.room() {
            self.places.grow(most);
        }
        self.places.place(hash).write(self.values.len() as u64);
        self.values.push(value);
    }

    /// Takes out all of them.
    pub(super) fn clear(&mut self) {
        self.places.clear();
        self.values.clear();
    }
}

impl<V: Serialize> Serialize for Hashed<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (hash, at) in self.places.all() {
            if let Some(value) = self.values.get(at as usize) {
                map.serialize_entry(&hash, value)?;
            }
        }
        map.end()
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Hashed<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

/// Reads the entries of a map.
struct Entries<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for Entries<V> {
    type Value = Hashed<V>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("values by hashes")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut entries: M) -> Result<Hashed<V>, M::Error> {
        let mut all = Hashed::default();
        while let Some((hash, value)) = entries.next_entry()? {
            match all.get_mut(hash) {
                Some(kept) => *kept = value,
                None => all.add(hash, value, 0),
            }
        }
        Ok(all)
    }
}

/// A number as a hash has it.
#[cfg(test)]
pub(super) fn spread(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        #[test]
        fn it_is_a_map_and_is_written_down_as_one(keys in proptest::collection::vec(0u64..5000, 0..4000)) {
            let mut all = Hashed::default();
            let mut model = HashMap::new();
            for (value, key) in keys.iter().enumerate() {
                match all.get_mut(spread(*key)) {
                    Some(kept) => *kept = value,
                    None => all.add(spread(*key), value, 100),
                }
                model.insert(*key, value);
            }
            let written = postcard::to_stdvec(&all).expect("memory takes it");
            let read: Hashed<usize> = postcard::from_bytes(&written).expect("what was written");
            for all in [&all, &read] {
                prop_assert_eq!(all.len(), model.len());
                prop_assert!((0..5000).all(|key| all.get(spread(key)) == model.get(&key)));
            }
            all.clear();
            prop_assert!(all.len() == 0 && keys.iter().all(|key| all.get(spread(*key)).is_none()));
        }
    }
}
