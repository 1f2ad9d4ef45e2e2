//! Time stamps: RFC 3339 for programs, tcpdump's six styles for people.

use std::fmt::Write;

use jiff::tz::TimeZone;

use super::{Style, TimeStyle};
use crate::frame::Timestamp;

/// A span of so many nanoseconds is told in whole seconds.
const LONG: i64 = 10_000_000_000;

/// In UTC with nine digits of the second, as RFC 3339 writes it.
pub fn rfc3339(time: Timestamp) -> String {
    let mut text = String::with_capacity("2026-11-22T07:00:00.001210042Z".len());
    // A String takes whatever is written to it.
    let _ = write!(text, "{:.9}", instant(time));
    text
}

/// The same again and again: the date and time of a second are kept, since most times lie in the second of the one before.
#[derive(Debug, Default)]
pub struct Rfc3339 {
    second: Option<i64>,
    /// All before the fraction.
    text: String,
}

impl Rfc3339 {
    /// Appends a time.
    pub fn push(&mut self, text: &mut String, time: Timestamp) {
        let second = time.as_nanos().div_euclid(1_000_000_000);
        if self.second != Some(second) {
            self.second = Some(second);
            self.text = rfc3339(time);
            self.text.truncate("2026-11-22T07:00:00.".len());
        }
        text.push_str(&self.text);
        // A digit more keeps the zeros before the others.
        let fraction = time.as_nanos().rem_euclid(1_000_000_000) + 1_000_000_000;
        text.push_str(itoa::Buffer::new().format(fraction).get(1..).unwrap_or_default());
        text.push('Z');
    }
}

/// The time of day, without fractions.
pub fn clock(time: Timestamp, style: &Style) -> String {
    instant(time).to_zoned(zone(style)).strftime("%H:%M:%S").to_string()
}

/// The name of the zone in which times are printed.
pub fn zone_name(style: &Style) -> String {
    let zone = zone(style);
    zone.iana_name().map_or_else(|| "local time".to_owned(), str::to_owned)
}

fn zone(style: &Style) -> TimeZone {
    if style.utc { TimeZone::UTC } else { TimeZone::system() }
}

/// Time since something: `+34.251377`.
pub fn offset(nanos: i64, nano: bool) -> String {
    let sign = if nanos < 0 { '-' } else { '+' };
    let (seconds, rest) = (nanos.unsigned_abs() / 1_000_000_000, nanos.unsigned_abs() % 1_000_000_000);
    if nano { format!("{sign}{seconds}.{rest:09}") } else { format!("{sign}{seconds}.{:06}", rest / 1_000) }
}

/// Writes the stamps of a text output, and remembers what relative stamps count from.
#[derive(Debug)]
pub struct Stamper {
    style: TimeStyle,
    zone: TimeZone,
    nano: bool,
    first: Option<Timestamp>,
    previous: Option<Timestamp>,
}

impl Stamper {
    /// For this style, in local time or UTC.
    pub fn new(style: &Style) -> Self {
        Self { style: style.time, zone: zone(style), nano: style.nano, first: None, previous: None }
    }

    /// The stamp of the next line; empty for `-t`.
    pub fn stamp(&mut self, time: Timestamp) -> String {
        let first = *self.first.get_or_insert(time);
        let previous = self.previous.replace(time).unwrap_or(time);
        match self.style {
            TimeStyle::None => String::new(),
            TimeStyle::Clock => self.zoned(time, "%H:%M:%S"),
            TimeStyle::DateTime => self.zoned(time, "%Y-%m-%d %H:%M:%S"),
            TimeStyle::Epoch => self.epoch(time),
            TimeStyle::Delta => self.elapsed(time.since(previous)),
            TimeStyle::SinceFirst => self.elapsed(time.since(first)),
        }
    }

    /// Both ends of a span, with dates where these differ, and without fractions where it is long. `-tt` keeps to seconds
    /// since 1970. Relative stamps go on as before.
    pub fn span(&self, first: Timestamp, last: Timestamp) -> (String, String) {
        let date = |time| self.strftime(time, "%Y-%m-%d");
        let has_dates = self.style == TimeStyle::DateTime || date(first) != date(last);
        let format = if has_dates { "%Y-%m-%d %H:%M:%S" } else { "%H:%M:%S" };
        let stamp = |time| match self.style {
            TimeStyle::Epoch => self.epoch(time),
            _ if last.since(first) >= LONG => self.strftime(time, format),
            _ => self.zoned(time, format),
        };
        (stamp(first), stamp(last))
    }

    fn strftime(&self, time: Timestamp, format: &str) -> String {
        instant(time).to_zoned(self.zone.clone()).strftime(format).to_string()
    }

    fn zoned(&self, time: Timestamp, format: &str) -> String {
        let fraction = if self.nano { "%.9f" } else { "%.6f" };
        self.strftime(time, &format!("{format}{fraction}"))
    }

