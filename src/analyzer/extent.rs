//! How many frames there were, and when.

use crate::frame::Timestamp;

/// The frames of a capture, as far as it was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    frames: u64,
    first: Timestamp,
    last: Timestamp,
}

impl Default for Extent {
    fn default() -> Self {
        Self { frames: 0, first: Timestamp::from_nanos(i64::MAX), last: Timestamp::from_nanos(i64::MIN) }
    }
}

impl Extent {
    /// One more frame.
    #[inline]
    pub(super) fn add(&mut self, time: Timestamp) {
        self.frames += 1;
        self.first = self.first.min(time);
        self.last = self.last.max(time);
    }

    /// How many there were.
    pub(super) fn frames(&self) -> u64 {
        self.frames
    }

    /// The latest capture time so far, or one before all others.
    #[inline]
    pub(super) fn last(&self) -> Timestamp {
        self.last
    }

    /// The earliest and the latest capture time, once there is a frame.
    pub(super) fn span(&self) -> Option<(Timestamp, Timestamp)> {
        (self.frames > 0).then_some((self.first, self.last))
    }
}
