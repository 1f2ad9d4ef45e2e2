//! Which resets make a pattern: counts and the first of them, whatever their number.

use crate::frame::{FrameNo, Timestamp};

use super::Outline;

/// So many frames of a pattern are named.
const NAMED: usize = 3;

/// The least and the greatest of some times, in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// The least.
    pub min: i64,
    /// The greatest.
    pub max: i64,
}

impl Span {
    /// Of one time.
    pub fn of(nanos: i64) -> Self {
        Self { min: nanos, max: nanos }
    }

    /// Of both together.
    #[must_use]
    pub fn with(self, other: Span) -> Self {
        Self { min: self.min.min(other.min), max: self.max.max(other.max) }
    }
}

/// The resets of a pattern.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Members {
    /// How many there are.
    pub resets: u64,
    /// How many of them repeat what those before them had shown.
    pub repeats: u64,
    /// The first of them by number, at most three.
    pub frames: Vec<FrameNo>,
    /// When the earliest came.
    pub first: Timestamp,
    /// When the latest came.
    pub last: Timestamp,
}

impl Members {
    /// Of one reset.
    pub(super) fn of(reset: &Outline) -> Self {
        let (frame, time) = (reset.frame, reset.time);
        Self { resets: 1, repeats: 0, frames: vec![frame], first: time, last: time }
    }

    /// With one more reset.
    pub(super) fn add(&mut self, reset: &Outline) {
        let (frame, time) = (reset.frame, reset.time);
        self.resets += 1;
        self.first = self.first.min(time);
        self.last = self.last.max(time);
        // Most come in order, behind the first of them.
        if self.frames.len() < NAMED || self.frames.last().is_some_and(|last| frame < *last) {
            self.name(&[frame]);
        }
    }

    /// With others.
    pub(super) fn join(&mut self, others: &Members) {
        self.resets += others.resets;
        self.repeats += others.repeats;
        self.first = self.first.min(others.first);
        self.last = self.last.max(others.last);
        self.name(&others.frames);
    }

    fn name(&mut self, frames: &[FrameNo]) {
        self.frames.extend(frames);
        self.frames.sort_unstable();
        self.frames.truncate(NAMED);
    }
}
