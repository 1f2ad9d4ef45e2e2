//! One piece of a capture that is cut into files, with what came before and after it.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;

use super::inputs::Inputs;
use super::merge::Merge;
use super::progress::Pass;
use super::{Halt, Run};
use crate::analyzer::{Analyzer, Options};
use crate::cli::{Config, Piece};
use crate::frame::Timestamp;
use crate::source::{Next, Source};

impl Run {
    /// Explains the resets of a piece. What came before is read for what it shows, and all connections are followed, as nobody
    /// knows which of them the piece has a reset of.
    pub(super) fn piece(mut self, config: &Config, piece: &Piece) -> anyhow::Result<ExitCode> {
        let first = piece.before.len();
        let end = first + piece.files.len();
        let number = |count: usize| u16::try_from(count).context("more than 65536 files");
        let (from, to) = (number(first)?, number(end - 1)?);
        number(end + piece.after.len())?;
        self.confine_to(config, &piece.all())?;
        self.options = Options { inputs: Some(from..=to), ..self.options };
        self.analyzer = Analyzer::new(self.options.clone());
        self.progress.begin(Pass::Only);
        let before = self.merged(&piece.before, 0);
        self.pump_files(before, false)?;
        self.analyzer.begin_piece(self.options.clone());
        let files = self.merged(&piece.files, from);
        self.pump_files(files, false)?;
        self.analyzer.end_piece();
        if let Some(last) = self.analyzer.summary().last {
            let after = self.merged(&piece.after, to.saturating_add(1));
            self.read_on(after, last.plus(self.options.settle_ns))?;
        }
        self.finish(None)
    }

    pub(super) fn merged(&self, files: &[PathBuf], first: u16) -> Merge {
        Merge::new(files, &self.signals, self.progress.meter()).numbered_from(first)
    }

    /// Reads until no reset of before waits any more.
    fn read_on(&mut self, mut merge: Merge, until: Timestamp) -> anyhow::Result<()> {
        loop {
            match merge.next() {
                Ok(Next::Frame(ref frame)) => {
                    self.frame(frame).map_err(Halt::Output)?;
                    if frame.time >= until || self.signals.stopped() {
                        return Ok(());
                    }
                }
                Ok(Next::Interface(link)) => self.interface(link)?,
                Ok(Next::Comment(frame, text)) => _ = self.comment(frame, text),
                Ok(Next::Damaged(error)) => _ = self.damaged(&merge.name(), &error),
                Ok(Next::Lost(loss)) => _ = self.lost(&loss),
                Ok(Next::Idle) => {}
                Ok(Next::End) => return Ok(()),
                Err(error) => self.survive(error.into(), || merge.abandon())?,
            }
        }
    }
}
