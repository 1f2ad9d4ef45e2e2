//! The bounded queue between the capture threads and the analysis. Who captures never waits: what finds no room is counted.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::super::{Drops, SourceError};
use super::LiveCounts;
use super::chunk::Chunk;
use crate::frame::{Loss, Timestamp};

/// What still counts after a stop.
#[derive(Clone, Copy)]
pub(super) struct LastCall {
    /// No frame captured after this.
    pub(super) until: Timestamp,
    /// Not longer than this.
    pub(super) deadline: Instant,
}

/// The queue, with a lane for each interface.
pub(super) struct Queue {
    state: Mutex<State>,
    /// Something came, or a capture thread has something to say.
    news: Condvar,
    pub(super) counts: Arc<LiveCounts>,
    /// The most bytes that wait in a lane.
    room: usize,
    /// Set once an end is asked for.
    pub(super) last_call: OnceLock<LastCall>,
    /// Nobody takes frames any more.
    closed: AtomicBool,
}

/// What the mutex guards.
pub(super) struct State {
    pub(super) lanes: Vec<Lane>,
    /// What was lost and not said yet.
    pub(super) losses: VecDeque<Loss>,
    /// Chunks that were taken, to be filled again.
    spare: Vec<Chunk>,
    woken: bool,
}

/// The frames of one interface.
#[derive(Default)]
pub(super) struct Lane {
    pub(super) chunks: VecDeque<Chunk>,
    bytes: usize,
    /// When the ring was last found empty; all that was in it is in the lane.
    pub(super) drained: Option<Instant>,
    /// How its capture ended, if it has.
    pub(super) ended: Option<Result<(), SourceError>>,
}

impl Queue {
    /// So many chunks without frames are kept, 2 MiB.
    const SPARE: usize = 16;
    /// So many times of loss are told apart while nobody asks for them.
    const LOSSES: usize = 64;

    pub(super) fn new(lanes: usize, room: usize) -> Self {
        let lanes = std::iter::repeat_with(Lane::default).take(lanes).collect();
        Self {
            state: Mutex::new(State { lanes, losses: VecDeque::new(), spare: Vec::new(), woken: false }),
            news: Condvar::new(),
            counts: Arc::default(),
            room,
            last_call: OnceLock::new(),
            closed: AtomicBool::new(false),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a chunk to a lane if it has room, and returns one to be filled. `drained` says when the ring was found empty.
    pub(super) fn put(&self, lane: usize, chunk: Chunk, drained: Option<Instant>) -> Chunk {
        let mut state = self.lock();
        let mut chunk = state.add(lane, chunk, self.room).unwrap_or_else(|refused| {
            let loss = refused.as_loss();
            state.lose(loss);
            self.counts.add(Drops { by_queue: loss.frames, ..Drops::default() });
            refused
        });
        if let Some(lane) = state.lanes.get_mut(lane).filter(|_| drained.is_some()) {
            lane.drained = drained;
        }
        self.counts.set_queued(state.lanes.iter().map(|lane| lane.bytes).sum());
        drop(state);
        self.news.notify_one();
        chunk.clear();
        chunk
    }

    /// Notes what the kernel lost.
    pub(super) fn lose(&self, loss: Loss) {
        self.lock().lose(loss);
    }

    /// The capture of a lane has ended.
    pub(super) fn end(&self, lane: usize, outcome: Result<(), SourceError>) {
        if let Some(lane) = self.lock().lanes.get_mut(lane) {
            lane.ended.get_or_insert(outcome);
        }
        self.news.notify_one();
    }

    /// Ends the wait of who takes.
    pub(super) fn wake(&self) {
        self.lock().woken = true;
        self.news.notify_one();
    }

    /// Waits for news.
    pub(super) fn wait<'a>(&self, state: MutexGuard<'a, State>, patience: Duration) -> MutexGuard<'a, State> {
        if state.woken {
            return state;
        }
        self.news.wait_timeout(state, patience).map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state)
    }

    /// Nobody takes frames any more.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }
}

