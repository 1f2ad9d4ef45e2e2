//! Reading on behind damage: where the chain of blocks is broken, the next place where blocks follow each other.

#[cfg(test)]
mod tests;

use std::io::Read;

use super::{PcapNg, kind};
use crate::source::buffer::Pause;
use crate::source::{Next, SourceError};

/// The place where the chain of blocks is broken.
pub(super) struct Lost {
    error: SourceError,
    /// Where the next block would be by the length of the broken one; 0 once that was tried.
    hint: usize,
}

impl<R: Read> PcapNg<R> {
    /// A block that is longer is not looked for behind damage: packets are shorter, and the search stays bounded.
    const MAX_SOUGHT: usize = 512 * 1024;
    /// Two such blocks: the search moves the window once for many steps.
    const SEARCH_WINDOW: usize = 2 * Self::MAX_SOUGHT;

    /// Remembers that blocks cannot be told any more from this one on, and where the next may be.
    #[cold]
    pub(super) fn lose(&mut self, error: SourceError, hint: usize) -> Pause {
        self.lost = Some(Lost { error, hint });
        self.buffer.widen(Self::SEARCH_WINDOW);
        Pause::Idle
    }

    /// Goes on to the end of the damage, and says what it was once the end is found.
    #[cold]
    pub(super) fn recover<'a>(&mut self) -> Result<Next<'a>, SourceError> {
        let found = self.search();
        if let Err(Pause::Idle) = found {
            return Ok(Next::Idle);
        }
        let Some(Lost { error, .. }) = self.lost.take() else { return Ok(Next::Idle) };
        match found {
            Ok(()) => Ok(Next::Damaged(error)),
            Err(Pause::Failed(failed @ SourceError::Io(_))) => Err(failed),
            Err(_) => Err(error),
        }
    }

    /// Goes to the next place where two blocks follow each other, or one and the end of the input.
    fn search(&mut self) -> Result<(), Pause> {
        if let Some(Lost { hint, .. }) = self.lost
            && hint > 0
        {
            // Only the length at the end of the block may be damaged, or its fields.
            let is_next = hint <= Self::MAX_SOUGHT && self.is_block(hint)?;
            if let Some(lost) = &mut self.lost {
                lost.hint = 0;
            }
            self.buffer.consume(if is_next { hint as u64 } else { 1 });
            if is_next {
                return Ok(());
            }
        }
        while !self.is_block(0)? {
            self.buffer.consume(1);
        }
        Ok(())
    }

    /// Whether a whole block starts at `at`, and behind it another one or the end of the input.
    fn is_block(&mut self, at: usize) -> Result<bool, Pause> {
        if !self.has(at + Self::HEADER)? {
            // The end of the input, right behind what was damaged.
            return if at > 0 {
                Ok(self.buffer.data().len() == at)
            } else {
                self.buffer.fill(Self::HEADER).map(|()| false)
            };
        }
        let Some((length, big_endian)) = self.plausible(at, self.big_endian) else { return Ok(false) };
        let end = at + length;
        let goes_on = self.has(end + Self::HEADER)?;
        let data = self.buffer.data();
        let ends_alike = data.get(at + 4..at + 8) == data.get(end - 4..end) && data.len() >= end;
        Ok(ends_alike && if goes_on { self.plausible(end, big_endian).is_some() } else { data.len() == end })
    }

    /// Whether so many bytes are there; not, if the input ends before.
    fn has(&mut self, count: usize) -> Result<bool, Pause> {
        match self.buffer.fill(count) {
            Ok(()) => Ok(true),
            Err(Pause::Failed(SourceError::Truncated { .. })) => Ok(false),
            Err(pause) => Err(pause),
        }
    }

    /// The length of the block at a place where a header is at hand, if its kind is one that writers use, and the byte order
    /// of what follows.
    fn plausible(&self, at: usize, big_endian: bool) -> Option<(usize, bool)> {
        let number = |at, big_endian| {
            let bytes = self.array_at(at);
            if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
        };
        let (big_endian, least) = match (number(at, big_endian), self.array_at(at + 8)) {
            (kind::SECTION, [0x4d, 0x3c, 0x2b, 0x1a]) => (false, 28),
            (kind::SECTION, [0x1a, 0x2b, 0x3c, 0x4d]) => (true, 28),
            (kind::PACKET | kind::ENHANCED_PACKET, _) => (big_endian, 32),
            (kind::INTERFACE, _) => (big_endian, 20),
            (kind::SIMPLE_PACKET, _) => (big_endian, 16),
            (kind::NAMES..=kind::STATISTICS | kind::JOURNAL | kind::SECRETS, _) => (big_endian, 12),
            (kind::CUSTOM | kind::CUSTOM_NOT_COPIED, _) => (big_endian, 16),
            _ => return None,
        };
        let length = number(at + 4, big_endian) as usize;
        ((least..=Self::MAX_SOUGHT).contains(&length) && length.is_multiple_of(4)).then_some((length, big_endian))
    }
}
