//! The rows of several outputs of `--json`, put together: shards of one capture, or captures one after the other.
//!
//! What concerns one reset is taken as it stands. What many have in common, and all counts of resets, are made anew of all
//! rows in the order of time, so that it makes no difference how the work was cut.

mod row;
mod totals;

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};

use foldhash::fast::RandomState;
use tempfile::SpooledTempFile;

pub use row::Row;
use row::{Line, ResetLine};
use totals::Totals;

use super::json::JsonLines;
use super::text::Text;
use super::{Context, Finished, Format, JsonStyle, Selection, Sink, Style, sink};
use crate::analyzer::Summary;
use crate::frame::{FrameNo, Timestamp};
use crate::pattern::{Outline, Patterns};

/// So many bytes of rows are kept in memory; where there are more they go to a temporary file.
const IN_MEMORY: usize = 64 << 20;

/// Takes the rows of any number of outputs.
#[derive(Debug)]
pub struct Fold {
    rows: Vec<Row>,
    names: Names,
    totals: Totals,
    /// The rows as they were read, where they will be written again.
    lines: Option<SpooledTempFile>,
    /// How many bytes these are.
    written: u64,
}

/// The files that rows name, in the order in which they came.
#[derive(Debug, Default)]
struct Names {
    all: Vec<String>,
    places: HashMap<String, u16, RandomState>,
}

/// Lines that are none of rstscan's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Malformed {
    /// How many.
    pub lines: u64,
    /// The first of them, from 1.
    pub first: Option<u64>,
}

/// All rows in their order, and what they have in common.
#[derive(Debug)]
pub struct Folded {
    /// The resets.
    pub rows: Vec<Row>,
    /// Why the rows are not all, or not what they seem: a sentence each.
    pub doubts: Vec<String>,
    context: Context,
    summary: Summary,
    totals: Totals,
    lines: Option<SpooledTempFile>,
}

impl Fold {
    /// Nothing read yet. Rows that will be printed as JSON again are kept as they are, in a temporary file where they are
    /// many.
    pub fn new(format: Format) -> Self {
        let lines = (format == Format::Json).then(|| SpooledTempFile::new(IN_MEMORY));
        Self { rows: Vec::new(), names: Names::default(), totals: Totals::default(), lines, written: 0 }
    }

    /// Reads an output.
    ///
    /// # Errors
    ///
    /// It cannot be read, or the temporary file cannot be written.
    pub fn read(&mut self, mut input: impl BufRead) -> io::Result<Malformed> {
        let mut malformed = Malformed::default();
        let mut bytes = Vec::new();
        for number in 1.. {
            bytes.clear();
            if input.read_until(b'\n', &mut bytes)? == 0 {
                break;
            }
            let line = bytes.trim_ascii();
            if !line.is_empty() && self.add(line)?.is_none() {
                malformed.lines += 1;
                malformed.first.get_or_insert(number);
            }
        }
        Ok(malformed)
    }

    /// Takes a line; `None` if it is none of this schema.
    fn add(&mut self, line: &[u8]) -> io::Result<Option<()>> {
        match Line::parse(line) {
            Some(Line::Reset(reset)) => self.reset(&reset, line),
            Some(Line::Summary(summary)) => {
                self.totals.add(&summary);
                Ok(Some(()))
            }
            Some(Line::Pattern) => Ok(Some(())),
            None => Ok(None),
        }
    }

    fn reset(&mut self, reset: &ResetLine<'_>, line: &[u8]) -> io::Result<Option<()>> {
        let place = (self.written, line.len() as u64);
        let Some(row) = reset.row(&mut |name| self.names.place(name), place) else { return Ok(None) };
        if let Some(lines) = &mut self.lines {
            lines.write_all(line)?;
            self.written += place.1;
        }
        self.rows.push(row);
        Ok(Some(()))
    }

    /// Puts the rows in order and sees what they have in common: `patterns` has seen nothing yet.
    pub fn finish(mut self, patterns: Patterns) -> Folded {
        let inputs = self.names.sort(&mut self.rows);
        let mut doubts = self.totals.doubts();
        doubts.extend(leave_out_doubles(&mut self.rows));
        if doubts.is_empty() {
            doubts.extend(self.totals.differ_from(self.rows.len() as u64));
        }
        put_in_order(&mut self.rows);
        let selection = Selection::hiding(self.totals.hidden);
        let live = self.totals.kernel_drops.is_some();
        let mut context = Context { inputs, live, patterns, selection, ..Context::default() };
        let mut summary = self.totals.summary();
        for Row { outline, .. } in &self.rows {
            context.patterns.add_outline(outline);
            summary.count((outline.class, outline.cause), outline.service, outline.follows.is_none());
        }
        Folded { rows: self.rows, doubts, context, summary, totals: self.totals, lines: self.lines }
    }
}

