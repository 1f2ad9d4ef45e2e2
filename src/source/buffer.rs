//! The window on an input that the file readers parse in.

use std::io::{self, Read};

/// A window of bytes that moves over an input.
///
/// Reads are large, and parsers borrow from the window: nothing is copied but the cut record at its end, once a read.
pub(super) struct Buffer<R> {
    reader: R,
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// Place of `start` in the input.
    offset: u64,
    /// Bytes that were consumed but are not read yet.
    debt: u64,
    /// Whether nothing more is to be read.
    closed: bool,
}

impl<R: Read> Buffer<R> {
    /// The size of one read. Measured: larger ones gain nothing and leave the second-level cache.
    const SIZE: usize = 256 * 1024;

    pub(super) fn new(reader: R) -> Self {
        Self { reader, bytes: vec![0; Self::SIZE], start: 0, end: 0, offset: 0, debt: 0, closed: false }
    }

    /// The bytes at hand.
    #[inline]
    pub(super) fn data(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// From now on the input ends with what was read already.
    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    /// Where [`Buffer::data`] starts in the input.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Bytes consumed that did not arrive yet.
    pub(super) fn debt(&self) -> u64 {
        self.debt
    }

    /// Moves the window on, also beyond what was read so far.
    #[inline]
    pub(super) fn consume(&mut self, count: u64) {
        let present = (self.end - self.start) as u64;
        let step = count.min(present);
        self.start += step as usize;
        self.offset += step;
        self.debt += count - step;
    }

    /// Reads until `count` bytes are at hand; false when the input ends before.
    ///
    /// # Errors
    ///
    /// As the reader's; nothing is lost by one of kind `WouldBlock`, and the call can be repeated.
    #[inline]
    pub(super) fn fill(&mut self, count: usize) -> io::Result<bool> {
        if self.end - self.start >= count { Ok(true) } else { self.refill(count) }
    }

    #[cold]
    fn refill(&mut self, count: usize) -> io::Result<bool> {
        if self.closed {
            return Ok(false);
        }
        self.bytes.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.bytes.len() < count {
            self.bytes.resize(count, 0);
        }
        while self.end < count {
            match self.reader.read(&mut self.bytes[self.end..]) {
                Ok(0) => return Ok(false),
                Ok(read) => self.arrived(read),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Takes `read` new bytes in, less what was consumed in advance.
    fn arrived(&mut self, read: usize) {
        self.end += read;
        let paid = self.debt.min(read as u64);
        self.debt -= paid;
        self.start += paid as usize;
        self.offset += paid;
        if paid > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
    }
}
