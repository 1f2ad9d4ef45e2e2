//! Lists whose elements become lines of output one by one, as they are written, and are nowhere gathered before.

use serde::{Serialize, Serializer};

use crate::report::words::Speaker;

/// The elements of a list of the analyzer's, each as its twin.
pub struct Twins<'a, T, U> {
    of: &'a [T],
    speaker: Speaker<'a>,
    twin: fn(&T, &Speaker<'a>) -> U,
}

impl<'a, T, U> Twins<'a, T, U> {
    pub fn new(of: &'a [T], speaker: Speaker<'a>, twin: fn(&T, &Speaker<'a>) -> U) -> Self {
        Self { of, speaker, twin }
    }

    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }
}

impl<T, U: Serialize> Serialize for Twins<'_, T, U> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.of.iter().map(|one| (self.twin)(one, &self.speaker)))
    }
}
