//! What is counted of a live capture while it goes on, to be read from any thread.

use std::sync::atomic::{AtomicU64, Ordering};

use super::super::Drops;

/// Counters of a live capture over all its interfaces. Reading them disturbs nobody.
#[derive(Debug, Default)]
pub struct LiveCounts {
    received: AtomicU64,
    by_kernel: AtomicU64,
    by_interface: AtomicU64,
    by_queue: AtomicU64,
    queued: AtomicU64,
}

impl LiveCounts {
    /// The counts so far; those of the kernel are as old as its last answer, 100 ms at most.
    pub fn drops(&self) -> Drops {
        Drops {
            received: self.received.load(Ordering::Relaxed),
            by_kernel: self.by_kernel.load(Ordering::Relaxed),
            by_interface: self.by_interface.load(Ordering::Relaxed),
            by_queue: self.by_queue.load(Ordering::Relaxed),
        }
    }

    /// How many bytes of frames wait to be analysed.
    pub fn queued(&self) -> u64 {
        self.queued.load(Ordering::Relaxed)
    }

    /// Adds what the kernel counted since it was asked before.
    pub(super) fn add(&self, more: Drops) {
        self.received.fetch_add(more.received, Ordering::Relaxed);
        self.by_kernel.fetch_add(more.by_kernel, Ordering::Relaxed);
        self.by_interface.fetch_add(more.by_interface, Ordering::Relaxed);
        self.by_queue.fetch_add(more.by_queue, Ordering::Relaxed);
    }

    /// Notes how many bytes wait now.
    pub(super) fn set_queued(&self, bytes: usize) {
        self.queued.store(bytes as u64, Ordering::Relaxed);
    }
}
