//! Reads what is known of many four-tuples before it is needed: independent reads, whose cache misses are at the same time.

use crate::track::Tracker;

/// So many frames are looked at before the first of them is taken: no step waits for a guess about the one before.
pub(super) const AHEAD: usize = 128;
/// How many segments are decoded before they are tracked.
pub(super) const BATCH: usize = 128;

/// Reads something of each of these.
#[inline]
pub(super) fn read_ahead<T>(of: impl Iterator<Item = T>, read: impl Fn(T) -> u64) {
    std::hint::black_box(of.fold(0, |sum, one| sum ^ read(one)));
}

/// Reads where the incarnations of these hashes are, [`BATCH`] at most, and then these.
#[inline]
pub(super) fn touch(tracker: &Tracker, hashes: impl Iterator<Item = u64> + Clone) {
    read_ahead(hashes.clone(), |hash| tracker.touch_index(hash));
    let mut ids = [None; BATCH];
    let mut count = 0;
    for (id, hash) in ids.iter_mut().zip(hashes) {
        *id = tracker.guess(hash);
        count += 1;
    }
    let ids = || ids.iter().take(count).flatten();
    std::hint::black_box(ids().fold(0, |sum, id| sum ^ tracker.touch(*id)));
    std::hint::black_box(ids().fold(0, |sum, id| sum ^ tracker.touch_history(*id)));
}
