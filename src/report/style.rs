//! How the output is to look.

/// The output format.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// JSON Lines.
    Json,
    /// The numbers by class and cause only.
    Count,
}

/// How times are printed; the options of tcpdump.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TimeStyle {
    /// Time of day.
    #[default]
    Clock,
    /// Not at all (`-t`).
    None,
    /// Seconds since the epoch (`-tt`).
    Epoch,
    /// Time since the line before (`-ttt`).
    Delta,
    /// Date and time of day (`-tttt`).
    DateTime,
    /// Time since the first line (`-ttttt`).
    SinceFirst,
}

/// How the output is to look; decided once, before anything is printed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Style {
    /// The format.
    pub format: Format,
    /// Whether to use colour.
    pub color: bool,
    /// Columns of the terminal; `None` where lines are not to be folded.
    pub width: Option<usize>,
    /// How often `-q` was given.
    pub quiet: u8,
    /// How often `-v` was given.
    pub verbose: u8,
    /// How times are printed.
    pub time: TimeStyle,
    /// Times in UTC instead of local time.
    pub utc: bool,
    /// Times in nanoseconds instead of microseconds.
    pub nano: bool,
    /// Sequence numbers as sent (`-S`).
    pub absolute_numbers: bool,
    /// Link-layer addresses too (`-e`).
    pub link_header: bool,
    /// Frame numbers (`-#`).
    pub frame_numbers: bool,
}