impl State {
    /// Adds a chunk and returns one without frames; without room, the same one.
    fn add(&mut self, lane: usize, chunk: Chunk, room: usize) -> Result<Chunk, Chunk> {
        let Some(lane) = self.lanes.get_mut(lane).filter(|_| !chunk.is_empty()) else { return Ok(chunk) };
        let bytes = chunk.records().len();
        // The first one may be larger than all the room there is.
        if lane.bytes > 0 && lane.bytes + bytes > room {
            return Err(chunk);
        }
        lane.bytes += bytes;
        lane.chunks.push_back(chunk);
        Ok(self.spare.pop().unwrap_or_else(Chunk::empty))
    }

    /// The next chunk of a lane, for one whose frames were taken.
    pub(super) fn exchange(&mut self, lane: usize, taken: Chunk) -> Option<Chunk> {
        if self.spare.len() < Queue::SPARE {
            self.spare.push(taken);
        }
        let lane = self.lanes.get_mut(lane)?;
        let chunk = lane.chunks.pop_front()?;
        lane.bytes = lane.bytes.saturating_sub(chunk.records().len());
        Some(chunk)
    }

    /// Whether a wait was ended from outside, once.
    pub(super) fn was_woken(&mut self) -> bool {
        std::mem::take(&mut self.woken)
    }

    /// Losses that follow on each other are one, and so are the latest where there are many.
    fn lose(&mut self, loss: Loss) {
        let crowded = self.losses.len() >= Queue::LOSSES;
        match self.losses.back_mut().filter(|last| crowded || loss.from <= last.to) {
            Some(last) => {
                last.from = last.from.min(loss.from);
                last.to = last.to.max(loss.to);
                last.frames += loss.frames;
            }
            None => self.losses.push_back(loss),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(seconds: u32, frames: u32) -> Chunk {
        let mut chunk = Chunk::empty();
        (0..frames).for_each(|nanos| chunk.push((seconds, nanos), &[7; 84], 84));
        chunk
    }

    fn lost(queue: &Queue) -> Vec<(i64, u64)> {
        queue.lock().losses.iter().map(|loss| (loss.from.as_nanos() / 1_000_000_000, loss.frames)).collect()
    }

    #[test]
    fn what_finds_no_room_is_counted_and_nobody_waits() {
        let queue = Queue::new(2, 1000);
        queue.put(0, chunk(1, 10), None);
        assert_eq!((queue.counts.drops().by_queue, queue.counts.queued()), (0, 1000));
        queue.put(0, chunk(2, 1), None);
        queue.put(0, chunk(9, 2), None);
        assert_eq!((queue.counts.drops().by_queue, lost(&queue)), (3, vec![(2, 1), (9, 2)]));
        // Each interface has room of its own, and the first frames always find some.
        queue.put(1, chunk(3, 20), None);
        assert_eq!((queue.counts.drops().by_queue, queue.counts.queued()), (3, 3000));
        assert_eq!(queue.lock().exchange(0, Chunk::empty()).map(|chunk| chunk.records().len()), Some(1000));
        queue.put(0, chunk(10, 1), None);
        assert_eq!((queue.counts.drops().by_queue, queue.counts.queued()), (3, 2100));
    }

    #[test]
    fn losses_are_told_apart_up_to_a_bound() {
        let queue = Queue::new(1, 0);
        queue.put(0, chunk(1, 1), None);
        (0..200).for_each(|second| drop(queue.put(0, chunk(10 * second, 1), None)));
        let told = lost(&queue);
        assert_eq!((told.len(), told.iter().map(|(_, frames)| frames).sum::<u64>()), (Queue::LOSSES, 200));
        assert_eq!(queue.lock().losses.back().map(|loss| loss.to), Some(Timestamp::new(1990, 0)));
    }
}
