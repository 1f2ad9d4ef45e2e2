//! The thread that takes frames of one interface from the kernel's ring.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pcap::{Active, Capture, Packet, Stat};

use super::super::pipe::{PATIENCE, wait};
use super::super::{Drops, SourceError};
use super::chunk::Chunk;
use super::open::{BLOCK_TIMEOUT, NANOS_PER_UNIT, refused};
use super::queue::Queue;
use crate::frame::{Loss, Timestamp};

/// Takes frames from the ring until an end is asked for. It waits for nothing but frames.
pub(super) struct Reader {
    capture: Capture<Active>,
    /// The same socket, to wait on while `capture` is busy.
    socket: OwnedFd,
    /// Readable once there is a signal.
    wake: Option<OwnedFd>,
    queue: Arc<Queue>,
    lane: usize,
    chunk: Chunk,
    watch: Watch,
}

impl Reader {
    /// So many frames are taken in one go.
    const AT_ONCE: usize = 1024;

    pub(super) fn new(
        capture: Capture<Active>,
        wake: OwnedFd,
        (queue, lane): (&Arc<Queue>, usize),
    ) -> Result<Self, SourceError> {
        let socket = capture.as_fd().try_clone_to_owned()?;
        let queue = Arc::clone(queue);
        Ok(Self { capture, socket, wake: Some(wake), queue, lane, chunk: Chunk::empty(), watch: Watch::new() })
    }

    /// Reads until the end, and says how it came.
    pub(super) fn run(mut self) {
        let outcome = self.read();
        if outcome.is_err() {
            self.empty();
        }
        self.watch.look(&mut self.capture, &self.queue);
        self.queue.end(self.lane, outcome);
    }

    fn read(&mut self) -> Result<(), SourceError> {
        while !self.queue.is_closed() {
            let taken = self.take()?;
            if taken > 0 {
                if self.watch.is_due() {
                    self.watch.look(&mut self.capture, &self.queue);
                }
                if self.is_past_the_end() {
                    break;
                }
                continue;
            }
            let drained = Instant::now();
            self.watch.look(&mut self.capture, &self.queue);
            self.hand_over(Some(drained));
            if !self.wait(drained)? {
                break;
            }
        }
        self.hand_over(None);
        Ok(())
    }

    /// Takes what is left in the ring of an interface that has gone away, the block included that the kernel still keeps.
    fn empty(&mut self) {
        let deadline = Instant::now() + 2 * BLOCK_TIMEOUT;
        while Instant::now() < deadline {
            // That the interface is gone is known.
            if self.take().unwrap_or(0) == 0 {
                thread::sleep(BLOCK_TIMEOUT / 10);
            }
        }
        self.hand_over(None);
    }

    /// Takes what the ring has by now, up to a number of frames; says how many there were.
    fn take(&mut self) -> Result<usize, SourceError> {
        let Self { capture, queue, lane, chunk, .. } = self;
        let taken = capture.dispatch(Some(Self::AT_ONCE), |packet| {
            chunk.push(time(&packet), packet.data, packet.header.len);
            if chunk.is_full() {
                *chunk = queue.put(*lane, std::mem::replace(chunk, Chunk::empty()), None);
            }
        });
        taken.map_err(refused)
    }

    fn hand_over(&mut self, drained: Option<Instant>) {
        let chunk = std::mem::replace(&mut self.chunk, Chunk::empty());
        self.chunk = self.queue.put(self.lane, chunk, drained);
    }

    /// Whether the frames have come to the time of a stop.
    fn is_past_the_end(&self) -> bool {
        self.queue.last_call.get().is_some_and(|last| !self.chunk.is_empty() && self.chunk.as_loss().to > last.until)
    }

    /// Waits for frames; false when there is no time for it any more.
    fn wait(&mut self, now: Instant) -> Result<bool, SourceError> {
        let patience = match self.queue.last_call.get() {
            Some(last) => last.deadline.saturating_duration_since(now).min(PATIENCE),
            None => PATIENCE,
        };
        if patience.is_zero() {
            return Ok(false);
        }
        let ready = wait(self.socket.as_fd(), self.wake.as_ref().map(AsFd::as_fd), patience)?;
        // A signal is told once: it stays there to be read.
        if !ready && let Some(wake) = self.wake.take_if(|wake| wait(wake.as_fd(), None, Duration::ZERO).unwrap_or(true))
        {
            drop(wake);
            self.queue.wake();
        }
        Ok(true)
    }
}

impl Drop for Reader {
    /// Where nothing else was said before, the thread has failed.
    fn drop(&mut self) {
        self.queue.end(self.lane, Err(SourceError::Libpcap("the capture thread has stopped".to_owned())));
    }
}

/// Asks the kernel now and then what it had no room for.
struct Watch {
    before: Option<Stat>,
    asked: Instant,
    /// The same by the clock that stamps frames.
    time: Timestamp,
}

impl Watch {
    /// Asking takes libpcap some 20 us, as it reads the counters of the interface from files.
    const EVERY: Duration = Duration::from_millis(10);
    /// A frame is stamped a little before the kernel looks for room.
    const STAMPED_BEFORE_NS: i64 = 1_000_000;

    fn new() -> Self {
        Self { before: None, asked: Instant::now(), time: now() }
    }

    fn is_due(&self) -> bool {
        self.asked.elapsed() >= Self::EVERY
    }

    fn look(&mut self, capture: &mut Capture<Active>, queue: &Queue) {
        // What the kernel does not tell now it tells later.
        let Ok(stat) = capture.stats() else { return };
        let time = now();
        let before = self.before.replace(stat).unwrap_or(Stat { received: 0, dropped: 0, if_dropped: 0 });
        let more = Drops {
            received: u64::from(stat.received.wrapping_sub(before.received)),
            by_kernel: u64::from(stat.dropped.wrapping_sub(before.dropped)),
            // Starts again when an interface comes back.
            by_interface: u64::from(stat.if_dropped.saturating_sub(before.if_dropped)),
            by_queue: 0,
        };
        queue.counts.add(more);
        let frames = more.by_kernel + more.by_interface;
        if frames > 0 {
            let (from, to) = (self.time.min(time), self.time.max(time));
            queue.lose(Loss { from: from.plus(-Self::STAMPED_BEFORE_NS), to, frames });
        }
        (self.asked, self.time) = (Instant::now(), time);
    }
}

/// The time by the clock that stamps frames.
pub(super) fn now() -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::new(now.as_secs() as i64, now.subsec_nanos())
}

/// Seconds and nanoseconds of a frame.
#[allow(clippy::unnecessary_cast, reason = "the fields are narrower on other systems")]
fn time(packet: &Packet<'_>) -> (u32, u32) {
    let stamp = packet.header.ts;
    (stamp.tv_sec as u32, (stamp.tv_usec as u32).wrapping_mul(NANOS_PER_UNIT))
}
