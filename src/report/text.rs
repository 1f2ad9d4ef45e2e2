//! Lines for people.

use std::io::{self, Write};

use super::{Context, Finished, Format, Sink, Style};
use crate::analyzer::Finding;

pub(super) struct Text {
    style: Style,
    out: Box<dyn Write>,
}

impl Text {
    pub(super) fn new(style: Style, out: Box<dyn Write>) -> Self {
        Self { style, out }
    }
}

impl Sink for Text {
    fn begin(&mut self, _: &Context) -> io::Result<()> {
        Ok(())
    }

    fn finding(&mut self, _: &Context, finding: &Finding) -> io::Result<()> {
        if self.style.format == Format::Count {
            return Ok(());
        }
        writeln!(self.out, "{} {}", finding.reset.frame, finding.verdict.cause)
    }

    fn finish(&mut self, context: &Context, finished: &Finished<'_>) -> io::Result<()> {
        let (frames, resets) = (finished.summary.frames, finished.summary.resets);
        writeln!(self.out, "{}: {frames} frames, {resets} resets", context.inputs.join(", "))
    }
}
