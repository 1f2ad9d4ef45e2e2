//! How the clock at one point stands to that at another, from segments that both have seen.
//!
//! As NTP does it (RFC 5905 section 8): what goes one way is late by the offset and the way, what goes the other by the
//! offset less the way. Half the sum is the offset, half the difference the way. Ways of different length each way cannot be told
//! from an offset, so half the round trip is the bound of the error.

use crate::frame::Timestamp;

/// The most samples that a slope is taken from: their pairs are all compared.
const SLOPED: usize = 160;
/// Clocks that differ more than this are not drifting but were set (500 ppm is as much as NTP corrects), in parts per billion.
const DRIFT_MAX: i64 = 1_000_000;
/// No drift is looked for in less than this, in nanoseconds.
const SPAN_MIN: i64 = 5_000_000_000;

/// One segment that was seen at two points.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delay {
    /// When it came by here.
    pub time: Timestamp,
    /// How much later it came by there, by the clocks, in nanoseconds.
    pub later: i64,
    /// Whether it went from here to there.
    pub onward: bool,
}

/// The clock there, as the clock here sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Clock {
    /// How far the clock there is ahead at `since`, in nanoseconds.
    pub offset: i64,
    /// By how much it gains, in nanoseconds a second (parts per billion).
    pub drift: i64,
    /// When that was, by the clock here.
    pub since: Timestamp,
    /// Half the round trip between the points, in nanoseconds; `None` where segments of one direction only are known: the
    /// offset is then too large or too small by the way.
    pub way: Option<i64>,
    /// The median distance of the samples from what this says, in nanoseconds.
    pub residual: i64,
    /// How many segments it rests on.
    pub samples: u64,
}

impl Clock {
    /// From samples.
    pub fn estimate(delays: &[Delay]) -> Option<Clock> {
        let since = delays.iter().map(|delay| delay.time).min()?;
        let drift = drift(delays);
        let apart = |delay: &Delay| delay.later.saturating_sub(gained(drift, delay.time.since(since)));
        let of = |onward| median(delays.iter().filter(|delay| delay.onward == onward).map(apart).collect());
        let (offset, way) = match (of(true), of(false)) {
            (Some(on), Some(back)) => (on.midpoint(back), Some(on.saturating_sub(back) / 2)),
            (one, other) => (one.or(other)?, None),
        };
        let expected = |delay: &Delay| {
            offset.saturating_add(way.map_or(0, |way| if delay.onward { way } else { way.saturating_neg() }))
        };
        let residual =
            median(delays.iter().map(|delay| apart(delay).saturating_sub(expected(delay)).saturating_abs()).collect())?;
        Some(Clock { offset, drift, since, way, residual, samples: delays.len() as u64 })
    }

    /// The time there at this time here.
    pub fn there(&self, here: Timestamp) -> Timestamp {
        here.plus(self.offset.saturating_add(gained(self.drift, here.since(self.since))))
    }

    /// How far what is seen here may be from what is seen there at that time: the way, and what clocks and hosts add to it.
    pub fn slack(&self) -> i64 {
        const HOST: i64 = 1_000_000;
        self.way
            .unwrap_or(0)
            .saturating_abs()
            .saturating_mul(2)
            .saturating_add(self.residual.saturating_mul(4))
            .saturating_add(HOST)
    }
}

fn gained(drift: i64, elapsed: i64) -> i64 {
    (i128::from(elapsed) * i128::from(drift) / 1_000_000_000) as i64
}

/// The median slope between samples of one direction (Theil and Sen), which no single late segment moves.
fn drift(delays: &[Delay]) -> i64 {
    let mut slopes = Vec::new();
    for onward in [true, false] {
        let own: Vec<&Delay> = delays.iter().filter(|delay| delay.onward == onward).collect();
        let step = own.len().div_ceil(SLOPED).max(1);
        let some: Vec<&Delay> = own.into_iter().step_by(step).collect();
        for (at, one) in some.iter().enumerate() {
            let far = some.iter().skip(at + 1).filter(|other| other.time.since(one.time) >= SPAN_MIN);
            slopes.extend(far.map(|other| slope(one, other)));
        }
    }
    let few = slopes.len() < 3;
    median(slopes).filter(|slope| !few && slope.saturating_abs() <= DRIFT_MAX).unwrap_or(0)
}

fn slope(one: &Delay, other: &Delay) -> i64 {
    let (rise, run) = (i128::from(other.later) - i128::from(one.later), i128::from(other.time.since(one.time)));
    (rise * 1_000_000_000 / run.max(1)) as i64
}

/// The middle value; of an even number the mean of the two in the middle.
pub fn median(mut values: Vec<i64>) -> Option<i64> {
    values.sort_unstable();
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    match values.len().is_multiple_of(2) {
        true => Some(values.get(middle.checked_sub(1)?)?.midpoint(upper)),
        false => Some(upper),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Segments both ways, one a second, with a clock that is `ahead` and gains `gains`; each takes 3 ms.
    fn delays(count: i64, (ahead, gains): (i64, i64)) -> Vec<Delay> {
        const SECOND: i64 = 1_000_000_000;
        let one = |at: i64, onward| {
            let way = if onward { 3_000_000 } else { -3_000_000 };
            Delay { time: Timestamp::from_nanos(at * SECOND), later: ahead + at * gains + way, onward }
        };
        (0..count).flat_map(|at| [one(at, true), one(at, false)]).collect()
    }

    #[test]
    fn offset_way_and_drift_come_out() {
        let clock = Clock::estimate(&delays(60, (-5_000_000_000, 20_000))).unwrap();
        assert_eq!((clock.offset, clock.drift, clock.way), (-5_000_000_000, 20_000, Some(3_000_000)));
        assert_eq!(clock.residual, 0);
        let minute = Timestamp::from_nanos(60_000_000_000);
        assert_eq!(clock.there(minute), minute.plus(-5_000_000_000 + 60 * 20_000));
    }

    #[test]
    fn a_few_late_segments_move_nothing() {
        let mut some = delays(40, (1_000, 0));
        for late in some.iter_mut().step_by(9) {
            late.later += 700_000_000;
        }
        let clock = Clock::estimate(&some).unwrap();
        assert_eq!((clock.offset, clock.drift, clock.way), (1_000, 0, Some(3_000_000)));
    }

    #[test]
    fn one_direction_has_no_way() {
        let onward: Vec<Delay> = delays(3, (50, 0)).into_iter().filter(|delay| delay.onward).collect();
        let clock = Clock::estimate(&onward).unwrap();
        assert_eq!((clock.offset, clock.way), (3_000_050, None));
        assert_eq!(Clock::estimate(&[]), None);
    }

    #[test]
    fn absurd_times_saturate() {
        let at = |time, later| Delay { time: Timestamp::from_nanos(time), later, onward: later > 0 };
        let clock = Clock::estimate(&[at(i64::MIN, i64::MAX), at(i64::MAX, i64::MIN), at(0, i64::MAX)]);
        assert!(clock.is_some_and(|clock| clock.slack() > 0));
    }
}
