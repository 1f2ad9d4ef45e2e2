//! What an input holds of its frames beside what an analysis needs: enough to write them again as they were.

use std::borrow::Cow;

use super::Source;
use crate::frame::{Frame, LinkType};

/// A frame with what its input says of it.
#[derive(Clone, Debug)]
pub struct Original<'a> {
    /// The frame.
    pub frame: Frame<'a>,
    /// Place of its interface among all that its input described, from 0.
    pub interface: u32,
    /// Its time in the ticks of that interface.
    pub ticks: u64,
    /// Whether its block has no time, so that `ticks` are those of the frame before.
    pub timeless: bool,
    /// Whether `options` has numbers in big-endian order.
    pub big_endian: bool,
    /// The options of its pcapng block, as they stand there, without the mark of their end.
    pub options: Cow<'a, [u8]>,
}

/// What an input says of an interface.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Description {
    /// Which input.
    pub input: u16,
    /// Its place among all that this input described, from 0.
    pub interface: u32,
    /// How frames of it begin.
    pub link: LinkType,
    /// The most bytes captured of a frame; 0 where there is no limit.
    pub snap_len: u32,
    /// Whether `options` has numbers in big-endian order.
    pub big_endian: bool,
    /// The options of its pcapng block, without the mark of their end; of other inputs the same that such a block would have.
    pub options: Vec<u8>,
}

/// What a pcapng file has beside frames and interfaces.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Beside {
    /// Of which input.
    pub input: u16,
    /// Which kind of block.
    pub kind: BesideKind,
    /// Whether the body has numbers in big-endian order.
    pub big_endian: bool,
    /// What the block has between its length and its length again; of a section only the options.
    pub body: Vec<u8>,
}

/// Kinds of blocks that are worth keeping with some of the frames.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BesideKind {
    /// Who wrote the section, on which system, and comments on it.
    Section,
    /// Names of addresses.
    Names,
    /// Keys with which frames can be decrypted.
    Secrets,
    /// Counts of an interface, by its place among all that the input described.
    Statistics(u32),
}

/// A source that can hand over its frames as its input has them.
pub trait Originals: Source {
    /// To be called before the first frame: makes [`Originals::original`] and [`Originals::beside`] give what they can.
    fn keep_originals(&mut self);

    /// The frame that [`Source::next`] handed out last, unless it was asked for anything else since.
    fn original(&self) -> Option<Original<'_>>;

    /// The interface that [`Source::next`] announced last.
    fn description(&self) -> Option<Description>;

    /// What was beside the frames since the last call.
    fn beside(&mut self) -> Vec<Beside>;
}

/// Adds an option of pcapng: code, length, value, and zeros up to a multiple of 4 bytes.
pub(super) fn push_option(options: &mut Vec<u8>, big_endian: bool, (code, value): (u16, &[u8])) {
    let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
    for number in [code, length] {
        options.extend(if big_endian { number.to_be_bytes() } else { number.to_le_bytes() });
    }
    options.extend(value.get(..usize::from(length)).unwrap_or(value));
    options.resize(options.len().next_multiple_of(4), 0);
}

/// Codes of options of interface descriptions (pcapng draft, section 4.2).
pub(super) mod interface_option {
    #[cfg(feature = "live")]
    pub(in super::super) const NAME: u16 = 2;
    pub(in super::super) const TIME_RESOLUTION: u16 = 9;
    #[cfg(feature = "live")]
    pub(in super::super) const FILTER: u16 = 11;
}
