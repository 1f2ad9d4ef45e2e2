//! What is read from, with names to tell people.

use super::follow::Followed;
use super::live::greeting;
use super::merge::Merge;
use crate::source::{Live, Originals};

/// A source that knows which input it reads.
pub(super) trait Inputs: Originals {
    /// What to say of an input whose reading has just begun, once: the words before and after its link type.
    fn opened(&mut self) -> Option<(String, String)>;

    /// The input last read from.
    fn name(&self) -> String;
}

impl Inputs for Merge {
    fn opened(&mut self) -> Option<(String, String)> {
        self.greeting().map(|path| (format!("reading from file {}", path.display()), String::new()))
    }

    fn name(&self) -> String {
        self.path().map(|path| path.display().to_string()).unwrap_or_default()
    }
}

impl Inputs for Followed {
    fn opened(&mut self) -> Option<(String, String)> {
        self.greeting().map(|greeting| (greeting, String::new()))
    }

    fn name(&self) -> String {
        self.path().display().to_string()
    }
}

impl Inputs for Live {
    fn opened(&mut self) -> Option<(String, String)> {
        self.is_opened().then(|| greeting(self))
    }

    fn name(&self) -> String {
        self.interface().to_owned()
    }
}
