//! What people and programs read: one [`Sink`] per format, and the words all of them share.
//!
//! * [`Format::Text`]: a block a reset, for somebody with an incident and ten seconds;
//! * [`Format::Json`]: JSON Lines, schema 1 (`docs/schema.json`);
//! * [`Format::Csv`]: a line a reset, with the columns of [`COLUMNS`];
//! * `Format::Parquet`: the same columns, with the feature `parquet`;
//! * [`Format::Markdown`]: a table for tickets;
//! * [`Format::Count`]: numbers by class and cause.
//!
//! [`Report`] is a page beside these, for somebody who never saw a packet.

mod address;
pub(crate) mod amount;
mod catalogue;
mod columns;
mod comments;
mod community;
mod count;
mod csv;
mod diff;
mod fold;
mod html;
mod json;
mod kept;
pub mod ladder;
mod markdown;
mod names;
mod palette;
#[cfg(feature = "parquet")]
mod parquet;
mod remarks;
mod selection;
mod text;
mod time;
mod words;

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

pub use catalogue::Topic;
pub use columns::{COLUMNS, Column, Row, Value};
pub use comments::Comments;
pub use diff::{Diff, Recorded};
pub use fold::{Fold, Folded, Malformed, Row as FoldedRow};
pub use html::Report;
pub use names::{Named, Names};
pub use palette::accent;
pub use remarks::{remarks, sentence};
pub use selection::{Selection, Term};
pub use text::explain;
pub use time::clock;

use crate::analyzer::{Finding, Summary};
use crate::join::Joint;
use crate::pattern::Patterns;
use crate::tcp::Shard;

/// What is known of a run before its first finding.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Context {
    /// The file name or interface of each input, by [`FrameNo::input`](crate::frame::FrameNo::input).
    pub inputs: Vec<String>,
    /// Whether the frames come from an interface: findings are then flushed one by one.
    pub live: bool,
    /// The packet comments that came so far.
    pub comments: Comments,
    /// What the findings so far have in common, the one at hand included.
    pub patterns: Patterns,
    /// What hosts and services are called, as far as that was asked for.
    pub names: Names,
    /// What captures at several points say together, where they were joined.
    pub joint: Option<Joint>,
    /// Which resets are wanted; only these become findings of a sink.
    pub selection: Selection,
    /// Which part of the connections the run decides, if not all.
    pub shard: Option<Shard>,
}

/// What is known at the end of a run.
#[derive(Clone, Copy, Debug)]
pub struct Finished<'a> {
    /// The analyzer's counts.
    pub summary: &'a Summary,
    /// How long the run took, in seconds; `None` where rows of several were put together.
    pub wall_seconds: Option<f64>,
    /// Frames the kernel dropped before they were read; `None` for files.
    pub kernel_drops: Option<u64>,
    /// Frames that found no room in the queue between capture and analysis; `None` for files.
    pub queue_drops: Option<u64>,
    /// Resets that a sample left out of the output; `None` where all are in it. The counts have them.
    pub sampled_out: Option<u64>,
}

/// Where findings go, one after the other.
pub trait Sink {
    /// Before the first finding.
    ///
    /// # Errors
    ///
    /// When the output cannot be written.
    fn begin(&mut self, context: &Context) -> io::Result<()>;

    /// Whether it does anything with findings.
    fn takes_findings(&self) -> bool {
        true
    }

    /// One reset and its verdict.
    ///
    /// # Errors
    ///
    /// When the output cannot be written.
    fn finding(&mut self, context: &Context, finding: &Finding) -> io::Result<()>;

    /// After the last finding.
    ///
    /// # Errors
    ///
    /// When the output cannot be written.
    fn finish(&mut self, context: &Context, finished: &Finished<'_>) -> io::Result<()>;
}

/// The sink for `style`, writing to `out` in one piece for each finding; give it a buffered one.
pub fn sink(style: Style, out: Box<dyn Write>) -> Box<dyn Sink> {
    match style.format {
        Format::Text => Box::new(text::Text::new(style, out)),
        Format::Json => Box::new(json::JsonLines::new(style.json, out)),
        Format::Count => Box::new(count::Count::new(out)),
        Format::Csv => Box::new(csv::Csv::new(out)),
        #[cfg(feature = "parquet")]
        Format::Parquet => Box::new(parquet::Parquet::new(out)),
        Format::Markdown => Box::new(markdown::Markdown::new(out)),
    }
}

/// Which output.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// JSON Lines.
    Json,
    /// Only the numbers by class and cause.
    Count,
    /// Comma-separated values.
    Csv,
    /// Apache Parquet.
    #[cfg(feature = "parquet")]
    Parquet,
    /// A table for tickets.
    Markdown,
}

