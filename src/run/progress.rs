//! How far the reading of files is: one line on a terminal, written over about five times a second.
//!
//! The line goes before anything else is written to the terminal, and comes back when it is due.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::Run;
use crate::report::amount;

/// Counts the bytes that are read of files, those of compressed ones as they are stored.
#[derive(Clone, Default)]
pub(super) struct Meter(Arc<AtomicU64>);

impl Meter {
    fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Counts what is read from `reader`.
    pub(super) fn on<R: Read>(&self, reader: R) -> impl Read + use<R> {
        Metered { reader, meter: self.clone() }
    }
}

struct Metered<R> {
    reader: R,
    meter: Meter,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.meter.0.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Which of the passes over the files is under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Pass {
    /// There is one.
    #[default]
    Only,
    /// The first of two.
    First,
    /// The second of two.
    Second,
}

/// What a pass has come to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counts {
    /// Frames read in it.
    pub frames: u64,
    /// Resets among them.
    pub resets: u64,
}

/// The line.
pub(super) struct Progress {
    meter: Meter,
    /// All files together, in bytes; `None` where there is no line.
    bytes: Option<u64>,
    pass: Pass,
    /// When this pass began.
    started: Instant,
    /// What was read before this pass.
    before: u64,
    /// Until more than this is read there is nothing new.
    seen: u64,
    next: Instant,
    drawn: bool,
}

impl Progress {
    /// Short runs have no line.
    const PATIENCE: Duration = Duration::from_secs(1);
    const PERIOD: Duration = Duration::from_millis(200);

    /// A line for these files, if one is `wanted`, and they are all such that their length says how much there is to read.
    pub(super) fn new(wanted: bool, files: &[PathBuf]) -> Self {
        let lengths = || files.iter().map(|path| length(path)).sum::<Option<u64>>();
        let now = Instant::now();
        Self {
            meter: Meter::default(),
            bytes: if wanted { lengths().filter(|bytes| *bytes > 0) } else { None },
            pass: Pass::Only,
            started: now,
            before: 0,
            seen: 0,
            next: now + Self::PATIENCE,
            drawn: false,
        }
    }

    /// What counts the bytes that are read.
    pub(super) fn meter(&self) -> Meter {
        self.meter.clone()
    }

    /// Another pass begins.
    pub(super) fn begin(&mut self, pass: Pass) {
        self.pass = pass;
        self.before = self.meter.read();
        self.started = Instant::now();
    }

    /// Whether there is something new to show, and it is time to. Asks for the time only if more was read.
    #[inline]
    pub(super) fn is_due(&mut self) -> bool {
        self.bytes.is_some() && self.meter.read() != self.seen && self.is_time()
    }

    #[cold]
    fn is_time(&mut self) -> bool {
        self.seen = self.meter.read();
        Instant::now() >= self.next
    }

    /// Writes the line.
    #[cold]
    pub(super) fn show(&mut self, counts: Counts) {
        let Some(bytes) = self.bytes else { return };
        let now = Instant::now();
        let mut line = self.line(bytes, counts, now);
        let size = rustix::termios::tcgetwinsize(io::stderr());
        // In the last column some terminals begin the next line.
        let columns = size.map_or(80, |size| usize::from(size.ws_col)).max(2) - 1;
        line.truncate(columns);
        write(&format!("\r{line}\x1b[K"));
        self.drawn = true;
        self.next = now + Self::PERIOD;
    }

    /// Takes the line away, for something else to be written.
    #[inline]
    pub(super) fn hide(&mut self) {
        if std::mem::take(&mut self.drawn) {
            write("\r\x1b[K");
        }
    }

    fn line(&self, bytes: u64, counts: Counts, now: Instant) -> String {
        let read = self.meter.read();
        let passes = if self.pass == Pass::First { 2 } else { 1 };
        let all = self.before + bytes.saturating_mul(passes);
        let left = all.saturating_sub(read);
        let percent = (read.saturating_mul(100) / all.max(1)).min(99);
        // A first pass is quicker than the second, so that counts which is under way.
        let elapsed = now.saturating_duration_since(self.started).as_secs_f64().max(0.001);
        let seconds = (elapsed * left as f64 / (read - self.before).max(1) as f64).ceil() as i64;
        let rate = counts.frames as f64 / elapsed;
        let pass = match self.pass {
            Pass::Only => "",
            Pass::First => ", pass 1 of 2",
            Pass::Second => ", pass 2 of 2",
        };
        format!(
            "{percent} %{pass}, {} of {}, {} frames/s, {}, {} left",
            amount::bytes((read - self.before).min(bytes)),
            amount::bytes(bytes),
            thousands(rate),
            amount::counted(counts.resets, "reset"),
            left_words(seconds)
        )
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.hide();
    }
}

