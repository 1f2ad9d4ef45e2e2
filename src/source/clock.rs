//! From the ticks of a pcapng interface to capture time.

use crate::frame::Timestamp;

/// The clock of one interface: its options `if_tsresol` and `if_tsoffset` (pcapng draft, section 4.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Clock {
    tick: Tick,
    offset_ns: i64,
}

/// How long a tick is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Tick {
    /// So many nanoseconds.
    Nanos(u64),
    /// A nanosecond has so many ticks.
    PerNano(u64),
    /// A second has 2 to this power of ticks.
    Binary(u32),
}

impl Clock {
    /// Microseconds since the epoch: what an interface without the options has.
    pub(super) const MICROS: u8 = 6;
    /// The clock of such an interface.
    pub(super) const MICROSECONDS: Clock = Clock { tick: Tick::Nanos(1_000), offset_ns: 0 };

    /// From the option values: the resolution byte (bit 7: a power of 2, else of 10) and the offset in seconds.
    pub(super) fn new(resolution: u8, offset_seconds: i64) -> Self {
        let power = u32::from(resolution & 0x7f);
        let tick = match (resolution & 0x80, power) {
            (0, 0..=9) => Tick::Nanos(10_u64.pow(9 - power)),
            (0, _) => Tick::PerNano(10_u64.checked_pow(power - 9).unwrap_or(u64::MAX)),
            _ => Tick::Binary(power),
        };
        Self { tick, offset_ns: offset_seconds.saturating_mul(1_000_000_000) }
    }

    /// The time at so many ticks.
    #[inline]
    pub(super) fn at(self, ticks: u64) -> Timestamp {
        let nanos = match self.tick {
            Tick::Nanos(nanos) => ticks.saturating_mul(nanos),
            Tick::PerNano(ticks_per_nano) => ticks / ticks_per_nano,
            Tick::Binary(power) => {
                u64::try_from((u128::from(ticks) * 1_000_000_000) >> power.min(127)).unwrap_or(u64::MAX)
            }
        };
        Timestamp::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX)).plus(self.offset_ns)
    }

    /// The ticks at a time: of all that mean this time the first.
    pub(super) fn ticks(self, time: Timestamp) -> u64 {
        let nanos = u64::try_from(time.plus(self.offset_ns.saturating_neg()).as_nanos()).unwrap_or(0);
        match self.tick {
            Tick::Nanos(nanos_per_tick) => nanos / nanos_per_tick,
            Tick::PerNano(ticks_per_nano) => nanos.saturating_mul(ticks_per_nano),
            Tick::Binary(power) => {
                let ticks = (u128::from(nanos) << power.min(64)).div_ceil(1_000_000_000);
                u64::try_from(ticks).unwrap_or(u64::MAX)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(resolution: u8, offset: i64, ticks: u64, nanos: i64) {
        assert_eq!(Clock::new(resolution, offset).at(ticks), Timestamp::from_nanos(nanos));
    }

    #[test]
    fn ticks_are_those_of_the_time() {
        for (resolution, offset, ticks) in [
            (6, 0, 1_500_001),
            (0, 7, 9),
            (9, -3, 5_000_000_000),
            (12, 0, 1_234_000),
            (0x80 | 20, 1, 1 << 33),
            (0x80, 0, 7),
        ] {
            let clock = Clock::new(resolution, offset);
            assert_eq!(clock.ticks(clock.at(ticks)), ticks, "{resolution}");
        }
        assert_eq!(Clock::MICROSECONDS.ticks(Timestamp::from_nanos(-1)), 0);
    }

    #[test]
    fn powers_of_ten() {
        check(Clock::MICROS, 0, 1_500_000, 1_500_000_000);
        check(0, 0, 7, 7_000_000_000);
        check(9, 0, 1_234, 1_234);
        check(12, 0, 1_234_567, 1_234);
        check(127, 0, u64::MAX - 1, 0);
    }

    #[test]
    fn powers_of_two() {
        check(0x80, 0, 3, 3_000_000_000);
        check(0x81, 0, 3, 1_500_000_000);
        check(0x80 | 32, 0, 1 << 31, 500_000_000);
        check(0xff, 0, u64::MAX, 0);
    }

    #[test]
    fn offset_is_in_seconds_and_may_be_negative() {
        check(9, 100, 5, 100_000_000_005);
        check(9, -1, 5, -999_999_995);
    }

    #[test]
    fn absurd_values_saturate() {
        check(0, 0, u64::MAX, i64::MAX);
        check(0, i64::MAX, u64::MAX, i64::MAX);
        check(0x80, 0, u64::MAX, i64::MAX);
    }
}
