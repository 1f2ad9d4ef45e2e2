//! The loop's side of the view: when it begins and ends, and what it is told.

use std::io;

use anyhow::Context as _;

use super::output::{hold_words, release_words, words_held};
use super::watch::{Watch, Wish};
use super::{Run, now};
use crate::source::Drops;

impl Run {
    /// Takes the terminal, where a view is asked for.
    ///
    /// # Errors
    ///
    /// There is none.
    pub(super) fn start_watch(&mut self) -> anyhow::Result<()> {
        let Some(style) = self.watches.take() else { return Ok(()) };
        self.watch =
            Some(Box::new(Watch::start(&self.context, &style).context("cannot take the terminal for --watch")?));
        hold_words();
        Ok(())
    }

    /// Shows how things are and takes keys, when that is due.
    pub(super) fn attend_watch(&mut self) {
        let Some(watch) = self.watch.as_mut().filter(|watch| watch.is_due()) else { return };
        if let Some(words) = words_held() {
            watch.tell(words);
        }
        let time = self.context.live.then(now);
        match watch.turn(&self.context, (&self.analyzer.level(), time)) {
            Ok(Wish::Quit) => self.signals.stop(),
            Ok(Wish::GoOn) => {}
            // The terminal is gone, and who watched with it.
            Err(_) => {
                self.watch = None;
                self.signals.stop();
            }
        }
    }

    /// Shows what the kernel dropped.
    pub(super) fn show_drops(&mut self, drops: Drops) {
        if let Some(watch) = &mut self.watch {
            watch.lose(drops.by_kernel + drops.by_interface + drops.by_queue);
        }
    }

    /// Stays until somebody has seen enough, and gives the terminal back.
    pub(super) fn leave_watch(&mut self) -> io::Result<()> {
        let Some(mut watch) = self.watch.take() else { return Ok(()) };
        let time = self.context.live.then(now);
        if !self.signals.stopped() && watch.turn(&self.context, (&self.analyzer.level(), time))? != Wish::Quit {
            watch.stay(&self.context, || self.signals.stopped())?;
        }
        drop(watch);
        release_words();
        Ok(())
    }
}