impl Format {
    /// Whether it is written line by line, so that a file of it can be gone on with, and another be begun at any time.
    pub fn is_lines(self) -> bool {
        matches!(self, Format::Text | Format::Json | Format::Csv)
    }
}

/// Whose names [`Format::Json`] uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum JsonStyle {
    /// Its own: `docs/schema.json`.
    #[default]
    Native,
    /// The Elastic Common Schema's.
    Ecs,
    /// OpenTelemetry's, a log record each.
    Otel,
    /// Zeek's, as in its logs.
    Zeek,
}

/// How the output looks; all but `format` and `json` concern [`Format::Text`] only.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Style {
    /// Which output.
    pub format: Format,
    /// Whose names [`Format::Json`] uses.
    pub json: JsonStyle,
    /// Whether to colour.
    pub color: bool,
    /// Columns of the terminal, where lines fold; `None` leaves lines whole, as a pipe wants them.
    pub width: Option<usize>,
    /// 1: one line a reset; 2: no summary either.
    pub quiet: u8,
    /// 1: every kept segment, what spoke against the other classes, and whole blocks for resets that follow from others or
    /// are one more of a pattern; 2: how the verdict was composed, and what another capture would decide.
    pub verbose: u8,
    /// Which resets are told apart, where only the first of each kind are shown; `None`: by service, and with `quiet` or
    /// `verbose` all are shown.
    pub group_by: Option<GroupBy>,
    /// After so many resets the others are only counted.
    pub max_resets: Option<u64>,
    /// Draw with ASCII only, for a locale that is not UTF-8.
    pub ascii: bool,
    /// How times are printed.
    pub time: TimeStyle,
    /// Times in UTC instead of local time.
    pub utc: bool,
    /// Nanoseconds instead of microseconds.
    pub nano: bool,
    /// Sequence numbers as on the wire.
    pub absolute_numbers: bool,
    /// What was around the reset: VLAN ids and tunnels.
    pub link_header: bool,
    /// The segments of each block as a ladder between two lifelines.
    pub ladder: bool,
    /// Also number the frames that are left out. The frames shown always have their numbers: the evidence needs them.
    pub frame_numbers: bool,
}

impl Style {
    /// Which resets are told apart.
    pub fn grouping(&self) -> GroupBy {
        let shows_all = self.quiet > 0 || self.verbose > 0;
        self.group_by.unwrap_or(if shows_all { GroupBy::None } else { GroupBy::Service })
    }

    /// The option that shows every reset.
    fn unfolding(&self) -> &'static str {
        if self.group_by.is_some() { "--group-by none" } else { "-v" }
    }

    /// Whether the output says what many resets have in common.
    pub fn names_patterns(&self) -> bool {
        match self.format {
            Format::Text => self.quiet < 2,
            Format::Json => self.json == JsonStyle::Native,
            Format::Markdown => true,
            Format::Count | Format::Csv => false,
            #[cfg(feature = "parquet")]
            Format::Parquet => false,
        }
    }
}

/// Which resets are told apart beside their cause; the first ones of each kind are shown, the others counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum GroupBy {
    /// Those of different causes only.
    Cause,
    /// Also those at different services.
    #[default]
    Service,
    /// Also those of different clients.
    Pair,
    /// All: each is shown.
    None,
}

/// How times are printed: tcpdump's `-t` to `-ttttt`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TimeStyle {
    /// HH:MM:SS.ffffff.
    #[default]
    Clock,
    /// Not at all (`-t`).
    None,
    /// Seconds since the Unix epoch (`-tt`).
    Epoch,
    /// Since the line printed before (`-ttt`).
    Delta,
    /// Date and time (`-tttt`).
    DateTime,
    /// Since the first line printed (`-ttttt`).
    SinceFirst,
}
