//! Asks for what is known of many four-tuples before it is needed.

use std::net::{IpAddr, SocketAddr};

use crate::track::Tracker;

/// So many frames are looked at before the first of them is taken: no step waits for a guess about the one before.
pub(super) const AHEAD: usize = 128;
/// So few where many of them are RSTs whose findings are fetched in between.
pub(super) const AHEAD_CROWDED: usize = AHEAD / 4;
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

/// Asks for the incarnations of these hashes and for what the hosts and ports have shown between which segments are sent, [`AHEAD`]
/// at most of each.
///
/// What is asked for in one step tells where that of the next but one is: so much time each has to arrive.
#[inline]
pub(super) fn prefetch(
    tracker: &Tracker,
    hashes: impl Iterator<Item = u64> + Clone,
    ends: impl Iterator<Item = (SocketAddr, IpAddr)>,
) {
    let hosts = tracker.hosts();
    hashes.clone().for_each(|hash| tracker.prefetch_index(hash));
    let keys = Few::of(ends.map(|(src, dst)| hosts.keys(src, dst)));
    keys.iter().for_each(|keys| hosts.prefetch(keys));
    let ids = Few::of(hashes.filter_map(|hash| tracker.guess(hash)));
    ids.iter().for_each(|id| tracker.prefetch(*id));
    keys.iter().for_each(|keys| hosts.prefetch_records(keys));
    ids.iter().for_each(|id| tracker.prefetch_history(*id));
}
