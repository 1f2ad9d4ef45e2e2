//! What is read from, with names to tell people.

use super::follow::Followed;
use super::merge::Merge;
use crate::source::{Drops, Live, Originals};

/// A source that knows which input it reads.
pub(super) trait Inputs: Originals {
    /// What to say of a file whose reading has just begun, once.
    fn opened(&mut self) -> Option<String>;

    /// The input last read from.
    fn name(&self) -> String;

    /// What the kernel counted so far, of a live capture.
    fn drops(&mut self) -> Option<Drops> {
        None
    }
}

impl Inputs for Merge {
    fn opened(&mut self) -> Option<String> {
        self.greeting().map(|path| format!("reading from file {}", path.display()))
    }

    fn name(&self) -> String {
        self.path().map(|path| path.display().to_string()).unwrap_or_default()
    }
}

impl Inputs for Followed {
    fn opened(&mut self) -> Option<String> {
        self.greeting()
    }

    fn name(&self) -> String {
        self.path().display().to_string()
    }
}

impl Inputs for Live {
    fn opened(&mut self) -> Option<String> {
        None
    }

    fn name(&self) -> String {
        String::new()
    }

    fn drops(&mut self) -> Option<Drops> {
        Live::drops(self).ok()
    }
}
