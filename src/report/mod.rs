//! What the program says of a run: one sink a format.

mod style;
mod text;

use std::io::{self, Write};

pub use style::{Format, Style, TimeStyle};

use crate::analyzer::{Finding, Summary};

/// Where the frames of a run come from.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// File name or interface per [`FrameNo::input`](crate::frame::FrameNo::input).
    pub inputs: Vec<String>,
    /// Whether the frames are captured while the program runs.
    pub live: bool,
}

/// The numbers at the end of a run.
#[derive(Clone, Copy, Debug)]
pub struct Finished<'a> {
    /// What the analyzer counted.
    pub summary: &'a Summary,
    /// How long the run took, in seconds.
    pub wall_seconds: f64,
    /// Frames that the kernel dropped; `None` for files.
    pub kernel_drops: Option<u64>,
}

/// Takes findings as they become final.
pub trait Sink {
    /// Before the first frame.
    ///
    /// # Errors
    ///
    /// As the output's.
    fn begin(&mut self, context: &Context) -> io::Result<()>;

    /// A finding is final.
    ///
    /// # Errors
    ///
    /// As the output's.
    fn finding(&mut self, context: &Context, finding: &Finding) -> io::Result<()>;

    /// After the last finding.
    ///
    /// # Errors
    ///
    /// As the output's.
    fn finish(&mut self, context: &Context, finished: &Finished<'_>) -> io::Result<()>;
}

/// The sink for a style.
pub fn sink(style: Style, out: Box<dyn Write>) -> Box<dyn Sink> {
    Box::new(text::Text::new(style, out))
}
