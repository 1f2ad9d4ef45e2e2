//! Reads what is needed soon: independent reads, whose cache misses are at the same time.

/// Reads something of each of these.
#[inline]
pub fn read_ahead<T>(of: impl Iterator<Item = T>, read: impl Fn(T) -> u64) {
    std::hint::black_box(of.fold(0, |sum, one| sum ^ read(one)));
}
