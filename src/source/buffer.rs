//! The window on an input that the file readers parse in.

use std::io::{self, Read};

use super::{Next, SourceError};

/// Why no more bytes are at hand.
pub(super) enum Pause {
    /// They did not arrive yet.
    Idle,
    /// There are none, and nothing is cut off.
    End,
    /// The input cannot be read on.
    Failed(SourceError),
}

impl Pause {
    /// What a source says of it.
    #[cold]
    pub(super) fn into_next<'a>(self) -> Result<Next<'a>, SourceError> {
        match self {
            Pause::Idle => Ok(Next::Idle),
            Pause::End => Ok(Next::End),
            Pause::Failed(error) => Err(error),
        }
    }
}

impl From<io::Error> for Pause {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Pause::Idle,
            // What a decompressor says is a source's error already.
            _ => Pause::Failed(error.downcast().unwrap_or_else(SourceError::Io)),
        }
    }
}

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
    /// Why no more could be read, while looking ahead.
    failed: Option<SourceError>,
}

impl<R: Read> Buffer<R> {
    /// The size of one read. Measured: larger ones gain nothing and leave the second-level cache.
    const SIZE: usize = 256 * 1024;

    pub(super) fn new(reader: R) -> Self {
        Self { reader, bytes: vec![0; Self::SIZE], start: 0, end: 0, offset: 0, debt: 0, closed: false, failed: None }
    }

    /// The bytes at hand.
    #[inline]
    pub(super) fn data(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Gives the reader back, and what was read of it and not consumed.
    pub(super) fn into_parts(self) -> (R, Vec<u8>) {
        let Self { reader, mut bytes, start, end, .. } = self;
        bytes.truncate(end);
        bytes.drain(..start);
        (reader, bytes)
    }

    /// From now on the input ends with what was read already.
    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    /// Where [`Buffer::data`] starts in the input.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Moves the window on, also beyond what was read so far.
    #[inline]
    pub(super) fn consume(&mut self, count: u64) {
        let present = (self.end - self.start) as u64;
        if count > present {
            self.consume_in_advance(count, present);
            return;
        }
        self.start += count as usize;
        self.offset += count;
    }

    /// Takes more than there is: the rest is dropped when it arrives.
    #[cold]
    fn consume_in_advance(&mut self, count: u64, present: u64) {
        self.start = self.end;
        self.offset += present;
        self.debt += count - present;
    }

    /// Reads until `count` bytes are at hand, which is as much as the record at the start of the window needs.
    ///
    /// Nothing is lost by [`Pause::Idle`], and the call can be repeated.
    #[inline]
    pub(super) fn fill(&mut self, count: usize) -> Result<(), Pause> {
        if self.end - self.start >= count { Ok(()) } else { self.refill(count) }
    }

    /// Has `count` bytes at hand, if they come without a pause. An error waits until what is at hand was taken.
    pub(super) fn look_ahead(&mut self, count: usize) {
        match self.fill(count) {
            Err(Pause::Failed(SourceError::Truncated { .. }) | Pause::Idle | Pause::End) | Ok(()) => {}
            Err(Pause::Failed(error)) => self.failed = Some(error),
        }
    }

    #[cold]
    fn refill(&mut self, count: usize) -> Result<(), Pause> {
        if let Some(error) = self.failed.take() {
            return Err(Pause::Failed(error));
        }
        // Not at every call: where it is asked for a little more each time, most of what is there would be moved each time.
        if self.start > self.bytes.len() / 2 || self.bytes.len() - self.start < count {
            self.compact();
        }
        if self.bytes.len() < count {
            self.bytes.resize(count, 0);
        }
        while self.end - self.start < count && !self.closed {
            match self.reader.read(&mut self.bytes[self.end..]) {
                Ok(0) => return Err(self.exhausted(count)),
                Ok(read) => self.arrived(read),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        // Whether a record cut by closing would have been completed nobody knows.
        if self.end - self.start < count { Err(Pause::End) } else { Ok(()) }
    }

    /// Makes the window at least this large, for a search that looks far ahead.
    #[cold]
    pub(super) fn widen(&mut self, size: usize) {
        if self.bytes.len() < size {
            self.bytes.resize(size, 0);
        }
    }

    fn compact(&mut self) {
        self.bytes.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
    }

    /// The input is over: fine between two records only.
    fn exhausted(&self, count: usize) -> Pause {
        let (needed, present) = match self.debt {
            0 => (count as u64, (self.end - self.start) as u64),
            debt => (debt, 0),
        };
        if present == 0 && self.debt == 0 {
            return Pause::End;
        }
        Pause::Failed(SourceError::Truncated { offset: self.offset, needed, present })
    }

    /// Takes `read` new bytes in, less what was consumed in advance.
    fn arrived(&mut self, read: usize) {
        self.end += read;
        let paid = self.debt.min(read as u64);
        self.debt -= paid;
        self.start += paid as usize;
        self.offset += paid;
        if paid > 0 {
            self.compact();
        }
    }
}
