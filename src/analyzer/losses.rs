//! When the capture lost frames: a verdict that may have needed one of them says so.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::frame::{Loss, Timestamp};
use crate::settle::Settle;
use crate::track::ResetCase;

/// The times of loss, the latest ones apart from each other.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Losses {
    times: VecDeque<(Timestamp, Timestamp)>,
    /// Frames lost in all.
    pub(super) frames: u64,
}

impl Losses {
    /// Of more the oldest two are taken for one.
    const TIMES: usize = 256;

    /// Whether they are no more than they may be.
    pub(super) fn are_sound(&self) -> bool {
        self.times.len() <= Self::TIMES && self.frames < 1 << 60
    }

    pub(super) fn add(&mut self, loss: &Loss) {
        self.frames += loss.frames;
        match self.times.back_mut().filter(|(from, to)| loss.from <= *to && *from <= loss.to) {
            Some((from, to)) => (*from, *to) = ((*from).min(loss.from), (*to).max(loss.to)),
            None => self.times.push_back((loss.from, loss.to)),
        }
        if self.times.len() > Self::TIMES
            && let Some(oldest) = self.times.pop_front()
            && let Some(next) = self.times.front_mut()
        {
            *next = (next.0.min(oldest.0), next.1.max(oldest.1));
        }
    }

    /// Whether a frame was lost between the oldest segment that is kept of a reset connection and the end of the wait for what
    /// follows the reset. Where none is kept, any frame lost before may have been one.
    pub(super) fn touch(&self, case: &ResetCase, settle: &Settle) -> bool {
        let begun = case.before.first().map_or(Timestamp::from_nanos(i64::MIN), |past| past.time());
        self.times.iter().any(|(from, to)| *to >= begun && settle.covers(case.reset.time, *from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::new(second, 0)
    }

    #[track_caller]
    fn check(losses: &Losses, reset: i64, expected: bool) {
        let mut case = ResetCase::empty();
        case.reset.time = second(reset);
        assert_eq!(losses.touch(&case, &Settle::new(3_000_000_000)), expected, "{reset}");
    }

    #[test]
    fn a_loss_touches_what_comes_later_and_what_waits() {
        let mut losses = Losses::default();
        check(&losses, 100, false);
        losses.add(&Loss { from: second(100), to: second(101), frames: 1 });
        check(&losses, 96, false);
        check(&losses, 97, true);
        check(&losses, 5000, true);
    }

    #[test]
    fn times_of_loss_are_bounded() {
        let mut losses = Losses::default();
        for at in 0..1000 {
            losses.add(&Loss { from: second(10 * at), to: second(10 * at + 1), frames: 2 });
            losses.add(&Loss { from: second(10 * at + 1), to: second(10 * at + 2), frames: 1 });
        }
        assert_eq!((losses.times.len(), losses.frames), (Losses::TIMES, 3000));
        assert_eq!(losses.times.front(), Some(&(second(0), second(7442))));
        assert_eq!(losses.times.back(), Some(&(second(9990), second(9992))));
    }
}
