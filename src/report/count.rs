//! Only the numbers, by class and cause.

use std::io::{self, Write};

use super::amount::counted;
use super::{Context, Finished, Sink};
use crate::analyzer::{Finding, Summary, Tally};

/// Writes `closed-port/no-listener  12 resets  10 events`, a line a cause, and `12 resets in 10 events` at the end.
pub struct Count {
    out: Box<dyn Write>,
}

impl Count {
    /// To `out`.
    pub fn new(out: Box<dyn Write>) -> Self {
        Self { out }
    }
}

impl Sink for Count {
    fn begin(&mut self, _: &Context) -> io::Result<()> {
        Ok(())
    }

    fn takes_findings(&self) -> bool {
        false
    }

    fn finding(&mut self, _: &Context, _: &Finding) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self, context: &Context, finished: &Finished<'_>) -> io::Result<()> {
        self.out.write_all(table(finished.summary, context.selection.hidden()).as_bytes())?;
        self.out.flush()
    }
}

fn table(summary: &Summary, hidden: Option<u64>) -> String {
    let rows: Vec<(String, &Tally)> =
        summary.by_cause.iter().map(|((class, cause), tally)| (format!("{class}/{cause}"), tally)).collect();
    let names = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let resets = digits(rows.iter().map(|(_, tally)| tally.resets));
    let events = digits(rows.iter().map(|(_, tally)| tally.events));
    let mut text = String::new();
    for (name, tally) in rows {
        let (reset, event) = (noun(tally.resets, "reset"), noun(tally.events, "event"));
        let line = format!("{name:<names$}  {:>resets$} {reset}  {:>events$} {event}", tally.resets, tally.events);
        text.push_str(line.trim_end());
        text.push('\n');
    }
    let hidden = hidden.map_or(String::new(), |hidden| format!(", {hidden} hidden"));
    text.push_str(&format!("{} in {}{hidden}\n", counted(summary.resets, "reset"), counted(summary.events, "event")));
    text
}

/// The noun for a number, as wide as its plural.
fn noun(count: u64, noun: &str) -> String {
    let plural = if count == 1 { " " } else { "s" };
    format!("{noun}{plural}")
}

/// The digits of the largest number.
fn digits(numbers: impl Iterator<Item = u64>) -> usize {
    numbers.max().unwrap_or(0).to_string().len()
}
