//! `--watch`: a view of the run in the terminal, as top has one of processes.

mod board;
mod draw;
mod opened;
mod screen;
#[cfg(test)]
mod tests;
mod view;

use std::io;
use std::time::{Duration, Instant};

use self::screen::Screen;
use self::view::View;
pub(super) use self::view::Wish;
use crate::analyzer::{Finding, Level};
use crate::frame::Timestamp;
use crate::report::{Context, Style};

/// The view and the terminal that it is on.
pub(super) struct Watch {
    view: View,
    screen: Screen,
    drawn: Instant,
}

impl Watch {
    /// How often it is drawn anew, and keys are asked for.
    const EVERY: Duration = Duration::from_millis(100);
    /// The same once nothing changes any more but by keys.
    const PATIENCE: Duration = Duration::from_millis(250);

    /// Takes the terminal.
    ///
    /// # Errors
    ///
    /// There is none.
    pub(super) fn start(context: &Context, style: &Style) -> io::Result<Self> {
        let input = match context.inputs.as_slice() {
            [] => String::new(),
            [input] => input.clone(),
            inputs => format!("{} files", inputs.len()),
        };
        let view = View::new(input, context.live, style.clone());
        let mut watch = Self { view, screen: Screen::take()?, drawn: Instant::now() };
        watch.draw(context)?;
        Ok(watch)
    }

    /// One more reset.
    pub(super) fn see(&mut self, finding: &Finding) {
        self.view.see(finding);
    }

    /// Whether it is time for a turn.
    pub(super) fn is_due(&self) -> bool {
        self.drawn.elapsed() >= Self::EVERY
    }

    /// Takes keys and draws.
    ///
    /// # Errors
    ///
    /// The terminal is gone.
    pub(super) fn turn(&mut self, context: &Context, (level, now): (&Level, Option<Timestamp>)) -> io::Result<Wish> {
        self.view.advance(level, now);
        while let Some(key) = self.screen.key(Duration::ZERO)? {
            if self.view.key(key) == Wish::Quit {
                return Ok(Wish::Quit);
            }
        }
        self.draw(context)?;
        Ok(Wish::GoOn)
    }

    /// Frames that were lost before they were read.
    pub(super) fn lose(&mut self, dropped: u64) {
        self.view.data.dropped = dropped;
    }

    /// What the program wants to tell.
    pub(super) fn tell(&mut self, message: String) {
        self.view.message = Some(message);
    }

    /// Nothing more comes: stays until a key or a signal ends it.
    ///
    /// # Errors
    ///
    /// The terminal is gone.
    pub(super) fn stay(&mut self, context: &Context, stopped: impl Fn() -> bool) -> io::Result<()> {
        self.view.ended = true;
        while !stopped() {
            self.draw(context)?;
            let key = self.screen.key(Self::PATIENCE)?;
            if key.is_some_and(|key| self.view.key(key) == Wish::Quit) {
                break;
            }
        }
        Ok(())
    }

    fn draw(&mut self, context: &Context) -> io::Result<()> {
        self.drawn = Instant::now();
        let Self { view, screen, .. } = self;
        screen.terminal.draw(|frame| view.draw(frame, context)).map(|_| ())
    }
}