    fn epoch(&self, time: Timestamp) -> String {
        let seconds = time.as_nanos().div_euclid(1_000_000_000);
        let nanos = time.as_nanos().rem_euclid(1_000_000_000);
        format!("{seconds}.{}", self.fraction(nanos.unsigned_abs()))
    }

    fn elapsed(&self, nanos: i64) -> String {
        let sign = if nanos < 0 { "-" } else { "" };
        let nanos = nanos.unsigned_abs();
        let seconds = nanos / 1_000_000_000;
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        format!("{sign}{hours:02}:{minutes:02}:{seconds:02}.{}", self.fraction(nanos % 1_000_000_000))
    }

    fn fraction(&self, nanos: u64) -> String {
        if self.nano { format!("{nanos:09}") } else { format!("{:06}", nanos / 1_000) }
    }
}

/// Every [`Timestamp`] lies within what jiff can represent, so the epoch never stands in for one.
fn instant(time: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_nanosecond(i128::from(time.as_nanos())).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn time() -> Timestamp {
        Timestamp::new(1_795_330_800, 1_210_042)
    }

    fn stamps(time: TimeStyle, nano: bool, times: &[Timestamp]) -> Vec<String> {
        let mut stamper = Stamper::new(&Style { time, nano, utc: true, ..Style::default() });
        times.iter().map(|time| stamper.stamp(*time)).collect()
    }

    #[test]
    fn rfc_3339_has_nine_digits() {
        assert_eq!(rfc3339(time()), "2026-11-22T07:00:00.001210042Z");
        assert_eq!(rfc3339(Timestamp::new(0, 0)), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(rfc3339(Timestamp::from_nanos(i64::MIN)), "1677-09-21T00:12:43.145224192Z");
    }

    proptest! {
        #[test]
        fn times_one_after_the_other_read_like_each_alone(
            times in prop::collection::vec(any::<i64>().prop_map(Timestamp::from_nanos), 0..4),
            after in prop::collection::vec(0..3_000_000_000_i64, 0..4),
        ) {
            let mut stamps = Rfc3339::default();
            for time in times.into_iter().flat_map(|time| after.iter().map(move |after| time.plus(*after))) {
                let mut text = String::from("at ");
                stamps.push(&mut text, time);
                prop_assert_eq!(text, format!("at {}", rfc3339(time)));
            }
        }
    }

    #[test]
    fn offsets_have_a_sign() {
        assert_eq!(offset(34_251_377_490, false), "+34.251377");
        assert_eq!(offset(0, true), "+0.000000000");
        assert_eq!(offset(-1_500, false), "-0.000001");
    }

    #[test]
    fn the_six_styles_are_tcpdumps() {
        let earlier = time().plus(-61_000_000_000);
        let times = [time(), time().plus(3_723_000_213_000), earlier];
        let of = |style| stamps(style, false, &times);
        assert_eq!(of(TimeStyle::Clock), ["07:00:00.001210", "08:02:03.001423", "06:58:59.001210"]);
        assert_eq!(of(TimeStyle::None), ["", "", ""]);
        assert_eq!(of(TimeStyle::Epoch), ["1795330800.001210", "1795334523.001423", "1795330739.001210"]);
        assert_eq!(of(TimeStyle::Delta), ["00:00:00.000000", "01:02:03.000213", "-01:03:04.000213"]);
        assert_eq!(of(TimeStyle::SinceFirst), ["00:00:00.000000", "01:02:03.000213", "-00:01:01.000000"]);
        assert_eq!(of(TimeStyle::DateTime)[0], "2026-11-22 07:00:00.001210");
        assert_eq!(stamps(TimeStyle::Clock, true, &times)[0], "07:00:00.001210042");
    }

    #[test]
    fn spans_have_dates_and_fractions_where_they_need_them() {
        let span = |style, nanos| {
            let stamper = Stamper::new(&Style { time: style, utc: true, ..Style::default() });
            stamper.span(time(), time().plus(nanos))
        };
        let is = |first: &str, last: &str| (first.to_owned(), last.to_owned());
        assert_eq!(span(TimeStyle::Clock, 113_000), is("07:00:00.001210", "07:00:00.001323"));
        assert_eq!(span(TimeStyle::None, 61_000_000_000), is("07:00:00", "07:01:01"));
        assert_eq!(span(TimeStyle::Delta, 86_400_000_000_000), is("2026-11-22 07:00:00", "2026-11-23 07:00:00"));
        assert_eq!(span(TimeStyle::DateTime, 0), is("2026-11-22 07:00:00.001210", "2026-11-22 07:00:00.001210"));
        assert_eq!(span(TimeStyle::Epoch, 0).0, "1795330800.001210");
    }
}