impl Names {
    /// The place of a file; `None` where there are more than frames can name.
    fn place(&mut self, name: &str) -> Option<u16> {
        if let Some(place) = self.places.get(name) {
            return Some(*place);
        }
        let place = u16::try_from(self.all.len()).ok()?;
        self.all.push(name.to_owned());
        self.places.insert(name.to_owned(), place);
        Some(place)
    }

    /// The names in alphabetical order, after the rows were told of it: they may have come in any.
    fn sort(&mut self, rows: &mut [Row]) -> Vec<String> {
        let mut sorted = std::mem::take(&mut self.all);
        sorted.sort_unstable();
        let mut ranks: Vec<u16> = vec![0; sorted.len()];
        for (rank, name) in (0..).zip(&sorted) {
            if let Some(place) = self.places.get(name).and_then(|place| ranks.get_mut(usize::from(*place))) {
                *place = rank;
            }
        }
        let moved = |frame: FrameNo| {
            let rank = ranks.get(usize::from(frame.input())).copied().unwrap_or_default();
            FrameNo::new(rank, frame.number())
        };
        rows.iter_mut().for_each(|row| row.rename(moved));
        sorted
    }
}

/// Leaves out rows that are there twice, and sorts the others by file and frame.
fn leave_out_doubles(rows: &mut Vec<Row>) -> Option<String> {
    let all = rows.len();
    rows.sort_by_key(|row| (row.outline.frame, row.outline.time));
    rows.dedup_by(|later, row| later.is_same(row));
    let alike = rows.windows(2).filter(|pair| matches!(pair, [a, b] if a.outline.frame == b.outline.frame)).count();
    match all - rows.len() {
        0 if alike == 0 => None,
        0 => Some(format!(
            "{alike} resets have the file and frame of another one: captures of one name cannot be told apart"
        )),
        1 => Some("1 row is there twice: counted once".to_owned()),
        twice => Some(format!("{twice} rows are there twice: counted once")),
    }
}

/// By time, but those of one file in the order of their frames, also where its clock goes back.
fn put_in_order(rows: &mut [Row]) {
    let mut latest: Option<(u16, Timestamp)> = None;
    for row in rows.iter_mut() {
        let Outline { frame, time, .. } = row.outline;
        row.due = match latest {
            Some((file, before)) if file == frame.input() => before.max(time),
            _ => time,
        };
        latest = Some((frame.input(), row.due));
    }
    rows.sort_by_key(|row| (row.due, row.outline.frame.input()));
}

impl Folded {
    /// Prints everything: the rows as they are in JSON, and one line each with `-q`; then what they have in common, and the
    /// counts.
    ///
    /// # Errors
    ///
    /// It cannot be written, or the temporary file cannot be read.
    pub fn write(&mut self, style: &Style, mut out: Box<dyn Write>) -> io::Result<()> {
        let finished = Finished {
            summary: &self.summary,
            wall_seconds: None,
            kernel_drops: self.totals.kernel_drops,
            queue_drops: self.totals.queue_drops,
            sampled_out: self.totals.sampled_out,
        };
        match style.format {
            Format::Json => {
                if let Some(lines) = &mut self.lines {
                    copy(&self.rows, lines, &mut out)?;
                }
                JsonLines::new(JsonStyle::Native, out).finish(&self.context, &finished)
            }
            Format::Text => {
                let mut text = Text::of_rows(style.clone(), out);
                for row in self.rows.iter().filter(|_| style.quiet > 0) {
                    text.row(&self.context, row)?;
                }
                text.finish(&self.context, &finished)
            }
            _ => sink(style.clone(), out).finish(&self.context, &finished),
        }
    }
}

/// Writes rows as they were read.
fn copy(rows: &[Row], lines: &mut SpooledTempFile, out: &mut impl Write) -> io::Result<()> {
    lines.seek(SeekFrom::Start(0))?;
    let (mut lines, mut at) = (BufReader::with_capacity(1 << 16, lines), 0);
    let mut line = Vec::new();
    for row in rows {
        let (from, length) = row.place;
        lines.seek_relative(from.wrapping_sub(at) as i64)?;
        line.clear();
        lines.by_ref().take(length).read_to_end(&mut line)?;
        line.push(b'\n');
        out.write_all(&line)?;
        at = from + length;
    }
    Ok(())
}
