//! Frames on their way from the capture thread to the analysis, many at a time.

use std::time::Instant;

use super::super::variant::Variant;
use crate::frame::{Loss, Timestamp};

/// Frames of one interface, in the layout of a pcap file with nanoseconds: of one header each, and close together.
pub(super) struct Chunk {
    records: Vec<u8>,
    frames: u64,
    first: Timestamp,
    last: Timestamp,
    /// When the first of them was taken from the ring.
    taken: Option<Instant>,
}

impl Chunk {
    /// A chunk with so many bytes takes no more frames: a block of the kernel's ring, filled with small frames, is about one.
    const FULL: usize = 128 * 1024;

    pub(super) const fn empty() -> Self {
        let zero = Timestamp::from_nanos(0);
        Self { records: Vec::new(), frames: 0, first: zero, last: zero, taken: None }
    }

    /// Forgets the frames; their memory stays.
    pub(super) fn clear(&mut self) {
        self.records.clear();
        self.frames = 0;
        self.taken = None;
    }

    /// Adds a frame with its seconds and nanoseconds since 1970 and its length on the wire.
    #[inline]
    pub(super) fn push(&mut self, (seconds, nanos): (u32, u32), data: &[u8], wire_len: u32) {
        if self.frames == 0 {
            self.records.reserve(Self::FULL);
            self.first = Timestamp::new(i64::from(seconds), nanos);
            self.taken = Some(Instant::now());
        }
        let data = data.get(..Variant::MAX_FRAME).unwrap_or(data);
        let mut header = [0; Variant::RECORD_HEADER];
        for (field, word) in header.chunks_exact_mut(4).zip([seconds, nanos, data.len() as u32, wire_len]) {
            field.copy_from_slice(&word.to_le_bytes());
        }
        self.records.extend_from_slice(&header);
        self.records.extend_from_slice(data);
        self.frames += 1;
        self.last = Timestamp::new(i64::from(seconds), nanos);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.frames == 0
    }

    pub(super) fn is_full(&self) -> bool {
        self.records.len() >= Self::FULL
    }

    /// The frames as records of a pcap file.
    pub(super) fn records(&self) -> &[u8] {
        &self.records
    }

    /// When the first of its frames was taken from the ring.
    pub(super) fn taken(&self) -> Option<Instant> {
        self.taken
    }

    /// What is lost with it.
    pub(super) fn as_loss(&self) -> Loss {
        Loss { from: self.first.min(self.last), to: self.first.max(self.last), frames: self.frames }
    }
}
