//! Numbers as people say them: durations, bytes, and plurals.

const MICRO: u64 = 1_000;
const MILLI: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A duration in nanoseconds, its sign left out: `400 ns`, `113 us`, `1.2 ms`, `34.2 s`, `2 min 3 s`, `1 h 2 min`, `3 d 4 h`.
///
/// Digits that are not shown are cut off, so that no duration looks longer than it was.
pub fn duration(nanos: i64) -> String {
    let nanos = nanos.unsigned_abs();
    match nanos {
        0..MICRO => format!("{nanos} ns"),
        MICRO..MILLI => format!("{} us", nanos / MICRO),
        MILLI..SECOND => format!("{} ms", tenths(nanos, MILLI)),
        SECOND..MINUTE => format!("{} s", tenths(nanos, SECOND)),
        MINUTE..HOUR => pair((nanos / MINUTE, "min"), (nanos % MINUTE / SECOND, "s")),
        HOUR..DAY => pair((nanos / HOUR, "h"), (nanos % HOUR / MINUTE, "min")),
        _ => pair((nanos / DAY, "d"), (nanos % DAY / HOUR, "h")),
    }
}

/// A number of bytes: `1 byte`, `212 bytes`, `3.1 kB`, `2.4 MB`.
pub fn bytes(count: u64) -> String {
    match count {
        0..1_000 => counted(count, "byte"),
        1_000..1_000_000 => format!("{} kB", tenths(count, 1_000)),
        1_000_000..1_000_000_000 => format!("{} MB", tenths(count, 1_000_000)),
        _ => format!("{} GB", tenths(count, 1_000_000_000)),
    }
}

/// A number and its noun: `1 reset`, `2 resets`.
pub fn counted(count: u64, noun: &str) -> String {
    format!("{count} {}", self::noun(count, noun))
}

/// The noun for a number.
pub fn noun(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{noun}{plural}")
}

fn tenths(value: u64, unit: u64) -> String {
    format!("{}.{}", value / unit, value % unit / (unit / 10))
}

fn pair((big, big_unit): (u64, &str), (small, small_unit): (u64, &str)) -> String {
    match small {
        0 => format!("{big} {big_unit}"),
        _ => format!("{big} {big_unit} {small} {small_unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_keep_two_units_at_most() {
        let cases = [
            (0, "0 ns"),
            (999, "999 ns"),
            (113_000, "113 us"),
            (1_250_000, "1.2 ms"),
            (999_999_999, "999.9 ms"),
            (34_251_000_000, "34.2 s"),
            (59_999_999_999, "59.9 s"),
            (60_000_000_000, "1 min"),
            (123_000_000_000, "2 min 3 s"),
            (3_720_000_000_000, "1 h 2 min"),
            (273_600_000_000_000, "3 d 4 h"),
            (-113_000, "113 us"),
            (i64::MIN, "106751 d 23 h"),
        ];
        for (nanos, words) in cases {
            assert_eq!(duration(nanos), words);
        }
    }

    #[test]
    fn bytes_and_plurals() {
        let cases = [
            (0, "0 bytes"),
            (1, "1 byte"),
            (999, "999 bytes"),
            (3_100, "3.1 kB"),
            (2_460_000, "2.4 MB"),
            (7_000_000_000, "7.0 GB"),
        ];
        for (count, words) in cases {
            assert_eq!(bytes(count), words);
        }
        assert_eq!(counted(1, "reset"), "1 reset");
        assert_eq!(counted(0, "reset"), "0 resets");
    }
}