/// If standard error is closed there is nobody to show it to.
fn write(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

fn length(path: &Path) -> Option<u64> {
    // What standard input is, a redirected file or a terminal, is not worth a look.
    let data = std::fs::metadata(path).ok().filter(|_| path.as_os_str() != "-")?;
    data.is_file().then_some(data.len())
}

fn thousands(number: f64) -> String {
    match number {
        ..1e3 => format!("{number:.0}"),
        ..1e6 => format!("{:.0} k", number / 1e3),
        _ => format!("{:.1} M", number / 1e6),
    }
}

/// Whole seconds: tenths would only flicker.
fn left_words(seconds: i64) -> String {
    if seconds < 60 { format!("{seconds} s") } else { amount::duration(seconds.saturating_mul(1_000_000_000)) }
}

impl Run {
    /// A frame that the filter has no use for.
    pub(super) fn pass_over(&mut self) {
        self.passed_over += 1;
        if self.passed_over.is_multiple_of(Self::REPORT_EVERY) {
            self.show_progress();
        }
    }

    /// Shows how far it is, when that is due.
    pub(super) fn show_progress(&mut self) {
        if self.progress.is_due() {
            let frames = self.frames + self.passed_over;
            self.progress.show(Counts { frames, resets: self.analyzer.resets() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The line after so many seconds of a pass that began when so much was read.
    #[track_caller]
    fn check(pass: Pass, (before, read): (u64, u64), seconds: u64, expected: &str) {
        let mut progress = Progress::new(false, &[]);
        let now = progress.started + Duration::from_secs(seconds);
        (progress.pass, progress.before) = (pass, before);
        progress.meter.0.store(read, Ordering::Relaxed);
        let counts = Counts { frames: 2_500_000, resets: 1 };
        assert_eq!(progress.line(1_000_000_000, counts, now), expected);
    }

    #[test]
    fn one_pass() {
        let line = "25 %, 250.0 MB of 1.0 GB, 1.2 M frames/s, 1 reset, 6 s left";
        check(Pass::Only, (0, 250_000_000), 2, line);
        let line = "1 %, 12.5 MB of 1.0 GB, 250 k frames/s, 1 reset, 13 min 10 s left";
        check(Pass::Only, (0, 12_500_000), 10, line);
    }

    #[test]
    fn the_percent_are_those_of_both_passes() {
        let line = "25 %, pass 1 of 2, 500.0 MB of 1.0 GB, 1.2 M frames/s, 1 reset, 6 s left";
        check(Pass::First, (0, 500_000_000), 2, line);
        let line = "75 %, pass 2 of 2, 500.0 MB of 1.0 GB, 625 k frames/s, 1 reset, 4 s left";
        check(Pass::Second, (1_000_000_000, 1_500_000_000), 4, line);
    }

    #[test]
    fn a_first_pass_that_was_given_up_counts_as_read() {
        let line = "50 %, 400.0 MB of 1.0 GB, 1.2 M frames/s, 1 reset, 3 s left";
        check(Pass::Only, (200_000_000, 600_000_000), 2, line);
    }

    #[test]
    fn there_is_never_all_of_it_and_never_more() {
        let line = "99 %, 1.0 GB of 1.0 GB, 1.2 M frames/s, 1 reset, 0 s left";
        check(Pass::Only, (0, 1_200_000_000), 2, line);
    }

    #[test]
    fn what_is_read_is_counted() {
        let meter = Meter::default();
        io::copy(&mut meter.on(&[7; 1000][..]), &mut io::sink()).unwrap();
        assert_eq!(meter.read(), 1000);
    }

    #[test]
    fn files_without_a_length_have_no_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), [0; 10]).unwrap();
        let bytes = |wanted, files: &[&Path]| {
            Progress::new(wanted, &files.iter().map(|path| path.to_path_buf()).collect::<Vec<_>>()).bytes
        };
        assert_eq!(bytes(true, &[file.path(), file.path()]), Some(20));
        assert_eq!(bytes(false, &[file.path()]), None);
        assert_eq!(bytes(true, &[file.path(), Path::new("-")]), None);
        assert_eq!(bytes(true, &[file.path(), Path::new("/dev/null")]), None);
    }
}
