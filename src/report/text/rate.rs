//! How often something happened over time, as a small bar, in a fixed amount of memory.

use crate::frame::Timestamp;

/// So many intervals are counted. At least half of them are in use, several for each mark of a bar, so that what is steady
/// looks so.
const SLOTS: usize = 256;
/// So many marks a bar has, where there is room.
pub const MARKS: usize = 24;

/// From none to most.
const BLOCKS: [char; 9] = ['·', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const LETTERS: [char; 9] = ['.', ':', '-', '=', '+', '*', '#', '%', '@'];

/// Counts in intervals of equal length. The intervals become longer as the time that they have to cover does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rate {
    /// Nanoseconds an interval.
    length: i64,
    /// The first interval's number, counted from 1970.
    from: i64,
    counts: Box<[u32; SLOTS]>,
    first: Timestamp,
    last: Timestamp,
}

impl Rate {
    /// Of one moment.
    pub fn of(time: Timestamp) -> Self {
        let mut counts = Box::new([0; SLOTS]);
        counts[0] = 1;
        Self { length: 1, from: time.as_nanos(), counts, first: time, last: time }
    }

    /// One more, in any order.
    pub fn add(&mut self, time: Timestamp) {
        self.first = self.first.min(time);
        self.last = self.last.max(time);
        while !self.covers() {
            self.coarsen();
        }
        let lowest = self.number(self.first);
        if lowest < self.from {
            self.counts.rotate_right(self.from.abs_diff(lowest) as usize % SLOTS);
            self.from = lowest;
        }
        let place = self.number(time) - self.from;
        if let Some(count) = usize::try_from(place).ok().and_then(|place| self.counts.get_mut(place)) {
            *count = count.saturating_add(1);
        }
    }

    /// The earliest moment.
    pub fn first(&self) -> Timestamp {
        self.first
    }

    /// The latest moment.
    pub fn last(&self) -> Timestamp {
        self.last
    }

    /// The bar from the first moment to the last: at most [`MARKS`] marks, each a part of that time, higher where more happened.
    pub fn bar(&self, room: usize, ascii: bool) -> String {
        let scale = if ascii { LETTERS } else { BLOCKS };
        let marks = self.marks(room.clamp(1, MARKS));
        let most = marks.iter().copied().max().unwrap_or(0).max(1);
        let mark = |count: u64| scale.get((count * 8).div_ceil(most) as usize).copied().unwrap_or(' ');
        marks.into_iter().map(mark).collect()
    }

    /// The counts of each mark's part of the time; an interval counts where its middle lies.
    fn marks(&self, room: usize) -> Vec<u64> {
        let mut marks = vec![0; room];
        let span = self.last.since(self.first).max(1) as i128;
        for (place, count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let start = i128::from(self.from + place as i64) * i128::from(self.length);
            let middle = start + i128::from(self.length) / 2 - i128::from(self.first.as_nanos());
            let mark = (middle * room as i128 / span).clamp(0, room as i128 - 1) as usize;
            if let Some(mark) = marks.get_mut(mark) {
                *mark += u64::from(*count);
            }
        }
        marks
    }

    fn number(&self, time: Timestamp) -> i64 {
        time.as_nanos().div_euclid(self.length)
    }

    /// Whether the intervals, wherever they begin, are enough for all of the time, what is counted already included.
    fn covers(&self) -> bool {
        let (first, last) = (self.number(self.first), self.number(self.last));
        last.saturating_sub(first) < SLOTS as i64
    }

    /// Makes each two intervals one.
    fn coarsen(&mut self) {
        let mut counts = Box::new([0_u32; SLOTS]);
        let from = self.from.div_euclid(2);
        for (place, count) in self.counts.iter().enumerate() {
            let place = (self.from + place as i64).div_euclid(2) - from;
            if let Some(sum) = usize::try_from(place).ok().and_then(|place| counts.get_mut(place)) {
                *sum = sum.saturating_add(*count);
            }
        }
        (self.counts, self.from, self.length) = (counts, from, self.length.saturating_mul(2));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate(nanos: &[i64]) -> Rate {
        let mut times = nanos.iter().map(|nanos| Timestamp::from_nanos(*nanos));
        let mut rate = Rate::of(times.next().unwrap());
        times.for_each(|time| rate.add(time));
        rate
    }

    #[test]
    fn the_bar_shows_when_most_happened() {
        let steady: Vec<i64> = (0..240).map(|n| n * 1_000_000_000).collect();
        let bar = rate(&steady).bar(MARKS, true);
        assert_eq!(bar.len(), MARKS);
        assert!(bar.chars().all(|mark| "%@".contains(mark)), "{bar}");
        let burst: Vec<i64> = steady.iter().copied().step_by(24).chain((0..500).map(|n| 120_000_000_000 + n)).collect();
        assert_eq!(rate(&burst).bar(MARKS, true), ":.:..:..:.:..@..:.:..:.:".to_owned());
    }

    #[test]
    fn bars_have_letters_or_blocks_and_the_room_there_is() {
        let rate = rate(&[0, 0, 0, 0, 1_000_000, 4_000_000]);
        assert_eq!((rate.bar(5, false), rate.bar(5, true)), ("█▂··▂".to_owned(), "@-..-".to_owned()));
        assert_eq!((rate.bar(0, true), rate.bar(900, true).len()), ("@".to_owned(), MARKS));
    }

    #[test]
    fn the_ends_are_at_the_ends() {
        let bar = rate(&[0, 1_000_000]).bar(MARKS, true);
        assert!(bar.starts_with('@') && bar.ends_with('@'), "{bar}");
    }

    proptest! {
        #[test]
        fn nothing_is_lost_in_any_order(nanos in prop::collection::vec(any::<i64>(), 1..50)) {
            let rate = rate(&nanos);
            prop_assert_eq!(rate.counts.iter().sum::<u32>(), nanos.len() as u32);
            prop_assert_eq!(rate.marks(MARKS).iter().sum::<u64>(), nanos.len() as u64);
            prop_assert_eq!(rate.first.as_nanos(), *nanos.iter().min().unwrap());
            prop_assert_eq!(rate.last.as_nanos(), *nanos.iter().max().unwrap());
        }
    }
}
