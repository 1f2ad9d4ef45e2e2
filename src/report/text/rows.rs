//! One line for each row of an output that is read again.

use std::io;

use super::page::Listed;
use super::{Above, Text, patterns};
use crate::classify::Trigger;
use crate::frame::FrameNo;
use crate::pattern::Outline;
use crate::report::palette::Ink;
use crate::report::{Context, FoldedRow as Row, GroupBy, Style, amount};

impl Text {
    /// In this style, to `out`, where rows have no segments to be shown, so that nothing is folded.
    pub fn of_rows(style: Style, out: Box<dyn io::Write>) -> Self {
        Self::new(Style { group_by: Some(GroupBy::None), ..style }, out)
    }

    /// One line: who, whom, why, how sure, and what drew it.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn row(&mut self, context: &Context, row: &Row) -> io::Result<()> {
        let mut page = self.page();
        let Outline { frame, time, tuple, class, cause, .. } = row.outline;
        self.input_name(&mut page, (context, frame));
        let named = |other: FrameNo| match other.input() == frame.input() {
            true => other.to_string(),
            false => patterns::named(context, other),
        };
        let drawn = match (row.outline.follows, row.trigger) {
            (Some(earlier), _) => format!(" (follows from {})", named(earlier)),
            (None, Some(Trigger { frame, after_ns })) => {
                format!(" (answers {} after {})", named(frame), amount::duration(after_ns))
            }
            (None, None) => String::new(),
        };
        let stamp = self.stamper.stamp(time);
        let separator = if stamp.is_empty() { "" } else { " " };
        let harm = if row.outline.benign == Some(true) { " benign" } else { "" };
        let certainty = row.certainty;
        let body = format!("{stamp}{separator}{tuple} {class}/{cause} {certainty}{harm}{drawn}");
        page.listing(&[Listed { lead: format!("{frame} "), body, note: None, ink: Ink::Accent(class) }]);
        self.above = Above::Lines;
        self.write(page, context)
    }
}
