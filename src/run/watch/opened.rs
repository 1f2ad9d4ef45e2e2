//! One verdict with its proof, as the text output words it.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

use ansi_to_tui::IntoText;
use ratatui::text::Text;

use crate::analyzer::Finding;
use crate::report::{self, Context, Format, GroupBy, Style};

/// A verdict that fills the view.
pub(super) struct Opened {
    finding: Rc<Finding>,
    /// As a ladder, else as a list of segments.
    pub ladder: bool,
    pub scroll: usize,
    /// What was drawn, and for how many columns.
    drawn: Option<(usize, Text<'static>)>,
}

impl Opened {
    pub(super) fn new(finding: Rc<Finding>, ladder: bool) -> Self {
        Self { finding, ladder, scroll: 0, drawn: None }
    }

    /// From a ladder to a list, and back.
    pub(super) fn switch(&mut self) {
        self.ladder = !self.ladder;
        self.drawn = None;
    }

    /// Its text, folded for so many columns.
    pub(super) fn text(&mut self, context: &Context, style: &Style, width: usize) -> &Text<'static> {
        if self.drawn.as_ref().is_some_and(|(columns, _)| *columns != width) {
            self.drawn = None;
        }
        let (_, text) = self.drawn.get_or_insert_with(|| {
            let style = Style {
                format: Format::Text,
                width: Some(width),
                quiet: 0,
                verbose: 1,
                group_by: Some(GroupBy::None),
                max_resets: None,
                ladder: self.ladder,
                ..style.clone()
            };
            (width, text(context, &self.finding, style))
        });
        text
    }
}

fn text(context: &Context, finding: &Finding, style: Style) -> Text<'static> {
    let buffer = Shared::default();
    let mut sink = report::sink(style, Box::new(buffer.clone()));
    let written = sink.finding(context, finding);
    let bytes = std::mem::take(&mut *buffer.0.borrow_mut());
    match written.map(|()| bytes.into_text()) {
        Ok(Ok(text)) => text,
        // Neither can fail: memory takes all that is written, and what comes from the capture is escaped.
        Ok(Err(error)) => Text::from(error.to_string()),
        Err(error) => Text::from(error.to_string()),
    }
}

/// Memory that the sink writes to and the view reads.
#[derive(Clone, Default)]
struct Shared(Rc<RefCell<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
