//! What people and programs read: one [`Sink`] per format, and the words all of them share.
//!
//! * [`Format::Text`]: a block a reset, for somebody with an incident and ten seconds;
//! * [`Format::Json`]: JSON Lines, schema 1 (`docs/schema.json`);
//! * [`Format::Count`]: numbers by class and cause.

mod amount;
mod catalogue;
mod comments;
mod count;
mod json;
mod palette;
mod remarks;
mod text;
mod time;
mod words;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

pub use catalogue::Topic;
pub use comments::Comments;
pub use remarks::remarks;
pub use text::explain;

use crate::analyzer::{Finding, Summary};
use crate::pattern::Patterns;

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
}

/// What is known at the end of a run.
#[derive(Clone, Copy, Debug)]
pub struct Finished<'a> {
    /// The analyzer's counts.
    pub summary: &'a Summary,
    /// How long the run took, in seconds.
    pub wall_seconds: f64,
    /// Frames the kernel dropped before they were read; `None` for files.
    pub kernel_drops: Option<u64>,
}

/// Where findings go, one after the other.
pub trait Sink {
    /// Before the first finding.
    ///
    /// # Errors
    ///
    /// When the output cannot be written.
    fn begin(&mut self, context: &Context) -> io::Result<()>;

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
        Format::Json => Box::new(json::JsonLines::new(out)),
        Format::Count => Box::new(count::Count::new(out)),
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
}

/// How the output looks; all but `format` concern [`Format::Text`] only.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Style {
    /// Which output.
    pub format: Format,
    /// Whether to colour.
    pub color: bool,
    /// Columns of the terminal, where lines fold; `None` leaves lines whole, as a pipe wants them.
    pub width: Option<usize>,
    /// 1: one line a reset; 2: no summary either.
    pub quiet: u8,
    /// 1: every kept segment, what spoke against the other classes, and whole blocks for resets that follow from others or
    /// are one more of a pattern; 2: how the verdict was composed, and what another capture would decide.
    pub verbose: u8,
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
    /// Also number the frames that are left out. The frames shown always have their numbers: the evidence needs them.
    pub frame_numbers: bool,
}

impl Style {
    /// Whether the output says what many resets have in common.
    pub fn names_patterns(&self) -> bool {
        match self.format {
            Format::Text => self.quiet < 2,
            Format::Json => true,
            Format::Count => false,
        }
    }
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
