//! The loop's side of writing a capture: what goes to the writer, and what its errors mean to the run.

use std::io;
use std::path::PathBuf;

use super::Run;
use super::inputs::Inputs;
use super::output::tell;
use super::write::{FirstPass, WriteError, Writer};
use crate::cli::Config;
use crate::frame::Timestamp;

/// What the loop took from a source, that the writer may want as well.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Taken {
    Nothing,
    Interface,
    Frame,
}

impl Run {
    /// Begins to write, if that is asked for.
    pub(super) fn write_to(&mut self, config: &Config, inputs: &[PathBuf]) -> anyhow::Result<()> {
        if let Some(writing) = &config.writing {
            self.writer = Some(Box::new(Writer::new(writing, inputs, config.settle_ns)?));
        }
        self.takes = self.writer.as_ref().is_some_and(|writer| writer.takes_frames());
        Ok(())
    }

    /// Has a source hand over its frames as they are, if they are written as they come.
    pub(super) fn keep_originals(&self, source: &mut impl Inputs) {
        if self.takes {
            source.keep_originals();
        }
    }

    /// Hands the writer what the loop took.
    #[cold]
    #[inline(never)]
    pub(super) fn save(&mut self, source: &mut impl Inputs, taken: Taken) -> io::Result<()> {
        self.with_writer(|writer| match taken {
            Taken::Interface => writer.describe(source),
            Taken::Frame => writer.take(source),
            Taken::Nothing => writer.beside(source),
        })
    }

    /// What the analyzer knows by now is final for frames of this time; `None`: of the latest one.
    pub(super) fn settle_written(&mut self, now: Option<Timestamp>) {
        let Some(writer) = self.writer.as_mut().filter(|writer| writer.takes_frames()) else { return };
        if let Some(now) = now {
            writer.advance(now);
        }
        self.analyzer.tick(writer.now());
    }

    /// Lets the writer do something. What it cannot write it need not be given again: the findings are worth going on for,
    /// unless nobody reads any more.
    pub(super) fn with_writer(&mut self, act: impl FnOnce(&mut Writer) -> Result<(), WriteError>) -> io::Result<()> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        match act(writer) {
            Ok(()) => Ok(()),
            Err(error) => self.lose_writer(&error),
        }
    }

    fn lose_writer(&mut self, error: &WriteError) -> io::Result<()> {
        self.writer = None;
        self.takes = false;
        if error.is_broken_pipe() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.failed = true;
        tell(format_args!("rstscan: {error}"));
        Ok(())
    }

    /// Writes what is left, and says what was written.
    pub(super) fn finish_writing(&mut self) -> io::Result<()> {
        let Some(writer) = self.writer.take() else { return Ok(()) };
        let first = FirstPass { filter: self.filter.as_ref(), signals: &self.signals, frames: self.frames };
        match writer.finish(&first) {
            Ok(words) if !self.quiet => tell(words),
            Ok(_) => {}
            Err(error) => self.lose_writer(&error)?,
        }
        Ok(())
    }
}
