//! The names of the files that a capture is written to: those that tcpdump gives.

use std::path::PathBuf;

use jiff::fmt::strtime;
use jiff::tz::TimeZone;

use super::files::is_standard;
use crate::cli::Writing;
use crate::frame::Timestamp;

/// The name of the file with this number, begun at this time.
///
/// With `-G` the name is a format of strftime(3). With `-C` every file but the first has its number behind the name, and with
/// `-W` also the first, with zeros before it so that names sort as the files follow.
pub(super) fn of(writing: &Writing, number: u64, time: Timestamp) -> PathBuf {
    if is_standard(&writing.file) {
        return writing.file.clone();
    }
    let mut name = match writing.seconds {
        Some(_) => formatted(writing, time).unwrap_or_else(|| writing.file.clone()),
        None => writing.file.clone(),
    }
    .into_os_string();
    let width = writing.count.map_or(0, |count| count.saturating_sub(1).to_string().len());
    if writing.size.is_some() && (number > 0 || width > 0) {
        name.push(format!("{number:0width$}"));
    }
    name.into()
}

fn formatted(writing: &Writing, time: Timestamp) -> Option<PathBuf> {
    let zone = if writing.utc { TimeZone::UTC } else { TimeZone::system() };
    let moment = jiff::Timestamp::from_nanosecond(i128::from(time.as_nanos())).ok()?.to_zoned(zone);
    strtime::format(writing.file.to_str()?, &moment).ok().map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of the first three files.
    #[track_caller]
    fn check(writing: Writing, expected: [&str; 3]) {
        let time = Timestamp::new(1_700_000_000, 0);
        let names = [0, 1, 2].map(|number| of(&writing, number, time));
        assert_eq!(names.map(|name| name.to_str().unwrap().to_owned()), expected.map(str::to_owned));
    }

    fn writing(file: &str) -> Writing {
        Writing { utc: true, ..Writing::to(file.into()) }
    }

    #[test]
    fn names_are_those_of_tcpdump() {
        let size = Some(1_000_000);
        check(Writing { size, ..writing("c") }, ["c", "c1", "c2"]);
        check(Writing { size, count: Some(100), ..writing("c") }, ["c00", "c01", "c02"]);
        check(Writing { size, count: Some(10), ..writing("c") }, ["c0", "c1", "c2"]);
        let seconds = Some(60);
        check(Writing { seconds, ..writing("c-%H%M%S") }, ["c-221320"; 3]);
        check(Writing { seconds, count: Some(3), ..writing("c-%Y") }, ["c-2023"; 3]);
        check(Writing { seconds, size, ..writing("c-%d") }, ["c-14", "c-141", "c-142"]);
        check(writing("100%.pcapng"), ["100%.pcapng"; 3]);
        check(Writing { size, ..writing("-") }, ["-"; 3]);
    }
}
