//! Comma-separated values (RFC 4180): one header, one line a reset.

use std::io::{self, Write};

use csv::{Terminator, WriterBuilder};

use super::columns::{COLUMNS, Column, Row, Value};
use super::time::rfc3339;
use super::{Context, Finished, Sink};
use crate::analyzer::Finding;

/// Writes CSV.
pub struct Csv {
    out: Box<dyn Write>,
}

impl Csv {
    /// Enough for most lines.
    const LINE: usize = 2048;

    /// To `out`.
    pub fn new(out: Box<dyn Write>) -> Self {
        Self { out }
    }

    /// A line in one piece.
    fn line(&mut self, cells: impl Iterator<Item = String>) -> io::Result<()> {
        let mut line = WriterBuilder::new()
            .buffer_capacity(Self::LINE)
            .terminator(Terminator::Any(b'\n'))
            .from_writer(Vec::with_capacity(Self::LINE));
        line.write_record(cells.collect::<Vec<_>>())?;
        let line = line.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
        self.out.write_all(&line)
    }
}

impl Sink for Csv {
    fn begin(&mut self, context: &Context) -> io::Result<()> {
        self.line(COLUMNS.iter().map(|column| column.name.to_owned()))?;
        if context.live { self.out.flush() } else { Ok(()) }
    }

    fn finding(&mut self, context: &Context, finding: &Finding) -> io::Result<()> {
        let row = Row::new(context, finding);
        self.line(COLUMNS.iter().map(|column| cell(column, &row).unwrap_or_default()))?;
        if context.live { self.out.flush() } else { Ok(()) }
    }

    fn finish(&mut self, _: &Context, _: &Finished<'_>) -> io::Result<()> {
        self.out.flush()
    }
}

fn cell(column: &Column, row: &Row<'_>) -> Option<String> {
    match column.value {
        Value::Text(value) => value(row),
        Value::Integer(value) => value(row).map(|number| number.to_string()),
        Value::Boolean(value) => value(row).map(|truth| truth.to_string()),
        Value::Time(value) => value(row).map(rfc3339),
    }
}
