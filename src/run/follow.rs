//! One file that is still written to, and those that take its name.

use std::cell::Cell;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::signals::Signals;
use super::{Halt, Run};
use crate::cli::Config;
use crate::source::{Beside, CaptureFile, Description, Growing, Next, Original, Originals, Source, SourceError};

/// The frames of a file and of its successors, each with a number of its own as input.
pub(super) struct Followed {
    path: PathBuf,
    signals: Arc<Signals>,
    file: CaptureFile<Growing>,
    /// Whether its writer goes on elsewhere, and all that was left there is read.
    ended: Rc<Cell<bool>>,
    input: u16,
    /// Whether its header was read.
    greeted: bool,
    stopped: bool,
    greeting: Option<String>,
    keeps_originals: bool,
}

impl Run {
    /// A run over a file that grows, until a signal.
    ///
    /// # Errors
    ///
    /// The filter is wrong, or the output cannot be written.
    pub(super) fn followed(mut self, config: &Config, path: &Path) -> anyhow::Result<ExitCode> {
        self.silence = Some(Silence::new(config.settle_ns));
        self.flush_each = true;
        self.write_to(config, &[path.to_owned()])?;
        self.confine_to(config, &[path.to_owned()])?;
        let ended = Followed::open(path, &self.signals).map_err(|error| Halt::Source(error.into()));
        let pumped = ended.and_then(|mut file| {
            self.keep_originals(&mut file);
            self.pump(&mut file)
        });
        if let Err(halt) = pumped {
            self.survive(halt, || path.to_owned())?;
        }
        self.finish(None)
    }
}

impl Followed {
    /// Opens a regular file.
    pub(super) fn open(path: &Path, signals: &Arc<Signals>) -> io::Result<Self> {
        let growing = Growing::open(path, signals.wake()?)?;
        Ok(Self {
            path: path.to_owned(),
            signals: Arc::clone(signals),
            ended: growing.ended(),
            file: CaptureFile::uncompressed(growing, 0),
            input: 0,
            greeted: false,
            stopped: false,
            greeting: None,
            keeps_originals: false,
        })
    }

    /// What to say of a file whose reading has just begun, once.
    pub(super) fn greeting(&mut self) -> Option<String> {
        self.greeting.take()
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn reopen(&mut self) -> io::Result<()> {
        let growing = Growing::open(&self.path, self.signals.wake()?)?;
        self.input = self.input.saturating_add(u16::from(self.greeted));
        self.ended = growing.ended();
        self.file = CaptureFile::uncompressed(growing, self.input);
        if self.keeps_originals {
            self.file.keep_originals();
        }
        self.greeted = false;
        Ok(())
    }
}

impl Source for Followed {
    fn next(&mut self) -> Result<Next<'_>, SourceError> {
        if self.ended.get() && !self.stopped {
            self.reopen()?;
        }
        match self.file.next() {
            Ok(Next::Interface(link)) => {
                if !self.greeted {
                    let path = self.path.display();
                    self.greeting = Some(match self.input {
                        0 => format!("following file {path}"),
                        _ => format!("file {path} was replaced or cut, following the new one"),
                    });
                }
                self.greeted = true;
                Ok(Next::Interface(link))
            }
            Ok(Next::End) | Err(SourceError::Empty) if self.ended.get() && !self.stopped => Ok(Next::Idle),
            Err(error) if self.ended.get() => Ok(Next::Damaged(error)),
            other => other,
        }
    }

    fn stop(&mut self) {
        self.stopped = true;
        self.file.stop();
    }
}

impl Originals for Followed {
    fn keep_originals(&mut self) {
        self.keeps_originals = true;
        self.file.keep_originals();
    }

    fn original(&self) -> Option<Original<'_>> {
        self.file.original()
    }

    fn description(&self) -> Option<Description> {
        self.file.description()
    }

    fn beside(&mut self) -> Vec<Beside> {
        self.file.beside()
    }
}

/// Tells when nothing has come for so long that resets need not be held for what follows them.
///
/// The time of a followed file passes with its frames, which its writer may keep back; only a silence is measured here.
pub(super) struct Silence {
    patience: Duration,
    since: Instant,
    /// How many frames there were when it began.
    frames: u64,
    told: bool,
}

impl Silence {
    /// Writers such as dumpcap hand over what they have at least this often.
    const LAG: Duration = Duration::from_secs(1);

    /// After the time that resets are held, and what writers may lag.
    pub(super) fn new(settle_ns: i64) -> Self {
        let patience = Duration::from_nanos(settle_ns.unsigned_abs()) + Self::LAG;
        Self { patience, since: Instant::now(), frames: 0, told: false }
    }

    /// Whether it has lasted long enough, given how many frames came by `now`; true once in each silence.
    pub(super) fn is_over(&mut self, frames: u64, now: Instant) -> bool {
        if frames != self.frames {
            (self.since, self.frames, self.told) = (now, frames, false);
        }
        let lasted = !self.told && now.saturating_duration_since(self.since) >= self.patience;
        self.told |= lasted;
        lasted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silence_is_told_once_and_each_frame_begins_another() {
        let mut silence = Silence::new(3_000_000_000);
        let begun = Instant::now();
        let mut at = |seconds, frames| silence.is_over(frames, begun + Duration::from_secs(seconds));
        assert!(!at(1, 5));
        assert!(!at(4, 5));
        assert!(at(5, 5));
        assert!(!at(60, 5));
        assert!(!at(61, 6));
        assert!(at(65, 6));
    }
}
