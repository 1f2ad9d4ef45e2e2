//! How many events of each cause there were at which time: counts in bins that grow wider as the run grows longer.

use std::collections::BTreeMap;

use super::data::Kind;
use crate::frame::Timestamp;

/// Bins are made wider when there are more of them.
const BINS: usize = 4096;
/// Columns of the drawing.
pub const COLUMNS: usize = 120;
/// The narrowest bin, in nanoseconds.
const NARROWEST: i64 = 1_000;

/// Events by cause and time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Timeline {
    /// By bin since the epoch, and cause.
    bins: BTreeMap<(i64, Kind), u64>,
    /// Nanoseconds a bin.
    width: i64,
    range: Option<(Timestamp, Timestamp)>,
}

impl Default for Timeline {
    fn default() -> Self {
        Self { bins: BTreeMap::new(), width: NARROWEST, range: None }
    }
}

/// The drawing's columns of one cause.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lane {
    /// The cause.
    pub kind: Kind,
    /// Events in each column.
    pub columns: Vec<u64>,
}

impl Timeline {
    /// One more event.
    pub fn add(&mut self, kind: Kind, time: Timestamp) {
        let (first, last) = self.range.unwrap_or((time, time));
        self.range = Some((first.min(time), last.max(time)));
        *self.bins.entry((time.as_nanos().div_euclid(self.width), kind)).or_default() += 1;
        if self.bins.len() > BINS {
            self.widen();
        }
    }

    /// When the first and the last event came.
    pub fn range(&self) -> Option<(Timestamp, Timestamp)> {
        self.range
    }

    /// The columns of each cause between the first event and the last, the most frequent cause first.
    pub fn lanes(&self) -> Vec<Lane> {
        let Some((first, last)) = self.range else { return Vec::new() };
        let mut lanes: BTreeMap<Kind, Vec<u64>> = BTreeMap::new();
        for (&(bin, kind), &events) in &self.bins {
            let time = Timestamp::from_nanos(bin.saturating_mul(self.width)).max(first);
            let columns = lanes.entry(kind).or_insert_with(|| vec![0; COLUMNS]);
            if let Some(column) = columns.get_mut(column(time, (first, last))) {
                *column += events;
            }
        }
        let mut lanes: Vec<Lane> = lanes.into_iter().map(|(kind, columns)| Lane { kind, columns }).collect();
        lanes.sort_by_key(|lane| (std::cmp::Reverse(lane.columns.iter().sum::<u64>()), lane.kind));
        lanes
    }

    /// Makes every bin twice as wide until enough are gone.
    fn widen(&mut self) {
        while self.bins.len() > BINS / 2 && self.width < i64::MAX / 2 {
            self.width *= 2;
            let mut bins = BTreeMap::new();
            for ((bin, kind), events) in std::mem::take(&mut self.bins) {
                *bins.entry((bin.div_euclid(2), kind)).or_default() += events;
            }
            self.bins = bins;
        }
    }
}

/// The column that a time falls into.
fn column(time: Timestamp, (first, last): (Timestamp, Timestamp)) -> usize {
    let since = |time: Timestamp| i128::from(time.as_nanos()) - i128::from(first.as_nanos());
    let (passed, span) = (since(time), since(last).max(1));
    let column = passed * (COLUMNS as i128 - 1) / span;
    usize::try_from(column).unwrap_or(0).min(COLUMNS - 1)
}

/// The time at which a column begins.
pub fn begin_of(column: usize, (first, last): (Timestamp, Timestamp)) -> Timestamp {
    let (first, last) = (i128::from(first.as_nanos()), i128::from(last.as_nanos()));
    let begin = first + (last - first) * column as i128 / (COLUMNS as i128 - 1);
    Timestamp::from_nanos(i64::try_from(begin).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::{Cause, Class};

    const KIND: Kind = Kind { class: Class::ClosedPort, cause: Cause::NoListener };
    const OTHER: Kind = Kind { class: Class::Forged, cause: Cause::Injected };

    fn seconds(seconds: i64) -> Timestamp {
        Timestamp::new(1_800_000_000 + seconds, 0)
    }

    #[test]
    fn events_fall_into_columns_between_the_first_and_the_last() {
        let mut timeline = Timeline::default();
        for time in [0, 0, 119, 60, 30] {
            timeline.add(if time == 30 { OTHER } else { KIND }, seconds(time));
        }
        let lanes = timeline.lanes();
        assert_eq!(lanes.iter().map(|lane| lane.kind).collect::<Vec<_>>(), [KIND, OTHER]);
        let filled: Vec<(usize, u64)> =
            lanes[0].columns.iter().copied().enumerate().filter(|(_, events)| *events > 0).collect();
        assert_eq!(filled, [(0, 2), (60, 1), (119, 1)]);
        assert_eq!(begin_of(60, timeline.range().unwrap()), seconds(60));
    }

    #[test]
    fn a_long_run_keeps_every_event_in_few_bins() {
        let mut timeline = Timeline::default();
        for event in 0..50_000 {
            timeline.add(KIND, seconds(event * 7 % 400_000));
        }
        assert!(timeline.bins.len() <= BINS);
        assert_eq!(timeline.lanes()[0].columns.iter().sum::<u64>(), 50_000);
    }

    #[test]
    fn one_event_alone_and_the_ends_of_time_are_drawn() {
        let mut timeline = Timeline::default();
        assert_eq!(timeline.lanes(), []);
        timeline.add(KIND, Timestamp::from_nanos(i64::MIN));
        assert_eq!(timeline.lanes()[0].columns[0], 1);
        timeline.add(KIND, Timestamp::from_nanos(i64::MAX));
        assert_eq!(timeline.lanes()[0].columns.iter().sum::<u64>(), 2);
    }
}
