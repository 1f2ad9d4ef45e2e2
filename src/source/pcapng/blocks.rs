//! Enhanced packet blocks of the common kind: in little-endian order, whole, and without a comment.

use super::{Interface, kind, option, options};
use crate::frame::{LinkType, Timestamp};

/// Bytes of such a block before the packet.
const FIXED: usize = 28;
/// Its length once more, behind options.
const TRAILER: usize = 4;

/// Reads these blocks one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Blocks<'a> {
    /// Those that the section has described so far.
    pub(super) interfaces: &'a [Interface],
}

/// A packet in its block.
#[derive(Debug)]
pub struct Block<'a> {
    pub time: Timestamp,
    pub link: LinkType,
    pub data: &'a [u8],
    pub wire_len: u32,
    /// What comes behind the block.
    pub rest: &'a [u8],
}

impl Blocks<'_> {
    /// The packet of the first block; `None` where that is another one, or has to be looked at closely.
    #[inline(always)]
    pub fn first<'b>(&self, bytes: &'b [u8]) -> Option<Block<'b>> {
        let header: &[u8; FIXED] = bytes.first_chunk()?;
        let word = |at: usize| {
            let bytes = header.get(at..).and_then(<[u8]>::first_chunk);
            u32::from_le_bytes(bytes.copied().unwrap_or_default())
        };
        let (length, captured) = (word(4) as usize, word(20) as usize);
        let (block, rest) = bytes.split_at_checked(length)?;
        let (body, trailer) = block.split_last_chunk::<TRAILER>()?;
        let (data, padded) = body.get(FIXED..)?.split_at_checked(captured)?;
        // Up to three bytes of padding, and perhaps an end of options.
        let plain = padded.len() < 8 || !has_comment(data.len(), padded);
        let sound = length.is_multiple_of(4) && u32::from_le_bytes(*trailer) as usize == length;
        let interface = self.interfaces.get(word(8) as usize)?;
        if word(0) != kind::ENHANCED_PACKET || !sound || !plain {
            return None;
        }
        let ticks = u64::from(word(12)) << 32 | u64::from(word(16));
        Some(Block { time: interface.clock.at(ticks), link: interface.link, data, wire_len: word(24), rest })
    }
}

/// Whether there is a comment among the options in `padded`, behind a packet of `captured` bytes and its padding.
#[inline(never)]
fn has_comment(captured: usize, padded: &[u8]) -> bool {
    let bytes = padded.get(captured.next_multiple_of(4) - captured..).unwrap_or_default();
    options(bytes, false).any(|(code, _)| code == option::COMMENT)
}
