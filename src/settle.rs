//! Holds a reset until what follows it is known, or its settle time of capture time is over.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::frame::Timestamp;
use crate::track::{Id, KEPT_AFTER, Past, PortKey, ResetCase};

/// The most resets held at one time.
const HELD_MAX: usize = 1 << 16;
/// So many resets are decided together; where too many are held, early.
pub const TOGETHER: usize = 64;
/// The most resets of one incarnation that still take note of what follows.
const CHAIN_MAX: usize = 32;

const NEVER: Timestamp = Timestamp::from_nanos(i64::MAX);

/// Resets that wait, in the order they came.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Settle {
    held: VecDeque<Waiting>,
    /// How many resets were held before the front one, modulo 2^32: far fewer are held at a time.
    gone: u32,
    settle_ns: i64,
    /// No wait is over before this time.
    due: Timestamp,
}

/// A reset and its connection.
#[derive(Debug, Serialize, Deserialize)]
pub struct Held {
    /// The reset with all that is known: more than half a kilobyte, which a queue that grows would move about.
    pub case: Box<ResetCase>,
    /// The sender's port.
    pub port: PortKey,
    /// Its incarnation, while that exists.
    pub id: Id,
    /// Whether no RST of its four-tuple comes after it.
    pub last: bool,
}

/// Why a reset waits no longer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// Its settle time is over.
    Settled,
    /// Too many waited.
    CutShort,
    /// The capture had ended before.
    CaptureEnded,
}

#[derive(Debug, Serialize, Deserialize)]
struct Waiting {
    held: Held,
    /// When the reset came: the case is far away by the time that this is asked for.
    time: Timestamp,
    /// The reset of the same incarnation that was held before, if any.
    earlier: Option<u32>,
}

impl Settle {
    /// A queue that holds each reset for `settle_ns` nanoseconds of capture time.
    pub fn new(settle_ns: i64) -> Self {
        Self { settle_ns, due: NEVER, ..Self::default() }
    }

    /// Takes up what was written down of a queue that held each reset for as long; `None` where it is none.
    pub fn resumed(mut self, settle_ns: i64) -> Option<Self> {
        self.schedule();
        (self.settle_ns == settle_ns && self.held.len() <= HELD_MAX + 1).then_some(self)
    }

    /// The resets that wait, in the order they came.
    pub fn held(&self) -> impl Iterator<Item = &ResetCase> {
        self.held.iter().map(|waiting| &*waiting.held.case)
    }

    /// Takes a reset; `earlier` is the count that an earlier `hold` of the same incarnation returned, if that one still waits.
    pub fn hold(&mut self, held: Held, earlier: Option<u32>) -> u32 {
        self.held.push_back(Waiting { time: held.case.reset.time, held, earlier });
        self.schedule();
        self.gone.wrapping_add(self.held.len() as u32).wrapping_sub(1)
    }

    /// The reset with so many before it.
    #[inline]
    pub fn next_but(&self, before: usize) -> Option<&Held> {
        self.held.get(before).map(|waiting| &waiting.held)
    }

    /// Adds a segment of the incarnation to its waiting resets, `latest` being the last of them.
    pub fn observe(&mut self, latest: u32, past: &Past) {
        let mut next = Some(latest);
        for _ in 0..CHAIN_MAX {
            let Some(waiting) = next.and_then(|count| self.at(count)) else { return };
            let after = &mut waiting.held.case.after;
            if after.len() < KEPT_AFTER {
                after.push(*past);
            }
            next = waiting.earlier;
        }
    }

    /// Whether what came at `time` belongs to what a reset that came at `reset` is held for.
    pub fn covers(&self, reset: Timestamp, time: Timestamp) -> bool {
        time.since(reset) <= self.settle_ns
    }

    /// What is gone is so far behind, modulo 2^32, that nothing is there.
    fn at(&mut self, count: u32) -> Option<&mut Waiting> {
        self.held.get_mut(count.wrapping_sub(self.gone) as usize)
    }

    /// Whether a reset's wait may be over at `now`.
    #[inline]
    pub fn is_due(&self, now: Timestamp) -> bool {
        now >= self.due
    }

    /// The next reset whose wait is over at `now`.
    pub fn due(&mut self, now: Timestamp) -> Option<(Held, End)> {
        let settled = now.since(self.held.front()?.time) >= self.settle_ns;
        let crowded = self.held.len() > HELD_MAX - TOGETHER;
        if !settled && !crowded {
            return None;
        }
        Some((self.take()?, if settled { End::Settled } else { End::CutShort }))
    }

    /// The next reset, whether its wait is over or not: the capture has ended at `now`.
    pub fn drain(&mut self, now: Timestamp) -> Option<(Held, End)> {
        let settled = now.since(self.held.front()?.time) >= self.settle_ns;
        Some((self.take()?, if settled { End::Settled } else { End::CaptureEnded }))
    }

    fn schedule(&mut self) {
        self.due = match self.held.front() {
            None => NEVER,
            Some(_) if self.held.len() > HELD_MAX => Timestamp::from_nanos(i64::MIN),
            Some(front) => front.time.plus(self.settle_ns),
        };
    }

    fn take(&mut self) -> Option<Held> {
        let waiting = self.held.pop_front()?;
        self.gone = self.gone.wrapping_add(1);
        self.schedule();
        Some(waiting.held)
    }
}
