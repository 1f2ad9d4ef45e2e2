//! Reads what is known of many four-tuples before it is needed: independent reads, whose cache misses are at the same time.

use std::net::{IpAddr, SocketAddr};

use crate::track::{Hosts, Tracker, read_ahead};

/// So many frames are looked at before the first of them is taken: no step waits for a guess about the one before.
pub(super) const AHEAD: usize = 128;
/// How many segments are decoded before they are tracked.
pub(super) const BATCH: usize = AHEAD;

/// These, to be gone through more than once; [`AHEAD`] at most.
struct Few<T> {
    places: [Option<T>; AHEAD],
    count: usize,
}

impl<T: Copy> Few<T> {
    #[inline]
    fn of(all: impl Iterator<Item = T>) -> Self {
        let mut few = Self { places: [None; AHEAD], count: 0 };
        for (place, one) in few.places.iter_mut().zip(all) {
            *place = Some(one);
            few.count += 1;
        }
        few
    }

    #[inline]
    fn iter(&self) -> impl Iterator<Item = &T> {
        self.places.iter().take(self.count).flatten()
    }
}

/// Reads where the incarnations of these hashes are, [`AHEAD`] at most, and then these.
#[inline]
pub(super) fn touch(tracker: &Tracker, hashes: impl Iterator<Item = u64> + Clone) {
    read_ahead(hashes.clone(), |hash| tracker.touch_index(hash));
    let ids = Few::of(hashes.filter_map(|hash| tracker.guess(hash)));
    read_ahead(ids.iter(), |id| u64::from(tracker.touch(*id)));
    read_ahead(ids.iter(), |id| tracker.touch_history(*id) as u64);
}

/// Reads where it is written what these hosts and ports have shown, and then that.
#[inline]
pub(super) fn touch_hosts(hosts: &Hosts, ends: impl Iterator<Item = (SocketAddr, IpAddr)>) {
    let keys = Few::of(ends.map(|(src, dst)| hosts.keys(src, dst)));
    read_ahead(keys.iter(), |keys| hosts.touch(keys));
    read_ahead(keys.iter(), |keys| hosts.touch_records(keys));
}
